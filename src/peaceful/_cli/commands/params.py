"""Parameters as options, and the commands that store and show them."""

from __future__ import annotations

import enum
import shlex
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence, Sized
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

import click

from peaceful._app.parameters.declaration import Given, ParamDef
from peaceful._app.parameters.reading import Shape
from peaceful._cli.program.options import GLOBAL_NAMES, offering, paths
from peaceful._cli.program.result import Result, left_flows_document, text_answer
from peaceful._cli.terminal.text import Line, Page, Style, line
from peaceful._cli.terminal.wrapping import notice_lines
from peaceful._errors.usage import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    UsageError,
    WorkspaceMissing,
)
from peaceful._model.codec import JsonObject, JsonValue, ProfileName
from peaceful._model.names import checked_name
from peaceful._present.text import display_width, fitted, one_line, padded, short_id, shortened

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

_OWN_NAMES: Final = frozenset({"unset", "create"})
"""Options of `init` and `switch` themselves."""

_REPEATED: Final = frozenset({Shape.MANY, Shape.PAIRS})


def declared_params(app: App, flow: FlowId | None) -> list[ParamDef]:
    """Return the parameters of workspace, profiles, and one flow or all; each name once."""
    found: dict[str, ParamDef] = {}
    for group in app.declared.groups(flow):
        for name, param in group.params.items():
            if name in GLOBAL_NAMES or name in _OWN_NAMES:
                raise DefinitionError(
                    f"A parameter cannot be named {name}: commands have an option of that name.",
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


def params_options(params: Sequence[ParamDef]) -> list[click.Option]:
    """Return the options of parameters, and of their earlier names, which say the present one."""
    names = {param.name for param in params}
    former = [
        _former_option(param, old) for param in params for old in param.was if old not in names
    ]
    return [*map(param_option, params), *former]


def _former_option(param: ParamDef, old: str) -> click.Option:
    def refuse(context: click.Context, option: click.Parameter, value: object) -> None:
        if value not in (None, ()) and not context.resilient_parsing:
            message = f"There is no option {option.opts[0]!r}: it is called {_name(param)} now."
            raise UsageError(message, help=f"use {_name(param)}")

    option = param_option(replace(param, name=old))
    option.hidden, option.callback = True, refuse
    return option


def unset_option(params: Iterable[ParamDef]) -> click.Option:
    """Return the option that takes parameters back."""
    names = [each.name for each in params if not each.required or each.secret]
    return click.Option(
        ["--unset"],
        multiple=True,
        metavar="NAME",
        help="Take a parameter back to its default. [may be repeated]",
        shell_complete=offering(lambda: names),
    )


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
    unset: Sequence[str],
    named: ProfileName | None = None,
    **values: object,
) -> Result:
    """Store parameters, and take the profile into use; `named` is the profile from a word."""
    given = given_params(params, values)
    # As options are written, or as parameters are.
    unset = [name.removeprefix("--").replace("-", "_") for name in unset]
    contexts = invocation.contexts()
    _refuse_one_above(invocation, contexts)
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
                help=f"name it first: {invocation.line('init', 'PROFILE')}",
            )
        profile = _in_use(contexts)
    return _initialised(invocation, contexts, given, profile, unset)


def _refuse_one_above(invocation: Invocation, contexts: Contexts) -> None:
    """Raise `UsageError` if a workspace above this folder would be changed without being named."""
    above, chosen = contexts.workspace.root, invocation.options.workspace
    if chosen is None and above != Path.cwd() and contexts.workspace.profiles():
        words = (*invocation.program, *invocation.words, "--workspace")
        raise UsageError(
            f"{invocation.app.name} is set up in {above}, above this folder.",
            help=f"to change that: {shlex.join((*words, str(above)))}; "
            f"to set one up here: {shlex.join((*words, '.'))}",
        )


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
    if invocation.options.flow is not None:
        contexts.flow_id(invocation.options.flow)
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
    """List the profiles of the workspace, mark the one in use, and say what is left in any."""
    contexts = invocation.contexts()
    profiles = contexts.workspace.profiles()
    in_use = _in_use(contexts) if profiles else None
    left = {each: found for each in profiles if (found := contexts.left_flows(each))}

    def lines(page: Page) -> Sequence[Line]:
        if not profiles:
            return [line(f"There is no profile yet. Make one with: {invocation.line('init')}")]
        names = [
            line(("* ", Style.GOOD), (name, Style.STRONG)) if name == in_use else line(f"  {name}")
            for name in profiles
        ]
        notices = (notice for each in left for notice in contexts.left_notices(each))
        return [*names, *notice_lines(notices, page)]

    document: dict[str, JsonValue] = {
        "profiles": list(profiles),
        "in_use": in_use,
        "left_flows": {each: left_flows_document(found) for each, found in left.items()},
    }
    return Result(document, lines)


def profile_show(invocation: Invocation, profile: ProfileName | None) -> Result:
    """Show the parameters of a profile; by default, of the one that is chosen or in use."""
    contexts = invocation.contexts()
    chosen = contexts.profile(invocation.options.profile if profile is None else profile)
    workspace, stored = contexts.workspace, contexts.all_stored(chosen)
    flows = {flow: contexts.flow_params_file(chosen, flow) for flow in invocation.app.flows}
    notices = [*contexts.left_notices(chosen)]

    def documents(values: Callable[[StoredParams], JsonObject]) -> dict[str, JsonValue]:
        found = {each.path: values(each) for each in stored}
        return {
            "workspace_params": found.get(workspace.workspace_params_file, {}),
            "profile_params": found.get(workspace.profile_params_file(chosen), {}),
            "flow_params": {flow: found[path] for flow, path in flows.items() if path in found},
        }

    document: dict[str, JsonValue] = {
        "profile": chosen,
        **documents(lambda each: _own(each.effective)),
        "defaults": documents(lambda each: each.defaults),
        "left_flows": left_flows_document(contexts.left_flows(chosen)),
    }
    return Result(
        document,
        lambda page: [
            line((f"Profile {chosen}", Style.STRONG)),
            *stored_lines(stored, workspace.folder, page),
            *notice_lines(notices, page),
        ],
    )


def stored_lines(stored: Iterable[StoredParams], folder: Path, page: Page) -> list[Line]:
    """Return stored parameters, file by file; paths are relative to `folder`."""
    lines: list[Line] = []
    for each in stored:
        shown = str(each.path.relative_to(folder))
        own = _own({**each.values, **each.effective})
        if not own:
            continue
        lines += [line(""), line((shortened(f"  {one_line(shown)}", page.room), Style.FAINT))]
        width = max(display_width(name) for name in own)
        for name, value in own.items():
            note = "  (default)" if name in each.defaults else ""
            note = "  (means nothing)" if name in each.unknown else note
            words = fitted(value_words(value), page.room - width - 6 - len(note))
            lines.append(line(f"    {padded(name, width)}  {words}", (note, Style.FAINT)))
    return lines


def _initialised(
    invocation: Invocation,
    contexts: Contexts,
    given: Mapping[str, Given],
    profile: ProfileName,
    unset: Sequence[str] = (),
) -> Result:
    invocation.profile = profile
    saved = contexts.init(given, profile=profile, flow=invocation.options.flow, unset=unset)
    next_step = invocation.line(invocation.app.ensure_name)
    running = [each for each in contexts.executions.running() if each.info.profile == profile]
    notices = [
        f"Execution {short_id(each.id)} is running, with the former values: what is stored now "
        "holds from the next command on."
        for each in running
    ]
    found_above = invocation.options.workspace is None and contexts.workspace.root != Path.cwd()

    def lines(page: Page) -> Sequence[Line]:
        folder = contexts.workspace.folder
        return [
            line((f"Stored in {folder}", Style.STRONG)),
            *([line("That is above this folder; for one in it, say --workspace .")] * found_above),
            *stored_lines(saved, folder, page),
            line(""),
            line(f"Profile {profile} is in use. Next: {next_step}"),
            *notice_lines(notices, page),
        ]

    document: dict[str, JsonValue] = {
        "workspace": str(contexts.workspace.root),
        "profile": profile,
        "stored": {str(each.path): each.values for each in saved},
        "defaults": {str(each.path): each.defaults for each in saved},
        "warnings": [*notices],
    }
    return Result(document, lines)


def _in_use(contexts: Contexts) -> ProfileName:
    """Return the profile in use, or the default one if there is none yet."""
    from peaceful._app.profiles import DEFAULT_PROFILE

    try:
        return contexts.profile()
    except (WorkspaceMissing, NameInvalid, NameUnknown):
        return DEFAULT_PROFILE


def _own(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """Return an application's own parameters, without what is added in the workspace's file."""
    return {name: value for name, value in values.items() if name not in {"profile", "flow"}}
