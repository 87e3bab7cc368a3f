"""A declared item becomes one with values: for real, partially, or by example."""

# ruff: noqa: RUF012 - values of whatever type; pydantic copies defaults

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import (
    Base64Bytes,
    BaseModel,
    Field,
    PrivateAttr,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from peaceful import Item, ItemCtx, State, mapped, stored
from peaceful._item.item import check_references
from peaceful._item.resolution import (
    Unresolvable,
    example_of,
    fill_stored_values,
    resolve,
    resolve_partially,
    specs_of,
    stored_params,
)
from peaceful._params.references import reference_to_state
from peaceful._params.specs import StateLookup
from peaceful._params.stored_specs import UnreadableSpec
from peaceful.errors import ReferenceInvalid, ValueUnresolved


class Server(BaseModel):
    """A model in a state."""

    host: str
    port: int = 80


class SourceState(State):
    """A state to refer to."""

    path: Path | None = None
    text: str = "t"
    size: int = 1
    server: Server | None = None
    names: list[str] = []


class Pair(NamedTuple):
    """A named tuple in a field."""

    host: str
    port: int


@dataclass(frozen=True)
class Mount:
    """A data class in a field."""

    path: Path
    size: int = 0


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


class Target(Abstract):
    """An item that refers."""

    path: Path
    size: Annotated[int, Field(ge=0)] = 0
    text: str = ""
    maybe: str | None = None
    names: list[str] = []
    pair: Pair = Pair("h", 1)
    mounts: list[Mount] = []
    server: Server | None = None
    env: dict[str, str] = {}
    token: SecretStr | None = None
    aliased: Annotated[int, Field(alias="from")] = 1
    encoded: Base64Bytes = b""

    _shout: str = PrivateAttr("")

    @model_validator(mode="after")
    def _together(self) -> Target:
        if self.text == "wrong":
            raise ValueError("does not fit together")
        return self

    def model_post_init(self, context: object, /) -> None:
        """Looks at a field."""
        self._shout = self.text.upper()


SOURCE: Any = reference_to_state("source", SourceState)
KNOWN = SourceState(path=Path("/p"), text="text", size=7, server=Server(host="h"), names=["a", "b"])
ONLY_SIZE = SourceState(size=7)


def _states(state: State | None) -> StateLookup:
    return {"source": state}.get


NOTHING = _states(None)


def test_an_item_of_values_is_itself() -> None:
    """There is nothing to resolve."""
    item = Target(path=Path("/x"))

    assert resolve(item, NOTHING) is item
    assert resolve_partially(item, NOTHING) == (item, {})
    assert example_of(item, NOTHING) is item
    check_references(item)


def _full() -> Target:
    return Target(
        path=SOURCE.path,
        size=SOURCE.size,
        text=mapped("upper", str.upper, SOURCE.text),
        maybe=SOURCE.text,
        names=["x", SOURCE.text],
        pair=Pair(SOURCE.server.host, SOURCE.server.port),
        mounts=[Mount(SOURCE.path)],
        server={"host": SOURCE.text},  # type: ignore[arg-type]  # pydantic makes a model of it
        env={"A": SOURCE.text},
        encoded=b"eA==",
        **{"from": SOURCE.size},
    )


def test_a_resolved_item_is_as_if_made_of_values() -> None:
    """Every reference is replaced, at whatever depth; everything is validated, once."""
    item = resolve(_full(), _states(KNOWN))

    assert item == Target(
        path=Path("/p"),
        size=7,
        text="TEXT",
        maybe="text",
        names=["x", "text"],
        pair=Pair("h", 80),
        mounts=[Mount(Path("/p"))],
        server=Server(host="text"),
        env={"A": "text"},
        encoded=b"eA==",
        **{"from": 7},  # type: ignore[arg-type]  # the types of keyword arguments are not known
    )
    assert isinstance(item, Target)
    assert item.encoded == b"x"
    assert item._shout == "TEXT"


def test_what_is_not_known_is_named_by_field() -> None:
    """All at once, each with its reason."""
    item = Target(path=SOURCE.path, text=SOURCE.text, names=stored(), size=5)

    with pytest.raises(Unresolvable) as unresolvable:
        resolve(item, NOTHING)

    assert unresolvable.value.reasons == {
        "path": "the state of source is not known yet, so source.state.path is not",
        "text": "the state of source is not known yet, so source.state.text is not",
        "names": "no value was stored for it yet",
    }
    assert "path: the state" in str(unresolvable.value)


def test_values_that_do_not_fit_are_named_by_field() -> None:
    """What turns out to be wrong once it is known."""
    item = Target(
        path=Path("/x"),
        size=mapped("negative", lambda size: -size, SOURCE.size),
        names=[mapped("number", lambda size: size, SOURCE.size)],
    )

    with pytest.raises(Unresolvable) as unresolvable:
        resolve(item, _states(KNOWN))

    assert unresolvable.value.reasons == {
        "size": "it must be at least 0, not -7",
        "names.0": "it must be a text, not 7",
    }


def test_what_looks_at_the_whole_is_called_in_the_end() -> None:
    """A model validator may refuse values that only now are known."""
    item = Target(path=SOURCE.path, text=mapped("wrong", lambda _: "wrong", SOURCE.text))

    with pytest.raises(Unresolvable) as unresolvable:
        resolve(item, _states(KNOWN))

    assert unresolvable.value.reasons == {"its parameters": "does not fit together"}


def test_none_is_a_value_where_it_may_be() -> None:
    """A state that has none gives none to a parameter that takes it, and nothing to another."""
    item = Target(path=Path("/x"), maybe=SOURCE.server, mounts=[])

    assert resolve(item, _states(SourceState())).maybe is None  # type: ignore[attr-defined]
    with pytest.raises(Unresolvable, match=r"path: source\.state\.path has no value"):
        resolve(Target(path=SOURCE.path), _states(SourceState()))


def test_secrets_are_not_shown_in_reasons() -> None:
    """Though the value that was given for one was plain text."""

    class Guarded(Abstract):
        token: Annotated[SecretStr, Field(min_length=50)]

    item = Guarded(token=mapped("token", lambda _: "hunter2", SOURCE.text))  # type: ignore[arg-type]  # as above

    with pytest.raises(Unresolvable) as unresolvable:
        resolve(item, _states(KNOWN))
    assert list(unresolvable.value.reasons) == ["token"]
    assert "hunter2" not in str(unresolvable.value)


class Partial(Abstract):
    """An item that can say something without knowing everything."""

    path: Path
    name: str = ""
    size: int = 0
    label: str = ""

    _doubled: int = PrivateAttr()
    _own: list[int] = PrivateAttr(default_factory=list)
    _named: str = PrivateAttr()

    def model_post_init(self, context: object, /) -> None:
        """Looks at two fields."""
        self._doubled = self.size * 2
        self._named = self.name.upper()

    @field_validator("label")
    @classmethod
    def _beside(cls, value: str, info: ValidationInfo) -> str:
        return f"{value} {info.data['path'].name}"


def test_a_partial_item_has_what_is_known() -> None:
    """Reading what is not known says why."""
    item = Partial(
        path=mapped("there", Path, SOURCE.text),
        name=mapped("nameless", lambda path: path.name, SOURCE.path),
        size=SOURCE.size,
        label="l",
    )

    partial: Any
    partial, reasons = resolve_partially(item, _states(ONLY_SIZE))

    assert partial.path == Path("t")
    assert partial.size == 7
    assert partial.label == "l t"
    assert partial._doubled == 14
    assert partial._own == []
    assert list(reasons) == ["name"]
    with pytest.raises(
        ValueUnresolved, match=r"Partial\.name is not known yet: source\.state\.path"
    ):
        _ = partial.name
    with pytest.raises(ValueUnresolved, match=r"Partial\._named is not known yet"):
        _ = partial._named
    with pytest.raises(AttributeError, match="has no attribute 'nme'"):
        _ = partial.nme
    with pytest.raises(AttributeError):
        _ = partial._nme
    assert not hasattr(partial, "nme")
    assert "size=7" in repr(partial)


def test_what_depends_on_the_unknown_is_unknown() -> None:
    """A field whose validator, or whose default, looks at one that is not known."""
    item = Partial(path=SOURCE.path, label="l", size=3)

    partial: Any
    partial, reasons = resolve_partially(item, NOTHING)

    assert partial.size == 3
    assert list(reasons) == ["path"]
    with pytest.raises(ValueUnresolved, match=r"Partial\.label .* depends on something"):
        _ = partial.label


def test_a_partial_item_of_which_all_is_known_is_whole() -> None:
    """It is the resolved item."""
    item, reasons = resolve_partially(_full(), _states(KNOWN))

    assert reasons == {}
    assert item == resolve(_full(), _states(KNOWN))


def test_a_known_value_that_does_not_fit_is_refused_partially_too() -> None:
    """It will not get better."""
    item = Target(path=SOURCE.path, size=mapped("minus", lambda size: -size, SOURCE.size))

    with pytest.raises(Unresolvable) as unresolvable:
        resolve_partially(item, _states(ONLY_SIZE))

    assert list(unresolvable.value.reasons) == ["size"]


PLACES: list[Callable[[], Any]] = [
    lambda: SOURCE.size,
    lambda: mapped("same", lambda size: size, SOURCE.size),
    lambda: 5,
]


@given(st.lists(st.sampled_from(range(3)), min_size=3, max_size=3), st.booleans())
def test_partial_and_whole_agree(choices: list[int], known: bool) -> None:
    """A partial item differs from the whole one only in what is not known."""
    size, other, text = choices
    item = Target(
        path=Path("/x"),
        size=PLACES[size](),
        text=SOURCE.text if text else "plain",
        **{"from": PLACES[other]()},
    )
    states = _states(KNOWN if known else None)

    partial, reasons = resolve_partially(item, states)
    whole = resolve(item, _states(KNOWN))

    assert bool(reasons) is (not known and (size < 2 or other < 2 or text > 0))
    for name, value in partial.__dict__.items():
        assert value == getattr(whole, name)
    assert {*partial.__dict__, *reasons} == set(Target.model_fields)


def test_an_example_has_example_values() -> None:
    """It is not validated, and what has no example cannot be read."""
    item = Target(
        path=SOURCE.path,
        size=mapped("minus", lambda size: -size, SOURCE.size),
        text="plain",
        names=[mapped("bad", lambda _: str(1 // 0), SOURCE.size)],
    )

    example: Any = example_of(item, _states(KNOWN))

    assert example.path == Path("/p")
    assert example.size == -7
    assert example.text == "plain"
    assert example._shout == "PLAIN"
    with pytest.raises(ValueUnresolved):
        _ = example.names


def test_an_example_has_what_waits_as_it_was_given() -> None:
    """What a validator would make of it is not known."""
    example: Any = example_of(Partial(path=SOURCE.path, label="l"), _states(KNOWN))

    assert example.label == "l"


REFUSED: list[tuple[Callable[[], Target], str, str]] = [
    (
        lambda: Target(path=SOURCE.text),
        "source.state.text cannot be given for Target.path: it is str, not Path.",
        'convert it: mapped("as_path", Path, source.state.text)',
    ),
    (
        lambda: Target(path=Path("/x"), text=SOURCE.path),
        "source.state.path cannot be given for Target.text: it is Path | None, not str.",
        'convert it: mapped("as_text", str, source.state.path)',
    ),
    (
        lambda: Target(path=Path("/x"), names=["a", SOURCE.size]),
        "source.state.size cannot be given for Target.names[1]: it is int, not str.",
        'convert it: mapped("as_text", str, source.state.size)',
    ),
    (
        lambda: Target(path=Path("/x"), env={"A": SOURCE.path}),
        "source.state.path cannot be given for Target.env['A']: it is Path | None, not str.",
        'convert it: mapped("as_text", str, source.state.path)',
    ),
    (
        lambda: Target(path=Path("/x"), mounts=[Mount(SOURCE.text)]),
        "source.state.text cannot be given for Target.mounts[0].path: it is str, not Path.",
        'convert it: mapped("as_path", Path, source.state.text)',
    ),
    (
        lambda: Target(path=Path("/x"), pair=Pair("h", SOURCE.text)),
        "source.state.text cannot be given for Target.pair[1]: it is str, not int.",
        'convert it: mapped("as_int", int, source.state.text)',
    ),
    (
        lambda: Target(path=SOURCE),
        "source.state cannot be given for Target.path: it is SourceState, not Path.",
        "refer to a field of it: source.state.path",
    ),
    (
        lambda: Target(path=Path("/x"), server=SOURCE.names),
        "source.state.names cannot be given for Target.server: it is list[str], not Server | None.",
        'refer to another field, or compute one: mapped("a_name", function, source.state.names)',
    ),
    (
        lambda: Target(path=mapped("text", str, SOURCE.path)),  # type: ignore[arg-type]  # the point
        "text(source.state.path) cannot be given for Target.path: it returns str, not Path.",
        'convert it: mapped("as_path", Path, text(source.state.path))',
    ),
    (
        lambda: Target(path=Path("/x"), token=SOURCE.text),
        "source.state.text cannot be given for Target.token: it is str, not SecretStr | None.",
        'refer to another field, or compute one: mapped("a_name", function, source.state.text)',
    ),
]


@pytest.mark.parametrize(("make", "message", "mend"), REFUSED)
def test_a_reference_of_another_type_is_refused(
    make: Callable[[], Target], message: str, mend: str
) -> None:
    """With the place where it stands, both types, and what to do."""
    with pytest.raises(ReferenceInvalid) as refused:
        check_references(make())

    assert refused.value.message == message
    assert refused.value.help == mend


def test_references_of_fitting_types_are_taken() -> None:
    """As are those of which nothing is known."""
    check_references(_full())
    check_references(Target(path=mapped("any", lambda text: text, SOURCE.text), names=SOURCE.names))


def test_specs_say_how_each_parameter_gets_its_value() -> None:
    """In the order of the fields."""
    item = Partial(path=SOURCE.path, name=stored(), label="l")

    specs = specs_of(item)

    assert list(specs) == ["path", "name", "size", "label"]
    assert specs == {
        "path": {"from": "source.state.path"},
        "name": {"from": "stored"},
        "size": 0,
        "label": "l",
    }
    assert specs_of(Partial(path=Path("/x"), label="l")) == {
        "path": "/x",
        "name": "",
        "size": 0,
        "label": "l x",
    }


def test_parameters_are_stored_without_secrets() -> None:
    """As plain data."""
    item = Target(path=Path("/x"), token=SecretStr("hunter2"), server=Server(host="h"))

    params = stored_params(item)

    assert params["path"] == "/x"
    assert params["token"] is None
    assert params["server"] == {"host": "h", "port": 80}
    assert "hunter2" not in str(params)


class Kept(Abstract):
    """An item whose values are given once and kept."""

    path: Path
    size: Annotated[int, Field(alias="from")] = 0
    names: list[str] = []
    token: SecretStr = SecretStr("")


def _with_stored(item: Kept, **forms: Any) -> Kept:
    found = fill_stored_values(
        item, forms, state_types={"source": SourceState}, functions={"upper": str.upper}
    )
    assert isinstance(found, Kept)
    return found


def test_stored_values_are_taken_where_the_flow_says_so() -> None:
    """Field by field: a value, or references again."""
    item = Kept(path=stored(), names=stored(), token=stored(), **{"from": stored()})

    found = _with_stored(
        item, path="/kept", size=5, names=["a", {"from": "upper(source.state.text)"}], token=None
    )

    assert found.path == Path("/kept")
    assert found.size == 5
    specs = specs_of(found)
    assert specs["names"] == ["a", {"from": "upper(source.state.text)"}]
    assert specs["token"] == {"from": "stored"}
    check_references(found)


def test_what_the_flow_gives_counts_more_than_what_is_stored() -> None:
    """Only `stored()` asks for it."""
    item = Kept(path=Path("/now"))

    assert _with_stored(item, path="/kept") is item
    again = _with_stored(Kept(path=Path("/now"), names=stored()), path="/kept", names=["n"])
    assert again == Kept(path=Path("/now"), names=["n"])


def test_what_was_never_stored_stays_asked_for() -> None:
    """Resolving it names it."""
    item = Kept(path=stored())

    for forms in ({}, {"path": {"from": "stored"}}):
        assert _with_stored(item, **forms) is item
    with pytest.raises(Unresolvable, match="path: no value was stored for it yet"):
        resolve(item, NOTHING)


def test_what_is_stored_may_not_fit_any_more() -> None:
    """The flow may have changed since."""
    with pytest.raises(ValidationError):
        _with_stored(Kept(path=stored(), **{"from": stored()}), size="many")
    with pytest.raises(UnreadableSpec):
        _with_stored(Kept(path=stored()), path={"from": "gone.state.path"})
