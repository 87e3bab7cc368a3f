"""What went wrong with a request, for people."""

from __future__ import annotations

from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from peaceful._errors.base import PeacefulError
from peaceful._errors.requests import TokenRefused
from peaceful._errors.running import ProfileBusy
from peaceful._web.http.bodies import headers_of, status_of
from peaceful._web.pages.site import Links, Site, by_script, page, piece


def problem_page(
    request: Request,
    error: PeacefulError,
    app: str,
    status: HTTPStatus | None = None,
) -> Response:
    """The page that says what went wrong; for a page's script, a piece of it.

    Args:
        request: what failed.
        error: why.
        app: the application's name.
        status: the status, where it is not that of the error's kind.
    """
    site = Site(app, Links.of(request))
    status = status or status_of(error)
    details = [(label, text) for label, text in error.details]
    if by_script(request):
        told = piece("parts.html", "problem", error.code, error.message, error.help, details)
        response: Response = HTMLResponse(f'<div id="problem" role="alert">{told}</div>', status)
        response.headers["HX-Retarget"] = "#problem"
        response.headers["HX-Reswap"] = "outerHTML"
    else:
        response = page(
            "problem.html",
            site,
            status.value,
            title=_title(error, status),
            code=error.code,
            message=error.message,
            help=error.help,
            details=details,
            sign_in=isinstance(error, TokenRefused),
            busy=error.execution_id if isinstance(error, ProfileBusy) else "",
        )
    response.headers.update(headers_of(error))
    return response


def _title(error: PeacefulError, status: HTTPStatus) -> str:
    if isinstance(error, TokenRefused):
        return "Who are you?"
    if isinstance(error, ProfileBusy):
        return f"{error.profile} is busy"
    return status.phrase
