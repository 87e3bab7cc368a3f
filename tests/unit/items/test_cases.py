"""States, what differs between them, and how they are shown, as data.

A case in a file of `cases` is a sentence; it has the states `current` and `goal` of one item, what
they are `shown` as, and what the `diff` says: nothing, or its changes.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from peaceful._item.item import AnyItem
from peaceful._model.codec import JsonValue
from peaceful.items import Blank, FileDownload, ShCmd, TarExtract

CASES = Path(__file__).parent / "cases"
ITEMS: dict[str, AnyItem] = {
    "blank": Blank(path=Path("f"), lines=()),
    "file_download": FileDownload(src="https://files.example/f", dest=Path("f")),
    "sh_cmd": ShCmd(check="true", apply="true"),
    "tar_extract": TarExtract(tar_path=Path("a.tar"), dest=Path("out")),
}


def _cases() -> Iterator[object]:
    for path in sorted(CASES.glob("*.yaml")):
        cases: dict[str, dict[str, JsonValue]] = yaml.load(path.read_text(), yaml.CSafeLoader)
        for sentence, case in cases.items():
            yield pytest.param(ITEMS[path.stem], case, id=f"{path.stem}: {sentence}")


@pytest.mark.parametrize(("item", "case"), list(_cases()))
def test_case(item: AnyItem, case: dict[str, JsonValue]) -> None:
    """What differs is what the case says, and states are shown as it says."""
    state_type = item.state_type()
    current = state_type.model_validate(case["current"])
    goal = state_type.model_validate(case["goal"])

    diff = item.diff(current, goal)

    assert ([] if diff is None else [str(change) for change in diff.changes]) == case["diff"]
    assert [str(current), str(goal)] == case["shown"]
    assert state_type.model_validate(current.model_dump(mode="json")) == current
