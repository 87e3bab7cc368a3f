"""The commands on whole profiles: backups, and deleting, renaming and copying them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from peaceful._cli.program.options import file_path
from peaceful._cli.program.result import Result, text_answer
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._present.text import one_line, shortened

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation
    from peaceful._model.codec import JsonValue, ProfileName


_DOOR: Final = "terminal"


def states_backup(invocation: Invocation, file: str, *, dry_run: bool) -> Result:
    """Write a profile to one file."""
    contexts, path = invocation.contexts(), Path.cwd() / file_path(file)
    profile = invocation.profile_to_work_on(contexts, invocation.options.profile)
    invocation.profile = profile
    backup = contexts.back_up(profile, path, dry_run=dry_run, door=_DOOR)
    return text_answer(
        {"profile": profile, "file": str(path), "files": [*backup.files], "dry_run": dry_run},
        f"Profile {profile} {_is(dry_run)} backed up in {path}.",
    )


def states_restore(invocation: Invocation, file: str, *, dry_run: bool) -> Result:
    """Make a profile what a backup says."""
    contexts, path = invocation.contexts(), Path.cwd() / file_path(file)
    asked = invocation.options.profile
    known = contexts.workspace.profiles()
    if asked in known or (asked is None and known):
        asked = invocation.profile_to_work_on(contexts, asked)
    invocation.profile = asked
    done = contexts.restore(path, asked, dry_run=dry_run, sure=invocation.options.yes, door=_DOOR)
    document: dict[str, JsonValue] = {
        "profile": done.profile,
        "file": str(path),
        "dry_run": dry_run,
        "files": dict(done.files),
        "lost": [*done.lost],
        "kept_as": None if done.kept_as is None else str(done.kept_as),
    }

    def lines(page: Page) -> Sequence[Line]:
        restored = f"{_is(dry_run)} restored from {path}"
        what = restored if done.files else "is what the backup says already"
        told = [line((f"Profile {done.profile} {what}.", Style.STRONG))]
        told += [line(f"  {how:<7}  {name}") for name, how in done.files.items()]
        for thing in done.lost:
            remark = f"  {one_line(thing)}: was made since, and nobody would look after it"
            told.append(line((shortened(remark, page.room), Style.BAD)))
        if done.kept_as is not None:
            told.append(line(f"What was there before is in {done.kept_as}"))
        return told

    return Result(document, lines)


def profile_delete(invocation: Invocation, profile: ProfileName, *, dry_run: bool) -> Result:
    """Delete a profile; ask first."""
    contexts = invocation.contexts()
    profile = invocation.profile_to_work_on(contexts, profile)
    contexts.check_may_be_deleted(profile)
    if not invocation.options.yes and not dry_run:
        from peaceful._cli.terminal.modes import confirm

        confirm(
            profile,
            f"This deletes the profile {profile} with its parameters. Type its name to go on",
            unasked=f"Nobody can be asked whether the profile {profile} is really to be deleted.",
            refused=f"The profile {profile} is not deleted",
            command=invocation.line("profile", "delete", profile, "--yes"),
        )
    contexts.delete_profile(profile, dry_run=dry_run, door=_DOOR)
    return text_answer(
        {"profile": profile, "deleted": not dry_run, "dry_run": dry_run},
        f"Profile {profile} {_is(dry_run)} deleted.",
    )


def profile_rename(
    invocation: Invocation, old: ProfileName, new: ProfileName, *, dry_run: bool
) -> Result:
    """Give a profile another name."""
    contexts = invocation.contexts()
    old = invocation.profile_to_work_on(contexts, old)
    contexts.rename_profile(old, new, dry_run=dry_run, door=_DOOR)
    return text_answer(
        {"profile": new, "was": old, "dry_run": dry_run},
        f"Profile {old} {_is(dry_run)} called {new}.",
    )


def profile_copy(
    invocation: Invocation, old: ProfileName, new: ProfileName, *, dry_run: bool
) -> Result:
    """Make a profile with the parameters of another one."""
    invocation.contexts().copy_profile(old, new, dry_run=dry_run, door=_DOOR)
    use = f" Take it into use: {invocation.line('switch', new)}"
    return text_answer(
        {"profile": new, "copied_from": old, "dry_run": dry_run},
        f"Profile {new} {'would have' if dry_run else 'has'} the parameters of {old}."
        f"{'' if dry_run else use}",
    )


def _is(dry_run: bool) -> str:
    return "would be" if dry_run else "is"
