"""How many connections a server may hold, so that files are left for what it works on."""

from __future__ import annotations

from typing import Final

_MOST: Final = 4096
_KEPT_FREE: Final = 256
"""Open files that executions need: journals, locks, pipes of child processes, connections."""


def most_connections(open_files: int | None = None) -> int:
    """How many connections there may be at once; more are told to come again.

    Args:
        open_files: how many files this process may have open: what the system says by default.
    """
    limit = _open_files() if open_files is None else open_files
    # With very few, half of them.
    return min(_MOST, max(limit - _KEPT_FREE, limit // 2))


def _open_files() -> int:
    try:
        import resource
    except ModuleNotFoundError:  # Not a system that has such limits.
        return _MOST + _KEPT_FREE
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST + _KEPT_FREE if soft == resource.RLIM_INFINITY else soft
