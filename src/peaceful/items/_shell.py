"""`ShCmd`: an item whose functions are shell scripts."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Annotated, ClassVar, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from peaceful._atomic import write_all
from peaceful._errors.running import ItemFailure
from peaceful._item.child import ChildResult
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, diff_of
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Within
from peaceful._model.state import State
from peaceful._present.text import one_line
from peaceful.items._disk import UsablePath, disk_errors
from peaceful.items._secrets import hide_secrets, plain

_SHOWN: Final = 60
"""Characters of an output that are shown in a diff or as a state."""
_MESSAGE: Final = 200
"""Characters of a line of output that are shown as a message."""
_MESSAGE_EVERY: Final = 0.05
"""Seconds between two messages: nobody reads faster, and a script may print a million lines."""

_LONG_SCRIPT: Final = 64 * 1024
"""Bytes from which on a script is given by a file: Linux allows 128 KiB for one argument."""
_OUTPUT_LIMIT: Final = 64 * 1024
"""Bytes of output that a state may hold, since people read it and scripts get it."""
_CHANGING: Final = frozenset({"apply", "clean"})
"""Scripts whose lines are shown as messages; the output of others is a state."""

_NOT_RUN: Final = 125
"""The highest exit code of a check; those above mean that a command is missing, or was killed."""


class ShCmdState(State):
    """The state of a thing according to scripts; a field is None if there is no script for it.

    Attributes:
        stdout: the output of the `current` or `goal` script, stripped.
        settled: whether the `check` script succeeds.
        difference: the output of the `diff` script; empty if nothing differs.
    """

    stdout: str | None = None
    settled: bool | None = None
    difference: str | None = None

    def __str__(self) -> str:
        if self.stdout is not None:
            return _short(self.stdout)
        if self.settled is not None:
            return "as it should be" if self.settled else "not as it should be"
        return "unknown"


def _changes(current: ShCmdState, goal: ShCmdState) -> Iterator[Change]:
    """Yield a change for each differing field that both states know.

    Outputs are compared only if no script compared them.
    """
    if None not in (current.settled, goal.settled) and current.settled != goal.settled:
        words = ("yes" if state.settled else "no" for state in (current, goal))
        yield Change("settled", current.settled, goal.settled, *words)
    name = "difference"
    before, after = current.difference, goal.difference
    if before is None or after is None:
        name = "stdout"
        before, after = current.stdout, goal.stdout
    if before is not None and after is not None and before != after:
        yield Change(name, before, after, _short(before), _short(after))


def _short(text: str) -> str:
    return one_line(text, _SHOWN) or "nothing"


@contextmanager
def _as_argument(script: str) -> Generator[tuple[str, Sequence[int]]]:
    """Yield what a shell runs a script by: the script, or if it is long, a line that sources it.

    A long one is in a file without a name, which is gone with the last process that has it open. As
    the shell sources it, `$0` and the numbers of its lines are the same as for a short one.
    """
    text = os.fsencode(script)
    if len(text) < _LONG_SCRIPT or b"\0" in text:
        yield script, ()
        return
    with disk_errors(Path(tempfile.gettempdir()), "written"):
        file = _unnamed_file()
        write_all(file.fileno(), text)
        file.seek(0)
    with file:
        yield f". /dev/fd/{file.fileno()}", (file.fileno(),)


def _unnamed_file() -> IO[bytes]:
    if hasattr(os, "memfd_create"):
        # In memory, so that neither room on a disk nor a folder to write in is needed.
        return os.fdopen(os.memfd_create("script"), "w+b", buffering=0)
    return tempfile.TemporaryFile(buffering=0)


class _LastLine:
    """A throttle that reports lines of output as messages, and always the last one."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._clock = asyncio.get_running_loop().time
        self._next = float("-inf")
        self._kept: str | None = None

    def line(self, line: str) -> None:
        now = self._clock()
        if now < self._next:
            self._kept = line
            return
        self._next, self._kept = now + _MESSAGE_EVERY, None
        self._report(one_line(line, _MESSAGE))

    def end(self) -> None:
        if self._kept is not None:
            self._report(one_line(self._kept, _MESSAGE))


class ScriptFailed(ItemFailure, code="SCRIPT-FAILED"):
    """A script of a `ShCmd` failed, timed out, or printed what cannot be used.

    Attributes:
        script: the script's field of the item, such as `apply`.
    """

    def __init__(self, script: str, what: str, *, tail: str = "", help: str = "") -> None:
        super().__init__(
            f"The {script} script {what}.",
            details=(("its last output", tail),) if tail else (),
            help=help or "mend the script or what it found, then run the command again",
        )
        self.script = script


class ShCmd(Item[ShCmdState]):
    """A thing that shell scripts inspect and change.

    ```python
    flow.add(
        "user_app",
        ShCmd(
            check="id app",
            apply="useradd --system app",
            clean="userdel app",
        ),
    )
    flow.add(
        "greeting",
        ShCmd(
            current="cat hello.txt 2>/dev/null || true",
            goal="echo hello",
            apply='printf "%s" "$GOAL" > hello.txt',
            clean="rm -f hello.txt",
            cwd=into,
        ),
    )
    ```

    Whether there is something to do is decided by `check`, by comparing the outputs of `current`
    and `goal`, or by `diff`. Scripts get these outputs, as far as they are known, in the
    environment variables `CURRENT` and `GOAL`. They run in a process group of their own, have no
    input, and do not receive a first Ctrl-C. A script of any length will do: from 64 KiB on, the
    shell sources it from a file without a name. Their exit codes mean:

    | script | 0 | others |
    |---|---|---|
    | `current`, `goal`, `apply`, `clean` | done | failed |
    | `check` | nothing to do | `apply` is to be run; from 126 on: failed |
    | `diff` | nothing differs, if it printed nothing | 1: it differs; from 2 on: failed |

    Attributes:
        apply_script: `apply`: makes the thing what it should be. Must be repeatable.
        current_script: `current`: prints the current state; nothing if there is nothing. Like
            `goal` and `diff` it must change nothing, and print at most 64 KiB of text in UTF-8.
        goal_script: `goal`: prints the goal state.
        check_script: `check`: succeeds if the thing is as it should be. It must change nothing.
        diff_script: `diff`: prints what differs; needs `current` and `goal`.
        clean_script: `clean`: removes the thing, so that `current` prints nothing, or without
            `current`, so that `check` fails. Without it, there is nothing to clean.
        cwd: the folder that scripts run in; by default that of the workspace. As long as it does
            not exist, the thing is absent; only `goal`, `apply` and `clean` need it.
        env: environment variables besides those of this process. Those named like tokens, passwords
            and keys are treated as secrets; give a `SecretStr` for anything else that is one.
        shell: a shell that takes `-c`, and its options.
        timeout: seconds that each script has; unlimited by default.
        thing: the name of what the scripts look after, such as `user:app`. By it, it is known when
            the item is renamed or moved; scripts themselves do not tell. By default, only the
            item's name tells.
    """

    # Whoever writes a script that cleans up says what is its own.
    takes_over: ClassVar[bool] = True

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)

    apply_script: str = Field(alias="apply")
    current_script: str | None = Field(default=None, alias="current")
    goal_script: str | None = Field(default=None, alias="goal")
    check_script: str | None = Field(default=None, alias="check")
    diff_script: str | None = Field(default=None, alias="diff")
    clean_script: str | None = Field(default=None, alias="clean")
    cwd: UsablePath | None = None
    env: Annotated[Mapping[str, str | SecretStr], BeforeValidator(hide_secrets)] = {}
    shell: Annotated[tuple[str, ...], Field(min_length=1)] = ("/bin/sh", "-eu")
    timeout: Annotated[float, Field(gt=0)] | None = None
    thing: str = ""

    @model_validator(mode="after")
    def _says_whether_there_is_something_to_do(self) -> Self:
        comparable = self.current_script is not None and self.goal_script is not None
        if self.check_script is None and not comparable:
            raise ValueError("give check, or current and goal, to say whether apply is to be run")
        if self.diff_script is not None and not comparable:
            raise ValueError("diff compares what current and goal print: give these too")
        return self

    def identity(self) -> str | None:
        """Return the thing, if it has a name."""
        return f"sh:{self.thing}" if self.thing else None

    def removed_first(self, former: str) -> bool:
        """Return that the former one goes first: scripts do not tell whether it is another one."""
        return True

    async def state_current(self, ctx: ItemCtx) -> ShCmdState:
        """Run `current`, `check` and `diff`; if their folder is missing, nothing is there."""
        if self._has_no_folder():
            return ShCmdState(
                stdout=None if self.current_script is None else "",
                settled=None if self.check_script is None else False,
            )
        stdout = goal = settled = difference = None
        if self.current_script is not None:
            _, stdout = await self._ask(ctx, "current", self.current_script)
        if self.goal_script is not None and (self.check_script or self.diff_script):
            _, goal = await self._ask(ctx, "goal", self.goal_script)
        given = {"CURRENT": stdout, "GOAL": goal}
        if self.check_script is not None:
            checked = await self._run(ctx, "check", self.check_script, given, _NOT_RUN)
            settled = checked.exit_status == 0
        if self.diff_script is not None:
            status, difference = await self._ask(ctx, "diff", self.diff_script, given, most=1)
            difference = difference or ("it differs" if status else "")
        return ShCmdState(stdout=stdout, settled=settled, difference=difference)

    async def state_goal(self, ctx: ItemCtx) -> ShCmdState:
        """Return that `check` succeeds; without it, run `goal`."""
        difference = None if self.diff_script is None else ""
        if self.check_script is not None:
            return ShCmdState(settled=True, difference=difference)
        assert self.goal_script is not None
        _, stdout = await self._ask(ctx, "goal", self.goal_script)
        return ShCmdState(stdout=stdout, difference=difference)

    async def try_state_goal(self, ctx: ItemCtx) -> ShCmdState | None:
        """Return the goal, or None if `goal` must wait for its folder."""
        if self.check_script is None and self._has_no_folder():
            return None
        return await self.state_goal(ctx)

    def state_clean(self, ctx: ItemCtx) -> ShCmdState:
        """Return that `current` prints nothing, or without it, that `check` fails."""
        if self.clean_script is None:
            return ShCmdState()
        return ShCmdState(settled=False) if self.current_script is None else ShCmdState(stdout="")

    def diff(self, current: ShCmdState, goal: ShCmdState) -> StateDiff | None:
        """Compare what both states know; outputs only if there is no `diff` script."""
        return diff_of(_changes(current, goal))

    async def apply(self, ctx: ItemCtx, current: ShCmdState, goal: ShCmdState) -> ShCmdState:
        """Run `apply`, then return the state that is found."""
        return await self._change(ctx, "apply", self.apply_script, current, goal)

    async def clean(self, ctx: ItemCtx, current: ShCmdState, clean: ShCmdState) -> ShCmdState:
        """Run `clean`, then return the state that is found."""
        assert self.clean_script is not None, "without it nothing differs from the clean state"
        return await self._change(ctx, "clean", self.clean_script, current, clean)

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item works within the folder of its scripts."""
        here = Location.host("localhost")
        return (Within(here if self.cwd is None else Location.path(str(self.cwd), here)),)

    def state_example(self) -> ShCmdState:
        """Return what the item's scripts would say if all is well."""
        return ShCmdState(
            stdout=None if self.current_script is None else "example output",
            settled=None if self.check_script is None else True,
        )

    def _has_no_folder(self) -> bool:
        # Not even a broken link: an earlier item may still create it.
        return self.cwd is not None and not os.path.lexists(self.cwd)

    async def _change(
        self, ctx: ItemCtx, name: str, script: str, current: ShCmdState, goal: ShCmdState
    ) -> ShCmdState:
        await ctx.safe_point(where=f"before its {name} script")
        await self._run(ctx, name, script, {"CURRENT": current.stdout, "GOAL": goal.stdout})
        return await self.state_current(ctx)

    async def _ask(
        self,
        ctx: ItemCtx,
        name: str,
        script: str,
        given: Mapping[str, str | None] = {},
        *,
        most: int = 0,
    ) -> tuple[int, str]:
        """Run a script as `_run` does, and return its exit code and its stripped output."""
        result = await self._run(ctx, name, script, given, most)
        if len(result.stdout) > _OUTPUT_LIMIT:
            raise ScriptFailed(
                name,
                f"printed more than {_OUTPUT_LIMIT // 1024} KiB",
                help="print a summary or a checksum of it instead",
            )
        what, text = "printed a NUL, which no text has", "\0"
        try:
            text = result.stdout.decode().strip()
        except UnicodeDecodeError as error:
            # Replaced, other bytes would pass for these.
            what = f"printed bytes that are no UTF-8, from byte {error.start + 1} on"
        if "\0" in text:
            raise ScriptFailed(name, what, help="print text, or a checksum")
        return result.exit_status, text

    async def _run(
        self,
        ctx: ItemCtx,
        name: str,
        script: str,
        given: Mapping[str, str | None],
        most: int = 0,
    ) -> ChildResult:
        """Run a script with further environment variables, except those that are None.

        Raises `ScriptFailed` if its exit code is above `most`, it timed out, or its folder is none.
        """
        folder = self.cwd or ctx.workspace
        if not folder.is_dir():
            raise ScriptFailed(
                name,
                f"cannot run in {folder}: it is not a folder",
                help="make it, or name another",
            )
        own = {variable: plain(text) for variable, text in self.env.items()}
        known = {variable: text for variable, text in given.items() if text is not None}
        messages = _LastLine(ctx.progress.message)
        try:
            with _as_argument(script) as (argument, files):
                async with asyncio.timeout(self.timeout):
                    result = await ctx.run(
                        *self.shell,
                        "-c",
                        argument,
                        ctx.item,
                        cwd=folder,
                        env={**os.environ, **own, **known} if own or known else None,
                        pass_fds=files,
                        on_line=messages.line if name in _CHANGING else None,
                        # One more, to know of an output that is longer.
                        capture=_OUTPUT_LIMIT + 1,
                        check=False,
                    )
        except TimeoutError:
            raise ScriptFailed(
                name,
                f"took longer than {self.timeout:g} s, and was ended",
                help="give it a longer timeout, or find out what it waits for",
            ) from None
        finally:
            messages.end()
        status = result.exit_status
        if not 0 <= status <= most:
            how = f"exit code {status}" if status >= 0 else f"signal {-status}"
            raise ScriptFailed(name, f"ended with {how}", tail=result.tail)
        return result
