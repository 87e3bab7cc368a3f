"""What docstrings say of arguments."""

from __future__ import annotations

from peaceful.app._docstring import helps_of_arguments


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
    assert helps_of_arguments(docstring) == {"one": "the first thing.", "two": "the second."}
    assert helps_of_arguments("") == {}
