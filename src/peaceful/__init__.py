"""Automation that can be interrupted, carries on where it stopped, and says what it does.

Declare flows of items on an `App`; it has a command line and a web page at once. What declares an
application and its items is here. Beside it are `peaceful.items` (ready-made items),
`peaceful.commands` (commands, their outcomes and stores, for programs without a command line),
`peaceful.interrupt` (interruption, useful alone), `peaceful.errors`, and `peaceful.testing` (for
tests of your own items). Every package whose name begins with an underscore is internal.

Names are loaded when they are used, so that `--help` does not wait for what only running a flow
needs.
"""

import sys as _sys

TYPE_CHECKING = False  # As in `typing`, which takes longer to load than all of this.
if TYPE_CHECKING:
    from peaceful._app.app import App
    from peaceful._app.parameters.declaration import Given, Param
    from peaceful._app.parameters.secrets import SecretSource
    from peaceful._app.web_settings import Role, Tls, WebSettings, WebToken
    from peaceful._errors.base import PeacefulError
    from peaceful._errors.running import ItemFailure
    from peaceful._item.child import ChildResult
    from peaceful._item.ctx import ItemCtx
    from peaceful._item.diff import Change, StateDiff
    from peaceful._item.files import write_atomically
    from peaceful._item.item import Item
    from peaceful._item.retry import Backoff
    from peaceful._item.upgrades import upgrades
    from peaceful._model.events import ProgressUnit
    from peaceful._model.location import Interaction, Location, Pull, Push, Within
    from peaceful._model.outcome import ItemStatus
    from peaceful._model.state import State
    from peaceful._params.references import mapped
    from peaceful._params.specs import stored
    from peaceful._process_signals import heed_signals
    from peaceful._resources import Resources
    from peaceful._runtime.flow import Flow, Handle

__version__ = "0.1.0"

_NAMES = {
    "_app.app": ("App",),
    "_app.parameters.declaration": ("Given", "Param"),
    "_app.parameters.secrets": ("SecretSource",),
    "_app.web_settings": ("Role", "Tls", "WebSettings", "WebToken"),
    "_errors.base": ("PeacefulError",),
    "_errors.running": ("ItemFailure",),
    "_item.child": ("ChildResult",),
    "_item.ctx": ("ItemCtx",),
    "_item.diff": ("Change", "StateDiff"),
    "_item.files": ("write_atomically",),
    "_item.item": ("Item",),
    "_item.retry": ("Backoff",),
    "_item.upgrades": ("upgrades",),
    "_model.events": ("ProgressUnit",),
    "_model.location": ("Interaction", "Location", "Pull", "Push", "Within"),
    "_model.outcome": ("ItemStatus",),
    "_model.state": ("State",),
    "_params.references": ("mapped",),
    "_params.specs": ("stored",),
    "_process_signals": ("heed_signals",),
    "_resources": ("Resources",),
    "_runtime.flow": ("Flow", "Handle"),
}
"""By module, the names that it defines."""

_HOMES = {name: f"peaceful.{module}" for module, names in _NAMES.items() for name in names}

__all__ = [
    "App",
    "Backoff",
    "Change",
    "ChildResult",
    "Flow",
    "Given",
    "Handle",
    "Interaction",
    "Item",
    "ItemCtx",
    "ItemFailure",
    "ItemStatus",
    "Location",
    "Param",
    "PeacefulError",
    "ProgressUnit",
    "Pull",
    "Push",
    "Resources",
    "Role",
    "SecretSource",
    "State",
    "StateDiff",
    "Tls",
    "WebSettings",
    "WebToken",
    "Within",
    "__version__",
    "heed_signals",
    "mapped",
    "stored",
    "upgrades",
    "write_atomically",
]

if not TYPE_CHECKING:  # Else every name would seem to be there.

    def __getattr__(name: str) -> object:
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        __import__(_HOMES[name])  # Not by `importlib`, which takes longer to load than all of this.
        value = globals()[name] = getattr(_sys.modules[_HOMES[name]], name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
