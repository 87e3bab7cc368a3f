"""`ShCmd`: an item whose functions are shell scripts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from peaceful._errors.running import ItemFailure
from peaceful._item.child import ChildResult
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Within
from peaceful._model.state import State
from peaceful._present.text import one_line
from peaceful.items._disk import UsablePath
from peaceful.items._secrets import plain, secrets_hidden

_SHOWN = 60
"""Characters of an output in a few words."""


class ShCmdState(State):
    """What scripts say of a thing. What no script is asked for is none.

    Attributes:
        stdout: what the `current` or `goal` script printed, without white space around it.
        settled: whether the `check` script says that the thing is as it should be.
        difference: what the `diff` script printed; empty where nothing differs.
    """

    stdout: str | None = None
    settled: bool | None = None
    difference: str | None = None

    def __str__(self) -> str:
        """The beginning of the output; without one, what the check says."""
        if self.stdout is not None:
            return one_line(self.stdout, _SHOWN) or "nothing"
        if self.settled is not None:
            return "as it should be" if self.settled else "not as it should be"
        return "unknown"


def script_diff(current: ShCmdState, goal: ShCmdState) -> StateDiff | None:
    """What differs: each thing that both sides know. Outputs only where no script compared them."""
    changes = tuple(_changes(current, goal))
    return StateDiff(changes) if changes else None


def _changes(current: ShCmdState, goal: ShCmdState) -> Iterator[Change]:
    if _differ(current.settled, goal.settled):
        yield Change(
            "settled",
            current.settled,
            goal.settled,
            before_shown="yes" if current.settled else "no",
            after_shown="yes" if goal.settled else "no",
        )
    if current.difference is not None and goal.difference is not None:
        if current.difference != goal.difference:
            yield _text("difference", current.difference, goal.difference)
    elif _differ(current.stdout, goal.stdout):
        yield _text("stdout", current.stdout, goal.stdout)


def _differ(before: object, after: object) -> bool:
    return before is not None and after is not None and before != after


def _text(name: str, before: str | None, after: str | None) -> Change:
    return Change(
        name,
        before,
        after,
        before_shown=one_line(before or "", _SHOWN) or "nothing",
        after_shown=one_line(after or "", _SHOWN) or "nothing",
    )


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


_NOT_RUN: Final = 125
"""The highest exit code of a check; those above say that a command is missing, or was killed."""


class ShCmd(Item[ShCmdState]):
    """A thing that shell scripts look after.

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

    Whether there is something to do is said by `check`, or by comparing what `current` and `goal`
    print, or by `diff`. Scripts are given what `current` and `goal` printed in the environment
    variables `CURRENT` and `GOAL`, as far as it is known. They run in a process group of their own,
    read nothing, and are left alone by a first Ctrl-C; their exit codes mean:

    | script | 0 | others |
    |---|---|---|
    | `current`, `goal`, `apply`, `clean` | done | failed |
    | `check` | nothing to do | `apply` is to be run; from 126 on: failed |
    | `diff` | nothing differs, if it printed nothing | 1: it differs; from 2 on: failed |

    Attributes:
        apply_script: `apply`: makes the thing what it should be. Must be repeatable.
        current_script: `current`: prints what the thing is; nothing where there is nothing. Changes
            nothing, like `goal`, `check` and `diff`, and prints at most 64 KiB, like these.
        goal_script: `goal`: prints what the thing should be.
        check_script: `check`: says whether the thing is as it should be.
        diff_script: `diff`: prints what differs; needs `current` and `goal`.
        clean_script: `clean`: removes the thing, so that `current` prints nothing; without
            `current`, so that `check` says that it is not as it should be. Without it, there is
            nothing to clean.
        cwd: the folder that scripts run in; the workspace's by default. Where it is not there, as
            before an earlier item has made it, nothing is: only `goal`, `apply` and `clean` need
            it.
        env: environment variables beside those of this process. Those named like tokens, passwords
            and keys are treated as secrets; give a `SecretStr` for anything else that is one.
        shell: what runs the scripts: a shell that takes `-c`, and its options.
        timeout: seconds that each script has; any number by default.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(populate_by_name=True)

    apply_script: str = Field(alias="apply")
    current_script: str | None = Field(default=None, alias="current")
    goal_script: str | None = Field(default=None, alias="goal")
    check_script: str | None = Field(default=None, alias="check")
    diff_script: str | None = Field(default=None, alias="diff")
    clean_script: str | None = Field(default=None, alias="clean")
    cwd: UsablePath | None = None
    env: Annotated[Mapping[str, str | SecretStr], BeforeValidator(secrets_hidden)] = {}
    shell: Annotated[tuple[str, ...], Field(min_length=1)] = ("/bin/sh", "-eu")
    timeout: Annotated[float, Field(gt=0)] | None = None

    @model_validator(mode="after")
    def _says_whether_there_is_something_to_do(self) -> Self:
        comparable = self.current_script is not None and self.goal_script is not None
        if self.check_script is None and not comparable:
            raise ValueError("give check, or current and goal, to say whether apply is to be run")
        if self.diff_script is not None and not comparable:
            raise ValueError("diff compares what current and goal print: give these too")
        return self

    async def state_current(self, ctx: ItemCtx) -> ShCmdState:
        """What `current`, `check` and `diff` say; without their folder, that nothing is there."""
        if self._has_no_folder():
            return ShCmdState(
                stdout=None if self.current_script is None else "",
                settled=None if self.check_script is None else False,
            )
        shell = self._shell(ctx)
        given: dict[str, str] = {}
        stdout = settled = difference = None
        if self.current_script is not None:
            _, stdout = await shell.output_of(ctx, "current", self.current_script, {})
            given["CURRENT"] = stdout
        if self.goal_script is not None and (self.check_script or self.diff_script):
            _, given["GOAL"] = await shell.output_of(ctx, "goal", self.goal_script, {})
        if self.check_script is not None:
            status, _ = await shell.output_of(ctx, "check", self.check_script, given, most=_NOT_RUN)
            settled = status == 0
        if self.diff_script is not None:
            status, difference = await shell.output_of(ctx, "diff", self.diff_script, given, most=1)
            difference = difference or ("it differs" if status else "")
        return ShCmdState(stdout=stdout, settled=settled, difference=difference)

    async def state_goal(self, ctx: ItemCtx) -> ShCmdState:
        """What `goal` says; with `check`, that it is content."""
        if self.check_script is not None:
            return ShCmdState(settled=True, difference=None if self.diff_script is None else "")
        assert self.goal_script is not None
        _, stdout = await self._shell(ctx).output_of(ctx, "goal", self.goal_script, {})
        return ShCmdState(stdout=stdout, difference=None if self.diff_script is None else "")

    async def try_state_goal(self, ctx: ItemCtx) -> ShCmdState | None:
        """As `state_goal`; not known where its folder may only come to be there."""
        if self.check_script is None and self._has_no_folder():
            return None
        return await self.state_goal(ctx)

    def state_clean(self, ctx: ItemCtx) -> ShCmdState:
        """`current` prints nothing; without it, `check` is not content."""
        if self.clean_script is None:
            return ShCmdState()
        return ShCmdState(settled=False) if self.current_script is None else ShCmdState(stdout="")

    def diff(self, current: ShCmdState, goal: ShCmdState) -> StateDiff | None:
        """What differs; see `ShCmdState`."""
        return script_diff(current, goal)

    async def apply(self, ctx: ItemCtx, current: ShCmdState, goal: ShCmdState) -> ShCmdState:
        """Runs `apply`, then looks at what the thing is."""
        await ctx.safe_point(where="before its apply script")
        await self._change(ctx, "apply", self.apply_script, current, goal)
        return await self.state_current(ctx)

    async def clean(self, ctx: ItemCtx, current: ShCmdState, clean: ShCmdState) -> ShCmdState:
        """Runs `clean`, then looks at what the thing is."""
        assert self.clean_script is not None, "without it nothing differs from the clean state"
        await ctx.safe_point(where="before its clean script")
        await self._change(ctx, "clean", self.clean_script, current, clean)
        return await self.state_current(ctx)

    def interactions(self) -> Sequence[Interaction]:
        """In the folder that its scripts run in."""
        here = Location.host("localhost")
        return (Within(here if self.cwd is None else Location.path(str(self.cwd), here)),)

    def state_example(self) -> ShCmdState:
        """What the scripts that there are would say when all is well."""
        return ShCmdState(
            stdout=None if self.current_script is None else "example output",
            settled=None if self.check_script is None else True,
        )

    def _has_no_folder(self) -> bool:
        """Whether there is nothing at all where scripts run: an earlier item may bring it."""
        return self.cwd is not None and not os.path.lexists(self.cwd)

    def _shell(self, ctx: ItemCtx) -> Shell:
        env = {name: plain(text) for name, text in self.env.items()}
        return Shell(self.shell, self.cwd or ctx.workspace, env, self.timeout)

    async def _change(
        self, ctx: ItemCtx, name: str, script: str, current: ShCmdState, goal: ShCmdState
    ) -> None:
        known = {"CURRENT": current.stdout, "GOAL": goal.stdout}
        given = {variable: text for variable, text in known.items() if text is not None}
        result = await self._shell(ctx).run(ctx, name, script, given, talks=True)
        if result.exit_status != 0:
            raise failed(name, result)
