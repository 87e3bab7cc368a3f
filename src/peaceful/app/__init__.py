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
    from peaceful.app._web_settings import (
        EVERYTHING,
        Network,
        Role,
        ServerEnd,
        Tls,
        WebSettings,
        WebToken,
    )
    from peaceful.app._web_tokens import web_tokens

__all__ = [
    "DEFAULT_PROFILE",
    "EVERYTHING",
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
    "Network",
    "Role",
    "Sealed",
    "SecretSource",
    "Selection",
    "ServerEnd",
    "StoredItem",
    "StoredParams",
    "Tls",
    "WebSettings",
    "WebToken",
    "new_key",
    "source_of",
    "web_tokens",
]

_HOMES = {
    "Contexts": "peaceful.app._contexts",
    "DEFAULT_PROFILE": "peaceful.app._selection",
    "EVERYTHING": "peaceful.app._web_settings",
    "ExecutionOptions": "peaceful.app._contexts",
    "FromCommand": "peaceful.app._secret_sources",
    "FromEnvironment": "peaceful.app._secret_sources",
    "FromFile": "peaceful.app._secret_sources",
    "Given": "peaceful.app._remembered",
    "Network": "peaceful.app._web_settings",
    "Role": "peaceful.app._web_settings",
    "SECRET_FORMS": "peaceful.app._secret_sources",
    "Sealed": "peaceful.app._secret_sources",
    "SecretSource": "peaceful.app._secret_sources",
    "Selection": "peaceful.app._selection",
    "ServerEnd": "peaceful.app._web_settings",
    "StoredParams": "peaceful.app._remembered",
    "Tls": "peaceful.app._web_settings",
    "WebSettings": "peaceful.app._web_settings",
    "WebToken": "peaceful.app._web_settings",
    "new_key": "peaceful.app._sealing",
    "source_of": "peaceful.app._secret_sources",
    "web_tokens": "peaceful.app._web_tokens",
}
"""By name, the module that it is in: these load what runs a flow."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
