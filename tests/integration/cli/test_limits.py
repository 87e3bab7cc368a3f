"""Which items a command is limited to, as it is typed, completed, told and kept."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from in_process import Ran, Run

from peaceful import App, Flow
from peaceful.commands import RunRequest
from peaceful.items import Blank

QUIET = ("--progress", "none")
Completed = Callable[[str], list[str]]


def _app() -> App:
    app = App("site")

    @app.flow("publish")
    def publish(flow: Flow, into: Path) -> None:
        """Publishes pages."""
        data = flow.add("data", Blank(path=into / "data", lines=("1",)), tags=["content"])
        page = flow.add("page", Blank(path=into / "page", lines=("2",)), tags=["content", "top"])
        flow.edge(data, page)
        flow.add("style", Blank(path=into / "style", lines=("body",)))

    return app


@pytest.fixture
def site(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    """Runs the application with some words; it is set up already."""
    app = _app()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["/bin/site"])
    monkeypatch.setenv("COLUMNS", "200")

    def run(*words: str) -> Ran:
        with pytest.raises(SystemExit) as ended:
            app.main(words)
        captured = capsys.readouterr()
        return Ran(ended.value.code, captured.out, captured.err)

    assert run("init", "--into", "out").code == 0
    return run


def statuses(ran: Ran) -> dict[str, str]:
    """By item that the command was about, how it ended."""
    items = ran.json["items"].items()
    return {item: each["status"] for item, each in items if each["status"] != "not_started"}


@pytest.mark.parametrize(
    ("words", "chosen"),
    [
        (("--only", "data", "style"), {"data", "style"}),
        (("--only", "data,style"), {"data", "style"}),
        (("--only=data", "style"), {"data", "style"}),
        (("--only", "data", "--only", "style"), {"data", "style"}),
        (("--exclude", "page", "style"), {"data"}),
        (("--exclude", "page,style"), {"data"}),
        (("--tag", "content"), {"data", "page"}),
        (("--tag", "content", "--exclude", "page"), {"data"}),
        (("--only", "style", "--tag", "content"), {"data", "page", "style"}),
        (("--only", "data", "--with-dependents"), {"data", "page"}),
        (("--tag", "top", "content", "--exclude", "data", "page", "--only", "style"), {"style"}),
    ],
)
def test_what_is_typed(site: Run, words: tuple[str, ...], chosen: set[str]) -> None:
    """Names follow their option, with spaces or commas; `ensure`, `plan` and `clean` heed them."""
    json = ("--format", "json", *QUIET)
    assert statuses(site("plan", *words, *json)).keys() == chosen
    assert statuses(site("ensure", *words, *json)) == dict.fromkeys(chosen, "done")
    assert statuses(site("clean", *words, *json)) == dict.fromkeys(chosen, "done")


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("ensure", "data"), "belongs to no option"),
        (("ensure", "--exclude", "data", "--", "page"), "'page' belongs to no option"),
        (("ensure", "--exclude", ""), "--exclude names no item"),
        (("ensure", "--tag", ""), "--tag names no tag"),
        (("ensure", "--tag", "contend"), "did you mean       content"),
        (("clean", "--with-dependents"), "choose items by --only or --tag"),
        (("discover", "--tag", "content"), "no option '--tag'"),
        (("diff", "--exclude", "data"), "no option '--exclude'"),
    ],
)
def test_what_is_refused(site: Run, words: tuple[str, ...], told: str) -> None:
    """With exit code 2, and nothing is begun."""
    refused = site(*words, *QUIET)
    assert refused.code == 2
    assert told in refused.err
    assert site("executions", "list", "--format", "json").json["executions"] == []


def test_what_is_told(site: Run, tmp_path: Path) -> None:
    """The words that were typed are those to carry on with; the history keeps them."""
    (tmp_path / "out" / "data").mkdir(parents=True)
    words = ("--tag", "content", "--exclude", "page", "--fail-fast")
    failed = site("ensure", *words, *QUIET)
    assert failed.code == 1
    told = failed.out + failed.err
    assert "Nothing more was started, because data failed." in told
    assert "Carry on with: site ensure --tag content --exclude page --fail-fast" in told
    assert "style" not in told
    (listed,) = site("executions", "list", "--format", "json").json["executions"]
    assert listed["only"] == ["data"]
    assert listed["selection"] == {
        "only": [],
        "exclude": ["page"],
        "tags": ["content"],
        "with_dependents": False,
    }
    assert listed["interrupt"]["source"] == "failure"
    assert listed["interrupt"]["reason"] == "data failed"
    shown = site("executions", "show", listed["id"]).out
    assert "all tagged content, but not page" in shown
    assert "because data failed" in shown


def test_tags_are_shown(site: Run) -> None:
    """Beside the states, of the items that have some."""
    document = site("status", "--format", "json").json
    assert document["tags"] == {"data": ["content"], "page": ["content", "top"]}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("site ensure --only ", ["data", "page", "style"]),
        ("site ensure --exclude da", ["data"]),
        ("site clean --only data,p", ["data,page"]),
        ("site plan --only data ", ["data", "page", "style"]),
        ("site ensure --tag ", ["content", "top"]),
        ("site clean --tag content,t", ["content,top"]),
        ("site ensure --with", ["--with-dependents"]),
    ],
)
def test_completion(
    site: Run, monkeypatch: pytest.MonkeyPatch, line: str, offered: list[str]
) -> None:
    """Items and tags are completed, also after a comma or another name."""
    site("ensure", *QUIET)
    monkeypatch.setenv("_SITE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", line)
    monkeypatch.setenv("COMP_CWORD", str(len(line.split(" ")) - 1))
    lines = site().out.splitlines()
    assert [each.partition(",")[2] for each in lines] == offered


def test_a_plan_goes_with_fail_fast(site: Run, tmp_path: Path) -> None:
    """How a plan is gone through is not what it says; which items it is for is."""
    site("plan", "--tag", "content", "--out", "plan", *QUIET)
    refused = site("ensure", "--plan", "plan", "--tag", "content", *QUIET)
    assert refused.code == 2
    assert "--tag does not go with --plan" in refused.err
    (tmp_path / "out" / "data").mkdir(parents=True)
    failed = site("ensure", "--plan", "plan", "--fail-fast", *QUIET)
    assert "--plan plan" in failed.out
    (tmp_path / "out" / "data").rmdir()
    done = site("ensure", "--plan", "plan", "--fail-fast", "--format", "json", *QUIET)
    assert statuses(done) == {"data": "done", "page": "done"}


def test_a_protected_profile_is_asked_about_in_these_words() -> None:
    """What a question says is to be removed is what was typed."""
    options: dict[str, Any] = {"only": ("a",), "tags": ("b",), "with_dependents": True}
    request = RunRequest(command="clean", profile="p", flow="f", exclude=("c",), **options)
    said = "a, all tagged b, with what stands on it, but not c"
    assert str(request.selection) == said
    assert str(RunRequest(command="clean", profile="p", flow="f").selection) == "everything"
