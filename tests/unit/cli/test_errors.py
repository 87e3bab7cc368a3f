"""Errors as a person reads them: what happened, the facts, what to do."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._cli.program.errors import SHOWN, errors_lines
from peaceful._cli.terminal.text import coloured, plain
from peaceful._disclosure import LONGEST_KEPT
from peaceful._errors.base import Unexpected
from peaceful._present.text import display_width
from peaceful.errors import (
    ExecutionUnknown,
    ItemFailure,
    NothingRunning,
    PeacefulError,
    ProfileBusy,
    WorkspaceMissing,
)

BUSY = ProfileBusy(
    "internal_dev_a",
    command="deploy",
    started_by="root (pid 4711)",
    since=datetime(2026, 1, 31, 14, 2, 11, tzinfo=UTC),
    execution_id="0193a5c2",
)


def command(*words: str) -> str:
    """The line of a command, as it is shown."""
    return " ".join(["envman", *words])


def shown(error: PeacefulError, width: int = 80) -> list[str]:
    """An error as it is printed."""
    return [plain(each) for each in errors_lines({"": error}, width, command)]


def test_error() -> None:
    """A sentence after the code; facts below each other; at the end what to do."""
    error = ItemFailure(
        "iam_role could not be created: the credentials may not call iam:CreateRole.",
        details=(("credentials", 'profile "dev"\nin ~/.aws/credentials'), ("user", "arn:dev")),
        help="give that user iam:CreateRole on role/internal_dev_a, then: envman deploy",
    )
    assert shown(error) == [
        "Error ITEM-FAILED: iam_role could not be created: the credentials may not call",
        "  iam:CreateRole.",
        '  credentials  profile "dev"',
        "               in ~/.aws/credentials",
        "  user         arn:dev",
        "  what to do   give that user iam:CreateRole on role/internal_dev_a, then:",
        "               envman deploy",
    ]


def test_busy() -> None:
    """Who is refused learns how to watch and how to stop what runs."""
    assert shown(BUSY, 100)[-2:] == [
        "  watch it  envman executions show 0193a5c2",
        "  stop it   envman interrupt 0193a5c2",
    ]


def test_busy_in_a_narrow_place() -> None:
    """What is to be typed is not wrapped, so that it can be copied."""
    assert shown(BUSY, 30)[-2:] == shown(BUSY, 100)[-2:]


def test_busy_without_an_execution() -> None:
    """Where there is no execution to name, the error itself says what to do."""
    told = "wait for it to end, as --wait does; or interrupt it"
    assert shown(ProfileBusy("p"))[-1] == f"  what to do  {told}"


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (NothingRunning(), "see what ran, and how it ended: envman executions list"),
        (ExecutionUnknown("f"), "take an ID from: envman executions list"),
        (WorkspaceMissing("no"), "set it up: envman init; or say where it is: --workspace DIR"),
    ],
)
def test_what_to_type(error: PeacefulError, line: str) -> None:
    """Where a command of the program helps, it is there as it is to be typed."""
    assert shown(error)[-1] == f"  what to do  {line}"


def test_long() -> None:
    """Each line of a long sentence is as full as it can be."""
    lines = shown(ItemFailure("very long " * 20), 40)
    assert lines[0] == "Error ITEM-FAILED: very long very long"
    assert set(lines[1:-1]) == {"  very long very long very long very"} | {
        "  long very long very long very long"
    }


REST = "envman executions show 5f3a91bc"


def told_of(errors: Mapping[str, PeacefulError]) -> list[str]:
    """Errors of items as they are printed."""
    return [plain(each) for each in errors_lines(errors, 80, command, REST)]


def test_errors_of_many_items() -> None:
    """Of many different errors the first ones are shown, each with its item; and where all are."""
    errors = {f"i{number}": ItemFailure("no" * number) for number in range(1, SHOWN + 3)}
    lines = told_of(errors)
    assert lines[:4] == ["Error ITEM-FAILED: no", "  item  i1", "", "Error ITEM-FAILED: nono"]
    assert lines[-2:] == ["", f"And 2 more errors. All of them: {REST}"]
    assert told_of({}) == []


def test_equal_errors_are_told_once() -> None:
    """Items that failed alike share one error, which names them; of very many, the first."""
    errors = {f"item_{number}": ItemFailure("no", help="wait") for number in range(60)}
    few = dict([*errors.items()][:3])
    assert told_of(few) == [
        "Error ITEM-FAILED: no",
        "  items       item_0, item_1 and item_2",
        "  what to do  wait",
    ]
    names = ", ".join(f"item_{number}" for number in range(10))
    lines = told_of(errors)
    assert " ".join(lines[1:3]).split() == f"items {names} and 50 more".split()
    assert lines[-1] == f"All of them: {REST}"


def test_errors_that_differ_in_the_name_of_their_item() -> None:
    """An error that names its own item is the same as that of another which does so, too."""
    errors = {
        item: ItemFailure(f"{item} has no host.", details=(("at", f"/x/{item}"),)) for item in "abc"
    }
    assert told_of(errors) == [
        "Error ITEM-FAILED: a has no host.",
        "  the same  b and c",
        "  at        /x/a",
    ]
    assert told_of({"a": errors["a"]}) == ["Error ITEM-FAILED: a has no host.", "  at  /x/a"]
    other = {**errors, "d": ItemFailure("a has no host.", details=(("at", "/x/a"),))}
    assert told_of(other)[-3:] == ["Error ITEM-FAILED: a has no host.", "  item  d", "  at    /x/a"]


def test_the_error_of_a_whole_command() -> None:
    """It is no item's."""
    assert told_of({"": ItemFailure("no")}) == ["Error ITEM-FAILED: no"]


def test_colour() -> None:
    """The code is red."""
    assert coloured(errors_lines({"": ItemFailure("no")}, 80, command)[0]) == (
        "\x1b[31mError ITEM-FAILED\x1b[0m: no"
    )


def test_unforeseen() -> None:
    """What nobody foresaw has a code, and keeps its cause for `--debug`."""
    cause = ZeroDivisionError()
    error = Unexpected(cause)
    assert (error.code, error.exit_code, error.__cause__) == ("INTERNAL", 1, cause)
    assert shown(error)[0].startswith("Error INTERNAL: Something went wrong")
    assert "--debug" in shown(error)[-1] + shown(error)[-2]


@given(st.text(), st.lists(st.tuples(st.text(max_size=20), st.text())), st.integers(24, 120))
def test_harmless(message: str, details: list[tuple[str, str]], width: int) -> None:
    """Whatever an error says, it fits, and cannot harm the terminal."""
    error = ItemFailure(message, details=tuple(details), help=message)
    for each in shown(error, width):
        assert display_width(each) <= max(width, 24)
        assert each.isprintable() or "\N{REPLACEMENT CHARACTER}" in each or "\u200d" in each


@given(st.text(min_size=1), st.integers(20, 200))
def test_errors_of_any_size(text: str, width: int) -> None:
    """However long its texts are, and of however many lines, an error takes no more room."""
    long = text * 5000
    error = PeacefulError(long, details=(("said", f"{long}\n" * 3), ("lines", "x\n" * 100_000)))
    lines = errors_lines({"": error}, width, command)
    assert sum(len(plain(line)) for line in lines) < 20 * LONGEST_KEPT
    assert len(error.to_json().message) <= LONGEST_KEPT
