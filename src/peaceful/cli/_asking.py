"""Asking a person before something is done that others would miss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from peaceful.cli._question import ask, can_ask
from peaceful.errors import UsageError
from peaceful.model import ItemId

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


def asked_before_clean(invocation: Invocation, only: Sequence[ItemId]) -> None:
    """Asks whether a profile is really to be cleaned up, if it is protected.

    The profile's name is to be typed: whoever types it knows which one it is.

    Args:
        invocation: the run of the command line.
        only: the items, or none for all.

    Raises:
        UsageError: another answer was given; or nobody can be asked.
    """
    contexts = invocation.contexts()
    profile = contexts.profile(invocation.options.profile)
    if not contexts.asks_before_clean(profile):
        return
    command = invocation.line("clean", *(word for item in only for word in ("--only", item)))
    if not can_ask():
        raise UsageError(
            f"The profile {profile} is protected, and nobody can be asked whether it is really to "
            "be cleaned up.",
            help=f"if it is: {command} --yes",
        )
    what = "everything" if not only else ", ".join(only)
    question = f"This removes {what} of the profile {profile}. Type its name to go on"
    if ask(question).strip() != profile:
        raise UsageError(
            f"The profile {profile} is not cleaned up: its name was not typed.",
            help=f"to clean it up without being asked: {command} --yes",
        )
