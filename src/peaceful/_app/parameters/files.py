"""Files of parameters: stored values, checked, and completed by those that are given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
from pydantic import BaseModel, ValidationError, create_model
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue, JsonSchemaWarningKind

from peaceful._app.parameters.declaration import Given, ParamGroup
from peaceful._app.parameters.reading import read_path
from peaceful._app.parameters.secrets import Secrets, SecretSource, readable
from peaceful._disclosure import know_secrets
from peaceful._errors.usage import ParamProblem, ParamsInvalid, ParamsMissing
from peaceful._model.codec import JsonValue
from peaceful._params.masking import problems_in, secret_texts, without_secrets
from peaceful._params.plain import holds_secret, plain_form
from peaceful._runtime.ctx import ParamValue
from peaceful._storage.yaml_file import is_same, read_yaml, write_yaml

HowToGive: TypeAlias = Callable[[Sequence[str]], str]
"""Returns the advice on how to give a value to these parameters."""


class StoredParams(msgspec.Struct, frozen=True):
    """A file of parameters, for display; of secrets, only where they come from.

    Attributes:
        path: the file.
        values: what it holds.
        defaults: the values of the parameters that it does not hold.
        unknown: what it holds that means nothing.
    """

    path: Path
    values: Mapping[str, JsonValue]
    defaults: Mapping[str, JsonValue]
    unknown: Collection[str] = ()

    @property
    def effective(self) -> dict[str, JsonValue]:
        """The values that hold, wherever they come from."""
        values = {name: each for name, each in self.values.items() if name not in self.unknown}
        return {**values, **self.defaults}


class Wrong(msgspec.Struct, frozen=True):
    """The problems of the parameters of a file; `cause` is pydantic's error, without secrets."""

    owner: str
    problems: Sequence[ParamProblem]
    missing: Sequence[str]
    cause: ValidationError


class Checked(msgspec.Struct, frozen=True):
    """Validated parameters, those that are no defaults, and by secret the source to store."""

    values: BaseModel
    given: Collection[str]
    sources: Mapping[str, JsonValue]


class ParamsFile(msgspec.Struct, frozen=True, dict=True):
    """A file of parameters, which is read once; relative paths in it are relative to `root`.

    The keys in `reserved` are no parameters.
    """

    path: Path
    group: ParamGroup
    owner: str
    comment: str
    root: Path
    reserved: Collection[str] = frozenset()

    @cached_property
    def _content(self) -> Mapping[str, JsonValue]:
        return dict(read_yaml(self.path) or {})

    @cached_property
    def renamed(self) -> Mapping[str, str]:
        """By key of the file, the parameter that had this name in an earlier version."""
        earlier, content = self.group.earlier, self._content
        found: dict[str, str] = {}
        for old, new in earlier.items():
            if old in content and new not in content and new not in found.values():
                found[old] = new
        return found

    @cached_property
    def stored(self) -> Mapping[str, JsonValue]:
        """The content of the file, by the parameters' present names; empty if there is no file."""
        return {self.renamed.get(key, key): value for key, value in self._content.items()}

    @property
    def unknown(self) -> list[str]:
        """The keys of the file that mean nothing."""
        return self._unknown(self.stored)

    def _unknown(self, content: Mapping[str, JsonValue]) -> list[str]:
        known = {*self.group.params, *self.reserved}
        return [key for key in content if key not in known]

    def has_changed(self) -> bool:
        """Return whether the file says something else by now than what was read."""
        return not is_same(read_yaml(self.path) or {}, self._content)

    def shown(self) -> StoredParams:
        """Return what the file holds, and the defaults of the rest."""
        return self._shown(self.stored)

    def present(
        self, secrets: Secrets, given: Mapping[str, Given], unset: Collection[str]
    ) -> Checked | Wrong:
        """Check given values, else stored ones that are not taken back, and available secrets."""
        stored = {key: value for key, value in self.stored.items() if key not in unset}
        mine, _ = secrets.given_now(given, self.group)
        at_hand = secrets.at_hand(self.group, stored, str(self.path))
        return self._checked(self.group.model, stored, at_hand | mine, {})

    def right_ones(self, secrets: Secrets | None) -> BaseModel:
        """Return the parameters whose values are at hand and right, without the others.

        Without `secrets`, none is read.
        """
        at_hand: Mapping[str, Given] = {}
        if secrets is not None:
            at_hand = secrets.at_hand(self.group, self.stored, str(self.path), needed=False)
        wrong: set[str] = set()
        while True:
            model = _without(self.group.model, wrong)
            given = {name: one for name, one in at_hand.items() if name not in wrong}
            checked = self._checked(model, self.stored, given, {})
            if isinstance(checked, Checked):
                return checked.values
            wrong |= {problem.field.partition(".")[0] for problem in checked.problems}

    def value_in(self, right_ones: BaseModel, name: str) -> ParamValue:
        """Return a parameter without secrets, of those that are right."""
        if name in type(right_ones).model_fields:
            plain = plain_form(getattr(right_ones, name))
            return ParamValue(value=plain, is_default=name not in self.stored)
        stored = name in self.stored
        return ParamValue(unknown=f"not usable in {self.path}" if stored else "not given")

    def completed(
        self, secrets: Secrets, given: Mapping[str, Given], unset: Collection[str]
    ) -> Checked | Wrong:
        """Check what is to be stored: given values, else stored ones that are not taken back.

        Secrets need no value yet.
        """
        stored = {key: value for key, value in self.stored.items() if key not in unset}
        mine, sources = secrets.given_now(given, self.group)
        at_hand = secrets.at_hand(self.group, stored, str(self.path), needed=False)
        given = at_hand | mine
        return self._checked(self.group.model, stored, given, sources, later=self.group.secrets)

    def save(
        self, checked: Checked, reserved: Mapping[str, JsonValue], unset: Collection[str]
    ) -> StoredParams:
        """Write the checked parameters without defaults and secrets, and the reserved entries."""
        plain = {
            name: plain_form(value)
            for name in type(checked.values).model_fields
            if name in checked.given
            and not holds_secret(value := getattr(checked.values, name))
            and name not in self.group.secrets
        }
        return self.write({**reserved, **plain, **checked.sources}, unset)

    def write(self, entries: Mapping[str, JsonValue], unset: Collection[str] = ()) -> StoredParams:
        """Write entries in front of the other ones of the file, which are kept unless `unset`."""
        gone = {*entries, *unset}
        kept = {key: value for key, value in self.stored.items() if key not in gone}
        after = {**entries, **kept}
        if after != self._content or not self.path.exists():
            write_yaml(self.path, after, comment=self.comment, renamed=self.renamed)
        return self._shown(after)

    def _shown(self, content: Mapping[str, JsonValue]) -> StoredParams:
        values, defaults = readable(self.group.secrets, content), dict(self._defaults(content))
        return StoredParams(self.path, values, defaults, self._unknown(content))

    def _defaults(self, content: Mapping[str, JsonValue]) -> Iterator[tuple[str, JsonValue]]:
        for name, field in self.group.model.model_fields.items():
            param = self.group.params[name]
            if name in content or param.required or param.secret:
                continue
            # What makes a default may fail, or need other values first: then it is not shown.
            with suppress(Exception):
                value = field.get_default(call_default_factory=True)
                yield name, plain_form(self.root / value if isinstance(value, Path) else value)

    def _checked(
        self,
        model: type[BaseModel],
        content: Mapping[str, JsonValue],
        given: Mapping[str, Given],
        sources: Mapping[str, JsonValue],
        later: Collection[str] = (),
    ) -> Checked | Wrong:
        """Validate given, else stored values, else defaults; those of `later` may be missing."""
        stored = {
            key: value
            for key, value in content.items()
            # Where a secret comes from is not the secret.
            if key in model.model_fields
            and not (key in self.group.secrets and SecretSource.stored(value))
        }
        now = {name: one.value for name, one in given.items()}
        try:
            values = model.model_validate({**stored, **now})
        except ValidationError as error:
            missing = _missing_in(error)
            left_out = [name for name in missing if name in later]
            if left_out and len(left_out) == error.error_count():
                return self._checked(_without(model, left_out), content, given, sources)
            origins = {name: one.origin for name, one in given.items()}
            problems = [
                ParamProblem(
                    field or "its parameters",
                    origins.get(field.partition(".")[0], str(self.path)),
                    reason,
                )
                for field, reason in problems_in(error, model)
                if field not in left_out
            ]
            missing = [name for name in missing if name not in left_out]
            # Not the error itself, whose text may show a secret.
            return Wrong(self.owner, problems, missing, without_secrets(error, model))
        # Of a value in JSON, a secret is only a part.
        know_secrets(secret_texts(values if self.group.secrets else ()))
        return Checked(_with_absolute_paths(values, self.root), {*stored, *now}, sources)


def right(results: Sequence[Checked | Wrong], how_to_give: HowToGive) -> list[Checked]:
    """Return the results if all are checked; else raise all problems of all files at once."""
    wrong = [each for each in results if isinstance(each, Wrong)]
    if not wrong:
        return [each for each in results if isinstance(each, Checked)]
    owner = " and ".join(each.owner for each in wrong)
    bare = [each for each in wrong if len(each.missing) == len(each.problems)]
    # Flows may have parameters of one name.
    missing = list(dict.fromkeys(name for each in bare for name in each.missing))
    problems = dict.fromkeys(one for each in wrong if each not in bare for one in each.problems)
    if not problems:
        several = len(wrong) > 1
        error = ParamsMissing(owner, missing, help=how_to_give(missing), several=several)
        raise error from wrong[0].cause
    unknown = [ParamProblem(name, "", "it has no value") for name in missing]
    raise ParamsInvalid(owner, [*problems, *unknown]) from wrong[0].cause


def _missing_in(error: ValidationError) -> list[str]:
    return [
        str(problem["loc"][0])
        for problem in error.errors(include_url=False, include_input=False)
        if problem["type"] == "missing" and len(problem["loc"]) == 1
    ]


def _without(model: type[BaseModel], names: Collection[str]) -> type[BaseModel]:
    """Return the model without some of its fields, and without its validators.

    The remaining fields have passed theirs, and a validator of the whole must wait until all is
    there.
    """
    fields: dict[str, Any] = {  # Any: as pydantic's create_model takes them
        name: (field.annotation, field)
        for name, field in model.model_fields.items()
        if name not in names
    }
    return create_model(model.__name__, __config__=model.model_config, **fields)


def _with_absolute_paths(values: BaseModel, root: Path) -> BaseModel:
    relative = {
        name: root / read_path(value)
        for name in type(values).model_fields
        if isinstance(value := getattr(values, name), Path) and not value.is_absolute()
    }
    return values.model_copy(update=relative) if relative else values


class _Lenient(GenerateJsonSchema):
    """Describes as unrestricted what JSON Schema cannot express, instead of raising."""

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
    """Return the JSON Schema of a group's values, without the defaults of secrets."""
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
