"""What is selected and remembered of an application in a workspace: profile, flow, parameters."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from peaceful.app._parameters.declaration import Given, ParamGroup
from peaceful.app._parameters.files import ParamsFile, StoredParams, params_schema, right
from peaceful.app._parameters.secrets import SECRET_FORMS, Secrets, readable
from peaceful.errors import DefinitionError, NameInvalid, NameUnknown, UsageError, WorkspaceMissing
from peaceful.model import FlowId, JsonValue, ProfileName, checked_name
from peaceful.storage import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from peaceful.app._app_def import AppDef

DEFAULT_PROFILE: Final = "default"
"""The profile of those who do not think of profiles."""

_LOG = logging.getLogger("peaceful.app")


class Selection:
    """One application in one workspace: which profile and flow to work on, with which parameters.

    Args:
        app: the application.
        workspace: where its files are.
        environment: the environment variables, from which parameters with secrets are taken: those
            of this process by default.

    Attributes:
        app: the application.
        workspace: where its files are.
        typed: how a command is typed, by its words, for messages; a door may know better than that
            the program is called like the application.
    """

    def __init__(
        self, app: AppDef, workspace: Workspace, environment: Mapping[str, str] | None = None
    ) -> None:
        self.app: Final = app
        self.workspace: Final = workspace
        self.typed: Callable[..., str] = lambda *words: " ".join((app.name, *words))
        self._secrets = Secrets(app.name, os.environ if environment is None else environment)

    # ---- what is selected

    def profile(self, name: ProfileName | None = None) -> ProfileName:
        """The profile to work on: the given one, else the one in use, else `default`.

        Raises:
            NameInvalid: the name breaks the rule.
            NameUnknown: it was never created.
            WorkspaceMissing: no profile was.
        """
        chosen = checked_name("a profile", self._in_use() if name is None else name)
        known = self.workspace.profiles()
        if chosen not in known:
            if not known:
                raise WorkspaceMissing(
                    f"Nothing is set up for {self.app.name} in {self.workspace.root}.",
                    help=f"run {self.typed('init')} first, or say --workspace DIR",
                )
            raise NameUnknown(
                "profile",
                chosen,
                known,
                help=f"create it: {self.typed('switch', chosen, '--create')}",
            )
        return chosen

    def flow_id(self, name: FlowId | None = None) -> FlowId:
        """The flow to work on: the given one, else the only one, else the one chosen at `init`.

        Else the application's default, if it has one.

        Raises:
            NameUnknown: the application has no such flow.
            UsageError: there are several, and nobody says which.
            DefinitionError: there is none.
        """
        if name is not None:
            return self.app.flow_def(name).id
        if len(self.app.flows) == 1:
            return next(iter(self.app.flows))
        stored = self._workspace_file().stored.get("flow")
        if isinstance(stored, str):
            return self.app.flow_def(stored).id
        if self.app.default_flow is not None:
            return self.app.flow_def(self.app.default_flow).id
        if not self.app.flows:
            raise DefinitionError(
                f"{self.app.name} has no flow.", help='declare one: @app.flow("NAME")'
            )
        raise UsageError(
            f"{self.app.name} has several flows, and none was chosen.",
            details=(("each flow there is", ", ".join(self.app.flows)),),
            help="say --flow FLOW",
        )

    # ---- what is remembered

    def init(
        self,
        given: Mapping[str, Given],
        *,
        profile: ProfileName = DEFAULT_PROFILE,
        flow: FlowId | None = None,
    ) -> tuple[StoredParams, ...]:
        """Stores parameters of workspace, profile and flows, and takes the profile into use.

        What is not given keeps its stored value. Of a parameter with a secret in it, it is stored
        where the secret comes from; or the secret itself, sealed with a key of the environment. One
        of which nothing is stored needs no value: a warning says which environment variable each
        command takes it from.

        Args:
            given: by name, what is given now; each goes to whoever declares a parameter of that
                name.
            profile: the profile to set up.
            flow: the flow to set up, which is also chosen for later; all flows by default.

        Returns:
            The files, and what they hold now.

        Raises:
            UsageError: a name or a value is wrong, or a parameter has no value; nothing was stored.
            StorageError: something cannot be written.
        """
        checked_name("a profile", profile)
        chosen = {"flow": flow} if flow else {}
        return self._saved(given, profile, flow, {"profile": profile, **chosen})

    def give(
        self, given: Mapping[str, Given], *, profile: ProfileName, flow: FlowId
    ) -> tuple[StoredParams, ...]:
        """As `init`, for a profile that is there; what is in use stays as it is.

        Raises:
            NameUnknown: there is no such profile, flow or parameter.
            UsageError: a value is wrong, or a parameter has no value; nothing was stored.
            StorageError: something cannot be written.
        """
        return self._saved(given, self.profile(profile), flow, {})

    def _saved(
        self,
        given: Mapping[str, Given],
        profile: ProfileName,
        flow: FlowId | None,
        reserved: Mapping[str, str],
    ) -> tuple[StoredParams, ...]:
        files = list(self._files(profile, flow))
        known = {name for file in files for name in file.group.params}
        for name in given:
            if name not in known:
                raise NameUnknown("parameter", name, known)
        results = [file.completed(self._secrets, given) for file in files]
        checked = right(results, self._how_to_give)
        saved = tuple(
            file.save(values, reserved if file is files[0] else {})
            for file, values in zip(files, checked, strict=True)
        )
        self._say_not_stored(given, files, {name for each in saved for name in each.values})
        return saved

    def switch(self, profile: ProfileName, *, create: bool = False) -> None:
        """Takes a profile into use.

        Args:
            profile: which one.
            create: whether it is new.

        Raises:
            NameInvalid: the name breaks the rule.
            NameUnknown: it was never created, and `create` is not set.
            UsageError: it exists, and `create` is set.
        """
        checked_name("a profile", profile)
        if create:
            if profile in self.workspace.profiles():
                raise UsageError(
                    f"The profile {profile} exists already.",
                    help=f"switch to it without --create: {self.typed('switch', profile)}",
                )
            self._profile_file(profile).write({})
        self.profile(profile)
        self._workspace_file().write({"profile": profile})

    def params(self, profile: ProfileName, flow: FlowId) -> BaseModel:
        """The stored parameters of a flow, and its secrets from the environment; checked.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        return self._present(self._flow_file(profile, flow))

    def params_schema(self, flow: FlowId) -> dict[str, JsonValue]:
        """What values the parameters may have that a flow takes of its own, as JSON Schema.

        Raises:
            NameUnknown: the application has no such flow.
        """
        return params_schema(self.app.flow_params(flow))

    def values(self, profile: ProfileName, flow: FlowId) -> dict[str, object]:
        """By parameter of a flow's function, its value: the flow's own, and models of shared ones.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        own = self.params(profile, flow)
        values: dict[str, object] = {name: getattr(own, name) for name in type(own).model_fields}
        for param in self.app.flow_def(flow).params:
            if param.name in values:
                continue
            of_workspace = param.annotation is self.app.workspace_params
            file = self._workspace_file() if of_workspace else self._profile_file(profile)
            values[param.name] = self._present(file)
        return values

    def stored(self, profile: ProfileName, flow: FlowId) -> dict[str, JsonValue]:
        """What is stored of the parameters that a flow takes of its own, for people.

        Of secrets, only where they come from. Nothing is checked, and what is missing is left out.

        Raises:
            NameUnknown: there is no such profile or flow.
            StorageError: the file cannot be read.
        """
        flow = self.app.flow_def(flow).id
        file = self._flow_file(self.profile(profile), flow)
        return readable(file.group.secrets, file.stored)

    def all_stored(self, profile: ProfileName) -> tuple[StoredParams, ...]:
        """What is stored of all parameters of a profile, for people: workspace, profile, flows.

        Files that are not there are left out.

        Raises:
            StorageError: a file cannot be read.
        """
        return tuple(
            StoredParams(file.path, self.shown(file.stored))
            for file in self._files(profile)
            if file.path.exists()
        )

    def asks_before_clean(self, profile: ProfileName) -> bool:
        """Whether somebody is to be asked before the profile is cleaned up.

        Raises:
            ParamsMissing: a parameter of the profile has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        asks = self.app.asks_before_clean
        return asks is not None and asks(self._present(self._profile_file(profile)))

    def shown(self, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """What a file with parameters holds, for people: of secrets, only where they come from."""
        return readable(self.secret_params(), values)

    def secret_params(self) -> frozenset[str]:
        """Every parameter with a secret in it, of the workspace, of profiles and of all flows."""
        return frozenset[str]().union(*(group.secrets for group in self.app.param_groups()))

    def seal_again(self) -> int:
        """Seals every stored secret of the workspace with the first key.

        Returns:
            How many they are.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with; nothing was
                changed.
            StorageError: a file cannot be read or written.
        """
        files = [self._workspace_file()]
        for profile in self.workspace.profiles():
            files += list(self._files(profile))[1:]
        changes = [
            (file, self._secrets.sealed_again(file.stored, str(file.path))) for file in files
        ]
        for file, sealed in changes:
            if sealed:
                file.write(sealed)
        return sum(len(sealed) for _, sealed in changes)

    # ---- parts

    def _files(self, profile: ProfileName, flow: FlowId | None = None) -> Iterator[ParamsFile]:
        """The files of the workspace, of the profile, and of a flow or all flows."""
        yield self._workspace_file()
        yield self._profile_file(profile)
        for each in [flow] if flow else self.app.flows:
            yield self._flow_file(profile, each)

    def _in_use(self) -> ProfileName:
        file = self._workspace_file()
        stored = file.stored.get("profile", DEFAULT_PROFILE)
        try:
            return checked_name("a profile", str(stored))
        except NameInvalid as error:
            error.details = (*error.details, ("set in", str(file.path)))
            error.help = f"take another one into use: {self.typed('switch', 'PROFILE')}"
            raise

    def _present(self, file: ParamsFile) -> BaseModel:
        [checked] = right([file.present(self._secrets)], self._how_to_give)
        return checked.values

    def _workspace_file(self) -> ParamsFile:
        return self._file(
            self.workspace.workspace_params_file,
            self.app.workspace_group,
            f"workspace {self.workspace.root}",
            f"What holds for all profiles of {self.app.name} in this workspace.",
        )

    def _profile_file(self, profile: ProfileName) -> ParamsFile:
        return self._file(
            self.workspace.profile_params_file(profile),
            self.app.profile_group,
            f"profile {profile}",
            f"What holds for all flows of profile {profile}.",
        )

    def _flow_file(self, profile: ProfileName, flow: FlowId) -> ParamsFile:
        return self._file(
            self.workspace.flow_params_file(profile, flow),
            self.app.flow_params(flow),
            f"flow {flow}",
            f"The parameters of flow {flow} in profile {profile}.",
        )

    def _file(self, path: Path, group: ParamGroup, owner: str, comment: str) -> ParamsFile:
        return ParamsFile(path, group, owner, comment, self.workspace.root)

    def _how_to_give(self, params: Sequence[str]) -> str:
        """What to do where parameters have no value."""
        secrets = self.secret_params()
        options = [f"--{name.replace('_', '-')} ..." for name in params if name not in secrets]
        variables = [self._secrets.variable_of(name) for name in params if name in secrets]
        ways = [f"give them: {self.typed('init', *options)}"] if options else []
        if variables:
            words = [f"--{name.replace('_', '-')} SOURCE" for name in params if name in secrets]
            names = " and ".join(variables)
            ways.append(
                f"say where the secret is: {self.typed('init', *words)}, a source being "
                f"{SECRET_FORMS}; or set {names} in the environment of each command"
            )
        return "; ".join(ways)

    def _say_not_stored(
        self, given: Mapping[str, Given], files: Iterable[ParamsFile], stored: Collection[str]
    ) -> None:
        """Says of each secret that was given now, or that commands need, how it is to be given."""
        said = set(stored)
        for file in files:
            here = self._secrets.in_environment(file.group)
            for name in sorted(file.group.secrets - said):
                if name in given or (file.group.params[name].required and name not in here):
                    said.add(name)
                    _LOG.warning(
                        "%s is a secret, and nothing of it is stored. Give it to each command in "
                        "the environment variable %s, or say by init where it is.",
                        name,
                        self._secrets.variable_of(name),
                    )
