"""Options made from the parameters that an application declares."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, cast, get_args, get_origin

import click

from peaceful.cli._completing import Completer, offering, paths
from peaceful.cli._options import GLOBAL_NAMES
from peaceful.cli._value_types import Shape, ValueType
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
        secret: whether it has a secret in it, which is not to be typed where others can see it.
    """

    name: str
    annotation: object
    required: bool
    default: object = None
    help: str = ""
    secret: bool = False

    @property
    def option(self) -> str:
        """How it is given by name: `--into`."""
        return f"--{self.name.replace('_', '-')}"

    @property
    def value_type(self) -> ValueType:
        """How its value is read."""
        return ValueType.of(self.annotation)

    @property
    def place(self) -> str:
        """What stands for it where it is given by position."""
        return self.name.upper()

    @property
    def by_position(self) -> bool:
        """Whether it may be given by position."""
        return self.required and not self.secret and self.value_type.shape is not Shape.FLAG


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
        helps = definition.param_helps
        for param in definition.params():
            if all(param.annotation is not model for model in models):
                default = None if param.required else param.default
                one = Declared(
                    param.name,
                    param.annotation,
                    param.required,
                    default,
                    _description(param.annotation) or helps.get(param.name, ""),
                    mentions_secret(param.annotation),
                )
                found.setdefault(param.name, one)
    for name in found:
        if name in GLOBAL_NAMES:
            raise DefinitionError(
                f"A parameter cannot be named {name}: every command has an option of that name.",
                help="give the parameter another name",
            )
    return list(found.values())


def params_options(params: Sequence[Declared]) -> list[click.Parameter]:
    """The parameters as options, and those without a default as words without an option's name."""
    places = [f"[{each.place}]" for each in params if each.by_position]
    words = [click.Argument([WORDS], nargs=-1, metavar=" ".join(places))] if places else []
    return [*(_option(each) for each in params), *words]


WORDS: Final = "words"
"""The name under which words without an option's name are handed on."""

_KEPT_AS: Final = "param_"
"""Begins the names under which click keeps the values, so that they meet no other name."""


def given_params(params: Sequence[Declared], values: Mapping[str, object]) -> dict[str, Given]:
    """What was given, with how it was given; what was not is left out.

    Args:
        params: the parameters.
        values: as click has read them: texts, sequences of texts, truth values.

    Raises:
        UsageError: there are more words than parameters that are not given by options; or a secret
            itself is given.
    """
    from peaceful.app import Given

    given = {
        each.name: _secret(each, value) if each.secret else Given(_value(each, value), each.option)
        for each in params
        if (value := values.get(_KEPT_AS + each.name)) not in (None, ())
    }
    places = [each for each in params if each.by_position and each.name not in given]
    words = cast("Sequence[str]", values.get(WORDS, ()))
    if len(words) > len(places):
        raise UsageError(
            f"There is no parameter for the word {words[len(places)]!r}.",
            details=(("by position", " ".join(each.place for each in places) or "none"),),
            help="give every other parameter by its option; --help lists them",
        )
    for each, word in zip(places, words, strict=False):
        given[each.name] = Given(each.value_type.read([word]), each.place)
    return given


def _value(declared: Declared, given: object) -> object:
    if isinstance(given, bool):
        return given
    texts = [given] if isinstance(given, str) else cast("Sequence[str]", given)
    return declared.value_type.read(texts)


def _secret(declared: Declared, given: object) -> Given:
    """Where a secret is. What is typed can be seen by others, and is kept by shells."""
    from peaceful.app import SECRET_FORMS, Given, source_of

    [text] = [given] if isinstance(given, str) else cast("Sequence[str]", given)
    if text == "prompt":
        from peaceful.cli._question import ask

        secret = ask(declared.name, hidden=True)
        if not secret:
            raise UsageError(f"Nothing was typed for {declared.name}.", help="run it again")
        return Given(secret, declared.option, must_be_stored=True)
    source = source_of(text, Path.cwd())
    if source is None:
        raise UsageError(
            f"{declared.option} takes where the secret is, not the secret itself.",
            details=(("a source is", SECRET_FORMS),),
            help="say where it is; and change the secret, if you have typed it: others may have "
            "seen it",
        )
    return Given(source, declared.option)


# ---- one parameter


def _option(declared: Declared) -> click.Option:
    name = _KEPT_AS + declared.name
    value_type = declared.value_type
    if declared.secret:
        return click.Option([declared.option, name], metavar="SOURCE", help=_help(declared))
    if value_type.shape is Shape.FLAG:
        both = f"{declared.option}/--no-{declared.option.removeprefix('--')}"
        return click.Option([both, name], default=None, help=_help(declared))
    return click.Option(
        [declared.option, name],
        multiple=value_type.shape in _REPEATED,
        metavar=value_type.metavar,
        help=_help(declared),
        shell_complete=_completer(value_type),
    )


_REPEATED: Final = frozenset({Shape.MANY, Shape.PAIRS})


def _completer(value_type: ValueType) -> Completer | None:
    """Offers the choices; of paths, the shell itself knows best."""
    if value_type.is_path:
        return paths
    return offering(lambda: value_type.choices) if value_type.choices else None


def _help(declared: Declared) -> str:
    facts: list[str] = []
    if declared.secret:
        facts.append("env:NAME, file:PATH, command:LINE or prompt")
    elif declared.value_type.shape in _REPEATED:
        facts.append("may be repeated")
    if declared.required:
        facts.append("needed")
    elif default := _default_text(declared.default):
        facts.append(f"default: {default}")
    tail = f"[{'; '.join(facts)}]" if facts else ""
    return f"{declared.help}  {tail}".strip()


def _default_text(default: object) -> str:
    """A default in a few words; empty where there is nothing to say."""
    match default:
        case None:
            return ""
        case bool():
            return "yes" if default else "no"
        case enum.Enum():
            return str(default.value)
        case list() | tuple() | set() | frozenset():
            return ", ".join(_default_text(each) for each in cast("Iterable[object]", default))
        case dict():
            pairs = cast("Mapping[object, object]", default)
            return ", ".join(f"{key}={_default_text(value)}" for key, value in pairs.items())
        case _:
            return str(default)


# ---- where parameters are declared


def _of_model(model: type[BaseModel] | None) -> Iterable[Declared]:
    for name, field in model.model_fields.items() if model else ():
        default = None if field.is_required() else field.get_default()
        yield Declared(
            name,
            field.annotation,
            field.is_required(),
            default,
            field.description or "",
            mentions_secret(field.annotation),
        )


def mentions_secret(annotation: object) -> bool:
    """Whether a declared type has a secret in it.

    Told by the names of pydantic's types, which are not loaded for it.
    """
    kind = get_origin(annotation) or annotation
    named = getattr(kind, "__module__", ""), getattr(kind, "__name__", "")
    return named in _SECRETS or any(map(mentions_secret, get_args(annotation)))


_SECRETS: Final = frozenset(
    ("pydantic.types", name) for name in ("Secret", "SecretBytes", "SecretStr")
)


def _description(annotation: object) -> str:
    """What a field's own description says, where the type carries one."""
    for fact in get_args(annotation)[1:] if get_origin(annotation) is Annotated else ():
        description = getattr(fact, "description", None)
        if isinstance(description, str):
            return description
    return ""
