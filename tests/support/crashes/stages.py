"""Commands ready to crash: each with the disk that it starts from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Final

import secrets_app
from preloaded_programs import BIN, Preloaded
from shell import Ended

from crashes import large_files
from crashes.disks import Disk, Files, disk_in
from crashes.ground import Ground
from crashes.log import Operation
from crashes.scenarios import Scenario
from crashes.shim import Plan

AFTER_BOOT: Final = str(Path(__file__).with_name("after_boot.py"))


class Stage:
    """A scenario on a ground.

    Attributes:
        scenario: what crashes.
        ground: where.
    """

    def __init__(self, scenario: Scenario, ground: Ground) -> None:
        self.scenario = scenario
        self.ground = ground

    @cached_property
    def before(self) -> Disk:
        """What is there before the command."""
        self.ground.become({})
        self.scenario.prepare(self.ground)
        return disk_in(self.ground.folder)

    def record(self, sync: int = 0) -> tuple[Files, Sequence[Operation]]:
        """Run the command to its end.

        Args:
            sync: how many microseconds each sync takes.

        Returns:
            The files before it, and its operations.
        """
        self.ground.become(self.before)
        files = Files(self.ground.folder)
        return files, self.ground.record(*self.scenario.words, sync=sync)

    def run(self, plan: Plan) -> Ended:
        """Run the command from its beginning, with whatever befalls it."""
        self.ground.become(self.before)
        return self.ground.run(*self.scenario.words, plan=plan)

    def carry_on(self, told: Ended) -> None:
        """Assert that the same commands carry on, and that nothing was lost that was told."""
        self.scenario.carry_on(self.ground, told)


class Stages:
    """All scenarios in one place.

    Args:
        folder: where their programs work.
        beside: a folder that no crash befalls.
        library: the shim.
    """

    def __init__(self, folder: Path, beside: Path, library: Path) -> None:
        self._folder = folder
        self._beside = beside
        self._python = Preloaded("python", {"LD_PRELOAD": str(library)})
        self._stages: dict[str, Stage] = {}

    def __getitem__(self, scenario: Scenario) -> Stage:
        """Return a scenario that is ready to crash."""
        if scenario.name not in self._stages:
            file, variables = PROGRAMS[scenario.program]
            words = ("python", AFTER_BOOT, file)
            ground = Ground(self._folder, self._beside, self._python, words, variables)
            self._stages[scenario.name] = Stage(scenario, ground)
        return self._stages[scenario.name]

    def close(self) -> None:
        """End what has loaded the programs."""
        self._python.close()


PROGRAMS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "slow_files": (str(BIN / "slow_files"), {}),
    "large_files": (large_files.__file__, {}),
    "secrets": (
        secrets_app.__file__,
        {"PEACEFUL_KEY_FILE": "key", "MY_VAULTS_ACCOUNT": '{"user": "ada", "key": "of ada"}'},
    ),
}
"""By name, the file that is run, and environment variables."""
