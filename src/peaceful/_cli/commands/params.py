"""Parameters as options, and commands that store them."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Mapping, Sequence, Sized
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from peaceful._app.parameters.declaration import Given, ParamDef
from peaceful._app.parameters.reading import Shape
from peaceful._cli.program.options import GLOBAL_NAMES, Completer, offering, paths
from peaceful._cli.program.result import Result
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._errors.usage import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    UsageError,
    WorkspaceMissing,
)
from peaceful._model.codec import JsonValue
from peaceful._model.field_types import ProfileName
from peaceful._present.text import display_width, fitted, one_line, padded, shortened

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._app.contexts import Contexts
    from peaceful._app.parameters.files import StoredParams
    from peaceful._cli.program.invocation import Invocation
    from peaceful._model.field_types import FlowId


WORDS: Final = "words"
"""The name under which words without an option's name are handed on."""

_KEPT_AS: Final = "param_"
"""Begins the names under which click keeps the values, so that they meet no other name."""

_REPEATED: Final = frozenset({Shape.MANY, Shape.PAIRS})


def declared_params(app: App, flow: FlowId | None) -> list[ParamDef]:
    """The parameters of the workspace, of profiles, and of a flow or all flows; each name once.

    Args:
        app: the application.
        flow: the flow, or none for all.

    Raises:
        NameUnknown: there is no such flow.
        DefinitionError: a flow's function cannot be one, or every command has an option of a
            parameter's name.
    """
    found: dict[str, ParamDef] = {}
    for group in app.declared.groups(flow):
        for name, param in group.params.items():
            if name in GLOBAL_NAMES:
                raise DefinitionError(
                    f"A parameter cannot be named {name}: every command has an option of that "
                    "name.",
                    help="give the parameter another name",
                )
            found.setdefault(name, param)
    return list(found.values())


def params_options(params: Iterable[ParamDef]) -> list[click.Option]:
    """The parameters as options."""
    return [_option(each) for each in params]


def params_words(params: Iterable[ParamDef]) -> list[click.Argument]:
    """The parameters without a default as words without an option's name."""
    places = [f"[{_place(each)}]" for each in params if _by_position(each)]
    return [click.Argument([WORDS], nargs=-1, metavar=" ".join(places))] if places else []


def given_params(params: Iterable[ParamDef], values: Mapping[str, object]) -> dict[str, Given]:
    """What was given, with how it was given; what was not is left out.

    Args:
        params: the parameters.
        values: as click has read them: texts, sequences of texts, truth values.

    Raises:
        UsageError: there are more words than parameters that are not given by options; or a secret
            itself is given.
    """
    given: dict[str, Given] = {}
    places: list[ParamDef] = []
    for each in params:
        match values.get(_KEPT_AS + each.name):
            case None | ():
                places += [each] if _by_position(each) else []
            case str(text) if each.secret:
                given[each.name] = _secret(each, text)
            case bool(value):
                given[each.name] = Given(value, _name(each))
            case value:
                texts = [value] if isinstance(value, str) else cast("Sequence[str]", value)
                given[each.name] = Given(each.value_type.read(texts, Path.cwd()), _name(each))
    words = cast("Sequence[str]", values.get(WORDS, ()))
    if len(words) > len(places):
        raise UsageError(
            f"There is no parameter for the word {words[len(places)]!r}.",
            details=(("by position", " ".join(map(_place, places)) or "none"),),
            help="give every other parameter by its option; --help lists them",
        )
    for each, word in zip(places, words, strict=False):
        given[each.name] = Given(each.value_type.read([word], Path.cwd()), _place(each))
    return given


def _secret(param: ParamDef, text: str) -> Given:
    """Where a secret is. What is typed can be seen by others, and is kept by shells."""
    from peaceful._app.parameters.secrets import SECRET_FORMS, SecretSource

    if text == "prompt":
        from peaceful._cli.terminal.modes import ask

        secret = ask(param.name, hidden=True)
        if not secret:
            raise UsageError(f"Nothing was typed for {param.name}.", help="run it again")
        return Given(secret, _name(param), must_be_stored=True)
    source = SecretSource.typed(text, Path.cwd())
    if source is None:
        raise UsageError(
            f"{_name(param)} takes where the secret is, not the secret itself.",
            details=(("a source is", SECRET_FORMS),),
            help="say where it is; and change the secret, if you have typed it: others may have "
            "seen it",
        )
    return Given(source, _name(param))


# ---- one parameter


def _name(param: ParamDef) -> str:
    """How it is given by name: `--into`."""
    return f"--{param.name.replace('_', '-')}"


def _place(param: ParamDef) -> str:
    """What stands for it where it is given by position."""
    return param.name.upper()


def _by_position(param: ParamDef) -> bool:
    return param.required and not param.secret and param.value_type.shape is not Shape.FLAG


def _option(param: ParamDef) -> click.Option:
    name, kept_as, value_type = _name(param), _KEPT_AS + param.name, param.value_type
    if param.secret:
        return click.Option([name, kept_as], metavar="SOURCE", help=_help(param))
    if value_type.shape is Shape.FLAG:
        both = f"{name}/--no-{name.removeprefix('--')}"
        return click.Option([both, kept_as], default=None, help=_help(param))
    return click.Option(
        [name, kept_as],
        multiple=value_type.shape in _REPEATED,
        metavar=value_type.metavar,
        help=_help(param),
        shell_complete=_completer(param),
    )


def _completer(param: ParamDef) -> Completer | None:
    """Offers the choices; of paths, the shell itself knows best."""
    choices = param.value_type.choices
    if param.value_type.is_path:
        return paths
    return offering(lambda: choices) if choices else None


def _help(param: ParamDef) -> str:
    facts: list[str] = []
    if param.secret:
        facts.append("env:NAME, file:PATH, command:LINE or prompt")
    elif param.value_type.shape in _REPEATED:
        facts.append("may be repeated")
    if param.required:
        facts.append("needed")
    elif not _is_nothing(param.default):
        facts.append(f"default: {value_words(param.default)}")
    tail = f"[{'; '.join(facts)}]" if facts else ""
    return f"{param.help}  {tail}".strip()


def _is_nothing(default: object) -> bool:
    return default is None or (isinstance(default, Sized) and not len(default))


def value_words(value: object) -> str:
    """The value of a parameter in words, as people read it."""
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case enum.Enum():
            return str(value.value)
        case list() | tuple() | set() | frozenset():
            values = cast("Iterable[object]", value)
            return ", ".join(value_words(each) for each in values) or "none"
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return ", ".join(f"{key}={value_words(each)}" for key, each in pairs) or "none"
        case _:
            return str(value)


def init(
    invocation: Invocation, given: Mapping[str, Given], named: ProfileName | None = None
) -> Result:
    """Stores parameters, and takes the profile into use.

    Args:
        invocation: the run of the command line.
        given: by name, what is given now.
        named: the profile, where it was given as a word.

    Raises:
        UsageError: a value is wrong or missing, or no profile is named; nothing was stored.
    """
    contexts = invocation.contexts()
    asked = invocation.options.profile
    if None not in (named, asked) and named != asked:
        raise UsageError(
            f"Two profiles are named: {named}, and {asked} by --profile.", help="name one"
        )
    profile = named or asked
    if profile is None:
        if invocation.app.names_profiles and not contexts.workspace.profiles():
            raise UsageError(
                "No profile is named, and there is none yet.",
                help=f"name it first: {invocation.line('init', 'PROFILE', '...')}",
            )
        profile = _in_use(contexts)
    return _initialised(invocation, contexts, given, profile)


def switch(
    invocation: Invocation, profile: ProfileName, *, create: bool, given: Mapping[str, Given]
) -> Result:
    """Takes another profile into use, or creates one.

    Args:
        invocation: the run of the command line.
        profile: which one.
        create: whether it is new.
        given: by name, the parameters of a new profile.

    Raises:
        UsageError: it exists, or it does not; or parameters are given for one that exists.
    """
    contexts = invocation.contexts()
    is_there = profile in contexts.workspace.profiles()
    if given and not create:
        change = invocation.line("init", "--profile", profile)
        raise UsageError(
            "Parameters are given to a profile when it is created.",
            help=f"change them: {change}" if is_there else "say --create",
        )
    if given and not is_there:
        # Creates it too, and only if all values are right.
        return _initialised(invocation, contexts, given, profile)
    contexts.switch(profile, create=create)
    made = "created, and in use now" if create else "in use now"
    return Result(
        {"profile": profile, "created": create},
        lambda _: [line(f"Profile {profile} is {made}.")],
    )


def profile_list(invocation: Invocation) -> Result:
    """The profiles of the workspace, and which one is in use."""
    contexts = invocation.contexts()
    profiles = contexts.workspace.profiles()
    in_use = _in_use(contexts) if profiles else None

    def lines(_page: Page) -> Sequence[Line]:
        if not profiles:
            return [line(f"There is no profile yet. Make one with: {invocation.line('init')}")]
        return [
            line(("* ", Style.GOOD), (name, Style.STRONG)) if name == in_use else line(f"  {name}")
            for name in profiles
        ]

    return Result({"profiles": list(profiles), "in_use": in_use}, lines)


def profile_show(invocation: Invocation, profile: ProfileName | None) -> Result:
    """The parameters of a profile.

    Args:
        invocation: the run of the command line.
        profile: which one; none for the one that the options choose, or that is in use.

    Raises:
        NameUnknown: there is none of that name.
    """
    contexts = invocation.contexts()
    chosen = contexts.profile(invocation.options.profile if profile is None else profile)
    workspace, stored = contexts.workspace, contexts.all_stored(chosen)
    by_path = {each.path: dict(each.values) for each in stored}
    by_flow = {flow: workspace.flow_params_file(chosen, flow) for flow in invocation.app.flows}
    document: dict[str, JsonValue] = {
        "profile": chosen,
        "workspace_params": _own(by_path.get(workspace.workspace_params_file, {})),
        "profile_params": by_path.get(workspace.profile_params_file(chosen), {}),
        "flow_params": {flow: by_path[path] for flow, path in by_flow.items() if path in by_path},
    }
    return Result(
        document,
        lambda page: [
            line((f"Profile {chosen}", Style.STRONG)),
            *stored_lines(stored, workspace.folder, page),
        ],
    )


def stored_lines(stored: Iterable[StoredParams], folder: Path, page: Page) -> list[Line]:
    """What is stored, file by file.

    Args:
        stored: the files, and what they hold.
        folder: what their paths are shown relative to.
        page: where it is shown.
    """
    lines: list[Line] = []
    for each in stored:
        shown = str(each.path.relative_to(folder))
        shared = each.path.name == "workspace_params.yaml"
        own = _own(each.values) if shared else each.values
        if not own:
            continue
        lines += [line(""), line((shortened(f"  {one_line(shown)}", page.room), Style.FAINT))]
        width = max(display_width(name) for name in own)
        for name, value in own.items():
            room = page.room - width - 6
            words = fitted(value_words(value), room)
            lines.append(line(f"    {padded(name, width)}  {words}"))
    return lines


def _initialised(
    invocation: Invocation, contexts: Contexts, given: Mapping[str, Given], profile: ProfileName
) -> Result:
    invocation.profile = profile
    saved = contexts.init(given, profile=profile, flow=invocation.options.flow)
    next_step = invocation.line(invocation.app.ensure_name)

    def lines(page: Page) -> Sequence[Line]:
        folder = contexts.workspace.folder
        return [
            line((f"Stored in {folder}", Style.STRONG)),
            *stored_lines(saved, folder, page),
            line(""),
            line(f"Profile {profile} is in use. Next: {next_step}"),
        ]

    document: dict[str, JsonValue] = {
        "workspace": str(contexts.workspace.root),
        "profile": profile,
        "stored": {str(each.path): dict(each.values) for each in saved},
    }
    return Result(document, lines)


def _in_use(contexts: Contexts) -> ProfileName:
    """The profile in use; where there is none yet, that of those who do not think of profiles."""
    from peaceful._app.contexts import DEFAULT_PROFILE

    try:
        return contexts.profile()
    except (WorkspaceMissing, NameInvalid, NameUnknown):
        return DEFAULT_PROFILE


def _own(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What the application stores in the workspace's file, without what the framework does."""
    return {name: value for name, value in values.items() if name not in {"profile", "flow"}}
