"""The questions that the items of one execution ask people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from peaceful._aio import run_shielded
from peaceful._errors.running import NotApproved
from peaceful._errors.usage import DefinitionError
from peaceful._model.clock import Clock
from peaceful._model.codec import ItemId
from peaceful._model.events import ApprovalAsked, ApprovalEnded, Event
from peaceful._model.execution import (
    COMMENT_LIMIT,
    QUESTION_LIMIT,
    Answerer,
    Approval,
    ApprovalReceipt,
    Reply,
)
from peaceful._present.text import one_line

Keep: TypeAlias = Callable[[Approval], Awaitable[None]]
"""Returns once an approval is on disk, or raises `StorageError`."""

Pause: TypeAlias = Callable[[ItemId], AbstractAsyncContextManager[None]]
"""Opens a context in which an item only waits for a person, so that others may be in progress."""


@dataclass(slots=True)
class _Change:
    """The change of an item, within which it may ask."""

    function: str
    given: list[Approval]
    keep: Keep
    one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)
    answered: Approval | None = None
    """The latest answer, for whoever comes second."""


@dataclass(slots=True)
class _Asked:
    question: str
    change: _Change
    going_on: asyncio.Future[None]
    approval: Approval | None = None


@asynccontextmanager
async def _no_pause(_: ItemId) -> AsyncGenerator[None]:
    yield


class Approvals:
    """The questions of one execution. Used in its event loop, which alone decides who was first.

    Attributes:
        loop: that loop.
        pause: opened while an item waits; the pass over the items sets it.
        on_ask: answers for people: returns an empty text to approve, why it is refused, or None to
            let the item wait.
    """

    def __init__(
        self,
        clock: Clock,
        publish: Callable[[Event], None],
        loop: asyncio.AbstractEventLoop,
        on_ask: Callable[[ItemId, str], str | None] = lambda _item, _question: None,
    ) -> None:
        self.loop = loop
        self.pause: Pause = _no_pause
        self.on_ask = on_ask
        self._clock = clock
        self._publish = publish
        self._changes: dict[ItemId, _Change] = {}
        self._asked: dict[ItemId, _Asked] = {}
        self._latest: dict[ItemId, Approval] = {}

    @contextmanager
    def allowed(
        self, item: ItemId, function: str, given: list[Approval], keep: Keep
    ) -> Generator[None]:
        """Let an item ask within the context, in which a function changes it.

        What was `given` before is not asked again.
        """
        self._changes[item] = _Change(function, given, keep)
        try:
            yield
        finally:
            del self._changes[item]

    async def ask(self, item: ItemId, question: str) -> None:
        """Return once a person has approved, now or before.

        Raises:
            NotApproved: a person refused.
            DefinitionError: the item is only looked at, or asks what cannot be shown in a line.
        """
        change = self._changes.get(item)
        if change is None:
            raise DefinitionError(
                f"{item} asks for an approval, and is only looked at.",
                details=(("question", one_line(question, QUESTION_LIMIT)),),
                help="ask in `apply` or `clean`: only what changes something needs an approval",
            )
        question = _checked(item, question)
        async with change.one_at_a_time:
            for given in change.given:
                if (given.question, given.function) == (question, change.function):
                    self._publish(ApprovalEnded(self._clock.now(), item, given))
                    return
            approval = await self._answer_to(item, question, change)
        if not approval.approved:
            raise NotApproved(item, question, str(approval.by), approval.comment)

    async def _answer_to(self, item: ItemId, question: str, change: _Change) -> Approval:
        asked = _Asked(question, change, self.loop.create_future())
        self._asked[item] = asked
        self._publish(ApprovalAsked(self._clock.now(), item, question))
        try:
            refusal = self.on_ask(item, question)
            if refusal is not None:
                await self.answer(item, Reply(not refusal, Answerer("python"), refusal))
            async with self.pause(item):
                await asked.going_on
        finally:
            del self._asked[item]
            self._publish(ApprovalEnded(self._clock.now(), item, asked.approval))
        assert asked.approval is not None
        return asked.approval

    async def answer(self, item: ItemId, reply: Reply) -> ApprovalReceipt:
        """Answer an item's question, if it is asked and nobody was faster.

        An approval is on disk when this returns. Raises `StorageError` if it cannot be kept: then
        it does not count, and the item fails.
        """
        asked = self._asked.get(item)
        if (
            asked is None
            or asked.approval is not None
            or reply.question not in {None, asked.question}
        ):
            return ApprovalReceipt(False, self._latest.get(item), self._open_questions())
        approval = Approval(
            item,
            asked.question,
            reply.approve,
            reply.by,
            self._clock.now(),
            one_line(reply.comment, COMMENT_LIMIT),
            asked.change.function,
        )
        asked.approval = self._latest[item] = approval
        # To its end, also where whoever answers goes away: nobody else can answer any more.
        await run_shielded(self._take(asked, approval))
        return ApprovalReceipt(True, approval, self._open_questions())

    async def _take(self, asked: _Asked, approval: Approval) -> None:
        try:
            if approval.approved:
                # First of all: whoever hears that it was approved may rely on it.
                await asked.change.keep(approval)
                asked.change.given.append(approval)
        except Exception as error:
            asked.approval = None
            del self._latest[approval.item]
            _settle(asked.going_on, error)
            raise
        _settle(asked.going_on, None)

    def _open_questions(self) -> dict[ItemId, str]:
        return {
            item: asked.question for item, asked in self._asked.items() if asked.approval is None
        }


def _settle(future: asyncio.Future[None], error: Exception | None) -> None:
    if future.done():
        return  # The item does not wait any more.
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)


def _checked(item: ItemId, question: str) -> str:
    line = one_line(question, QUESTION_LIMIT + 1)
    if not line or len(line) > QUESTION_LIMIT:
        raise DefinitionError(
            f"{item} asks for an approval with {'too many' if line else 'no'} words.",
            help=f"ask in one line of at most {QUESTION_LIMIT} characters; tell more by ctx.log",
        )
    return line
