"""The commands that make keys of secrets, and put them to use."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

from peaceful._cli.program.options import file_path
from peaceful._cli.program.result import Result, text_answer

if TYPE_CHECKING:
    from peaceful._cli.program.invocation import Invocation


def key_new(_invocation: Invocation, file: str) -> Result:
    """Put a new key in front of those of a file."""
    from peaceful._app.parameters.sealing import new_key

    path = (Path.cwd() / file_path(file)).resolve()
    count = new_key(path)
    kept = {1: "It is the only one there.", 2: "The older one still opens."}.get(
        count, f"The {count - 1} older ones still open."
    )
    return text_answer(
        {"file": str(path), "keys": count},
        f"A new key is in {path}. {kept}\n"
        "Use it by the environment, and keep it where the secrets are not:\n\n"
        f"  export PEACEFUL_KEY_FILE={shlex.quote(str(path))}",
    )


def key_rotate(invocation: Invocation) -> Result:
    """Store every secret of the workspace anew with the first key."""
    count = invocation.contexts().seal_again()
    stored = "1 secret is stored" if count == 1 else f"{count} secrets are stored"
    said = f"{stored} with the first key; the others can be removed."
    return text_answer({"secrets": count}, said if count else "No secret is stored.")
