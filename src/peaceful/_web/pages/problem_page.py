"""The page that says why a request failed."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import TokenRefused
from peaceful._errors.running import ProfileBusy
from peaceful._web.http.bodies import error_headers, error_status
from peaceful._web.pages.site import PageLinks, Site, by_script, page, piece


def problem_page(
    request: Request, error: PeacefulError, app: str, status: HTTPStatus | None = None
) -> Response:
    """Return the page about an error; for a page's script, a piece of it."""
    status = status or error_status(error)
    if by_script(request):
        shown = piece("parts.html", "problem", error.code, error.message, error.help, error.details)
        response: Response = HTMLResponse(f'<div id="problem" role="alert">{shown}</div>', status)
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "outerHTML"
    else:
        response = page(
            "problem.html",
            Site(app, PageLinks.of(request)),
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
