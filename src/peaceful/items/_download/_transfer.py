"""The source of a download, and the transfer of its bytes into the part file."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

from peaceful._aio import run_in_thread
from peaceful._errors.running import RetriesExhausted
from peaceful._item.ctx import ItemCtx
from peaceful._item.files import write_atomically
from peaceful._item.retry import Backoff
from peaceful._present.numbers import size, size_pair
from peaceful._present.text import count
from peaceful.items._download._address import Address, Origin, sha256_of
from peaceful.items._download._errors import (
    AnswerInvalid,
    ChecksumWrong,
    DownloadFailed,
    LengthWrong,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._download._network import Answer, Client, HttpSettings
from peaceful.items._download._plan import (
    FromOffset,
    Nonsense,
    NothingLeft,
    Part,
    PartRecord,
    SourceFacts,
    StartOver,
    Take,
    facts_of,
    retry_after,
    start_of,
    verdict,
)
from peaceful.items._download._state import FileDownloadState, download_diff

TRANSIENT: Final = (SourceUnreachable, SourceUnavailable, AnswerInvalid, LengthWrong)
"""Failures after which trying again may help."""

LONGEST_WAIT: Final = 120.0
"""Seconds: a server that asks to wait longer is not waited for."""

_BUSY: Final = frozenset({408, 425, 429})
_FINAL: Final = frozenset({501, 505})
"""Statuses from 500 on that will not change by themselves."""


async def looked_up(client: Client, address: Address) -> SourceFacts:
    """What the server says of the file, without fetching it.

    Asks by `HEAD`; where that is refused, which signed addresses and some servers do, or gives no
    usable answer, by `GET` for the first byte.

    Raises:
        DownloadFailed: there is no file, or no answer.
    """
    async with await client.send("HEAD", {}) as answer:
        if answer.status == 200:
            facts = facts_of(answer.headers, answer.status)
            if facts.size != 0:  # Some say 0 to every HEAD.
                return facts
        elif is_busy(answer.status):
            raise refusal(answer, address)
    async with await client.send("GET", {"Range": "bytes=0-0"}) as answer:
        if answer.status not in (200, 206, 416):
            raise refusal(answer, address)
        return facts_of(answer.headers, answer.status)


def is_busy(status: int) -> bool:
    """Whether a status says that trying again later may help."""
    return status in _BUSY or (status >= 500 and status not in _FINAL)


def refusal(answer: Answer, address: Address) -> DownloadFailed:
    """What an answer without the file means.

    Args:
        answer: the answer.
        address: what was asked for.
    """
    if is_busy(answer.status):
        wait = retry_after(answer.headers)
        return SourceUnavailable(address.shown, answer.status, answer.reason, wait)
    if answer.status in (404, 410):
        return SourceMissing(address.shown, answer.status)
    return SourceRefused(address.shown, answer.status, answer.reason)


def wait_asked_for(error: Exception) -> float:
    """The seconds that a failure asks to wait before trying again.

    Raises:
        SourceUnavailable: the failure itself, where that is too long.
    """
    if not isinstance(error, SourceUnavailable) or error.retry_after is None:
        return 0.0
    if error.retry_after > LONGEST_WAIT:
        raise error
    return error.retry_after


T = TypeVar("T")

_WRITTEN_AT_ONCE: Final = 256 * 1024
"""Bytes that are gathered before a thread writes them."""
_SMALL: Final = 64 * 1024
"""Bytes: where fewer come at once, the network is the slower one, and they are written at once."""


class _GotFurther(Exception):
    """An attempt failed, but not before it got further than any other: the counting begins anew."""


async def tried(ctx: ItemCtx, attempt: Callable[[], Awaitable[T]], attempts: int, doing: str) -> T:
    """Tries something again after failures that may pass.

    Raises:
        DownloadFailed: it failed for good, or as often as allowed.
    """
    try:
        return await ctx.retry(
            attempt,
            on=TRANSIENT,
            backoff=Backoff(attempts=attempts),
            doing=doing,
            at_least=wait_asked_for,
        )
    except RetriesExhausted as exhausted:
        failure = exhausted.__cause__
        assert isinstance(failure, TRANSIENT)
        failure.details = (("tried", count(attempts, "time")),)
        raise failure from None


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be downloaded.

    Attributes:
        settings: how to ask for it.
        target: where it goes.
        attempts: how often in a row an attempt may fail without getting any further.
        current: what is there.
        goal: what should be there.
    """

    settings: HttpSettings
    target: Path
    attempts: int
    current: FileDownloadState
    goal: FileDownloadState


class Transfer:
    """One download, from looking at what is there already to putting the whole in its place."""

    def __init__(self, ctx: ItemCtx, order: Order) -> None:
        self._ctx = ctx
        self._order = order
        self._part = Part(order.target)
        self._record: PartRecord | None = None
        self._furthest = 0
        self._guessed = False
        """Whether bytes were joined that only the checksum can prove to belong together."""
        self._again = False
        """Whether that has turned out wrong: it is guessed once, or it might never end."""

    async def run(self) -> FileDownloadState:
        """Downloads the file.

        Returns:
            What it then is.

        Raises:
            DownloadFailed: the file cannot be had.
            DiskFailed: it cannot be written.
            StoppedAtSafePoint: the item is to end here; what came is kept.
        """
        self._record = await run_in_thread(self._part.load)
        try:
            async with Client(self._order.settings, self._ctx) as client:
                await self._fetch(client)
                if not await self._is_right():
                    # Parts of two versions, most likely: once more, from the start.
                    self._record, self._again = None, True
                    await self._fetch(client)
                    await self._is_right()
            return await self._finished()
        finally:
            await run_in_thread(self._part.close)

    # ---- the bytes

    async def _fetch(self, client: Client) -> None:
        """Attempts until all is there; as often as it takes, as long as it gets further."""
        self._furthest = self._part.size if self._record is not None else 0
        while True:
            try:
                return await tried(
                    self._ctx,
                    lambda: self._attempt(client),
                    self._order.attempts,
                    "the download",
                )
            except _GotFurther as further:
                self._ctx.progress.message(f"{further}; carrying on")
                await self._ctx.sleep(Backoff().delay, where=self._where())

    async def _attempt(self, client: Client) -> None:
        try:
            while not await self._asked_and_taken(client):
                await run_in_thread(self._part.remove)
                self._record = None
        except TRANSIENT as error:
            if self._part.size > self._furthest:
                self._furthest = self._part.size
                raise _GotFurther(error.message.rstrip(".")) from error
            raise

    async def _asked_and_taken(self, client: Client) -> bool:
        """One question and its answer; whether that led to the whole file. Else, start over."""
        order, record = self._order, self._record
        source = order.settings.address
        start = start_of(
            record, self._part.size, source=source.shown, verified=order.settings.verified
        )
        headers: dict[str, str] = {}
        if isinstance(start, FromOffset):
            if self._is_whole():
                return True
            headers["Range"] = f"bytes={start.offset}-"
            if start.if_range is not None:
                headers["If-Range"] = start.if_range
        async with await client.send("GET", headers) as answer:
            if answer.status not in (200, 206) and not (answer.status == 416 and headers):
                raise refusal(answer, source)
            match verdict(start, record, answer.status, answer.headers):
                case Take(offset=offset, total=total):
                    self._guessed |= offset > 0 and "If-Range" not in headers
                    await self._take(answer, offset, total)
                    return True
                case NothingLeft():
                    return True
                case StartOver():
                    return False
                case Nonsense(reason=reason):
                    raise AnswerInvalid(
                        f"{source.host} {reason}.",
                        help="run the command again; if it stays so, the server is at fault",
                    )

    def _is_whole(self) -> bool:
        """Whether all bytes of the wanted version are there, and only the renaming is left."""
        record, goal = self._record, self._order.goal
        if record is None or record.length != self._part.size:
            return False
        wanted = goal.etag or goal.last_modified
        return goal.sha256 is not None or (
            wanted is not None and wanted in (record.etag, record.last_modified)
        )

    async def _take(self, answer: Answer, offset: int, total: int | None) -> None:
        facts = facts_of(answer.headers, answer.status)
        if offset == 0 or self._record is None:
            self._record = PartRecord(
                source=self._order.settings.address.shown,
                etag=facts.etag,
                last_modified=facts.last_modified,
                length=total,
                if_range=facts.if_range(),
            )
            await run_in_thread(self._part.begin, self._record)
        else:
            await run_in_thread(self._part.carry_on, self._record)
        expected = total if total is not None else self._expected(self._record)
        self._ctx.progress.bytes(expected, done=self._part.size)
        resumed = f", carried on at {size(offset)}" if offset else ""
        self._ctx.progress.message(f"from {self._order.settings.address.host}{resumed}")
        await self._receive(answer, self._record, expected)
        if expected is not None and self._part.size != expected:
            found = self._part.size
            if found > expected:
                await run_in_thread(self._part.remove)
            else:
                await run_in_thread(self._part.sync, self._record)
            raise LengthWrong(self._order.settings.address.shown, expected, found)

    def _expected(self, record: PartRecord) -> int | None:
        """How many bytes the whole has, by what was said before of the same version."""
        goal = self._order.goal
        same = (goal.etag, goal.last_modified) == (record.etag, record.last_modified)
        return record.length if record.length is not None else (goal.size if same else None)

    async def _receive(self, answer: Answer, record: PartRecord, expected: int | None) -> None:
        ctx, part = self._ctx, self._part
        gathered = bytearray()
        try:
            while True:
                received = part.size + len(gathered)
                data = await ctx.wait_for(
                    answer.next_bytes(),
                    partial=self._partial(received, expected),
                    where=_where(received, expected),
                )
                if not data:
                    break
                gathered += data
                ctx.progress.done(part.size + len(gathered))
                if len(data) < _SMALL or len(gathered) >= _WRITTEN_AT_ONCE:
                    # Never written twice, also where writing fails half way.
                    full, gathered = gathered, bytearray()
                    await run_in_thread(part.write, full, record)
        except BaseException:
            # Interrupted, cancelled, cut: what came is kept, and made durable.
            await run_in_thread(part.write, gathered, record)
            await run_in_thread(part.sync, record)
            raise
        await run_in_thread(part.write, gathered, record)

    def _partial(self, received: int, expected: int | None) -> FileDownloadState:
        current = self._order.current
        known = {} if current.present else {"size": expected}
        return current.model_copy(update={"partial": received, **known})

    def _where(self) -> str:
        return _where(self._part.size, None if self._record is None else self._record.length)

    # ---- the whole

    async def _is_right(self) -> bool:
        """Whether what came has the right checksum. Else it is removed, to be fetched once more.

        Raises:
            ChecksumWrong: it came in one piece, or for the second time, and has another one than it
                should have.
        """
        ctx, wanted = self._ctx, self._order.goal.sha256
        if wanted is None:
            return True
        ctx.progress.message("comparing the checksum")
        ctx.progress.bytes(self._part.size, done=0)

        def between(count: int) -> None:
            ctx.progress.advance(count)
            _ = ctx.safe_point(where="while comparing the checksum of the whole file")

        found = await run_in_thread(sha256_of, self._part.path, between)
        if found == wanted:
            return True
        await run_in_thread(self._part.remove)
        if self._guessed and not self._again:
            return False
        shown = self._order.settings.address.shown
        raise ChecksumWrong(shown, self._order.target, wanted, found)

    async def _finished(self) -> FileDownloadState:
        record, order = self._record, self._order
        assert record is not None

        def remember(facts: os.stat_result) -> None:
            origin = None if order.goal.sha256 is not None else _origin(record, facts)
            write_atomically(Origin.path_for(order.target), origin)

        facts = await run_in_thread(self._part.finish, remember)
        state = FileDownloadState(
            path=order.target,
            present=True,
            size=facts.st_size,
            sha256=order.goal.sha256,
            etag=record.etag,
            last_modified=record.last_modified,
            source=record.source,
        )
        self._ctx.progress.message(f"{size(facts.st_size)} from {order.settings.address.host}")
        if download_diff(state, order.goal) is not None:
            # The source changed after it was looked up; what came is the newer one, and whole.
            return state.model_copy(update={"newer_than": order.goal.revision})
        return state


def _origin(record: PartRecord, facts: os.stat_result) -> str:
    origin = Origin(
        source=record.source,
        etag=record.etag,
        last_modified=record.last_modified,
        size=facts.st_size,
        changed_ns=facts.st_mtime_ns,
    )
    return origin.model_dump_json(indent=1) + "\n"


def _where(received: int, total: int | None) -> str:
    return f"at {size(received) if total is None else size_pair(received, total, ' of ')}"
