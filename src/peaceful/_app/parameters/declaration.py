"""Declared parameters: of a flow by its function, of a profile or a workspace by a model.

Light to import: pydantic is loaded when values are checked.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeAlias, get_args, get_origin

from peaceful._annotations import is_secret_type
from peaceful._app.parameters.reading import ValueType
from peaceful._errors.usage import DefinitionError, NameUnknown

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful._model.codec import FlowId  # it loads msgspec, which `--help` does without

FlowFunction: TypeAlias = Callable[..., None]
"""A function that takes a `Flow` and the flow's parameters, and adds items to the flow."""

NO_DEFAULT: Final = inspect.Parameter.empty
"""The default of a parameter that has none."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value that is given to a parameter now, as opposed to a stored one.

    Attributes:
        value: text is parsed as the parameter's type. For a secret, it may be a `SecretSource`.
        origin: how it was given, such as `--into`, for messages.
        must_be_stored: whether to refuse a secret that cannot be stored; else there is a warning.
    """

    # It may be a secret.
    value: object = field(repr=False)
    origin: str
    must_be_stored: bool = False


@dataclass(frozen=True, slots=True)
class Param:
    """Facts about a parameter, beside its type: `Annotated[str, Param(was="old_name")]`.

    For a flow's function, and for the models of workspaces and profiles.

    Attributes:
        was: the name that the parameter had in earlier versions, or several of them, the latest
            first. A value that is stored under such a name is taken over.
    """

    was: str | tuple[str, ...] = ()


@dataclass(frozen=True)
class ParamDef:
    """A declared parameter; `NO_DEFAULT` is the default of a required one."""

    name: str
    annotation: object
    default: object = NO_DEFAULT
    help: str = ""
    was: tuple[str, ...] = ()
    """Its earlier names, the latest first."""

    @property
    def required(self) -> bool:
        return self.default is NO_DEFAULT

    @cached_property
    def secret(self) -> bool:
        """True if its value may hold a secret."""
        return is_secret_type(self.annotation)

    @cached_property
    def value_type(self) -> ValueType:
        """The parser of its values."""
        return ValueType.of(self.annotation)


@dataclass(frozen=True)
class ParamGroup:
    """The parameters of one owner, such as `flow deploy`, which are stored in one file."""

    owner: str
    params: Mapping[str, ParamDef]
    _declared_by: type[BaseModel] | None = None

    @classmethod
    def of_model(cls, owner: str, model: type[BaseModel] | None) -> ParamGroup:
        """Return the group of the fields of a model; an empty one for None."""
        fields = {} if model is None else model.model_fields
        params = {
            name: ParamDef(
                name,
                one.annotation,
                NO_DEFAULT if one.is_required() else one.get_default(),
                one.description or "",
                _earlier_names(one.metadata),
            )
            for name, one in fields.items()
        }
        return cls(owner, params, model)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The names of the parameters whose values may hold secrets."""
        return frozenset(name for name, param in self.params.items() if param.secret)

    @cached_property
    def earlier(self) -> Mapping[str, str]:
        """By earlier name, the parameter that had it; raises `DefinitionError` for two of them."""
        found: dict[str, str] = {}
        for name, param in self.params.items():
            for old in param.was:
                other = old if old in self.params else found.get(old)
                if other is not None:
                    raise DefinitionError(
                        f"{name} and {other} of {self.owner} both claim the name {old}.",
                        details=(("declared by", f'{name}: Param(was="{old}")'),),
                        help="let one parameter alone have had that name",
                    )
                found[old] = name
        return found

    @cached_property
    def model(self) -> type[BaseModel]:
        """A model with a field for each parameter, to validate values."""
        if self._declared_by is not None:
            return self._declared_by
        from pydantic import ConfigDict, create_model

        fields: dict[str, Any] = {  # Any: types and defaults, as pydantic's create_model takes them
            name: (param.annotation, ... if param.required else param.default)
            for name, param in self.params.items()
        }
        config = ConfigDict(extra="forbid", validate_default=True)
        return create_model(self.owner, __config__=config, **fields)


@dataclass(frozen=True)
class FlowDef:
    """A declared flow: its function, whose docstring is its help."""

    id: FlowId
    function: FlowFunction
    help: str
    was: tuple[FlowId, ...] = ()
    """Its earlier names, the latest first."""

    @property
    def summary(self) -> str:
        """The first paragraph of its help, on one line."""
        return " ".join(self.help.split("\n\n", 1)[0].split())

    @cached_property
    def params(self) -> tuple[ParamDef, ...]:
        """The function's parameters, in order, without the flow itself."""
        flow, *others = inspect.signature(self.function).parameters.values() or (None,)
        if flow is None:
            raise self._wrong("takes nothing, not even the flow")
        helps = _helps_of_arguments(self.help)
        return tuple(self._param(parameter, helps) for parameter in others)

    def _param(self, parameter: inspect.Parameter, helps: Mapping[str, str]) -> ParamDef:
        if parameter.kind not in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY):
            raise self._wrong(f"has the parameter {parameter}, which cannot be given by name")
        if parameter.annotation is inspect.Parameter.empty:
            raise self._wrong(f"does not say of which type {parameter.name} is")
        annotation, default = self._annotation(parameter), parameter.default
        fields = sys.modules.get("pydantic.fields")  # nobody can have made one without it
        if fields is not None and isinstance(default, fields.FieldInfo):
            annotation = Annotated[annotation, default]
            default = NO_DEFAULT if default.is_required() else default.get_default()
        text = _description(annotation) or helps.get(parameter.name, "")
        was = _earlier_names(_metadata(annotation))
        return ParamDef(parameter.name, annotation, default, text, was)

    def _annotation(self, parameter: inspect.Parameter) -> object:
        annotation: object = parameter.annotation
        if not isinstance(annotation, str):
            return annotation
        namespace = dict(vars(sys.modules[self.function.__module__]))
        try:
            # Evaluates the developer's own annotation in the developer's own module, as
            # typing.get_type_hints does; but of this parameter alone, because the flow's own type
            # may be imported for checkers only.
            return eval(annotation, namespace)  # noqa: S307 - the developer's own code
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


@dataclass(eq=False)
class Declarations:
    """The parameters of an application: of its workspace, its profiles, and its flows."""

    app: str
    flows: dict[FlowId, FlowDef]
    _models: Mapping[str, type[BaseModel] | None]
    """Those of the workspace and of profiles, by these words."""
    _groups: dict[FlowId, ParamGroup] = field(default_factory=dict)

    @cached_property
    def workspace(self) -> ParamGroup:
        return ParamGroup.of_model("workspace", self._models["workspace"])

    @cached_property
    def profile(self) -> ParamGroup:
        return ParamGroup.of_model("profile", self._models["profile"])

    def flow_def(self, flow_id: FlowId) -> FlowDef:
        """Return the flow of that name; raise `NameUnknown` if there is none."""
        if flow_id not in self.flows:
            new = self.claims.get(flow_id)
            advice = f"{flow_id} is called {new} now: use that name" if new else ""
            raise NameUnknown("flow", flow_id, self.flows, help=advice)
        return self.flows[flow_id]

    @property
    def claims(self) -> Mapping[FlowId, FlowId]:
        """By present and earlier names of flows, the flow."""
        return {name: each.id for each in self.flows.values() for name in (each.id, *each.was)}

    def flow(self, flow_id: FlowId) -> ParamGroup:
        """Return the parameters that a flow's function takes itself, without shared models."""
        group = self._groups.get(flow_id)
        if group is None:
            params = self.flow_def(flow_id).params
            own = {param.name: param for param in params if self.shared_by(param) is None}
            group = self._groups[flow_id] = ParamGroup(f"flow {flow_id}", own)
        return group

    def shared_by(self, param: ParamDef) -> str | None:
        """Return `workspace` or `profile`, if the parameter takes its model, else None."""
        for owner, model in self._models.items():
            if model is not None and param.annotation is model:
                return owner
        return None

    def groups(self, flow_id: FlowId | None = None) -> Iterator[ParamGroup]:
        """Yield the parameters of the workspace, of profiles, and of one flow or all."""
        yield self.workspace
        yield self.profile
        for each in [flow_id] if flow_id else self.flows:
            yield self.flow(each)


def _metadata(annotation: object) -> tuple[object, ...]:
    return get_args(annotation)[1:] if get_origin(annotation) is Annotated else ()


def _earlier_names(metadata: Iterable[object]) -> tuple[str, ...]:
    names = (fact.was for fact in metadata if isinstance(fact, Param))
    return tuple(name for was in names for name in ((was,) if isinstance(was, str) else was))


def _description(annotation: object) -> str:
    """Return the description of a field in an `Annotated` type, or an empty text."""
    for fact in _metadata(annotation):
        description = getattr(fact, "description", None)
        if isinstance(description, str):
            return description
    return ""


def _helps_of_arguments(docstring: str) -> dict[str, str]:
    """Return the descriptions in the `Args:` section of a Google style docstring, by argument."""
    helps: dict[str, str] = {}
    text = f"{inspect.cleandoc(docstring)}\n"
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", text, re.MULTILINE)
    name = ""
    for line in section[1].split("\n") if section else ():
        if found := re.match(r" {1,4}(\w+)(?: \(.*?\))?: (.*)", line):
            name, helps[found[1]] = found[1], found[2].strip()
        elif name and line.strip():
            helps[name] += f" {line.strip()}"
    return helps
