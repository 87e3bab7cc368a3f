"""What all pages share: links, assets, templates."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache, cached_property
from importlib.resources import files
from typing import Final
from urllib.parse import quote, urlencode

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._app.web_settings import Role
from peaceful._disclosure import masked
from peaceful._errors.requests import PageUnknown
from peaceful._executions.records import ExecutionRecord
from peaceful._model.execution import ExecutionState
from peaceful._present.numbers import date_and_time, duration, time_of_day
from peaceful._present.summary import counts_in_words, interrupted_how, level_label
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import root_path
from peaceful._web.pages.rows import segments, shown_id

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
_FOR_EVER: Final = f"public, max-age={365 * 24 * 60 * 60}, immutable"

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
class PageLinks:
    """The addresses of a server's pages; `root` is the path that it is mounted at."""

    root: str = ""

    @classmethod
    def of(cls, request: Request) -> PageLinks:
        """Return the addresses as the sender of a request sees them."""
        return cls(quote(root_path(request).rstrip("/")))

    def to(self, *parts: str, **query: str) -> str:
        """Return the address of a page by the parts of its path; empty queries are left out."""
        path = "/".join(quote(part, safe="") for part in parts)
        given = {name: value for name, value in query.items() if value}
        return f"{self.root}/{path}{f'?{urlencode(given)}' if given else ''}"

    def execution(self, execution_id: str, *more: str, **query: str) -> str:
        """Return the address of an execution's page."""
        return self.to("executions", execution_id, *more, **query)

    def environment(self, profile: str, flow: str, *more: str, **query: str) -> str:
        """Return the address of the page of a flow in a profile."""
        return self.to("profiles", profile, flow, *more, **query)

    def flow(self, flow: str) -> str:
        """Return the address of a flow's page."""
        return self.to("flows", flow)


@dataclass(frozen=True, slots=True)
class Asset:
    """A file that pages are made with, as it is and compressed by gzip.

    Its name holds the beginning of its checksum, so that what is at an address never changes.
    """

    name: str
    media_type: str
    data: bytes
    packed: bytes


class Assets:
    """The files that pages are made with, read once."""

    @cached_property
    def _by_short(self) -> dict[str, Asset]:
        folder = files("peaceful._web.pages") / "static"
        contents = {
            name: b"\n".join((folder / each).read_bytes() for each in sources)
            for name, sources in _FILES.items()
        }
        contents |= {f"icon-{state}.svg": _icon(state) for state in _COLOURS}
        return {name: _asset(name, data) for name, data in contents.items()}

    @cached_property
    def _by_name(self) -> dict[str, Asset]:
        return {asset.name: asset for asset in self._by_short.values()}

    def name(self, short: str) -> str:
        """Return the name with checksum of a file such as `peaceful.css`."""
        return self._by_short[short].name

    def get(self, name: str) -> Asset | None:
        """Return a file by its name with checksum, or `None`."""
        return self._by_name.get(name)

    def icon(self, state: str) -> str:
        """Return the name of the icon for a state of an execution, or for `idle`."""
        return self.name(f"icon-{state if state in _COLOURS else _IDLE}.svg")


ASSETS: Final = Assets()


async def static(request: Request, _: ServerContext) -> Response:
    """Return a file that pages are made with."""
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
    """What every page shows: the application's name, links, and the roles of who looks at it."""

    app: str
    links: PageLinks
    roles: str = ""

    @classmethod
    def of(cls, request: Request, server: ServerContext) -> Site:
        """Return the site as the sender of a request sees it."""
        roles: Iterable[Role] = getattr(request.state, "roles", ())
        words = " ".join(sorted(role.value for role in roles))
        return cls(server.contexts.app.name, PageLinks.of(request), words)

    def asset(self, short: str) -> str:
        """Return the address of a file that pages are made with."""
        return self.links.to("static", ASSETS.name(short))

    def icon(self, state: str) -> str:
        """Return the address of the icon for a state."""
        return self.links.to("static", ASSETS.icon(state))


def page(name: str, site: Site, status: int = 200, /, **values: object) -> Response:
    """Return a page, rendered by a template with some values."""
    return HTMLResponse(_templates().get_template(name).render(site=site, **values), status)


def piece(name: str, macro: str, /, *values: object) -> Markup:
    """Return a piece of a page, rendered by a macro of a template."""
    render = getattr(_templates().get_template(name).module, macro)
    return Markup(render(*values))  # noqa: S704 - a template escapes what it is given


def by_script(request: Request) -> bool:
    """Return whether a page's script asks, which wants a piece of a page."""
    return request.headers.get("hx-request") == "true"


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=PackageLoader("peaceful._web.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
        finalize=_shown,
    )
    filters: dict[str, Callable[..., object]] = {
        "duration": duration,
        "in_numbers": _in_numbers,
        "interrupted_how": interrupted_how,
        "level_label": level_label,
        "moment": _moment,
        "segments": segments,
        "shown_id": shown_id,
        "time_of_day": _time_of_day,
    }
    templates.filters.update(filters)
    return templates


def _shown(value: object) -> object:
    """Hide known secrets in a value that a page shows; markup was made of such values."""
    return masked(value) if type(value) is str else value


def _moment(at: datetime) -> str:
    return date_and_time(at, _zone())


def _time_of_day(at: datetime) -> str:
    return time_of_day(at, _zone())


@cache
def _zone() -> tzinfo:
    """Return the server's time zone; a page's script shows times in that of its reader."""
    zone = datetime.now(UTC).astimezone().tzinfo
    assert zone is not None
    return zone


def _in_numbers(record: ExecutionRecord) -> str:
    """Return the ending of an execution in numbers: `3 done, 1 failed in 4.2 s`."""
    counts = "" if record.summary is None else counts_in_words(record.summary.counts)
    if record.info.ended_at is None or record.summary is None:
        return counts
    took = duration((record.info.ended_at - record.info.started_at).total_seconds())
    return f"{counts} in {took}" if counts else f"in {took}"
