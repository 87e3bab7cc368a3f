"""How an execution stands, made from its events as JSON, whichever process they come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from peaceful.executions import JsonObject
from peaceful.model import ExecutionState, JsonValue, OutcomeKind

NOTHING: Final[JsonObject] = {}
"""An object without entries."""


class LivePicture:
    """The present state of every part of an execution: the JSON twin of `peaceful.runtime.Picture`.

    Attributes:
        now: how everything stands, in the form of `Picture.to_json`; not to be changed by readers.
    """

    def __init__(self) -> None:
        self.now: dict[str, JsonValue] = {
            "execution": None,
            "items": [],
            "waits_for": {},
            "block": "",
            "block_items": [],
            "waiting": 0,
            "running": {},
            "since": {},
            "ended": {},
            "interrupt": None,
            "ending": None,
        }
        self._running: dict[str, JsonValue] = {}
        self._since: dict[str, JsonValue] = {}
        self._ended: dict[str, JsonValue] = {}

    def add(self, event: JsonObject) -> None:
        """Takes an event into the picture. What a later version may tell besides is left out."""
        match event.get("event"):
            case "item_progressed":
                if event["item"] in self._running:
                    self._running[str(event["item"])] = event["progress"]
            case "item_started":
                self._running[str(event["item"])] = None
                self._since[str(event["item"])] = event["at"]
                self._add_to_waiting(-1)
            case "item_ended":
                self._running.pop(str(event["item"]), None)
                self._since.pop(str(event["item"]), None)
                self._ended[str(event["item"])] = event
            case _:
                self._add_rare(event)
        self.now |= {"running": self._running, "since": self._since, "ended": self._ended}

    def _add_rare(self, event: JsonObject) -> None:
        match event.get("event"):
            case "execution_started":
                self.now |= {key: event[key] for key in ("execution", "items", "waits_for")}
            case "block_started":
                items = event["items"]
                assert isinstance(items, list)
                self._running, self._since, self._ended = {}, {}, {}
                self.now |= {"block": event["block"], "block_items": items, "waiting": len(items)}
            case "block_ended":
                self.now["block"] = ""
            case "interrupt_requested":
                more = {"state": ExecutionState.INTERRUPTING.value, "interrupt": event["signal"]}
                self.now |= {
                    "interrupt": event,
                    "execution": {**object_of(self.now, "execution"), **more},
                }
            case "execution_ended":
                ended = {
                    "state": state_after(event),
                    "ended_at": event["at"],
                    "can_interrupt": False,
                }
                self.now |= {
                    "ending": event,
                    "execution": {**object_of(self.now, "execution"), **ended},
                }
            case "snapshot":
                self.now |= object_of(event, "snapshot")
                self._running = dict(object_of(self.now, "running"))
                self._since = dict(object_of(self.now, "since"))
                self._ended = dict(object_of(self.now, "ended"))
            case _:
                pass

    def _add_to_waiting(self, number: int) -> None:
        waiting = self.now["waiting"]
        assert isinstance(waiting, int)
        self.now["waiting"] = waiting + number


def object_of(document: JsonObject, key: str) -> JsonObject:
    """The object at a key; an empty one where there is none."""
    return as_object(document.get(key))


def as_object(value: JsonValue) -> JsonObject:
    """A value as an object; an empty one where it is none."""
    return value if isinstance(value, Mapping) else NOTHING


def state_after(ending: JsonObject) -> str:
    """The state of an execution after its last event."""
    told = ending.get("state")
    if isinstance(told, str):
        return told
    return OutcomeKind(str(ending["outcome"])).state.value
