"""Diagrams of flows: what waits for what, and which places are touched.

A `Plan` says what is shown; Graphviz says where it stands, in a process of its own; a `Drawing` is
written as SVG. How items stand is painted last, and changes nothing of the rest.
"""

from peaceful.web._diagrams.drawing import STATUSES, Drawing, as_dot
from peaceful.web._diagrams.graphviz import Layouts
from peaceful.web._diagrams.layout import Box, Layout, Line, Sketch
from peaceful.web._diagrams.outcome import Outcome, Touches, plan_of, touches_of
from peaceful.web._diagrams.plan import (
    MOST_ARROWS,
    MOST_BOXES,
    Link,
    Look,
    Node,
    Plan,
    check_size,
)

__all__ = [
    "MOST_ARROWS",
    "MOST_BOXES",
    "STATUSES",
    "Box",
    "Drawing",
    "Layout",
    "Layouts",
    "Line",
    "Link",
    "Look",
    "Node",
    "Outcome",
    "Plan",
    "Sketch",
    "Touches",
    "as_dot",
    "check_size",
    "plan_of",
    "touches_of",
]
