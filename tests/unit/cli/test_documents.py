"""Documents as text."""

from __future__ import annotations

import json

import pytest
import yaml

from peaceful._cli.program.result import document_text
from peaceful._model.codec import JsonValue

LONE: dict[str, JsonValue] = {
    "caf\udce9": ["caf\udce9", {"deep": "\ud800"}],
    "whole": "é😀",
    "number": 1,
}
"""Names of files that are no text hold lone surrogates."""


def test_lone_surrogates_in_json() -> None:
    """They are there as they are."""
    text = document_text(LONE, "json")
    text.encode()
    assert json.loads(text) == LONE


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
def test_lone_surrogates_in_yaml(loader: type[yaml.SafeLoader]) -> None:
    """They are written out, because YAML cannot say them; everything else is as it is."""
    read = yaml.load(document_text(LONE, "yaml"), loader)
    expected = {"caf\\udce9": ["caf\\udce9", {"deep": "\\ud800"}], "whole": "é😀", "number": 1}
    assert read == expected
