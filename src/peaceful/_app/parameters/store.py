"""The stored parameters of an application in a workspace."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from peaceful._app.parameters.declaration import Declarations, Given, ParamGroup
from peaceful._app.parameters.files import Checked, ParamsFile, StoredParams, params_schema, right
from peaceful._app.parameters.reading import Shape
from peaceful._app.parameters.secrets import SECRET_FORMS, Secrets, readable
from peaceful._errors.running import ParamsBusy
from peaceful._errors.usage import (
    NameUnknown,
    ParamProblem,
    ParamsInvalid,
    UsageError,
    nearest,
)
from peaceful._model.clock import SystemClock
from peaceful._model.codec import FlowId, JsonValue, ProfileName
from peaceful._runtime.ctx import ParamValue, started_by
from peaceful._storage.files import make_folder, refusals, taken_over
from peaceful._storage.lock import FileLock, LockHolder
from peaceful._storage.workspace import Workspace
from peaceful._storage.yaml_file import place_in_yaml

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import BaseModel

    from peaceful._runtime.flow import BuiltFlow

_LOG = logging.getLogger("peaceful.app")

NONE_GIVEN: Final[Mapping[str, Given]] = {}

_PATIENCE: Final = 5.0
"""Seconds that others have to write what they change, which takes them some milliseconds."""


class ParamStore:
    """The parameters of an application in a workspace: reads, checks and stores them."""

    def __init__(
        self,
        declared: Declarations,
        workspace: Workspace,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.workspace: Final = workspace
        # Formats a command line for messages; a front end knows better how the program is called.
        self.typed: Callable[..., str] = lambda *words: " ".join((declared.app, *words))
        self._declared = declared
        self._secrets = Secrets(declared.app, os.environ if environment is None else environment)

    def params(self, profile: ProfileName, flow: FlowId) -> BaseModel:
        """Return the checked parameters of a flow: stored, and secrets from the environment."""
        return self._present(self._flow_file(profile, flow))

    def params_schema(self, flow: FlowId) -> dict[str, JsonValue]:
        """Return the JSON Schema of a flow's own parameters."""
        return params_schema(self._declared.flow(flow))

    def values(
        self,
        profile: ProfileName,
        flow: FlowId,
        given: Mapping[str, Given] = NONE_GIVEN,
        unset: Collection[str] = (),
    ) -> dict[str, object]:
        """Return the arguments of a flow's function: its parameters, and models of shared ones.

        They are what they would be with given values, and without those that are taken back.
        """
        if given or unset:
            # What could not be stored is refused.
            self._completed(given, unset, profile, flow)
        return self._arguments(profile, flow, lambda file: self._present(file, given, unset))

    def right_values(self, profile: ProfileName, flow: FlowId) -> dict[str, object]:
        """Return the arguments as `values` does, as far as they are at hand and right."""
        return self._arguments(profile, flow, lambda file: file.right_ones(self._secrets))

    def param_values(self, profile: ProfileName, flow: BuiltFlow) -> Mapping[str, ParamValue]:
        """Return the parameters that hold in a profile, by name; no secret is read once more.

        A name that has several owners has the owner in front: `profile.region`, `flow.region`.
        """
        files = dict(
            zip(("workspace", "profile", "flow"), self._files(profile, flow.id), strict=True)
        )
        owners = Counter(name for file in files.values() for name in file.group.params)
        params = self._declared.flow_def(flow.id).params
        taken = {self._declared.shared_by(each): f"{each.name}." for each in params}
        found: dict[str, ParamValue] = {}
        for owner, file in files.items():
            plain, inside = file.right_ones(None), "" if owner == "flow" else taken.get(owner)
            for name in file.group.params:
                if name in file.group.secrets:
                    value = self._secret_value(file, name, flow, inside)
                else:
                    value = file.value_in(plain, name)
                found[name if owners[name] == 1 else f"{owner}.{name}"] = value
        return found

    def _secret_value(
        self, file: ParamsFile, name: str, flow: BuiltFlow, inside: str | None
    ) -> ParamValue:
        """Return a parameter with secrets; the flow was built with it as it is, or `inside` one."""
        given = {
            one: {"from_env": self._secrets.variable_of(one)}
            for one in self._secrets.in_environment(file.group)
        }
        source: JsonValue = given.get(name, file.stored.get(name))
        is_default = source is None and not file.group.params[name].required
        if inside is not None:
            path = f"{inside}{name}"
            known = {
                place.removeprefix(path): secret
                for place, secret in flow.secrets.items()
                if place == path or place.startswith(f"{path}.")
            }
            if known or flow.problem is None:
                value = flow.params.get(inside.removesuffix(".") or name)
                if inside and isinstance(value, Mapping):
                    value = value.get(name)
                return ParamValue(value=value, is_default=is_default, secrets=known)
        words = readable({name}, {name: source})[name]
        if isinstance(words, Mapping):
            words = ", ".join(f"{kind}: {place}" for kind, place in words.items())
        unknown = "not given" if source is None else f"not known ({words})"
        return ParamValue(source=source, is_default=is_default, unknown=unknown)

    def all_stored(self, profile: ProfileName) -> tuple[StoredParams, ...]:
        """Return the existing files of workspace, profile and flows, for display."""
        secrets = self.secret_params()
        shown = [file.shown() for file in self._files(profile) if file.path.exists()]
        return tuple(replace(each, values=readable(secrets, each.values)) for each in shown)

    def flow_params_file(self, profile: ProfileName, flow: FlowId) -> Path:
        """Return the file of a flow's parameters; see `Workspace.flow_folder`."""
        return self.workspace.flow_params_file(profile, flow, self._declared.flow_def(flow).was)

    def notices_of(self, file: ParamsFile, unset: Collection[str] = ()) -> Iterator[str]:
        """Yield what people should know of a file of parameters, besides what is taken back now."""
        for old, new in file.renamed.items():
            yield f"{old} in {file.path} is called {new} now: its value was taken over."
        for key in (each for each in file.unknown if each not in unset):
            where = f"{file.path}, {place_in_yaml(file.path, [key])}"
            why, take_out = _why_unknown(file, key), self.typed("init", "--unset", key)
            yield f"{key} in {where}, means nothing: {why} To take it out: {take_out}"

    def secret_params(self) -> frozenset[str]:
        """Return the names of all parameters with secrets, whoever owns them."""
        return frozenset[str]().union(*(group.secrets for group in self._declared.groups()))

    def seal_again(self) -> int:
        """Seal every stored secret of the workspace with the first key; return their number.

        Raises:
            UsageError: there is no key, or not the one that a secret was sealed with; nothing
                changed.
            StorageError: a file cannot be read or written.
        """
        with self._changing("key rotate"):
            files = [self._workspace_file()]
            for profile in self.workspace.profiles():
                files += list(self._files(profile))[1:]
            changes = [
                (file, self._secrets.sealed_again(file.group, file.stored, str(file.path)))
                for file in files
            ]
            for file, sealed in changes:
                if sealed:
                    file.write(sealed)
        return sum(len(sealed) for _, sealed in changes)

    # ---- parts

    def _arguments(
        self, profile: ProfileName, flow: FlowId, read: Callable[[ParamsFile], BaseModel]
    ) -> dict[str, object]:
        own = read(self._flow_file(profile, flow))
        values: dict[str, object] = {name: getattr(own, name) for name in type(own).model_fields}
        for param in self._declared.flow_def(flow).params:
            match self._declared.shared_by(param):
                case "workspace":
                    values[param.name] = read(self._workspace_file())
                case "profile":
                    values[param.name] = read(self._profile_file(profile))
                case _:
                    pass
        return values

    def _saved(
        self,
        given: Mapping[str, Given],
        unset: Collection[str],
        profile: ProfileName,
        flow: FlowId | None,
        reserved: Mapping[str, str],
    ) -> tuple[StoredParams, ...]:
        """Check all given values, then store them; see `Contexts.init`."""
        files, checked = self._completed(given, unset, profile, flow)
        # Only now: where something is wrong, nothing is made.
        flows = self._declared.flows.values()
        earlier = {self.workspace.flow_folder(profile, old) for each in flows for old in each.was}
        for file in files:
            # A folder that has another name by now must not come back under its earlier one.
            if file.path.parent not in earlier:
                self._make_folder(file)
        with self._changing("init"):
            if any(file.renamed for file in files) or any(self._moves(profile)):
                self._before_upgrade(profile)
            self._take_over(profile)
            if any(file.has_changed() for file in files):
                # Somebody else was faster; with what they stored, it may be wrong.
                files, checked = self._completed(given, unset, profile, flow)
            # The workspace's own comes last: it names the profile in use, which is whole by then.
            notices = [text for file in files for text in self.notices_of(file, unset)]
            saved = tuple(
                file.save(values, reserved if file is files[0] else {}, unset)
                for file, values in reversed([*zip(files, checked, strict=True)])
            )[::-1]
        for text in notices:
            _LOG.warning("%s", text)
        self._say_not_stored(given, files, {name for each in saved for name in each.values})
        return saved

    def _completed(
        self,
        given: Mapping[str, Given],
        unset: Collection[str],
        profile: ProfileName,
        flow: FlowId | None,
    ) -> tuple[list[ParamsFile], list[Checked]]:
        files = list(self._files(profile, flow))
        known = {name for file in files for name in file.group.params}
        # What means nothing in a file can be taken out of it, but not given.
        spare = {key for file in files for key in file.unknown}
        for name in (*given, *(each for each in unset if each not in spare)):
            if name not in known:
                new = [file.group.earlier[name] for file in files if name in file.group.earlier]
                advice = f"{name} is called {new[0]} now: use that name" if new else ""
                raise NameUnknown("parameter", name, known, help=advice)
        for name in unset:
            if name in given:
                raise UsageError(
                    f"{name} is given a value and taken back at the same time.",
                    help="do one of both",
                )
        for file in files:
            empty = [
                ParamProblem(name, one.origin, "a path is not empty; `.` is the present folder")
                for name, one in given.items()
                if one.value == ""
                and name in file.group.params
                and file.group.params[name].value_type.is_path
            ]
            if empty:
                raise ParamsInvalid(file.owner, empty)
        results = [file.completed(self._secrets, given, unset) for file in files]
        return files, right(results, self._how_to_give)

    def _before_upgrade(self, profile: ProfileName, *, held: bool = False) -> None:
        """Do what is to be done before what an earlier version stored of a profile is changed.

        `held` says that the caller holds the profile's lock.
        """

    def _make_folder(self, file: ParamsFile) -> None:
        with refusals(file.path.parent, "created"):
            make_folder(file.path.parent)

    def _take_over(self, profile: ProfileName) -> None:
        """Give folders of flows their present names, unless an execution runs on the profile."""
        if not any(self._moves(profile)):
            return
        lock, me = FileLock(self.workspace.lock_file(profile)), started_by("")
        holder = LockHolder(me.user, me.host, me.pid, command="init", since=SystemClock.now())
        if lock.acquire(holder) is not None:
            # The next execution will do it.
            return
        try:
            for place, home in self._moves(profile):
                taken_over(place, home)
        finally:
            lock.release()

    def _moves(self, profile: ProfileName) -> Iterator[tuple[Path, Path]]:
        """Yield folders that still have an earlier name of a flow, each with its present path."""
        for flow in self._declared.flows.values():
            home = self.workspace.flow_folder(profile, flow.id)
            place = self.workspace.flow_folder(profile, flow.id, flow.was)
            if place != home:
                yield place, home

    @contextmanager
    def _changing(self, command: str) -> Generator[None]:
        """Hold the lock of the workspace's parameters: what is read is still so when it is written.

        Raises `ParamsBusy`.
        """
        if not self.workspace.folder.is_dir():
            # Nothing is set up, so there is nothing to be changed.
            yield
            return
        lock, me = FileLock(self.workspace.params_lock_file), started_by("")
        holder = LockHolder(me.user, me.host, me.pid, command=command, since=SystemClock.now())
        other = lock.acquire(holder, patience=_PATIENCE)
        if other is not None:
            who = f"{other.user} (pid {other.pid})" if other.user else ""
            raise ParamsBusy(self.workspace.root, other.command, who, other.since)
        try:
            yield
        finally:
            lock.release()

    def _files(self, profile: ProfileName, flow: FlowId | None = None) -> Iterator[ParamsFile]:
        yield self._workspace_file()
        yield self._profile_file(profile)
        for each in [flow] if flow else self._declared.flows:
            yield self._flow_file(profile, each)

    def _present(
        self,
        file: ParamsFile,
        given: Mapping[str, Given] = NONE_GIVEN,
        unset: Collection[str] = (),
    ) -> BaseModel:
        [checked] = right([file.present(self._secrets, given, unset)], self._how_to_give)
        return checked.values

    def _workspace_file(self) -> ParamsFile:
        return self._file(
            self.workspace.workspace_params_file,
            self._declared.workspace,
            f"workspace {self.workspace.root}",
            f"What holds for all profiles of {self._declared.app} in this workspace.",
            frozenset({"profile", "flow"}),
        )

    def _profile_file(self, profile: ProfileName) -> ParamsFile:
        return self._file(
            self.workspace.profile_params_file(profile),
            self._declared.profile,
            f"profile {profile}",
            f"What holds for all flows of profile {profile}.",
        )

    def _flow_file(self, profile: ProfileName, flow: FlowId) -> ParamsFile:
        group = self._declared.flow(flow)
        while True:
            path = self.flow_params_file(profile, flow)
            comment = f"The parameters of flow {flow} in profile {profile}."
            file = self._file(path, group, f"flow {flow}", comment)
            # Read at once: an execution may be giving the folder its present name.
            _ = file.stored
            if path == self.flow_params_file(profile, flow):
                return file

    def _file(
        self,
        path: Path,
        group: ParamGroup,
        owner: str,
        comment: str,
        reserved: Collection[str] = frozenset(),
    ) -> ParamsFile:
        return ParamsFile(path, group, owner, comment, self.workspace.root, reserved)

    def _how_to_give(self, params: Sequence[str]) -> str:
        """Return the advice on how to give values to parameters that have none."""
        secrets = self.secret_params()
        plain = [name for name in params if name not in secrets]
        options = [word for name in plain for word in self._option(name)]
        variables = [self._secrets.variable_of(name) for name in params if name in secrets]
        ways = [f"give them: {self.typed('init', *options)}"] if options else []
        if variables:
            sealed = [name for name in params if name in secrets]
            words = [word for name in sealed for word in (f"--{name.replace('_', '-')}", "SOURCE")]
            names = " and ".join(variables)
            ways.append(
                f"say where the secret is: {self.typed('init', *words)}, a source being "
                f"{SECRET_FORMS}; or set {names} in the environment of each command"
            )
        return "; ".join(ways)

    def _option(self, name: str) -> list[str]:
        """Return the option that gives a parameter, with a placeholder for its value."""
        params = (group.params.get(name) for group in self._declared.groups())
        value_type = next(param.value_type for param in params if param is not None)
        option, shape = f"--{name.replace('_', '-')}", value_type.metavar
        if value_type.shape is Shape.FLAG:
            return [option]
        return [option, shape if shape.isupper() and shape.isalpha() else name.upper()]

    def _say_not_stored(
        self, given: Mapping[str, Given], files: Iterable[ParamsFile], stored: Collection[str]
    ) -> None:
        """Warn of each secret that is not stored, and was given now or is needed by commands."""
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


def _why_unknown(file: ParamsFile, key: str) -> str:
    if key in file.group.earlier:
        return f"it is the earlier name of {file.group.earlier[key]}, which is there, too."
    near = nearest(key, file.group.params.keys() - file.stored.keys())
    return f"{file.owner} has no such parameter{f'; did you mean {near[0]}?' if near else '.'}"
