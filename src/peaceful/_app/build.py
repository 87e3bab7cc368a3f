"""Building flows: a flow's function runs with stored parameters, and may refer to other flows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from pathlib import Path
from traceback import walk_tb
from types import TracebackType
from typing import Any, Final, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError

from peaceful._app.parameters.declaration import FlowDef
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import DefinitionError, NameUnknown, ParamProblem, ParamsInvalid
from peaceful._model.codec import FlowId, ItemId, ProfileName
from peaceful._model.state import State
from peaceful._params.masking import described_without, problems_in, without_secrets
from peaceful._params.references import Elsewhere, reference_to_state
from peaceful._runtime.flow import BuiltFlow, Flow
from peaceful._storage.stored_state import StateKind, StateStore
from peaceful._storage.yaml_file import place_in_yaml
from peaceful._user_code import OwnProcess, is_ctrl_c

T = TypeVar("T")

_REACHABLE: Final[ContextVar[StoredFlows]] = ContextVar("peaceful_other_flows")


def state_elsewhere(flow: FlowId, item: ItemId, state_type: type[T] | None) -> T:
    """Return a reference to the stored state of an item of another flow; see `StoredItem.state`."""
    others = _REACHABLE.get(None)
    if others is None:
        raise DefinitionError(
            f"The state of {item} of flow {flow} was asked for outside a flow's function.",
            help=f'ask for app.flow("{flow}").item("{item}").state in the function of the flow '
            "that needs it",
        )
    # Of the class that was given, or of the one that the flow declares.
    kind = cast("type[State]", state_type or others.state_type(flow, item))
    return cast("T", reference_to_state(item, kind, others.look(flow, item, kind)))


class StoredFlows(msgspec.Struct, frozen=True, kw_only=True):
    """The flows of a profile, whose stored states the flows that are being declared may ask for."""

    profile: ProfileName
    asking: tuple[FlowId, ...]
    """The flows that are being declared, the innermost last."""
    flow_def: Callable[[FlowId], FlowDef]
    store: Callable[[FlowId], StateStore]
    build: Callable[[FlowId, tuple[FlowId, ...]], BuiltFlow]
    run: Callable[[FlowId], str]
    """Returns the command that runs a flow, for messages."""

    def state_type(self, flow: FlowId, item: ItemId) -> type[State]:
        """Return the class of an item's state, by declaring its flow."""
        if flow in self.asking:
            raise DefinitionError(
                f"Flow {self.asking[-1]} refers to {item} of flow {flow}, which refers to it.",
                help=f'give the class of the state, as in app.flow("{flow}").item("{item}", '
                "TheState); within one flow, use what flow.add returns",
            )
        items = self.build(self.flow_def(flow).id, self.asking).items
        if item not in items:
            raise NameUnknown("item", item, items)
        kind: type[Any] = items[item].item.state_type()  # Any: of whatever state
        return kind

    def look(self, flow: FlowId, item: ItemId, state_type: type[State]) -> Elsewhere:
        """Return what is stored of an item; raise `NameUnknown` if there is no such flow."""
        stored = self.store(self.flow_def(flow).id).load(StateKind.CURRENT).get(item)
        if stored is None or stored.in_progress_since is not None:
            what = "it has not run to there" if stored is None else "that is half done"
        elif stored.version != state_type.state_version:
            what = "what is stored of it is of another version"
        else:
            try:
                return Elsewhere(flow, state_type.model_validate(stored.state), "")
            except ValidationError:
                what = "what is stored of it does not fit its class"
        return Elsewhere(
            flow,
            None,
            f"{item} of flow {flow} is not known in profile {self.profile}: {what}; run "
            f"{self.run(flow)} first",
        )


def built_flow(
    definition: FlowDef, values: Mapping[str, object], others: StoredFlows, path: Path
) -> BuiltFlow:
    """Build a flow with the given values of its parameters; raise as `Contexts.build` does.

    The file of its parameters' specifications is for messages.
    """

    def where(*keys: str) -> str:
        place = place_in_yaml(path, [key for key in keys if key])
        return f"{path}, {place}" if place else str(path)

    flow = Flow(definition.id, others.profile)
    try:
        # Other flows can be asked for in the function alone, not by what checks items afterwards.
        token = _REACHABLE.set(others)
        try:
            with OwnProcess():
                definition.function(flow, **values)
        finally:
            _REACHABLE.reset(token)
        if flow.asks_for_stored:
            flow.recall(others.store(definition.id).load_params_specs(), where)
        return flow.build()
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
            f"The function of flow {definition.id} failed: {shown}",
            details=(("at", _place_in(definition, error.__traceback__)),),
            help="correct the function, or the parameters that it was given",
        ) from cause


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
