"""A real ext4 and a real XFS lose their power: what was told to be done is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path
from random import Random

import pytest
from crashes.devices import FILE_SYSTEMS, Device, DeviceMissing
from crashes.ground import KILLED
from crashes.log import CHANGES, Kind
from crashes.scenarios import Scenario, by_scenario
from crashes.shim import Plan
from crashes.stages import Stages
from tally import Rows

pytestmark = pytest.mark.soak

COUNTED = CHANGES + Kind.SYNC + Kind.SYNCED + Kind.SAY


@pytest.fixture(scope="module", params=FILE_SYSTEMS)
def device(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Device]:
    """A file system that can lose its power."""
    try:
        device = Device(request.param, tmp_path_factory.mktemp("device"))
    except DeviceMissing as missing:
        pytest.skip(f"no {request.param} can be made here: {missing}")
    with closing(device):
        yield device


@pytest.fixture(scope="module")
def stages_on_it(
    device: Device, tmp_path_factory: pytest.TempPathFactory, library: Path
) -> Iterator[Stages]:
    """All scenarios on that file system."""
    beside = tmp_path_factory.mktemp("crashes-on-device")
    with closing(Stages(device.folder / "disk", beside, library)) as stages:
        yield stages


@by_scenario
def test_power_lost(device: Device, stages_on_it: Stages, rows: Rows, scenario: Scenario) -> None:
    """At any operation, whatever else the kernel has written until then, nothing is lost."""
    stage, random = stages_on_it[scenario], Random(6)
    with rows(f"power lost on a real {device.kind}: {scenario.name}") as tally:
        for at in count(1):
            stage.ground.become(stage.before)
            device.sync()
            plan = Plan("kill", at, COUNTED, sync="real")
            told = stage.ground.run(*scenario.words, plan=plan)
            if told.code != KILLED:
                break
            if random.random() < 0.5:
                device.write_some(random)
            device.lose_power()
            stage.ground.restart()
            with tally.case(f"before {at}"):
                stage.carry_on(told)
