"""Files with parameters: what is stored is checked, described, and completed by what is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind

from peaceful.app._parameters.declaration import Given, ParamGroup
from peaceful.app._parameters.secrets import Secrets, SecretSource, readable
from peaceful.errors import ParamProblem, ParamsInvalid, ParamsMissing
from peaceful.model import JsonValue
from peaceful.params import holds_secret, plain_form, problems_in, without_secrets
from peaceful.storage import read_yaml, write_yaml

T = TypeVar("T")

HowToGive: TypeAlias = Callable[[Sequence[str]], str]
"""Says how parameters are given that have no value, by their names."""


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


@dataclass(frozen=True)
class ParamsFile:
    """A file with parameters; it is read once.

    Attributes:
        path: the file.
        group: which parameters there are.
        owner: whose parameters they are, for messages, such as `flow deploy`.
        comment: what the file's first line says.
        root: the folder that relative paths in it are relative to.
        how_to_give: what to do where parameters have no value.
    """

    path: Path
    group: ParamGroup
    owner: str
    comment: str
    root: Path
    how_to_give: HowToGive

    @cached_property
    def stored(self) -> Mapping[str, JsonValue]:
        """What is stored; empty where nothing is.

        Raises:
            StorageError: the file cannot be read.
        """
        return dict(read_yaml(self.path) or {})

    def values(self, secrets: Secrets) -> BaseModel:
        """The parameters that a command works with: what is stored, and the secrets.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: values that parameters may not have; all at once.
            UsageError: a secret cannot be taken from where it is.
            StorageError: the file cannot be read.
        """
        at_hand = secrets.at_hand(self.group, self.stored, str(self.path))
        return self._checked(self.group.model, at_hand)

    def check(
        self, secrets: Secrets, given: Mapping[str, Given]
    ) -> tuple[BaseModel, Mapping[str, JsonValue]]:
        """The parameters as they are to be stored: what is given now, else what is stored.

        A secret needs no value now.

        Returns:
            The values that are known now; and by parameter with a secret, what is to be stored of
            where it comes from.

        Raises:
            ParamsMissing: another parameter has no value.
            ParamsInvalid: values that parameters may not have; all at once.
            UsageError: a secret cannot be taken from where it is said to be, or be stored.
            StorageError: the file cannot be read.
        """
        mine, forms = secrets.given_now(given, self.group)
        at_hand = secrets.at_hand(self.group, self.stored, str(self.path), needed=False)
        values = self._checked(self.group.model, at_hand | mine, later=self.group.secrets)
        return values, forms

    def save(
        self,
        values: BaseModel,
        sources: Mapping[str, JsonValue],
        reserved: Mapping[str, JsonValue],
    ) -> StoredParams:
        """Writes parameters down, without secrets.

        Args:
            values: the parameters.
            sources: by parameter with a secret, what is to be stored of where it comes from.
            reserved: what else the file is to hold.

        Raises:
            StorageError: it cannot be written; the old file is whole.
        """
        plain: dict[str, JsonValue] = {}
        secrets: list[str] = []
        for name in type(values).model_fields:
            value = getattr(values, name)
            if name in self.group.secrets or holds_secret(value):
                secrets.append(name)
            else:
                plain[name] = plain_form(value)
        return self.write({**reserved, **plain, **sources}, secrets)

    def write(
        self, entries: Mapping[str, JsonValue], secrets: Collection[str] = ()
    ) -> StoredParams:
        """Writes entries down, before the other ones of the file, which are kept.

        Args:
            entries: by name, what is to be stored.
            secrets: parameters whose values are secrets.

        Returns:
            What the file holds now.

        Raises:
            StorageError: it cannot be written; the old file is whole.
        """
        kept = {key: value for key, value in self.stored.items() if key not in entries}
        after = {**entries, **kept}
        if after != self.stored or not self.path.exists():
            write_yaml(self.path, after, comment=self.comment)
        shown = readable({*secrets, *self.group.secrets}, after)
        return StoredParams(self.path, shown, tuple(name for name in secrets if name not in after))

    def _checked(
        self,
        model: type[BaseModel],
        given: Mapping[str, Given],
        later: Collection[str] = (),
    ) -> BaseModel:
        """Field by field what is given now, else what is stored, else the default.

        Args:
            model: checks the values.
            given: by parameter, what is given now.
            later: parameters that need no value now; one without a value is left out.
        """
        stored = {
            key: value
            for key, value in self.stored.items()
            # Where a secret comes from is not the secret.
            if key in model.model_fields
            and not (key in self.group.secrets and SecretSource.stored(value))
        }
        try:
            values = model.model_validate(
                {**stored, **{name: one.value for name, one in given.items()}}
            )
        except ValidationError as error:
            left_out = [name for name in _missing_in(error) if name in later]
            if left_out and len(left_out) == error.error_count():
                return self._checked(_without(model, left_out), given)
            problems = [one for one in problems_in(error, model) if one[0] not in left_out]
            missing = [name for name in _missing_in(error) if name not in left_out]
            # Not the error itself, whose text may show a secret.
            raise self._explained(problems, missing, given) from without_secrets(error, model)
        return _with_absolute_paths(values, self.root)

    def _explained(
        self,
        problems: Sequence[tuple[str, str]],
        missing: Sequence[str],
        given: Mapping[str, Given],
    ) -> ParamsMissing | ParamsInvalid:
        if len(missing) == len(problems):
            return ParamsMissing(self.owner, missing, help=self.how_to_give(missing))
        origins = {name: one.origin for name, one in given.items()}
        return ParamsInvalid(
            self.owner,
            [
                ParamProblem(
                    field or "its parameters",
                    origins.get(field.partition(".")[0], str(self.path)),
                    reason,
                )
                for field, reason in problems
            ],
        )


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


def _with_absolute_paths(values: BaseModel, root: Path) -> BaseModel:
    relative = {
        name: root / value.expanduser()
        for name in type(values).model_fields
        if isinstance(value := getattr(values, name), Path) and not value.is_absolute()
    }
    return values.model_copy(update=relative) if relative else values


class _Lenient(GenerateJsonSchema):
    """Says nothing of what JSON Schema has no words for, in place of an error."""

    ignored_warning_kinds: set[JsonSchemaWarningKind] = {  # noqa: RUF012 - as its base declares it
        "skipped-choice",
        "non-serializable-default",
    }

    def handle_invalid_for_json_schema(
        self,
        schema: Any,  # noqa: ANN401 - pydantic keeps the type to itself
        error_info: str,
    ) -> JsonSchemaValue:
        return {}


def params_schema(group: ParamGroup) -> dict[str, JsonValue]:
    """What values parameters may have, as JSON Schema, for forms and for programs.

    The defaults of secrets are left out.
    """
    # Any: as pydantic has it.
    schema: dict[str, Any] = group.model.model_json_schema(schema_generator=_Lenient)
    properties: dict[str, dict[str, JsonValue]] = schema.get("properties", {})
    for name, described in properties.items():
        param = group.params.get(name)
        if param is not None and param.secret:
            described.pop("default", None)
        if param is not None and param.help:
            described.setdefault("description", param.help)
    return schema
