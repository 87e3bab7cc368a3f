"""Files with the tokens of a web server."""

from __future__ import annotations

from pathlib import Path

import pytest

from peaceful import Role, WebToken
from peaceful._app.web_settings import web_tokens
from peaceful.errors import FileInaccessible, UsageError

A, B, C = "a" * 20, "b-._~Z9" * 3, "c" * 24


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """An empty file that only its owner may read."""
    path = tmp_path / "tokens"
    path.touch(0o600)
    return path


def test_each_line_has_a_token_after_its_roles(file: Path) -> None:
    """Without roles, it is good for everything; comments and empty lines are none.

    A name before the roles is that of who has the token.
    """
    file.write_text(f"# ours\n\n{A}  # all\nview,run\t{B}\nada@example.org approve {C}\n")
    assert web_tokens(file) == (
        WebToken(A, frozenset(Role)),
        WebToken(B, frozenset({Role.VIEW, Role.RUN})),
        WebToken(C, frozenset({Role.APPROVE}), "ada@example.org"),
    )


@pytest.mark.parametrize(
    "line",
    [
        "short",
        f"<b> view {A}",
        f"ada view run {A}",
        f"admin {A}",
        f"view, {A}",
        f",{A}",
        f"view run {A}",
        f"{A} view",
        A + "+",
        "ä" * 20,
    ],
)
def test_what_is_no_token_is_refused(file: Path, line: str) -> None:
    """With its place, but without its text, which may be a secret."""
    file.write_text(f"{B}\n{line}\n")
    with pytest.raises(UsageError, match="line 2") as caught:
        web_tokens(file)
    assert A not in str(caught.value) + caught.value.help


def test_a_token_is_there_once(file: Path) -> None:
    """Else, which roles it has would depend on their order."""
    file.write_text(f"view {A}\nrun {A}\n")
    with pytest.raises(UsageError, match="line 2"):
        web_tokens(file)


def test_a_file_without_tokens_is_refused(file: Path) -> None:
    """With how to make one; without, nobody could use the server."""
    file.write_text("# later\n")
    with pytest.raises(UsageError, match="no token") as caught:
        web_tokens(file)
    assert "secrets.token_urlsafe" in caught.value.help


@pytest.mark.parametrize("rights", [0o640, 0o604, 0o620, 0o666])
def test_a_file_that_others_may_read_is_refused(file: Path, rights: int) -> None:
    """What they may have read is no secret any more."""
    file.write_text(A)
    file.chmod(rights)
    with pytest.raises(UsageError, match="Others than its owner") as caught:
        web_tokens(file)
    assert "chmod 600" in caught.value.help


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """And one that is no text."""
    with pytest.raises(FileInaccessible, match="nothing"):
        web_tokens(tmp_path / "nothing")
    other = tmp_path / "other"
    other.touch(0o600)
    other.write_bytes(b"\xff")
    with pytest.raises(UsageError, match="not a text"):
        web_tokens(other)


def test_a_token_is_not_shown() -> None:
    """Where somebody prints what holds it."""
    assert A not in repr(WebToken(A))
