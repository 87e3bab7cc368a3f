"""How pages are made: templates, and what every page knows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from functools import cache
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful.executions import ExecutionRecord
from peaceful.present import (
    counts_in_words,
    date_and_time,
    duration,
    time_of_day,
)
from peaceful.web._context import ServerContext
from peaceful.web._http._access import Role
from peaceful.web._pages._assets import ASSETS
from peaceful.web._pages._links import Links
from peaceful.web._pages._rows import shown_id
from peaceful.web._pages._segments import segments


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
        loader=PackageLoader("peaceful.web._pages"),
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
