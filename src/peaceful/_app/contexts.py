"""The contexts that commands run on: one application in one workspace, with its parameters."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from msgspec import structs

from peaceful._app.parameters.declaration import Given
from peaceful._app.parameters.files import StoredParams
from peaceful._app.parameters.secrets import readable
from peaceful._app.parameters.store import NONE_GIVEN
from peaceful._app.profiles import DEFAULT_PROFILE, ProfileKeeper
from peaceful._app.register import workspace_of
from peaceful._app.tracing import tracing_sinks
from peaceful._errors.base import PeacefulError
from peaceful._errors.running import StorageError
from peaceful._errors.usage import (
    DefinitionError,
    NameInvalid,
    NameUnknown,
    UsageError,
    WorkspaceMissing,
)
from peaceful._executions.records import ExecutionRecord
from peaceful._model.codec import (
    ExecutionId,
    FlowId,
    ItemId,
    JsonValue,
    ProfileName,
    from_json,
)
from peaceful._model.execution import Selection
from peaceful._model.names import checked_name
from peaceful._model.outcome import ItemStatus
from peaceful._params.plain import plain_form
from peaceful._present.text import name_list
from peaceful._resources import Resources
from peaceful._runtime.ctx import CmdCtx, ExecutionSettings, NewParams, ProfilesFlowCtx
from peaceful._runtime.flow import BuiltFlow
from peaceful._runtime.hub import OutputSink
from peaceful._storage.lock import FileLock
from peaceful._storage.stored_state import StateKind
from peaceful.interrupt import Interruptibility, NonInterruptible

if TYPE_CHECKING:
    from peaceful._app.app_def import AppDef
    from peaceful._commands.plan import Plan
    from peaceful._commands.run_request import RunRequest

_LOG = logging.getLogger("peaceful.app")

_NAMED: Final = 8
"""How many items are named in a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionOptions:
    """Options of the executions that a front end starts.

    Attributes:
        interruptibility: whether, by whom and how they can be interrupted.
        sinks: receive the events.
        settings: concurrency and timeouts.
        resources: objects for blocks and items, by type.
        door: the front end that the commands come from.
        by: who starts them; empty for the user of this process.
    """

    interruptibility: Interruptibility = field(default_factory=NonInterruptible)
    sinks: tuple[OutputSink, ...] = ()
    settings: ExecutionSettings = field(default_factory=ExecutionSettings)
    resources: Resources = field(default_factory=Resources)
    door: str = "python"
    by: str = ""


class Contexts(ProfileKeeper):
    """One application in one workspace: selects profile and flow, and makes contexts for commands.

    Secrets are taken from the environment variables of this process, unless others are given.
    """

    @classmethod
    def of(cls, app: AppDef, workspace: Path | None) -> Contexts:
        """Return the contexts of a workspace folder, or of the one that is found; see `App`."""
        return cls(app, workspace_of(app.name, workspace))

    # ---- what is selected

    def profile(self, name: ProfileName | None = None) -> ProfileName:
        """Return the profile to work on: the given one, else the one in use, else `default`.

        Raises:
            NameUnknown: it was never created.
            WorkspaceMissing: no profile was ever created.
        """
        chosen = checked_name("a profile", self._in_use() if name is None else name)
        known = self.workspace.profiles()
        if chosen not in known:
            if not known:
                raise WorkspaceMissing(
                    f"Nothing is set up for {self.app.name} in {self.workspace.root}."
                )
            raise NameUnknown(
                "profile",
                chosen,
                known,
                help=f"create it: {self.typed('switch', chosen, '--create')}",
            )
        self._finish_restoring(chosen)
        return chosen

    def flow_id(self, name: FlowId | None = None, *, left_in: ProfileName | None = None) -> FlowId:
        """Return the flow to work on: the given, the only, the one of `init`, or the default one.

        Args:
            name: the given one.
            left_in: a profile; the name may also be that of a flow that the application does not
                have, and of which this profile has stored states.

        Raises:
            NameUnknown: there is no such flow.
            UsageError: there are several, and none is chosen.
        """
        if name is not None:
            return self._known_flow(name, left_in)
        if len(self.app.flows) == 1:
            return next(iter(self.app.flows))
        file = self._workspace_file()
        stored = file.stored.get("flow")
        if isinstance(stored, str):
            chosen = self.app.declared.claims.get(stored, stored)
            try:
                return self._known_flow(chosen, left_in)
            except NameUnknown as error:
                error.details = (*error.details, ("chosen in", str(file.path)))
                error.help = f"choose another one: {self.typed('init', '--flow', 'FLOW')}"
                raise
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

    def _known_flow(self, name: FlowId, left_in: ProfileName | None) -> FlowId:
        if left_in is None or name in self.app.declared.claims:
            return self.app.flow_def(name).id
        left = self.left_flows(left_in)
        if name not in left:
            raise NameUnknown("flow", name, {*self.app.flows, *left})
        return name

    def left_flows(self, profile: ProfileName) -> Mapping[FlowId, tuple[ItemId, ...] | None]:
        """Return the flows that a profile has stored states of, and the application does not have.

        By flow, its items; None where the states cannot be read.
        """
        found: dict[FlowId, tuple[ItemId, ...] | None] = {}
        for flow in self.workspace.flows(profile):
            if flow in self.app.declared.claims:
                continue
            try:
                items = tuple(self._store(profile, flow).load(StateKind.CURRENT))
            except StorageError:
                found[flow] = None
            else:
                found |= {flow: items} if items else {}
        return found

    def left_notices(self, profile: ProfileName) -> Iterator[str]:
        """Yield what people should know of such flows: what is there, and what to do."""
        for flow, items in self.left_flows(profile).items():
            what = "cannot be read" if items is None else f"are there: {name_list(items, _NAMED)}"
            clean = self.typed("clean", "--flow", flow, "--profile", profile)
            yield (
                f"{self.app.name} has no flow {flow}, of which stored states in profile {profile} "
                f"{what}. To clean them up: {clean}"
            )

    # ---- what is remembered

    def init(
        self,
        given: Mapping[str, Given],
        *,
        profile: ProfileName = DEFAULT_PROFILE,
        flow: FlowId | None = None,
        unset: Collection[str] = (),
    ) -> tuple[StoredParams, ...]:
        """Store parameters of workspace, profile and flows, and take the profile into use.

        Parameters that are not given keep their stored values, or else have their defaults: those
        are not stored, so that the ones of a later version hold. Of a secret, its source is stored;
        or the secret itself, encrypted with a key of the environment. A secret of which nothing is
        stored needs no value: a warning names the environment variable that each command takes it
        from.

        Args:
            given: values by name; each goes to every owner that declares a parameter of that name.
            profile: the profile to set up.
            flow: the flow to set up, which is also chosen for later; all flows by default.
            unset: the names of parameters that have their defaults from now on; secrets, that
                nothing is stored of. What a file holds under another name can be taken out of it.

        Returns:
            The files, and what they hold now.

        Raises:
            UsageError: a name or a value is wrong, or a parameter has no value; nothing was stored.
            StorageError: a file cannot be written.
        """
        checked_name("a profile", profile)
        self._finish_restoring(profile)
        chosen = {"flow": flow} if flow else {}
        saved = self._saved(given, unset, profile, flow, {"profile": profile, **chosen})
        if FileLock(self.workspace.lock_file(profile)).is_locked():
            _LOG.warning(
                "An execution of the profile %s is running. It goes on with what was stored when "
                "it began; what is stored now holds from the next command on.",
                profile,
            )
        return saved

    def give(
        self,
        given: Mapping[str, Given],
        *,
        profile: ProfileName,
        flow: FlowId,
        unset: Collection[str] = (),
    ) -> tuple[StoredParams, ...]:
        """Store parameters as `init` does, for a profile that exists; the profile in use stays."""
        return self._saved(given, unset, self.profile(profile), flow, {})

    def is_set_up(self, profile: ProfileName) -> bool:
        """Return whether a profile was created, and not only begun."""
        return self._profile_file(profile).path.exists()

    def switch(self, profile: ProfileName, *, create: bool = False) -> None:
        """Take a profile into use, or create it first."""
        checked_name("a profile", profile)
        file = self._profile_file(profile)
        if create:
            self._make_folder(file)
        else:
            self.profile(profile)
        with self._changing("switch"):
            if create:
                if self.is_set_up(profile):
                    raise UsageError(
                        f"The profile {profile} exists already.",
                        help=f"switch to it without --create: {self.typed('switch', profile)}",
                    )
                file.write({})
            self._workspace_file().write({"profile": profile})

    def stored(self, profile: ProfileName, flow: FlowId) -> dict[str, JsonValue]:
        """Return the stored parameters that a flow takes of its own, unchecked, for display.

        Of secrets, only where they come from.
        """
        flow = self.app.flow_def(flow).id
        file = self._flow_file(self.profile(profile), flow)
        return readable(file.group.secrets, file.stored)

    def asks_before(self, command: str, profile: ProfileName) -> bool:
        """Return whether to ask before a command changes a profile, by its parameters.

        The command is `ensure` or `clean`; see `App.asks_before`.
        """
        asks = self.app.asks_before
        if asks is None:
            return False
        try:
            return asks(self._present(self._profile_file(profile)), command)
        except UsageError as error:
            # As when a later version needs a parameter more: it may be a profile to ask for.
            _LOG.debug("it is not known whether profile %s is protected: %s", profile, error)
            return True

    def planned(self, request: RunRequest) -> RunRequest:
        """Return a request with the plan that it names by an execution; others as they are.

        Raises:
            ExecutionUnknown: there is no such execution, or several begin so.
            UsageError: it has made no plan.
        """
        if request.plan is not None or not request.plan_from:
            return request
        record = self.executions.get(request.plan_from)
        plan = self.plan_by(record)
        if plan is None:
            raise self.no_plan(record)
        chosen = structs.asdict(Selection.of(plan))
        return replace(request, plan=plan, plan_from=record.id, **chosen)

    def no_plan(self, record: ExecutionRecord) -> UsageError:
        """Return the error about an execution that has made no plan."""
        what = f"It is one of {record.info.command}, and makes none."
        if record.info.command == "plan":
            what = "It did not complete." if record.state.ended else "It has not ended."
        return UsageError(
            f"Execution {record.id} has no plan. {what}", help=f"make one: {self.typed('plan')}"
        )

    def plan_by(self, record: ExecutionRecord) -> Plan | None:
        """Return the plan that an execution has made; None if it has made none."""
        from peaceful._commands.plan import Plan  # few need it, and it loads all commands

        made = None if record.outcome is None else record.outcome.plan
        return None if made is None else from_json(made, Plan)

    # ---- contexts

    def cmd_ctx(
        self,
        profile: ProfileName | None = None,
        flow: FlowId | None = None,
        options: ExecutionOptions | None = None,
        *,
        by_stored: bool = False,
        given: Mapping[str, Given] = NONE_GIVEN,
        unset: Collection[str] = (),
    ) -> CmdCtx:
        """Return the context of most commands: one flow of one profile, with its stored parameters.

        Args:
            profile: as for `profile`.
            flow: as for `flow_id`.
            options: the options of its executions.
            by_stored: whether what is stored is enough, as to show states or to clean up. Then a
                flow that cannot be built has no items, and `BuiltFlow.problem` says why; and it may
                be one that the application does not have. Where nothing was ever stored, it raises.
            given: parameters that count in place of the stored ones, and are not stored.
            unset: parameters that count as if nothing was stored of them.

        Raises:
            UsageError: a name is unknown, or parameters are missing or wrong.
            DefinitionError: the flow cannot work as it is written.
        """
        profile = self.profile(profile)
        flow = self.flow_id(flow, left_in=profile if by_stored else None)
        options, store = options or ExecutionOptions(), self._store(profile, flow)
        if by_stored and not store.is_new:
            built = self._built_or_not(profile, flow)
        else:
            built = self.build(profile, flow, given, unset)
        return CmdCtx(
            app=self.app.name,
            workspace=self.workspace,
            profile=profile,
            flow=built,
            store=store,
            interruptibility=options.interruptibility,
            sinks=(*options.sinks, *tracing_sinks()),
            settings=options.settings,
            resources=options.resources,
            register=self.executions,
            notices=tuple(self._notices(profile, built)),
            prunes=self.app.prune,
            door=options.door,
            by=options.by,
            keeps=partial(self._keep_before_upgrade, profile),
        )

    def ctx_for(self, request: RunRequest, options: ExecutionOptions | None = None) -> CmdCtx:
        """Return the context to run a request on, with its parameters.

        They are stored first; those of a plan, once it is found to hold. A request that only says
        what would be done stores nothing.

        ```python
        request = RunRequest(command="ensure", profile="dev", flow="deploy")
        outcome = await request.run(contexts.ctx_for(request))
        ```
        """
        plan = request.plan
        origin, params, unset = "the request", request.params, request.unset
        if plan is not None:
            origin, params, unset = "the plan", plan.given, plan.unset
        given = {name: Given(each, origin, must_be_stored=True) for name, each in params.items()}
        by_stored = request.command == "clean" or request.edits
        profile, flow = request.profile, request.flow

        def store() -> None:
            if given or unset:
                self.give(given, profile=profile, flow=flow, unset=unset)

        if plan is None and not request.only_says:
            store()
            return self.cmd_ctx(profile, flow, options, by_stored=by_stored)
        if secret := sorted(self.secret_params() & given.keys()):
            raise UsageError(
                f"{secret[0]} is a secret, and a plan holds none.",
                help=f"store where it is: {self.typed('init', f'--{secret[0]}', 'SOURCE')}; then "
                "make the plan without it",
            )
        ctx = self.cmd_ctx(profile, flow, options, by_stored=by_stored, given=given, unset=unset)
        plain = {name: plain_form(each) for name, each in params.items()}
        return replace(ctx, new_params=NewParams(plain, tuple(unset), store))

    def expected(
        self, request: RunRequest, latest: Iterable[ExecutionRecord]
    ) -> Mapping[ItemId, float]:
        """Return the seconds that items took when the same was done last, for `CmdCtx.expected`.

        `latest` are executions of the profile, newest first.
        """
        wanted = (request.flow, request.command, request.only_says)
        changes = request.changes_things and not request.dry_run
        for record in latest:
            info, summary = record.info, record.summary
            if (info.flow, info.command, info.dry_run) != wanted or summary is None:
                continue
            counted = {
                status
                for status in summary.counts
                # What was found unchanged says nothing of how long a change takes.
                if (status is ItemStatus.DONE if changes else status.ended_well)
            }
            if counted:
                return self._took(record.id, counted)
        return {}

    def _took(
        self, execution_id: ExecutionId, counted: Collection[ItemStatus]
    ) -> Mapping[ItemId, float]:
        try:
            record = self.executions.get(execution_id)
        except PeacefulError as error:
            # It was forgotten meanwhile, or is damaged: nothing depends on an estimate.
            _LOG.debug("how long items took is not known: %s", error)
            return {}
        if record.outcome is None:
            return {}
        items = record.outcome.items.items()
        return {item: record.aside(item).seconds for item, each in items if each.status in counted}

    def profiles_flow_ctx(
        self, profiles: Iterable[ProfileName] | None = None, flow: FlowId | None = None
    ) -> ProfilesFlowCtx:
        """Return the context of one flow in several profiles (all by default), to compare them.

        Where the flow cannot be built, it has no items, and `BuiltFlow.problem` says why.
        """
        chosen = self.workspace.profiles() if profiles is None else map(self.profile, profiles)
        chosen, flow = tuple(chosen), self.flow_id(flow)
        flows = {profile: self._built_or_not(profile, flow) for profile in chosen}
        return ProfilesFlowCtx(
            app=self.app.name,
            profiles=chosen,
            flows=flows,
            stores={profile: self._store(profile, flow) for profile in chosen},
            params={profile: self.param_values(profile, flows[profile]) for profile in chosen},
            notices=tuple(
                f"{profile}: {text}"
                for profile in chosen
                for text in self._notices(profile, flows[profile])
            ),
        )

    # ---- parts

    def _built_or_not(self, profile: ProfileName, flow: FlowId) -> BuiltFlow:
        try:
            return self.build(profile, flow)
        except PeacefulError as problem:
            return self.unbuilt(profile, flow, problem)

    def _notices(self, profile: ProfileName, flow: BuiltFlow) -> Iterator[str]:
        if flow.id not in self.app.flows:
            yield f"{self.app.name} has no flow {flow.id}: only what is stored is known of it."
            return
        problem = flow.problem
        if problem is not None:
            facts = "".join(f" {label}: {text}." for label, text in problem.details)
            yield (
                f"Flow {flow.id} could not be built, so only what is stored is known of it: "
                f"{problem.message}{facts} What to do: {problem.help}"
            )
        folder = self.flow_params_file(profile, flow.id).parent
        if folder.name != flow.id:
            yield f"What is stored of flow {flow.id} is that of {folder.name}, as it was called."
        # A file that cannot be read is a problem of the flow.
        with suppress(StorageError):
            for file in self._files(profile, flow.id):
                yield from self.notices_of(file)

    def _in_use(self) -> ProfileName:
        file = self._workspace_file()
        stored = file.stored.get("profile", DEFAULT_PROFILE)
        try:
            return checked_name("a profile", str(stored))
        except NameInvalid as error:
            error.details = (*error.details, ("set in", str(file.path)))
            error.help = f"take another one into use: {self.typed('switch', 'PROFILE')}"
            raise
