"""Asking a person before something is done that others would miss."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peaceful.cli._question import ask, can_ask
from peaceful.errors import UsageError

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation
    from peaceful.commands import RunRequest


def asked_before(invocation: Invocation, request: RunRequest) -> None:
    """Asks whether a protected profile is really to be cleaned up.

    The profile's name is to be typed: whoever types it knows which one it is.

    Args:
        invocation: the run of the command line.
        request: what is to be run.

    Raises:
        UsageError: another answer was given; or nobody can be asked.
    """
    profile, only = request.profile, request.only
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
