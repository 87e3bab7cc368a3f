"""Applications: flows declared under a name, put together with everything that runs them.

Light to import: what runs a flow is loaded when a flow is run.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late
from peaceful.app._app import App, AsgiApp
from peaceful.app._app_def import AppDef, NamedFlow, StoredItem
from peaceful.app._parameters.declaration import (
    FlowDef,
    FlowFunction,
    Given,
    ParamDef,
    ParamGroup,
)
from peaceful.app._parameters.reading import Shape

if TYPE_CHECKING:
    from peaceful.app._contexts import DEFAULT_PROFILE, Contexts, ExecutionOptions, Selection
    from peaceful.app._parameters.files import StoredParams
    from peaceful.app._parameters.sealing import new_key
    from peaceful.app._parameters.secrets import SECRET_FORMS, SecretSource
    from peaceful.app._register import register_of, workspace_of
    from peaceful.app._web_settings import (
        EVERYTHING,
        Network,
        Role,
        ServerEnd,
        Tls,
        WebSettings,
        WebToken,
        web_tokens,
    )

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
    "Given",
    "NamedFlow",
    "Network",
    "ParamDef",
    "ParamGroup",
    "Role",
    "SecretSource",
    "Selection",
    "ServerEnd",
    "Shape",
    "StoredItem",
    "StoredParams",
    "Tls",
    "WebSettings",
    "WebToken",
    "new_key",
    "register_of",
    "web_tokens",
    "workspace_of",
]

_HOMES = {
    "Contexts": "peaceful.app._contexts",
    "DEFAULT_PROFILE": "peaceful.app._contexts",
    "EVERYTHING": "peaceful.app._web_settings",
    "ExecutionOptions": "peaceful.app._contexts",
    "Network": "peaceful.app._web_settings",
    "Role": "peaceful.app._web_settings",
    "SECRET_FORMS": "peaceful.app._parameters.secrets",
    "SecretSource": "peaceful.app._parameters.secrets",
    "Selection": "peaceful.app._contexts",
    "ServerEnd": "peaceful.app._web_settings",
    "StoredParams": "peaceful.app._parameters.files",
    "Tls": "peaceful.app._web_settings",
    "WebSettings": "peaceful.app._web_settings",
    "WebToken": "peaceful.app._web_settings",
    "new_key": "peaceful.app._parameters.sealing",
    "register_of": "peaceful.app._register",
    "web_tokens": "peaceful.app._web_settings",
    "workspace_of": "peaceful.app._register",
}
"""By name, the module that it is in: these load what runs a flow."""

__getattr__: Callable[[str], object] = late(globals(), _HOMES)
