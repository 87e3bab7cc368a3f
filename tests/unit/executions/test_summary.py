"""An outcome in few words."""

from __future__ import annotations

from peaceful.executions import summary_of


def test_unknown_words() -> None:
    """A document that says nothing known is summed up as such."""
    summary = summary_of({"outcome": "a word of a later version", "items": None})
    assert summary.outcome is None
    assert summary.counts == {}
