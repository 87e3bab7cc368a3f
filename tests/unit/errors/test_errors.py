"""Errors say what happened, why it is wrong, and what to do now."""

from __future__ import annotations

import copy
import errno
import inspect
import os
import pickle
import re
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import peaceful.errors
from peaceful._errors import base, requests, running, system, usage
from peaceful._errors.base import Unexpected
from peaceful._errors.requests import (
    BodyRefused,
    DiagramFailed,
    DiagramTooLarge,
    HostRefused,
    KeyReused,
    MethodRefused,
    OriginRefused,
    PageUnknown,
    RequestRefused,
    RoleRefused,
    ServerStopping,
    TokenRefused,
)
from peaceful._errors.running import (
    ApprovalNeeded,
    EntryRefused,
    IdentityTaken,
    ItemNeeded,
    NotApproved,
    NotAsked,
    NotCleaned,
    ParamsBusy,
    PlanStale,
    ReplacementNeeded,
    StateTooNew,
    ThingsLeft,
    WorkspaceGone,
)
from peaceful._errors.system import SystemRefused, refusal
from peaceful._errors.usage import (
    ContainedTwice,
    FlowStoredTwice,
    KeyWrong,
    MappingInvalid,
    ReferenceUsedAsValue,
    ResourceMissing,
    StateNotReadable,
)
from peaceful.errors import (
    AlreadyEnded,
    BlockedError,
    ChildFailed,
    CycleFound,
    DefinitionError,
    ExecutionUnknown,
    ExecutorUnreachable,
    ExtraMissing,
    FileDamaged,
    FileInaccessible,
    FormatTooNew,
    GoalNotReached,
    ItemCrashed,
    ItemFailure,
    KeyMissing,
    NameInvalid,
    NameTaken,
    NameUnknown,
    NothingRunning,
    NotInterruptible,
    OutOfSync,
    ParamProblem,
    ParamsInvalid,
    ParamsMissing,
    PeacefulError,
    ProfileBusy,
    ReferenceInvalid,
    RetriesExhausted,
    SecretUnavailable,
    StorageError,
    UsageError,
    ValueUnresolved,
    WorkspaceMissing,
)

ALL = {
    name: found
    for module in (base, requests, running, system, usage)
    for name, found in vars(module).items()
    if inspect.isclass(found)
    and issubclass(found, PeacefulError)
    and found.__module__ == module.__name__
}

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _plain(kind: type[PeacefulError]) -> Callable[[], PeacefulError]:
    return lambda: kind("It happened.", details=(("where", "here"),), help="do something")


def _refused(kind: type[SystemRefused]) -> Callable[[], PeacefulError]:
    return lambda: kind("a", "apply", FULL)


NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

EXAMPLES: dict[type[PeacefulError], Callable[[], PeacefulError]] = {
    **{
        kind: _plain(kind)
        for kind in (
            PeacefulError,
            NotCleaned,
            UsageError,
            WorkspaceMissing,
            KeyWrong,
            BlockedError,
            EntryRefused,
            DefinitionError,
            ReferenceInvalid,
            MappingInvalid,
            ItemFailure,
            ValueUnresolved,
            RetriesExhausted,
            StorageError,
            ExecutorUnreachable,
            RequestRefused,
            BodyRefused,
        )
    },
    NameInvalid: lambda: NameInvalid("a profile", "1st" * 50, "letters"),
    NameUnknown: lambda: NameUnknown("profile", "prod", (f"p{number}" for number in range(30))),
    ParamsInvalid: lambda: ParamsInvalid("flow f", [ParamProblem("into", "--into", "no path")]),
    ParamsMissing: lambda: ParamsMissing("flow f", ["into", "url"], help="give them to init"),
    FlowStoredTwice: lambda: FlowStoredTwice("new", ["here/old", "here/new"]),
    SecretUnavailable: lambda: SecretUnavailable("token", "x.yaml", "it is gone", "set it"),
    KeyMissing: lambda: KeyMissing("token", "KEY", "KEY_FILE"),
    ExecutionUnknown: lambda: ExecutionUnknown("0197"),
    ExtraMissing: lambda: ExtraMissing("The web server", "web", "starlette"),
    ProfileBusy: lambda: ProfileBusy(
        "dev", app="envman", command="ensure", started_by="ada", since=NOON, execution_id="0197"
    ),
    ParamsBusy: lambda: ParamsBusy(Path("/w"), "init", "ada (pid 7)", NOON),
    WorkspaceGone: lambda: WorkspaceGone(Path("/w"), Path("/elsewhere")),
    ThingsLeft: lambda: ThingsLeft("They are there", ["f: a"], help="clean them up"),
    PlanStale: lambda: PlanStale(datetime(2026, 1, 2, tzinfo=UTC), [("a", "it is other")]),
    ApprovalNeeded: lambda: ApprovalNeeded.of_command("ensure", "prod"),
    OutOfSync: lambda: OutOfSync([("a", "x → y"), ("b", "+ z")], help="run discover"),
    CycleFound: lambda: CycleFound(["a", "b", "a"]),
    ContainedTwice: lambda: ContainedTwice("a", ("b", "c")),
    NameTaken: lambda: NameTaken("item", "a", where="flow.py:7"),
    ReferenceUsedAsValue: lambda: ReferenceUsedAsValue("a.state.path", "a loop"),
    StateNotReadable: lambda: StateNotReadable("one", "Text.apply", "TextState", "a[0]", "why"),
    ResourceMissing: lambda: ResourceMissing("module.Client", ["str", "int"]),
    NotApproved: lambda: NotApproved("a", "Deploy?", "ada on host", "not today"),
    ItemCrashed: lambda: ItemCrashed("a", "apply", ValueError("wrong")),
    **{kind: _refused(kind) for kind in SystemRefused.__subclasses__()},
    SystemRefused: _refused(SystemRefused),
    ReplacementNeeded: lambda: ReplacementNeeded("a", "region: x → y"),
    IdentityTaken: lambda: IdentityTaken("file:/x", "a"),
    ItemNeeded: lambda: ItemNeeded("a", ["b", "c"]),
    GoalNotReached: lambda: GoalNotReached("a", "size: 1 → 2"),
    ChildFailed: lambda: ChildFailed("make install", 2, "no such\ntarget"),
    FileInaccessible: lambda: FileInaccessible(Path("/x"), "written", FULL),
    FileDamaged: lambda: FileDamaged(Path("/x"), "line 3", "not YAML", help="mend it"),
    FormatTooNew: lambda: FormatTooNew(Path("/x"), 3, 2),
    StateTooNew: lambda: StateTooNew("one", "TextState", 3, 2),
    AlreadyEnded: lambda: AlreadyEnded("0197", "complete"),
    NotInterruptible: lambda: NotInterruptible("0197", "it ignores interrupts"),
    NothingRunning: NothingRunning,
    NotAsked: lambda: NotAsked("0197", "a", "it does not ask for one", ["b"]),
    Unexpected: lambda: Unexpected(KeyError()),
    HostRefused: lambda: HostRefused("evil.example", ["127.0.0.1:8000"]),
    OriginRefused: lambda: OriginRefused("http://evil.example"),
    TokenRefused: TokenRefused,
    RoleRefused: lambda: RoleRefused("interrupt"),
    PageUnknown: lambda: PageUnknown("/api/nothing"),
    MethodRefused: lambda: MethodRefused("PUT", "/api/flows", ["GET", "HEAD"]),
    KeyReused: lambda: KeyReused("a key"),
    DiagramTooLarge: lambda: DiagramTooLarge("make", 401, 400, "boxes"),
    DiagramFailed: lambda: DiagramFailed("Graphviz crashed", "exit code -11: "),
    ServerStopping: ServerStopping,
}  # fmt: skip

CODES = {
    "BLOCKED", "BUSY", "CHILD-FAILED", "CONTAINED-TWICE", "CYCLE", "DEFINITION", "ERROR",
    "ENTRY-REFUSED", "IDENTITY-TAKEN", "REPLACEMENT-NEEDED", "ITEM-NEEDED", "NOT-CLEANED",
    "EXECUTION-ENDED", "EXECUTION-UNKNOWN", "EXECUTOR-UNREACHABLE", "EXTRA-MISSING",
    "FILE-DAMAGED", "FILE-INACCESSIBLE", "FLOW-STORED-TWICE",
    "FORMAT-TOO-NEW", "GOAL-NOT-REACHED", "INTERNAL",
    "ITEM-CRASHED", "ITEM-FAILED", "ITEM-NO-SPACE", "ITEM-NOT-FOUND", "ITEM-PATH-TAKEN",
    "ITEM-PERMISSION", "ITEM-READ-ONLY", "ITEM-SYSTEM", "ITEM-TIMEOUT", "ITEM-TOO-MANY-FILES",
    "ITEM-UNREACHABLE", "MAPPING-INVALID", "NAME-INVALID", "NAME-TAKEN",
    "NAME-UNKNOWN", "NOT-APPROVED", "NOT-ASKED", "NOT-INITIALISED", "NOT-INTERRUPTIBLE",
    "NOTHING-RUNNING", "OUT-OF-SYNC",
    "APPROVAL-NEEDED", "PARAMS-BUSY", "PLAN-STALE", "WORKSPACE-GONE",
    "KEY-MISSING", "KEY-WRONG", "PARAMS-INVALID", "PARAMS-MISSING", "REFERENCE-INVALID",
    "REFERENCE-NOT-A-VALUE",
    "RESOURCE-MISSING", "RETRIES-EXHAUSTED", "SECRET-UNAVAILABLE", "STATE-NOT-READABLE",
    "STATE-TOO-NEW", "STORAGE", "USAGE",
    "THINGS-LEFT", "VALUE-UNKNOWN",
    "BODY-REFUSED", "DIAGRAM-FAILED", "DIAGRAM-TOO-LARGE", "HOST-REFUSED",
    "IDEMPOTENCY-KEY-REUSED", "METHOD-REFUSED",
    "ORIGIN-REFUSED", "PAGE-UNKNOWN", "REQUEST-REFUSED", "ROLE-REFUSED", "SERVER-STOPPING",
    "TOKEN-REFUSED",
}  # fmt: skip
"""Programs and search engines know them: a code is added, never changed."""


def _drawn() -> dict[str, str]:
    """The tree in the package's documentation: by class, the one above it."""
    parents: dict[str, str] = {}
    above = [""]
    text = peaceful.errors.__doc__ or ""
    for line in text.split("```")[1].strip().splitlines():
        match = re.match(r"(?P<lines>[│├└─\s]*)(?P<name>\w+)", line)
        assert match is not None
        depth = len(match["lines"]) // 4
        del above[depth + 1 :]
        parents[match["name"]] = above[-1]
        above.append(match["name"])
    return parents


def test_the_tree_is_drawn_as_it_is() -> None:
    """Each class is in the drawing, below the class that it is a kind of; and nothing else is."""
    there = {
        name: found.__mro__[1].__name__ if found is not PeacefulError else ""
        for name, found in ALL.items()
    }

    assert _drawn() == there


def test_each_line_of_the_drawing_says_what_it_means() -> None:
    """In a few words beside the name."""
    for line in (peaceful.errors.__doc__ or "").split("```")[1].strip().splitlines()[1:]:
        assert re.search(r"\w {2,}\S", line), line


def test_codes_are_unique_and_stay() -> None:
    """Each class has one of its own."""
    codes = [found.code for found in ALL.values()]

    assert set(codes) == CODES
    assert len(codes) == len(CODES)
    for found in ALL.values():
        assert "code" in vars(found)
        assert re.fullmatch(r"[A-Z]+(-[A-Z]+)*", found.code)


def test_a_class_of_ones_own() -> None:
    """It gets its codes with its name, or as attributes; else it has those of the class above."""

    class Full(ItemFailure, code="FULL", exit_code=9):
        pass

    class Fuller(Full):
        code = "FULLER"

    class Fullest(Fuller):
        pass

    assert (Full.code, Full.exit_code) == ("FULL", 9)
    assert (Fuller.code, Fuller.exit_code) == ("FULLER", 9)
    assert (Fullest.code, ItemFailure.code) == ("FULLER", "ITEM-FAILED")


@pytest.mark.parametrize("code", [5, "", "two words"])
def test_a_code_is_one_word(code: Any) -> None:
    """Else the class cannot be made."""
    with pytest.raises(TypeError, match=r"the code of Odd is .* one word"):
        type("Odd", (ItemFailure,), {"code": code})
    with pytest.raises(TypeError, match="the code of Odd is"):
        type("Odd", (ItemFailure,), {}, code=code)


def test_exit_codes_are_those_of_the_command_line() -> None:
    """2 for a wrong request, 3 for one that may not run now, 1 for everything else."""
    for found in ALL.values():
        expected = (
            2 if issubclass(found, UsageError) else 3 if issubclass(found, BlockedError) else 1
        )
        assert found.exit_code == expected


def test_there_is_an_example_of_each() -> None:
    """So that the tests below look at all of them."""
    assert set(EXAMPLES) == set(ALL.values())


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_each_error_says_what_happened_and_what_to_do(kind: type[PeacefulError]) -> None:
    """In sentences, with what it knows."""
    error = EXAMPLES[kind]()

    assert error.message
    assert error.message.splitlines() == [error.message]
    assert error.help
    assert not error.help.endswith(".")
    assert str(error).startswith(f"{error.code}: {error.message}\n")
    assert str(error).endswith(f"  what to do: {error.help}")
    for label, text in error.details:
        assert label
        assert f"  {label}: {text.splitlines()[0]}" in str(error).splitlines()


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_each_error_is_data(kind: type[PeacefulError]) -> None:
    """A document has its code, what happened with all facts, and what to do."""
    error = EXAMPLES[kind]()

    document = error.to_json()

    assert document.__struct_fields__ == ("code", "message", "help")
    assert document.code == kind.code
    assert document.message.startswith(error.message)
    assert document.help == error.help
    for label, text in error.details:
        assert f"({label}: {text})" in document.message


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda e: pickle.loads(pickle.dumps(e))]
)
def test_each_error_can_be_copied_and_pickled(
    kind: type[PeacefulError], copied: Callable[[PeacefulError], PeacefulError]
) -> None:
    """So that it can be sent to another process."""
    error = EXAMPLES[kind]()

    again = copied(error)

    assert type(again) is kind
    assert str(again) == str(error)
    assert again.args == error.args
    assert vars(again).keys() == vars(error).keys()


def test_an_error_without_help_has_no_line_for_it() -> None:
    """Where nothing can be done."""
    assert str(PeacefulError("It happened.")) == "ERROR: It happened."


def test_lines_of_a_detail_stay_together() -> None:
    """They are indented below its label."""
    assert str(ChildFailed("make", 2, "one\ntwo")).splitlines() == [
        "CHILD-FAILED: make ended with exit code 2.",
        "  its last output: one",
        "    two",
        "  what to do: read its last output above",
    ]


def test_what_another_exception_said_is_in_one_line() -> None:
    """With all of it below, where it was more."""
    error = Unexpected(ValueError("first\nsecond"))

    assert error.message == "Something went wrong that was not foreseen: ValueError: first"
    assert error.details == (("all it said", "first\nsecond"),)
    assert ItemCrashed("a", "apply", ValueError("one\n")).message == (
        "a failed in apply: ValueError: one"
    )


def test_words_depend_on_what_is_known() -> None:
    """What is not known is left out."""
    assert ProfileBusy("dev").message == "dev is in use."
    assert ProfileBusy("dev", execution_id="0197").details == ()
    assert NameTaken("item", "a").details == ()
    assert ResourceMissing("str", []).details == (("what there is", "nothing yet"),)
    assert NameUnknown("profile", "x", []).details == (("each profile there is", "none yet"),)
    assert ItemCrashed("a", "apply", KeyError()).message == "a failed in apply: KeyError"
    assert ChildFailed("x", -9, "").message == "x ended with signal 9."
    assert ChildFailed("x", 1, "", help="look there").help == "look there"
    assert FileDamaged(Path("/x"), "", "gone", help="").message == "/x is damaged: gone."
    assert str(ParamProblem("a", "", "wrong")) == "wrong"
    assert str(ParamProblem("a", "--a", "wrong")) == "wrong (set in --a)"
    assert FileInaccessible(Path("/x"), "read", OSError("odd")).help.startswith("mend the cause")
    assert FileInaccessible(Path("/x"), "read", FULL, help="try").help == "try"
    several = ExecutionUnknown("01", ["0197", "0198"])
    assert "Several" in several.message
    assert several.details == (("candidates", "0197, 0198"),)


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (errno.EPERM, "PERMISSION"),
        (errno.EACCES, "PERMISSION"),
        (errno.ENOSPC, "NO-SPACE"),
        (errno.EDQUOT, "NO-SPACE"),
        (errno.EROFS, "READ-ONLY"),
        (errno.ENOENT, "NOT-FOUND"),
        (errno.EEXIST, "PATH-TAKEN"),
        (errno.ENOTDIR, "PATH-TAKEN"),
        (errno.EISDIR, "PATH-TAKEN"),
        (errno.ENOTEMPTY, "PATH-TAKEN"),
        (errno.EMFILE, "TOO-MANY-FILES"),
        (errno.ECONNREFUSED, "UNREACHABLE"),
        (errno.ECONNRESET, "UNREACHABLE"),
        (errno.EHOSTUNREACH, "UNREACHABLE"),
        (errno.ETIMEDOUT, "TIMEOUT"),
        (errno.EIO, "SYSTEM"),
    ],
)
def test_what_the_system_refuses_is_told_as_what_it_is(number: int, code: str) -> None:
    """By the number of its error, with the path, and without a word of a bug or a traceback."""
    error = refusal("a", "apply", OSError(number, os.strerror(number), "/x", None, b"/y"))

    assert error is not None
    assert error.code == f"ITEM-{code}"
    assert error.message == f"a failed in apply: /x → /y: {os.strerror(number)}"
    assert "debug" not in error.help


def test_what_the_system_refuses_without_a_number() -> None:
    """The class says what it is; without one either, or of a library, it is a crash like others."""
    for raised, code, said in (
        (TimeoutError(), "TIMEOUT", "it took too long, or was refused"),
        (ConnectionError("the peer\nhung up"), "UNREACHABLE", "the peer hung up"),
        (socket.gaierror(-2, "Name not known"), "UNREACHABLE", "Name not known"),
        (PermissionError(), "PERMISSION", "it took too long, or was refused"),
    ):
        error = refusal("a", "apply", raised)
        assert error is not None
        assert (error.code, error.message) == (f"ITEM-{code}", f"a failed in apply: {said}")
    for other in (OSError("odd"), ssl.SSLError(1, "no certificate"), ValueError()):
        assert refusal("a", "apply", other) is None


@given(st.text())
def test_any_name_can_be_shown(name: str) -> None:
    """Also one that is very long, or that a terminal would not show."""
    error = NameInvalid("an item", name, "letters")

    assert len(error.message) < 700
    assert error.message.isprintable() or not repr(name).isprintable()
    assert error.name == name


def test_a_long_circle_is_cut_in_the_middle() -> None:
    """Its beginning and its end are shown; all of it is kept."""
    circle = [f"i{number}" for number in range(50)]

    error = CycleFound([*circle, "i0"])

    assert error.message.endswith(
        "i0 → i1 → i2 → i3 → i4 → i5 → … 40 more … → i46 → i47 → i48 → i49 → i0."
    )
    assert len(error.cycle) == 51
