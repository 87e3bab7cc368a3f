"""What these tests share: scenarios that are ready to crash, and rows that count what was tried."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest
from crashes.shim import build, compiler
from crashes.stages import Stages
from tally import Record, Rows, row


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shim, compiled for this machine."""
    if sys.platform != "linux":
        pytest.skip("what comes between a program and its files is written for Linux")
    if compiler() is None:
        reason = "no C compiler is installed"
        if os.environ.get("TESTS_SKIP_NOTHING") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return build(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def stages(tmp_path_factory: pytest.TempPathFactory, library: Path) -> Iterator[Stages]:
    """All scenarios, in a folder that is made anew for each case."""
    beside = tmp_path_factory.mktemp("crashes")
    with closing(Stages(beside / "disk", beside, library)) as stages:
        yield stages


@pytest.fixture
def rows(record_property: Record) -> Rows:
    """Opens rows of the summary."""
    return partial(row, section="crashes", record=record_property)
