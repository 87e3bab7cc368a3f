"""`stored()`: a parameter of an item that takes the value that was last stored for it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from peaceful import App, Flow, Item, ItemCtx, State, mapped, stored
from peaceful._runtime.flow import BuiltFlow
from peaceful._storage.yaml_file import read_yaml
from peaceful.commands import (
    CleanCmd,
    Complete,
    Contexts,
    DiscoverCmd,
    EnsureCmd,
    ItemError,
    States,
    Workspace,
)
from peaceful.errors import (
    CycleFound,
    FileDamaged,
    ParamsInvalid,
    ReferenceInvalid,
    ValueUnresolved,
)
from peaceful.testing import FlowHarness, MemoryStateStore


class NoteState(State):
    """What a note says."""

    says: str | None = None
    words: tuple[str, ...] | None = None


class Note(Item[NoteState]):
    """Something that is always as it should be."""

    says: str
    count: int = 0
    place: Path | None = None
    words: tuple[str, ...] = ()
    secret: SecretStr | None = None

    def state_current(self, ctx: ItemCtx) -> NoteState:
        """As it should be."""
        return NoteState(says=self.says, words=self.words)

    def state_goal(self, ctx: ItemCtx) -> NoteState:
        """As the parameters say."""
        return NoteState(says=self.says, words=self.words)

    def apply(self, ctx: ItemCtx, current: NoteState, goal: NoteState) -> NoteState:
        """Has nothing to do."""
        return goal


Declare = Callable[[Flow], object]


class Book:
    """An application whose flow can be declared anew for each command."""

    def __init__(self, folder: Path) -> None:
        """Begins with nothing."""
        app = App("book")
        self._declare: Declare = lambda _: None

        @app.flow("write")
        def write(flow: Flow) -> None:
            self._declare(flow)

        self.contexts = Contexts(app, Workspace(folder, "book"), {})
        self.contexts.init({})
        self.specs = self.contexts.workspace.params_specs_file("default", "write")

    async def ran(self, declare: Declare) -> BuiltFlow:
        """The flow, after `ensure` was run."""
        self._declare = declare
        ctx = self.contexts.cmd_ctx()
        assert isinstance(await EnsureCmd.exec(ctx), Complete)
        return ctx.flow

    def built(self, declare: Declare) -> BuiltFlow:
        """The flow, as the next command sees it."""
        self._declare = declare
        return self.contexts.build("default", "write")


@pytest.fixture
def book(tmp_path: Path) -> Book:
    """An application in an empty folder."""
    return Book(tmp_path)


def _shout(text: str | None) -> str:
    return (text or "").upper()


async def test_the_value_that_was_last_stored_is_taken(book: Book) -> None:
    """A value is stored by the command that gives it; those that say `stored()` keep it so."""
    given = Note(says="hello", count=3, place=Path("/somewhere"), words=("a", "b"))
    await book.ran(lambda flow: flow.add("note", given))
    asking = Note(says=stored(), count=stored(), place=stored(), words=stored())
    for _ in range(2):
        flow = await book.ran(lambda flow: flow.add("note", asking))
        assert flow.items["note"].item == given
    specs = read_yaml(book.specs) or {}
    assert specs["note"] == {
        "says": "hello",
        "count": 3,
        "place": "/somewhere",
        "words": ["a", "b"],
        "secret": None,
    }


@examples(8)
@given(st.lists(st.sampled_from([stored(), "one", "two"]), min_size=1, max_size=6))
async def test_any_order_of_giving_and_taking(values: list[object]) -> None:
    """The value is the last one that was given; before any was, it is not known."""
    store = MemoryStateStore()
    last: object = None
    for value in values:
        last = value if isinstance(value, str) else last

        def declare(flow: Flow, value: object = value) -> None:
            flow.add("note", Note(says=value))  # type: ignore[arg-type]  # text, or `stored()`

        with tempfile.TemporaryDirectory() as folder:
            outcome = await FlowHarness(declare, Path(folder), store=store).ensure()
        if last is None:
            assert isinstance(outcome, ItemError)
            assert isinstance(outcome.errors["note"], ValueUnresolved)
            assert "says" in str(outcome.errors["note"])
        else:
            assert isinstance(outcome.value, States)
            assert outcome.value.current["note"] == NoteState(says=str(last), words=())


async def test_a_stored_reference_orders_items_again(book: Book) -> None:
    """What was stored may refer to other items; it makes the edges that it made then."""

    def asking(flow: Flow) -> None:
        flow.add("two", Note(says=stored()))
        flow.add("three", Note(says="x", words=stored()))
        one = flow.add("one", Note(says="bye"))
        flow.add("other", Note(says=mapped("shout", _shout, one.state.says)))

    def given_by_reference(flow: Flow) -> None:
        one = flow.add("one", Note(says="hello"))
        flow.add("two", Note(says=mapped("shout", _shout, one.state.says)))
        flow.add("three", Note(says="x", words=(mapped("shout", _shout, one.state.says), "y")))

    await book.ran(given_by_reference)
    flow = await book.ran(asking)
    assert set(flow.graph.predecessors("two")) == {"one"}
    assert set(flow.graph.predecessors("three")) == {"one"}
    ctx = book.contexts.cmd_ctx()
    outcome = await DiscoverCmd.exec(ctx)
    assert isinstance(outcome.value, States)
    assert outcome.value.current["two"] == NoteState(says="BYE", words=())
    assert outcome.value.current["three"] == NoteState(says="x", words=("BYE", "y"))


async def test_a_circle_through_what_was_stored(book: Book) -> None:
    """A stored reference and one that is declared now may form a circle, which is named."""

    def before(flow: Flow) -> None:
        one = flow.add("one", Note(says="hello"))
        flow.add("two", Note(says=mapped("shout", _shout, one.state.says)))

    def after(flow: Flow) -> None:
        two = flow.add("two", Note(says=stored()))
        flow.add("one", Note(says=mapped("shout", _shout, two.state.says)))

    await book.ran(before)
    with pytest.raises(CycleFound, match="one"):
        book.built(after)


def _asking(flow: Flow) -> None:
    flow.add("note", Note(says=stored()))


async def test_where_nothing_was_stored(book: Book) -> None:
    """The command that needs the value says which one; others go on."""

    def declare(flow: Flow) -> None:
        flow.add("new", Note(says=stored()))
        flow.add("other", Note(says="x"))

    book.built(declare)
    outcome = await EnsureCmd.exec(book.contexts.cmd_ctx())
    assert isinstance(outcome, ItemError)
    error = outcome.errors["new"]
    assert isinstance(error, ValueUnresolved)
    assert dict(error.details)["says"] == "no value was stored for it yet"
    assert isinstance(await CleanCmd.exec(book.contexts.cmd_ctx()), Complete)


async def test_a_secret_is_not_taken(book: Book) -> None:
    """A secret is never stored, so there is none to take."""
    secret = SecretStr("hunter2")
    await book.ran(lambda flow: flow.add("note", Note(says="x", secret=secret)))
    book.built(lambda flow: flow.add("note", Note(says=stored(), secret=stored())))
    outcome = await EnsureCmd.exec(book.contexts.cmd_ctx())
    assert isinstance(outcome, ItemError)
    assert "secret" in str(outcome.errors["note"])


@pytest.mark.parametrize(
    ("text", "field", "place", "reason"),
    [
        ("note:\n  says: 3\n", "says", "line 2, column 3", "a text, not 3"),
        ("note:\n  says: {from: gone.state.says}\n", "its parameters", "line 1", "not the state"),
        ("note:\n  says: {from: 'gone(1)'}\n", "its parameters", "line 1", "'gone'"),
        ("note: hello\n", "note", "line 1, column 1", "names and values below it"),
    ],
)
async def test_what_is_stored_cannot_be_taken(
    book: Book, text: str, field: str, place: str, reason: str
) -> None:
    """The error names the parameter, the place in the file, why, and what to do."""
    book.specs.parent.mkdir(parents=True, exist_ok=True)
    book.specs.write_text(text)
    with pytest.raises(ParamsInvalid) as caught:
        book.built(_asking)
    [problem] = caught.value.problems
    assert problem.field == field
    assert problem.origin.startswith(f"{book.specs}, {place}")
    assert reason in problem.reason
    assert caught.value.help.startswith("correct the file, or give the parameter a value")


async def test_a_stored_reference_to_another_type(book: Book) -> None:
    """A reference that was stored, and does not fit the parameter any more, is refused."""
    book.specs.parent.mkdir(parents=True, exist_ok=True)
    book.specs.write_text("note:\n  says: {from: other.state.words}\n")

    def declare(flow: Flow) -> None:
        flow.add("other", Note(says="x"))
        flow.add("note", Note(says=stored()))

    with pytest.raises(ReferenceInvalid, match=r"other\.state\.words"):
        book.built(declare)


async def test_a_damaged_file_harms_only_those_who_need_it(book: Book) -> None:
    """A flow that asks for nothing that was stored does not read the file when it is built."""
    book.specs.parent.mkdir(parents=True, exist_ok=True)
    book.specs.write_text("note: [\n")
    assert book.built(lambda flow: flow.add("note", Note(says="x"))).items
    with pytest.raises(FileDamaged, match=str(book.specs)):
        book.built(_asking)


async def test_a_harness_remembers_too(tmp_path: Path) -> None:
    """In tests, `stored()` takes what an earlier command of the same harness stored."""
    says: list[object] = ["hello"]
    harness = FlowHarness(lambda flow: flow.add("note", Note(says=says[0])), tmp_path)  # type: ignore[arg-type]  # text, or `stored()`
    await harness.ensure()
    says[0] = stored()
    outcome = await harness.ensure()
    assert isinstance(outcome.value, States)
    assert outcome.value.current["note"] == NoteState(says="hello", words=())
    broken = MemoryStateStore()
    broken.save_params_specs({"note": {"says": 3}})
    with pytest.raises(ParamsInvalid, match=r"set in the harness's store\.note\.says"):
        await FlowHarness(_asking, tmp_path, store=broken).ensure()
