"""What a command answers, and its formats."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peaceful._cli.terminal.text import Line, Page
    from peaceful._errors.base import PeacefulError
    from peaceful._model.codec import JsonValue
    from peaceful._model.interrupt import InterruptSignal


def json_text(document: Mapping[str, JsonValue]) -> str:
    """One JSON document, and the end of a line."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a character, as in a file's name that is no text: JSON can say it, UTF-8 cannot.
        text = json.dumps(document, indent=2)
    return f"{text}\n"


def yaml_text(document: Mapping[str, JsonValue]) -> str:
    """One YAML document."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        document, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text


@dataclass(frozen=True, slots=True)
class Result:
    """What a command answers.

    Attributes:
        document: for programs; one whole JSON document.
        lines: for people, made for the place where they are shown.
        exit_code: what the process ends with.
        errors: what went wrong; shown to people beside the lines, and in the document already.
        stuck: whether something still runs that cannot be ended, so that the process must be left.
        told: whether the answer was printed before, as by a command that serves until its end.
    """

    document: Mapping[str, JsonValue]
    lines: Callable[[Page], Sequence[Line]]
    exit_code: int = 0
    errors: Sequence[PeacefulError] = ()
    stuck: bool = False
    told: bool = False


def no_lines(_page: Page) -> Sequence[Line]:
    """Nothing for people, because errors say it all."""
    return ()


def document_without_execution(
    *,
    app: str,
    profile: str | None,
    flow: str | None,
    command: str,
    started_at: datetime,
    ended_at: datetime,
    error: PeacefulError | None = None,
    interrupt: InterruptSignal | None = None,
) -> dict[str, JsonValue]:
    """The document of a command that ended before it executed anything.

    Args:
        app: the application's name.
        profile: the profile that was asked for, or none.
        flow: the flow that was asked for, or none.
        command: the command as far as it is known.
        started_at: when it started; UTC.
        ended_at: when it ended; UTC.
        error: what it ended with, or none.
        interrupt: what interrupted it, or none.
    """
    from peaceful._model.codec import to_json
    from peaceful._model.document import OutcomeDocument
    from peaceful._model.outcome import OutcomeKind

    document = OutcomeDocument(
        execution_id=None,
        app=app,
        profile=profile,
        flow=flow,
        command=command,
        outcome=OutcomeKind.EXECUTION_INTERRUPTED if error is None else OutcomeKind.ERROR,
        interrupt=interrupt,
        items={},
        errors={} if error is None else {"": error.to_json()},
        started_at=started_at,
        ended_at=ended_at,
    )
    return to_json(document)
