"""Who handles SIGINT while a test runs: Python itself, or the program."""

from __future__ import annotations

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager


@contextmanager
def sigint_by(handler: Callable[..., object]) -> Generator[None]:
    """Within the context, let a handler get SIGINT: `signal.default_int_handler` is Python's."""
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def by_the_program(*_: object) -> None:
    """A handler of a program's own, which raises nothing."""
