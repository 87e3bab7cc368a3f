"""What docstrings say of arguments."""

from __future__ import annotations

import re
from inspect import cleandoc


def helps_of_arguments(docstring: str) -> dict[str, str]:
    """What a docstring says of the arguments, in the style of Google: a section `Args:`."""
    helps: dict[str, str] = {}
    section = re.search(r"^Args:\n((?: .*\n|\n)*)", f"{cleandoc(docstring)}\n", re.MULTILINE)
    name = ""
    for text in section[1].split("\n") if section else ():
        if found := re.match(r" {1,4}(\w+)(?: \(.*?\))?: (.*)", text):
            name, helps[found[1]] = found[1], found[2].strip()
        elif name and text.strip():
            helps[name] += f" {text.strip()}"
    return helps
