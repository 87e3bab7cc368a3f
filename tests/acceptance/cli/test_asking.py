"""What a person is asked on a terminal: for a secret, and before things are removed."""

from __future__ import annotations

from collections.abc import Callable

import guarded_app
import pytest
from shell import Shell
from slow_files_shell import SlowFiles
from terminal_program import OnTerminal

from peaceful._app.parameters.sealing import new_key

Start = Callable[..., OnTerminal]

PROGRAM = ("python", guarded_app.__file__)
SECRET = "tell-nobody"


def shown(program: OnTerminal) -> str:
    """What a terminal shows, without spaces: the folder's name decides where lines are broken."""
    return "".join("".join(program.screen.everything).split())


@pytest.fixture
def files(shell: Shell) -> Callable[[], list[str]]:
    """The files that the application keeps."""
    return lambda: sorted(path.name for path in (shell.folder / "kept").iterdir())


@pytest.fixture
def deployed(shell: Shell) -> Shell:
    """The application, with a profile that asks."""
    shell.environment["TOKEN"] = SECRET
    shell.run(*PROGRAM, "init", "live", "--guarded", "--token", "env:TOKEN")
    shell.run(*PROGRAM, "ensure")
    return shell


def test_the_name_is_typed(
    deployed: Shell, on_terminal: Start, files: Callable[[], list[str]]
) -> None:
    """A protected profile is cleaned up when its name is typed."""
    program = on_terminal(*PROGRAM, "clean")
    program.shows("This removes everything of the profile live. Type its name to go on")
    assert files() == ["one", "two"]
    program.press("live\n")
    assert program.end() == 0
    assert files() == []


@pytest.mark.parametrize("answer", ["yes\n", "\n", "\x04"])
def test_anything_else_is_no(
    deployed: Shell, on_terminal: Start, files: Callable[[], list[str]], answer: str
) -> None:
    """Any other answer, or none, leaves everything as it is."""
    program = on_terminal(*PROGRAM, "clean", "--only", "one")
    program.shows("This removes one of the profile live")
    program.press(answer)
    assert program.end() == 2
    assert files() == ["one", "two"]
    assert "clean--onlyone--yes" in shown(program)


def test_ctrl_c_at_the_question(
    deployed: Shell, on_terminal: Start, files: Callable[[], list[str]]
) -> None:
    """Ctrl-C at the question ends the command; nothing was started."""
    program = on_terminal(*PROGRAM, "clean")
    program.shows("Type its name to go on")
    program.press("\x03")
    assert program.end() == 130
    assert files() == ["one", "two"]
    assert shown(program).endswith("wasinterrupted;nothingwasstarted.")


def test_others_do_not_ask(
    deployed: Shell, on_terminal: Start, files: Callable[[], list[str]]
) -> None:
    """A profile that is not protected is cleaned up without a question; so is one with --yes."""
    assert on_terminal(*PROGRAM, "clean", "--yes").end() == 0
    assert files() == []
    deployed.run(*PROGRAM, "init", "toy", "--token", "env:TOKEN")
    deployed.run(*PROGRAM, "ensure")
    assert on_terminal(*PROGRAM, "clean").end() == 0
    assert files() == []


def test_ensure_asks_where_the_application_says_so(
    deployed: Shell, on_terminal: Start, files: Callable[[], list[str]]
) -> None:
    """With a plan, too; not for what only says what it would do, and not with `--yes`."""
    deployed.run(*PROGRAM, "clean", "--yes")
    deployed.run(*PROGRAM, "init", "live", "--sealed", "--token", "env:TOKEN")
    assert on_terminal(*PROGRAM, "plan", "--out", "plan.json").end() == 0
    refused = deployed.run(*PROGRAM, "ensure", expect=2)
    assert "nobody can be asked" in refused.err
    for words in (("ensure",), ("ensure", "--plan", "plan.json")):
        program = on_terminal(*PROGRAM, *words)
        program.shows("Type its name to go on")
        program.press("\n")
        assert program.end() == 2
    assert files() == []
    program = on_terminal(*PROGRAM, "ensure", "--plan", "plan.json")
    program.shows("This does what the plan says on the profile live. Type its name to go on")
    program.press("live\n")
    assert program.end() == 0
    assert files() == ["one", "two"]
    deployed.run(*PROGRAM, "ensure", "--yes")


def test_a_secret_is_typed(shell: Shell, on_terminal: Start) -> None:
    """A secret that is asked for is not shown while it is typed, and is stored sealed."""
    key = shell.folder.parent / "key"
    new_key(key)
    shell.environment["PEACEFUL_KEY_FILE"] = str(key)
    program = on_terminal(*PROGRAM, "init", "live", "--token", "prompt")
    program.shows("token")
    program.press(f"{SECRET}\n")
    assert program.end() == 0
    assert SECRET not in program.raw
    stored = "".join(path.read_text() for path in shell.folder.rglob("*.yaml"))
    assert "sealed: gAAAA" in stored
    assert SECRET not in stored
    shell.run(*PROGRAM, "ensure")
    assert (shell.folder / "kept" / "one").read_text().strip() == str(len(SECRET))
    new_key(key)
    told = shell.run(*PROGRAM, "key", "rotate")
    assert "1 secret is stored with the first key; the others can be removed." in told.out


def test_a_secret_that_cannot_be_stored(shell: Shell, on_terminal: Start) -> None:
    """Without a key, what is typed is not stored: it says how to make one."""
    program = on_terminal(*PROGRAM, "init", "live", "--token", "prompt")
    program.shows("token")
    program.press(f"{SECRET}\n")
    assert program.end() == 2
    assert any("Error KEY-MISSING" in line for line in program.screen.everything)
    assert not (shell.folder / ".peace").exists()


@pytest.mark.parametrize("answer", ["\n", "\x04"])
def test_nothing_is_typed(shell: Shell, on_terminal: Start, answer: str) -> None:
    """Nothing is no secret."""
    program = on_terminal(*PROGRAM, "init", "live", "--token", "prompt")
    program.shows("token")
    program.press(answer)
    assert program.end() == 2
    assert any("Nothing was typed for token" in line for line in program.screen.everything)


def test_nobody_is_there(shell: Shell) -> None:
    """Without a terminal, nobody is asked."""
    told = shell.run(*PROGRAM, "init", "live", "--token", "prompt", expect=2)
    assert "Nobody can be asked: token" in told.err
    shell.environment["GUARDED_TOKEN"] = SECRET
    shell.run(*PROGRAM, "init", "live", "--guarded")
    told = shell.run(*PROGRAM, "clean", expect=2)
    assert "The profile live is protected, and nobody can be asked" in " ".join(told.err.split())


def test_a_new_key(shell: Shell) -> None:
    """Making a key says how it is used."""
    told = shell.run(*PROGRAM, "key", "new", "my key")
    assert "It is the only one there." in told.out
    assert f"export PEACEFUL_KEY_FILE='{shell.folder / 'my key'}'" in told.out
    assert "The older one still opens." in shell.run(*PROGRAM, "key", "new", "my key").out


@pytest.mark.parametrize(
    ("words", "answer", "done"),
    [((), "y\n", True), ((), "n\n", False), ((), "\n", False), (("--yes",), "", True)],
)
def test_before_things_are_removed(
    slow: SlowFiles, on_terminal: Start, words: tuple[str, ...], answer: str, done: bool
) -> None:
    """What an item looks after no more is removed once a person has agreed, or says so before."""
    slow.init(2, 0)
    slow.run("ensure")
    slow.run("init", "--dest", str(slow.dest.with_name("elsewhere")))
    program = on_terminal("slow_files", "ensure", *words)
    if answer:
        program.shows("This removes 2 things of the profile default: file_")
        assert len(slow.files()) == 2
        program.press(answer)
    assert program.end() == (0 if done else 2)
    assert len(slow.files()) == (0 if done else 2)
    assert slow.dest.with_name("elsewhere").exists() == done


def test_nothing_is_asked_before_others(slow: SlowFiles, on_terminal: Start) -> None:
    """Where nothing would be removed, by a plan, and by a dry run."""
    slow.init(2, 0)
    planned = ("plan --out plan", "ensure --plan plan")
    for words in ("ensure", *planned):
        assert on_terminal("slow_files", *words.split()).end() == 0
    slow.run("init", "--dest", str(slow.dest.with_name("elsewhere")))
    for words in ("ensure --dry-run", *planned):
        assert on_terminal("slow_files", *words.split()).end() == 0
    assert not slow.files()
