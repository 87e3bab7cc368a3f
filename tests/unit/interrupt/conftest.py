"""What the tests of interruption share: signals, and one thing run in the middle of another."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any, TypeAlias

import pytest

import peaceful.interrupt
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

NOON = datetime(2024, 5, 6, 12, tzinfo=UTC)

_FOLDER = str(Path(peaceful.interrupt.__file__).parent)

MakeSignal: TypeAlias = Callable[[InterruptLevel], InterruptSignal]
RunInside: TypeAlias = Callable[[Callable[[], object], Callable[[], object], int], bool]


@pytest.fixture
def noon() -> datetime:
    """Some time of day."""
    return NOON


@pytest.fixture
def signal_at() -> MakeSignal:
    """A signal of a given level."""

    def make(level: InterruptLevel) -> InterruptSignal:
        return InterruptSignal(level, InterruptSource.API, NOON)

    return make


@pytest.fixture
def run_inside() -> RunInside:
    """Runs one call in the middle of another, as a signal handler would: before an instruction.

    Returns whether the outer call has that many instructions within the package.
    """

    def run(outer: Callable[[], object], inner: Callable[[], object], instruction: int) -> bool:
        left = instruction
        done = False

        def trace(frame: FrameType, event: str, _: object) -> Callable[..., Any] | None:
            nonlocal left, done
            if not frame.f_code.co_filename.startswith(_FOLDER):
                return None
            frame.f_trace_opcodes = True
            if event == "opcode" and not done:
                left -= 1
                if left < 0:
                    done = True
                    inner()
            return trace

        # Python 3.12 reports instructions only if some frame wanted them before tracing begins.
        here = inspect.currentframe()
        assert here is not None
        here.f_trace_opcodes = True
        before = sys.gettrace()
        sys.settrace(trace)
        try:
            outer()
        finally:
            sys.settrace(before)
        return done

    return run
