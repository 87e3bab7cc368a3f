"""The side file of a long YAML file is used for that very file, whole, or not at all."""

from __future__ import annotations

import json
import zlib

from hypothesis import given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage.states_file import decoded, digest_of, encoded, line_of
from peaceful._storage.stored_state import json_line
from peaceful._storage.yaml_file import Pieces

TEXTS = {"a": "a: 1\n", "é": "# ü\né: [2]\n"}
ENTRIES: dict[str, JsonValue] = {"a": 1, "é": [2]}
PIECES = Pieces("# head\n", TEXTS, "# end\n")
LINES = {key: line_of(key, json_line(entry)) for key, entry in ENTRIES.items()}
YAML = PIECES.joined()
DIGEST = digest_of(YAML.encode())
CACHE = encoded(DIGEST, PIECES, tuple(LINES.values()))


def test_what_it_holds() -> None:
    """It holds what the YAML file says, and where in it."""
    cached = decoded(CACHE, DIGEST, YAML)

    assert cached is not None
    assert cached.entries == ENTRIES
    assert cached.lines == LINES
    assert cached.pieces == PIECES


def test_another_file() -> None:
    """For any other YAML file it is not used."""
    assert decoded(CACHE, digest_of(b"other"), YAML) is None


def test_damage() -> None:
    """Cut anywhere, or with any byte changed, it is not used, or says the same."""
    for place in range(len(CACHE)):
        changed = bytearray(CACHE)
        changed[place] ^= 1
        assert decoded(CACHE[:place], DIGEST, YAML) is None
        assert decoded(bytes(changed), DIGEST, YAML) is None


@given(st.binary(max_size=50))
def test_garbage(data: bytes) -> None:
    """Whatever stands in its place, it is not used."""
    assert decoded(data, DIGEST, YAML) is None


def test_another_layout() -> None:
    """A side file of another version of the program is not used."""
    content = json.dumps({"format": 1, "of": DIGEST}).encode()

    assert decoded(b"%d\n%b" % (zlib.crc32(content), content), DIGEST, YAML) is None
