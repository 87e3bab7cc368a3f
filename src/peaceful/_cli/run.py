"""The command line of an application, from its words to its exit code."""

from __future__ import annotations

import atexit
import functools
import gc
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NoReturn

import click

from peaceful._cli.commands.table import command_line
from peaceful._cli.program.completion import complete_words
from peaceful._cli.program.group import Answered
from peaceful._cli.program.invocation import Invocation, typed
from peaceful._cli.program.options import Format
from peaceful._cli.program.result import (
    Result,
    document_without_execution,
    json_text,
    no_lines,
    yaml_text,
)
from peaceful._cli.program.signals import ProcessSignals, Signalled
from peaceful._cli.terminal.text import Line, coloured, line, plain
from peaceful._cli.terminal.writer import Writer
from peaceful._errors.base import PeacefulError, Unexpected
from peaceful._errors.usage import UsageError

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._model.codec import JsonValue
    from peaceful._model.interrupt import InterruptSignal


def run(app: App, arguments: Sequence[str] | None = None) -> NoReturn:
    """Runs an application's command line, and ends the process with its exit code.

    Args:
        app: the application.
        arguments: the words after the program's name; by default those that the process was
            started with.

    Raises:
        SystemExit: always, with the exit code.
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
        code = _printed(invocation, result)
        if result.stuck:
            # Somewhere a thread or a task goes on that was abandoned: nobody waits for it.
            signals.at_once()
            os._exit(code)
    _leave_quickly()
    sys.exit(code)


@functools.cache
def _leave_quickly() -> None:
    """Spares the process a last search for garbage at its exit.

    In all that was loaded, it takes Python longer than everything else from the outcome to the end.
    """
    atexit.register(gc.freeze)


def _result(invocation: Invocation) -> Result:
    """What the command answers, whatever goes wrong."""
    try:
        return _answer(invocation)
    except PeacefulError as error:
        return _failed(invocation, error)
    except Exception as error:  # noqa: BLE001  the outermost floor: whatever it is, a person is told
        return _failed(invocation, Unexpected(error))


def _answer(invocation: Invocation) -> Result:
    group = command_line(invocation)
    try:
        with group.make_context(typed(invocation.program), list(invocation.words)) as context:
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
    path = typed([*invocation.program, *named]) if context is None else context.command_path
    details = [("usage", context.get_usage().removeprefix("Usage: "))] if context else []
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        message = f"There is no option {error.option_name!r}."
        if error.possibilities:
            details.insert(0, ("did you mean", ", ".join(sorted(error.possibilities))))
    return UsageError(message, details=tuple(details), help=f"{path} --help tells more")


def _failed(invocation: Invocation, error: PeacefulError) -> Result:
    return Result(_document(invocation, error=error), no_lines, error.exit_code, (error,))


def _signalled(invocation: Invocation, signalled: Signalled) -> Result:
    from peaceful._model.interrupt import InterruptLevel, InterruptSignal

    signal = InterruptSignal(InterruptLevel.STOP, signalled.source, datetime.now(UTC))
    return Result(
        _document(invocation, interrupt=signal),
        lambda _: [line(f"{typed(invocation.program)} was interrupted; nothing was started.")],
        signalled.source.exit_code,
    )


def _document(
    invocation: Invocation,
    *,
    error: PeacefulError | None = None,
    interrupt: InterruptSignal | None = None,
) -> dict[str, JsonValue]:
    return document_without_execution(
        app=invocation.app.name,
        profile=invocation.profile or invocation.options.profile,
        flow=invocation.flow or invocation.options.flow,
        command=invocation.command,
        started_at=invocation.started_at,
        ended_at=datetime.now(UTC),
        error=error,
        interrupt=interrupt,
    )


# ---- printing


def _printed(invocation: Invocation, result: Result) -> int:
    """Prints what the command answers.

    Returns:
        The exit code; another one than the answer's where it could not be printed.
    """
    try:
        if invocation.options.debug:
            _print_tracebacks(invocation, result.errors)
        if invocation.options.format in {Format.TEXT, Format.NONE}:
            _print_errors(invocation, result.errors)
        if result.told:
            return result.exit_code
        match invocation.options.format:
            case Format.TEXT:
                _print_outcome(invocation, result)
            case Format.JSON:
                invocation.stdout.write(json_text(result.document))
            case Format.YAML:
                invocation.stdout.write(yaml_text(result.document))
            case Format.NONE:
                pass
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


def _print_tracebacks(invocation: Invocation, errors: Sequence[PeacefulError]) -> None:
    import traceback

    for error in errors:
        invocation.stderr.write("".join(traceback.format_exception(error)))


def _print_outcome(invocation: Invocation, result: Result) -> None:
    stdout = invocation.stdout
    above = invocation.progress_left or bool(result.errors)
    apart = above and stdout.same_place(invocation.stderr)
    _print_lines(invocation, stdout, result.lines(invocation.page(stdout)), apart=apart)


def _print_lines(
    invocation: Invocation, writer: Writer, lines: Sequence[Line], *, apart: bool
) -> None:
    """Prints lines; apart from what is above them by an empty one."""
    show = coloured if invocation.colors(writer) else plain
    if lines:
        blank = "\n" if apart else ""
        writer.write(blank + "".join(f"{show(each)}\n" for each in lines))
