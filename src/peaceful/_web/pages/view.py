"""An execution, in the words of its page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Final

import msgspec
from msgspec.structs import replace

from peaceful._commands.run_request import EDITS
from peaceful._errors.running import PlanStale
from peaceful._executions.records import ExecutionRecord
from peaceful._model.events import ApprovalAsked, Snapshot
from peaceful._model.execution import Approval, ExecutionInfo, ExecutionState
from peaceful._model.interrupt import InterruptLevel, InterruptSignal
from peaceful._model.outcome import ItemStatus, OutcomeKind
from peaceful._present.estimates import seconds_left
from peaceful._present.numbers import time_left
from peaceful._present.summary import (
    RESUME_REPEATS_NOTHING,
    STAYS_DONE,
    Summary,
    interrupt_sentence,
    summarise,
)
from peaceful._present.text import name_list, one_line
from peaceful._web.pages.plans import Offer
from peaceful._web.pages.rows import BY_PROGRESS, IN_PROGRESS, DisplayStatus, ItemRow, rows_of

_DOING: Final[Mapping[str, str]] = {
    "diff": "Comparing",
    "plan": "Planning",
    "states forget": "Forgetting in",
    "states move": "Renaming in",
    "states adopt": "Adopting in",
    "states backup": "Backing up",
    "states restore": "Restoring",
    "profile delete": "Deleting",
    "profile rename": "Renaming",
    "profile copy": "Copying to",
}
_DONE: Final[Mapping[str, str]] = {
    "diff": "Compared",
    "plan": "Planned",
    "states forget": "Forgot",
    "states move": "Renamed",
    "states adopt": "Adopted",
    "states backup": "Backed up",
    "states restore": "Restored",
    "profile delete": "Deleted",
    "profile rename": "Renamed",
    "profile copy": "Copied to",
}

STILL: Final = 10.0
"""Seconds without any event after which the page says that nothing moves."""

_LONGEST_MESSAGE: Final = 2000
_MOST_NAMES: Final = 3
_MOST_IMPORTANT: Final = 40
_FAILED: Final = frozenset({DisplayStatus.FAILED, DisplayStatus.STOPPED, DisplayStatus.ABANDONED})
_REACHED: Final = {"ensure": "is as it should be", "clean": "is cleaned up"}
"""What a profile is once a command has reached its goal."""
_WAITING: Final = frozenset({DisplayStatus.PENDING, DisplayStatus.QUEUED})
_OPEN: Final = _WAITING | IN_PROGRESS | {DisplayStatus.NOT_STARTED}
_ENDED: Final = frozenset(DisplayStatus) - _WAITING - IN_PROGRESS
_DOORS: Final[Mapping[str, str]] = {
    "terminal": "from a terminal",
    "web": "from a web page",
    "api": "through the API",
    "python": "by a program",
}
_OUTCOMES: Final[Mapping[ExecutionState, OutcomeKind]] = {
    ExecutionState.COMPLETE: OutcomeKind.COMPLETE,
    ExecutionState.FAILED: OutcomeKind.ITEM_ERROR,
}
_ENDING_KINDS: Final = {ExecutionState.COMPLETE: "good", ExecutionState.FAILED: "bad"}


class Verbs(msgspec.Struct, frozen=True):
    """The words of an application for its commands; `ensure_name` may be `deploy`, say."""

    ensure_name: str = "ensure"

    def command(self, command: str) -> str:
        """Return the application's name of a command: `deploy`."""
        return self.ensure_name if command == "ensure" else command

    def label(self, command: str) -> str:
        """Return the words on a button: `Deploy`."""
        return self.command(command).replace("_", " ").replace("-", " ").capitalize()

    def doing(self, command: str) -> str:
        """Return the title while the command runs: `Deploying`."""
        return _DOING.get(command) or self._inflected(command, "ing")

    def done(self, command: str) -> str:
        """Return the title once it has run: `Deployed`."""
        return _DONE.get(command) or self._inflected(command, "ed")

    def _inflected(self, command: str, ending: str) -> str:
        """Return the label with an ending at its verb, which is its first word: `Rolling out`."""
        verb, space, rest = self.label(command).partition(" ")
        return f"{verb.removesuffix('e')}{ending}{space}{rest}"


class Failure(msgspec.Struct, frozen=True):
    """The error of an item, or of the command as a whole: then `item` is empty."""

    item: str
    code: str
    message: str
    help: str


class Note(msgspec.Struct, frozen=True):
    """The sentences at the top of the page, of a kind: `run`, `stop`, `good` or `bad`."""

    kind: str
    text: str


@dataclass(frozen=True)
class ExecutionView:
    """An execution, in the words of its page.

    `earlier` is the ID of the one it resumes, and `offer` the plan that it has made or is held to.
    """

    record: ExecutionRecord
    snapshot: Snapshot
    verbs: Verbs
    now: datetime
    idle_seconds: float = 0.0
    earlier: str = ""
    offer: Offer | None = None

    # ---- facts

    @property
    def id(self) -> str:
        return self.record.id

    @cached_property
    def info(self) -> ExecutionInfo:
        """What it is, by the newer of register and snapshot."""
        newer = self.snapshot.execution
        return self.record.info if newer is None or self.record.state.ended else newer

    @property
    def state(self) -> ExecutionState:
        return self.info.state

    @cached_property
    def signal(self) -> InterruptSignal | None:
        execution = self.snapshot.execution
        signal = None if execution is None else execution.interrupt
        return signal or self.record.info.interrupt

    @cached_property
    def rows(self) -> tuple[ItemRow, ...]:
        rows, outcome = rows_of(self.snapshot, self.record.only), self.record.outcome
        if outcome is None:
            return rows
        return tuple(
            replace(row, done=outcome.items.get(row.item))
            if row.status is DisplayStatus.DONE
            else row
            for row in rows
        )

    def _rows_with(self, statuses: Container[DisplayStatus]) -> list[ItemRow]:
        return [row for row in self.rows if row.status in statuses]

    @property
    def important_rows(self) -> Sequence[ItemRow]:
        """Of very many items, those that a person looks for: failed ones, then what runs."""
        failed, running = self._rows_with(_FAILED), self._rows_with(IN_PROGRESS)
        return failed[:_MOST_IMPORTANT] + running[:_MOST_IMPORTANT]

    @cached_property
    def counts(self) -> Counter[DisplayStatus]:
        """The number of items with each status."""
        return Counter(row.status for row in self.rows)

    @cached_property
    def legend(self) -> Sequence[tuple[int, str, DisplayStatus]]:
        """The number of items with each status that occurs, with the word for it."""
        words = {row.status: row.word for row in self.rows}
        return [(self.counts[each], words[each], each) for each in BY_PROGRESS if each in words]

    @cached_property
    def time_left(self) -> str:
        """How long it still takes, such as `about 12 s left`; empty where nobody knows."""
        running = self.state is ExecutionState.RUNNING
        seconds = seconds_left(self.snapshot, self.now) if running else None
        return "" if seconds is None else f"about {time_left(seconds)}"

    @cached_property
    def failures(self) -> tuple[Failure, ...]:
        """What failed; the command as a whole first."""
        snapshot, outcome = self.snapshot, self.record.outcome
        errors = {
            "": None if snapshot.ending is None else snapshot.ending.error,
            **{item: ended.error for item, ended in snapshot.ended.items()},
            **({} if outcome is None else outcome.errors),
        }
        return tuple(
            Failure(item, error.code, _short(error.message), _short(error.help))
            for item, error in errors.items()
            if error is not None
        )

    @property
    def asking(self) -> Sequence[ApprovalAsked]:
        """What items ask people to approve."""
        running = self.state is ExecutionState.RUNNING
        return [*self.snapshot.asking.values()] if running else []

    @property
    def approvals(self) -> Sequence[Approval]:
        """What people have answered."""
        return self.snapshot.approvals

    @property
    def warnings(self) -> Sequence[str]:
        """What people should know, and is no failure."""
        return self._remarks if self.info.flow else []

    @property
    def _remarks(self) -> list[str]:
        return [_short(text) for text in self.snapshot.warnings]

    # ---- words

    @property
    def command(self) -> str:
        """Its command, in the application's word."""
        return self.verbs.command(self.info.command)

    @property
    def command_of_plan(self) -> str:
        """What a plan is for: `deploy of prod`."""
        only = f", only {name_list(self.record.only, _MOST_NAMES)}" if self.record.only else ""
        return f"{self.verbs.command('ensure')} of {self.info.profile}{only}"

    @cached_property
    def title(self) -> str:
        match self.state:
            case ExecutionState.RUNNING:
                dry = ", as a dry run" if self.info.dry_run else ""
                return f"{self.verbs.doing(self.info.command)} {self.info.profile}{dry}"
            case ExecutionState.INTERRUPTING:
                return "Interrupting…"
            case ExecutionState.COMPLETE:
                return self._complete_title
            case ExecutionState.INTERRUPTED:
                cut = DisplayStatus.ABANDONED in self.counts
                return "Interrupted" if cut else "Interrupted, safely"
            case ExecutionState.FAILED:
                failed = [row.item for row in self._rows_with({DisplayStatus.FAILED})]
                return f"{name_list(failed, _MOST_NAMES)} failed" if failed else "Failed"
            case ExecutionState.LOST:
                return "Its process was killed"

    @property
    def _complete_title(self) -> str:
        info, only = self.info, self.record.only
        if info.command == "plan":
            return f"What {self.command_of_plan} would change"
        if info.dry_run:
            return "Dry run complete: nothing was changed"
        if info.command in _REACHED and not only:
            return f"{info.profile} {_REACHED[info.command]}"
        return f"{self.verbs.done(info.command)} {name_list(only, 3) or info.profile}"

    @cached_property
    def tab(self) -> str:
        """The title of the tab: the state before the place."""
        done = len(self.rows) - sum(self.counts[each] for each in _OPEN)
        part = f" {done}/{len(self.rows)}" if not self.state.ended and self.rows else ""
        return f"{self.state.value.capitalize()}{part} · {self.command} {self.info.profile}"

    @cached_property
    def note(self) -> Note:
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
    def _now_sentence(self) -> str:
        names = [row.item for row in self.rows if row.in_progress]
        asking = self.counts[DisplayStatus.ASKING]
        waiting = asking + sum(self.counts[each] for each in _WAITING)
        if not names:
            return f"{waiting:,} waiting." if waiting else ""
        are = "is" if len(names) == 1 else "are"
        rest = f"; {waiting:,} waiting" if waiting else ""
        return f"{name_list(names, _MOST_NAMES)} {are} in progress{rest}."

    @property
    def _interrupting_sentence(self) -> str:
        sentence = interrupt_sentence(
            self.signal.level if self.signal else InterruptLevel.STOP,
            [row.item for row in self._rows_with(IN_PROGRESS)],
            [row.item for row in self._rows_with({DisplayStatus.LOOKING})],
        )
        if self.overdue:
            # It is read aloud whenever it changes: so it does not say for how long.
            return f"{sentence} Nothing has moved for a while."
        return sentence if self.info.dry_run else f"{sentence} {STAYS_DONE}"

    @property
    def overdue(self) -> bool:
        """Whether it is being interrupted and nothing has moved for some time."""
        return self.state is ExecutionState.INTERRUPTING and self.idle_seconds >= STILL

    @property
    def _ending_note(self) -> Note:
        reached = self.info.command in _REACHED and not self.info.dry_run
        sentence = self.summary.sentence(reached_goal=reached, most=_MOST_NAMES)
        parts = [sentence, self.summary.remark]
        if self.info.command == "plan":
            parts.append("Nothing was changed.")
        if not self.info.flow:
            # What was done has no items that could tell it.
            parts += [f"{text}." for text in self._remarks]
        kind = _ENDING_KINDS.get(self.state, "stop")
        if kind != "good" and self.can_resume and not self.info.dry_run:
            parts.append(RESUME_REPEATS_NOTHING)
        return Note(kind, " ".join(filter(None, parts)))

    @cached_property
    def summary(self) -> Summary:
        """How it ended, or would end if it ended now."""
        return summarise(
            _OUTCOMES.get(self.state, OutcomeKind.BLOCK_INTERRUPTED),
            {row.item: ItemStatus(row.status.value) for row in self._rows_with(_ENDED)},
            seconds=((self.info.ended_at or self.now) - self.info.started_at).total_seconds(),
            interrupt=self.signal,
            dry_run=self.info.dry_run,
        )

    @property
    def started_by(self) -> str:
        by = self.info.started_by
        return f"{_DOORS.get(by.door, by.door)} by {by.user} on {by.host} (pid {by.pid})"

    # ---- what can be done

    @property
    def can_interrupt(self) -> bool:
        """Whether the page shows the button that interrupts it."""
        return self.state is ExecutionState.RUNNING and self.record.info.can_interrupt

    @property
    def above(self) -> InterruptLevel | None:
        """The next higher level that it can be interrupted with, if any."""
        if self.state is not ExecutionState.INTERRUPTING or self.signal is None:
            return None
        return self.signal.level.above

    @property
    def can_resume(self) -> bool:
        """Whether the same command carries on where it ended: only those that change things do."""
        changes = bool(self.info.flow) and self.info.command not in {"diff", "plan", *EDITS}
        return self.state.resumable and changes and not self.is_stale

    @property
    def is_stale(self) -> bool:
        """Whether it was refused because its plan did not hold any more."""
        return any(each.code == PlanStale.code for each in self.failures)

    @property
    def plan_id(self) -> str:
        """The execution that made the plan which it is held to; empty if there is none."""
        return self.record.asked.plan or ""


def _short(text: str) -> str:
    """Make a text from anywhere safe to show; the execution's documents have it whole."""
    return one_line(text, _LONGEST_MESSAGE)
