"""Running a flow's function with its parameters, and explaining what goes wrong in it."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from pydantic import ValidationError

from peaceful.app._flow_def import FlowDef
from peaceful.errors import DefinitionError, ParamProblem, ParamsInvalid, PeacefulError
from peaceful.runtime import BuiltFlow, Flow


def built_flow(definition: FlowDef, values: Mapping[str, object]) -> BuiltFlow:
    """The flow with the given values of its parameters.

    Args:
        definition: the flow.
        values: by parameter, its value.

    Raises:
        ParamsInvalid: an item cannot take a value that the function gives it.
        DefinitionError: the flow cannot work as it is written, or its function failed.
    """
    flow = Flow(definition.id)
    try:
        definition.function(flow, **values)
        return flow.build()
    except PeacefulError:
        raise
    except ValidationError as error:
        origin = _place_in(definition, error.__traceback__)
        problems = [
            ParamProblem(
                ".".join(str(part) for part in problem["loc"]) or error.title,
                origin,
                f"{problem['msg']}, not {_short(problem['input'])}",
            )
            for problem in error.errors(include_url=False)
        ]
        raise ParamsInvalid(f"{error.title} in flow {definition.id}", problems) from error
    except Exception as error:  # the developer's function, which may raise anything
        raise DefinitionError(
            f"The function of flow {definition.id} failed: {type(error).__name__}: {error}",
            details=(("at", _place_in(definition, error.__traceback__)),),
            help="correct the function, or the parameters that it was given",
        ) from error


def _place_in(definition: FlowDef, traceback: TracebackType | None) -> str:
    """The line of the flow's function at which an error went through it."""
    code = getattr(definition.function, "__code__", None)
    place = ""
    while traceback is not None:
        if traceback.tb_frame.f_code is code:
            place = f"{traceback.tb_frame.f_code.co_filename}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place or f"the function of flow {definition.id}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
