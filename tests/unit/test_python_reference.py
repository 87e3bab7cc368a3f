"""The reference of the Python API has every public name, as it is, and no other."""

from __future__ import annotations

import ast
import builtins
import enum
import importlib
import importlib.util
import inspect
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args, get_type_hints

import pytest
from doc_pages import ROOT, as_module, blocks_of
from public_names import PACKAGES, public_names

from peaceful.errors import PeacefulError

FOLDER = ROOT / "docs" / "reference" / "python"
PAGES = {package: (FOLDER / f"{package}.md").read_text() for package in PACKAGES}
PUBLIC: Mapping[str, object] = {
    name: kind for package in PACKAGES for name, kind in public_names(package).items()
}

MADE_BY_THE_FRAMEWORK = frozenset(
    [
        "ArchiveFailed",
        "AwsFailed",
        "BlockRun",
        "Contexts",
        "DiskFailed",
        "DownloadFailed",
        "Handle",
        "InterruptReceiver",
        "InterruptSender",
        "ItemCtx",
        "ScriptFailed",
        "SignalWatch",
    ]
)
"""Classes whose constructors are internal."""

NAMED_BESIDES = frozenset(["Block", "ETag", "Path", "Range", "SecretStr"])
"""Names in code of prose that are not ours."""

FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^### (`\w+`(?:, `\w+`)*)$", re.MULTILINE)
ROW = re.compile(r"^\| `(\w+)` \| `([A-Z-]+)` \| .*? \| ?((?:`\w+`(?:, )?)*) ?\|$", re.MULTILINE)
BULLET = re.compile(
    r"^\* (?P<names>`[^`]+`(?:, `[^`]+`)*)(?: \((?P<facts>(?:[^()`]|`[^`]*`)*)\))?:", re.MULTILINE
)
CODE = re.compile(r"`([^`\n]+)`")
DEFAULT = re.compile(r"default `([^`]*)`")
CLASS = re.compile(r"([A-Z]\w*[a-z]\w*)(?:\.([a-z_]\w*))?(?:\(.*\))?")
MODULE = re.compile(r"peaceful(?:\.\w+)*")


class Described(NamedTuple):
    """What an entry of the reference says of a parameter, an attribute or a method.

    Attributes:
        name: its name.
        arguments: those of a method, or none for anything else.
        default: the default that is shown, or none.
    """

    name: str
    arguments: tuple[str, ...] | None
    default: str | None


def _entries(package: str) -> dict[str, list[Described]]:
    """Return, by name, what the entry below a heading describes."""
    entries: dict[str, list[Described]] = {}
    text = FENCE.sub("", PAGES[package])
    for section in re.split(r"(?m)^(?=##)", text):
        heading = HEADING.match(section)
        if heading is not None:
            described = list(_described(section))
            entries |= dict.fromkeys(CODE.findall(heading[1]), described)
    return entries


def _described(section: str) -> Iterator[Described]:
    for bullet in BULLET.finditer(section):
        default = DEFAULT.search(bullet["facts"] or "")
        for shown in CODE.findall(bullet["names"]):
            name, parenthesis, arguments = shown.rstrip(")").partition("(")
            split = tuple(arguments.split(", ")) if arguments else ()
            yield Described(name, split if parenthesis else None, default[1] if default else None)


def _rows(package: str) -> dict[str, tuple[str, list[str]]]:
    """Return, by name, the code and the attributes of each error in a table."""
    rows = ROW.findall(FENCE.sub("", PAGES[package]))
    return {name: (code, CODE.findall(attributes)) for name, code, attributes in rows}


def _parameters(kind: object) -> dict[str, inspect.Parameter]:
    if isinstance(kind, enum.EnumType) or not (inspect.isclass(kind) or inspect.isfunction(kind)):
        return {}
    named = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    parameters = inspect.signature(kind).parameters
    if inspect.isclass(kind) and {each.kind for each in parameters.values()} == named:
        return {}  # a protocol
    return {name: each for name, each in parameters.items() if not name.startswith("_")}


def _members(kind: object) -> set[str]:
    """Return the names of a class's attributes, also of those that only its objects have."""
    if not inspect.isclass(kind):
        return set()
    members = set(dir(kind))
    for base in kind.__mro__:
        members |= vars(base).keys() | vars(base).get("__annotations__", {}).keys()
        if base.__module__.startswith("peaceful") and "[" not in base.__name__:  # as pydantic's
            members |= set(re.findall(r"\bself\.([a-z]\w*)\b.* =", inspect.getsource(base)))
    return members


def _arguments(kind: object, method: str) -> tuple[str, ...]:
    function = getattr(kind, method)
    names: list[str] = []
    for name, parameter in inspect.signature(function).parameters.items():
        if str(parameter.annotation) in {"P.args", "P.kwargs"}:
            continue  # Those of a function that is passed.
        if parameter.kind is inspect.Parameter.VAR_KEYWORD:
            (options,) = get_args(get_type_hints(function)[name])
            names += get_type_hints(options)
        else:
            names.append(name)
    return tuple(name for name in names if name != "self")


def _shown_as(default: object) -> set[str]:
    names = {default.name} if isinstance(default, enum.Enum) else set()
    return names | {repr(default), str(default)}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_has_an_entry(package: str) -> None:
    """A page has an entry for each public name of its package, and for no other."""
    assert _entries(package).keys() | _rows(package).keys() == public_names(package).keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_used_in_an_example(package: str) -> None:
    """The code of a page, which other tests run, uses each public name of its package."""
    nodes = list(ast.walk(ast.parse(as_module(blocks_of(PAGES[package])))))
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    used |= {node.attr for node in nodes if isinstance(node, ast.Attribute)}

    assert public_names(package).keys() - used == set()


@pytest.mark.parametrize("package", PACKAGES)
def test_entries_describe_every_parameter(package: str) -> None:
    """The entry of a class or function has its parameters; that of an enumeration, its members."""
    names = public_names(package)
    missing: list[str] = []
    for name, described in _entries(package).items():
        kind = names[name]
        wanted = set(kind.__members__) if isinstance(kind, enum.EnumType) else set()
        if name not in MADE_BY_THE_FRAMEWORK:
            wanted |= _parameters(kind).keys()
        missing += [f"{name}: {each}" for each in wanted - {each.name for each in described}]

    assert missing == []


@pytest.mark.parametrize("package", PACKAGES)
def test_entries_describe_only_what_there_is(package: str) -> None:
    """What entries say of parameters, defaults, attributes and methods is so."""
    names = public_names(package)
    wrong: list[str] = []
    for name, described in _entries(package).items():
        kind = names[name]
        parameters, members = _parameters(kind), _members(kind)
        for each in described:
            if each.name not in parameters.keys() | members:
                wrong.append(f"{name} has no {each.name}")
            elif each.arguments is not None and each.arguments != _arguments(kind, each.name):
                wrong.append(f"{name}.{each.name} takes {_arguments(kind, each.name)}")
            elif each.default is not None:
                parameter = parameters.get(each.name)
                default = parameter.default if parameter else getattr(kind, each.name)
                if repr(default) != "<factory>" and each.default not in _shown_as(default):
                    wrong.append(f"{name}.{each.name} is {default!r} by default")

    assert wrong == []


def test_rows_of_errors_are_right() -> None:
    """A table of errors has the code of each class, and attributes that it has."""
    names = public_names("peaceful.errors")
    wrong: list[str] = []
    for name, (code, attributes) in _rows("peaceful.errors").items():
        error = names[name]
        assert isinstance(error, type)
        assert issubclass(error, PeacefulError)
        if error.code != code or not set(attributes) <= _members(error):
            wrong.append(name)

    assert wrong == []


@pytest.mark.parametrize("package", PACKAGES)
def test_prose_names_only_what_there_is(package: str) -> None:
    """Classes, their members, and packages that a page names in its text are public and exist."""
    code = ast.parse(as_module(blocks_of(PAGES[package])))
    of_the_page = {node.name for node in ast.walk(code) if isinstance(node, ast.ClassDef)}
    known = PUBLIC.keys() | of_the_page | NAMED_BESIDES | set(vars(builtins))
    wrong: list[str] = []
    for shown in CODE.findall(FENCE.sub("", PAGES[package])):
        named = CLASS.fullmatch(shown)
        if named is not None and named[1] not in known:
            wrong.append(shown)
        elif named is not None and named[2] is not None:
            kind = PUBLIC[named[1]]
            if named[2] not in _members(kind) | _parameters(kind).keys():
                wrong.append(shown)
        elif MODULE.fullmatch(shown) and importlib.util.find_spec(shown) is None:
            wrong.append(shown)

    assert wrong == []
