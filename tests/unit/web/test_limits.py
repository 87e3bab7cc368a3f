"""How many connections a server may hold."""

from __future__ import annotations

import resource

import pytest

from peaceful.web._server._limits import most_connections


@pytest.mark.parametrize(
    ("open_files", "most"), [(1_000_000, 4096), (1024, 768), (300, 150), (64, 32)]
)
def test_files_are_left_for_executions(open_files: int, most: int) -> None:
    """However few there are."""
    assert most_connections(open_files) == most


def test_the_limit_of_this_process_counts() -> None:
    """By default."""
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    assert 0 < most_connections() <= 4096
    assert soft == resource.RLIM_INFINITY or most_connections() < soft
