"""The side file of a long YAML file is used for that very file, whole, or not at all."""

from __future__ import annotations

import json
import zlib
from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from peaceful._storage.states_file import decoded, digest_of, encoded, line_of
from peaceful._storage.stored_state import StoredState, facts_of, json_line
from peaceful._storage.yaml import dump_each
from peaceful._storage.yaml_file import Pieces

AT = datetime(2026, 1, 31, tzinfo=UTC)
STATES = {"a": StoredState("File", 1, 1, None, AT), "é": StoredState("File", 1, [2], None, AT)}
ENTRIES = {"a": facts_of(STATES["a"]), "é": {**facts_of(STATES["é"]), "mine": 3}}
TEXTS = dict(dump_each(ENTRIES))
TEXTS["é"] = f"# ü\n{TEXTS['é']}"
PIECES = Pieces("# head\n", TEXTS, "# end\n")
LINES = {key: line_of(key, json_line(entry)) for key, entry in ENTRIES.items()}
YAML = PIECES.joined()
DIGEST = digest_of(YAML.encode())
CACHE = encoded(DIGEST, PIECES, tuple(LINES.values()))


def test_what_it_holds() -> None:
    """It holds what the YAML file says, and where in it."""
    cached = decoded(CACHE, DIGEST, YAML)

    assert cached is not None
    assert cached.states == STATES
    assert cached.extras == {"é": {"mine": 3}}
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
