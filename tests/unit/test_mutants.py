"""The sample of guards that `make mutants` breaks is up to date."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = runpy.run_path(str(ROOT / "scripts" / "mutants.py"))
SAMPLE: tuple[Any, ...] = SCRIPT["mutants_in"](SCRIPT["SAMPLE"])


@pytest.mark.parametrize("mutant", SAMPLE, ids=lambda mutant: mutant.means)
def test_each_can_be_tried(mutant: Any) -> None:
    """Its guard is in the sources once, what it is broken to is Python, and its tests are there."""
    assert SCRIPT["problems_of"](mutant, ROOT) == []


def test_each_is_of_its_own() -> None:
    """No guard is in the sample twice, and each says what it is for."""
    assert len({mutant.snippet for mutant in SAMPLE}) == len(SAMPLE)
    assert len({mutant.means for mutant in SAMPLE}) == len(SAMPLE)
    assert all(mutant.means and mutant.tests for mutant in SAMPLE)
