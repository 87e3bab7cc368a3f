"""A flow as an application declares it: a function whose parameters are the flow's parameters."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from peaceful.app._docstring import helps_of_arguments
from peaceful.errors import DefinitionError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.model import FlowId  # it loads msgspec, which `--help` does without

FlowFunction: TypeAlias = Callable[..., None]
"""Takes a `Flow` and the flow's parameters, and adds items to the flow."""

NO_DEFAULT: Final = inspect.Parameter.empty
"""Stands for the default of a parameter that has none."""


@dataclass(frozen=True, slots=True)
class FlowParam:
    """A parameter of a flow.

    Attributes:
        name: its name in Python and in files; options write `-` for `_`.
        annotation: the declared type.
        default: what it is where nobody says otherwise, or `NO_DEFAULT`.
    """

    name: str
    annotation: object
    default: object

    @property
    def required(self) -> bool:
        """Whether it has no default."""
        return self.default is NO_DEFAULT


@dataclass(frozen=True, slots=True)
class FlowDef:
    """A flow as declared.

    Attributes:
        id: its name.
        function: adds its items.
        help: what it is for: the function's docstring.
    """

    id: FlowId
    function: FlowFunction
    help: str

    @property
    def summary(self) -> str:
        """What it is for, in a sentence or two: the first paragraph of its help."""
        return " ".join(self.help.split("\n\n", 1)[0].split())

    @property
    def param_helps(self) -> dict[str, str]:
        """By parameter, what the flow's help says of it; of some it may say nothing."""
        return helps_of_arguments(self.help)

    def params(self) -> tuple[FlowParam, ...]:
        """The flow's parameters, in order; without the flow itself.

        Raises:
            DefinitionError: the function's signature cannot be that of a flow.
        """
        flow, *others = inspect.signature(self.function).parameters.values() or (None,)
        if flow is None:
            raise self._wrong("takes nothing, not even the flow")
        namespace = {**vars(sys.modules[self.function.__module__])}
        return tuple(self._param(parameter, namespace) for parameter in others)

    def _param(self, parameter: inspect.Parameter, namespace: Mapping[str, object]) -> FlowParam:
        if parameter.kind in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
            parameter.POSITIONAL_ONLY,
        ):
            raise self._wrong(f"has the parameter {parameter}, which cannot be given by name")
        if parameter.annotation is inspect.Parameter.empty:
            raise self._wrong(f"does not say of which type {parameter.name} is")
        return FlowParam(parameter.name, self._annotation(parameter, namespace), parameter.default)

    def _annotation(self, parameter: inspect.Parameter, namespace: Mapping[str, object]) -> object:
        annotation: object = parameter.annotation
        if not isinstance(annotation, str):
            return annotation
        try:
            # What the developer wrote as a type, in the developer's own module; as
            # typing.get_type_hints does, but of this parameter alone: the flow's own type may be
            # imported for checkers only.
            return eval(annotation, dict(namespace))  # noqa: S307 - see above
        except NameError as error:
            raise self._wrong(
                f"says that {parameter.name} is {annotation!r}, which is not imported: {error}"
            ) from error

    def _wrong(self, reason: str) -> DefinitionError:
        code: Any = getattr(self.function, "__code__", None)  # Any: only functions have one
        where = f"{code.co_filename}:{code.co_firstlineno}" if code else repr(self.function)
        return DefinitionError(
            f"The function of flow {self.id} {reason}.",
            details=(("declared in", where),),
            help="write def NAME(flow: Flow, parameter: type, ...) -> None",
        )


def params_model(owner: str, params: tuple[FlowParam, ...]) -> type[BaseModel]:
    """A model of parameters, by which they are checked, stored and described.

    Args:
        owner: the name of the model.
        params: the parameters.
    """
    from pydantic import ConfigDict, create_model

    fields: dict[str, Any] = {  # Any: types and defaults, as pydantic's create_model takes them
        param.name: (param.annotation, ... if param.required else param.default) for param in params
    }
    config = ConfigDict(extra="forbid", validate_default=True)
    return create_model(owner, __config__=config, **fields)
