"""What is selected and remembered of an application in a workspace: profile, flow, parameters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from peaceful.app._parameters.declaration import Given
from peaceful.app._parameters.files import StoredParams
from peaceful.app._parameters.secrets import readable
from peaceful.app._parameters.store import ParamStore
from peaceful.errors import DefinitionError, NameInvalid, NameUnknown, UsageError, WorkspaceMissing
from peaceful.model import FlowId, JsonValue, ProfileName, checked_name
from peaceful.storage import Workspace

if TYPE_CHECKING:
    from peaceful.app._app_def import AppDef

DEFAULT_PROFILE: Final = "default"
"""The profile of those who do not think of profiles."""


class Selection(ParamStore):
    """One application in one workspace: which profile and flow to work on, with which parameters.

    Args:
        app: the application.
        workspace: where its files are.
        environment: the environment variables, from which parameters with secrets are taken: those
            of this process by default.

    Attributes:
        app: the application.
        workspace: where its files are.
        typed: how a command is typed, by its words, for messages; a door may know better than that
            the program is called like the application.
    """

    def __init__(
        self, app: AppDef, workspace: Workspace, environment: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(app.declared, workspace, environment)
        self.app: Final = app

    # ---- what is selected

    def profile(self, name: ProfileName | None = None) -> ProfileName:
        """The profile to work on: the given one, else the one in use, else `default`.

        Raises:
            NameInvalid: the name breaks the rule.
            NameUnknown: it was never created.
            WorkspaceMissing: no profile was.
        """
        chosen = checked_name("a profile", self._in_use() if name is None else name)
        known = self.workspace.profiles()
        if chosen not in known:
            if not known:
                raise WorkspaceMissing(
                    f"Nothing is set up for {self.app.name} in {self.workspace.root}.",
                    help=f"run {self.typed('init')} first, or say --workspace DIR",
                )
            raise NameUnknown(
                "profile",
                chosen,
                known,
                help=f"create it: {self.typed('switch', chosen, '--create')}",
            )
        return chosen

    def flow_id(self, name: FlowId | None = None) -> FlowId:
        """The flow to work on: the given one, else the only one, else the one chosen at `init`.

        Else the application's default, if it has one.

        Raises:
            NameUnknown: the application has no such flow.
            UsageError: there are several, and nobody says which.
            DefinitionError: there is none.
        """
        if name is not None:
            return self.app.flow_def(name).id
        if len(self.app.flows) == 1:
            return next(iter(self.app.flows))
        stored = self._workspace_file().stored.get("flow")
        if isinstance(stored, str):
            return self.app.flow_def(stored).id
        if self.app.default_flow is not None:
            return self.app.flow_def(self.app.default_flow).id
        if not self.app.flows:
            raise DefinitionError(
                f"{self.app.name} has no flow.", help='declare one: @app.flow("NAME")'
            )
        raise UsageError(
            f"{self.app.name} has several flows, and none was chosen.",
            details=(("each flow there is", ", ".join(self.app.flows)),),
            help="say --flow FLOW",
        )

    # ---- what is remembered

    def init(
        self,
        given: Mapping[str, Given],
        *,
        profile: ProfileName = DEFAULT_PROFILE,
        flow: FlowId | None = None,
    ) -> tuple[StoredParams, ...]:
        """Stores parameters of workspace, profile and flows, and takes the profile into use.

        What is not given keeps its stored value. Of a parameter with a secret in it, it is stored
        where the secret comes from; or the secret itself, sealed with a key of the environment. One
        of which nothing is stored needs no value: a warning says which environment variable each
        command takes it from.

        Args:
            given: by name, what is given now; each goes to whoever declares a parameter of that
                name.
            profile: the profile to set up.
            flow: the flow to set up, which is also chosen for later; all flows by default.

        Returns:
            The files, and what they hold now.

        Raises:
            UsageError: a name or a value is wrong, or a parameter has no value; nothing was stored.
            StorageError: something cannot be written.
        """
        checked_name("a profile", profile)
        chosen = {"flow": flow} if flow else {}
        return self._saved(given, profile, flow, {"profile": profile, **chosen})

    def give(
        self, given: Mapping[str, Given], *, profile: ProfileName, flow: FlowId
    ) -> tuple[StoredParams, ...]:
        """As `init`, for a profile that is there; what is in use stays as it is.

        Raises:
            NameUnknown: there is no such profile, flow or parameter.
            UsageError: a value is wrong, or a parameter has no value; nothing was stored.
            StorageError: something cannot be written.
        """
        return self._saved(given, self.profile(profile), flow, {})

    def switch(self, profile: ProfileName, *, create: bool = False) -> None:
        """Takes a profile into use.

        Args:
            profile: which one.
            create: whether it is new.

        Raises:
            NameInvalid: the name breaks the rule.
            NameUnknown: it was never created, and `create` is not set.
            UsageError: it exists, and `create` is set.
        """
        checked_name("a profile", profile)
        if create:
            if profile in self.workspace.profiles():
                raise UsageError(
                    f"The profile {profile} exists already.",
                    help=f"switch to it without --create: {self.typed('switch', profile)}",
                )
            self._profile_file(profile).write({})
        self.profile(profile)
        self._workspace_file().write({"profile": profile})

    def stored(self, profile: ProfileName, flow: FlowId) -> dict[str, JsonValue]:
        """What is stored of the parameters that a flow takes of its own, for people.

        Of secrets, only where they come from. Nothing is checked, and what is missing is left out.

        Raises:
            NameUnknown: there is no such profile or flow.
            StorageError: the file cannot be read.
        """
        flow = self.app.flow_def(flow).id
        file = self._flow_file(self.profile(profile), flow)
        return readable(file.group.secrets, file.stored)

    def asks_before_clean(self, profile: ProfileName) -> bool:
        """Whether somebody is to be asked before the profile is cleaned up.

        Raises:
            ParamsMissing: a parameter of the profile has no value.
            ParamsInvalid: what is stored is not a value that the parameter may have.
        """
        asks = self.app.asks_before_clean
        return asks is not None and asks(self._present(self._profile_file(profile)))

    # ---- parts

    def _in_use(self) -> ProfileName:
        file = self._workspace_file()
        stored = file.stored.get("profile", DEFAULT_PROFILE)
        try:
            return checked_name("a profile", str(stored))
        except NameInvalid as error:
            error.details = (*error.details, ("set in", str(file.path)))
            error.help = f"take another one into use: {self.typed('switch', 'PROFILE')}"
            raise
