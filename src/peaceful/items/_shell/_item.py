"""The item whose functions are shell scripts."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Self

from pydantic import BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from peaceful.item import Item, ItemCtx, StateDiff
from peaceful.items._disk import UsablePath
from peaceful.items._secrets import plain, secrets_hidden
from peaceful.items._shell._script import Shell, failed
from peaceful.items._shell._state import ShCmdState, script_diff
from peaceful.model import Interaction, Location, Within

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
