"""Building flows: a flow's function runs with stored parameters, and may refer to other flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import partial
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from msgspec.structs import replace
from pydantic import BaseModel, ValidationError

from peaceful._app.app_def import STATE_ELSEWHERE
from peaceful._app.parameters.declaration import Given
from peaceful._app.parameters.store import NONE_GIVEN, ParamStore
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import DefinitionError, NameUnknown, ParamProblem, ParamsInvalid
from peaceful._item.upgrades import read_state
from peaceful._model.codec import FlowId, ItemId, ProfileName
from peaceful._model.state import State
from peaceful._params.masking import described_without, problems_in, without_secrets
from peaceful._params.plain import plain_form
from peaceful._params.references import Elsewhere, reference_to_state
from peaceful._params.secrets import secrets_in
from peaceful._runtime.flow import BuiltFlow, Flow
from peaceful._storage.state_store import YamlStateStore
from peaceful._storage.stored_state import StateKind
from peaceful._storage.workspace import Workspace
from peaceful._storage.yaml_file import place_in_yaml
from peaceful._user_code import OwnProcess, is_ctrl_c

if TYPE_CHECKING:
    from peaceful._app.app_def import AppDef
    from peaceful._app.parameters.declaration import FlowDef

Asking: TypeAlias = tuple[FlowId, ...]
"""The flows that are being declared, the innermost last."""


class FlowBuilder(ParamStore):
    """Builds the flows of an application in a workspace, with their stored parameters."""

    def __init__(
        self, app: AppDef, workspace: Workspace, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(app.declared, workspace, environment)
        self.app: Final = app

    def build(
        self,
        profile: ProfileName,
        flow: FlowId,
        given: Mapping[str, Given] = NONE_GIVEN,
        unset: Collection[str] = (),
    ) -> BuiltFlow:
        """Build a flow with its stored parameters; raise as `Contexts.cmd_ctx` does.

        Those that are `given` count in their place, and those in `unset` have their defaults;
        nothing is stored.
        """
        return self._built(profile, flow, (), given, unset)

    def unbuilt(self, profile: ProfileName, flow: FlowId, problem: PeacefulError) -> BuiltFlow:
        """Return a flow that could not be built, or that the application does not have any more."""
        secrets: dict[str, object] = {}
        # Without them, an item that needs one says so.
        with suppress(PeacefulError):
            if flow in self.app.flows:
                secrets = dict(secrets_in(self.right_values(profile, flow).items()))
        return BuiltFlow.unbuilt(flow, problem, secrets, self.app.version)

    def _store(self, profile: ProfileName, flow: FlowId) -> YamlStateStore:
        was = self.app.flows[flow].was if flow in self.app.flows else ()
        return YamlStateStore(
            self.workspace.flow_folder(profile, flow),
            find=partial(self.workspace.flow_folder, profile, flow, was),
            before_moving=partial(self._before_upgrade, profile, held=True),
        )

    def _built(
        self,
        profile: ProfileName,
        flow_id: FlowId,
        asking: Asking,
        given: Mapping[str, Given] = NONE_GIVEN,
        unset: Collection[str] = (),
    ) -> BuiltFlow:
        definition = self.app.flow_def(flow_id)
        values = self.values(profile, flow_id, given, unset)

        def where(*keys: str) -> str:
            path = self.workspace.params_specs_file(profile, flow_id, definition.was)
            place = place_in_yaml(path, [key for key in keys if key])
            return f"{path}, {place}" if place else str(path)

        flow = Flow(flow_id, profile)
        try:
            # Other flows can be asked for in the function alone, not by what checks items
            # afterwards.
            token = STATE_ELSEWHERE.set(partial(self._state, profile, (*asking, flow_id)))
            try:
                with OwnProcess():
                    definition.function(flow, **values)
            finally:
                STATE_ELSEWHERE.reset(token)
            if flow.asks_for_stored:
                flow.recall(self._store(profile, flow_id).load_params_specs(), where)
            secrets = dict(secrets_in(values.items()))
            params = {name: plain_form(value) for name, value in values.items()}
            version = self.app.version
            return replace(flow.build(), secrets=secrets, app_version=version, params=params)
        except PeacefulError:
            raise
        except ValidationError as error:
            # Not the error itself, whose text may show a secret.
            raise _wrong_value(definition, error) from without_secrets(error, _model_in(error))
        except BaseException as error:  # the developer's function may raise anything
            if is_ctrl_c(error):
                raise
            shown, cause = described_without(error, values)
            raise DefinitionError(
                f"The function of flow {flow_id} failed: {shown}",
                details=(("at", _place_in(definition, error.__traceback__)),),
                help="correct the function, or the parameters that it was given",
            ) from cause

    def _state(
        self,
        profile: ProfileName,
        asking: Asking,
        flow: FlowId,
        item: ItemId,
        state_type: type[State] | None,
    ) -> State:
        """Return a reference to the stored state of an item of another flow."""
        kind = state_type or self._state_type(profile, asking, flow, item)
        return reference_to_state(item, kind, self._elsewhere(profile, flow, item, kind))

    def _state_type(
        self, profile: ProfileName, asking: Asking, flow: FlowId, item: ItemId
    ) -> type[State]:
        """Return the class of an item's state, by declaring its flow."""
        if flow in asking:
            raise DefinitionError(
                f"Flow {asking[-1]} refers to {item} of flow {flow}, which refers to it.",
                help=f'give the class of the state, as in app.flow("{flow}").item("{item}", '
                "TheState); within one flow, use what flow.add returns",
            )
        items = self._built(profile, self.app.flow_def(flow).id, asking).items
        if item not in items:
            raise NameUnknown("item", item, items)
        kind: type[Any] = items[item].item.state_type()  # Any: of whatever state
        return kind

    def _elsewhere(
        self, profile: ProfileName, flow: FlowId, item: ItemId, state_type: type[State]
    ) -> Elsewhere:
        """Return what is stored of an item; raise `NameUnknown` if there is no such flow."""
        stored = self._store(profile, self.app.flow_def(flow).id).load(StateKind.CURRENT).get(item)
        if stored is None or stored.in_progress_since is not None:
            what = "it has not run to there" if stored is None else "that is half done"
        else:
            state, what = read_state(state_type, stored.version, stored.state)
            if state is not None:
                return Elsewhere(flow, state, "")
        run = self.typed(self.app.ensure_name, "--flow", flow)
        return Elsewhere(
            flow,
            None,
            f"{item} of flow {flow} is not known in profile {profile}: {what}; run {run} first",
        )


def _wrong_value(definition: FlowDef, error: ValidationError) -> ParamsInvalid:
    origin = _place_in(definition, error.__traceback__)
    problems = [
        ParamProblem(field or error.title, origin, reason)
        for field, reason in problems_in(error, _model_in(error))
    ]
    return ParamsInvalid(f"{error.title} in flow {definition.id}", problems)


def _model_in(error: ValidationError) -> type[BaseModel] | None:
    """Return the class of the values that were validated, which says which of them are secrets.

    It is the class of the object that the innermost call was making; None if that is not clear.
    """
    found: type[BaseModel] | None = None
    for frame, _ in walk_tb(error.__traceback__):
        made = frame.f_locals.get("self")
        found = type(made) if isinstance(made, BaseModel) else found
    return found if found is not None and found.__name__ == error.title else None


def _place_in(definition: FlowDef, traceback: TracebackType | None) -> str:
    """Return the line of the flow's function that the error passed through."""
    code = getattr(definition.function, "__code__", None)
    places = [
        f"{frame.f_code.co_filename}:{line}"
        for frame, line in walk_tb(traceback)
        if frame.f_code is code
    ]
    return places[-1] if places else f"the function of flow {definition.id}"
