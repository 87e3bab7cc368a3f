"""An application as it is declared: its name, its flows, its parameters; without any door."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TypeVar

from peaceful.app._flow_def import FlowDef, FlowFunction
from peaceful.errors import NameTaken, NameUnknown
from peaceful.model import FlowId, checked_app_name, checked_name

if TYPE_CHECKING:
    from pydantic import BaseModel

F = TypeVar("F", bound=FlowFunction)


class AppDef:
    """What is declared of an application; see `App`, which adds the doors.

    Attributes:
        name: the application's name, which is also its folder in `.peace`.
        help: what it is for, in a sentence.
        version: its version, or empty.
        ensure_name: what its command line calls `ensure`, such as `deploy`.
        workspace_params: a model of the parameters of a workspace, or none.
        profile_params: a model of the parameters of a profile, or none.
        flows: by name, in the order of their declaration.
    """

    def __init__(
        self,
        name: str,
        *,
        help: str = "",
        version: str = "",
        ensure_name: str = "ensure",
        workspace_params: type[BaseModel] | None = None,
        profile_params: type[BaseModel] | None = None,
    ) -> None:
        self.name: Final = checked_app_name(name)
        self.help = help
        self.version = version
        self.ensure_name = ensure_name
        self.workspace_params = workspace_params
        self.profile_params = profile_params
        self.flows: dict[FlowId, FlowDef] = {}

    def flow(self, flow_id: FlowId) -> Callable[[F], F]:
        """Declares a flow: decorates a function that adds the flow's items.

        The function takes the flow, and the flow's parameters by name. It is run anew for each
        command, with the parameters that are stored then, so a flow may have as many items as its
        parameters say.

        Args:
            flow_id: the flow's name: letters, digits and `_`, not starting with a digit.

        Raises:
            NameInvalid: the name breaks the rule.
            NameTaken: the application has a flow of that name.
        """
        checked_name("a flow", flow_id)

        def declare(function: F) -> F:
            if flow_id in self.flows:
                raise NameTaken("flow", flow_id)
            self.flows[flow_id] = FlowDef(flow_id, function, (function.__doc__ or "").strip())
            return function

        return declare

    def flow_def(self, flow_id: FlowId) -> FlowDef:
        """The flow of that name.

        Raises:
            NameUnknown: there is none.
        """
        if flow_id not in self.flows:
            raise NameUnknown("flow", flow_id, self.flows)
        return self.flows[flow_id]
