"""What is selected and remembered of an application in a workspace: profile, flow, parameters."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final, TypeAlias

from peaceful.app._flow_def import FlowDef, FlowParam, params_model
from peaceful.app._params_schema import params_schema
from peaceful.app._remembered import Given, ParamsFile, StoredParams, all_of
from peaceful.app._secret_params import readable, say_not_stored, secret_fields
from peaceful.app._secret_sources import SECRET_FORMS
from peaceful.app._secrets import Secrets
from peaceful.errors import DefinitionError, NameInvalid, NameUnknown, UsageError, WorkspaceMissing
from peaceful.model import FlowId, JsonValue, ProfileName, checked_name
from peaceful.storage import Workspace

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.app._app_def import AppDef

DEFAULT_PROFILE: Final = "default"
"""The profile of those who do not think of profiles."""

_Target: TypeAlias = "tuple[ParamsFile, type[BaseModel] | None, Mapping[str, str]]"
"""A file with parameters, which ones, and what else it holds."""


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
        stored = self._workspace_file.stored().get("flow")
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
        reserved = {"profile": profile} | ({"flow": flow} if flow else {})
        return self._saved(given, profile, flow, reserved)

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
        flows = [self.app.flow_def(flow)] if flow else list(self.app.flows.values())
        self._refuse_unknown(given, flows)
        targets: list[_Target] = [
            (self._workspace_file, self.app.workspace_params, reserved),
            (self._profile_file(profile), self.app.profile_params, {}),
            *((self._flow_file(profile, each.id), self._flow_model(each), {}) for each in flows),
        ]
        saves = all_of(
            (partial(self._checked, file, model, given, kept) for file, model, kept in targets),
            self._how_to_give,
        )
        saved = tuple(file.save(values, others, sources) for file, values, others, sources in saves)
        stored = frozenset(name for each in saved for name in each.values)
        again = self._to_be_given_again(given, targets)
        say_not_stored(self.app.name, [name for name in again if name not in stored])
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
            self._profile_file(profile).save(None, {})
        self.profile(profile)
        self._workspace_file.save(None, {"profile": profile})

    def params(self, profile: ProfileName, flow: FlowId) -> BaseModel:
        """The stored parameters of a flow, and its secrets from the environment; checked.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        model = self._flow_model(self.app.flow_def(flow))
        return self._present_values(self._flow_file(profile, flow), model)

    def flow_params(self, flow: FlowId) -> tuple[FlowParam, ...]:
        """The parameters that a flow's function takes of its own, in order."""
        shared = {self.app.workspace_params, self.app.profile_params} - {None}
        return tuple(
            param for param in self.app.flow_def(flow).params() if param.annotation not in shared
        )

    def params_schema(self, flow: FlowId) -> dict[str, JsonValue]:
        """What values the parameters may have that a flow takes of its own, as JSON Schema.

        Raises:
            NameUnknown: the application has no such flow.
        """
        definition = self.app.flow_def(flow)
        return params_schema(self._flow_model(definition), definition.param_helps)

    def values(self, profile: ProfileName, flow: FlowId) -> dict[str, object]:
        """By parameter of a flow's function, its value: the flow's own, and models of shared ones.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        own = self.params(profile, flow)
        values: dict[str, object] = {name: getattr(own, name) for name in type(own).model_fields}
        for param in self.app.flow_def(flow).params():
            if param.annotation is self.app.workspace_params and self.app.workspace_params:
                file, model = self._workspace_file, self.app.workspace_params
            elif param.annotation is self.app.profile_params and self.app.profile_params:
                file, model = self._profile_file(profile), self.app.profile_params
            else:
                continue
            values[param.name] = self._present_values(file, model)
        return values

    def stored(self, profile: ProfileName, flow: FlowId) -> dict[str, JsonValue]:
        """What is stored of the parameters that a flow takes of its own, for people.

        Of secrets, only where they come from. Nothing is checked, and what is missing is left out.

        Raises:
            NameUnknown: there is no such profile or flow.
            StorageError: the file cannot be read.
        """
        flow = self.app.flow_def(flow).id
        return self.shown(self._flow_file(self.profile(profile), flow).stored())

    def asks_before_clean(self, profile: ProfileName) -> bool:
        """Whether somebody is to be asked before the profile is cleaned up.

        Raises:
            ParamsMissing: a parameter of the profile has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        asks, model = self.app.asks_before_clean, self.app.profile_params
        if asks is None or model is None:
            return False
        return asks(self._present_values(self._profile_file(profile), model))

    def shown(self, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """What a file with parameters holds, for people: of secrets, only where they come from."""
        return readable(self.secret_params(), values)

    def secret_params(self) -> frozenset[str]:
        """Every parameter with a secret in it, of the workspace, of profiles and of all flows."""
        flows = (self._flow_model(each) for each in self.app.flows.values())
        models = (self.app.workspace_params, self.app.profile_params, *flows)
        return frozenset[str]().union(*map(secret_fields, models))

    def seal_again(self) -> int:
        """Seals every stored secret of the workspace with the first key.

        Returns:
            How many they are.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with; nothing was
                changed.
            StorageError: a file cannot be read or written.
        """
        changes = [(file, self._secrets.sealed_again(file)) for file in self._files()]
        for file, sealed in changes:
            file.save(None, sealed)
        return sum(len(sealed) for _, sealed in changes)

    # ---- parts

    def _files(self) -> Iterable[ParamsFile]:
        yield self._workspace_file
        for profile in self.workspace.profiles():
            yield self._profile_file(profile)
            yield from (self._flow_file(profile, flow) for flow in self.app.flows)

    def _in_use(self) -> ProfileName:
        file = self._workspace_file
        stored = file.stored().get("profile", DEFAULT_PROFILE)
        try:
            return checked_name("a profile", str(stored))
        except NameInvalid as error:
            error.details = (*error.details, ("set in", str(file.path)))
            error.help = f"take another one into use: {self.typed('switch', 'PROFILE')}"
            raise

    @property
    def _workspace_file(self) -> ParamsFile:
        return ParamsFile(
            self.workspace.workspace_params_file,
            f"workspace {self.workspace.root}",
            f"What holds for all profiles of {self.app.name} in this workspace.",
            self.workspace.root,
        )

    def _profile_file(self, profile: ProfileName) -> ParamsFile:
        return ParamsFile(
            self.workspace.profile_params_file(profile),
            f"profile {profile}",
            f"What holds for all flows of profile {profile}.",
            self.workspace.root,
        )

    def _flow_file(self, profile: ProfileName, flow: FlowId) -> ParamsFile:
        return ParamsFile(
            self.workspace.flow_params_file(profile, flow),
            f"flow {flow}",
            f"The parameters of flow {flow} in profile {profile}.",
            self.workspace.root,
        )

    def _flow_model(self, definition: FlowDef) -> type[BaseModel]:
        return params_model(f"flow {definition.id}", self.flow_params(definition.id))

    def _present_values(self, file: ParamsFile, model: type[BaseModel]) -> BaseModel:
        given = self._secrets.at_hand(file, model)
        return file.values(model, given, how_to_give=self._how_to_give)

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

    def _checked(
        self,
        file: ParamsFile,
        model: type[BaseModel] | None,
        given: Mapping[str, Given],
        reserved: Mapping[str, str],
    ) -> tuple[ParamsFile, BaseModel | None, Mapping[str, str], Mapping[str, JsonValue]]:
        """What is to be saved in a file, after checking it."""
        if model is None:
            return file, None, reserved, {}
        mine, forms = self._secrets.given_now(given, model)
        at_hand = self._secrets.at_hand(file, model, needed=False)
        values = file.values(
            model, at_hand | mine, how_to_give=self._how_to_give, later=secret_fields(model)
        )
        return file, values, reserved, forms

    def _to_be_given_again(
        self, given: Mapping[str, Given], targets: Iterable[_Target]
    ) -> list[str]:
        """The secrets that were given now, or that no command can do without; each once."""
        found: dict[str, None] = {}
        for _, model, _ in targets:
            here = {} if model is None else self._secrets.in_environment(model)
            for name in sorted(secret_fields(model)):
                needed = model is not None and model.model_fields[name].is_required()
                if name in given or (needed and name not in here):
                    found[name] = None
        return list(found)

    def _refuse_unknown(self, given: Mapping[str, Given], flows: Iterable[FlowDef]) -> None:
        known = {param.name for flow in flows for param in self.flow_params(flow.id)}
        for model in (self.app.workspace_params, self.app.profile_params):
            known |= set(model.model_fields) if model else set()
        for name in given:
            if name not in known:
                raise NameUnknown("parameter", name, known)
