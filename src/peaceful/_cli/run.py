"""The command line of an application, from its words to its exit code."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import shlex
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

from peaceful._cli.commands.table import command_line
from peaceful._cli.program.completion import complete_words
from peaceful._cli.program.group import Answered
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import Format
from peaceful._cli.program.result import Result, document_text, document_without_execution, no_lines
from peaceful._cli.program.signals import ProcessSignals, Signalled
from peaceful._cli.terminal.text import Line, coloured, line, plain
from peaceful._cli.terminal.writer import Writer
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.usage import UsageError

if TYPE_CHECKING:
    from peaceful._app.app import App


def run(app: App, arguments: Sequence[str] | None = None) -> NoReturn:
    """Run an application's command line, and end the process with its exit code.

    `arguments` are the words after the program's name; by default, those of the process.
    """
    words = sys.argv[1:] if arguments is None else list(arguments)
    with ProcessSignals() as signals, ExitStack() as until_printed:
        invocation = Invocation.of(app, words, signals, until_printed)
        try:
            complete_words(invocation, lambda: command_line(invocation))
            result = _result(invocation)
            if result.errors and signals.left_by is not None:
                raise Signalled(signals.left_by)  # Something has made an error of it.
            signals.ending(result.exit_code)
        except Signalled as signalled:
            result = _signalled(invocation, signalled)
            signals.ending(result.exit_code)
        code = _print(invocation, result)
        if result.stuck:
            # Somewhere a thread or a task goes on that was abandoned: nobody waits for it.
            signals.at_once()
            os._exit(code)
    _leave_quickly()
    sys.exit(code)


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
    except Exception as raised:  # noqa: BLE001  the outermost layer: whatever it is, it is shown
        error = raised if isinstance(raised, PeacefulError) else Unexpected(raised)
        document = document_without_execution(invocation, error)
        return Result(document, no_lines, error.exit_code, (error,))


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
        if error.possibilities:
            details.insert(0, ("did you mean", ", ".join(sorted(error.possibilities))))
    return UsageError(message, details=tuple(details), help=f"{path} --help tells more")


def _signalled(invocation: Invocation, signalled: Signalled) -> Result:
    from peaceful._model.interrupt import InterruptLevel, InterruptSignal

    signal = InterruptSignal(InterruptLevel.STOP, signalled.source, datetime.now(UTC))
    return Result(
        document_without_execution(invocation, interrupt=signal),
        lambda _: [line(f"{shlex.join(invocation.program)} was interrupted; nothing was started.")],
        signalled.source.exit_code,
    )


# ---- printing


def _print(invocation: Invocation, result: Result) -> int:
    """Print the answer; return the exit code, another one than the answer's if that fails."""
    try:
        if invocation.options.debug and result.errors:
            import traceback

            for error in result.errors:
                invocation.stderr.write("".join(traceback.format_exception(error)))
        if invocation.options.format in {Format.TEXT, Format.NONE}:
            _print_errors(invocation, result.errors)
        if result.printed:
            return result.exit_code
        if invocation.options.format is Format.TEXT:
            _print_outcome(invocation, result)
        elif document := document_text(result.document, invocation.options.format):
            invocation.stdout.write(document)
    except PeacefulError as error:
        _print_errors(invocation, (error,))
        return result.exit_code or error.exit_code
    return result.exit_code


def _print_errors(invocation: Invocation, errors: Sequence[PeacefulError]) -> None:
    if errors:
        from peaceful._cli.program.errors import errors_lines

        width = invocation.page(invocation.stderr).width
        lines = errors_lines(errors, width, program=invocation.line)
        _print_lines(invocation, invocation.stderr, lines, apart=invocation.progress_left)


def _print_outcome(invocation: Invocation, result: Result) -> None:
    stdout = invocation.stdout
    above = invocation.progress_left or bool(result.errors)
    apart = above and stdout.same_place(invocation.stderr)
    _print_lines(invocation, stdout, result.lines(invocation.page(stdout)), apart=apart)


def _print_lines(
    invocation: Invocation, writer: Writer, lines: Sequence[Line], *, apart: bool
) -> None:
    """Print lines; if `apart`, after an empty one."""
    show = coloured if invocation.colors(writer) else plain
    if lines:
        blank = "\n" if apart else ""
        writer.write(blank + "".join(f"{show(each)}\n" for each in lines))
