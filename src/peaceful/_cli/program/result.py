"""The answer of a command, its formats, and its printing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peaceful._cli.program.options import Format
from peaceful._cli.terminal.text import Line, Page, coloured, line, plain
from peaceful._disclosure import kept, masked, masked_data
from peaceful._errors.base import PeacefulError

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._cli.terminal.writer import Writer
    from peaceful._model.codec import FlowId, ItemId, JsonValue


def left_flows_document(left: Mapping[FlowId, Sequence[ItemId] | None]) -> JsonValue:
    """Return the flows that only stored states are left of, for programs; see `Contexts`."""
    return {flow: None if items is None else list(items) for flow, items in left.items()}


def document_text(document: Mapping[str, JsonValue], form: Format) -> str:
    """Return a document as JSON or YAML, without known secrets; empty for the other formats."""
    document = masked_data(document)
    if form == "json":
        import json

        text = json.dumps(document, indent=2, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            # A lone surrogate, as in a file name that is no text: JSON can say it, UTF-8 cannot.
            text = json.dumps(document, indent=2)
        return f"{text}\n"
    if form == "yaml":
        import yaml

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        dumped: str = yaml.dump(
            _without_surrogates(document),
            Dumper=dumper,
            sort_keys=False,
            allow_unicode=True,
            default_flow_style=False,
        )
        return dumped
    return ""


def _without_surrogates(value: JsonValue) -> JsonValue:
    """Return data with the escapes of lone surrogates in their place: YAML cannot say them."""
    match value:
        case str():
            return value.encode(errors="backslashreplace").decode()
        case Mapping():
            return {
                str(_without_surrogates(key)): _without_surrogates(each)
                for key, each in value.items()
            }
        case Sequence():
            return [_without_surrogates(each) for each in value]
        case _:
            return value


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of a command: a document for programs, and lines for people."""

    document: Mapping[str, JsonValue]
    """Empty if it was printed already, as by a server."""
    lines: Callable[[Page], Sequence[Line]] = lambda _: ()
    exit_code: int = 0
    errors: Mapping[ItemId, PeacefulError] = field(default_factory=dict[str, PeacefulError])
    """Shown to people beside the lines, by item; the document has them already."""
    all_errors: str = ""
    """The command that shows all errors, or empty."""
    stuck: bool = False
    """True if something still runs that cannot be ended, so that the process must be left."""


def text_answer(document: Mapping[str, JsonValue], text: str) -> Result:
    """Return an answer whose lines are those of a text."""
    return Result(document, lambda _: [line(each) for each in text.split("\n")])


def failure(invocation: Invocation, error: PeacefulError) -> Result:
    """Return the answer of a command that ended before it executed anything."""
    from msgspec.structs import replace

    from peaceful._cli.program.errors import advice
    from peaceful._model.codec import to_json
    from peaceful._model.document import OutcomeDocument
    from peaceful._model.outcome import OutcomeKind

    document = OutcomeDocument(
        execution_id=None,
        app=invocation.app.name,
        profile=invocation.profile or invocation.options.profile,
        flow=invocation.flow or invocation.options.flow,
        command=invocation.command,
        dry_run=invocation.signals.dry_run,
        outcome=OutcomeKind.ERROR,
        interrupt=None,
        items={},
        errors={"": replace(error.to_json(), help=kept(advice(error, invocation.line)))},
        started_at=invocation.started_at,
        ended_at=datetime.now(UTC),
    )
    return Result(to_json(document), exit_code=error.exit_code, errors={"": error})


def print_answer(invocation: Invocation, result: Result) -> int:
    """Print the answer, once; return the exit code, another one than the answer's if that fails."""
    invocation.signals.may_print()
    try:
        if invocation.options.debug and result.errors:
            import traceback

            for error in result.errors.values():
                invocation.stderr.write(masked("".join(traceback.format_exception(error))))
        if invocation.options.format in {"text", "none"}:
            _print_errors(invocation, result.errors, result.all_errors)
        if invocation.options.format == "text":
            _print_outcome(invocation, result)
        elif result.document and (
            document := document_text(result.document, invocation.options.format)
        ):
            invocation.stdout.write(document)
    except PeacefulError as error:
        _print_errors(invocation, {"": error})
        return result.exit_code or error.exit_code
    return result.exit_code


def _print_errors(
    invocation: Invocation, errors: Mapping[ItemId, PeacefulError], rest: str = ""
) -> None:
    if errors:
        from peaceful._cli.program.errors import errors_lines

        width = invocation.page(invocation.stderr).width
        lines = errors_lines(errors, width, invocation.line, rest)
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
