"""The routes of the pages."""

from __future__ import annotations

from typing import Final

from peaceful._app.web_settings import Role
from peaceful._web.http.route import Route
from peaceful._web.pages.execution_page import ask_interrupt, execution, live
from peaceful._web.pages.flow_pages import ask_clean, environment, flow
from peaceful._web.pages.overview_pages import executions, home, profile
from peaceful._web.pages.site import static

PAGES: Final = (
    Route("GET", "/", "home", "Shows everything at a glance.", home, Role.VIEW),
    Route("GET", "/flows/{flow}", "flow_page", "Shows a flow.", flow, Role.VIEW),
    Route("GET", "/profiles/{profile}", "profile_page", "Shows a profile.", profile, Role.VIEW),
    Route(
        "GET", "/profiles/{profile}/{flow}", "environment_page", "Shows a flow of a profile.",
        environment, Role.VIEW,
    ),
    Route(
        "GET", "/profiles/{profile}/{flow}/clean", "ask_clean", "Asks before it cleans up.",
        ask_clean, Role.RUN,
    ),
    Route("GET", "/executions", "executions_page", "Lists executions.", executions, Role.VIEW),
    Route("GET", "/executions/{id}", "execution_page", "Shows an execution.", execution, Role.VIEW),
    Route(
        "GET", "/executions/{id}/live", "live_page", "Sends what changes on the page.",
        live, Role.VIEW,
    ),
    Route(
        "GET", "/executions/{id}/interrupt", "ask_interrupt", "Asks before a higher level.",
        ask_interrupt, Role.INTERRUPT,
    ),
    Route("GET", "/static/{name}", "static", "Styles, scripts and icons.", static, None),
)  # fmt: skip
"""Every page but the one about the API, and the files that pages are made with."""
