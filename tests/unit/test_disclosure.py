"""What texts may show once they leave the process."""

from __future__ import annotations

import base64
import html
import json
import logging
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import quote, quote_plus

import msgspec
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from markupsafe import Markup

from peaceful import _disclosure
from peaceful._disclosure import (
    HIDDEN,
    LONGEST_KEPT,
    hide_in_record,
    kept,
    know_names,
    know_secrets,
    masked,
    masked_beginning,
    masked_data,
)
from peaceful._errors.running import ItemCrashed, ItemFailure
from peaceful._model.codec import encode_json, encode_masked
from peaceful._model.document import execution_ending
from peaceful._model.execution import ExecutionInfo, StartedBy
from peaceful._model.outcome import FieldChange, ItemResult, ItemStatus, OutcomeKind, Timings
from peaceful._web.pages.site import _templates

MARK = "s3cr3t"
"""Begins secrets, so that a part of one is found too."""

SECRETS = st.text(st.characters(exclude_characters="*<>")).map(lambda text: MARK + text)


@given(st.lists(SECRETS, min_size=1), st.text(), st.text())
def test_no_known_secret_is_in_a_text(secrets: list[str], before: str, after: str) -> None:
    """Of several, one may be a part of another; the text around them stays."""
    know_secrets(secrets)
    assume(MARK not in before + after)
    for secret in secrets:
        assert MARK not in masked(f"{before}{secret}{after}")
        assert masked(f"<{secret}>") == f"<{HIDDEN}>"


WRITINGS: dict[str, Callable[[str], str]] = {
    "Python": repr,
    "JSON": json.dumps,
    "JSON in UTF-8": lambda text: json.dumps(text, ensure_ascii=False),
    "HTML": html.escape,
    "shell": shlex.quote,
    "path of a URL": quote,
    "part of a URL": lambda text: quote(text, safe=""),
    "form": quote_plus,
}


@pytest.mark.parametrize("writing", WRITINGS)
@given(secret=st.text(st.characters(exclude_categories=["Cs"]), min_size=8))
def test_secrets_as_programs_write_them(writing: str, secret: str) -> None:
    """Escaping and quoting do not reveal them."""
    assume(_disclosure._can_be_hidden(secret))
    know_secrets([secret])
    written = WRITINGS[writing](secret)
    shown = masked(f"<{written}>")
    assert HIDDEN in shown
    assert len(shown) <= len(HIDDEN) + 4


@given(st.binary(), st.text(st.characters(codec="ascii"), min_size=12), st.binary())
def test_secrets_in_base64(before: bytes, secret: str, after: bytes) -> None:
    """Also as a part, as in `Authorization: Basic`, where it depends on what comes before."""
    assume(_disclosure._can_be_hidden(secret))
    know_secrets([secret])
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        assert HIDDEN in masked(encode(before + secret.encode() + after).decode())


def test_the_lines_of_a_secret() -> None:
    """Each is hidden by itself, as where a program's last lines are shown."""
    know_secrets(["-----BEGIN KEY-----\nMIIEpAIBAAK\nshort\n"])
    assert masked("it said MIIEpAIBAAK") == f"it said {HIDDEN}"
    assert masked("too short") == "too short"


@pytest.mark.parametrize("secret", ["", "abc", "  a  ", "12345", "true", "None", "done", "*****"])
def test_what_cannot_be_hidden(secret: str) -> None:
    """What is too short or too common stays: it is in many texts by chance."""
    know_secrets([secret])
    assert masked(f"it is {secret}") == f"it is {secret}"


def test_names_stay() -> None:
    """Commands and links with a hidden name of a profile, flow or item would not work."""
    know_secrets(["postgres", "hunter2"])
    know_names(["postgres"])
    assert masked("postgres has hunter2") == f"postgres has {HIDDEN}"


def test_nothing_is_done_without_secrets() -> None:
    """Where none is known or in it, the text is the same object."""
    text, data = "a text", {"a": ["text"]}
    assert masked(text) is text
    assert masked_data(data) is data
    know_secrets(["hunter2"])
    assert masked(text) is text


def test_only_so_many_are_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """A server may read new ones for ever: the oldest are forgotten."""
    monkeypatch.setattr(_disclosure, "_MOST_SECRETS", 2)
    for number in range(3):
        know_secrets([f"{MARK}{number}"])
    assert masked(f"{MARK}0 {MARK}1 {MARK}2") == f"{MARK}0 {HIDDEN} {HIDDEN}"


@given(st.text(), st.integers(0, 100))
def test_a_beginning(text: str, length: int) -> None:
    """It is that of the whole text; a secret at its end is not cut into one that shows."""
    know_secrets([f"{MARK}-1"])
    text = f"{text}{MARK}-1{text}"
    assert masked_beginning(text, length) == masked(text)[:length]


def test_data() -> None:
    """Texts are hidden, however deep; keys, numbers and the original stay."""
    know_secrets(["hunter2"])
    data = {"hunter2": ["hunter2", 7, None, {"a": ("x hunter2",)}]}
    hidden = {"hunter2": [HIDDEN, 7, None, {"a": [f"x {HIDDEN}"]}]}
    assert masked_data(data) == hidden
    assert json.loads(encode_masked(data)) == hidden
    assert data["hunter2"][0] == "hunter2"


def test_log_records() -> None:
    """A filter hides them in a record, and in the traceback of its exception."""
    know_secrets(["hunter2"])
    try:
        raise ValueError("it is hunter2")
    except ValueError as error:
        info = (type(error), error, error.__traceback__)
    record = logging.LogRecord("n", logging.INFO, "f", 1, "%s: %s", ("a", "hunter2"), info)
    assert hide_in_record(record)
    text = logging.Formatter().format(record)
    assert text.startswith(f"a: {HIDDEN}\n")
    assert text.endswith(f"ValueError: it is {HIDDEN}")


def test_errors() -> None:
    """Neither the text of an error nor its form in documents holds one."""
    know_secrets(["hunter2"])
    error = ItemFailure("no hunter2", details=(("why", "hunter2"),), help="not hunter2")
    assert "hunter2" not in str(error)
    assert "hunter2" not in repr(error)
    assert "hunter2" not in repr(error.to_json())


@given(st.text(), st.integers(0, 3 * LONGEST_KEPT))
def test_what_is_kept_of_a_message(text: str, times: int) -> None:
    """At most so much, with a note of how much was left out; what is short stays whole."""
    long = text * times
    shown = kept(long)
    assert len(shown) <= LONGEST_KEPT
    assert kept(shown) == shown
    if len(long) <= LONGEST_KEPT:
        assert shown == long
    else:
        head, _, tail = shown.partition(" characters left out) … ")
        number = int(head.rpartition("(")[2].replace(",", ""))
        head = head.rpartition(" … (")[0]
        assert len(head) + number + len(tail) == len(long)
        assert long.startswith(head)
        assert long.endswith(tail)


def test_a_message_in_a_document() -> None:
    """What an item says and raises is bounded where it is kept; its state is data, and whole."""
    text = "x" * 1_000_000
    crash = ItemCrashed("a", "apply", ValueError(f"{text}\n{text}"))
    now = datetime(2026, 1, 31, tzinfo=UTC)
    ending = execution_ending(
        ExecutionInfo("id", "app", "p", "f", "ensure", StartedBy("u", "h", 1, "python"), now),
        ["a"],
        {"a": ItemResult(ItemStatus.FAILED, text, text, crash.message, crash)},
        OutcomeKind.ITEM_ERROR,
        interrupt=None,
        timings=Timings(now, now),
    )
    document = ending.document
    assert document.items["a"].state == text
    kept_in_all = encode_json(msgspec.structs.replace(document, items={}))
    assert len(kept_in_all) < 3 * LONGEST_KEPT
    assert len(document.items["a"].message) <= LONGEST_KEPT


def test_changes_in_a_document() -> None:
    """Of very many or very long ones, only some are kept, and how many are not is said."""
    know_secrets(["hunter2<"])
    long = FieldChange("long", None, ["x" * 1_000_000], "1 hunter2< entry")
    many = [FieldChange(f"f{n}", n, "hunter2<" if n else "y" * 50_000) for n in range(10_000)]
    now = datetime(2026, 1, 31, tzinfo=UTC)
    ending = execution_ending(
        ExecutionInfo("id", "app", "p", "f", "ensure", StartedBy("u", "h", 1, "python"), now),
        [],
        {"a": ItemResult(ItemStatus.DONE, changes=(long, *many))},
        OutcomeKind.COMPLETE,
        interrupt=None,
        timings=Timings(now, now),
    )
    item = ending.document.items["a"]
    assert isinstance(item.changes, tuple)
    assert len(item.changes) == 99
    assert [item.changes[1].field, item.changes[1].after] == ["f1", HIDDEN]
    assert len(str(item.changes[0].after)) <= LONGEST_KEPT
    assert item.changes_left_out == 10_001 - 99
    assert len(encode_json(item)) < 50_000


def test_pages() -> None:
    """Values are hidden where a template shows them; markup is made of such values."""
    know_secrets(["hunter2<"])
    shown = (
        _templates().from_string("{{ a }} {{ b }} {{ 7 }}").render(a="hunter2<", b=Markup("<b>"))
    )
    assert shown == f"{HIDDEN} <b> 7"
