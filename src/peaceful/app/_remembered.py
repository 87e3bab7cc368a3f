"""What a workspace remembers: the profile in use, and parameters of workspace, profiles, flows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError, create_model

from peaceful.app._secret_params import readable, secret_fields
from peaceful.app._secret_sources import stored_source
from peaceful.errors import ParamProblem, ParamsInvalid, ParamsMissing
from peaceful.model import JsonValue
from peaceful.params import holds_secret, plain_form, problems_in, without_secrets
from peaceful.storage import read_yaml, write_yaml

T = TypeVar("T")

HowToGive: TypeAlias = Callable[[Sequence[str]], str]
"""Says how parameters are given that have no value, by their names."""


@dataclass(frozen=True, slots=True)
class Given:
    """A value of a parameter that somebody gives now, as opposed to a stored one.

    Attributes:
        value: the value; text is read as the parameter's type. For a secret, it may be a
            `SecretSource`, which says where the value is.
        origin: how it was given, such as `--into`, for messages.
        must_be_stored: whether a secret that cannot be stored is refused; else it is only said that
            it was not.
    """

    # It may be a secret.
    value: object = field(repr=False)
    origin: str
    must_be_stored: bool = False


@dataclass(frozen=True, slots=True)
class StoredParams:
    """What a file with parameters holds.

    Attributes:
        path: the file.
        values: what it holds; of secrets, where they come from.
        not_stored: parameters of which it holds nothing because they are secrets.
    """

    path: Path
    values: Mapping[str, JsonValue]
    not_stored: tuple[str, ...] = ()


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
        self,
        model: type[BaseModel],
        given: Mapping[str, Given],
        *,
        how_to_give: HowToGive,
        later: Collection[str] = (),
    ) -> BaseModel:
        """The parameters: field by field what is given now, else what is stored, else the default.

        Args:
            model: which parameters there are.
            given: by parameter, what is given now.
            how_to_give: what to do where parameters have no value.
            later: parameters that need no value now; one without a value is left out.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: values that parameters may not have; all at once.
            StorageError: the file cannot be read.
        """
        secrets = secret_fields(model)
        stored = {
            key: value
            for key, value in self.stored().items()
            # Where a secret comes from is not the secret.
            if key in model.model_fields and not (key in secrets and stored_source(value))
        }
        merged = {**stored, **{name: one.value for name, one in given.items()}}
        try:
            values = model.model_validate(merged)
        except ValidationError as error:
            left_out = [name for name in _missing_in(error) if name in later]
            if left_out and len(left_out) == error.error_count():
                rest = _without(model, left_out)
                return self.values(rest, given, how_to_give=how_to_give)
            problems = [one for one in problems_in(error, model) if one[0] not in left_out]
            missing = [name for name in _missing_in(error) if name not in left_out]
            # Not the error itself, whose text may show a secret.
            cause = without_secrets(error, model)
            raise self._explained(problems, missing, given, how_to_give) from cause
        return _with_absolute_paths(values, self.root)

    def save(
        self,
        values: BaseModel | None,
        reserved: Mapping[str, JsonValue],
        sources: Mapping[str, JsonValue] | None = None,
    ) -> StoredParams:
        """Writes parameters down, without secrets; other entries of the file are kept.

        Args:
            values: the parameters, or none where there are none.
            reserved: what else the file holds.
            sources: by parameter with a secret, what is stored of where it comes from.

        Returns:
            What the file holds now.

        Raises:
            StorageError: it cannot be written; the old file is whole.
        """
        before = self.stored()
        secrets = _secrets_in(values)
        mine = {} if values is None else _storable(values, secrets) | dict(sources or {})
        kept = {key: value for key, value in before.items() if key not in {*mine, *reserved}}
        after = {**reserved, **mine, **kept}
        if after != before or not self.path.exists():
            write_yaml(self.path, after, comment=self.comment)
        declared = secret_fields(None if values is None else type(values))
        not_stored = tuple(name for name in secrets if name not in after)
        return StoredParams(self.path, readable({*secrets, *declared}, after), not_stored)

    def _explained(
        self,
        problems: Sequence[tuple[str, str]],
        missing: Sequence[str],
        given: Mapping[str, Given],
        how_to_give: HowToGive,
    ) -> ParamsMissing | ParamsInvalid:
        if len(missing) == len(problems):
            return ParamsMissing(self.owner, missing, help=how_to_give(missing))
        return ParamsInvalid(
            self.owner,
            [
                ParamProblem(
                    field or "its parameters",
                    self._origin(field.partition(".")[0], given),
                    reason,
                )
                for field, reason in problems
            ],
        )

    def _origin(self, name: str, given: Mapping[str, Given]) -> str:
        return given[name].origin if name in given else str(self.path)


def all_of(checks: Iterable[Callable[[], T]], how_to_give: HowToGive) -> list[T]:
    """What each check gives; where some find problems, the problems of all of them at once.

    Args:
        checks: what is to be done.
        how_to_give: what to do where parameters have no value.

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
        raise _merged(errors, how_to_give) from errors[0]
    if errors:
        raise errors[0]
    return values


def _merged(
    errors: Sequence[ParamsMissing | ParamsInvalid], how_to_give: HowToGive
) -> ParamsMissing | ParamsInvalid:
    owner = " and ".join(error.owner for error in errors)
    missing = [name for each in errors if isinstance(each, ParamsMissing) for name in each.names]
    invalid = [one for each in errors if isinstance(each, ParamsInvalid) for one in each.problems]
    # Flows may have parameters of one name.
    missing, invalid = list(dict.fromkeys(missing)), list(dict.fromkeys(invalid))
    if not invalid:
        return ParamsMissing(owner, missing, help=how_to_give(missing), several=True)
    return ParamsInvalid(
        owner, [*invalid, *(ParamProblem(name, "", "it has no value") for name in missing)]
    )


def _missing_in(error: ValidationError) -> list[str]:
    """The parameters that have no value at all."""
    return [
        str(problem["loc"][0])
        for problem in error.errors(include_url=False, include_input=False)
        if problem["type"] == "missing" and len(problem["loc"]) == 1
    ]


def _without(model: type[BaseModel], names: Collection[str]) -> type[BaseModel]:
    """The model without some of its fields.

    Without its validators too: the fields that are left have passed theirs, and what looks at the
    whole has to wait until all is there.
    """
    fields: dict[str, Any] = {  # Any: as pydantic's create_model takes them
        name: (field.annotation, field)
        for name, field in model.model_fields.items()
        if name not in names
    }
    return create_model(model.__name__, __config__=model.model_config, **fields)


def _secrets_in(values: BaseModel | None) -> list[str]:
    if values is None:
        return []
    declared = secret_fields(type(values))
    return [
        name
        for name in type(values).model_fields
        if name in declared or holds_secret(getattr(values, name))
    ]


def _storable(values: BaseModel, secrets: Collection[str]) -> dict[str, JsonValue]:
    return {
        name: plain_form(getattr(values, name))
        for name in type(values).model_fields
        if name not in secrets
    }


def _with_absolute_paths(values: BaseModel, root: Path) -> BaseModel:
    relative = {
        name: root / value.expanduser()
        for name in type(values).model_fields
        if isinstance(value := getattr(values, name), Path) and not value.is_absolute()
    }
    return values.model_copy(update=relative) if relative else values
