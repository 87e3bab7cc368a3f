"""Documents as text."""

from __future__ import annotations

import json

import pytest
import yaml

from peaceful._cli.program.result import document_text
from peaceful._model.codec import JsonValue

HALVES: dict[str, JsonValue] = {
    "caf\udce9": ["caf\udce9", {"deep": "\ud800"}],
    "whole": "é😀",
    "number": 1,
}
"""Names of files that are no text hold halves of characters."""


def test_halves_of_characters_in_json() -> None:
    """They are there as they are."""
    text = document_text(HALVES, "json")
    text.encode()
    assert json.loads(text) == HALVES


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_halves_of_characters_in_yaml(loader: type[yaml.SafeLoader]) -> None:
    """They are written out, because YAML has no halves; everything else is as it is."""
    read = yaml.load(document_text(HALVES, "yaml"), loader)
    expected = {"caf\\udce9": ["caf\\udce9", {"deep": "\\ud800"}], "whole": "é😀", "number": 1}
    assert read == expected
