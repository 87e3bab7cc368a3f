"""The command line of an application, from its words to its exit code."""

from __future__ import annotations

import atexit
import functools
import gc
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING, NoReturn

import click

from peaceful._cli.commands.completion import complete_words
from peaceful._cli.commands.table import command_line
from peaceful._cli.program.group import Answered
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.result import Result, failure, print_answer
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.usage import UsageError, nearest
from peaceful._process_signals import ProcessSignals

if TYPE_CHECKING:
    from peaceful._app.app import App


def run(app: App, words: Sequence[str], signals: ProcessSignals) -> NoReturn:
    """Run an application's command line, and end the process with its exit code.

    `words` are those after the program's name; `signals` are handled already.
    """
    with ExitStack() as until_printed:
        invocation = Invocation.of(app, words, signals, until_printed)
        complete_words(invocation)
        result = _result(invocation)
        signals.ending(result.exit_code)
        code = print_answer(invocation, result)
        if result.stuck:
            # Somewhere a thread or a task goes on that was abandoned: nobody waits for it.
            signals.leave(code, at_once=True)
    _leave_quickly()
    signals.leave(code)


@functools.cache
def _leave_quickly() -> None:
    """Spare the process its last garbage collection.

    In all that was loaded, it takes longer than everything else from the outcome to the end.
    """
    atexit.register(gc.freeze)


def _result(invocation: Invocation) -> Result:
    """Return the answer of the command, whatever goes wrong."""
    try:
        return _answer(invocation)
    except BaseException as raised:  # noqa: BLE001  the outermost layer: whatever it is, it is shown
        error = raised if isinstance(raised, PeacefulError) else Unexpected(raised)
        return failure(invocation, error)


def _answer(invocation: Invocation) -> Result:
    group = command_line(invocation)
    try:
        with group.make_context(shlex.join(invocation.program), list(invocation.words)) as context:
            answer = group.invoke(context)
    except Answered as answered:
        return answered.result
    except click.ClickException as error:
        raise _usage_error(error, invocation) from error
    assert isinstance(answer, Result)
    return answer


def _usage_error(error: click.ClickException, invocation: Invocation) -> UsageError:
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = invocation.command
    named = [invocation.app.ensure_name] if command == "ensure" else command.split()
    path = shlex.join([*invocation.program, *named]) if context is None else context.command_path
    details = [("usage", context.get_usage().removeprefix("Usage: "))] if context else []
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        message = f"There is no option {error.option_name!r}."
        params = [] if context is None else context.command.params
        known = [each for param in params for each in (*param.opts, *param.secondary_opts)]
        if near := nearest(error.option_name, [each for each in known if each.startswith("--")]):
            details.insert(0, ("did you mean", ", ".join(near)))
    return UsageError(message, details=tuple(details), help=f"{path} --help tells more")
