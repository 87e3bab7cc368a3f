"""Building a flow: its function is run with stored parameters, and may refer to other flows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Protocol, TypeVar, cast

import msgspec
from pydantic import BaseModel, ValidationError

from peaceful._app.parameters.declaration import FlowDef
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import DefinitionError, NameUnknown, ParamProblem, ParamsInvalid
from peaceful._model.field_types import FlowId, ItemId, ProfileName
from peaceful._model.state import State
from peaceful._params.masking import problems_in, secret_texts, without_secrets, without_texts
from peaceful._params.references import Elsewhere, reference_elsewhere
from peaceful._runtime.flow import BuiltFlow, Flow
from peaceful._storage.stored_state import StateKind, StateStore
from peaceful._storage.yaml_file import place_in_yaml

T = TypeVar("T")


class OtherFlows(Protocol):
    """The other flows of the profile that a flow is being declared for."""

    def state_type(self, flow: FlowId, item: ItemId) -> type[State]:
        """The class of an item's state.

        Raises:
            NameUnknown: there is no such flow, or no such item in it.
            DefinitionError: two flows refer to each other.
        """
        ...

    def look(self, flow: FlowId, item: ItemId, state_type: type[State]) -> Elsewhere:
        """What is stored of an item.

        Raises:
            NameUnknown: there is no such flow.
            StorageError: what is stored cannot be read.
        """
        ...


_REACHABLE: Final[ContextVar[OtherFlows]] = ContextVar("peaceful_other_flows")


@contextmanager
def reachable(others: OtherFlows) -> Generator[None]:
    """Within the context, a flow is being declared that may refer to these."""
    token = _REACHABLE.set(others)
    try:
        yield
    finally:
        _REACHABLE.reset(token)


def state_elsewhere(flow: FlowId, item: ItemId, state_type: type[T] | None) -> T:
    """A reference to the stored state of an item of another flow. See `StoredItem.state`."""
    others = _REACHABLE.get(None)
    if others is None:
        raise DefinitionError(
            f"The state of {item} of flow {flow} was asked for outside a flow's function.",
            help=f'ask for app.flow("{flow}").item("{item}").state in the function of the flow '
            "that needs it",
        )
    # Of the class that was given, or of the one that the flow declares.
    kind = cast("type[State]", state_type or others.state_type(flow, item))
    return cast("T", reference_elsewhere(item, kind, others.look(flow, item, kind)))


class StoredFlows:
    """The other flows of a profile, from what is stored of them.

    Args:
        profile: the profile.
        asking: the flows that are being declared, the innermost last.
        flow_def: a flow as it is declared; raises `NameUnknown` where there is none.
        store: what is stored of a flow.
        build: declares a flow, for these that ask.
        run: the command that runs a flow, to be typed.
    """

    def __init__(
        self,
        profile: ProfileName,
        asking: tuple[FlowId, ...],
        *,
        flow_def: Callable[[FlowId], FlowDef],
        store: Callable[[FlowId], StateStore],
        build: Callable[[FlowId, tuple[FlowId, ...]], BuiltFlow],
        run: Callable[[FlowId], str],
    ) -> None:
        self._profile = profile
        self._asking = asking
        self._flow_def = flow_def
        self._store = store
        self._build = build
        self._run = run

    def state_type(self, flow: FlowId, item: ItemId) -> type[State]:
        """See `OtherFlows.state_type`."""
        if flow in self._asking:
            raise DefinitionError(
                f"Flow {self._asking[-1]} refers to {item} of flow {flow}, which refers to it.",
                help=f'give the class of the state, as in app.flow("{flow}").item("{item}", '
                "TheState); within one flow, use what flow.add returns",
            )
        items = self._build(self._flow_def(flow).id, self._asking).items
        if item not in items:
            raise NameUnknown("item", item, items)
        kind: type[Any] = items[item].item.state_type()  # Any: of whatever state
        return kind

    def look(self, flow: FlowId, item: ItemId, state_type: type[State]) -> Elsewhere:
        """See `OtherFlows.look`."""
        stored = self._store(self._flow_def(flow).id).load(StateKind.CURRENT).get(item)
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
            f"{item} of flow {flow} is not known in profile {self._profile}: {what}; run "
            f"{self._run(flow)} first",
        )


class Surroundings(msgspec.Struct, frozen=True):
    """Where a flow is declared: what its function can ask for, apart from its parameters.

    Attributes:
        profile: the profile that it is declared for.
        store: what is stored of it.
        path: the file in which people find how the parameters of its items were given.
        others: the profile's other flows.
    """

    profile: ProfileName
    store: StateStore
    path: Path
    others: OtherFlows

    def where(self, *keys: str) -> str:
        """Where something is stored, for messages."""
        place = place_in_yaml(self.path, [key for key in keys if key])
        return f"{self.path}, {place}" if place else str(self.path)


def built_flow(
    definition: FlowDef, values: Mapping[str, object], around: Surroundings
) -> BuiltFlow:
    """The flow with the given values of its parameters.

    Args:
        definition: the flow.
        values: by parameter, its value.
        around: where it is declared.

    Raises:
        ParamsInvalid: an item cannot take a value that the function gives it, or that is stored.
        DefinitionError: the flow cannot work as it is written, or its function failed.
        StorageError: what was stored before cannot be read, and is needed.
    """
    flow = Flow(definition.id, around.profile)
    try:
        with reachable(around.others):
            definition.function(flow, **values)
        if flow.asks_for_stored:
            flow.recall(around.store.load_params_specs(), around.where)
        return flow.build()
    except PeacefulError:
        raise
    except ValidationError as error:
        # Not the error itself, whose text may show a secret.
        raise _wrong_value(definition, error) from without_secrets(error, _model_in(error))
    except Exception as error:  # noqa: BLE001 - the developer's function may raise anything
        raised = f"{type(error).__name__}: {error}"
        shown = without_texts(raised, secret_texts(values))
        raise DefinitionError(
            f"The function of flow {definition.id} failed: {shown}",
            details=(("at", _place_in(definition, error.__traceback__)),),
            help="correct the function, or the parameters that it was given",
        ) from (error if shown == raised else None)


def _wrong_value(definition: FlowDef, error: ValidationError) -> ParamsInvalid:
    origin = _place_in(definition, error.__traceback__)
    problems = [
        ParamProblem(field or error.title, origin, reason)
        for field, reason in problems_in(error, _model_in(error))
    ]
    return ParamsInvalid(f"{error.title} in flow {definition.id}", problems)


def _model_in(error: ValidationError) -> type[BaseModel] | None:
    """The class whose values were validated, by which secrets are told; none where it is unknown.

    It is the class of what was being made in the innermost call.
    """
    found: type[BaseModel] | None = None
    for traceback in _steps(error.__traceback__):
        made = traceback.tb_frame.f_locals.get("self")
        found = type(made) if isinstance(made, BaseModel) else found
    return found if found is not None and found.__name__ == error.title else None


def _place_in(definition: FlowDef, traceback: TracebackType | None) -> str:
    """The line of the flow's function at which an error went through it."""
    code = getattr(definition.function, "__code__", None)
    places = [
        f"{step.tb_frame.f_code.co_filename}:{step.tb_lineno}"
        for step in _steps(traceback)
        if step.tb_frame.f_code is code
    ]
    return places[-1] if places else f"the function of flow {definition.id}"


def _steps(traceback: TracebackType | None) -> Iterator[TracebackType]:
    while traceback is not None:
        yield traceback
        traceback = traceback.tb_next
