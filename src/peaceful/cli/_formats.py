"""Documents as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from peaceful.model import JsonValue


def json_text(document: Mapping[str, JsonValue]) -> str:
    """One JSON document, and the end of a line."""
    import json

    text = json.dumps(document, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        # Half of a character, as in a file's name that is no text: JSON can say it, UTF-8 cannot.
        text = json.dumps(document, indent=2)
    return f"{text}\n"


def yaml_text(document: Mapping[str, JsonValue]) -> str:
    """One YAML document."""
    import yaml

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        document, Dumper=dumper, sort_keys=False, allow_unicode=True, default_flow_style=False
    )
    return text
