"""Where everything is put together: from stored parameters to contexts for commands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

from peaceful.app._build import Surroundings, built_flow
from peaceful.app._other_flows import StoredFlows
from peaceful.app._parameters.declaration import Given
from peaceful.app._register import register_of, workspace_of
from peaceful.app._selection import Selection
from peaceful.app._tracing import tracing_sinks
from peaceful.executions import Executions
from peaceful.interrupt import Interruptibility, NonInterruptible
from peaceful.model import FlowId, ProfileName
from peaceful.resources import Resources
from peaceful.runtime import (
    BuiltFlow,
    CmdCtx,
    ExecutionSettings,
    OutputSink,
    ProfilesFlowCtx,
    Register,
)
from peaceful.storage import Workspace, YamlStateStore

if TYPE_CHECKING:
    from peaceful.app._app_def import AppDef
    from peaceful.commands import RunRequest


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
