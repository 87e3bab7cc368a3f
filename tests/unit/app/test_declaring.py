"""Applications and flows as they are declared, before anything is run."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import Field, ValidationError

import peaceful
from peaceful import App, Flow
from peaceful._app.parameters.declaration import FlowDef, ParamDef, ParamGroup
from peaceful.errors import DefinitionError, ExtraMissing, NameInvalid, NameTaken, NameUnknown

if TYPE_CHECKING:
    from decimal import Decimal


def test_a_flow_is_known_by_its_name() -> None:
    """Declaring gives the function back; its docstring says what the flow is for."""
    app = App("tool")

    def function(flow: Flow) -> None:
        """Does something."""

    assert app.flow("one")(function) is function
    definition = app.flow_def("one")
    assert definition == FlowDef("one", function, "Does something.")
    assert definition.params == ()
    with pytest.raises(NameUnknown, match="two"):
        app.flow_def("two")


def test_a_name_is_taken_once() -> None:
    """Two flows of one name are refused, and the first stays."""
    app = App("tool")
    app.flow("one")(_function)
    with pytest.raises(NameTaken, match="one"):
        app.flow("one")(_parameters)
    assert app.flow_def("one").function is _function


@pytest.mark.parametrize("name", ["", "1st", "a/b", "a b", "-x"])
def test_a_name_that_breaks_the_rule(name: str) -> None:
    """Applications and flows with such a name are refused."""
    with pytest.raises(NameInvalid):
        App(name)
    with pytest.raises(NameInvalid):
        App("tool").flow(name)


def _function(flow: Flow) -> None:
    """Has no parameters."""


def _parameters(flow: Flow, url: str, into: Path, times: int = 3) -> None:
    """Has some."""


def test_the_parameters_of_a_flow() -> None:
    """They are those of the function, but for the flow itself, with their types and defaults."""
    url, into, times = FlowDef("one", _parameters, "").params
    assert (url.name, url.annotation, url.required) == ("url", str, True)
    assert (into.name, into.annotation) == ("into", Path)
    assert times == ParamDef("times", int, 3)
    assert not times.required


def _nothing() -> None: ...
def _many(flow: Flow, *paths: Path) -> None: ...
def _any(flow: Flow, **options: str) -> None: ...
def _by_position(flow: Flow, path: Path, /) -> None: ...
def _untyped(flow: Flow, path) -> None: ...  # type: ignore[no-untyped-def]  # noqa: ANN001 - wrong on purpose
def _not_imported(flow: Flow, amount: Decimal) -> None: ...


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (_nothing, "takes nothing, not even the flow"),
        (_many, "which cannot be given by name"),
        (_any, "which cannot be given by name"),
        (_by_position, "which cannot be given by name"),
        (_untyped, "does not say of which type path is"),
        (_not_imported, "says that amount is 'Decimal', which is not imported"),
    ],
)
def test_a_function_that_cannot_be_one_of_a_flow(
    function: Callable[..., None], reason: str
) -> None:
    """The error says why, where the function is, and how to write it."""
    with pytest.raises(DefinitionError) as caught:
        _ = FlowDef("one", function, "").params
    assert reason in caught.value.message
    assert dict(caught.value.details)["declared in"].startswith(f"{__file__}:")
    assert "def NAME(flow: Flow" in caught.value.help


def _fields(
    flow: Flow, copies: int = Field(ge=1), times: int = Field(3, ge=1, description="How often.")
) -> None: ...


def test_a_default_that_pydantic_describes() -> None:
    """`Field(...)` as a default is as good as in `Annotated`: required, or with its default."""
    copies, times = FlowDef("one", _fields, "").params
    assert (copies.required, times.required) == (True, False)
    assert (times.default, times.help) == (3, "How often.")
    model = ParamGroup("one", {"copies": copies, "times": times}).model
    assert model(copies=1).model_dump() == {"copies": 1, "times": 3}
    with pytest.raises(ValidationError):
        model(copies=0)


def test_helps_of_arguments() -> None:
    """What a docstring says of its arguments, as far as it says something."""
    docstring = """Does something.

    Args:
        one: the first
            thing.

        two (int): the second.

    Returns:
        three: nothing.
    """

    def function(flow: Flow, one: int, two: int, three: int) -> None: ...

    helps = [param.help for param in FlowDef("flow", function, docstring).params]
    assert helps == ["the first thing.", "the second.", ""]
    assert [param.help for param in FlowDef("flow", function, "").params] == [""] * 3


class _Callable:
    def __call__(self, flow: Flow, path: Path) -> None: ...


def test_a_callable_object_will_do() -> None:
    """A flow's function may be anything that can be called and says what it takes."""
    function = _Callable()
    function.__module__ = __name__
    [path] = FlowDef("one", function, "").params
    assert path.annotation is Path


def test_names_that_load_late() -> None:
    """What runs flows is loaded when it is asked for by name; other names are not there."""
    assert peaceful.Flow.__name__ == "Flow"
    assert dir(peaceful) == sorted(peaceful.__all__)
    with pytest.raises(AttributeError, match="nothing_like_this"):
        getattr(peaceful, "nothing_like_this")  # noqa: B009 - mypy knows that it is not there


# ---- doors


def _importing(monkeypatch: pytest.MonkeyPatch, error: ModuleNotFoundError) -> None:
    real = builtins.__import__

    def importing(name: str, *rest: Any) -> ModuleType:
        if name == "peaceful._cli.run":
            raise error
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", importing)


def test_a_door_whose_packages_are_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the package, and the extra to install."""
    _importing(monkeypatch, ModuleNotFoundError("no click", name="click.core"))
    with pytest.raises(ExtraMissing) as caught:
        App("tool").main([])
    assert "'click.core'" in caught.value.message
    assert 'pip install "peaceful[cli]"' in caught.value.help


@pytest.mark.parametrize("name", ["peaceful._cli.missing", None])
def test_a_door_that_is_broken(monkeypatch: pytest.MonkeyPatch, name: str | None) -> None:
    """A mistake of our own is not told as a missing package."""
    _importing(monkeypatch, ModuleNotFoundError("no such module", name=name))
    with pytest.raises(ModuleNotFoundError):
        App("tool").main([])


def test_the_terminal_is_a_door(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`main` ends the process with the exit code of the command line."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        App("tool", version="1.2.3").main(["--version"])
    assert ended.value.code == 0
    assert "1.2.3" in capsys.readouterr().out


def _is_imported(name: str, real: Callable[..., Any], found: list[str]) -> Callable[..., Any]:
    def importing(asked: str, *rest: object) -> object:
        found.append(asked) if asked.startswith(name) else None
        return real(asked, *rest)

    return importing


def test_declaring_loads_nothing_heavy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Declaring an application asks for no package that only running a flow needs."""
    found: list[str] = []
    monkeypatch.setattr(
        builtins, "__import__", _is_imported("pydantic", builtins.__import__, found)
    )
    app = App("tool")
    app.flow("one")(_parameters)
    assert len(app.flow_def("one").params) == 3
    assert not found
