"""A stage for each test."""

from __future__ import annotations

from pathlib import Path

import pytest
from item_world import Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """A stage in an empty folder."""
    return Stage(tmp_path)
