"""Answers that are typed while a picture is drawn, to what items ask."""

from __future__ import annotations

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, Final, TypeAlias

from peaceful._cli.terminal.writer import in_foreground
from peaceful._errors.base import PeacefulError
from peaceful._item.child import child_has_terminal
from peaceful._model.codec import ExecutionId, ItemId
from peaceful._model.events import ApprovalAsked, Event, Snapshot
from peaceful._model.execution import Answerer, Reply

Answer: TypeAlias = Callable[[ExecutionId, ItemId, Reply], Coroutine[Any, Any, object]]
"""Takes an answer, or raises `PeacefulError`. (Any: what a coroutine yields is not looked at.)"""

_WORDS: Final = {"y": True, "yes": True, "n": False, "no": False}

_UNREAD: Final = 0.5
"""Seconds in which nobody has read a question: what is typed until then answers another one."""

_LOOK: Final = 0.2
"""Seconds between two looks at whether the question is still asked."""

_LONGEST: Final = 4096
"""Bytes of a line that a terminal passes on at most."""


class TypedAnswers:
    """A sink that lets people answer what items ask, by a word and Enter on the terminal `fd`.

    The first that waits is answered, which is the one whose question is shown. What was typed
    before it was shown is dropped: it is no consent.
    """

    def __init__(self, fd: int, by: Answerer, answer: Answer, say: Callable[[str], None]) -> None:
        self._fd = fd
        self._by = by
        self._answer = answer
        self._say = say
        self._snapshot = Snapshot()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def receive(self, events: Sequence[Event]) -> None:
        """Take note of what is asked, and read answers while something is."""
        with self._lock:
            for event in events:
                self._snapshot.add(event)
            if self._snapshot.asking and self._thread is None:
                self._thread = threading.Thread(
                    target=self._read_answers, name="peaceful-answers", daemon=True
                )
                self._thread.start()

    def close(self) -> None:
        """Read no more."""
        with self._lock:
            self._snapshot.asking.clear()

    def _asked(self) -> ApprovalAsked | None:
        """Return the question that is shown; without one, this thread's work is done."""
        with self._lock:
            asked = next(iter(self._snapshot.asking.values()), None)
            if asked is None:
                self._thread = None
            return asked

    def _read_answers(self) -> None:
        before: ApprovalAsked | None = None
        readable_from = 0.0
        while (asked := self._asked()) is not None:
            if asked is not before:
                before, readable_from = asked, time.monotonic() + _UNREAD
                self._drop_typed()
            if child_has_terminal() or not in_foreground(self._fd):
                # The keys are another one's; in the background, to read would stop this process.
                # Nobody is told when they are this one's again.
                time.sleep(_LOOK)
                continue
            if not select.select([self._fd], [], [], _LOOK)[0]:
                continue
            line = os.read(self._fd, _LONGEST)
            if not line:
                return  # The terminal is gone, or its end was typed.
            if time.monotonic() >= readable_from:
                self._take(asked, line.decode(errors="replace").strip().lower())

    def _take(self, asked: ApprovalAsked, word: str) -> None:
        execution, approve = self._snapshot.execution, _WORDS.get(word)
        if execution is None or not word:
            return
        if approve is None:
            self._say(f"To answer {asked.item}, type y or n, and Enter.")
            return
        reply = Reply(approve, self._by, question=asked.question)
        try:
            asyncio.run(self._answer(execution.id, asked.item, reply))
        except PeacefulError as error:
            self._say(error.message)

    def _drop_typed(self) -> None:
        import termios

        try:
            termios.tcflush(self._fd, termios.TCIFLUSH)
        except termios.error:
            return  # It is gone: nothing can be read of it either.
