"""`App`: an application, and the front ends that it opens."""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Generator, MutableMapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from peaceful._app.app_def import AppDef
from peaceful._errors.usage import ExtraMissing
from peaceful._process_signals import process_signals

if TYPE_CHECKING:
    from peaceful._app.contexts import Contexts
    from peaceful._app.web_settings import ServerEnd, WebSettings
    from peaceful._executions.registry import Executions
    from peaceful.interrupt import InterruptReceiver

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


@contextmanager
def _from_extra(extra: str, feature: str) -> Generator[None]:
    """Raise `ExtraMissing` if an import within the context finds a package of the extra missing."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name is None or error.name.split(".")[0] == "peaceful":
            raise
        raise ExtraMissing(feature, extra, error.name) from error


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

    The arguments are attributes too; `flows` has the declared flows by name.

    Args:
        name: letters, digits, `_` and `-`, not starting with a digit; it also names the
            application's folder in `.peace`.
        help: a sentence that describes the application.
        version: its version, which is stored with states. Without it, `--version` tells that of the
            distribution whose command the application is.
        ensure_name: another name for `ensure` on its command line, such as `deploy`.
        workspace_params: a model of the parameters of a workspace, which hold for all profiles; a
            flow's function gets them in the parameter that is annotated with this model.
        profile_params: a model of the parameters of a profile, which hold for all its flows; passed
            to flows in the same way.
        names_profiles: whether `init` takes the profile as its first word, because there will be
            several: `init PROFILE ...`.
        default_flow: the flow to work on where there are several and nobody names one.
        asks_before: takes the parameters of a profile, and a command that changes things (`ensure`
            or `clean`), and returns whether people are asked before it runs on that profile: they
            type its name, at a terminal or on a page. `--yes` answers.
        stop_timeout: the seconds that its command line takes to stop when it is told by a signal
            that nobody at a terminal has sent; CANCEL comes after 60 %, KILL at the end. By default
            25, and 6 in GitHub Actions. `PEACEFUL_STOP_TIMEOUT` and `--stop-timeout` override it.
        prune: whether `ensure` removes what has left a flow, as with `--prune`.

    Raises:
        NameInvalid: the name breaks the rule.
        DefinitionError: `asks_before` is given without `profile_params`, or `stop_timeout` is
            not positive.
    """

    def contexts(self, workspace: Path | None = None) -> Contexts:
        """Return the factory of the contexts that commands run on, to call them from Python.

        Args:
            workspace: the folder that holds `.peace`, or is to hold it; by default the nearest
                parent of the current folder that does, else the current folder.
        """
        from peaceful._app.contexts import Contexts

        return Contexts.of(self, workspace)

    @property
    def executions(self) -> Executions:
        """The register of the executions of the current workspace: who runs what, and how it ended.

        For another workspace, see `contexts`.
        """
        from peaceful._app.register import register_of, workspace_of

        return register_of(workspace_of(self.name, None))

    def asgi(
        self, workspace: Path | None = None, *, settings: WebSettings | None = None
    ) -> AsgiApp:
        """Return the application's web server as an ASGI application, to mount in your own site.

        It runs executions in the process that serves it. The ASGI server must send it `lifespan`
        events: at shutdown, it interrupts what runs, and waits for it.

        Args:
            workspace: as for `contexts`.
            settings: the names of the site, and what requests must hold. By default, it answers for
                this machine's own names only, and the site controls access. Encryption is left to
                the site.

        Raises:
            ExtraMissing: the extra `web` is not installed.
        """
        with _from_extra("web", "The web server"):
            from peaceful._web.server.serve import asgi
        return asgi(self, workspace, settings)

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
        """Serve the application's web server until it is interrupted.

        An interrupt stops what runs, and the server ends when that has ended; further interrupts
        climb the levels from there.

        Args:
            address: the address to listen at. If other machines can reach it, `settings` must have
                tokens, and a certificate or the proxies that have one.
            port: 0 for a free one.
            workspace: as for `contexts`.
            settings: access control and names; by default, a new token is made.
            receiver: receives the interrupt that ends the server; by default, process signals
                (Ctrl-C, SIGTERM, SIGHUP) do, which are then handled here.
            on_ready: called with the URL once connections are accepted; it includes the token, if
                that is a new one.

        Raises:
            UsageError: the address or the settings cannot be used.
            ExtraMissing: the extra `web` is not installed.
        """
        with _from_extra("web", "The web server"):
            from peaceful._web.server.serve import serve
        return await serve(
            self,
            address,
            port,
            workspace=workspace,
            settings=settings,
            receiver=receiver,
            on_ready=on_ready,
        )

    def main(self, arguments: Sequence[str] | None = None) -> None:
        """Run the application's command line, and end the process with its exit code.

        Args:
            arguments: the words after the program's name; by default, those of the process.

        Raises:
            SystemExit: always, with the exit code.
            ExtraMissing: the extra `cli` is not installed.
        """
        words = sys.argv[1:] if arguments is None else list(arguments)
        signals = process_signals(words)
        with _from_extra("cli", "The command line"):
            from peaceful._cli.run import run
        run(self, words, signals)
