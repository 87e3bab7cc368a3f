"""What a workspace remembers: the profile in use, and parameters of workspace, profiles, flows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel, ValidationError

from peaceful.errors import ParamProblem, ParamsInvalid, ParamsMissing
from peaceful.model import JsonValue
from peaceful.params import is_secret, plain_form
from peaceful.storage import read_yaml, write_yaml

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Given:
    """A value of a parameter that somebody gives now, as opposed to a stored one.

    Attributes:
        value: the value; text is read as the parameter's type.
        origin: how it was given, such as `--into`, for messages.
    """

    value: object
    origin: str


@dataclass(frozen=True, slots=True)
class StoredParams:
    """What a file with parameters holds.

    Attributes:
        path: the file.
        values: what it holds.
    """

    path: Path
    values: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class ParamsFile:
    """A file with parameters.

    Attributes:
        path: the file.
        owner: whose parameters they are, for messages, such as `flow deploy`.
        comment: what the file's first line says.
        root: the folder that relative paths in it are relative to.
    """

    path: Path
    owner: str
    comment: str
    root: Path

    def stored(self) -> dict[str, JsonValue]:
        """What is stored; empty where nothing is.

        Raises:
            StorageError: the file cannot be read.
        """
        return dict(read_yaml(self.path) or {})

    def values(
        self, model: type[BaseModel], given: Mapping[str, Given], *, how_to_give: str
    ) -> BaseModel:
        """The parameters: field by field what is given now, else what is stored, else the default.

        Args:
            model: which parameters there are.
            given: by parameter, what is given now.
            how_to_give: what to do where a parameter has no value.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: values that parameters may not have; all at once.
            StorageError: the file cannot be read.
        """
        stored = {key: value for key, value in self.stored().items() if key in model.model_fields}
        merged = {**stored, **{name: one.value for name, one in given.items()}}
        try:
            values = model.model_validate(merged)
        except ValidationError as error:
            raise self._explained(error.errors(include_url=False), given, how_to_give) from error
        return _with_absolute_paths(values, self.root)

    def save(self, values: BaseModel | None, reserved: Mapping[str, JsonValue]) -> StoredParams:
        """Writes parameters down, without secrets; other entries of the file are kept.

        Args:
            values: the parameters, or none where there are none.
            reserved: what else the file holds.

        Returns:
            What the file holds now.

        Raises:
            StorageError: it cannot be written; the old file is whole.
        """
        before = self.stored()
        mine = {} if values is None else _storable(values)
        kept = {key: value for key, value in before.items() if key not in {*mine, *reserved}}
        after = {**reserved, **mine, **kept}
        if after != before or not self.path.exists():
            write_yaml(self.path, after, comment=self.comment)
        return StoredParams(self.path, after)

    def _explained(
        self, problems: list[ErrorDetails], given: Mapping[str, Given], how_to_give: str
    ) -> ParamsMissing | ParamsInvalid:
        missing = [str(each["loc"][0]) for each in problems if each["type"] == "missing"]
        if len(missing) == len(problems):
            return ParamsMissing(self.owner, missing, help=how_to_give)
        return ParamsInvalid(
            self.owner,
            [
                ParamProblem(
                    ".".join(str(part) for part in each["loc"]),
                    self._origin(str(each["loc"][0]), given),
                    each["msg"]
                    if each["type"] == "missing"
                    else f"{each['msg']}, not {_short(each['input'])}",
                )
                for each in problems
            ],
        )

    def _origin(self, name: str, given: Mapping[str, Given]) -> str:
        return given[name].origin if name in given else str(self.path)


def all_of(checks: Iterable[Callable[[], T]]) -> list[T]:
    """What each check gives; where some find problems, the problems of all of them at once.

    Raises:
        ParamsMissing: parameters have no value.
        ParamsInvalid: values that parameters may not have.
    """
    values: list[T] = []
    errors: list[ParamsMissing | ParamsInvalid] = []
    for check in checks:
        try:
            values.append(check())
        except (ParamsMissing, ParamsInvalid) as error:
            errors.append(error)
    if len(errors) > 1:
        raise _merged(errors) from errors[0]
    if errors:
        raise errors[0]
    return values


def _merged(errors: Sequence[ParamsMissing | ParamsInvalid]) -> ParamsMissing | ParamsInvalid:
    owner = " and ".join(error.owner for error in errors)
    missing = [name for each in errors if isinstance(each, ParamsMissing) for name in each.names]
    invalid = [one for each in errors if isinstance(each, ParamsInvalid) for one in each.problems]
    if not invalid:
        return ParamsMissing(owner, missing, help=errors[0].help)
    return ParamsInvalid(
        owner, [*invalid, *(ParamProblem(name, "", "it has no value") for name in missing)]
    )


def _storable(values: BaseModel) -> dict[str, JsonValue]:
    return {
        name: plain_form(value)
        for name in type(values).model_fields
        if not is_secret(value := getattr(values, name))
    }


def _with_absolute_paths(values: BaseModel, root: Path) -> BaseModel:
    relative = {
        name: root / value.expanduser()
        for name in type(values).model_fields
        if isinstance(value := getattr(values, name), Path) and not value.is_absolute()
    }
    return values.model_copy(update=relative) if relative else values


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
