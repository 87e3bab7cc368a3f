"""Parameters and profiles: stored, and shown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peaceful.cli._lines import Line, Style, line
from peaceful.cli._page import Page
from peaceful.cli._params import value_words
from peaceful.cli._result import Result
from peaceful.errors import NameInvalid, NameUnknown, UsageError, WorkspaceMissing
from peaceful.model import JsonValue, ProfileName
from peaceful.present import display_width, fitted, one_line, padded, shortened

if TYPE_CHECKING:
    from peaceful.app import Contexts, Given, StoredParams
    from peaceful.cli._invocation import Invocation


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
    from peaceful.app import DEFAULT_PROFILE

    try:
        return contexts.profile()
    except (WorkspaceMissing, NameInvalid, NameUnknown):
        return DEFAULT_PROFILE


def _own(values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
    """What the application stores in the workspace's file, without what the framework does."""
    return {name: value for name, value in values.items() if name not in {"profile", "flow"}}
