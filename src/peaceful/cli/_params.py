"""Options made from the parameters that an application declares."""

from __future__ import annotations

import enum
import json
import re
import types
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Union, get_args, get_origin

import click

from peaceful.cli._options import GLOBAL_NAMES
from peaceful.errors import DefinitionError, UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.app import App, Given
    from peaceful.model import FlowId


@dataclass(frozen=True, slots=True)
class Declared:
    """A parameter as it can be given on the command line.

    Attributes:
        name: its name in Python and in files.
        annotation: the declared type.
        required: whether it has no default.
        default: what it is where nobody says otherwise; none where that is not worth showing.
        help: what it is for, or empty.
    """

    name: str
    annotation: object
    required: bool
    default: object = None
    help: str = ""

    @property
    def option(self) -> str:
        """How it is given by name: `--into`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def metavar(self) -> str:
        """What stands for its value in help."""
        return _metavar(_core(self.annotation))

    @property
    def place(self) -> str:
        """What stands for it where it is given by position."""
        return self.name.upper()


def declared_params(app: App, flow: FlowId | None) -> list[Declared]:
    """The parameters of the workspace, of profiles, and of a flow or all flows; each name once.

    Args:
        app: the application.
        flow: the flow, or none for all.

    Raises:
        NameUnknown: there is no such flow.
        DefinitionError: a flow's function cannot be one, or every command has an option of a
            parameter's name.
    """
    models = (app.workspace_params, app.profile_params)
    found: dict[str, Declared] = {}
    for model in models:
        for each in _of_model(model):
            found.setdefault(each.name, each)
    for definition in [app.flow_def(flow)] if flow else app.flows.values():
        helps = helps_of_arguments(definition.help)
        for param in definition.params():
            if all(param.annotation is not model for model in models):
                default = None if param.required else param.default
                one = Declared(
                    param.name,
                    param.annotation,
                    param.required,
                    default,
                    _description(param.annotation) or helps.get(param.name, ""),
                )
                found.setdefault(param.name, one)
    for name in found:
        if name in GLOBAL_NAMES:
            raise DefinitionError(
                f"A parameter cannot be named {name}: every command has an option of that name.",
                help="give the parameter another name",
            )
    return list(found.values())


def params_options(params: Iterable[Declared]) -> list[click.Parameter]:
    """The parameters as options, and those without a default as words without an option's name."""
    params = list(params)
    needed = [each for each in params if each.required and not _is_bool(each)]
    words = click.Argument(
        [WORDS], nargs=-1, metavar=" ".join(f"[{each.place}]" for each in needed) or None
    )
    return [*(_option(each) for each in params), *([words] if needed else [])]


WORDS: Final = "words"
"""The name under which words without an option's name are handed on."""

_KEPT_AS: Final = "param_"
"""Begins the names under which click keeps the values, so that they meet no other name."""


def given_params(params: Sequence[Declared], values: Mapping[str, Any]) -> dict[str, Given]:
    """What was given, with how it was given; what was not is left out.

    Args:
        params: the parameters.
        values: as click has read them. (Any: texts, lists of texts, truth values.)

    Raises:
        UsageError: there are more words than parameters, or one is given in both ways.
    """
    from peaceful.app import Given

    given = {
        each.name: Given(_value(each, values[_KEPT_AS + each.name]), each.option)
        for each in params
        if values.get(_KEPT_AS + each.name) not in (None, ())
    }
    needed = [each for each in params if each.required and not _is_bool(each)]
    words: Sequence[str] = values.get(WORDS, ())
    if len(words) > len(needed):
        raise UsageError(
            f"There is no parameter for the word {words[len(needed)]!r}.",
            details=(("by position", " ".join(each.place for each in needed) or "none"),),
            help="give every other parameter by its option; --help lists them",
        )
    for each, word in zip(needed, words, strict=False):
        if each.name in given:
            raise UsageError(
                f"{each.place} is given twice: as the word {word!r} and by {each.option}.",
                help="give it once",
            )
        texts = (word,) if _is_many(each) else word
        given[each.name] = Given(_value(each, texts), each.place)
    return given


def helps_of_arguments(docstring: str) -> dict[str, str]:
    """What a docstring says of the arguments, in the style of Google: a section `Args:`."""
    helps: dict[str, str] = {}
    section = re.search(r"^[ \t]*Args:\n((?:[ \t]+.*\n?|\n)+)", f"{docstring}\n", re.MULTILINE)
    name = ""
    for text in section[1].split("\n") if section else ():
        if found := re.match(r"\s+(\w+)(?: \(.*?\))?: (.*)", text):
            name, helps[found[1]] = found[1], found[2].strip()
        elif name and text.strip() and not text.strip().endswith(":"):
            helps[name] += f" {text.strip()}"
    return helps


# ---- what a type means on a command line


def _option(declared: Declared) -> click.Option:
    name = _KEPT_AS + declared.name
    if _is_bool(declared):
        no = f"--no-{declared.option.removeprefix('--')}"
        return click.Option(
            [f"{declared.option}/{no}", name],
            default=None,
            help=_help(declared),
        )
    return click.Option(
        [declared.option, name],
        multiple=_is_many(declared),
        metavar=declared.metavar,
        help=_help(declared),
        shell_complete=_completion(declared),
    )


def _completion(declared: Declared) -> Callable[..., list[Any]] | None:
    from click.shell_completion import CompletionItem

    core = _core(declared.annotation)
    if _is_path(core):
        return lambda _context, _parameter, incomplete: [CompletionItem(incomplete, type="file")]
    choices = _choices(core)
    if choices:
        return lambda _context, _parameter, incomplete: [
            CompletionItem(each) for each in choices if each.startswith(incomplete)
        ]
    return None


def _help(declared: Declared) -> str:
    facts = []
    if _is_many(declared):
        facts.append("may be repeated")
    if declared.required:
        facts.append("needed")
    elif declared.default is not None and declared.default not in ([], (), {}):
        facts.append(f"default: {_default_text(declared.default)}")
    tail = f"[{'; '.join(facts)}]" if facts else ""
    return f"{declared.help}  {tail}".strip()


def _default_text(default: object) -> str:
    match default:
        case bool():
            return "yes" if default else "no"
        case enum.Enum():
            return str(default.value)
        case list() | tuple() | set() | frozenset():
            return ", ".join(_default_text(each) for each in default)
        case _:
            return str(default)


def _value(declared: Declared, given: Any) -> object:  # Any: as click has read it
    core = _core(declared.annotation)
    origin = get_origin(core) or core
    if _is_bool(declared):
        return given
    if _is_mapping(origin):
        arguments = get_args(core)
        inner = _core(arguments[1]) if len(arguments) == 2 else str
        return _mapping(given, inner)
    if _is_many(declared):
        arguments = [each for each in get_args(core) if each is not Ellipsis]
        inner = _core(arguments[0]) if arguments else str
        return [_one(inner, text) for text in given]
    return _one(core, given)


def _mapping(texts: Iterable[str], inner: object) -> object:
    pairs = [text.partition("=") for text in texts]
    if not all(equals for _, equals, _ in pairs):
        # Not pairs: what is wrong with it, whoever checks the value will say.
        return list(texts)
    return {key: _one(inner, value) for key, _, value in pairs}


def _one(core: object, text: str) -> object:
    """A single value: text that the type reads, but for what text alone cannot say."""
    if _is_path(core):
        return Path.cwd() / Path(text).expanduser()
    if get_origin(core) is Literal:
        return next((each for each in get_args(core) if str(each) == text), text)
    if _is_structure(core):
        try:
            return json.loads(text)
        except json.JSONDecodeError:
            return text
    return text


def _core(annotation: object) -> Any:
    """The type without decorations and without "or none". (Any: whatever a type can be.)"""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _core(get_args(annotation)[0])
    if origin is Union or origin is types.UnionType:
        options = [each for each in get_args(annotation) if each is not type(None)]
        return _core(options[0]) if len(options) == 1 else annotation
    return annotation


def _is_bool(declared: Declared) -> bool:
    return _core(declared.annotation) is bool


def _is_many(declared: Declared) -> bool:
    core = _core(declared.annotation)
    origin = get_origin(core) or core
    if not isinstance(origin, type) or issubclass(origin, (str, bytes, enum.Enum)):
        return False
    return _is_mapping(origin) or (issubclass(origin, Collection) and not _is_model(origin))


def _is_mapping(origin: object) -> bool:
    return isinstance(origin, type) and issubclass(origin, Mapping)


def _is_path(core: object) -> bool:
    return isinstance(core, type) and issubclass(core, Path)


def _is_model(core: object) -> bool:
    return isinstance(core, type) and hasattr(core, "model_fields")


def _is_structure(core: object) -> bool:
    origin = get_origin(core) or core
    return _is_model(origin) or (
        isinstance(origin, type)
        and issubclass(origin, Collection)
        and not issubclass(origin, (str, bytes, enum.Enum))
    )


def _choices(core: object) -> list[str]:
    if get_origin(core) is Literal:
        return [str(each) for each in get_args(core)]
    if isinstance(core, type) and issubclass(core, enum.Enum):
        return [str(each.value) for each in core]
    return []


_METAVARS: Final[Mapping[object, str]] = {int: "N", float: "NUMBER", str: "TEXT"}


def _metavar(core: object) -> str:
    origin = get_origin(core) or core
    choices = _choices(core)
    if choices:
        return "|".join(choices)
    if _is_path(core):
        return "PATH"
    if _is_mapping(origin):
        return "KEY=VALUE"
    if _is_model(core):
        return "JSON"
    arguments = [each for each in get_args(core) if each is not Ellipsis]
    if isinstance(origin, type) and issubclass(origin, Collection) and arguments:
        return _metavar(_core(arguments[0]))
    if core in _METAVARS:
        return _METAVARS[core]
    return core.__name__.upper() if isinstance(core, type) else "TEXT"


# ---- where parameters are declared


def _of_model(model: type[BaseModel] | None) -> Iterable[Declared]:
    for name, field in model.model_fields.items() if model else ():
        default = None if field.is_required() else field.get_default()
        yield Declared(
            name, field.annotation, field.is_required(), default, field.description or ""
        )


def _description(annotation: object) -> str:
    """What a field's own description says, where the type carries one."""
    for fact in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        description = getattr(fact, "description", None)
        if isinstance(description, str):
            return description
    return ""
