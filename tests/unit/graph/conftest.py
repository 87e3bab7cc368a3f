"""What the tests of graphs share: a count of the steps that code takes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, TypeAlias

import pytest

import peaceful._graph.graph

if TYPE_CHECKING:
    from _typeshed import TraceFunction

_FOLDER = str(Path(peaceful._graph.graph.__file__).parent)

Steps: TypeAlias = Callable[[Callable[[], object]], int]


@pytest.fixture
def steps() -> Steps:
    """How many lines of the graph package a call executes: what it costs, whatever the machine."""

    def counted(call: Callable[[], object]) -> int:
        lines = 0

        def trace(frame: FrameType, event: str, _: object) -> TraceFunction | None:
            nonlocal lines
            if not frame.f_code.co_filename.startswith(_FOLDER):
                return None
            lines += event == "line"
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            call()
        finally:
            sys.settrace(before)
        return lines

    return counted
