"""The words for how an item stands, at every door."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
import pytest

from peaceful._cli.progress.ending import STATUS_STYLES
from peaceful._model.document import ItemDocument
from peaceful._model.outcome import ItemStatus
from peaceful._present.summary import LiveWord, status_symbol, status_word
from peaceful._web.diagrams.drawing import STATUSES
from peaceful._web.http.documents import ItemWord
from peaceful._web.pages.rows import DisplayStatus

LIVE = {"pending", "queued", "looking", "running", "asking", "finishing"}
"""How an item stands that has not ended; each face has some of these."""


def in_documents() -> Collection[str]:
    """The words that the schema of documents admits."""
    _, components = msgspec.json.schema_components([ItemDocument])
    words: list[str] = components["ItemStatus"]["enum"]
    return words


@pytest.mark.parametrize(
    "known", [[*ItemWord], [*DisplayStatus], [*STATUSES], [*STATUS_STYLES], in_documents()]
)
def test_every_ending_has_its_word(known: Collection[str]) -> None:
    """The same in each face, and none has one of its own."""
    assert len(known) == len({*known})
    assert {*known} - LIVE == {*ItemStatus}


def test_words_are_told_apart() -> None:
    """No two endings have one word or symbol; no ending has the word of what has not ended."""
    words = [status_word(status) for status in ItemStatus]
    assert len({*words}) == len(ItemStatus)
    assert {*words}.isdisjoint({*LiveWord} | LIVE)
    for ascii_only in (False, True):
        symbols = [status_symbol(status, ascii_only=ascii_only) for status in ItemStatus]
        assert len({*symbols}) == len(ItemStatus)


def test_pages_and_diagrams_paint_the_same() -> None:
    """Each status that a page has, a diagram has, and no other."""
    assert {*STATUSES} == {*DisplayStatus}
