"""The words for how an item stands, at every door."""

from __future__ import annotations

from collections.abc import Collection

import pytest

from peaceful._model.outcome import ItemStatus
from peaceful._web.diagrams.drawing import STATUSES
from peaceful._web.http.documents import ItemWord
from peaceful._web.pages.rows import DisplayStatus


@pytest.mark.parametrize("known", [[*ItemWord], [*DisplayStatus], [*STATUSES]])
def test_every_ending_has_its_word(known: Collection[str]) -> None:
    """Also those of dry runs."""
    assert {*ItemStatus} <= {*known}
