"""Parameters as options, and the commands that store and show them."""

from __future__ import annotations

import enum
from collections.abc import Generator, Iterable, Mapping, Sequence, Sized
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from peaceful._app.parameters.declaration import Given, ParamDef
from peaceful._app.parameters.reading import Shape
from peaceful._cli.program.options import GLOBAL_NAMES, offering, paths
from peaceful._cli.program.result import Result, text_answer
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._errors.usage import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    UsageError,
    WorkspaceMissing,
)
from peaceful._model.codec import JsonValue, ProfileName
from peaceful._model.names import checked_name
from peaceful._present.text import display_width, fitted, one_line, padded, shortened

if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._app.contexts import Contexts
    from peaceful._app.parameters.files import StoredParams
    from peaceful._cli.program.invocation import Invocation
    from peaceful._model.codec import FlowId  # it loads msgspec, which `--help` does without

WORDS: Final = "words"
"""The name under which click keeps words without an option."""

_KEPT_AS: Final = "param_"
"""The prefix under which click keeps the values, so that they meet no other name."""

_REPEATED: Final = frozenset({Shape.MANY, Shape.PAIRS})


def declared_params(app: App, flow: FlowId | None) -> list[ParamDef]:
    """Return the parameters of workspace, profiles, and one flow or all; each name once."""
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


def params_words(params: Iterable[ParamDef]) -> list[click.Argument]:
    """Return the argument that takes parameters without a default by position, if there are any."""
    places = [f"[{each.name.upper()}]" for each in params if _by_position(each)]
    return [click.Argument([WORDS], nargs=-1, metavar=" ".join(places))] if places else []


def given_params(params: Iterable[ParamDef], values: Mapping[str, object]) -> dict[str, Given]:
    """Return the parameters that are given, from the values that click has parsed."""
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
                given[each.name] = _given(each, texts, _name(each))
    words = cast("Sequence[str]", values.get(WORDS, ()))
    if len(words) > len(places):
        raise UsageError(
            f"There is no parameter for the word {words[len(places)]!r}.",
            details=(("by position", " ".join(each.name.upper() for each in places) or "none"),),
            help="give every other parameter by its option; --help lists them",
        )
    for each, word in zip(places, words, strict=False):
        given[each.name] = _given(each, [word], each.name.upper())
    return given


def _given(param: ParamDef, texts: Sequence[str], origin: str) -> Given:
    with _named(origin):
        return Given(param.value_type.read(texts, Path.cwd()), origin)


@contextmanager
def _named(origin: str) -> Generator[None]:
    """Let an error of what is read within the context say where it was set."""
    try:
        yield
    except UsageError as error:
        details = (("set in", origin), *error.details)
        raise UsageError(error.message, details=details, help=error.help) from error


def _secret(param: ParamDef, text: str) -> Given:
    """Return the source of a secret: others can see what is typed, and shells keep it."""
    from peaceful._app.parameters.secrets import SECRET_FORMS, SecretSource

    if text == "prompt":
        from peaceful._cli.terminal.modes import ask

        secret = ask(param.name, hidden=True)
        if not secret:
            raise UsageError(f"Nothing was typed for {param.name}.", help="run it again")
        return Given(secret, _name(param), must_be_stored=True)
    with _named(_name(param)):
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
    """Return the option of a parameter: `--into`."""
    return f"--{param.name.replace('_', '-')}"


def _by_position(param: ParamDef) -> bool:
    return param.required and not param.secret and param.value_type.shape is not Shape.FLAG


def param_option(param: ParamDef) -> click.Option:
    name, kept_as, value_type = _name(param), _KEPT_AS + param.name, param.value_type
    if param.secret:
        return click.Option([name, kept_as], metavar="SOURCE", help=_help(param))
    if value_type.shape is Shape.FLAG:
        both = f"{name}/--no-{name.removeprefix('--')}"
        return click.Option([both, kept_as], default=None, help=_help(param))
    choices = value_type.choices
    # For paths, the shell does it best.
    complete = paths if value_type.is_path else offering(lambda: choices) if choices else None
    return click.Option(
        [name, kept_as],
        multiple=value_type.shape in _REPEATED,
        metavar=value_type.metavar,
        help=_help(param),
        shell_complete=complete,
    )


def _help(param: ParamDef) -> str:
    default = param.default
    # What a factory makes is not known before; its type is named, for pydantic takes long to load.
    unknown = default is None or type(default).__name__ == "PydanticUndefinedType"
    facts: list[str] = []
    if param.secret:
        facts.append("env:NAME, file:PATH, command:LINE or prompt")
    elif param.value_type.shape in _REPEATED:
        facts.append("may be repeated")
    if param.required:
        facts.append("needed")
    elif not unknown and not (isinstance(default, Sized) and not len(default)):
        facts.append(f"default: {value_words(default)}")
    tail = f"[{'; '.join(facts)}]" if facts else ""
    return f"{param.help}  {tail}".strip()


def value_words(value: object) -> str:
    """Return the value of a parameter as people read it."""
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
    invocation: Invocation,
    *,
    params: Sequence[ParamDef],
    named: ProfileName | None = None,
    **values: object,
) -> Result:
    """Store parameters, and take the profile into use; `named` is the profile from a word."""
    given = given_params(params, values)
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
    invocation: Invocation,
    *,
    params: Sequence[ParamDef],
    profile: ProfileName,
    create: bool,
    **values: object,
) -> Result:
    """Take another profile into use, or create one with parameters."""
    given = given_params(params, values)
    contexts = invocation.contexts()
    is_there = contexts.is_set_up(checked_name("a profile", profile))
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
    return text_answer({"profile": profile, "created": create}, f"Profile {profile} is {made}.")


def profile_list(invocation: Invocation) -> Result:
    """List the profiles of the workspace, and mark the one in use."""
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
    """Show the parameters of a profile; by default, of the one that is chosen or in use."""
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
    """Return stored parameters, file by file; paths are relative to `folder`."""
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
            words = fitted(value_words(value), page.room - width - 6)
            lines.append(line(f"    {padded(name, width)}  {words}"))
    return lines


def _initialised(
    invocation: Invocation, contexts: Contexts, given: Mapping[str, Given], profile: ProfileName
) -> Result:
    invocation.profile = profile
    saved = contexts.init(given, profile=profile, flow=invocation.options.flow)
    next_step = invocation.line(invocation.app.ensure_name)
    found_above = invocation.options.workspace is None and contexts.workspace.root != Path.cwd()

    def lines(page: Page) -> Sequence[Line]:
        folder = contexts.workspace.folder
        return [
            line((f"Stored in {folder}", Style.STRONG)),
            *([line("That is above this folder; for one in it, say --workspace .")] * found_above),
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
    """Return the profile in use, or the default one if there is none yet."""
    from peaceful._app.contexts import DEFAULT_PROFILE

    try:
        return contexts.profile()
    except (WorkspaceMissing, NameInvalid, NameUnknown):
        return DEFAULT_PROFILE


def _own(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return the application's own parameters in the workspace's file."""
    return {name: value for name, value in values.items() if name not in {"profile", "flow"}}
