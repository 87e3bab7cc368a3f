"""The journal while it is written: an append-only file, and one sync for all who wait for it.

Group commit as in DeWitt et al., "Implementation Techniques for Main Memory Database Systems",
SIGMOD 1984: while one sync runs, everything that arrives waits for the next one.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from pathlib import Path

from peaceful._aio import DaemonThreadPool
from peaceful.errors import FileInaccessible
from peaceful.storage._files import open_new, refusals, write_all, write_file_atomically
from peaceful.storage._frames import file_header, frame


class Journal:
    """Appends records, and says when they are durable. Used from one event loop's thread.

    A record goes to the kernel before the loop turns, so that it outlives the process, together
    with what else is appended until then; that takes microseconds. Only the sync, which lets it
    outlive the machine, is waited for, in another thread.

    After an error, nothing more can be appended: what a failed sync left on disk cannot be known,
    and a second one may claim success (Rebello et al., "Can Applications Recover from fsync
    Failures?", 2020).
    """

    def __init__(
        self, path: Path, thread: DaemonThreadPool, first: bytes, *, sync: bool = True
    ) -> None:
        """Makes the file, durably, with its first record.

        Args:
            path: where it is; what was there is replaced.
            thread: does the syncs; a pool of one.
            first: the first record.
            sync: whether durable means on disk; else records are durable once the kernel has them,
                which is for benchmarks and tests.

        Raises:
            FileInaccessible: the operating system refused.
        """
        self._path = path
        self._thread = thread
        self._is_synced = sync
        self._unwritten: list[bytes] = []
        self._waiting: list[asyncio.Future[None]] = []
        self._syncing = False
        self._error: OSError | None = None
        begin = file_header() + frame(0, first)
        write_file_atomically(path, begin, sync=sync)
        with refusals(path, "written"):
            self._descriptor = open_new(path, os.O_WRONLY | os.O_APPEND)
        self._end = len(begin)
        self._written = 1

    @property
    def count(self) -> int:
        """How many records there are, the kernel's and those on their way to it."""
        return self._written + len(self._unwritten)

    def append(self, payload: bytes) -> None:
        """Takes a record, which is handed to the kernel before the loop turns.

        Raises:
            FileInaccessible: the operating system refused an earlier one.
        """
        if self._error is not None:
            raise self._failure(self._error)
        if not self._unwritten:
            asyncio.get_running_loop().call_soon(self._write)
        self._unwritten.append(frame(self.count, payload))

    def flush(self) -> None:
        """Returns once everything that was appended until now outlives the process.

        Raises:
            FileInaccessible: the operating system refused, now or earlier. The file ends with the
                last record that it took whole.
        """
        self._write()
        if self._error is not None:
            raise self._failure(self._error)

    def synced(self) -> asyncio.Future[None]:
        """Completes once everything that was appended until now is durable.

        Raises:
            FileInaccessible: through the future; the operating system refused.
        """
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if not self._is_synced:
            self._write()
            if self._error is None:
                future.set_result(None)
                return future
        self._waiting.append(future)
        if not self._syncing:
            self._syncing = True
            # What else is appended in this turn of the loop shares the sync.
            future.get_loop().call_soon(self._start_sync)
        return future

    def let_go(self) -> None:
        """Writes nothing more: of what was appended, only what the kernel has stays."""
        self._unwritten = []

    def close(self) -> None:
        """Closes the file, in any thread; the loop's thread has let go of it before."""
        # Whoever waited has been told whether it is durable; closing adds nothing to that.
        with suppress(OSError):
            os.close(self._descriptor)

    def _start_sync(self) -> None:
        self._write()
        waiting, self._waiting = self._waiting, []
        if self._error is not None:
            self._end_sync(waiting)
            return
        synced = self._thread.submit(_sync, self._descriptor)
        synced.add_done_callback(lambda done: self._synced(waiting, done))

    def _synced(self, waiting: list[asyncio.Future[None]], done: asyncio.Future[None]) -> None:
        error = done.exception()
        if error is not None:
            # `fdatasync` raises nothing else.
            assert isinstance(error, OSError)
            self._error = error
        self._end_sync(waiting)

    def _end_sync(self, waiting: list[asyncio.Future[None]]) -> None:
        for future in waiting:
            if not future.done():
                if self._error is None:
                    future.set_result(None)
                else:
                    future.set_exception(self._failure(self._error))
        if self._waiting:
            self._start_sync()
        else:
            self._syncing = False

    def _write(self) -> None:
        """Hands what was appended to the kernel, unless there was an error before."""
        if self._error is not None or not self._unwritten:
            return
        frames, self._unwritten = self._unwritten, []
        data = b"".join(frames)
        try:
            write_all(self._descriptor, data)
        except OSError as error:
            self._error = error
            self._take_back()
        else:
            self._end += len(data)
            self._written += len(frames)

    def _take_back(self) -> None:
        """Cuts off what was half written; where that fails too, whoever reads it does so."""
        with suppress(OSError):
            os.ftruncate(self._descriptor, self._end)

    def _failure(self, error: OSError) -> FileInaccessible:
        return FileInaccessible(self._path, "written", error)


def _sync(descriptor: int) -> None:
    if hasattr(os, "fdatasync"):
        os.fdatasync(descriptor)
    else:
        os.fsync(descriptor)
