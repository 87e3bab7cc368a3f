"""How an execution stands, made from its events as JSON."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from stories import stories

from peaceful.executions import JsonObject
from peaceful.model import Event, event_json
from peaceful.runtime import Picture
from peaceful.web._live._picture import LivePicture


@given(stories(), st.integers(0, 30))
def test_it_is_that_of_the_runtime(events: list[Event], cut: int) -> None:
    """Event by event; also where its beginning is a snapshot."""
    picture, whole, from_snapshot = Picture(), LivePicture(), LivePicture()
    for number, event in enumerate(events):
        if number == cut:
            from_snapshot.add({"event": "snapshot", "snapshot": picture.to_json()})
        picture.add(event)
        whole.add(event_json(event))
        if number >= cut:
            from_snapshot.add(event_json(event))
    expected = _plain(picture.to_json())
    assert _plain(whole.now) == expected
    if cut < len(events):
        assert _plain(from_snapshot.now) == expected


def _plain(picture: JsonObject) -> Any:
    plain = json.loads(json.dumps(picture, default=dict))
    if plain["ending"] is not None:
        # The runtime leaves what it knows of the execution as it was before its end.
        for key in ("state", "ended_at", "can_interrupt"):
            plain["execution"].pop(key)
    return plain
