"""The files that pages are made with: styles, scripts, icons; known by what they hold."""

from __future__ import annotations

import base64
import gzip
import hashlib
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from peaceful.errors import PageUnknown
from peaceful.model import ExecutionState
from peaceful.web._context import ServerContext

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
        folder = files("peaceful.web._pages") / "static"
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
