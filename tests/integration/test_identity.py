"""What becomes of what was made when a flow changes: by the command line, and by pages."""

from __future__ import annotations

import asyncio
import html
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import httpx
import pytest
from pydantic import SecretStr
from versions import QUIET, Versions

from peaceful import App, Flow, Item, ItemCtx, State
from peaceful._web.server.serve import asgi
from peaceful.commands import Contexts


class Text(State):
    """What a file holds."""

    text: str | None = None


class Nameless(Item[Text]):
    """A file; it does not say which."""

    path: Path
    text: str = "made"

    def state_current(self, ctx: ItemCtx) -> Text:
        """What is there."""
        return Text(text=self.path.read_text() if self.path.exists() else None)

    def state_goal(self, ctx: ItemCtx) -> Text:
        """What is to be there."""
        return Text(text=self.text)

    def apply(self, ctx: ItemCtx, current: Text, goal: Text) -> Text:
        """Write or remove it."""
        if goal.text is None:
            self.path.unlink()
        else:
            self.path.write_text(goal.text)
        return goal


class File(Nameless):
    """A file, known by its path."""

    identifies: ClassVar[tuple[str, ...]] = ("path",)


class Locked(File):
    """A file that takes a password to be touched."""

    password: SecretStr

    def apply(self, ctx: ItemCtx, current: Text, goal: Text) -> Text:
        """Write or remove it, with the right one."""
        assert self.password.get_secret_value() == "hunter2"
        return super().apply(ctx, current, goal)


Declare = Callable[[Flow], None]


@dataclass(frozen=True)
class Ran:
    """How a command ended: whether well, by item its status, and what was said."""

    well: bool
    statuses: Mapping[str, str]
    told: str


class Door(ABC):
    """Where people run the tool, and look at it.

    Attributes:
        declare: the flow, as it is by now.
    """

    declare: Declare

    @abstractmethod
    def look(self) -> str:
        """What it says of the flow before anything is done."""

    @abstractmethod
    def run(self, command: str, **options: bool) -> Ran:
        """Run a command with options."""

    @abstractmethod
    def edit(self, edit: str, item: str) -> bool:
        """Correct what is stored; whether that was done."""

    @abstractmethod
    def delete(self) -> bool:
        """Delete the profile; whether that was done."""


def _app(declare: Declare) -> App:
    app = App("tool")

    @app.flow("f")
    def f(flow: Flow) -> None:
        declare(flow)

    return app


class Terminal(Door):
    """The command line."""

    def __init__(self, tool: Versions) -> None:
        """Runs versions of the tool."""
        self.tool = tool

    def look(self) -> str:
        """By `diff` of what is stored."""
        ran = self.tool.run(_app(self.declare), "diff", "--stored", *QUIET)
        return " ".join((ran.out + ran.err).split())

    def run(self, command: str, **options: bool) -> Ran:
        """With options as they are typed."""
        words = [f"--{name}" for name, given in options.items() if given]
        ran = self.tool.run(_app(self.declare), command, *words, "--format", "json", *QUIET)
        items = ran.json["items"]
        statuses = {item: each["status"] for item, each in items.items()}
        messages = [each["message"] for each in items.values()]
        errors = [each["message"] for each in ran.json["errors"].values()]
        return Ran(ran.code == 0, statuses, " ".join([*ran.json["warnings"], *messages, *errors]))

    def edit(self, edit: str, item: str) -> bool:
        """By `states forget` and its like."""
        return self.tool.run(_app(self.declare), "states", edit, item, *QUIET).code == 0

    def delete(self) -> bool:
        """By `profile delete`."""
        return self.tool.run(_app(self.declare), "profile", "delete", "default", "--yes").code == 0


class Pages(Door):
    """The pages, and the API that they are made with."""

    def __init__(self, folder: Path) -> None:
        """Serves a workspace."""
        self.folder = folder

    def look(self) -> str:
        """On the page of the flow."""
        return self._asked("GET", "/profiles/default/f")[0]

    def run(self, command: str, **options: bool) -> Ran:
        """By the form of the page."""
        form = {"profile": "default", "flow_id": "f", **dict.fromkeys(options, "on")}
        shown, ended = self._asked("POST", f"/{command}_cmd", form=form)
        statuses = {item: each["status"] for item, each in ended["items"].items()}
        return Ran(ended["state"] == "complete", statuses, shown)

    def edit(self, edit: str, item: str) -> bool:
        """By the API."""
        _, ended = self._asked("POST", f"/api/profiles/default/f/states/{item}/{edit}")
        return bool(ended["state"] == "complete")

    def delete(self) -> bool:
        """By the API."""
        with suppress(AssertionError):
            self._asked("DELETE", "/api/profiles/default")
            return True
        return False

    def _asked(
        self, method: str, path: str, form: Mapping[str, str] | None = None
    ) -> tuple[str, Any]:
        """The text of a page, or of that of the execution that was started; and the execution."""
        return asyncio.run(self._ask(method, path, form))

    async def _ask(self, method: str, path: str, form: Mapping[str, str] | None) -> tuple[str, Any]:
        web = asgi(_app(self.declare), self.folder)
        transport = httpx.ASGITransport(web)
        async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
            headers = {"Accept": "text/html"}
            answer = await client.request(method, path, data=form, headers=headers)
            assert answer.status_code < 400, answer.text
            ended = None
            if place := answer.headers.get("location"):
                await web.wait_until_ended()
                execution_id = place.rpartition("/")[2]
                ended = (await client.get(f"/api/executions/{execution_id}")).json()
                answer = await client.get(f"/executions/{execution_id}", headers=headers)
            await web.wait_until_ended()
            return html.unescape(answer.text), ended


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the files are."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/bin/tool"])
    monkeypatch.setenv("COLUMNS", "400")
    Contexts.of(_app(lambda _: None), tmp_path).init({})
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


@pytest.fixture(params=["terminal", "pages"])
def door(
    request: pytest.FixtureRequest,
    folder: Path,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> Door:
    """Each of the doors in turn."""
    if request.param == "terminal":
        return Terminal(Versions(folder.parent, capsys, caplog))
    return Pages(folder.parent)


def _files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def flow_of(folder: Path, kind: type[Nameless] = File, **names: str) -> Declare:
    """A flow of files: by item, the name of its file. Each item stands on the one before."""

    def declare(flow: Flow) -> None:
        before = ""
        for item, name in names.items():
            flow.add(item, kind(path=folder / name))
            if before:
                flow.edge(before, item)
            before = item

    return declare


def test_another_name(door: Door, folder: Path) -> None:
    """It is taken over under the new name; that is said, and nothing is done."""
    door.declare = flow_of(folder, one="a")
    assert door.run("ensure").statuses == {"one": "done"}
    door.declare = flow_of(folder, uno="a")
    assert "uno takes over what one has made" in door.look()
    ran = door.run("ensure")
    assert ran.statuses == {"uno": "unchanged"}
    assert "uno takes over what one has made" in ran.told
    assert door.run("clean").statuses == {"uno": "done"}
    assert not _files(folder)


def test_names_move_up(door: Door, folder: Path) -> None:
    """Each keeps what it is; what is left is that of the one that is gone."""
    door.declare = flow_of(folder, n0="a", n1="b", n2="c")
    door.run("ensure")
    door.declare = flow_of(folder, n0="b", n1="c")
    ran = door.run("ensure")
    assert ran.statuses == {"n0": "unchanged", "n1": "unchanged"}
    assert "n0 takes over what n1 has made" in ran.told
    assert _files(folder) == {"a", "b", "c"}
    assert door.run("ensure", prune=True).statuses["n0__left"] == "done"
    assert _files(folder) == {"b", "c"}


@pytest.mark.parametrize("kind", [Nameless, File])
def test_name_and_thing_change(door: Door, folder: Path, kind: type[Nameless]) -> None:
    """`was` says it: the former thing is replaced."""
    door.declare = flow_of(folder, kind, one="a")
    door.run("ensure")

    def declare(flow: Flow) -> None:
        flow.add("uno", kind(path=folder / "b"), was="one")

    door.declare = declare
    ran = door.run("ensure")
    assert ran.statuses["uno"] == "done"
    door.run("ensure", prune=True)
    assert _files(folder) == {"b"}
    assert door.run("clean").well
    assert not _files(folder)


def test_an_item_leaves(door: Door, folder: Path) -> None:
    """It is named as left, stays, and is removed when that is said, last made first."""
    door.declare = flow_of(folder, one="a", two="b", three="c")
    door.run("ensure")
    door.declare = flow_of(folder, one="a")
    assert "two" in door.look()
    assert "left the flow" in door.look()
    ran = door.run("ensure")
    assert ran.statuses == {"one": "unchanged"}
    assert "three and two are no longer in the flow" in ran.told
    assert _files(folder) == {"a", "b", "c"}
    cleaned = door.run("clean", left=True).statuses
    assert cleaned == {"three": "done", "two": "done", "one": "not_started"}
    assert _files(folder) == {"a"}


def test_its_class_is_gone(door: Door, folder: Path) -> None:
    """It could not be cleaned: that has failed; it can be forgotten knowingly."""
    door.declare = flow_of(folder, one="a", two="b")
    door.run("ensure")
    states = folder.parent / ".peace/tool/default/f/states_current.yaml"
    states.write_text(states.read_text().replace("test_identity.File", "test_identity.Gone"))
    door.declare = flow_of(folder)
    ran = door.run("clean")
    assert not ran.well
    # What it may stand on stays as well.
    assert ran.statuses == {"two": "failed", "one": "not_started"}
    assert "test_identity.Gone is not in this program" in ran.told
    assert _files(folder) == {"a", "b"}
    assert door.edit("forget", "two")
    assert door.edit("forget", "one")
    assert door.run("clean").well
    assert _files(folder) == {"a", "b"}


def test_it_needs_a_secret(door: Door, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is taken from the parameter that it came from; where that has none, it has failed."""

    def app(*, left: bool) -> App:
        app = App("tool")

        @app.flow("f")
        def f(flow: Flow, token: SecretStr) -> None:
            if not left:
                flow.add("one", Locked(path=folder / "a", password=token))

        return app

    monkeypatch.setenv("TOOL_TOKEN", "hunter2")
    door.declare = flow_of(folder)
    monkeypatch.setattr(f"{__name__}._app", lambda _: app(left=False))
    assert door.run("ensure").well
    monkeypatch.setattr(f"{__name__}._app", lambda _: app(left=True))
    monkeypatch.delenv("TOOL_TOKEN")
    ran = door.run("clean")
    assert (ran.well, ran.statuses) == (False, {"one": "failed"})
    assert "token" in ran.told
    assert _files(folder) == {"a"}
    monkeypatch.setenv("TOOL_TOKEN", "hunter2")
    assert door.run("clean").statuses == {"one": "done"}
    assert not _files(folder)


def test_another_thing(door: Door, folder: Path) -> None:
    """The former one is removed once the new one is there."""
    door.declare = flow_of(folder, one="a")
    door.run("ensure")
    door.declare = flow_of(folder, one="b")
    assert "one looks after another thing now; the former one is known as one__b" in door.look()
    ran = door.run("ensure")
    assert ran.statuses == {"one": "done", "one__before": "done"}
    assert "one looks after another thing now" in ran.told
    assert _files(folder) == {"b"}


def test_it_was_found(door: Door, folder: Path) -> None:
    """It is left alone, unless that is said, or it was made our own."""
    door.declare = flow_of(folder, one="a", two="b")
    for name in ("a", "b"):
        (folder / name).write_text("made")
    assert door.run("ensure").statuses == {"one": "unchanged", "two": "unchanged"}
    assert door.edit("adopt", "two")
    ran = door.run("clean")
    assert ran.statuses == {"one": "unchanged", "two": "done"}
    assert "left alone: it was there before" in ran.told
    assert _files(folder) == {"a"}
    assert door.run("clean", found=True).statuses["one"] == "done"
    assert not _files(folder)


def test_its_profile_is_deleted(door: Door, folder: Path) -> None:
    """Not while something is left; afterwards, it can be."""
    door.declare = flow_of(folder, one="a")
    door.run("ensure")
    assert not door.delete()
    door.run("clean")
    assert door.delete()
    assert not (folder.parent / ".peace/tool/default").exists()
