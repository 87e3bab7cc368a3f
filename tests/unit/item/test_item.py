"""An item is a class with parameters for fields, and functions that say what to do."""

# ruff: noqa: RUF012 - values of whatever type; pydantic copies defaults

from __future__ import annotations

import copy
import pickle
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any, ClassVar, Generic, TypeVar

import pytest
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    model_validator,
)

from peaceful import Item, ItemCtx, State, StateDiff
from peaceful._item.item import kinds_of
from peaceful._item.resolution import check_state
from peaceful.errors import DefinitionError

S = TypeVar("S", bound=State)
T = TypeVar("T")
U = TypeVar("U")


class FileState(State):
    """The state of the item below."""

    content: str | None


class File(Item[FileState]):
    """An item as people write it."""

    path: Path
    content: Annotated[str, Field(min_length=1)] = "hello"
    mode: int = 0o644
    tags: list[str] = []

    kinds: ClassVar[int] = 3
    _reads: int = PrivateAttr(default=0)

    def state_current(self, ctx: ItemCtx) -> FileState:
        """What is there."""
        return FileState(content=None)

    def state_goal(self, ctx: ItemCtx) -> FileState:
        """What should be there."""
        return FileState(content=self.content)

    def apply(self, ctx: ItemCtx, current: FileState, goal: FileState) -> FileState:
        """Makes it so."""
        return goal


CTX: Any = None


def test_what_must_be_written_must_be_written() -> None:
    """An item without `apply` cannot be made."""

    class Half(Item[FileState]):
        def state_current(self, ctx: ItemCtx) -> FileState:
            return FileState(content=None)

    with pytest.raises(
        TypeError, match=r"abstract methods? 'apply'.*'state_goal'|apply, state_goal"
    ):
        Half()  # type: ignore[abstract]  # the point


def test_fields_are_parameters() -> None:
    """They are validated and have defaults, as in any model of pydantic."""
    item = File(path="/x")  # type: ignore[arg-type]  # pydantic makes a path of a text

    assert item.path == Path("/x")
    assert (item.content, item.mode, item.tags) == ("hello", 0o644, [])
    assert File.kinds == 3
    assert repr(item) == "File(path=PosixPath('/x'), content='hello', mode=420, tags=[])"
    with pytest.raises(ValidationError) as invalid:
        File(path=5, content="", other=1)  # type: ignore[call-arg, arg-type]  # the point
    assert {error["loc"] for error in invalid.value.errors()} == {
        ("path",),
        ("content",),
        ("other",),
    }


def test_items_are_frozen() -> None:
    """What an item finds and does goes into states."""
    item = File(path=Path("/x"))

    with pytest.raises(ValidationError, match="frozen"):
        item.content = "y"


def test_items_can_be_compared_copied_and_pickled() -> None:
    """As any model."""
    item = File(path=Path("/x"), tags=["a"])

    for other in (copy.copy(item), copy.deepcopy(item), item.model_copy(), File(**dict(item))):
        assert other == item
    assert pickle.loads(pickle.dumps(item)) == item
    assert item.model_copy(update={"mode": 1}).mode == 1
    assert item != File(path=Path("/y"))


def test_validation_from_data_is_pydantics() -> None:
    """An item can be read from plain data."""
    assert File.model_validate({"path": "/x"}) == File(path=Path("/x"))
    assert File.model_validate_json('{"path": "/x"}') == File(path=Path("/x"))


class Checked(File):
    """An item whose fields have to fit together, and that remembers something of its own."""

    least: int = 0
    most: int = 10
    _middle: float = PrivateAttr()

    @model_validator(mode="after")
    def _in_order(self) -> Checked:
        if self.least > self.most:
            raise ValueError("least is more than most")
        return self

    def model_post_init(self, context: object, /) -> None:
        """Computes something once."""
        self._middle = (self.least + self.most) / 2

    @property
    def middle(self) -> float:
        """What was computed."""
        return self._middle


def test_model_validators_and_private_attributes_work() -> None:
    """So do properties, and inheriting from an item."""
    item = Checked(path=Path("/x"), least=4)

    assert item.middle == 7
    assert item._reads == 0
    assert item.state_type() is FileState
    with pytest.raises(ValidationError, match="least is more than most"):
        Checked(path=Path("/x"), least=11)


class Base(Item[S], Generic[S]):
    """An item of whatever state, for others to inherit from."""

    name: str = ""

    def state_current(self, ctx: ItemCtx) -> S:
        """Nothing."""
        raise NotImplementedError

    def state_goal(self, ctx: ItemCtx) -> S:
        """Nothing."""
        raise NotImplementedError

    def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        """Nothing."""
        return goal


class Swapped(Base[S], Generic[T, S]):
    """An item with a second variable, which comes first."""

    value: T


class Deep(Swapped[U, FileState], Generic[U]):
    """An item whose state is given, and whose other variable is not."""


class OtherState(State):
    """Another state."""


class BoxState(State, Generic[T]):
    """A state with a variable."""

    inside: T | None = None


class Mixin(BaseModel):
    """A model that is no item."""

    extra_field: int = 0


class Mixed(Mixin, Base[OtherState]):
    """An item with something mixed in."""


class FromBase(Base[OtherState]):
    """An item by way of another one."""


class FromSwapped(Swapped[FileState, OtherState]):
    """An item whose first variable is a state, too, but not its own."""


class FromDeep(Deep[int]):
    """An item by way of several."""


class Boxed(Base[BoxState[int]]):
    """An item with a generic state."""


@pytest.mark.parametrize(
    ("item_type", "state_type"),
    [
        (File, FileState),
        (Checked, FileState),
        (FromBase, OtherState),
        (FromSwapped, OtherState),
        (Swapped[int, OtherState], OtherState),
        (FromDeep, FileState),
        (Deep[str], FileState),
        (Mixed, OtherState),
        (Boxed, BoxState[int]),
    ],
)
def test_the_type_of_the_state_is_found(item_type: Any, state_type: Any) -> None:
    """However the class was inherited."""
    assert item_type.state_type() is state_type


class Unnamed(Item):  # type: ignore[type-arg]  # the point
    """An item that does not name its state."""


class Wrong(Item[int]):  # type: ignore[type-var]  # the point
    """An item whose state is none."""


@pytest.mark.parametrize("item_type", [Unnamed, Wrong, Base, Swapped, Item])
def test_a_class_must_name_its_state(item_type: Any) -> None:
    """Else the error says what to write."""
    with pytest.raises(DefinitionError, match="does not say what type its state has") as wrong:
        item_type.state_type()
    assert f"class {item_type.__name__}(Item[TheState])" in wrong.value.help


def test_the_kind_names_module_and_class() -> None:
    """It is what stored states remember."""
    assert File.kind().endswith("test_item.File")


@pytest.mark.parametrize(
    ("spec", "file", "kind"),
    [
        (None, "/work/tool.py", "tool.Local"),
        (None, "/work/my-tool.py", "my-tool.Local"),
        (ModuleSpec("package.tool", None), "/work/package/tool.py", "package.tool.Local"),
        (ModuleSpec("package.__main__", None), "", "package.__main__.Local"),
        (None, "/usr/bin/tool", "__main__.Local"),
        (None, None, "__main__.Local"),
    ],
)
def test_the_kind_of_what_a_program_defines(
    monkeypatch: pytest.MonkeyPatch, spec: ModuleSpec | None, file: str | None, kind: str
) -> None:
    """It is that of the module that others import; what was stored as of `__main__` is its own."""
    main = ModuleType("__main__")
    main.__spec__, main.__file__ = spec, file
    monkeypatch.setitem(sys.modules, "__main__", main)
    local: Any = type("Local", (File,), {"__module__": "__main__", "__qualname__": "Local"})

    assert local.kind() == kind
    assert kinds_of(local) == {kind, "__main__.Local"}


def test_a_class_says_what_it_was() -> None:
    """Its earlier kinds are its own, not those of what is derived from it."""

    class Renamed(File, was="tool.Old"):
        pass

    class Again(Renamed, was=["tool.One", "tool.Two"]):
        pass

    class Derived(Again):
        pass

    assert kinds_of(Renamed) == {Renamed.kind(), "tool.Old"}
    assert kinds_of(Again) == {Again.kind(), "tool.One", "tool.Two"}
    assert kinds_of(Derived) == {Derived.kind()}


@pytest.mark.parametrize("was", [File, [File], 1])
def test_what_a_class_was_is_a_text(was: Any) -> None:
    """The class itself may be gone."""
    with pytest.raises(DefinitionError, match="does not say by its kind what it was"):
        type("Wrong", (File,), {"__module__": __name__}, was=was)


@pytest.mark.filterwarnings("ignore:Field name:UserWarning")
@pytest.mark.parametrize("name", ["kind", "apply", "diff", "clean", "state_type", "interactions"])
def test_parameters_cannot_be_named_as_functions_of_items(name: str) -> None:
    """The framework could not call the function; this is found when the class is made."""
    with pytest.raises(DefinitionError, match=f"named as a function of every item: {name}"):
        type("Bad", (File,), {"__annotations__": {name: str}, "__module__": __name__, name: "x"})


class Odd:
    """A type that pydantic does not know."""


class WithOdd(File):
    """An item with its own configuration."""

    model_config = ConfigDict(arbitrary_types_allowed=True, str_strip_whitespace=True)

    odd: Odd


def test_configuration_can_be_added() -> None:
    """What is not overridden stays."""
    odd = Odd()
    item = WithOdd(path=Path("/x"), odd=odd, content="  x ")

    assert item.odd is odd
    assert item.content == "x"
    assert WithOdd.model_config["frozen"] is True
    with pytest.raises(ValidationError):
        WithOdd(path=Path("/x"), odd=5)  # type: ignore[arg-type]  # the point


class WithSecret(File):
    """An item with a secret."""

    token: Annotated[SecretStr, Field(min_length=20)]


def test_errors_do_not_show_what_may_be_a_secret() -> None:
    """Pydantic would show everything that was given, where something is missing."""
    with pytest.raises(ValidationError) as invalid:
        WithSecret(token="hunter2", mode="x")  # type: ignore[call-arg, arg-type]  # the point

    assert invalid.value.error_count() == 3
    assert "hunter2" not in str(invalid.value)
    assert "hunter2" not in repr(invalid.value)
    assert "hunter2" not in str(invalid.value.errors())
    assert [(each["loc"], each["type"]) for each in invalid.value.errors()] == [
        (("path",), "missing"),
        (("mode",), "int_parsing"),
        (("token",), "too_short"),
    ]
    assert invalid.value.errors()[1]["input"] == "x"
    assert invalid.value.title == "WithSecret"
    item = WithSecret(path=Path("/x"), token="hunter2" * 5)  # type: ignore[arg-type]  # a text will do
    assert "hunter2" not in repr(item)
    assert item.token.get_secret_value() == "hunter2" * 5


def test_the_clean_state_is_the_one_without_anything() -> None:
    """By default every field of the state is none."""
    assert File(path=Path("/x")).state_clean(CTX) == FileState(content=None)


def test_a_state_that_cannot_be_empty_needs_words() -> None:
    """Where not every field may be none, the item must say what it is when it is cleaned up."""

    class FullState(State):
        size: int

    class Full(Base[FullState]):
        pass

    with pytest.raises(DefinitionError, match="not every field of FullState may be none") as wrong:
        Full().state_clean(CTX)
    assert wrong.value.help == "write Full.state_clean"


def test_the_other_functions_have_sound_defaults() -> None:
    """A field-wise diff; something to do where anything differs; clean applies the clean state."""
    item = File(path=Path("/x"))
    here, there = FileState(content=None), FileState(content="hello")

    diff = item.diff(here, there)

    assert isinstance(diff, StateDiff)
    assert str(diff) == "+ content: hello"
    assert item.diff(there, FileState(content="hello")) is None
    assert item.apply_check(here, there, diff)
    assert not item.apply_check(here, here, None)
    assert item.apply_dry(CTX, here, there) == there
    assert item.clean(CTX, there, here) == here
    assert item.try_state_current(CTX) == here
    assert item.try_state_goal(CTX) == there
    assert item.interactions() == ()
    assert item.state_example() == FileState(content="example_content")


def test_a_state_is_checked_for_its_type() -> None:
    """What an item returns must be its state."""
    item = File(path=Path("/x"))

    assert check_state(item, FileState(content="x")).model_dump() == {"content": "x"}
    with pytest.raises(TypeError, match="it returned OtherState, not FileState"):
        check_state(item, OtherState())
    with pytest.raises(TypeError, match="it returned NoneType, not FileState"):
        check_state(item, None)
