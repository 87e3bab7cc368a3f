"""Events of executions that never ran: one by one, or in random order as they may come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._model.events import ApprovalAsked, ApprovalEnded, Phase
from peaceful._model.execution import Answerer, Approval, StartedBy
from peaceful.commands import (
    BlockEnded,
    BlockStarted,
    ChangeStarted,
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

START = datetime(2025, 3, 9, 14, 2, 11, tzinfo=UTC)


class ExecutionEvents:
    """Makes the events of an execution; times are seconds since its start."""

    info = ExecutionInfo(
        id="0193a5c2-7c1b-7000-8000-000000000001",
        app="envman",
        profile="internal_dev_a",
        flow="deploy",
        command="ensure",
        started_by=StartedBy("root", "host", 4711, "terminal"),
        started_at=START,
    )

    def at(self, seconds: float) -> datetime:
        """A moment."""
        return START + timedelta(seconds=seconds)

    def started(self, *items: str) -> ExecutionStarted:
        """The execution begins."""
        return ExecutionStarted(START, self.info, items, {})

    def block(
        self,
        name: str,
        *items: str,
        at: float = 0,
        at_once: int = 0,
        expected: Mapping[str, float] | None = None,
    ) -> BlockStarted:
        """A block begins."""
        return BlockStarted(self.at(at), name, items, at_once, expected or {})

    def begins(self, item: str, at: float = 0) -> ItemStarted:
        """An item begins."""
        return ItemStarted(self.at(at), item)

    def looks(self, item: str, at: float = 0) -> ItemStarted:
        """An item begins to be looked at."""
        return ItemStarted(self.at(at), item, Phase.LOOKING)

    def changes(self, item: str, at: float = 0) -> ChangeStarted:
        """An item begins to be changed."""
        return ChangeStarted(self.at(at), item)

    def moves(self, item: str, progress: Progress, at: float = 0) -> ItemProgressed:
        """An item tells how far it is."""
        return ItemProgressed(self.at(at), item, progress)

    def asks(self, item: str, question: str = "Shall I?", at: float = 0) -> ApprovalAsked:
        """An item asks for an approval."""
        return ApprovalAsked(self.at(at), item, question)

    def answered(self, item: str, approved: bool = True, at: float = 0) -> ApprovalEnded:
        """Somebody answers it."""
        by = Answerer("command", "ada", "laptop")
        approval = Approval(item, "Shall I?", approved, by, self.at(at), "tested")
        return ApprovalEnded(self.at(at), item, approval)

    def ends(
        self,
        item: str,
        status: ItemStatus = ItemStatus.DONE,
        message: str = "",
        *,
        shown: str = "",
        at: float = 0,
        seconds: float = 0.8,
    ) -> ItemEnded:
        """An item ends."""
        return ItemEnded(self.at(at), item, status, shown, message, None, seconds)

    def interrupted(
        self,
        *in_progress: str,
        looking: tuple[str, ...] = (),
        level: InterruptLevel = InterruptLevel.STOP,
        source: InterruptSource = InterruptSource.SIGINT,
        reason: str | None = None,
        at: float = 0,
    ) -> InterruptRequested:
        """An interrupt is accepted."""
        signal = InterruptSignal(level, source, self.at(at), reason)
        return InterruptRequested(self.at(at), signal, in_progress, looking)

    def over(
        self,
        kind: OutcomeKind = OutcomeKind.COMPLETE,
        interrupt: InterruptSignal | None = None,
        at: float = 4.2,
    ) -> ExecutionEnded:
        """The execution ends."""
        return ExecutionEnded(self.at(at), self.info.id, kind, {}, interrupt)


NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.WEB, NOW)
INFO = ExecutionInfo("e1", "app", "dev", "flow", "ensure", StartedBy("a", "b", 1, "web"), NOW)
ITEMS = ("a", "b", "c")


def _ended(item: str) -> ItemEnded:
    return ItemEnded(NOW, item, ItemStatus.DONE, "there", "", None, 1.0)


def _progressed(item: str, done: int) -> ItemProgressed:
    return ItemProgressed(NOW, item, Progress(done=done))


@st.composite
def event_sequences(draw: st.DrawFn) -> list[Event]:
    """The events of one block, in an order in which they may come."""
    events: list[Event] = [ExecutionStarted(NOW, INFO, ITEMS, {}), BlockStarted(NOW, "B", ITEMS)]
    waiting, running = list(ITEMS), list[str]()
    for _ in range(draw(st.integers(0, 25))):
        what = draw(
            st.sampled_from(["start", "change", "progress", "ask", "go on", "end", "interrupt"])
        )
        if what == "start" and waiting:
            running.append(waiting.pop(0))
            phase = draw(st.sampled_from([None, Phase.LOOKING]))
            events.append(ItemStarted(NOW, running[-1], phase))
        elif what == "change" and running:
            events.append(ChangeStarted(NOW, draw(st.sampled_from(running))))
        elif what == "ask" and running:
            events.append(ApprovalAsked(NOW, draw(st.sampled_from(running)), "Shall I?"))
        elif what == "go on" and running:
            events.append(ApprovalEnded(NOW, draw(st.sampled_from(running)), None))
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
