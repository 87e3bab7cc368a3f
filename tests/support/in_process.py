"""A command that ran in the test's own process."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import yaml


@dataclass(frozen=True)
class Ran:
    """A command that has ended.

    Attributes:
        code: its exit code.
        out: what it wrote to stdout.
        err: what it wrote to stderr.
    """

    code: object
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one JSON document on stdout; `Any` as JSON has it."""
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def yaml(self) -> dict[str, Any]:
        """The one YAML document on stdout; `Any` as YAML has it."""
        document: dict[str, Any] = yaml.safe_load(self.out)
        return document


Run: TypeAlias = Callable[..., Ran]
"""Runs an application with some words."""
