"""Applications: flows declared under a name, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late
from peaceful.app._app import App, AsgiApp
from peaceful.app._app_def import AppDef
from peaceful.app._flow_def import FlowDef, FlowFunction, FlowParam
from peaceful.app._named_flow import NamedFlow, StoredItem

if TYPE_CHECKING:
    from peaceful.app._contexts import Contexts, ExecutionOptions
    from peaceful.app._remembered import Given, StoredParams
    from peaceful.app._sealing import new_key
    from peaceful.app._secret_sources import (
        SECRET_FORMS,
        FromCommand,
        FromEnvironment,
        FromFile,
        Sealed,
        SecretSource,
        source_of,
    )
    from peaceful.app._selection import DEFAULT_PROFILE, Selection

__all__ = [
    "DEFAULT_PROFILE",
    "SECRET_FORMS",
    "App",
    "AppDef",
    "AsgiApp",
    "Contexts",
    "ExecutionOptions",
    "FlowDef",
    "FlowFunction",
    "FlowParam",
    "FromCommand",
    "FromEnvironment",
    "FromFile",
    "Given",
    "NamedFlow",
    "Sealed",
    "SecretSource",
    "Selection",
    "StoredItem",
    "StoredParams",
    "new_key",
    "source_of",
]

_HOMES = {
    "Contexts": "peaceful.app._contexts",
    "DEFAULT_PROFILE": "peaceful.app._selection",
    "ExecutionOptions": "peaceful.app._contexts",
    "FromCommand": "peaceful.app._secret_sources",
    "FromEnvironment": "peaceful.app._secret_sources",
    "FromFile": "peaceful.app._secret_sources",
    "Given": "peaceful.app._remembered",
    "SECRET_FORMS": "peaceful.app._secret_sources",
    "Sealed": "peaceful.app._secret_sources",
    "SecretSource": "peaceful.app._secret_sources",
    "Selection": "peaceful.app._selection",
    "StoredParams": "peaceful.app._remembered",
    "new_key": "peaceful.app._sealing",
    "source_of": "peaceful.app._secret_sources",
}
"""By name, the module that it is in: these load what runs a flow."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
