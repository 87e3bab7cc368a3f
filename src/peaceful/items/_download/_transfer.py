"""The look-up of a source, and the transfer of its bytes into the part file."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from peaceful._aio import run_in_thread
from peaceful._errors.running import RetriesExhausted
from peaceful._item.ctx import ItemCtx
from peaceful._item.retry import Backoff
from peaceful._present.numbers import size, size_pair
from peaceful._present.text import count
from peaceful.items._download._address import Address, sha256_of
from peaceful.items._download._errors import (
    AnswerInvalid,
    ChecksumWrong,
    DownloadFailed,
    LengthWrong,
    RedirectRefused,
    SourceMissing,
    SourceRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._download._network import Client, HttpSettings, Response, is_out_of_reach
from peaceful.items._download._plan import (
    Part,
    PartRecord,
    SourceFacts,
    Verdict,
    Version,
    facts_of,
    retry_after,
    start_of,
    verdict,
)
from peaceful.items._download._state import FileDownloadState, download_diff

T = TypeVar("T")

_TRANSIENT: Final = (SourceUnreachable, SourceUnavailable, AnswerInvalid, LengthWrong)

_LONGEST_WAIT: Final = 120.0
"""Seconds: a server that asks to wait longer is not waited for."""

_BUSY: Final = frozenset({408, 425, 429})
_WAIT: Final = frozenset({*_BUSY, 503})
"""Statuses by which a server asks to come back later."""
_FINAL: Final = frozenset({501, 505})
"""Statuses from 500 on that will not change by themselves."""
_NOT_FOR_RANGE: Final = frozenset({401, 403, 404, 407, 410, 451})
"""Statuses that refuse the file, whatever part of it is asked for."""

_WRITTEN_AT_ONCE: Final = 256 * 1024
"""Bytes that are gathered before a thread writes them."""
SHORT: Final = 64 * 1024
"""Bytes up to which a file is written at once, whole."""
_SMALL: Final = 64 * 1024
"""Bytes: if fewer come at once, the network is the slower one, and they are written at once."""


async def look_up(
    client: Client, address: Address, known: Version | None, *, ahead: bool
) -> SourceFacts:
    """Return what the server says of the file, or raise `DownloadFailed`.

    What `GET` says decides, for that is what comes. A `HEAD` is asked where it may be enough: it is
    believed if it says what is `known` of what is there, and no further. With `ahead`, the answer
    to `GET` is kept, because its body is what comes next; else it asks for the first byte.
    """
    if known is not None:
        facts = await _head(client)
        if facts is not None and known.is_told(facts):
            return facts
    if not ahead:
        async with client.send("GET", {"Range": "bytes=0-0"}) as answer:
            if answer.status not in (200, 206, 416):
                raise _refusal(answer, address)
            if answer.status == 206:
                await answer.read_rest()  # The next question goes through the same connection.
            return facts_of(answer.headers, answer.status)
    answer = await client.ask_ahead()
    if answer.status not in (200, 206, 416):
        raise _refusal(answer, address)
    facts = facts_of(answer.headers, answer.status)
    if facts.size is None and "transfer-encoding" not in answer.headers:
        # The connection's end would be the file's, wherever it is cut: `HEAD` may know better.
        told = await _head(client)
        if told is not None and told.size and (told.etag or told.last_modified):
            same = (told.etag, told.last_modified) == (facts.etag, facts.last_modified)
            return replace(facts, size=told.size) if same else facts
    return facts


async def _head(client: Client) -> SourceFacts | None:
    """Return what `HEAD` says, or None if that fails; raise if nobody is reached."""
    try:
        async with client.send("HEAD", {}) as answer:
            return facts_of(answer.headers, answer.status) if answer.status == 200 else None
    except (RedirectRefused, SourceUnreachable) as failure:
        if is_out_of_reach(failure):
            raise
    return None


def _is_busy(status: int) -> bool:
    return status in _BUSY or (status >= 500 and status not in _FINAL)


def _refusal(answer: Response, address: Address) -> DownloadFailed:
    if _is_busy(answer.status):
        wait = retry_after(answer.headers)
        return SourceUnavailable(address.shown, answer.status, answer.reason, wait)
    if answer.status in (404, 410):
        return SourceMissing(address.shown, answer.status)
    return SourceRefused(address.shown, answer.status, answer.reason)


def wait_asked_for(error: Exception) -> float:
    """Return the seconds that a failure asks to wait; raise the failure if that is too long."""
    if not isinstance(error, SourceUnavailable) or error.retry_after is None:
        return 0.0
    if error.retry_after > _LONGEST_WAIT:
        raise error
    return error.retry_after


async def retry(ctx: ItemCtx, attempt: Callable[[], Awaitable[T]], attempts: int, doing: str) -> T:
    """Retry after failures that may pass; raise the last one when the attempts are exhausted."""
    try:
        return await ctx.retry(
            attempt,
            on=_TRANSIENT,
            backoff=Backoff(attempts=attempts),
            doing=doing,
            at_least=wait_asked_for,
        )
    except RetriesExhausted as exhausted:
        failure = exhausted.__cause__
        assert isinstance(failure, _TRANSIENT)
        failure.details = (("tried", count(attempts, "time")),)
        raise failure from None


class _GotFurther(Exception):
    """An attempt failed, but got further than any before, so that attempts are counted anew."""


class Transfer:
    """One download, from the bytes of earlier attempts to the finished file.

    It ends when the given number of attempts in a row have failed without getting any further.
    """

    def __init__(
        self,
        ctx: ItemCtx,
        settings: HttpSettings,
        attempts: int,
        current: FileDownloadState,
        goal: FileDownloadState,
    ) -> None:
        self._ctx = ctx
        self._settings = settings
        self._attempts = attempts
        self._current = current
        self._goal = goal
        self._source: Final = settings.address
        self._part = Part(goal.path)
        self._furthest = 0
        # Set once bytes of two answers are joined, which only a checksum can prove to belong
        # together; and once that has proved wrong, since it might never end if it were tried again.
        self._joined = self._joined_wrong = False
        self._refused = 0

    async def run(self) -> FileDownloadState:
        """Download the file, and return its state; whatever it raises, received bytes are kept."""
        if self._current.partial is not None:
            await run_in_thread(self._part.load)
        self._joined = self._part.size > 0
        try:
            client = await Client.of(self._settings, self._ctx)
            await self._fetch(client)
            if not await self._is_right():
                # Parts of two versions, most likely: once more, from the start.
                self._joined_wrong = True
                await self._fetch(client)
                await self._is_right()
            return await self._finish()
        finally:
            if self._part.is_on_disk:
                await run_in_thread(self._part.close)

    # ---- fetching the bytes

    async def _fetch(self, client: Client) -> None:
        """Retry until all bytes are there, as long as attempts get further."""
        self._furthest = self._part.size
        while True:
            try:
                return await retry(
                    self._ctx, lambda: self._attempt(client), self._attempts, "the download"
                )
            except _GotFurther as further:
                self._ctx.progress.message(f"{further}; carrying on")
                total = self._part.record.length if self._part.record else None
                await self._ctx.sleep(Backoff().delay, where=_where(self._part.size, total))

    async def _attempt(self, client: Client) -> None:
        try:
            if not await self._resume(client):
                await self._ask_and_take(client)
        except _TRANSIENT as error:
            if self._part.size > self._furthest:
                self._furthest = self._part.size
                raise _GotFurther(error.message.rstrip(".")) from error
            raise

    async def _resume(self, client: Client) -> bool:
        """Fetch what follows the present bytes; return False if the whole must be fetched.

        The present bytes are kept until that comes in their place.
        """
        record, verified = self._part.record, self._settings.verified
        offset = start_of(record, self._part.size, source=self._source.shown, verified=verified)
        if record is None or not offset:
            return False
        if self._is_whole(record):
            return True
        headers = {"Range": f"bytes={offset}-"}
        if record.if_range is not None:
            headers["If-Range"] = record.if_range
        return await self._ask_and_take(client, offset, headers)

    async def _ask_and_take(
        self, client: Client, offset: int = 0, headers: Mapping[str, str] = {}
    ) -> bool:
        """Send one request, and take the answer; return False if there is nothing to take."""
        async with client.send("GET", headers) as answer:
            if answer.status not in (200, 206) and not (answer.status == 416 and offset):
                if offset and self._is_for_range(answer.status):
                    return False
                raise _refusal(answer, self._source)
            self._refused = 0
            match verdict(offset, self._part.record, answer.status, answer.headers):
                case Verdict.WHOLE:
                    self._joined = False
                    return await self._take(answer, 0, None)
                case Verdict.REST:
                    self._joined = True
                    return await self._take(answer, offset, self._part.record)
                case Verdict.NOTHING_LEFT:
                    return True
                case Verdict.START_OVER:
                    return False
                case Verdict.NOT_WHOLE:
                    raise AnswerInvalid(
                        f"{self._source.host} sent a part of the file where the whole was asked "
                        "for.",
                        help="run the command again; if it stays so, the server is at fault",
                    )

    def _is_whole(self, record: PartRecord) -> bool:
        """Return whether the wanted version is complete, so that only the renaming is left."""
        goal = self._goal
        if record.length != self._part.size:
            return False
        wanted = goal.etag or goal.last_modified
        return goal.sha256 is not None or (
            wanted is not None and wanted in (record.etag, record.last_modified)
        )

    def _is_for_range(self, status: int) -> bool:
        """Return whether the server refuses a part of the file, but may give the whole.

        Of failures that may pass, only the second one in a row is taken for that: most are of a
        server that will resume later.
        """
        if _is_busy(status):
            self._refused += status not in _WAIT
            return self._refused > 1
        return status not in _NOT_FOR_RANGE

    async def _take(self, answer: Response, offset: int, record: PartRecord | None) -> bool:
        """Receive the body; return False if it must start over, since there was too much of it."""
        facts, part = facts_of(answer.headers, answer.status), self._part
        if record is None:
            record = PartRecord(
                source=self._source.shown,
                etag=facts.etag,
                last_modified=facts.last_modified,
                length=facts.size,
                if_range=facts.if_range(),
            )
        part.begin(offset, record)
        expected = facts.size if facts.size is not None else self._expected(record)
        self._ctx.progress.bytes(expected, done=part.size)
        resumed = f", carried on at {size(offset)}" if offset else ""
        self._ctx.progress.message(f"from {self._source.host}{resumed}")
        await self._receive(answer, expected)
        if expected is not None and part.size != expected:
            found = part.size
            if found > expected:
                await run_in_thread(part.remove)
                if offset:
                    return False
            else:
                await run_in_thread(part.save)
            raise LengthWrong(self._source.shown, expected, found)
        return True

    def _expected(self, record: PartRecord) -> int | None:
        """Return the size of the whole, as it was said before of the same version."""
        goal = self._goal
        same = (goal.etag, goal.last_modified) == (record.etag, record.last_modified)
        return record.length if record.length is not None else (goal.size if same else None)

    async def _receive(self, answer: Response, expected: int | None) -> None:
        ctx, part = self._ctx, self._part
        # A short file is written whole. Of others, what comes slowly is written at once.
        is_short = part.size == 0 and expected is not None and expected <= SHORT
        try:
            while True:
                data = await ctx.wait_for(
                    anext(answer.body, b""),
                    partial=self._partial(part.size, expected),
                    where=_where(part.size, expected),
                )
                if not data:
                    break
                part.add(data)
                ctx.progress.done(part.size)
                is_slow = len(data) < _SMALL and not is_short
                if is_slow or len(part.unwritten) >= _WRITTEN_AT_ONCE:
                    await run_in_thread(part.flush)
        except BaseException:
            # Interrupted, cancelled, cut: the received bytes are kept, and made durable.
            await run_in_thread(part.save)
            raise

    def _partial(self, received: int, expected: int | None) -> FileDownloadState:
        current = self._current
        known = {} if current.present else {"size": expected}
        return current.model_copy(update={"partial": received, **known})

    # ---- finishing the file

    async def _is_right(self) -> bool:
        """Check the checksum, and remove a wrong file; return False if it may be fetched again.

        Raises `ChecksumWrong` if it came in one piece, or for the second time.
        """
        wanted = self._goal.sha256
        if wanted is None:
            return True
        if self._part.is_on_disk:
            await run_in_thread(self._part.flush)
            found = await run_in_thread(
                sha256_of,
                self._part.path,
                self._part.size,
                self._ctx,
                message="comparing the checksum",
                where="while comparing the checksum of the whole file",
            )
        else:
            found = hashlib.sha256(self._part.unwritten).hexdigest()
        if found == wanted:
            return True
        await run_in_thread(self._part.remove)
        if self._joined and not self._joined_wrong:
            return False
        raise ChecksumWrong(self._source.shown, self._goal.path, wanted, found)

    async def _finish(self) -> FileDownloadState:
        record, goal = self._part.record, self._goal
        assert record is not None
        state = FileDownloadState(
            path=goal.path,
            present=True,
            size=self._part.size,
            sha256=goal.sha256,
            etag=record.etag,
            last_modified=record.last_modified,
            source=record.source,
        )
        if download_diff(state, goal) is not None:
            # The source changed after it was looked up, and the newer version was downloaded.
            state = state.model_copy(update={"newer_than": goal.revision})
        await run_in_thread(self._part.finish, verified=self._settings.verified)
        self._ctx.progress.message(f"{size(self._part.size)} from {self._source.host}")
        return state


def _where(received: int, total: int | None) -> str:
    return f"at {size(received) if total is None else size_pair(received, total, ' of ')}"
