"""Words that are no command: what does that here, or what may have been meant."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from peaceful._errors.usage import UsageError, nearest
from peaceful._present.text import fitted

DESTRUCTIVE: Final = frozenset({"clean", "profile delete", "states forget", "states restore"})
"""Commands that are told to who asks for them in other words, and offered to nobody by guess."""

_NO_LOCKS: Final = ""

_GROUPS: Final[Mapping[str, str]] = {
    "state": "states",
    "workspace": "profile",
    "profiles": "profile",
    "execution": "executions",
}

PEERS: Final[Mapping[str, str]] = {
    word: here
    for words, here in (
        ("apply up deploy converge sync run start resume retry continue", "ensure"),
        ("preview", "plan"),
        ("destroy down undeploy rm remove delete", "clean"),
        ("show", "status"),
        ("refresh", "discover"),
        ("taint replace", "ensure --replace ITEM"),
        ("import", "states adopt ITEM"),
        ("unlock force-unlock", _NO_LOCKS),
        ("state ls list", "states list"),
        ("workspace profiles", "profile list"),
        ("history log runs ps execution", "executions list"),
        ("logs watch", "executions show ID"),
        ("stop cancel abort kill", "interrupt"),
        ("serve server ui", "web"),
        ("config configure set params", "init"),
    )
    for word in words.split()
} | {
    f"{group} {word}": here
    for group, words, here in (
        ("states", "ls", "states list"),
        ("states", "rm remove delete", "states forget ITEM"),
        ("states", "mv rename", "states move OLD NEW"),
        ("states", "import", "states adopt ITEM"),
        ("states", "view get", "states show ITEM"),
        ("states", "pull", "states backup FILE"),
        ("states", "push", "states restore FILE"),
        ("profile", "ls", "profile list"),
        ("profile", "new create add", "switch PROFILE --create"),
        ("profile", "use select switch", "switch PROFILE"),
        ("profile", "rm remove", "profile delete PROFILE"),
        ("profile", "mv", "profile rename OLD NEW"),
        ("profile", "cp", "profile copy OLD NEW"),
        ("executions", "ls history", "executions list"),
        ("executions", "view get logs", "executions show ID"),
        ("executions", "stop cancel abort kill", "interrupt ID"),
        ("key", "create generate", "key new FILE"),
    )
    for word in words.split()
}
"""What people know from other tools, and the command that does that here.

A subcommand's word follows that of its group. `ensure` has the application's own name for it.
"""


def unknown_command(
    words: Sequence[str],
    group: str,
    known: Callable[[str], Sequence[str]],
    typed: Callable[[str], str],
    ensure_name: str,
) -> UsageError:
    """Return the error of a word that is no command, which leads to what there is.

    Args:
        words: the word and those that follow it.
        group: the name of the group of commands, or empty.
        known: returns the names of a group's commands.
        typed: formats a command of `PEERS`, or none, as it is typed.
        ensure_name: the application's name for `ensure`.
    """
    message = f"There is no command {fitted(words[0], 60)!r}."
    here = _known_elsewhere(words, group, known)
    if here is None:
        near = _guesses(words[0], group, known(group))
        shown = typed(f"{group} --help".strip())
        named = [ensure_name if each == "ensure" else each for each in near]
        details = (("did you mean", ", ".join(named)),) if near else ()
        return UsageError(message, details=details, help=f"{shown} lists the commands")
    if here == _NO_LOCKS:
        return UsageError(
            f"{message} None is needed: a lock is held by the process that runs, and ends with it.",
            help=f"see what runs: {typed('executions list')}",
        )
    if _command(here) in DESTRUCTIVE:
        return UsageError(
            f"{message} {_command(here)} is what removes here.",
            help=f"see what it would remove: {typed(f'{here} --dry-run')}",
        )
    return UsageError(message, help=f"this does it here: {typed(here)}")


def _known_elsewhere(
    words: Sequence[str], group: str, known: Callable[[str], Sequence[str]]
) -> str | None:
    """Return what does here what words mean elsewhere, or None if nobody knows them."""
    own = _GROUPS.get(words[0], "") if not group else ""
    if own and len(words) > 1:
        name = f"{own} {words[1]}"
        here = next((each for each in PEERS.values() if _command(each) == name), name)
        return here if words[1] in known(own) else PEERS.get(name, PEERS[words[0]])
    return PEERS.get(f"{group} {words[0]}".strip())


def _guesses(name: str, group: str, known: Sequence[str]) -> list[str]:
    """Return the commands of a group that may have been meant; none if that may destroy."""
    prefix = f"{group} " if group else ""
    meant = {each: each for each in known}
    for word, here in PEERS.items():
        own = word.removeprefix(prefix)
        if (prefix or " " not in word) and f"{prefix}{own}" == word:
            meant.setdefault(own, here.removeprefix(prefix))
    near = [meant[each] for each in nearest(name, meant)]
    if not near or any(_command(f"{prefix}{each}") in DESTRUCTIVE for each in near[:1]):
        return []
    return [
        each
        for each in dict.fromkeys(near)
        if each and not {_command(each), _command(f"{prefix}{each}")} & DESTRUCTIVE
    ]


def _command(line: str) -> str:
    """Return the command of a line, without options and what stands for an argument."""
    return " ".join(word for word in line.split() if word.islower() and word[0] != "-")
