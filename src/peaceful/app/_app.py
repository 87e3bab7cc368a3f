"""An application: its name, its flows, and the doors through which they are used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from peaceful.app._app_def import AppDef
from peaceful.app._doors import door

if TYPE_CHECKING:
    from peaceful.app._contexts import Contexts
    from peaceful.executions import Executions


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
        from peaceful.app._contexts import Contexts

        return Contexts.of(self, workspace)

    @property
    def executions(self) -> Executions:
        """The register of the executions of the present workspace: who runs what, and how it ended.

        For another workspace, see `contexts`.
        """
        return self.contexts().executions

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
