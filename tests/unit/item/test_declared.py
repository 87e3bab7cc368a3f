"""An item can be declared with references in place of values."""

# ruff: noqa: RUF012 - values of whatever type; pydantic copies defaults

from __future__ import annotations

import copy
import pickle
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    Json,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    create_model,
    field_validator,
    model_validator,
)

from peaceful import Item, ItemCtx, State, mapped, stored
from peaceful._errors.usage import ReferenceUsedAsValue
from peaceful._params.references import reference_of, reference_to_state
from peaceful.errors import DefinitionError, ValueUnresolved


class SourceState(State):
    """A state to refer to."""

    path: Path | None = None
    text: str = "t"


class Abstract(Item[SourceState]):
    """The functions of an item, which do not matter here."""

    def state_current(self, ctx: ItemCtx) -> SourceState:
        """Nothing."""
        return SourceState()

    def state_goal(self, ctx: ItemCtx) -> SourceState:
        """Nothing."""
        return SourceState()

    def apply(self, ctx: ItemCtx, current: SourceState, goal: SourceState) -> SourceState:
        """Nothing."""
        return goal


SOURCE: Any = reference_to_state("source", SourceState)


class Server(BaseModel):
    """A model in a field."""

    host: str
    port: Annotated[int, Field(gt=0)] = 80


class Cat(BaseModel):
    """One alternative of a field."""

    kind: Literal["cat"]
    lives: int


class Dog(BaseModel):
    """Another alternative of it."""

    kind: Literal["dog"]
    name: str


def _upper(text: str) -> str:
    return text.upper()


class Many(Abstract):
    """An item with fields of many types, and validators of all sorts."""

    anything: Any
    text: str
    short: Annotated[str, Field(max_length=3), AfterValidator(_upper)] = "abc"
    number: int = 0
    real: Annotated[float, Field(ge=0)] = 0.5
    yes: bool = False
    path: Path = Path("/x")
    names: list[str] = []
    sizes: dict[str, int] = {}
    pair: tuple[int, str] = (1, "a")
    unique: set[int] = set()
    maybe: int | None = None
    either: int | str = 0
    server: Server | None = None
    pet: Annotated[Cat | Dog, Field(discriminator="kind")] | None = None
    when: datetime | None = None
    exact: Decimal = Decimal(1)
    identifier: UUID = UUID(int=1)
    word: Literal["a", "b"] = "a"
    aliased: Annotated[int, Field(alias="from")] = 1
    strict: Annotated[int, Field(strict=True)] = 1
    packed: Json[list[int]] | None = None
    encoded: Base64Bytes | None = None
    made: Annotated[list[int], Field(default_factory=list)]

    @field_validator("number", mode="before")
    @classmethod
    def _from_word(cls, value: object) -> object:
        return {"one": 1, "two": 2}.get(value, value) if isinstance(value, str) else value

    @field_validator("number", "real")
    @classmethod
    def _not_thirteen(cls, value: float) -> float:
        if value == 13:
            raise ValueError("brings bad luck")
        return value

    @field_validator("names")
    @classmethod
    def _as_many_as(cls, value: list[str], info: ValidationInfo) -> list[str]:
        if len(value) > 2 and info.data.get("number") == 1:
            raise ValueError("too many for the number")
        return value


values = (
    st.none()
    | st.booleans()
    | st.integers(-2, 20)
    | st.floats(-2, 20)
    | st.sampled_from(
        ["", "a", "b", "abcd", "one", "13", "1.5", "/etc", "true", "[1]", "eA==", "2020-01-01"]
    )
    | st.binary(max_size=2)
    | st.just(Path("/p"))
    | st.lists(st.integers(0, 3) | st.sampled_from(["a", "b"]), max_size=4)
    | st.dictionaries(st.sampled_from(["host", "port", "kind", "lives", "name", "a"]),
                      st.sampled_from(["h", "cat", "dog", 0, 1, "2"]), max_size=4)
    | st.builds(Server, host=st.just("h"))
)  # fmt: skip
keys = st.sampled_from([*Many.model_fields, "from", "unknown", "other"])
given_values = st.dictionaries(keys, values, max_size=8)


def _made(make: Callable[[], BaseModel]) -> tuple[dict[str, Any], set[str], list[Any], str]:
    """Fields, which of them were set, problems, and their heading."""
    try:
        model = make()
    except ValidationError as error:
        problems = [
            (one["loc"], one["type"], one["msg"], one.get("ctx", {}).keys())
            for one in error.errors(include_url=False, include_input=False)
        ]
        return {}, set(), problems, error.title
    return dict(model.__dict__), set(model.model_fields_set), [], ""


@given(given_values)
def test_values_beside_references_are_validated_as_ever(plain: dict[str, Any]) -> None:
    """What is no reference is what pydantic makes of it; what is wrong is what pydantic says."""
    ordinary = _made(lambda: Many(**{"anything": 0, **plain}))

    declared = _made(lambda: Many(**{**plain, "anything": SOURCE.text}))

    for fields in (ordinary[0], declared[0]):
        fields.pop("anything", None)
    assert declared == ordinary


@given(given_values, st.sets(keys, max_size=3))
def test_any_parameter_can_be_a_reference(plain: dict[str, Any], referring: set[str]) -> None:
    """A reference is taken for any field, whatever its type; for nothing else."""
    with_references = {**plain, "anything": SOURCE, **dict.fromkeys(referring, SOURCE.text)}

    fields, _, problems, _ = _made(lambda: Many(**with_references))

    wrong = {problem[0][0] for problem in problems}
    assert wrong & referring <= {"unknown", "other", "aliased"}
    if not problems:
        for key in referring:
            reference = reference_of(fields["aliased" if key == "from" else key])
            assert str(reference) == "source.state.text"


def test_references_stay_as_they_are_inside_of_values() -> None:
    """A value with a reference in it is validated once it is known."""
    item = Many(
        anything=0,
        text=SOURCE.text,
        names=["a", SOURCE.text],
        sizes={"k": SOURCE.text},
        server={"host": SOURCE.text},  # type: ignore[arg-type]  # pydantic makes a model of it
        made=[],
    )

    assert repr(item.names) == "['a', <reference source.state.text>]"
    assert repr(item.server) == "{'host': <reference source.state.text>}"
    assert item.model_fields_set == {"anything", "text", "names", "sizes", "server", "made"}


class Whole(Abstract):
    """An item with much that looks at the whole of it."""

    one: str
    other: str = "o"
    calls: list[str] = []

    _seen: list[str] = PrivateAttr(default_factory=list)
    _later: str = PrivateAttr()
    _plain: dict[str, int] = PrivateAttr(default={"a": 1})

    @model_validator(mode="before")
    @classmethod
    def _before(cls, data: Any) -> Any:
        assert isinstance(data["one"], str), "it is called with values only"
        return data

    @model_validator(mode="wrap")
    @classmethod
    def _wrap(cls, data: Any, handler: Any) -> Any:
        return handler(data)

    @model_validator(mode="after")
    def _after(self) -> Whole:
        if self.one == self.other:
            raise ValueError("both are the same")
        return self

    def model_post_init(self, context: object, /) -> None:
        """Looks at a field."""
        self._later = self.one.upper()


def test_what_looks_at_the_whole_waits_for_all_values() -> None:
    """Model validators and `model_post_init` are called when everything is known."""
    item = Whole(one=SOURCE.text, other="t")

    assert reference_of(item.one) is not None
    assert item._seen == []
    assert item._plain == {"a": 1}
    with pytest.raises(ValueUnresolved, match=r"Whole\._later is not known yet"):
        _ = item._later


def test_private_values_are_not_shared() -> None:
    """Each declared item has its own."""
    first, second = Whole(one=SOURCE.text), Whole(one=SOURCE.text)
    first._plain["b"] = 2
    first._seen.append("x")

    assert second._plain == {"a": 1}
    assert second._seen == []


class Dependent(Abstract):
    """An item whose fields look at each other."""

    src: Path
    dest: Annotated[Path, Field(default_factory=lambda so_far: so_far["src"].with_suffix(".out"))]
    label: str = ""

    _name: str = PrivateAttr(default_factory=lambda: "private")

    @field_validator("label")
    @classmethod
    def _beside(cls, value: str, info: ValidationInfo) -> str:
        return f"{value} of {info.data['src'].name}"


def test_what_depends_on_a_reference_waits_for_it() -> None:
    """A default, or a validator, that looks at a field whose value is not known yet."""
    item = Dependent(src=SOURCE.path, label="x")  # type: ignore[call-arg]  # there is a default
    plain = Dependent(src=Path("/a/b"), label="x")  # type: ignore[call-arg]  # there is a default

    assert (plain.dest, plain.label) == (Path("/a/b.out"), "x of b")
    for field in ("dest", "label"):
        with pytest.raises(ValueUnresolved, match=f"Dependent.{field} is not known yet"):
            getattr(item, field)
    assert item._name == "private"


class Forwards(Abstract):
    """An item whose field has a type that is declared later, and contains itself."""

    tree: Tree
    name: str


class Tree(BaseModel):
    """A model that contains itself."""

    inside: list[Tree] = []


def test_recursive_and_later_types_work() -> None:
    """A field may be of a type that is not there yet when the item's class is made."""
    Forwards.model_rebuild()
    item = Forwards(tree={"inside": [{}]}, name=SOURCE.text)  # type: ignore[arg-type]  # as above

    assert item.tree == Tree(inside=[Tree()])
    with pytest.raises(ValidationError) as invalid:
        Forwards(tree={"inside": [{"other": 1, "inside": 2}]}, name=SOURCE.text)  # type: ignore[arg-type]
    assert invalid.value.title == "Forwards"
    assert invalid.value.errors()[0]["loc"] == ("tree", "inside", 0, "inside")


def test_extras_are_kept_where_they_are_allowed() -> None:
    """By the item's own configuration."""

    class Open(Abstract):
        model_config = ConfigDict(extra="allow")

        name: str

    item = Open(name=SOURCE.text, other=5)  # type: ignore[call-arg]  # an extra one

    assert item.other == 5  # type: ignore[attr-defined]
    assert item.model_extra == {"other": 5}


def test_declared_items_can_be_copied_pickled_and_shown() -> None:
    """A copy stands for the same."""
    item = Many(anything=SOURCE.path, text="t", names=[SOURCE.text], made=[])

    for other in (copy.copy(item), copy.deepcopy(item), item.model_copy(deep=True)):
        assert reference_of(other.anything) is reference_of(item.anything)
        assert str(other.__dict__) == str(item.__dict__)
    assert "anything=<reference source.state.path>" in repr(item)
    again = pickle.loads(pickle.dumps(item))
    assert repr(again) == repr(item)


def test_a_copy_with_other_values_is_declared_anew() -> None:
    """A reference may become a value, and a value a reference."""
    declared = Many(anything=SOURCE.path, text="t", made=[])
    plain = Many(anything=1, text="t", made=[])

    assert declared.model_copy(update={"anything": 1}).__dict__ == plain.__dict__
    assert repr(plain.model_copy(update={"anything": SOURCE.path})) == repr(declared)
    assert plain.model_copy(update={"text": "u"}).text == "u"
    with pytest.raises(ValidationError):
        declared.model_copy(update={"number": "many"})


def test_comparing_declared_items_needs_values() -> None:
    """As comparing references does; an item is equal to one with the very same references."""
    path = SOURCE.path
    item = Many(anything=path, text="t", made=[])

    assert item == Many(anything=path, text="t", made=[])
    with pytest.raises(ReferenceUsedAsValue):
        _ = item == Many(anything=SOURCE.text, text="t", made=[])


@pytest.mark.parametrize("value", [{SOURCE.text: 1}, [stored()], OrderedDict({"k": (stored(),)})])
def test_what_cannot_be_declared_is_refused(value: object) -> None:
    """A reference as a key; `stored()` for a part of a parameter."""
    with pytest.raises(DefinitionError):
        Many(anything=value, text="t", made=[])


def test_stored_and_mapped_values_are_open_too() -> None:
    """They are taken for any field."""
    item = Many(anything=0, text=stored(), number=mapped("size", len, SOURCE.text), made=[])

    assert repr(item.text) == "stored()"
    assert repr(item.number) == "<reference size(source.state.text)>"


def test_secrets_given_as_text_are_not_shown() -> None:
    """Neither in an error, nor as part of the item."""

    class Login(Abstract):
        user: str
        password: SecretStr

    with pytest.raises(ValidationError) as invalid:
        Login(password="hunter2", usr=SOURCE.text)  # type: ignore[call-arg, arg-type]  # the point
    assert "hunter2" not in str(invalid.value)
    assert "hunter2" not in str(invalid.value.errors())
    item = Login(user=SOURCE.text, password="hunter2")  # type: ignore[arg-type]  # a text will do
    assert item.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(item)


def test_classes_made_while_running_work() -> None:
    """As by pydantic's `create_model`."""
    fields: dict[str, Any] = {"name": (str, ...), "token": (UUID, Field(default_factory=uuid4))}
    made: Any = create_model("Made", __base__=Abstract, **fields)

    item: Mapping[str, Any] = dict(made(name=SOURCE.text))

    assert isinstance(item["token"], UUID)
