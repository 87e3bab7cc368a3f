"""Whole lives of items as data: each file of `cases` holds cases, this runs them.

A case is one item and steps. `$TMP` stands for a fresh folder. A step changes files, or runs a
command and says how it must end:

```yaml
a sentence of the specification:
  item: ShCmd
  params: {apply: touch it, check: test -e it, cwd: $TMP}
  files: {name: content}                       # made before; null removes
  archive: {name: a.tar.gz, has: {file: text}} # packed before
  steps:
    - ensure: done        # or `dry ensure`, `clean`, `dry clean`, `discover`; or an error's code
      shown: …            # the state in a few words
      message: …          # what was done, or a part of it
      help: …             # a part of it
      there: {name: content}                   # null: not there
    - diff: [ … ]         # each change
    - files: { … }        # changes files between
    - archive: { … }      # packs another archive
    - params: { … }       # changes parameters
```
"""

from __future__ import annotations

import string
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import pytest
import yaml
from tar_archives import packed

from peaceful import ItemStatus, items
from peaceful._commands.run_request import CommandName
from peaceful._item.item import AnyItem
from peaceful._model.codec import JsonValue
from peaceful.errors import PeacefulError
from peaceful.testing import ItemHarness

CASES = Path(__file__).parent / "cases"
COMMANDS: Mapping[str, CommandName] = {
    "discover": "discover",
    "ensure": "ensure",
    "clean": "clean",
}


def _cases() -> Iterator[object]:
    for path in sorted(CASES.glob("*.yaml")):
        cases: dict[str, dict[str, JsonValue]] = yaml.load(path.read_text(), yaml.CSafeLoader)
        for sentence, case in cases.items():
            yield pytest.param(case, id=f"{path.stem}: {sentence}")


@pytest.mark.parametrize("case", list(_cases()))
async def test_case(case: dict[str, JsonValue], tmp_path: Path) -> None:
    """Each case ends as it says."""
    await _Case(case, tmp_path).run()


class _Case:
    def __init__(self, case: dict[str, JsonValue], folder: Path) -> None:
        self._case = cast("dict[str, JsonValue]", _filled(case, folder))
        self._folder = folder
        self._params = dict(_mapping(self._case.get("params")))
        workspace = folder.with_name(f"{folder.name}.workspace")
        workspace.mkdir()
        self._prepare(self._case)
        self._harness = ItemHarness(self._item(), workspace)

    async def run(self) -> None:
        for number, step in enumerate(cast("list[JsonValue]", self._case["steps"]), 1):
            await self._step(f"step {number}", dict(_mapping(step)))

    async def _step(self, where: str, step: dict[str, JsonValue]) -> None:
        self._prepare(step)
        self._harness.item = self._item()
        for words, expected in step.items():
            command = words.removeprefix("dry ")
            if command in COMMANDS:
                dry = words != command
                await self._command(where, COMMANDS[command], dry, str(expected), step)
        if "diff" in step:
            diff = await self._harness.difference()
            changes = [] if diff is None else [str(change) for change in diff.changes]
            assert changes == step["diff"], where
        for name, content in _mapping(step.get("there")).items():
            path = self._folder / name
            found = path.read_text() if path.is_file() else None
            assert found == content, f"{where}: {name}"

    async def _command(
        self, where: str, command: CommandName, dry: bool, expected: str, step: dict[str, JsonValue]
    ) -> None:
        outcome = await self._harness.run(command, dry_run=dry)
        result = outcome.items["item"]
        if result.status is ItemStatus.FAILED:
            error = result.error
            assert isinstance(error, PeacefulError), where
            assert error.code == expected, f"{where}: {error}"
            assert str(step.get("help", "")) in error.help, where
            told = f"{error.message} {error.details}"
        else:
            assert str(result.status) == expected, f"{where}: {result}"
            told = result.message
        assert str(step.get("message", "")) in told, f"{where}: {told}"
        if "shown" in step:
            assert result.shown == step["shown"], where

    def _item(self) -> AnyItem:
        kind: type[AnyItem] = getattr(items, str(self._case["item"]))
        return kind(**self._params)

    def _prepare(self, step: dict[str, JsonValue]) -> None:
        self._params |= _mapping(step.get("params"))
        for name, content in _mapping(step.get("files")).items():
            path = self._folder / name
            if content is None:
                path.unlink()
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(str(content))
        if "archive" in step:
            archive = _mapping(step["archive"])
            path = self._folder / str(archive["name"])
            path.write_bytes(packed(_mapping(archive["has"]), path.name))


def _mapping(value: JsonValue) -> Mapping[str, JsonValue]:
    assert value is None or isinstance(value, Mapping)
    return value or {}


def _filled(value: JsonValue, folder: Path) -> JsonValue:
    if isinstance(value, str):
        return string.Template(value).safe_substitute(TMP=folder)
    if isinstance(value, list):
        return [_filled(part, folder) for part in value]
    if isinstance(value, Mapping):
        return {key: _filled(part, folder) for key, part in value.items()}
    return value
