"""Running a flow's function with its parameters, and explaining what goes wrong in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType

import msgspec
from pydantic import BaseModel, ValidationError

from peaceful.app._other_flows import OtherFlows, reachable
from peaceful.app._parameters.declaration import FlowDef
from peaceful.errors import DefinitionError, ParamProblem, ParamsInvalid, PeacefulError
from peaceful.model import ProfileName
from peaceful.params import problems_in, secret_texts, without_secrets, without_texts
from peaceful.runtime import BuiltFlow, Flow
from peaceful.storage import StateStore, place_in_yaml


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
