"""What all pages share: links, assets, templates."""

from __future__ import annotations

import base64
import gzip
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache, partial
from http import HTTPStatus
from importlib.resources import files
from typing import Final, NamedTuple
from urllib.parse import quote, urlencode

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._disclosure import masked
from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import PageUnknown, TokenRefused
from peaceful._errors.running import ProfileBusy
from peaceful._executions.records import ExecutionRecord
from peaceful._model.execution import ExecutionState
from peaceful._present.numbers import date_and_time, duration, time_of_day
from peaceful._present.summary import counts_in_words, interrupted_how, level_label
from peaceful._present.text import short_id
from peaceful._web.context import ServerContext
from peaceful._web.http.bodies import Refusal, error_headers, root_path
from peaceful._web.http.route import Caller
from peaceful._web.pages.rows import segments
from peaceful._web.pages.view import Verbs

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
_ICONS: Final[Mapping[str, tuple[str, str]]] = {
    _IDLE: ("#2f6f5e", '<rect x="6" y="6" width="8" height="8" rx="2"/>'),
    ExecutionState.RUNNING: ("#2563a8", '<path class="f" d="M8 6l6 4l-6 4z"/>'),
    ExecutionState.INTERRUPTING: ("#b06a00", '<path d="M8 6.5v7M12 6.5v7"/>'),
    ExecutionState.COMPLETE: ("#2f6f5e", '<path d="M6 10.5l3 3l5-6"/>'),
    ExecutionState.INTERRUPTED: (
        "#b06a00",
        '<rect x="6.5" y="6.5" width="7" height="7" rx="1"/>',
    ),
    ExecutionState.FAILED: ("#b3261e", '<path d="M7 7l6 6M13 7l-6 6"/>'),
    ExecutionState.LOST: ("#b3261e", '<path d="M10 5.5v5.5M10 13.8v.4"/>'),
}
"""By state of an execution, the colour and the sign of an icon."""


class Asset(NamedTuple):
    """A file that pages are made with, as it is and compressed by gzip.

    Its name holds the beginning of its checksum, so that what is at an address never changes.
    """

    name: str
    media_type: str
    data: bytes
    packed: bytes


@cache
def assets() -> Mapping[str, Asset]:
    """Return the files that pages are made with, by their names without checksums."""
    folder = files("peaceful._web.pages") / "static"
    contents = {
        name: b"\n".join((folder / each).read_bytes() for each in sources)
        for name, sources in _FILES.items()
    }
    contents |= {f"icon-{state}.svg": _icon(*each) for state, each in _ICONS.items()}
    found: dict[str, Asset] = {}
    for short, data in contents.items():
        checksum = base64.urlsafe_b64encode(hashlib.sha256(data).digest())[:10].decode()
        stem, _, suffix = short.rpartition(".")
        packed = gzip.compress(data, mtime=0)
        found[short] = Asset(f"{stem}.{checksum}.{suffix}", _TYPES[suffix], data, packed)
    return found


async def static(request: Request, _: ServerContext) -> Response:
    """Return a file that pages are made with."""
    name = request.path_params["name"]
    asset = next((each for each in assets().values() if each.name == name), None)
    if asset is None:
        raise PageUnknown(request.url.path)
    data, headers = asset.data, {"Cache-Control": _FOR_EVER, "Vary": "Accept-Encoding"}
    if "gzip" in request.headers.get("accept-encoding", ""):
        data, headers["Content-Encoding"] = asset.packed, "gzip"
    return Response(data, headers=headers, media_type=asset.media_type)


def _icon(colour: str, sign: str) -> bytes:
    filled = "rect" in sign or 'class="f"' in sign
    paint = 'fill="#fff"' if filled else 'fill="none" stroke="#fff" stroke-width="2"'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 20 20">'
        f'<circle cx="10" cy="10" r="10" fill="{colour}"/>'
        f'<g {paint} stroke-linecap="round" stroke-linejoin="round">{sign}</g></svg>'
    ).encode()


class Site(msgspec.Struct, frozen=True):
    """What every page shows: names and addresses, and the roles of who looks at it.

    `root` is the path that the server is mounted at.
    """

    app: str
    root: str = ""
    roles: str = ""
    verbs: Verbs = Verbs()

    @classmethod
    def of(cls, request: Request, server: ServerContext) -> Site:
        """Return the site as the sender of a request sees it."""
        words = " ".join(sorted(role.value for role in Caller.of(request).roles))
        app = server.contexts.app
        return cls(app.name, quote(root_path(request).rstrip("/")), words, Verbs(app.ensure_name))

    def to(self, *parts: str, **query: str) -> str:
        """Return the address of a page by the parts of its path; empty queries are left out."""
        path = "/".join(quote(part, safe="") for part in parts)
        given = {name: value for name, value in query.items() if value}
        return f"{self.root}/{path}{f'?{urlencode(given)}' if given else ''}"

    def execution(self, execution_id: str, *more: str, **query: str) -> str:
        """Return the address of an execution's page."""
        return self.to("executions", execution_id, *more, **query)

    def environment(self, profile: str, flow: str, *more: str, **query: str) -> str:
        """Return the address of the page of a flow in a profile, or of the profile."""
        return self.to("profiles", profile, *([flow] if flow else []), *more, **query)

    def asset(self, short: str) -> str:
        """Return the address of a file that pages are made with, such as `peaceful.css`."""
        return self.to("static", assets()[short].name)

    def icon(self, state: str) -> str:
        """Return the address of the icon for a state of an execution, or for `idle`."""
        return self.asset(f"icon-{state if state in _ICONS else _IDLE}.svg")


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


def problem_page(request: Request, server: ServerContext, refusal: Refusal) -> Response:
    """Return the page about an error; for a page's script, a piece of it."""
    error, status = refusal.error, refusal.status
    if by_script(request):
        shown = piece("parts.html", "problem", error.code, error.message, error.help, error.details)
        response: Response = HTMLResponse(f'<div id="problem" role="alert">{shown}</div>', status)
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "outerHTML"
    else:
        response = page(
            "problem.html",
            msgspec.structs.replace(Site.of(request, server), roles=""),
            status.value,
            title=_title(error, status),
            code=error.code,
            message=error.message,
            help=error.help,
            details=error.details,
            sign_in=isinstance(error, TokenRefused),
            busy=error.execution_id if isinstance(error, ProfileBusy) else "",
        )
    response.headers.update(error_headers(error))
    return response


def _title(error: PeacefulError, status: HTTPStatus) -> str:
    if isinstance(error, TokenRefused):
        return "Who are you?"
    if isinstance(error, ProfileBusy):
        return f"{error.profile} is busy"
    return status.phrase


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
    # The server's; a page's script shows times in the zone of its reader.
    zone = datetime.now(UTC).astimezone().tzinfo
    assert zone is not None
    filters: dict[str, Callable[..., object]] = {
        "commands": _with_commands,
        "duration": duration,
        "in_numbers": _in_numbers,
        "interrupted_how": interrupted_how,
        "level_label": level_label,
        "moment": partial(date_and_time, zone=zone),
        "segments": segments,
        "short_id": short_id,
        "time_of_day": partial(time_of_day, zone=zone),
    }
    templates.filters.update(filters)
    return templates


def _shown(value: object) -> object:
    """Hide known secrets in a value that a page shows; markup was made of such values."""
    return masked(value) if type(value) is str else value


def _with_commands(text: str) -> Markup:
    """Return a text whose commands in backquotes are shown as such."""
    parts = masked(text).split("`")
    if not len(parts) % 2:
        return escape("`".join(parts))
    code = Markup("<code>{}</code>")
    return Markup().join(code.format(part) if at % 2 else part for at, part in enumerate(parts))


def _in_numbers(record: ExecutionRecord) -> str:
    """Return the ending of an execution in numbers: `3 done, 1 failed in 4.2 s`."""
    counts = "" if record.summary is None else counts_in_words(record.summary.counts)
    if record.info.ended_at is None or record.summary is None:
        return counts
    took = duration((record.info.ended_at - record.info.started_at).total_seconds())
    return f"{counts} in {took}" if counts else f"in {took}"
