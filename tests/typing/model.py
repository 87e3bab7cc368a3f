"""Code of users that type checkers must accept, and mistakes that they must find.

Modules in this folder are never run: mypy and pyright read them. A comment that silences a checker
stands where it must find a mistake, and a checker objects to such a comment where it finds none.
"""

from typing import assert_never, assert_type

from peaceful import ProgressUnit
from peaceful.commands import (
    BlockInterrupted,
    CmdOutcome,
    Complete,
    ExecutionInterrupted,
    ItemError,
    Progress,
)
from peaceful.interrupt import InterruptLevel, InterruptSource


def every_outcome_is_handled(outcome: CmdOutcome[int]) -> int | None:
    match outcome:
        case Complete(value=value):
            return assert_type(value, int)
        case BlockInterrupted(value=value) | ExecutionInterrupted(value=value):
            return assert_type(value, int | None)
        case ItemError(value=value, errors=errors):
            for item, error in errors.items():
                assert_type(item, str)
                assert_type(error.help, str)
            return value
        case _:
            assert_never(outcome)


def a_forgotten_outcome_is_found(outcome: CmdOutcome[int]) -> None:
    match outcome:
        case Complete() | BlockInterrupted() | ItemError():
            pass
        case _:
            # mypy: an outcome is left. pyright: likewise.
            assert_never(outcome)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def levels_are_compared(level: InterruptLevel) -> bool:
    return level >= InterruptLevel.CANCEL


def data_is_frozen(progress: Progress) -> None:
    # mypy: a property without a setter. pyright: an attribute of a frozen data class.
    progress.done = 3  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]


def a_unit_is_not_any_word() -> Progress:
    assert_type(Progress(unit=ProgressUnit.BYTES).fraction, float | None)
    return Progress(unit="bytes")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def a_source_is_read_from_text(text: str) -> InterruptSource:
    return InterruptSource(text)
