"""What an application calls its commands, in the forms that sentences need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from peaceful.web._context import ServerContext

_DOING: Final[Mapping[str, str]] = {"diff": "Comparing"}
_DONE: Final[Mapping[str, str]] = {"diff": "Compared"}


@dataclass(frozen=True, slots=True)
class Verbs:
    """What an application calls its commands.

    Attributes:
        ensure_name: what it calls `ensure`, such as `deploy`.
    """

    ensure_name: str = "ensure"

    @classmethod
    def of(cls, server: ServerContext) -> Verbs:
        """Those of the application that the server is for."""
        return cls(server.contexts.app.ensure_name)

    def command(self, command: str) -> str:
        """A command, as the application calls it: `deploy`."""
        return self.ensure_name if command == "ensure" else command

    def label(self, command: str) -> str:
        """The words on a button: `Deploy`."""
        return self.command(command).replace("_", " ").replace("-", " ").capitalize()

    def doing(self, command: str) -> str:
        """What is going on: `Deploying`."""
        return _DOING.get(command) or self._formed(command, "ing")

    def done(self, command: str) -> str:
        """What was done: `Deployed`."""
        return _DONE.get(command) or self._formed(command, "ed")

    def _formed(self, command: str, ending: str) -> str:
        """The label with an ending at its verb, which is its first word: `Rolling out`."""
        verb, space, rest = self.label(command).partition(" ")
        return f"{verb.removesuffix('e')}{ending}{space}{rest}"
