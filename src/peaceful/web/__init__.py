"""The web: start executions, watch them, interrupt them, from a browser or by HTTP.

`asgi` makes an ASGI application of an `App`, and `serve` serves it on this machine; `App.asgi` and
`App.serve` call them. What requests need is put together by `server_context`, from parts that are
of use without each other.
"""

from peaceful.web._access import Access, Role
from peaceful.web._context import server_context
from peaceful.web._metrics import Metrics
from peaceful.web._running import RunningExecutions, Started
from peaceful.web._serve import asgi, serve
from peaceful.web._site import WebApp, web_app
from peaceful.web._start import Command, StartRequest
from peaceful.web._tracker import ProgressTracker
from peaceful.web._trackers import ProgressTrackers

__all__ = [
    "Access",
    "Command",
    "Metrics",
    "ProgressTracker",
    "ProgressTrackers",
    "Role",
    "RunningExecutions",
    "StartRequest",
    "Started",
    "WebApp",
    "asgi",
    "serve",
    "server_context",
    "web_app",
]
