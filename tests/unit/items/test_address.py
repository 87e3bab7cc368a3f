"""Addresses: what is sent, what is shown, what is neither."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful.items._download._address import parsed
from peaceful.items._secrets import is_secret_name

_TEXT = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=12)


@pytest.mark.parametrize(
    ("text", "url", "shown", "host"),
    [
        ("https://example.com", "https://example.com/", "https://example.com/", "example.com"),
        (
            "HTTP://Example.COM:80/a#b",
            "http://example.com/a",
            "http://example.com/a",
            "example.com",
        ),
        (
            " https://example.com:8443/a?b=1 ",
            "https://example.com:8443/a?b=1",
            "https://example.com:8443/a?b=1",
            "example.com:8443",
        ),
        ("http://[::1]:8080/", "http://[::1]:8080/", "http://[::1]:8080/", "[::1]:8080"),
        (
            "https://files.example/a?v=2&X-Amz-Date=1&X-Amz-Signature=2&author=me&flag",
            "https://files.example/a?v=2&X-Amz-Date=1&X-Amz-Signature=2&author=me&flag",
            "https://files.example/a?v=2&X-Amz-Date=...&X-Amz-Signature=...&author=me&flag",
            "files.example",
        ),
        (
            "https://a.blob.example/c/f?sv=2022&se=2030&sig=abc%3D",
            "https://a.blob.example/c/f?sv=2022&se=2030&sig=abc%3D",
            "https://a.blob.example/c/f?sv=...&se=...&sig=...",
            "a.blob.example",
        ),
        (
            "http://h/f?se=1&expires=2",
            "http://h/f?se=1&expires=2",
            "http://h/f?se=1&expires=2",
            "h",
        ),
    ],
)
def test_an_address_is_cut_into_what_is_sent_and_what_is_shown(
    text: str, url: str, shown: str, host: str
) -> None:
    """Fragments and standard ports are dropped; signatures are hidden with what goes along."""
    address = parsed(text)

    assert (address.url, address.shown, address.host) == (url, shown, host)
    assert address.login is None
    assert address.secret is (url != shown)


@given(user=_TEXT, password=_TEXT, token=_TEXT)
def test_logins_and_tokens_are_never_shown(user: str, password: str, token: str) -> None:
    """Whatever they are, the shown address is the same."""
    address = parsed(f"https://{user}:{password}@files.example/f?token={token}")

    assert address.login == (user, password)
    assert address.shown == "https://files.example/f?token=..."
    assert address.url == f"https://files.example/f?token={token}"
    assert address.secret


@pytest.mark.parametrize(
    ("location", "joined"),
    [
        ("g", "https://files.example/a/g"),
        ("/g", "https://files.example/g"),
        ("//other.example/g", "https://other.example/g"),
        ("http://other.example/g", "http://other.example/g"),
        ("?b=2", "https://files.example/a/f?b=2"),
    ],
)
def test_a_redirect_is_relative_to_where_it_was_said(location: str, joined: str) -> None:
    """As RFC 3986 says."""
    assert parsed("https://files.example/a/f").joined(location).url == joined


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("token", True),
        ("access_token", True),
        ("accessToken", True),
        ("X-API-Key", True),
        ("DB_PASSWORD", True),
        ("AWSAccessKeyId", True),
        ("apikey", True),
        ("sig", True),
        ("PATH", False),
        ("keyword", False),
        ("author", False),
        ("design", False),
        ("version", False),
        ("monkeys", False),
    ],
)
def test_secrets_are_told_by_their_names(name: str, secret: bool) -> None:
    """Words within names count, not letters within words."""
    assert is_secret_name(name) is secret
