"""An execution, in the words of its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import msgspec

from peaceful._executions.records import ExecutionRecord
from peaceful._model.execution import ExecutionState
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind
from peaceful._model.snapshot import Snapshot
from peaceful._present.summary import (
    RESUME_REPEATS_NOTHING,
    STAYS_DONE,
    Summary,
    interrupt_sentence,
    interrupted_how,
    level_label,
    summarise,
)
from peaceful._present.text import name_list, one_line
from peaceful._web.context import ServerContext
from peaceful._web.pages.rows import BY_PROGRESS, IN_PROGRESS, ItemRow, Stand, rows_of, shown_id

_DOING: Final[Mapping[str, str]] = {"diff": "Comparing"}
_DONE: Final[Mapping[str, str]] = {"diff": "Compared"}


@dataclass(frozen=True, slots=True)
class Verbs:
    """What an application calls its commands.

    Attributes:
        ensure_name: what it calls `ensure`, such as `deploy`.
    """

    ensure_name: str = "ensure"

    @classmethod
    def of(cls, server: ServerContext) -> Verbs:
        """Those of the application that the server is for."""
        return cls(server.contexts.app.ensure_name)

    def command(self, command: str) -> str:
        """A command, as the application calls it: `deploy`."""
        return self.ensure_name if command == "ensure" else command

    def label(self, command: str) -> str:
        """The words on a button: `Deploy`."""
        return self.command(command).replace("_", " ").replace("-", " ").capitalize()

    def doing(self, command: str) -> str:
        """What is going on: `Deploying`."""
        return _DOING.get(command) or self._formed(command, "ing")

    def done(self, command: str) -> str:
        """What was done: `Deployed`."""
        return _DONE.get(command) or self._formed(command, "ed")

    def _formed(self, command: str, ending: str) -> str:
        """The label with an ending at its verb, which is its first word: `Rolling out`."""
        verb, space, rest = self.label(command).partition(" ")
        return f"{verb.removesuffix('e')}{ending}{space}{rest}"


STILL: Final = 10.0
"""Seconds without any event after which it is said that an interrupt is waited for in vain."""

_LONGEST_MESSAGE: Final = 2000
_MOST_NAMES: Final = 3
_MOST_MATTERING: Final = 40
_FIRST: Final = frozenset({Stand.FAILED, Stand.ABANDONED})
_REACHES_GOAL: Final = frozenset({"ensure", "clean"})
_WAITING: Final = frozenset({Stand.PENDING, Stand.QUEUED})


class Failure(msgspec.Struct, frozen=True):
    """What an item, or the command as a whole, failed with.

    Attributes:
        item: which item; empty for the command.
        code: stable.
        message: what happened, and why it is wrong.
        help: what to do now.
    """

    item: str
    code: str
    message: str
    help: str


class Note(msgspec.Struct, frozen=True):
    """What is to be read first.

    Attributes:
        kind: `run`, `stop`, `good` or `bad`.
        text: a sentence or a few.
    """

    kind: str
    text: str


@dataclass(frozen=True)
class ExecutionView:
    """An execution, in the words of its page.

    Attributes:
        record: what the register knows of it.
        snapshot: how it stands.
        verbs: what the application calls its commands.
        now: when that is.
        still_for: seconds since anything happened in it.
        earlier: the ID of the execution that it carries on; empty where it carries on none.
    """

    record: ExecutionRecord
    snapshot: Snapshot
    verbs: Verbs
    now: datetime
    still_for: float = 0.0
    earlier: str = ""

    # ---- facts

    @property
    def id(self) -> str:
        """Its ID."""
        return self.record.id

    @property
    def short(self) -> str:
        """The beginning of its ID, as people say it."""
        return shown_id(self.record.id)

    @cached_property
    def state(self) -> ExecutionState:
        """How it stands."""
        told = self.snapshot.execution
        return self.record.state if self.record.state.ended or told is None else told.state

    @property
    def live(self) -> bool:
        """Whether it has not ended."""
        return not self.state.ended

    @property
    def started_at(self) -> datetime:
        """When it began; UTC."""
        return self.record.info.started_at

    @cached_property
    def ended_at(self) -> datetime | None:
        """When it ended; UTC."""
        told = self.snapshot.execution
        return self.record.info.ended_at or (None if told is None else told.ended_at)

    @cached_property
    def rows(self) -> tuple[ItemRow, ...]:
        """Its items, in the flow's order."""
        return rows_of(self.snapshot, self.record.only)

    @property
    def mattering(self) -> tuple[ItemRow, ...]:
        """Of very many items, those that a person looks for: failed ones, then what runs."""
        failed = [row for row in self.rows if row.stand in _FIRST]
        running = [row for row in self.rows if row.stand in IN_PROGRESS]
        return (*failed[:_MOST_MATTERING], *running[:_MOST_MATTERING])

    @cached_property
    def counts(self) -> Mapping[Stand, int]:
        """How many items stand in which way; ways in which none does are left out."""
        found = Counter(row.stand for row in self.rows)
        return {stand: found[stand] for stand in Stand if found[stand]}

    @cached_property
    def legend(self) -> tuple[tuple[int, str, Stand], ...]:
        """How many items stand in which way, with the word for it."""
        words = {row.stand: row.word for row in self.rows}
        return tuple(
            (self.counts[stand], words[stand], stand)
            for stand in BY_PROGRESS
            if stand in self.counts
        )

    @cached_property
    def signal(self) -> InterruptSignal | None:
        """The interrupt that was accepted, or none."""
        told = self.snapshot.execution
        signal = None if told is None else told.interrupt
        return signal or self.record.info.interrupt

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What failed; the command as a whole first."""
        snapshot, outcome = self.snapshot, self.record.outcome
        told = {
            "": None if snapshot.ending is None else snapshot.ending.error,
            **{item: ended.error for item, ended in snapshot.ended.items()},
            **({} if outcome is None else outcome.errors),
        }
        return tuple(
            Failure(item, error.code, _short(error.message), _short(error.help))
            for item, error in told.items()
            if error is not None
        )

    # ---- words

    @property
    def command(self) -> str:
        """What it does, as the application calls it."""
        return self.verbs.command(self.record.info.command)

    @cached_property
    def title(self) -> str:
        """What it comes to, in a few words."""
        profile = self.record.info.profile
        match self.state:
            case ExecutionState.RUNNING:
                dry = ", as a dry run" if self.record.dry_run else ""
                return f"{self.verbs.doing(self.record.info.command)} {profile}{dry}"
            case ExecutionState.INTERRUPTING:
                return "Interrupting…"
            case ExecutionState.COMPLETE:
                return self._complete_title
            case ExecutionState.INTERRUPTED:
                # What ended at a safe point ended safely; what was cancelled may not have.
                cut = Stand.ABANDONED in self.counts and self._level > InterruptLevel.STOP
                return "Interrupted" if cut else "Interrupted, safely"
            case ExecutionState.FAILED:
                failed = [row.item for row in self.rows if row.stand is Stand.FAILED]
                return f"{name_list(failed, _MOST_NAMES)} failed" if failed else "Failed"
            case ExecutionState.LOST:
                return "Its process was killed"

    @property
    def _complete_title(self) -> str:
        info = self.record.info
        if self.record.dry_run:
            return "Dry run complete: nothing was changed"
        if info.command == "ensure" and not self.record.only:
            return f"{info.profile} is as it should be"
        if info.command == "clean" and not self.record.only:
            return f"{info.profile} is cleaned up"
        return f"{self.verbs.done(info.command)} {name_list(self.record.only, 3) or info.profile}"

    @cached_property
    def tab(self) -> str:
        """The title of the tab: what it comes to, before the place."""
        info = self.record.info
        done = len(self.rows) - sum(self.counts.get(each, 0) for each in _OPEN)
        part = f" {done}/{len(self.rows)}" if self.live and self.rows else ""
        return f"{self.state.value.capitalize()}{part} · {self.command} {info.profile}"

    @cached_property
    def note(self) -> Note:
        """What is to be read first."""
        match self.state:
            case ExecutionState.RUNNING:
                return Note("run", self._now_sentence)
            case ExecutionState.INTERRUPTING:
                return Note("stop", self._interrupting_sentence)
            case ExecutionState.LOST:
                return Note(
                    "bad",
                    "It ended without saying how: its process was killed, or the machine went "
                    f"down. {STAYS_DONE} The same again looks at what was in progress then anew, "
                    "and carries on from there.",
                )
            case _:
                return self._ending_note

    @property
    def _in_progress(self) -> Sequence[str]:
        return [row.item for row in self.rows if row.stand in IN_PROGRESS]

    @property
    def _now_sentence(self) -> str:
        names = self._in_progress
        waiting = sum(self.counts.get(each, 0) for each in _WAITING)
        if not names:
            return f"{waiting:,} waiting." if waiting else ""
        are = "is" if len(names) == 1 else "are"
        rest = f"; {waiting:,} waiting" if waiting else ""
        return f"{name_list(names, _MOST_NAMES)} {are} in progress{rest}."

    @property
    def _level(self) -> InterruptLevel:
        return self.signal.level if self.signal else InterruptLevel.STOP

    @property
    def _interrupting_sentence(self) -> str:
        sentence = interrupt_sentence(self._level, self._in_progress)
        if self.overdue:
            # It is read aloud whenever it changes: so it does not say for how long.
            return f"{sentence} Nothing has moved for a while."
        return f"{sentence} {STAYS_DONE}"

    @property
    def overdue(self) -> bool:
        """Whether an interrupt is waited for, and nothing moves."""
        return self.state is ExecutionState.INTERRUPTING and self.still_for >= STILL

    @property
    def _ending_note(self) -> Note:
        reached = self.record.info.command in _REACHES_GOAL and not self.record.dry_run
        sentence = self.summary.sentence(reached_goal=reached, most=_MOST_NAMES)
        parts = [sentence, self.summary.remark]
        if self.state is ExecutionState.COMPLETE:
            return Note("good", " ".join(part for part in parts if part))
        if self.can_resume:
            parts.append(RESUME_REPEATS_NOTHING)
        kind = "bad" if self.state is ExecutionState.FAILED else "stop"
        return Note(kind, " ".join(part for part in parts if part))

    @cached_property
    def summary(self) -> Summary:
        """How it ended; of something that has not, how it stands."""
        kinds = {
            ExecutionState.COMPLETE: OutcomeKind.COMPLETE,
            ExecutionState.FAILED: OutcomeKind.ITEM_ERROR,
        }
        ended = (row for row in self.rows if row.stand in _ENDED)
        return summarise(
            kinds.get(self.state, OutcomeKind.BLOCK_INTERRUPTED),
            {row.item: ItemStatus(row.stand.value) for row in ended},
            seconds=((self.ended_at or self.now) - self.started_at).total_seconds(),
            interrupt=self.signal,
        )

    @property
    def interrupted_how(self) -> str:
        """Through which door it was interrupted, and why; empty where it was not."""
        return "" if self.signal is None else interrupted_how(self.signal)

    @property
    def interrupt_asked(self) -> datetime | None:
        """When it was interrupted; UTC."""
        return None if self.signal is None else self.signal.requested_at

    @property
    def started_by(self) -> str:
        """Who started it, and how."""
        by = self.record.info.started_by
        door = {
            "terminal": "from a terminal",
            "web": "from a web page",
            "api": "through the API",
            "python": "by a program",
        }.get(by.door, by.door)
        return f"{door} by {by.user} on {by.host} (pid {by.pid})"

    # ---- what can be done

    @property
    def can_interrupt(self) -> bool:
        """Whether the button is shown that interrupts it."""
        return self.state is ExecutionState.RUNNING and self.record.info.can_interrupt

    @property
    def above(self) -> InterruptLevel | None:
        """The level that it can be interrupted with besides; none where there is none."""
        if self.state is not ExecutionState.INTERRUPTING or self.signal is None:
            return None
        return self.signal.level.above

    @property
    def above_label(self) -> str:
        """What the button says that asks for that level."""
        return "" if self.above is None else level_label(self.above)

    @property
    def can_resume(self) -> bool:
        """Whether the same command carries on from its end; looking leaves nothing to carry on."""
        return self.state.resumable and self.record.info.command != "diff"


_OPEN: Final = _WAITING | IN_PROGRESS | {Stand.NOT_STARTED}
_ENDED: Final = frozenset(Stand) - _WAITING - IN_PROGRESS


def _short(text: str) -> str:
    """A message that may have come from anywhere, safe to show; its documents have the whole."""
    return one_line(text, _LONGEST_MESSAGE)
