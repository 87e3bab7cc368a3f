"""Unusual names: of folders, of profiles, and what is refused, with the rule."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path

import pytest
from shell import Loaded, Shell
from slow_files_shell import SlowFiles

FOLDERS = {
    "shell": """- it's  "quoted" `x` $HOME %s {x} \\ back """,
    "lines": "new\nline\ttab\x1b[31mred",
    "scripts": "Zürich-数据-🚌-שלום",
    "long": "/".join(["a_folder_with_a_long_name" * 4] * 3),
    "bytes": os.fsdecode(b"\xff\xfe not UTF-8"),
}


@pytest.mark.parametrize("name", FOLDERS.values(), ids=FOLDERS.keys())
def test_folders(loaded: Loaded, tmp_path: Path, name: str) -> None:
    """Whatever folders are called, commands run there, and are interrupted from elsewhere."""
    with closing(Shell(tmp_path / name, os.environ)) as shell:
        slow = SlowFiles(shell, shell.folder / "dest" / name, loaded)
        slow.init(3, 0.5, layers=3)
        running = slow.start("ensure")
        running.until("change_started")
        receipt = slow.json("interrupt")
        assert receipt["execution_id"] == running.until("execution_started")["execution"]["id"]
        assert set(running.end(expect=130).statuses().values()) == {"done", "not_started"}
        assert not running.processes()

        slow.run("init", "--seconds", "0")
        assert "unchanged" in slow.statuses("ensure").values()
        assert len(slow.files()) == 3
        stored = slow.json("profile", "show")["flow_params"]["slow_files"]
        assert Path(stored["dest"]) == slow.dest
        for command in ("status", "goal", "diff", "profile show", "executions list"):
            assert "\x1b" not in slow.run(*command.split()).out
        slow.run("clean")
        assert not slow.files()


def test_relative_folder(slow: SlowFiles) -> None:
    """A relative folder is meant from where it was typed; commands may be typed anywhere below."""
    size = ("--items", "1", "--seconds", "0")
    slow.shell.run("slow_files", "init", *size, "--dest", "données/Zürich")
    below = slow.shell.folder / "some" / "where"
    with closing(Shell(below, slow.shell.environment)) as elsewhere:
        elsewhere.run("slow_files", "ensure")
    assert (slow.shell.folder / "données/Zürich/file_1.txt").read_text() == "file_1"


@pytest.mark.parametrize(
    "name",
    ["Zürich", "données", "Ωμέγα", "数据", "с_подчёркиванием", "_x", "x" * 100],  # noqa: RUF001
)
def test_profiles(slow: SlowFiles, name: str) -> None:
    """Letters of every script are letters."""
    slow.init(1, 0)
    dest = str(slow.dest)
    slow.run("switch", name, "--create", "--dest", dest, "--items", "1", "--seconds", "0")
    slow.run("ensure")
    assert slow.json("profile", "list")["in_use"] == name
    (executed,) = slow.json("executions", "list", "--profile", name)["executions"]
    assert (executed["profile"], executed["state"]) == (name, "complete")


@pytest.mark.parametrize(
    "name",
    [
        "1a",
        "a b",
        "a-b",
        "",
        "a/b",
        "..",
        ".",
        "a.b",
        "🚌",
        "x" * 101,
        "a\n",
        "-a",
        "a\0b",
        "\x1b[",
    ],
)
@pytest.mark.parametrize("words", [("switch", "--create", "--"), ("status", "--profile")])
def test_refused(slow: SlowFiles, words: tuple[str, ...], name: str) -> None:
    """What breaks the rule for names is refused, with the rule, and nothing is made of it."""
    slow.init(1, 0)
    refused = slow.run("--format", "json", *words, name, expect=2)
    assert refused.error["code"] == "NAME-INVALID"
    assert "letters, digits and _, not starting with a digit" in refused.error["message"]
    assert "\x1b" not in slow.run(*words, name, expect=2).err
    assert slow.json("profile", "list")["profiles"] == ["default"]


def test_plain_terminals(shell: Shell) -> None:
    """Where only ASCII can be shown, names of other scripts are shown as well as can be."""
    environment = {
        **shell.environment,
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    with closing(Shell(shell.folder / "Zürich", environment)) as plain:
        plain.run("slow_files", "init", "--items", "1", "--seconds", "0", "--dest", "数据")
        for command in ("ensure", "status", "profile show", "executions list"):
            assert plain.run("slow_files", *command.split()).out.isascii()
