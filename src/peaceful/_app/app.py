"""`App`: an application, and its doors."""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeAlias, cast

from peaceful._app.app_def import AppDef
from peaceful._errors.usage import ExtraMissing

if TYPE_CHECKING:
    from peaceful._app.contexts import Contexts
    from peaceful._app.web_settings import ServerEnd, WebSettings
    from peaceful._executions.registry import Executions
    from peaceful.interrupt import InterruptReceiver


@dataclass(frozen=True, slots=True)
class _Door:
    """A door.

    Attributes:
        module: where the function is that opens it.
        function: its name.
        extra: the extra of the package that it needs.
        feature: what it is called.
    """

    module: str
    function: str
    extra: str
    feature: str


_DOORS: Final = {
    "cli": _Door("peaceful._cli.run", "run", "cli", "The command line"),
    "asgi": _Door("peaceful._web.server.serve", "asgi", "web", "The web server"),
    "serve": _Door("peaceful._web.server.serve", "serve", "web", "The web server"),
}


def door(name: str) -> Callable[..., object]:
    """The function that opens a door.

    Args:
        name: the door's.

    Raises:
        ExtraMissing: the packages that it needs are not installed.
    """
    found = _DOORS[name]
    try:
        module = importlib.import_module(found.module)
        opener: Callable[..., object] = getattr(module, found.function)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "peaceful":
            raise
        raise ExtraMissing(found.feature, found.extra, error.name) from error
    return opener


_Message: TypeAlias = MutableMapping[str, Any]  # Any: as the ASGI specification has it


class AsgiApp(Protocol):
    """An application that ASGI servers can serve, and ASGI sites can mount."""

    async def __call__(
        self,
        scope: _Message,
        receive: Callable[[], Awaitable[_Message]],
        send: Callable[[_Message], Awaitable[None]],
        /,
    ) -> None:
        """Answer one connection, as the ASGI specification says."""
        ...

    def lifespan(self, site: object, /) -> AbstractAsyncContextManager[None]:
        """Interrupt what runs at the end of the context, and wait for it.

        A site that this is mounted in takes it as its own `lifespan`, or enters it there.
        """
        ...


class App(AppDef):
    """An automation tool: declare flows on it, and it has a command line.

    ```python
    app = App("webapp")


    @app.flow("deploy")
    def deploy(flow: Flow, url: str, into: Path) -> None:
        flow.add("app_download", FileDownload(src=url, dest=into / "app.tar"))


    if __name__ == "__main__":
        app.main()
    ```

    Args:
        name: letters, digits, `_` and `-`, not starting with a digit.
        help: what it is for, in a sentence.
        version: its version, for `--version`.
        ensure_name: another name for `ensure` on its command line.
        workspace_params: parameters that hold for all profiles; a flow's function gets them in the
            parameter that is annotated with this model.
        profile_params: parameters that hold for all flows of a profile; likewise.
        names_profiles: whether `init` is told the name of the profile as its first word, because
            there will be several: `init PROFILE ...`.
        default_flow: the flow to work on where there are several and nobody names one.
        asks_before_clean: says of a profile, by its parameters, whether its command line asks
            before it cleans up, as for one that customers use.

    Raises:
        NameInvalid: the name breaks the rule.
        DefinitionError: profiles have no parameters by which it could be said whether to ask.

    Attributes:
        name: the application's name, which is also its folder in `.peace`.
        help: what it is for, in a sentence.
        version: its version, or empty.
        ensure_name: what its command line calls `ensure`, such as `deploy`.
        workspace_params: a model of the parameters of a workspace, or none.
        profile_params: a model of the parameters of a profile, or none.
        names_profiles: whether `init` is told the name of the profile as its first word.
        default_flow: the flow to work on where nobody names one, or none.
        asks_before_clean: says of a profile whether its command line asks before it cleans up.
        flows: by name, in the order of their declaration.
    """

    def contexts(self, workspace: Path | None = None) -> Contexts:
        """Makes the contexts that commands run on, for calling them without a command line.

        Args:
            workspace: the folder that holds `.peace`, or is to hold it; without it, the nearest
                parent of the present folder that does, else the present folder.
        """
        from peaceful._app.contexts import Contexts

        return Contexts.of(self, workspace)

    @property
    def executions(self) -> Executions:
        """The register of the executions of the present workspace: who runs what, and how it ended.

        For another workspace, see `contexts`.
        """
        from peaceful._app.register import register_of, workspace_of

        return register_of(workspace_of(self.name, None))

    def asgi(
        self, workspace: Path | None = None, *, settings: WebSettings | None = None
    ) -> AsgiApp:
        """The application's web server as an ASGI application, to mount in a site of one's own.

        It runs executions in the process that serves it. Whoever serves it sends it `lifespan`
        events: at the end, it interrupts what runs, and waits for it.

        Args:
            workspace: as for `contexts`.
            settings: what the site is called, and what requests have to hold. By default, it
                answers for this machine's own names only, and the site looks after who may use it.
                Encrypting is left to the site.

        Raises:
            ExtraMissing: the extra `web` is not installed.
        """
        return cast(AsgiApp, door("asgi")(self, workspace, settings))

    async def serve(
        self,
        address: str = "127.0.0.1",
        port: int = 0,
        *,
        workspace: Path | None = None,
        settings: WebSettings | None = None,
        receiver: InterruptReceiver | None = None,
        on_ready: Callable[[str], None] | None = None,
    ) -> ServerEnd:
        """Serves the application's web server until it is interrupted.

        An interrupt stops what runs, and the server ends when that has ended; the ladder of levels
        goes on from there.

        Args:
            address: where it listens. Where others than this machine reach it, `settings` must
                have tokens, and a certificate or the proxies that have one.
            port: 0 for a free one.
            workspace: as for `contexts`.
            settings: who may use it, and how; by default, whoever has a new token.
            receiver: of the interrupt that ends it; by default, process signals (Ctrl-C, SIGTERM,
                SIGHUP) do, which are then handled here.
            on_ready: told the address, once connections are accepted; with the token, where that is
                a new one.

        Raises:
            UsageError: the address or the settings cannot be used.
            ExtraMissing: the extra `web` is not installed.
        """
        opened = door("serve")(
            self,
            address,
            port,
            workspace=workspace,
            settings=settings,
            receiver=receiver,
            on_ready=on_ready,
        )
        return await cast("Awaitable[ServerEnd]", opened)

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Runs the application's command line, and ends the process with its exit code.

        Args:
            arguments: the words after the program's name; those that the process was started with
                by default.

        Raises:
            SystemExit: always, with the exit code.
            ExtraMissing: the extra `cli` is not installed.
        """
        door("cli")(self, arguments)
