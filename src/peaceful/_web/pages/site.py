"""What all pages share: links, assets, the frame."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, cached_property
from importlib.resources import files
from typing import Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._errors.requests import PageUnknown
from peaceful._executions.records import ExecutionRecord
from peaceful._model.execution import ExecutionState
from peaceful._present.numbers import date_and_time, duration, time_of_day
from peaceful._present.summary import counts_in_words
from peaceful._web.context import ServerContext
from peaceful._web.http.route import Role
from peaceful._web.pages.rows import segments, shown_id


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of a server's pages.

    Attributes:
        root: the path that the application is mounted at, without a slash at its end.
    """

    root: str = ""

    @classmethod
    def of(cls, request: Request) -> Links:
        """The addresses as whoever sent a request sees them."""
        root: str = request.scope.get("root_path", "")
        return cls(quote(root.rstrip("/")))

    def to(self, *parts: str, **query: str) -> str:
        """The address of a page.

        Args:
            parts: the parts of its path.
            query: what follows; empty values are left out.
        """
        path = "/".join(quote(part, safe="") for part in parts)
        asked = {name.rstrip("_"): value for name, value in query.items() if value}
        return f"{self.root}/{path}{f'?{urlencode(asked)}' if asked else ''}"

    def execution(self, execution_id: str, *more: str, **query: str) -> str:
        """The address of an execution's page."""
        return self.to("executions", execution_id, *more, **query)

    def environment(self, profile: str, flow: str, *more: str, **query: str) -> str:
        """The address of the page of a flow in a profile."""
        return self.to("profiles", profile, flow, *more, **query)

    def flow(self, flow: str) -> str:
        """The address of a flow's page."""
        return self.to("flows", flow)


_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_FILES: Final = {
    "peaceful.css": ("peaceful.css",),
    "peaceful.js": ("peaceful.js",),
    # In one, because htmx may begin before an extension is there that comes after it.
    "htmx.js": ("htmx.js", "hx-sse.js"),
}
_A_YEAR: Final = 365 * 24 * 60 * 60
_FOR_EVER: Final = f"public, max-age={_A_YEAR}, immutable"

_IDLE: Final = "idle"
_COLOURS: Final = {
    _IDLE: "#2f6f5e",
    ExecutionState.RUNNING.value: "#2563a8",
    ExecutionState.INTERRUPTING.value: "#b06a00",
    ExecutionState.COMPLETE.value: "#2f6f5e",
    ExecutionState.INTERRUPTED.value: "#b06a00",
    ExecutionState.FAILED.value: "#b3261e",
    ExecutionState.LOST.value: "#b3261e",
}
_SIGNS: Final = {
    _IDLE: '<rect x="6" y="6" width="8" height="8" rx="2"/>',
    ExecutionState.RUNNING.value: '<path class="f" d="M8 6l6 4l-6 4z"/>',
    ExecutionState.INTERRUPTING.value: '<path d="M8 6.5v7M12 6.5v7"/>',
    ExecutionState.COMPLETE.value: '<path d="M6 10.5l3 3l5-6"/>',
    ExecutionState.INTERRUPTED.value: '<rect x="6.5" y="6.5" width="7" height="7" rx="1"/>',
    ExecutionState.FAILED.value: '<path d="M7 7l6 6M13 7l-6 6"/>',
    ExecutionState.LOST.value: '<path d="M10 5.5v5.5M10 13.8v.4"/>',
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages are made with.

    Attributes:
        name: with the beginning of its checksum, so that what is at an address never changes.
        media_type: of which kind it is.
        data: what it holds.
        packed: the same, compressed.
    """

    name: str
    media_type: str
    data: bytes
    packed: bytes


class Assets:
    """All files that pages are made with, read once."""

    @cached_property
    def _by_short(self) -> dict[str, Asset]:
        folder = files("peaceful._web.pages") / "static"
        found = {
            name: b"\n".join((folder / each).read_bytes() for each in sources)
            for name, sources in _FILES.items()
        }
        found |= {f"icon-{state}.svg": _icon(state) for state in _COLOURS}
        return {name: _asset(name, data) for name, data in found.items()}

    @cached_property
    def _by_name(self) -> dict[str, Asset]:
        return {asset.name: asset for asset in self._by_short.values()}

    def name(self, short: str) -> str:
        """The name of a file with its checksum.

        Args:
            short: its name without it.
        """
        return self._by_short[short].name

    def get(self, name: str) -> Asset | None:
        """A file by its name with its checksum; none where there is none."""
        return self._by_name.get(name)

    def icon(self, state: str) -> str:
        """The name of the icon for a state of an execution, or for none of them."""
        return self.name(f"icon-{state if state in _COLOURS else _IDLE}.svg")


ASSETS: Final = Assets()
"""Those of this package."""


async def static(request: Request, _: ServerContext) -> Response:
    """Answers with a file."""
    asset = ASSETS.get(request.path_params["name"])
    if asset is None:
        raise PageUnknown(request.url.path)
    headers = {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        headers["Content-Encoding"] = "gzip"
        return Response(asset.packed, headers=headers, media_type=asset.media_type)
    return Response(asset.data, headers=headers, media_type=asset.media_type)


def _asset(name: str, data: bytes) -> Asset:
    checksum = base64.urlsafe_b64encode(hashlib.sha256(data).digest())[:10].decode()
    stem, _, suffix = name.rpartition(".")
    packed = gzip.compress(data, mtime=0)
    return Asset(f"{stem}.{checksum}.{suffix}", _TYPES[suffix], data, packed)


def _icon(state: str) -> bytes:
    sign, colour = _SIGNS[state], _COLOURS[state]
    filled = "rect" in sign or 'class="f"' in sign
    paint = 'fill="#fff"' if filled else 'fill="none" stroke="#fff" stroke-width="2"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">'
        f'<circle cx="10" cy="10" r="10" fill="{colour}"/>'
        f'<g {paint} stroke-linecap="round" stroke-linejoin="round">{sign}</g></svg>'
    ).encode()


@dataclass(frozen=True, slots=True)
class Site:
    """What every page knows.

    Attributes:
        app: the application's name.
        links: the addresses of pages.
        roles: what whoever looks at it may do, as words.
    """

    app: str
    links: Links
    roles: str = ""

    @classmethod
    def of(cls, request: Request, server: ServerContext) -> Site:
        """As whoever sent a request sees it."""
        roles: Iterable[Role] = getattr(request.state, "roles", ())
        words = " ".join(sorted(role.value for role in roles))
        return cls(server.contexts.app.name, Links.of(request), words)

    def asset(self, short: str) -> str:
        """The address of a file that pages are made with."""
        return self.links.to("static", ASSETS.name(short))

    def icon(self, state: str) -> str:
        """The address of the icon for a state."""
        return self.links.to("static", ASSETS.icon(state))


def page(name: str, site: Site, status: int = 200, /, **values: object) -> Response:
    """A page.

    Args:
        name: of its template.
        site: what every page knows.
        status: of the answer.
        values: what its template asks for.
    """
    return HTMLResponse(_template(name).render(site=site, **values), status)


def piece(name: str, macro: str, /, *values: object) -> Markup:
    """A piece of a page.

    Args:
        name: of the template.
        macro: the name of the piece in it.
        values: what it asks for.
    """
    found = getattr(_module(name), macro)
    return Markup(found(*values))  # noqa: S704 - a template made it, which escapes what it is given


def by_script(request: Request) -> bool:
    """Whether a page's script asks, which wants a piece of a page."""
    return request.headers.get("hx-request") == "true"


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("peaceful._web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(_FILTERS)
    return environment


@cache
def _template(name: str) -> Template:
    return _environment().get_template(name)


@cache
def _module(name: str) -> object:
    return _template(name).module


def _moment(at: datetime) -> str:
    return date_and_time(at, _zone())


def _time_of_day(at: datetime) -> str:
    return time_of_day(at, _zone())


@cache
def _zone() -> tzinfo:
    """The zone of the server's machine; a page's script shows times in that of its reader."""
    zone = datetime.now(UTC).astimezone().tzinfo
    assert zone is not None
    return zone


def _in_numbers(record: ExecutionRecord) -> str:
    """How an execution ended, in numbers: `3 done, 1 failed in 4.2 s`."""
    told = "" if record.summary is None else counts_in_words(record.summary.counts)
    if record.info.ended_at is None or record.summary is None:
        return told
    took = duration((record.info.ended_at - record.info.started_at).total_seconds())
    return f"{told} in {took}" if told else f"in {took}"


_FILTERS: Final[Mapping[str, Callable[..., object]]] = {
    "duration": duration,
    "in_numbers": _in_numbers,
    "moment": _moment,
    "segments": segments,
    "shown_id": shown_id,
    "time_of_day": _time_of_day,
}
"""What templates may ask of values."""
