"""What a command says of its end, where something cannot be written."""

from __future__ import annotations

from collections import Counter
from typing import Final

from shell import Ended

from crashes.scenarios import document_in

REFUSED: Final = "FILE-INACCESSIBLE"
REFUSED_TO_ITEM: Final = frozenset(
    {"ITEM-SYSTEM", "ITEM-NO-SPACE", "ITEM-READ-ONLY", "ITEM-PERMISSION", "ITEM-TOO-MANY-FILES"}
)
"""These items explain no error of the system."""


def check_ending(ended: Ended) -> None:
    """Assert that one document tells the end, that the events agree, and that an error is clear."""
    document = document_in(ended)
    assert document is not None, f"not one document: {ended.out}"
    assert ended.code in {0, 1}
    errors = document.get("errors", {})
    assert (ended.code == 1) == bool(errors), f"{ended.code}: {errors}"
    for item, error in errors.items():
        assert error["code"] in ({REFUSED, *REFUSED_TO_ITEM} if item else {REFUSED}), error
        assert error["message"].count("\n") == 0
        assert error["help"]
    if "items" in document and document.get("execution_id") is not None:
        _check_events(ended)


def _check_events(ended: Ended) -> None:
    """Assert that the events tell of the items what the document does."""
    document = ended.document
    block = ended.block(document["command"].capitalize())
    told = {each["item"]: each["status"] for each in block.told("item_ended")}
    for item, status in ended.statuses().items():
        assert told.get(item, "not_started") == status, f"{item}: {status}, {told.get(item)}"
    last = ended.events[-1]
    assert last["event"] == "execution_ended"
    assert last["execution_id"] == document["execution_id"]
    assert last["outcome"] == document["outcome"]
    assert last["counts"] == Counter(ended.statuses().values())
