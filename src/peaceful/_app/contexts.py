"""Contexts of commands: workspace, profile, flow."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypedDict

from peaceful._app.build import StoredFlows, Surroundings, built_flow
from peaceful._app.parameters.declaration import Given
from peaceful._app.parameters.files import StoredParams
from peaceful._app.parameters.secrets import readable
from peaceful._app.parameters.store import ParamStore
from peaceful._app.register import register_of, workspace_of
from peaceful._app.tracing import tracing_sinks
from peaceful._errors.usage import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    UsageError,
    WorkspaceMissing,
)
from peaceful._executions.registry import Executions
from peaceful._model.codec import JsonValue
from peaceful._model.field_types import FlowId, ProfileName
from peaceful._model.names import checked_name
from peaceful._resources import Resources
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings, ProfilesFlowCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.hub import OutputSink
from peaceful._runtime.register import Register
from peaceful._storage.state_store import YamlStateStore
from peaceful._storage.workspace import Workspace
from peaceful.interrupt import Interruptibility, NonInterruptible

if TYPE_CHECKING:
    from peaceful._app.app_def import AppDef
    from peaceful._commands.run_request import RunRequest


DEFAULT_PROFILE: Final = "default"
"""The profile of those who do not think of profiles."""


class Selection(ParamStore):
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
        super().__init__(app.declared, workspace, environment)
        self.app: Final = app

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

    def asks_before_clean(self, profile: ProfileName) -> bool:
        """Whether somebody is to be asked before the profile is cleaned up.

        Raises:
            ParamsMissing: a parameter of the profile has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        asks = self.app.asks_before_clean
        return asks is not None and asks(self._present(self._profile_file(profile)))

    # ---- parts

    def _in_use(self) -> ProfileName:
        file = self._workspace_file()
        stored = file.stored.get("profile", DEFAULT_PROFILE)
        try:
            return checked_name("a profile", str(stored))
        except NameInvalid as error:
            error.details = (*error.details, ("set in", str(file.path)))
            error.help = f"take another one into use: {self.typed('switch', 'PROFILE')}"
            raise


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


class Contexts(Selection):
    """Makes the contexts that commands run on, for one application in one workspace.

    Args:
        app: the application.
        workspace: where its files are.
        environment: the environment variables, from which parameters with secrets are taken: those
            of this process by default.

    Attributes:
        app: the application.
        workspace: where its files are.
        typed: how a command is typed, by its words, for messages.
    """

    @classmethod
    def of(cls, app: AppDef, workspace: Path | None) -> Contexts:
        """As `App.contexts`."""
        return cls(app, workspace_of(app.name, workspace))

    @cached_property
    def executions(self) -> Executions:
        """The register of the workspace's executions."""
        return register_of(self.workspace)

    # ---- contexts

    def build(self, profile: ProfileName, flow: FlowId) -> BuiltFlow:
        """The flow, built with the stored parameters, and secrets from the environment.

        Raises:
            UsageError: parameters are missing or wrong.
            DefinitionError: the flow cannot work as it is written.
        """
        return self._built(profile, flow, ())

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

    def ctx_for(self, request: RunRequest, options: ExecutionOptions | None = None) -> CmdCtx:
        """What a request is run on, after its parameters are stored.

        ```python
        request = RunRequest(command="ensure", profile="dev", flow="deploy")
        outcome = await request.run(contexts.ctx_for(request))
        ```

        Args:
            request: what is to be run.
            options: interruptibility, sinks and settings of the execution.

        Raises:
            UsageError: a name is unknown, or parameters are missing or wrong.
            DefinitionError: the flow cannot work as it is written.
        """
        if request.params:
            given = {
                name: Given(value, "the request", must_be_stored=True)
                for name, value in request.params.items()
            }
            self.give(given, profile=request.profile, flow=request.flow)
        return self.cmd_ctx(request.profile, request.flow, options)

    def asks_before(self, request: RunRequest) -> bool:
        """Whether somebody is to be asked before a request is run; see `App`.

        Raises:
            ParamsMissing: a parameter of the profile has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        return request.asks_first and self.asks_before_clean(request.profile)

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
            "sinks": (*options.sinks, *tracing_sinks()),
            "settings": options.settings,
            "resources": options.resources,
            "register": self.executions,
            "door": options.door,
        }

    def _built(self, profile: ProfileName, flow: FlowId, asked_by: tuple[FlowId, ...]) -> BuiltFlow:
        """The flow, for those that refer to it, the one that runs first."""
        around = Surroundings(
            profile,
            self._store(profile, flow),
            self.workspace.params_specs_file(profile, flow),
            StoredFlows(
                profile,
                (*asked_by, flow),
                flow_def=self.app.flow_def,
                store=partial(self._store, profile),
                build=partial(self._built, profile),
                run=lambda name: self.typed(self.app.ensure_name, "--flow", name),
            ),
        )
        return built_flow(self.app.flow_def(flow), self.values(profile, flow), around)

    def _store(self, profile: ProfileName, flow: FlowId) -> YamlStateStore:
        return YamlStateStore(self.workspace.flow_folder(profile, flow))

    def _profiles(self, profiles: Iterable[ProfileName] | None) -> tuple[ProfileName, ...]:
        if profiles is None:
            return tuple(self.workspace.profiles())
        return tuple(self.profile(profile) for profile in profiles)
