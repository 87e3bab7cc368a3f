"""Running one script, and telling how it failed."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Final

from peaceful.errors import ItemFailure
from peaceful.item import ChildResult, ItemCtx
from peaceful.present import one_line

OUTPUT_LIMIT: Final = 64 * 1024
"""Bytes: what goes into a state is no longer, because people read it and scripts are given it."""

_MESSAGE: Final = 200
"""Characters of a line of output that are shown as a message."""
_MESSAGE_EVERY: Final = 0.05
"""Seconds between two messages: nobody reads faster, and a script may print a million lines."""


class _LastLine:
    """Passes lines on as messages, but not more often than they can be read; the last one always.

    Args:
        say: takes a message.
        clock: seconds that only go forward.
    """

    def __init__(self, say: Callable[[str], None], clock: Callable[[], float]) -> None:
        self._say = say
        self._clock = clock
        self._next = float("-inf")
        self._kept: str | None = None

    def line(self, line: str) -> None:
        """Takes a line of output."""
        now = self._clock()
        if now < self._next:
            self._kept = line
            return
        self._next, self._kept = now + _MESSAGE_EVERY, None
        self._say(one_line(line, _MESSAGE))

    def end(self) -> None:
        """Nothing more comes."""
        if self._kept is not None:
            self._say(one_line(self._kept, _MESSAGE))


class ScriptFailed(ItemFailure):
    """A script of a `ShCmd` ended with an error, took too long, or printed what cannot be used.

    Attributes:
        script: which of the item's scripts.
    """

    code: ClassVar[str] = "SCRIPT-FAILED"

    def __init__(self, script: str, what: str, *, tail: str = "", help: str = "") -> None:
        super().__init__(
            f"The {script} script {what}.",
            details=(("its last output", tail),) if tail else (),
            help=help or "mend the script or what it found, then run the command again",
        )
        self.script = script


@dataclass(frozen=True, slots=True)
class Shell:
    """Where and how scripts run.

    Attributes:
        words: the shell and its options.
        folder: the folder that scripts run in.
        env: environment variables beside those of this process.
        timeout: seconds that each script has, or none for any number.
    """

    words: tuple[str, ...]
    folder: Path
    env: Mapping[str, str]
    timeout: float | None

    async def run(
        self, ctx: ItemCtx, name: str, script: str, given: Mapping[str, str], *, talks: bool = False
    ) -> ChildResult:
        """Runs a script to its end, however that is.

        Args:
            ctx: the item's context.
            name: which script it is, for messages.
            script: its text.
            given: further environment variables.
            talks: whether its lines are passed on as messages.

        Raises:
            ScriptFailed: it took too long, or its folder is not there.
            ItemFailure: the shell could not be started.
            StoppedAtSafePoint: it was ended because the item is to end.
        """
        if not self.folder.is_dir():
            raise ScriptFailed(
                name,
                f"cannot run in {self.folder}: it is not a folder",
                help="make it, or name another",
            )
        told = _LastLine(ctx.progress.message, asyncio.get_running_loop().time)
        try:
            async with asyncio.timeout(self.timeout):
                return await ctx.run(
                    *self.words,
                    "-c",
                    script,
                    ctx.item,
                    cwd=self.folder,
                    env={**os.environ, **self.env, **given},
                    on_line=told.line if talks else None,
                    # One more, to know of an output that is longer.
                    capture=OUTPUT_LIMIT + 1,
                    check=False,
                )
        except TimeoutError:
            raise ScriptFailed(
                name,
                f"took longer than {self.timeout:g} s, and was ended",
                help="give it a longer timeout, or find out what it waits for",
            ) from None
        finally:
            told.end()

    async def output_of(
        self, ctx: ItemCtx, name: str, script: str, given: Mapping[str, str], *, most: int = 0
    ) -> tuple[int, str]:
        """Runs a script that answers a question.

        Args:
            ctx: the item's context.
            name: which script it is, for messages.
            script: its text.
            given: further environment variables.
            most: the highest exit code that is an answer, and not an error.

        Returns:
            Its exit code, and what it printed, without white space around it.

        Raises:
            ScriptFailed: it ended with an error, or printed what cannot be used.
        """
        result = await self.run(ctx, name, script, given)
        if not 0 <= result.exit_status <= most:
            raise failed(name, result)
        if len(result.stdout) > OUTPUT_LIMIT:
            raise ScriptFailed(
                name,
                f"printed more than {OUTPUT_LIMIT // 1024} KiB",
                help="print a summary or a checksum of it instead",
            )
        text = result.stdout.decode(errors="replace").strip()
        if "\0" in text:
            raise ScriptFailed(
                name, "printed a NUL, which no text has", help="print text, or a checksum"
            )
        return result.exit_status, text


def failed(name: str, result: ChildResult) -> ScriptFailed:
    """The failure of a script that ended with an error."""
    status = result.exit_status
    how = f"exit code {status}" if status >= 0 else f"signal {-status}"
    return ScriptFailed(name, f"ended with {how}", tail=result.tail)
