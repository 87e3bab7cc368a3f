"""The surroundings of all tests, wherever they are run: variables, home, umask, time zone, signals.

What a shell, a service or a container hands on would otherwise reach the tests and whatever they
start. A test that wants it otherwise sets it itself.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

KEPT: Final = (
    "PATH",
    "TMPDIR",
    "TESTS_",
    "SCREENSHOTS",
    "COVERAGE_",
    "COV_",
    "PYTEST_",
    "HYPOTHESIS_",
    "LD_",
)
"""How the variables begin that tests are left: where programs are found, and how tests are run."""

CHOSEN: Final[Mapping[str, str]] = {"LANG": "C.UTF-8", "TERM": "xterm", "TZ": "UTC"}
"""The variables that are the same everywhere. `HOME` is an empty folder of the session."""

UMASK: Final = 0o022
"""The rights that new files lack."""

_IGNORED_BY_PYTHON: Final = {signal.SIGPIPE, signal.SIGXFSZ}


def arrange(home: Path) -> None:
    """Make the surroundings of this process, and of what it starts, those of all tests.

    Args:
        home: an empty folder.
    """
    _set_variables(home)
    os.umask(UMASK)
    _heed_signals()


def _set_variables(home: Path) -> None:
    for name in list(os.environ):
        if not name.startswith(KEPT):
            del os.environ[name]
    os.environ.update(CHOSEN, HOME=str(home))
    os.environ.setdefault("PATH", os.defpath)
    if sources := os.environ.get("TESTS_SOURCES"):  # Other sources than those that are installed.
        os.environ["PYTHONPATH"] = sources
    time.tzset()


def _heed_signals() -> None:
    """Undo what `nohup`, `&` or a service's manager has told this process to ignore or to block.

    This process goes on as it was told: what is handled here, even by doing nothing, is not
    ignored in a program that is started.
    """
    for number in signal.valid_signals() - _IGNORED_BY_PYTHON:
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, _do_nothing)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def _do_nothing(_number: int, _frame: object) -> None:
    return
