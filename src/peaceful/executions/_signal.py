"""Interrupt signals as JSON, and back."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from peaceful.model import (
    INTERRUPT_LEVELS,
    InterruptLevel,
    InterruptSignal,
    InterruptSource,
    JsonValue,
)

REASON_LIMIT: Final = 1000
"""How many characters of a reason are kept."""


def signal_from_json(value: JsonValue) -> InterruptSignal:
    """The signal that a JSON object describes, as `to_json` makes them.

    Raises:
        ValueError: it does not describe one; the text says why.
    """
    if not isinstance(value, Mapping):
        raise ValueError("a signal is an object")  # noqa: TRY004 - it is data, not a wrong call
    reason = value.get("reason")
    if reason is not None and not isinstance(reason, str):
        raise ValueError("a reason is text or null")
    return InterruptSignal(
        level=_level(value.get("level")),
        source=InterruptSource(_text(value, "source")),
        requested_at=_moment(_text(value, "requested_at")),
        reason=cut_reason(reason),
    )


def cut_reason(reason: str | None) -> str | None:
    """The reason, at most `REASON_LIMIT` characters of it."""
    return reason if reason is None else reason[:REASON_LIMIT]


def _level(value: JsonValue) -> InterruptLevel:
    level = INTERRUPT_LEVELS.get(value) if isinstance(value, str) else None
    if level is None:
        raise ValueError(f"a level is one of {', '.join(INTERRUPT_LEVELS)}")
    return level


def _text(value: Mapping[str, JsonValue], key: str) -> str:
    text = value.get(key)
    if not isinstance(text, str):
        raise ValueError(f"{key} is text")  # noqa: TRY004 - it is data, not a wrong call
    return text


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time has its zone")
    return moment
