"""What docstrings say of arguments."""

from __future__ import annotations

from peaceful import Flow
from peaceful.app import FlowDef


def test_helps_of_arguments() -> None:
    """What a docstring says of its arguments, as far as it says something."""
    docstring = """Does something.

    Args:
        one: the first
            thing.

        two (int): the second.

    Returns:
        three: nothing.
    """

    def function(flow: Flow, one: int, two: int, three: int) -> None: ...

    helps = [param.help for param in FlowDef("flow", function, docstring).params]
    assert helps == ["the first thing.", "the second.", ""]
    assert [param.help for param in FlowDef("flow", function, "").params] == [""] * 3
