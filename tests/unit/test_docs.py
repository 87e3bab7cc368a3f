"""The pages say what there is: every command, error, event and make target, and nothing else.

That their code works is shown by following them, in `tests/acceptance/test_pages.py`.
"""

import dataclasses
import importlib
import json
import pkgutil
import re
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from doc_pages import ROOT, as_module, blocks_of, matches, page_name, pages, steps_of
from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from public_names import PACKAGES, public_names

import peaceful
from peaceful import App, ItemStatus, ProgressUnit
from peaceful._cli.commands.table import command_line
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.options import GlobalOption
from peaceful._model.codec import encode_json
from peaceful._model.events import ApprovalAsked, ApprovalEnded, Phase
from peaceful._model.execution import Answerer, Approval, StartedBy
from peaceful._process_signals import ProcessSignals
from peaceful._web.api.routes import ROUTES
from peaceful._web.http.documents import Problem
from peaceful._web.http.fields import ApproveBody, InterruptBody, MoveBody, StartRequest
from peaceful._web.http.openapi import ref, schemas
from peaceful.commands import (
    BlockEnded,
    BlockStarted,
    ChangeStarted,
    Event,
    ExecutionEnded,
    ExecutionInfo,
    ExecutionStarted,
    InterruptRequested,
    ItemEnded,
    ItemProgressed,
    ItemStarted,
    OutcomeKind,
    Progress,
    StateKind,
    Warned,
    Workspace,
)
from peaceful.errors import PeacefulError
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

LINK = re.compile(r"\]\((?!\w+:|#)(?P<target>[^)#\s]+)[^)]*\)")
MAKE = re.compile(r"\bmake ([a-z]+)\b(?=`|\s+#|$)", re.MULTILINE)
REFERENCE = ROOT / "docs" / "reference"
CHECKED = {"console", "python", "text"}
COMPARED = {REFERENCE / "events.md", REFERENCE / "http.md"}
"""Pages whose JSON is compared with what there is."""

"""Languages of blocks that need no title to be checked."""
FILES = {"ini", "json", "nginx", "python", "toml", "yaml"}
"""Languages of blocks that are files, and have a title."""
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SIGNAL = InterruptSignal(InterruptLevel.STOP, InterruptSource.SIGINT, NOW)


def _words(page: Path) -> str:
    return page.read_text()


# ---- how pages are read


def test_blocks_are_found_with_their_lines_and_titles() -> None:
    """A block of code is known by its language, its title and its line; indentation is not code."""
    text = 'a\n\n  ```python title="a.py"\n  x = 1\n    y\n  ```\n```text\n```\n'

    found = [(each.language, each.title, each.line, each.text) for each in blocks_of(text)]

    assert found == [("python", "a.py", 4, "x = 1\n  y"), ("text", "", 8, "")]


def test_a_block_without_an_end_is_a_mistake() -> None:
    """A page whose last block has no end says where that began."""
    with pytest.raises(ValueError, match="line 2"):
        blocks_of("a\n```python\n")


def test_code_of_a_page_keeps_its_lines() -> None:
    """The Python code of a page is one module, whose lines are where they are on the page."""
    blocks = blocks_of("# Title\n```python\na = 1\n```\nwords\n```python\nb = 2\n```\n")

    assert as_module(blocks).split("\n") == ["", "", "a = 1", "", "", "", "b = 2", ""]


def test_steps_are_what_a_reader_does() -> None:
    """A reader types, continues what was typed, sees, and presses keys."""
    [block] = blocks_of("```console\n$ a\n> b\nseen\n^C\nthen\n$ c\n```\n")

    assert [dataclasses.astuple(step) for step in steps_of(block)] == [
        ((),),
        ("a\nb",),
        (("seen",),),
        (),
        (("then",),),
        ("c",),
        ((),),
    ]


@pytest.mark.parametrize(
    ("expected", "actual", "alike"),
    [
        ("a\nb", "a\nb", True),
        ("a\nb", "a\nc", False),
        ("a\n...\nd", "a\nb\nc\nd", True),
        ("...", "", True),
        ("a ... c", "a b c", True),
        ("a ... c", "a b", False),
        ("took 1.0 s", "took 2 min 3 s", True),
        ("01a20870", "f1b30981", True),
        ("at 12:00:01", "at 13:59", True),
        ("  x   y", " x y", True),
        ("  ✓ a\n  = b", "  = b\n  ✓ a", True),
        ("  ✓ a\n  = b", "  = b\n  ✓ c", False),
    ],
)
def test_what_varies_is_alike(expected: str, actual: str, alike: bool) -> None:
    """Times, IDs, the width of columns and the order of items may differ; words may not."""
    assert matches(expected.split("\n"), actual.split("\n")) is alike


# ---- all pages


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_every_block_is_of_a_kind_that_is_checked(page: Path) -> None:
    """A page has only code that a test runs, writes, compares or reads; all else is a picture."""
    checked = CHECKED | ({"json"} if page in COMPARED else set())
    unchecked = [
        block.line
        for block in blocks_of(page.read_text())
        if block.language not in checked and not (block.title and block.language in FILES)
    ]

    assert unchecked == []


@pytest.mark.parametrize("page", sorted(ROOT.glob("*.md")), ids=page_name)
def test_links_between_files_lead_somewhere(page: Path) -> None:
    """A link from a page outside the documentation leads to a file that is there.

    Those inside it are followed when it is built.
    """
    targets = [link["target"] for link in LINK.finditer(page.read_text())]

    assert [target for target in targets if not (page.parent / target).exists()] == []


@pytest.mark.parametrize("page", pages(), ids=page_name)
def test_named_make_targets_exist(page: Path) -> None:
    """Where a page says to run a target of the Makefile, there is one."""
    known = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    assert set(MAKE.findall(page.read_text())) - known == set()


# ---- the reference


def _errors(root: type[PeacefulError]) -> Iterator[type[PeacefulError]]:
    yield root
    for below in root.__subclasses__():
        yield from _errors(below)


def _by_code() -> dict[str, type[PeacefulError]]:
    """By code, each error that the package defines, in whatever module."""
    for module in pkgutil.walk_packages(peaceful.__path__, prefix="peaceful."):
        importlib.import_module(module.name)
    return {
        error.code: error
        for error in _errors(PeacefulError)
        if "code" in vars(error) and error.__module__.startswith("peaceful.")
    }


def test_the_page_of_errors_is_the_tree_of_errors() -> None:
    """The page of errors has each code, with its exit code, and no other."""
    found: dict[str, int] = {}
    for section in re.split(r"^## ", _words(REFERENCE / "errors.md"), flags=re.MULTILINE)[1:]:
        [exit_code] = re.findall(r"^Exit code (\d)\.", section, re.MULTILINE)
        codes = re.findall(r"^### `([A-Z-]+)`$", section, re.MULTILINE)
        found |= dict.fromkeys(codes, int(exit_code))

    assert found == {code: error.exit_code for code, error in _by_code().items()}


def test_the_page_of_errors_says_by_which_class_to_catch_each() -> None:
    """Below each code is its class; where that is internal, the public class above it."""
    public = {kind for package in PACKAGES for kind in public_names(package).values()}
    text = _words(REFERENCE / "errors.md")
    found = dict(re.findall(r"^### `([A-Z-]+)`\n\nIn Python: (.*)\.$", text, re.MULTILINE))
    expected: dict[str, str] = {}
    for code, error in _by_code().items():
        above = next(kind for kind in error.__mro__ if kind in public)
        article = "" if above is error else "an " if above.__name__[0] in "AEIO" else "a "
        expected[code] = f"{article}`{above.__name__}`"

    assert found == expected


def _commands(group: click.Group, prefix: str = "") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", command


def test_the_page_of_the_command_line_has_every_command_and_option() -> None:
    """The page of the command line has a section for each command, which names its options."""
    group = command_line(Invocation.of(App("app"), ["status"], ProcessSignals(), ExitStack()))
    text = _words(REFERENCE / "command-line.md")
    sections = dict(re.findall(r"(?ms)^### `APP ([^\n]*)`\n(.*?)(?=^##)", text))
    unnamed: list[str] = []
    for name, command in _commands(group):
        own = [f"{head}\n{body}" for head, body in sections.items() if re.match(name + r"\b", head)]
        if not own:
            unnamed.append(name)
        for param in command.params:
            where = [text] if isinstance(param, GlobalOption) else own
            if isinstance(param, click.Option) and not any(param.opts[0] in each for each in where):
                unnamed.append(f"{name} {param.opts[0]}")
    known = {name for name, _ in _commands(group)}

    assert unnamed == []
    assert [head for head in sections if not any(head.startswith(name) for name in known)] == []


def test_the_page_of_files_has_every_file() -> None:
    """The page of files names each file and folder of a workspace."""
    workspace = Workspace(Path("/w"), "app")
    paths = [
        workspace.workspace_params_file,
        workspace.run_folder,
        workspace.executions_file,
        workspace.profile_params_file("p"),
        workspace.lock_file("p"),
        workspace.flow_params_file("p", "f"),
        workspace.params_specs_file("p", "f"),
        *(workspace.flow_folder("p", "f") / f"states_{kind}.yaml" for kind in StateKind),
    ]
    headings = " ".join(re.findall(r"^### (.*)$", _words(REFERENCE / "files.md"), re.MULTILINE))

    assert [path.name for path in paths if path.name not in headings] == []


EVENTS: Mapping[str, Event] = {
    "execution_started": ExecutionStarted(
        NOW,
        ExecutionInfo(
            "id", "app", "p", "f", "ensure", StartedBy("ada", "laptop", 1, "terminal"), NOW
        ),
        ("a",),
        {"a": ()},
    ),
    "block_started": BlockStarted(NOW, "Ensure", ("a",), 16, {"app_download": 3.2}),
    "item_started": ItemStarted(NOW, "a", Phase.LOOKING),
    "change_started": ChangeStarted(NOW, "a"),
    "item_progressed": ItemProgressed(
        NOW, "a", Progress(ProgressUnit.BYTES, 1, 2, 1.0, 1.0, "downloading")
    ),
    "approval_asked": ApprovalAsked(NOW, "a", "Deploy?"),
    "approval_ended": ApprovalEnded(
        NOW, "a", Approval("a", "Deploy?", True, Answerer("web", "ada", "laptop"), NOW)
    ),
    "item_ended": ItemEnded(NOW, "a", ItemStatus.DONE, "there", "", None, 1.0),
    "interrupt_requested": InterruptRequested(NOW, SIGNAL, ("a",)),
    "warned": Warned(NOW, "…"),
    "block_ended": BlockEnded(NOW, "Ensure", finished=False),
    "execution_ended": ExecutionEnded(
        NOW, "id", OutcomeKind.BLOCK_INTERRUPTED, {ItemStatus.DONE: 1}, SIGNAL
    ),
}


def _shape(value: object) -> object:
    """What a value is made of: the keys of objects, and the kinds of all else."""
    if isinstance(value, Mapping):
        return {key: _shape(each) for key, each in value.items() if key not in {"a", *ItemStatus}}
    if isinstance(value, list):
        return "list"
    return "number" if isinstance(value, (int, float)) else type(value).__name__


def test_the_page_of_events_shows_each_as_it_is() -> None:
    """The page of events shows each kind of event once, with its keys, and no other."""
    assert {type(event) for event in EVENTS.values()} == set(Event.__args__)
    shown = [json.loads(block.text) for block in blocks_of(_words(REFERENCE / "events.md"))]
    found = {each["event"]: each for each in shown if each["event"] != "output"}
    found["execution_started"]["waits_for"] = {}

    assert [each["event"] for each in shown] == [*EVENTS, "output"]
    assert {name: _shape(each) for name, each in found.items()} == {
        name: _shape(json.loads(encode_json(event))) for name, event in EVENTS.items()
    }


def test_bodies_are_what_the_server_takes_and_gives() -> None:
    """The documents on the page about HTTP have the form that the API's description says."""
    shown = [
        json.loads(block.text)
        for block in blocks_of(_words(REFERENCE / "http.md"))
        if block.language == "json"
    ]
    kinds: tuple[type[msgspec.Struct], ...] = (
        StartRequest,
        StartRequest,
        MoveBody,
        InterruptBody,
        Problem,
        ApproveBody,
    )
    known: dict[str, Any] = {"components": {"schemas": schemas(ROUTES)}}
    for kind, document in zip(kinds, shown, strict=True):
        Draft202012Validator({**known, **ref(kind)}).validate(document)


# ---- guarantees


def test_each_guarantee_names_tests_that_are_there() -> None:
    """Whoever doubts a promise finds the tests that hold it."""
    rows = [
        row
        for row in (ROOT / "docs/guarantees.md").read_text().splitlines()
        if row.startswith("| ") and not row.startswith("| promise")
    ]
    named = {row: re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", row) for row in rows}
    missing = [
        f"{path}::{test}"
        for tests in named.values()
        for path, test in tests
        if f"def {test}(" not in (ROOT / path).read_text()
    ]

    assert missing == []
    assert [row for row, tests in named.items() if not tests] == []
