"""The answer of a command, and its formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from peaceful._cli.program.options import Format
from peaceful._cli.terminal.text import line
from peaceful._disclosure import masked_data

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._cli.terminal.text import Line, Page
    from peaceful._errors.base import PeacefulError
    from peaceful._model.codec import JsonValue
    from peaceful._model.interrupt import InterruptSignal


def document_text(document: Mapping[str, JsonValue], form: Format) -> str:
    """Return a document as JSON or YAML, without known secrets; empty for the other formats."""
    document = masked_data(document)
    if form is Format.JSON:
        import json

        text = json.dumps(document, indent=2, ensure_ascii=False)
        try:
            text.encode()
        except UnicodeEncodeError:
            # Half of a character, as in a file name that is no text: JSON can say it, UTF-8 cannot.
            text = json.dumps(document, indent=2)
        return f"{text}\n"
    if form is Format.YAML:
        import yaml

        dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
        dumped: str = yaml.dump(
            document, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
        )
        return dumped
    return ""


@dataclass(frozen=True, slots=True)
class Result:
    """The answer of a command: a document for programs, and lines for people."""

    document: Mapping[str, JsonValue]
    lines: Callable[[Page], Sequence[Line]]
    exit_code: int = 0
    errors: Sequence[PeacefulError] = ()
    """Shown to people beside the lines; the document has them already."""
    stuck: bool = False
    """True if something still runs that cannot be ended, so that the process must be left."""
    printed: bool = False
    """True if the answer was printed already, as by a server."""


def text_answer(document: Mapping[str, JsonValue], text: str) -> Result:
    """Return an answer whose lines are those of a text."""
    return Result(document, lambda _: [line(each) for each in text.split("\n")])


def no_lines(_page: Page) -> Sequence[Line]:
    """Return nothing for people, because errors say it all."""
    return ()


def document_without_execution(
    invocation: Invocation,
    error: PeacefulError | None = None,
    interrupt: InterruptSignal | None = None,
) -> dict[str, JsonValue]:
    """Return the document of a command that ended before it executed anything."""
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
        outcome=OutcomeKind.EXECUTION_INTERRUPTED if error is None else OutcomeKind.ERROR,
        interrupt=interrupt,
        items={},
        errors={} if error is None else {"": error.to_json()},
        started_at=invocation.started_at,
        ended_at=datetime.now(UTC),
    )
    return to_json(document)
