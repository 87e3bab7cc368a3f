"""What may happen in an execution, in an order in which it may."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.execution import StartedBy
from peaceful.commands import (
    BlockEnded,
    BlockStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
)
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, NOW)
INFO = ExecutionInfo("e1", "app", "dev", "flow", "ensure", StartedBy("a", "b", 1, "web"), NOW)
ITEMS = ("a", "b", "c")


def _ended(item: str) -> ItemEnded:
    return ItemEnded(NOW, item, ItemStatus.DONE, "there", "", None, 1.0)


def _progressed(item: str, done: int) -> ItemProgressed:
    return ItemProgressed(NOW, item, Progress(done=done))


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """The events of one block, in an order in which they may come."""
    events: list[Event] = [ExecutionStarted(NOW, INFO, ITEMS, {}), BlockStarted(NOW, "B", ITEMS)]
    waiting, running = list(ITEMS), list[str]()
    for _ in range(draw(st.integers(0, 25))):
        what = draw(st.sampled_from(["start", "progress", "end", "interrupt"]))
        if what == "start" and waiting:
            running.append(waiting.pop(0))
            events.append(ItemStarted(NOW, running[-1]))
        elif what == "end" and running:
            events.append(_ended(running.pop(draw(st.integers(0, len(running) - 1)))))
        elif what == "progress" and running:
            events.append(_progressed(draw(st.sampled_from(running)), draw(st.integers(0, 9))))
        elif what == "interrupt":
            events.append(InterruptRequested(NOW, SIGNAL, tuple(running)))
    if draw(st.booleans()):
        events += [
            *(_ended(item) for item in running),
            BlockEnded(NOW, "B", not waiting),
            ExecutionEnded(NOW, "e1", OutcomeKind.COMPLETE, {}, None),
        ]
    return events
