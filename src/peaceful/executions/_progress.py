"""What others may ask of a running execution."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from peaceful.executions._control_protocol import InterruptAnswer
from peaceful.model import Event, InterruptSignal, Snapshot


class ProgressSource(Protocol):
    """Tells how an execution stands and what happens in it. Asked in the execution's event loop."""

    def snapshot(self) -> Snapshot:
        """How everything stands now."""
        ...

    def subscribe(self) -> AsyncIterator[Event]:
        """The events from now on; ends after the execution's last one.

        Each reader has an iterator of its own and reads at its own speed. What it has not read yet
        is gathered for it in bounded space: of an item's progress the newest, of everything else
        each. It is closed (`aclose`) when its reader goes away early, where it can be.
        """
        ...


class Controlled(ProgressSource, Protocol):
    """A running execution, as its control socket sees it."""

    async def interrupt(self, signal: InterruptSignal) -> InterruptAnswer:
        """Interrupts it.

        Returns:
            What became of that, once everybody can see it: the register holds the interrupt, or,
            where it came too late, the outcome.
        """
        ...


async def closed(events: AsyncIterator[object]) -> None:
    """Closes an iterator that its reader leaves early, if it can be."""
    close = getattr(events, "aclose", None)
    if close is not None:
        await close()
