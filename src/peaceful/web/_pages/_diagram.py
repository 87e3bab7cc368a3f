"""The diagrams of pages."""

from __future__ import annotations

from markupsafe import Markup

from peaceful.resources import Resources
from peaceful.web._pages._view import ExecutionView


async def execution_diagram(parts: Resources, view: ExecutionView, kind: str) -> Markup:
    """The diagram of an execution's flow, or of what it touches."""
    return Markup("")


async def flow_diagram(parts: Resources, profile: str, flow: str, kind: str) -> Markup:
    """The diagram of a flow, or of what it touches."""
    return Markup("")
