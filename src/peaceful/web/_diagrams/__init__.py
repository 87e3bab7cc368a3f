"""Diagrams of flows: what waits for what, and which places are touched. Pure, but for items' code.

Laid out and drawn here, so that they are there without a script in the page. A *plan* says what is
drawn; `drawn` puts it in its place; `svg` and `dot` write it down.
"""

from peaceful.web._diagrams._dot import dot
from peaceful.web._diagrams._layout import MOST_NODES, drawn
from peaceful.web._diagrams._model import Drawing, Link, Look, Node, Plan
from peaceful.web._diagrams._outcome import outcome_plan, outcome_view
from peaceful.web._diagrams._pictures import (
    OUTCOME,
    PROGRESS,
    outcome_drawing,
    outcome_of,
    progress_drawing,
)
from peaceful.web._diagrams._progress import progress_plan
from peaceful.web._diagrams._statuses import STATUSES
from peaceful.web._diagrams._svg import Style, svg
from peaceful.web._diagrams._touches import Touches, touches_of

__all__ = [
    "MOST_NODES",
    "OUTCOME",
    "PROGRESS",
    "STATUSES",
    "Drawing",
    "Link",
    "Look",
    "Node",
    "Plan",
    "Style",
    "Touches",
    "dot",
    "drawn",
    "outcome_drawing",
    "outcome_of",
    "outcome_plan",
    "outcome_view",
    "progress_drawing",
    "progress_plan",
    "svg",
    "touches_of",
]
