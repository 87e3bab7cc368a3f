"""Where everything is put together: from stored parameters to contexts for commands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from peaceful.app._build import built_flow
from peaceful.app._flow_def import FlowDef, FlowParam, params_model
from peaceful.app._remembered import Given, ParamsFile, StoredParams, all_of
from peaceful.errors import NameUnknown, UsageError, WorkspaceMissing
from peaceful.executions import Executions, SqliteExecutionStore, lock_holders_of
from peaceful.interrupt import Interruptibility, NonInterruptible
from peaceful.model import FlowId, ProfileName, checked_name
from peaceful.resources import Resources
from peaceful.runtime import (
    BuiltFlow,
    CmdCtx,
    ExecutionSettings,
    OutputSink,
    ProfileCtx,
    ProfilesCtx,
    ProfilesFlowCtx,
    Register,
    SystemClock,
    WorkspaceCtx,
)
from peaceful.storage import Workspace, YamlStateStore

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.app._app_def import AppDef

DEFAULT_PROFILE: Final = "default"
"""The profile of those who do not think of profiles."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOptions:
    """What a door says of the executions that it starts.

    Attributes:
        interruptibility: whether, by whom and how they can be interrupted.
        sinks: who is told of what happens.
        settings: how they behave.
        resources: what is given to blocks and items, by type.
        door: where the commands come from.
    """

    interruptibility: Interruptibility = field(default_factory=NonInterruptible)
    sinks: tuple[OutputSink, ...] = ()
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    resources: Resources = field(default_factory=Resources)
    door: str = "python"


class _Common(TypedDict):
    """What every context holds; see `WorkspaceCtx`."""

    app: str
    workspace: Workspace
    interruptibility: Interruptibility
    sinks: tuple[OutputSink, ...]
    settings: ExecutionSettings
    resources: Resources
    register: Register | None
    door: str


class Contexts:
    """Makes the contexts that commands run on, for one application in one workspace.

    Attributes:
        app: the application.
        workspace: where its files are.
    """

    def __init__(self, app: AppDef, workspace: Workspace) -> None:
        self.app: Final = app
        self.workspace: Final = workspace

    @classmethod
    def of(cls, app: AppDef, workspace: Path | None) -> Contexts:
        """As `App.contexts`."""
        if workspace is None:
            return cls(app, Workspace.find(Path.cwd(), app.name))
        return cls(app, Workspace(workspace, app.name))

    @cached_property
    def executions(self) -> Executions:
        """The register of the workspace's executions."""
        store = SqliteExecutionStore(self.workspace.executions_file)
        return Executions(
            store,
            self.workspace.run_folder,
            SystemClock(),
            lock_holders=lock_holders_of(self.workspace),
        )

    # ---- what is selected

    def profile(self, name: ProfileName | None = None) -> ProfileName:
        """The profile to work on: the given one, else the one in use, else `default`.

        Raises:
            NameInvalid: the name breaks the rule.
            NameUnknown: it was never created.
        """
        chosen = checked_name("a profile", self._in_use() if name is None else name)
        known = self.workspace.profiles()
        if chosen not in known:
            if not known:
                raise WorkspaceMissing(
                    f"Nothing is set up for {self.app.name} in {self.workspace.root}.",
                    help=f"run {self.app.name} init first, or say --workspace DIR",
                )
            raise NameUnknown(
                "profile",
                chosen,
                known,
                help=f"create it: {self.app.name} switch {chosen} --create",
            )
        return chosen

    def flow_id(self, name: FlowId | None = None) -> FlowId:
        """The flow to work on: the given one, else the only one, else the one chosen at `init`.

        Raises:
            NameUnknown: the application has no such flow.
            UsageError: there are several, and nobody says which.
        """
        if name is not None:
            return self.app.flow_def(name).id
        if len(self.app.flows) == 1:
            return next(iter(self.app.flows))
        stored = self._workspace_file.stored().get("flow")
        if isinstance(stored, str):
            return self.app.flow_def(stored).id
        names = ", ".join(self.app.flows) or "none"
        raise UsageError(
            f"{self.app.name} has several flows, and none was chosen.",
            details=(("each flow there is", names),),
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

        What is not given keeps its stored value.

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
        flows = [self.app.flow_def(flow)] if flow else list(self.app.flows.values())
        self._refuse_unknown(given, flows)
        reserved = {"profile": profile} | ({"flow": flow} if flow else {})
        targets: list[tuple[ParamsFile, type[BaseModel] | None, Mapping[str, str]]] = [
            (self._workspace_file, self.app.workspace_params, reserved),
            (self._profile_file(profile), self.app.profile_params, {}),
            *((self._flow_file(profile, each.id), self._flow_model(each), {}) for each in flows),
        ]
        saves = all_of(
            partial(self._checked, file, model, given, kept) for file, model, kept in targets
        )
        return tuple(file.save(values, others) for file, values, others in saves)

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
                    help=f"switch to it without --create: {self.app.name} switch {profile}",
                )
            self._profile_file(profile).save(None, {})
        self.profile(profile)
        self._workspace_file.save(None, {"profile": profile})

    def params(self, profile: ProfileName, flow: FlowId) -> BaseModel:
        """The stored parameters of a flow, checked.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        return self._flow_file(profile, flow).values(
            self._flow_model(self.app.flow_def(flow)), {}, how_to_give=self._how_to_give(flow)
        )

    def flow_params(self, flow: FlowId) -> tuple[FlowParam, ...]:
        """The parameters that a flow's function takes of its own, in order."""
        shared = {self.app.workspace_params, self.app.profile_params} - {None}
        return tuple(
            param for param in self.app.flow_def(flow).params() if param.annotation not in shared
        )

    def build(self, profile: ProfileName, flow: FlowId) -> BuiltFlow:
        """The flow, built with the stored parameters.

        Raises:
            UsageError: parameters are missing or wrong.
            DefinitionError: the flow cannot work as it is written.
        """
        own = self.params(profile, flow)
        values = {name: getattr(own, name) for name in type(own).model_fields}
        how = self._how_to_give(flow)
        for param in self.app.flow_def(flow).params():
            if param.annotation is self.app.workspace_params and self.app.workspace_params:
                file, model = self._workspace_file, self.app.workspace_params
            elif param.annotation is self.app.profile_params and self.app.profile_params:
                file, model = self._profile_file(profile), self.app.profile_params
            else:
                continue
            values[param.name] = file.values(model, {}, how_to_give=how)
        return built_flow(self.app.flow_def(flow), values)

    # ---- contexts

    def workspace_ctx(self, options: ExecutionOptions | None = None) -> WorkspaceCtx:
        """No profile, no flow."""
        return WorkspaceCtx(**self._common(options))

    def profile_ctx(
        self, profile: ProfileName | None = None, options: ExecutionOptions | None = None
    ) -> ProfileCtx:
        """One profile, no flow. See `profile` for which one, and for errors."""
        return ProfileCtx(profile=self.profile(profile), **self._common(options))

    def profiles_ctx(
        self,
        profiles: Iterable[ProfileName] | None = None,
        options: ExecutionOptions | None = None,
    ) -> ProfilesCtx:
        """Many profiles, no flow; all profiles of the workspace by default."""
        return ProfilesCtx(profiles=self._profiles(profiles), **self._common(options))

    def cmd_ctx(
        self,
        profile: ProfileName | None = None,
        flow: FlowId | None = None,
        options: ExecutionOptions | None = None,
    ) -> CmdCtx:
        """One flow of one profile, built with its stored parameters: what most commands run on.

        Args:
            profile: see `profile`.
            flow: see `flow_id`.
            options: interruptibility, sinks and settings of the executions.

        Raises:
            UsageError: a name is unknown, or parameters are missing or wrong.
            DefinitionError: the flow cannot work as it is written.
        """
        profile, flow = self.profile(profile), self.flow_id(flow)
        return CmdCtx(
            profile=profile,
            flow=self.build(profile, flow),
            store=self._store(profile, flow),
            **self._common(options),
        )

    def profiles_flow_ctx(
        self,
        profiles: Iterable[ProfileName] | None = None,
        flow: FlowId | None = None,
        options: ExecutionOptions | None = None,
    ) -> ProfilesFlowCtx:
        """One flow of many profiles, built for each with its own parameters."""
        chosen, flow = self._profiles(profiles), self.flow_id(flow)
        return ProfilesFlowCtx(
            profiles=chosen,
            flows={profile: self.build(profile, flow) for profile in chosen},
            stores={profile: self._store(profile, flow) for profile in chosen},
            **self._common(options),
        )

    # ---- parts

    def _common(self, options: ExecutionOptions | None) -> _Common:
        options = options or ExecutionOptions()
        return {
            "app": self.app.name,
            "workspace": self.workspace,
            "interruptibility": options.interruptibility,
            "sinks": options.sinks,
            "settings": options.settings,
            "resources": options.resources,
            "register": self.executions,
            "door": options.door,
        }

    def _store(self, profile: ProfileName, flow: FlowId) -> YamlStateStore:
        return YamlStateStore(self.workspace.flow_folder(profile, flow))

    def _profiles(self, profiles: Iterable[ProfileName] | None) -> tuple[ProfileName, ...]:
        if profiles is None:
            return tuple(self.workspace.profiles())
        return tuple(self.profile(profile) for profile in profiles)

    def _in_use(self) -> ProfileName:
        stored = self._workspace_file.stored().get("profile")
        return stored if isinstance(stored, str) else DEFAULT_PROFILE

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

    def _how_to_give(self, flow: FlowId) -> str:
        return self._init_with(param.name for param in self.flow_params(flow) if param.required)

    def _init_with(self, params: Iterable[str]) -> str:
        options = " ".join(f"--{name.replace('_', '-')} ..." for name in params)
        return f"give them: {self.app.name} init {options}"

    def _checked(
        self,
        file: ParamsFile,
        model: type[BaseModel] | None,
        given: Mapping[str, Given],
        reserved: Mapping[str, str],
    ) -> tuple[ParamsFile, BaseModel | None, Mapping[str, str]]:
        """What is to be saved in a file, after checking it."""
        if model is None:
            return file, None, reserved
        mine = {name: one for name, one in given.items() if name in model.model_fields}
        needed = [name for name, field in model.model_fields.items() if field.is_required()]
        return file, file.values(model, mine, how_to_give=self._init_with(needed)), reserved

    def _refuse_unknown(self, given: Mapping[str, Given], flows: Iterable[FlowDef]) -> None:
        known = {param.name for flow in flows for param in self.flow_params(flow.id)}
        for model in (self.app.workspace_params, self.app.profile_params):
            known |= set(model.model_fields) if model else set()
        for name in given:
            if name not in known:
                raise NameUnknown("parameter", name, known)
