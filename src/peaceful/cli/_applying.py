"""The commands that are executed on a flow: what was typed becomes a request, which is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from peaceful.cli._answer import answer
from peaceful.cli._asking import asked_before
from peaceful.cli._execute import executed
from peaceful.cli._execution import Execution
from peaceful.cli._result import Result
from peaceful.commands import CommandName, RunRequest, SyncCheck
from peaceful.errors import UsageError
from peaceful.model import ItemId

if TYPE_CHECKING:
    from peaceful.cli._invocation import Invocation


def apply(
    invocation: Invocation,
    command: CommandName,
    *,
    yes: bool = False,
    dry_run: bool = False,
    only: tuple[str, ...] = (),
    more_items: tuple[str, ...] = (),
    sync: str = "none",
) -> Result:
    """Runs a command, and answers how it ended.

    Args:
        invocation: the run of the command line.
        command: which one.
        yes: whether nobody is to be asked, even if the profile is protected.
        dry_run: whether only to say what would be done.
        only: items, as they were typed after `--only`.
        more_items: words that belong to no option, which may be items too.
        sync: which stored states must still be what is there.

    Raises:
        UsageError: there are words that belong to no option, or no item is named; or somebody is
            to be asked, and nobody answers yes.
    """
    request, execution = run(
        invocation,
        command,
        yes=yes,
        dry_run=dry_run,
        only=items_typed(only, more_items),
        sync=SyncCheck(sync),
    )
    return answer(execution, invocation, request)


def run(
    invocation: Invocation,
    command: CommandName,
    *,
    yes: bool = False,
    dry_run: bool = False,
    only: tuple[ItemId, ...] = (),
    sync: SyncCheck = SyncCheck.NONE,
) -> tuple[RunRequest, Execution]:
    """Runs a command on the chosen flow and profile; see `apply`."""
    contexts = invocation.contexts()
    request = RunRequest(
        command=command,
        profile=contexts.profile(invocation.options.profile),
        flow=contexts.flow_id(invocation.options.flow),
        dry_run=dry_run,
        only=only,
        sync=sync,
    )
    if not yes and contexts.asks_before(request):
        asked_before(invocation, request)
    return request, executed(invocation, contexts, request)


def items_typed(only: tuple[str, ...], more_items: tuple[str, ...]) -> tuple[ItemId, ...]:
    """The items that were typed: `--only a,b`, `--only a --only b`, `--only a b`.

    Raises:
        UsageError: there are words that belong to no option, or no item is named.
    """
    if more_items and not only:
        raise UsageError(
            f"The word {more_items[0]!r} belongs to no option.",
            help=f"to limit the command to items: --only {' '.join(more_items)}",
        )
    named = [name for word in (*only, *more_items) for name in word.split(",") if name]
    if only and not named:
        # As when a script has an empty variable there: "all of them" is not what it means.
        raise UsageError("--only names no item.", help="name one: --only ITEM; or leave it out")
    return tuple(dict.fromkeys(named))
