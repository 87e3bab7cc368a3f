"""Documents of endings, for tests that care for little of what is in them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from peaceful import ItemStatus
from peaceful._errors.json import ErrorJson
from peaceful._model.document import ItemAside, ItemDocument, KeptDocument
from peaceful.commands import OutcomeKind
from peaceful.interrupt import InterruptSignal

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def ending_document(
    outcome: OutcomeKind = OutcomeKind.COMPLETE,
    statuses: Mapping[str, ItemStatus] | None = None,
    *,
    items: Mapping[str, ItemDocument] | None = None,
    errors: Mapping[str, ErrorJson] | None = None,
    told: Mapping[str, ItemAside] | None = None,
    command: str = "ensure",
    interrupt: InterruptSignal | None = None,
    ended_at: datetime = START,
) -> KeptDocument:
    """The document of an ending; of items, with a status each, or whole."""
    by_status = {item: ItemDocument(status) for item, status in (statuses or {}).items()}
    return KeptDocument(
        execution_id="e1",
        app="shop",
        profile="test",
        flow="deploy",
        command=command,
        outcome=outcome,
        interrupt=interrupt,
        items=items or by_status,
        errors=errors or {},
        started_at=START,
        ended_at=ended_at,
        told=told or {},
    )
