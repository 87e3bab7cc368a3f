"""Applications: flows declared under a name, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from peaceful.app._app import App
from peaceful.app._app_def import AppDef
from peaceful.app._flow_def import FlowDef, FlowFunction, FlowParam

if TYPE_CHECKING:
    from peaceful.app._contexts import DEFAULT_PROFILE, Contexts, ExecutionOptions
    from peaceful.app._remembered import Given, StoredParams

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
    "StoredParams",
]

_HOMES = {
    "DEFAULT_PROFILE": "peaceful.app._contexts",
    "Contexts": "peaceful.app._contexts",
    "ExecutionOptions": "peaceful.app._contexts",
    "Given": "peaceful.app._remembered",
    "StoredParams": "peaceful.app._remembered",
}
"""By name, the module that it is in: these load what runs a flow."""


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(home), name)
    return value
