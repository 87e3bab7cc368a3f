"""A folder in which programs run under the shim, and that can be made any disk."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from signal import SIGKILL
from typing import Final

from preloaded_programs import Preloaded
from processes import in_a_shell, unmeasured
from shell import Ended, Running

from crashes.disks import Disk, write_disk
from crashes.log import Operation, read_log
from crashes.shim import Plan

TOLD: Final = ("--progress", "json", "--format", "json")

NOTHING: Final = Plan()
"""Operations are neither counted nor written down."""

KILLED: Final = in_a_shell(-SIGKILL)


@dataclass(slots=True)
class Ground:
    """A folder that a program works on, and what lies beside it.

    Attributes:
        folder: what the shim watches; the program is started in it.
        beside: where the log is and the ID of this boot, which no crash befalls.
        python: what runs it.
        words: what runs the program, without its own arguments.
        variables: its environment variables besides those of the tests.
    """

    folder: Path
    beside: Path
    python: Preloaded
    words: Sequence[str]
    variables: Mapping[str, str]

    def become(self, disk: Disk) -> None:
        """Make the folder that disk; the machine has not been started again since."""
        write_disk(disk, self.folder)
        self._boot.write_text("11111111-1111-4111-8111-111111111111\n")

    def restart(self) -> None:
        """Let the machine be started again."""
        self._boot.write_text(f"{uuid.uuid4()}\n")

    def run(self, *words: str, plan: Plan = NOTHING, expect: int | None = None) -> Ended:
        """Run a command to its end, which must have the given exit code."""
        command = [*self.words, *words]
        planned = plan.environment(self.folder, self._boot)
        environment = {**unmeasured(), **self.variables, **planned}
        process = self.python.start(command, folder=self.folder, environment=environment)
        return Running(process, words, "").end(expect)

    def record(self, *words: str, sync: int = 0) -> Sequence[Operation]:
        """Run a command to its end, which must be a good one, and return its operations."""
        log = self.beside / "log"
        log.unlink(missing_ok=True)
        self.run(*words, plan=Plan(log=log, sync=sync), expect=0)
        return read_log(log)

    @property
    def _boot(self) -> Path:
        return self.beside / "boot_id"
