"""Automation that can be interrupted, carries on where it stopped, and says what it does.

Declare flows of items on an `App`; it has a command line at once. What is needed most is here; the
rest is in the packages: `peaceful.items` (ready-made items), `peaceful.interrupt` (interruption,
useful alone), `peaceful.commands` and `peaceful.runtime` (commands without a command line),
`peaceful.errors`, `peaceful.model`, `peaceful.testing` (for tests of your own items).

Names are loaded when they are used, so that `--help` does not wait for what only running a flow
needs.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from peaceful._late import late as _late

if TYPE_CHECKING:
    from peaceful.app import App
    from peaceful.errors import ItemFailure, PeacefulError
    from peaceful.item import Change, Item, ItemCtx, StateDiff, write_atomically
    from peaceful.model.state import State
    from peaceful.params import mapped, stored
    from peaceful.runtime import Flow, Handle

__version__ = "0.1.0"

_HOMES = {
    "App": "peaceful.app",
    "Change": "peaceful.item",
    "Flow": "peaceful.runtime",
    "Handle": "peaceful.runtime",
    "Item": "peaceful.item",
    "ItemCtx": "peaceful.item",
    "ItemFailure": "peaceful.errors",
    "PeacefulError": "peaceful.errors",
    "State": "peaceful.model.state",
    "StateDiff": "peaceful.item",
    "mapped": "peaceful.params",
    "stored": "peaceful.params",
    "write_atomically": "peaceful.item",
}
"""By name, the package that hands it on."""

__all__ = [
    "App",
    "Change",
    "Flow",
    "Handle",
    "Item",
    "ItemCtx",
    "ItemFailure",
    "PeacefulError",
    "State",
    "StateDiff",
    "__version__",
    "mapped",
    "stored",
    "write_atomically",
]

__getattr__: Callable[[str], object] = _late(globals(), _HOMES)
