"""Printing the answer of a command."""

from __future__ import annotations

from collections.abc import Sequence

from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import Format
from peaceful._cli.program.result import Result, document_text
from peaceful._cli.terminal.text import Line, coloured, plain
from peaceful._cli.terminal.writer import Writer
from peaceful._disclosure import masked
from peaceful._errors.base import PeacefulError


def print_answer(invocation: Invocation, result: Result) -> int:
    """Print the answer, once; return the exit code, another one than the answer's if that fails."""
    invocation.signals.may_print()
    try:
        if invocation.options.debug and result.errors:
            import traceback

            for error in result.errors:
                invocation.stderr.write(masked("".join(traceback.format_exception(error))))
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
