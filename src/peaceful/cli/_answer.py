"""What a command answers that was run: its document for programs, what was done for people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from peaceful.cli._execution import Execution, exit_code_of
from peaceful.cli._outcome_text import Told, outcome_lines
from peaceful.cli._result import Result
from peaceful.model import (
    ItemDocument,
    ItemId,
    ItemStatus,
    JsonValue,
    OutcomeDocument,
    to_json,
)
from peaceful.present import summarised

if TYPE_CHECKING:
    from peaceful.app import App
    from peaceful.cli._invocation import Invocation
    from peaceful.commands import RunRequest


def answer(
    execution: Execution,
    invocation: Invocation,
    request: RunRequest,
    more: Mapping[str, JsonValue] | None = None,
) -> Result:
    """What a command answers that was run.

    Args:
        execution: how it ended.
        invocation: the run of the command line.
        request: what was run.
        more: further entries of the document, or none.
    """
    told = _told(execution, invocation, request)
    return Result(
        document={**to_json(execution.document.plain()), **(more or {})},
        lines=lambda page: outcome_lines(told, page),
        exit_code=exit_code_of(execution.ending),
        errors=execution.errors,
        stuck=execution.stuck,
    )


def words_of(request: RunRequest, app: App) -> list[str]:
    """The words that ask for the same again; the first is the command, as the application has it.

    Args:
        request: what was asked for.
        app: the application.
    """
    words = [app.ensure_name if request.command == "ensure" else request.command]
    if request.dry_run:
        words.append("--dry-run")
    for item in request.only:
        words += ["--only", item]
    return [*words, "--sync", request.sync] if request.sync != "none" else words


def _told(execution: Execution, invocation: Invocation, request: RunRequest) -> Told:
    document = execution.document
    items = _items(document, request)
    summary = summarised(
        document.outcome,
        {item: each.status for item, each in items.items()},
        seconds=(document.ended_at - document.started_at).total_seconds(),
        interrupt=document.interrupt,
    )
    messages = (
        [(item, each.status, each.message) for item, each in items.items()]
        if request.dry_run
        else []
    )
    return Told(
        title=execution.title,
        summary=summary,
        carry_on=invocation.line(*words_of(request, invocation.app)),
        what_is_left=invocation.line("diff") if request.command == "ensure" else "",
        messages=messages,
    )


def _items(document: OutcomeDocument, request: RunRequest) -> Mapping[ItemId, ItemDocument]:
    """The items that the command was about."""
    return {
        item: each
        for item, each in document.items.items()
        if not request.only or item in request.only or each.status is not ItemStatus.NOT_STARTED
    }
