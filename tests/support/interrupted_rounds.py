"""Commands on slow files, ended in the middle again and again, and what must hold after each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from shell import Ended, Running
from slow_files_shell import SlowFiles, Written

from peaceful.commands import StateKind, StoredState, YamlStateStore

Trouble: TypeAlias = Callable[[Running], Ended]
"""Ends a program in the middle, one way or another."""


@dataclass(slots=True)
class Rounds:
    """Runs commands, lets trouble befall them, and looks at what is left.

    Each carries on where the one before was ended. Once everything is done, it is cleaned up, and
    done again.

    Attributes:
        slow: the files.
        started: the executions that were started.
        ended: of those that told of their end, how.
        known: by item, the file of those that were reported done.
        cleaning: whether it is being cleaned up now.
    """

    slow: SlowFiles
    started: set[str] = field(default_factory=set)
    ended: dict[str, str] = field(default_factory=dict)
    known: dict[str, Written] = field(default_factory=dict)
    cleaning: bool = False

    def one(
        self,
        trouble: Trouble,
        *,
        discovering: bool = False,
        terminal: Path | None = None,
        anew: bool = False,
    ) -> Ended:
        """Runs a command, lets trouble befall it, and looks.

        Args:
            trouble: what befalls it.
            discovering: whether it only looks at what is there.
            terminal: what controls it; none for nothing.
            anew: whether its start matters, too.
        """
        todo = "clean" if self.cleaning else "ensure"
        command = "discover" if discovering else todo
        words = (command, "--max-concurrency", "4")
        ended = trouble(self.slow.start(*words, terminal=terminal, anew=anew))
        self._look_at(ended, command)
        return ended

    def carry_on(self, items: int) -> None:
        """Lets everything be done now without trouble; the states end as if there had been none.

        Args:
            items: how many there are.
        """
        if self.cleaning:
            self.one(lambda running: running.end(expect=0))
            assert not self.slow.files()
        known = dict(self.known)
        ended = self.one(lambda running: running.end(expect=0))
        assert ended.document["outcome"] == "complete"
        assert {ended.statuses()[item] for item in known} <= {"unchanged"}
        files = self.slow.files()
        assert len(files) == items
        assert {item: files[item] for item in known} == known

    def stored(self) -> dict[str, StoredState]:
        """The current states that are stored."""
        folder = self.slow.shell.folder / ".peace/slow_files/default/slow_files"
        return dict(YamlStateStore(folder).load(StateKind.CURRENT))

    def _look_at(self, ended: Ended, command: str) -> None:
        self.started |= {each["execution"]["id"] for each in ended.told("execution_started")}
        self.ended |= {
            each["execution_id"]: each["outcome"] for each in ended.told("execution_ended")
        }
        block = ended.block(command.capitalize())
        files = self.slow.files()
        reported = {*block.items("item_ended", status="done")}
        reported |= {*block.items("item_ended", status="unchanged")}
        self._check_nothing_repeated(files)
        self._check_states(files, reported)
        match command:
            case "ensure":
                assert reported <= files.keys()
                self.known |= {item: files[item] for item in reported}
            case "clean":
                assert not reported & files.keys()
                self.known = {item: self.known[item] for item in self.known.keys() & files.keys()}
            case _:
                return
        if ended.told("execution_ended", outcome="complete"):
            self.cleaning = not self.cleaning

    def _check_nothing_repeated(self, files: dict[str, Written]) -> None:
        for item, file in self.known.items():
            if item in files or not self.cleaning:
                assert files.get(item) == file, f"{item} was done, and is another one now"

    def _check_states(self, files: dict[str, Written], reported: set[str]) -> None:
        """No state is lost, and none is wrong: it is what is there, or says that it may not be."""
        stored = self.stored()
        for item in reported:
            assert item in stored, f"the state of {item} is lost"
            assert stored[item].in_progress_since is None, f"{item} ended, and says it did not"
        for item, each in stored.items():
            if each.in_progress_since is None:
                content = item if item in files else None
                assert isinstance(each.state, dict)
                assert each.state["content"] == content, f"what is stored of {item} is wrong"
