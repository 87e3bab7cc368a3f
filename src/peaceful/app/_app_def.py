"""An application as it is declared: its name, its flows, its parameters; without any door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from peaceful.app._named_flow import NamedFlow
from peaceful.app._parameters.declaration import Declarations, FlowDef
from peaceful.errors import DefinitionError
from peaceful.model import checked_app_name, checked_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    from peaceful.model import FlowId  # it loads msgspec, which `--help` does without


class AppDef:
    """What is declared of an application; see `App`, which adds the doors.

    Attributes:
        name: the application's name, which is also its folder in `.peace`.
        help: what it is for, in a sentence.
        version: its version, or empty.
        ensure_name: what its command line calls `ensure`, such as `deploy`.
        workspace_params: a model of the parameters of a workspace, or none.
        profile_params: a model of the parameters of a profile, or none.
        names_profiles: whether `init` is told the name of the profile as its first word.
        default_flow: the flow to work on where nobody names one, or none.
        asks_before_clean: says of a profile, by its parameters, whether its command line asks
            before it cleans up, or none where it never does.
        flows: by name, in the order of their declaration.
        declared: the parameters of all of them.
    """

    def __init__(  # noqa: PLR0913 - each is a fact that an application may declare
        self,
        name: str,
        *,
        help: str = "",
        version: str = "",
        ensure_name: str = "ensure",
        workspace_params: type[BaseModel] | None = None,
        profile_params: type[BaseModel] | None = None,
        names_profiles: bool = False,
        default_flow: FlowId | None = None,
        asks_before_clean: Callable[[Any], bool] | None = None,  # Any: takes the profile's model
    ) -> None:
        if asks_before_clean is not None and profile_params is None:
            raise DefinitionError(
                f"{name} asks before it cleans some profiles up, but profiles have no parameters.",
                help="give the model of their parameters as profile_params",
            )
        self.name: Final = checked_app_name(name)
        self.help = help
        self.version = version
        self.ensure_name = ensure_name
        self.workspace_params = workspace_params
        self.profile_params = profile_params
        self.names_profiles = names_profiles
        self.default_flow = default_flow
        self.asks_before_clean = asks_before_clean
        self.flows: dict[FlowId, FlowDef] = {}
        self.declared: Final = Declarations(
            self.name, self.flows, workspace=workspace_params, profile=profile_params
        )

    def flow(self, flow_id: FlowId) -> NamedFlow:
        """A flow, by its name: as a decorator it declares the flow, and it refers to its items.

        ```python
        @app.flow("deploy")
        def deploy(flow: Flow, url: str) -> None:
            ...


        @app.flow("announce")
        def announce(flow: Flow) -> None:
            bucket = app.flow("deploy").item("bucket", S3BucketState)
            flow.add("note", Note(text=bucket.state.name))
        ```

        The decorated function takes the flow, and the flow's parameters by name. It is run anew for
        each command, with the parameters that are stored then, so a flow may have as many items as
        its parameters say.

        Args:
            flow_id: the flow's name: letters, digits and `_`, not starting with a digit.

        Raises:
            NameInvalid: the name breaks the rule.
        """
        return NamedFlow(checked_name("a flow", flow_id), self.flows)

    def flow_def(self, flow_id: FlowId) -> FlowDef:
        """The flow of that name.

        Raises:
            NameUnknown: there is none.
        """
        return self.declared.flow_def(flow_id)
