"""The parameters of an application in a workspace: given, stored, and made ready for commands."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from peaceful._app.parameters.declaration import Declarations, Given, ParamGroup
from peaceful._app.parameters.files import ParamsFile, StoredParams, params_schema, right
from peaceful._app.parameters.secrets import SECRET_FORMS, Secrets, readable
from peaceful._errors.usage import NameUnknown
from peaceful._model.codec import JsonValue
from peaceful._model.field_types import FlowId, ProfileName
from peaceful._storage.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

_LOG = logging.getLogger("peaceful.app")


class ParamStore:
    """The parameters of an application in a workspace.

    Args:
        declared: which parameters there are.
        workspace: where the files are.
        environment: the environment variables, from which secrets are taken: those of this process
            by default.

    Attributes:
        workspace: where the files are.
        typed: how a command is typed, by its words, for messages; a door may know better than that
            the program is called like the application.
    """

    def __init__(
        self,
        declared: Declarations,
        workspace: Workspace,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.workspace: Final = workspace
        self.typed: Callable[..., str] = lambda *words: " ".join((declared.app, *words))
        self._declared = declared
        self._secrets = Secrets(declared.app, os.environ if environment is None else environment)

    def params(self, profile: ProfileName, flow: FlowId) -> BaseModel:
        """The stored parameters of a flow, and its secrets from the environment; checked.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        return self._present(self._flow_file(profile, flow))

    def params_schema(self, flow: FlowId) -> dict[str, JsonValue]:
        """What values the parameters may have that a flow takes of its own, as JSON Schema.

        Raises:
            NameUnknown: the application has no such flow.
        """
        return params_schema(self._declared.flow(flow))

    def values(self, profile: ProfileName, flow: FlowId) -> dict[str, object]:
        """By parameter of a flow's function, its value: the flow's own, and models of shared ones.

        Raises:
            ParamsMissing: a parameter has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        own = self.params(profile, flow)
        values: dict[str, object] = {name: getattr(own, name) for name in type(own).model_fields}
        for param in self._declared.flow_def(flow).params:
            match self._declared.shared_by(param):
                case "workspace":
                    values[param.name] = self._present(self._workspace_file())
                case "profile":
                    values[param.name] = self._present(self._profile_file(profile))
                case _:
                    pass
        return values

    def all_stored(self, profile: ProfileName) -> tuple[StoredParams, ...]:
        """What is stored of all parameters of a profile, for people: workspace, profile, flows.

        Files that are not there are left out.

        Raises:
            StorageError: a file cannot be read.
        """
        return tuple(
            StoredParams(file.path, self.shown(file.stored))
            for file in self._files(profile)
            if file.path.exists()
        )

    def shown(self, values: Mapping[str, JsonValue]) -> dict[str, JsonValue]:
        """What a file with parameters holds, for people: of secrets, only where they come from."""
        return readable(self.secret_params(), values)

    def secret_params(self) -> frozenset[str]:
        """Every parameter with a secret in it, of the workspace, of profiles and of all flows."""
        return frozenset[str]().union(*(group.secrets for group in self._declared.groups()))

    def seal_again(self) -> int:
        """Seals every stored secret of the workspace with the first key.

        Returns:
            How many they are.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with; nothing was
                changed.
            StorageError: a file cannot be read or written.
        """
        files = [self._workspace_file()]
        for profile in self.workspace.profiles():
            files += list(self._files(profile))[1:]
        changes = [
            (file, self._secrets.sealed_again(file.stored, str(file.path))) for file in files
        ]
        for file, sealed in changes:
            if sealed:
                file.write(sealed)
        return sum(len(sealed) for _, sealed in changes)

    # ---- parts

    def _saved(
        self,
        given: Mapping[str, Given],
        profile: ProfileName,
        flow: FlowId | None,
        reserved: Mapping[str, str],
    ) -> tuple[StoredParams, ...]:
        """Stores what is given, after all of it was checked; see `Selection.init`."""
        files = list(self._files(profile, flow))
        known = {name for file in files for name in file.group.params}
        for name in given:
            if name not in known:
                raise NameUnknown("parameter", name, known)
        results = [file.completed(self._secrets, given) for file in files]
        checked = right(results, self._how_to_give)
        saved = tuple(
            file.save(values, reserved if file is files[0] else {})
            for file, values in zip(files, checked, strict=True)
        )
        self._say_not_stored(given, files, {name for each in saved for name in each.values})
        return saved

    def _files(self, profile: ProfileName, flow: FlowId | None = None) -> Iterator[ParamsFile]:
        """The files of the workspace, of the profile, and of a flow or all flows."""
        yield self._workspace_file()
        yield self._profile_file(profile)
        for each in [flow] if flow else self._declared.flows:
            yield self._flow_file(profile, each)

    def _present(self, file: ParamsFile) -> BaseModel:
        [checked] = right([file.present(self._secrets)], self._how_to_give)
        return checked.values

    def _workspace_file(self) -> ParamsFile:
        return self._file(
            self.workspace.workspace_params_file,
            self._declared.workspace,
            f"workspace {self.workspace.root}",
            f"What holds for all profiles of {self._declared.app} in this workspace.",
        )

    def _profile_file(self, profile: ProfileName) -> ParamsFile:
        return self._file(
            self.workspace.profile_params_file(profile),
            self._declared.profile,
            f"profile {profile}",
            f"What holds for all flows of profile {profile}.",
        )

    def _flow_file(self, profile: ProfileName, flow: FlowId) -> ParamsFile:
        return self._file(
            self.workspace.flow_params_file(profile, flow),
            self._declared.flow(flow),
            f"flow {flow}",
            f"The parameters of flow {flow} in profile {profile}.",
        )

    def _file(self, path: Path, group: ParamGroup, owner: str, comment: str) -> ParamsFile:
        return ParamsFile(path, group, owner, comment, self.workspace.root)

    def _how_to_give(self, params: Sequence[str]) -> str:
        """What to do where parameters have no value."""
        secrets = self.secret_params()
        options = [f"--{name.replace('_', '-')} ..." for name in params if name not in secrets]
        variables = [self._secrets.variable_of(name) for name in params if name in secrets]
        ways = [f"give them: {self.typed('init', *options)}"] if options else []
        if variables:
            words = [f"--{name.replace('_', '-')} SOURCE" for name in params if name in secrets]
            names = " and ".join(variables)
            ways.append(
                f"say where the secret is: {self.typed('init', *words)}, a source being "
                f"{SECRET_FORMS}; or set {names} in the environment of each command"
            )
        return "; ".join(ways)

    def _say_not_stored(
        self, given: Mapping[str, Given], files: Iterable[ParamsFile], stored: Collection[str]
    ) -> None:
        """Says of each secret that was given now, or that commands need, how it is to be given."""
        said = set(stored)
        for file in files:
            here = self._secrets.in_environment(file.group)
            for name in sorted(file.group.secrets - said):
                if name in given or (file.group.params[name].required and name not in here):
                    said.add(name)
                    _LOG.warning(
                        "%s is a secret, and nothing of it is stored. Give it to each command in "
                        "the environment variable %s, or say by init where it is.",
                        name,
                        self._secrets.variable_of(name),
                    )
