"""Parameters with secrets in them: taken from where they are, and stored so that nobody reads them.

A command takes a secret from its environment variable; else from where the file with parameters
says that it is; else from that file itself, where it is sealed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pydantic import SecretStr

from peaceful.app._remembered import Given, ParamsFile
from peaceful.app._sealing import KeyRing
from peaceful.app._secret_params import in_environment, read_secret, secret_fields, variable_of
from peaceful.app._secret_sources import (
    Sealed,
    SecretSource,
    secret_from,
    stored_form,
    stored_source,
)
from peaceful.errors import UsageError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.model import JsonValue


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of an application.

    Attributes:
        app: the application's name.
        environment: the environment variables.
    """

    app: str
    environment: Mapping[str, str]

    def at_hand(
        self, file: ParamsFile, model: type[BaseModel], *, needed: bool = True
    ) -> dict[str, Given]:
        """The secrets that nobody has to give: of the environment, or of where a file says.

        Args:
            file: the file.
            model: which parameters there are.
            needed: whether each that the file tells of must be there; else those that are not are
                left out.

        Raises:
            UsageError: one is not where the file says, or cannot be opened.
            StorageError: the file cannot be read.
        """
        given = self.in_environment(model)
        stored = file.stored()
        for name in secret_fields(model) - given.keys():
            source = stored_source(stored.get(name))
            if source is None:
                continue
            try:
                given[name] = self._taken(source, model, name, str(file.path))
            except UsageError:
                if needed:
                    raise
        return given

    def in_environment(self, model: type[BaseModel]) -> dict[str, Given]:
        """The secrets that their own environment variables hold."""
        found = in_environment(self.app, model, self.environment)
        return {name: Given(value, variable) for name, (variable, value) in found.items()}

    def given_now(
        self, given: Mapping[str, Given], model: type[BaseModel]
    ) -> tuple[dict[str, Given], dict[str, JsonValue]]:
        """What is given now: the values themselves; and of secrets, what is to be stored.

        A secret that is given itself is sealed. Where there is no key, nothing of it is stored.

        Raises:
            UsageError: a secret is not where it is said to be; or it must be stored, and there is
                no key.
        """
        secrets = secret_fields(model)
        values: dict[str, Given] = {}
        forms: dict[str, JsonValue] = {}
        for name in given.keys() & model.model_fields.keys():
            one = values[name] = given[name]
            if name not in secrets:
                continue
            if isinstance(one.value, SecretSource):
                taken = self._taken(one.value, model, name, one.origin)
                values[name] = replace(taken, origin=one.origin)
                forms[name] = stored_form(one.value)
                continue
            text = one.value.get_secret_value() if isinstance(one.value, SecretStr) else one.value
            if not isinstance(text, str):
                continue
            values[name] = replace(one, value=read_secret(text, model, name))
            keys = KeyRing.of(self.environment)
            if keys or one.must_be_stored:
                forms[name] = stored_form(Sealed(keys.seal(name, text)))
        return values, forms

    def sealed_again(self, file: ParamsFile) -> dict[str, JsonValue]:
        """What a file is to hold of its sealed secrets, sealed with the first key.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with.
            StorageError: the file cannot be read.
        """
        keys, where = KeyRing.of(self.environment), str(file.path)
        return {
            name: stored_form(Sealed(keys.seal(name, keys.open(name, source.text, where))))
            for name, value in file.stored().items()
            if isinstance(source := stored_source(value), Sealed)
        }

    def variable_of(self, name: str) -> str:
        """The environment variable that a parameter with a secret is taken from."""
        return variable_of(self.app, name)

    def _taken(self, source: SecretSource, model: type[BaseModel], name: str, where: str) -> Given:
        keys = KeyRing.of(self.environment)
        text = secret_from(source, name, where, self.environment, keys)
        return Given(read_secret(text, model, name), where)
