"""Who may use the server."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._app.web_settings import Role, WebToken
from peaceful._errors.requests import HostRefused, OriginRefused, TokenRefused
from peaceful._web.http.route import Access, cookie_value

AT_PORT = Access(hosts=("127.0.0.1:8000", "localhost:8000"))
ANY_PORT = Access()


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost:8000", "LOCALHOST:8000"])
def test_its_own_names_are_known(host: str) -> None:
    """In whatever case."""
    AT_PORT.check_host(host)
    ANY_PORT.check_host(host)


@pytest.mark.parametrize(
    "host",
    ["", "evil.example", "127.0.0.1", "127.0.0.1:8001", "localhost:8000.evil.example",
     "localhost.evil.example:8000", "evil.example:8000", "localhost:8000:8000", "127.0.0.1:8000 "],
)  # fmt: skip
def test_other_hosts_are_refused(host: str) -> None:
    """That is how a page elsewhere would reach this machine."""
    with pytest.raises(HostRefused):
        AT_PORT.check_host(host)


@given(st.text())
def test_no_other_host_is_known(host: str) -> None:
    """Whatever it looks like."""
    if host.lower().partition(":")[0] in {"127.0.0.1", "localhost"} or host.startswith("[::1]"):
        return
    with pytest.raises(HostRefused):
        ANY_PORT.check_host(host)


OWN = "http://127.0.0.1:8000"


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "origin", ["null", "http://evil.example", "http://127.0.0.1:8001", "https://127.0.0.1:8000", ""]
)
def test_other_origins_are_refused(method: str, origin: str) -> None:
    """Also where they only read."""
    with pytest.raises(OriginRefused):
        AT_PORT.check_origin(method, own=OWN, origin=origin, fetch_site=None, api=True)


@pytest.mark.parametrize(
    ("method", "site", "api"),
    [("POST", "cross-site", False), ("POST", "same-site", False), ("GET", "cross-site", True),
     ("GET", "same-site", True)],
)  # fmt: skip
def test_what_browsers_say_of_pages_elsewhere_is_heeded(method: str, site: str, api: bool) -> None:
    """Where there is no Origin. Another port of the same machine is elsewhere, too."""
    with pytest.raises(OriginRefused):
        AT_PORT.check_origin(method, own=OWN, origin=None, fetch_site=site, api=api)


@pytest.mark.parametrize(
    ("method", "origin", "site", "api"),
    [
        ("POST", OWN, "same-origin", True),
        ("POST", None, None, True),
        ("GET", None, "none", False),
        ("GET", None, "cross-site", False),
    ],
)
def test_its_own_pages_programs_and_links_may_ask(
    method: str, origin: str | None, site: str | None, api: bool
) -> None:
    """A link on another page leads to a page, and changes nothing."""
    AT_PORT.check_origin(method, own=OWN, origin=origin, fetch_site=site, api=api)


def test_a_token_has_its_roles() -> None:
    """It has a name, too; and so has the cookie that was made from it, which is not the token."""
    look = WebToken("look", frozenset({Role.VIEW}), "ada")
    access = Access(tokens=(WebToken("all"), look))
    for token in access.tokens:
        caller = access.caller_by_token(token.text)
        assert (caller.roles, caller.name) == (token.roles, token.name)
        assert access.caller_by_cookie(cookie_value(token.text)) == caller
        assert token.text not in cookie_value(token.text)


@given(st.text())
def test_no_other_token_is_good(token: str) -> None:
    """Nor is a token good as a cookie, or the other way round."""
    access = Access(tokens=(WebToken("the token"),))
    for other in (token, f"the token{token}x", cookie_value("the token")):
        with pytest.raises(TokenRefused):
            access.caller_by_token(other)
    for other in (token, "the token"):
        with pytest.raises(TokenRefused):
            access.caller_by_cookie(other)
