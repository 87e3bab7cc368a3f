"""Errors as users raise, catch and show them."""

from typing import assert_type

from peaceful._errors.json import ErrorJson
from peaceful.errors import ExtraMissing, ItemFailure, PeacefulError


class QuotaReached(ItemFailure):
    """An error of a user's own item."""

    code = "QUOTA-REACHED"


class Full(ItemFailure, code="FULL", exit_code=9):
    """Another one, whose codes are given with its name."""


class Fuller(ItemFailure, code=9):  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType, reportGeneralTypeIssues]
    """Not a code."""


def errors_are_raised_with_help(used: int) -> None:
    raise QuotaReached("The quota is used up.", details=(("used", str(used)),), help="ask for more")


def details_are_pairs_of_text(used: int) -> None:
    # mypy, pyright: the second of the pair is not text.
    raise QuotaReached("Used up.", details=(("used", used),))  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def errors_are_shown(error: PeacefulError) -> ErrorJson:
    assert_type(error.message, str)
    assert_type(error.details, tuple[tuple[str, str], ...])
    assert_type(error.exit_code, int)
    return assert_type(error.to_json(), ErrorJson)


def fields_of_errors_are_known(error: ExtraMissing) -> None:
    assert_type(error.extra, str)
    error.feature  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType]
