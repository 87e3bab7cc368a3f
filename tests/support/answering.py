"""A register whose test answers what items ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from peaceful._item.approvals import Approvals
from peaceful._model.document import KeptDocument
from peaceful._model.events import ApprovalAsked, Event
from peaceful._model.execution import Answerer, ApprovalReceipt, Reply
from peaceful._model.interrupt import InterruptSignal
from peaceful._runtime.register import Registered, Starting

ANN = Answerer("terminal", "ann", "here")


@dataclass
class AnsweringRegister:
    """Keeps the questions of each execution, and how it ended.

    Attributes:
        approvals: takes answers to the questions of the newest execution.
        documents: how executions ended.
        events: what happened in the newest one.
    """

    approvals: Approvals | None = None
    documents: list[KeptDocument] = field(default_factory=list)
    events: asyncio.Queue[Event] = field(default_factory=asyncio.Queue)

    @asynccontextmanager
    async def registered(self, starting: Starting) -> AsyncGenerator[Registered]:
        """Registers an execution within the context."""
        self.approvals = starting.approvals
        subscription = starting.hub.subscribe()

        async def follow() -> None:
            async for event in subscription:
                self.events.put_nowait(event)

        following = asyncio.ensure_future(follow())
        try:
            yield _Kept(self)
        finally:
            following.cancel()

    async def asked(self) -> ApprovalAsked:
        """Waits for the next question."""
        async with asyncio.timeout(20):
            while True:
                event = await self.events.get()
                if isinstance(event, ApprovalAsked):
                    return event

    async def answer(
        self, item: str, approve: bool = True, comment: str = "", question: str | None = None
    ) -> ApprovalReceipt:
        """Answers the question of an item."""
        assert self.approvals is not None
        return await self.approvals.answer(item, Reply(approve, ANN, comment, question))


@dataclass
class _Kept:
    register: AnsweringRegister

    def interrupting(self, signal: InterruptSignal) -> None:
        pass

    async def finish(self, document: KeptDocument) -> None:
        self.register.documents.append(document)

    def finish_waiting(self, document: KeptDocument) -> None:
        self.register.documents.append(document)
