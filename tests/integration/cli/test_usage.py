"""What is typed: what is understood, what is not, help, and what a shell completes."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from in_process import Run
from text_app import app

from peaceful._present.text import short_id


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "Say what texts is to do"),
        (("executions",), "Say what texts executions is to do"),
        (("wirte",), "There is no command 'wirte'"),
        (("executions", "lst"), "There is no command 'lst'"),
        (("status", "--nonsense"), "There is no option '--nonsense'"),
        (("write", "--onyl", "a"), "did you mean  --only"),
        (("write", "--only"), "what to do  texts write --help tells more"),
        (("write", "--only", ""), "--only names no item"),
        (("write", "--only", ","), "--only names no item"),
        (("status", "--workspace", ""), "a path is not empty"),
        (("web", "--tls-cert", ""), "a path is not empty"),
        (("states", "backup", ""), "a path is not empty"),
        (("key", "new", ""), "a path is not empty"),
        (("status", "--workspace", "~nobody_of_that_name"), "a user whom nobody knows"),
        (("web", "--token-file", "~nobody_of_that_name/x"), "a user whom nobody knows"),
        (("key", "new", "~nobody_of_that_name/x"), "a user whom nobody knows"),
        (("x" * 1000,), f"There is no command '{'x' * 30}…{'x' * 29}'."),
        (("executions", "list", "--limit", "0"), "'0' is not a number from 1 on"),
        (("executions", "list", "--limit", "x"), "'x' is not a number from 1 on"),
        (("completion", "csh"), "'csh' is not one of 'bash', 'zsh', 'fish'"),
        (("--max-concurrency", "0", "write"), "not a number from 1 on"),
        (("--max-concurrency", "x", "write"), "not a number from 1 on"),
        (("status", "--format", "xml"), "is not one of"),
        (("executions", "show"), "Missing argument"),
        (("write", "a"), "belongs to no option"),
        (("init", "a", "b", "c"), "no parameter for the word"),
    ],
)
def test_usage(texts: Run, words: tuple[str, ...], said: str) -> None:
    """What cannot be understood is told, with exit code 2, and in one document for programs."""
    told = texts(*words)
    assert (told.code, told.out) == (2, "")
    assert said in told.err.replace("\n  ", " ")
    document = texts("--format", "json", *words)
    if "xml" not in words:
        assert document.json["errors"][""]["code"] == "USAGE"
        assert document.json["outcome"] == "error"
        assert document.err == ""


def test_a_folder_that_is_gone(texts: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a folder that was removed, a command says so; with a workspace, it works."""
    texts("init", "f", "a", "--flow", "some")
    (tmp_path / "gone").mkdir()
    monkeypatch.chdir(tmp_path / "gone")
    (tmp_path / "gone").rmdir()
    told = texts("status")
    assert told.code == 2
    assert "The folder that this command was started in is gone." in told.err
    assert texts("status", "--workspace", str(tmp_path)).code == 0


def test_near_command(texts: Run) -> None:
    """A mistyped command suggests the near one."""
    assert "did you mean  discover" in texts("disover").err


def test_help(texts: Run) -> None:
    """Help lists the commands under the application's own names, and tells of each."""
    told = texts("--help")
    assert (told.code, told.err) == (0, "")
    assert "  write       Bring everything to its goal" in told.out
    assert "\n  ensure " not in told.out
    told = texts("init", "-h")
    assert "--in-a-row / --no-in-a-row" in told.out
    text = " ".join(told.out.split())
    assert "whether each waits for the one before. [default: no]" in text
    assert (
        texts("write", "--help", "--format", "json").json["help"].startswith("Usage: texts write")
    )


def test_version(texts: Run) -> None:
    """The application's version."""
    assert texts("--version").out == "texts 1.2.3\n"
    assert texts("status", "--version", "--format", "json").json == {
        "app": "texts",
        "version": "1.2.3",
    }


def test_words_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without given words, those of the process are taken."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["texts", "--version"])
    with pytest.raises(SystemExit) as ended:
        app.main()
    assert ended.value.code == 0
    assert capsys.readouterr().out == "texts 1.2.3\n"


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_script(texts: Run, shell: str) -> None:
    """A shell is told how to ask for words."""
    script = texts("completion", shell).out
    assert "_TEXTS_COMPLETE" in script
    assert texts("completion", shell, "--format", "json").json["script"] in script


def completed(texts: Run, monkeypatch: pytest.MonkeyPatch, line: str) -> list[str]:
    """What bash is offered for the last word of a line."""
    monkeypatch.setenv("_TEXTS_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    offered: list[str] = texts().out.split()
    monkeypatch.delenv("_TEXTS_COMPLETE")
    return offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("texts in", ["plain,init", "plain,interrupt"]),
        ("texts status --profile ", ["plain,default", "plain,prod"]),
        ("texts switch p", ["plain,prod"]),
        ("texts diff d", ["plain,default"]),
        ("texts --flow s", ["plain,some"]),
        ("texts status --format j", ["plain,json"]),
        ("texts write --only ", ["plain,a", "plain,b"]),
        ("texts write --profile prod --only ", []),
        ("texts init --trouble f", ["plain,fails"]),
        ("texts init --folder x", ["file,x"]),
        ("texts init --unset t", ["plain,trouble", "plain,text"]),
        ("texts --workspace /nowhere switch ", []),
        ("texts completion f", ["plain,fish"]),
    ],
)
def test_completion(
    ready: Run, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    """Commands, options, profiles, flows, items and values are completed."""
    ready("write")
    ready("switch", "prod", "--create")
    assert completed(ready, monkeypatch, line) == offered


def test_completion_tells(texts: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Shells that show what a command does are told it in full."""
    monkeypatch.setenv("_TEXTS_COMPLETE", "zsh_complete")
    monkeypatch.setenv("COMP_WORDS", "texts interr")
    monkeypatch.setenv("COMP_CWORD", "1")
    assert texts().out.splitlines()[1:] == [
        "interrupt",
        "Interrupt what runs, whoever started it.",
    ]


def test_completion_of_executions(ready: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """IDs of executions are completed as lists show them; to interrupt, of those that run."""
    execution = ready("write", "--format", "json").json["execution_id"]
    assert completed(ready, monkeypatch, "texts executions show ") == [
        f"plain,{short_id(execution)}"
    ]
    assert completed(ready, monkeypatch, "texts interrupt ") == []


@pytest.mark.parametrize(
    ("environment", "words", "coloured"),
    [
        ({}, ("--color", "always"), True),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({}, ("--color", "never"), False),
        ({}, (), False),
        ({"FORCE_COLOR": "1"}, (), True),
        ({"CLICOLOR_FORCE": "1"}, (), True),
        ({"FORCE_COLOR": "0", "CLICOLOR_FORCE": ""}, (), False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, (), False),
        ({"FORCE_COLOR": "1"}, ("--color", "never"), False),
    ],
)
def test_colours(
    ready: Run,
    monkeypatch: pytest.MonkeyPatch,
    environment: dict[str, str],
    words: tuple[str, ...],
    coloured: bool,
) -> None:
    """Colours are used where they are asked for; where there is no terminal, not by themselves."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert ("\x1b[" in ready("status", *words).out) == coloured


def test_an_empty_id_is_not_any_id(ready: Run) -> None:
    """A script with an empty variable there does not interrupt whatever runs."""
    refused = ready("interrupt", "")
    assert refused.code == 2
    assert "There is no execution ''" in refused.err
