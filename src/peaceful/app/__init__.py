"""Applications: flows declared under a name, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late
from peaceful.app._app import App
from peaceful.app._app_def import AppDef
from peaceful.app._flow_def import FlowDef, FlowFunction, FlowParam

if TYPE_CHECKING:
    from peaceful.app._contexts import Contexts, ExecutionOptions
    from peaceful.app._remembered import Given, StoredParams
    from peaceful.app._selection import DEFAULT_PROFILE, Selection

__all__ = [
    "DEFAULT_PROFILE",
    "App",
    "AppDef",
    "Contexts",
    "ExecutionOptions",
    "FlowDef",
    "FlowFunction",
    "FlowParam",
    "Given",
    "Selection",
    "StoredParams",
]

_HOMES = {
    "DEFAULT_PROFILE": "peaceful.app._selection",
    "Contexts": "peaceful.app._contexts",
    "ExecutionOptions": "peaceful.app._contexts",
    "Given": "peaceful.app._remembered",
    "Selection": "peaceful.app._selection",
    "StoredParams": "peaceful.app._remembered",
}
"""By name, the module that it is in: these load what runs a flow."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
