"""What the tests of items share: a context."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from item_contexts import Bench, made_bench


@pytest.fixture
def make_bench(tmp_path: Path) -> Callable[[], Bench]:
    """Makes a context within the running loop, and within the running task."""
    return lambda: made_bench(tmp_path)


@pytest.fixture
async def bench(tmp_path: Path) -> Bench:
    """A context within a running loop, for items that run in no task of their own."""
    return made_bench(tmp_path)
