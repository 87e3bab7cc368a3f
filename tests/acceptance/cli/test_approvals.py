"""An item that waits for a person: on the terminal, from another one, on a pipe, after a kill."""

from __future__ import annotations

from collections.abc import Callable

import asking_app
import pytest
from processes import eventually
from shell import Shell
from terminal_program import OnTerminal

Start = Callable[..., OnTerminal]

PROGRAM = ("python", asking_app.__file__)


@pytest.fixture
def asking(shell: Shell) -> Shell:
    """The application, set up."""
    shell.run(*PROGRAM, "init")
    return shell


def shown(program: OnTerminal) -> str:
    """What a terminal shows, as one line."""
    return " ".join(" ".join(program.screen.everything).split())


@pytest.mark.parametrize(("word", "code"), [("y", 0), ("yes", 0), ("n", 1), ("no", 1)])
def test_a_word_and_enter_answers(asking: Shell, on_terminal: Start, word: str, code: int) -> None:
    """Below the picture stand the question and how to answer; another word changes nothing."""
    program = on_terminal(*PROGRAM, "ensure")
    program.shows("y Enter approves, n Enter refuses")
    assert asking_app.QUESTION in shown(program)
    assert program.let(0.7)
    program.press("ye\n")
    program.shows("To answer release, type y or n, and Enter.")
    program.press(f"{word}\n")
    assert program.end() == code
    assert (asking.folder / "kept" / "release").exists() is (code == 0)


def test_what_was_typed_before_is_no_consent(asking: Shell, on_terminal: Start) -> None:
    """Keys that were pressed before the question was shown, or with it, answer nothing."""
    program = on_terminal(*PROGRAM, "ensure")
    program.press("y\ny\ny")
    program.shows("y Enter approves")
    program.press("\ny\n")
    assert program.let(1.5), "it still waits"
    assert not (asking.folder / "kept" / "release").exists()
    program.press("y\n")
    assert program.end() == 0


def test_a_narrow_terminal_shows_the_whole_question(asking: Shell, on_terminal: Start) -> None:
    """It is broken into lines, and so is how to answer it."""
    program = on_terminal(*PROGRAM, "ensure", columns=40, height=20)
    program.shows("n Enter refuses")
    assert asking_app.QUESTION in shown(program)
    assert all(len(line) <= 40 for line in program.screen.everything)
    program.press("\x03")
    assert program.end() == 130


def test_it_is_answered_from_another_terminal(asking: Shell, on_terminal: Start) -> None:
    """Of two at once, one counts, and the other is told of it."""
    program = on_terminal(*PROGRAM, "ensure")
    program.shows("y Enter approves")
    both = [asking.start(*PROGRAM, "approve", "--comment", "tested") for _ in range(2)]
    ended = [each.end() for each in both]
    assert sorted(each.code for each in ended) == [0, 1]
    assert program.end() == 0
    (refused,) = (each for each in ended if each.code)
    assert "NOT-ASKED" in refused.err or "NOTHING-RUNNING" in refused.err


def test_on_a_pipe_it_waits(asking: Shell) -> None:
    """A line says how to answer; the question, and who answered, are shown by both commands."""
    running = asking.start(*PROGRAM, "ensure", "--progress", "json")
    event = running.until("approval_asked")
    assert (event["item"], event["question"]) == ("release", asking_app.QUESTION)
    document = asking.run(*PROGRAM, "executions", "list", "--format", "json").document
    execution_id = document["executions"][0]["id"]
    told = asking.run(*PROGRAM, "executions", "show", execution_id)
    assert "waiting for an approval since" in told.out
    assert f"approve {execution_id} release" in " ".join(told.out.split())

    answer = ("approve", execution_id, "release", "--refuse", "--comment", "not today")
    asking.run(*PROGRAM, *answer)
    assert running.end().code == 1
    told = asking.run(*PROGRAM, "executions", "show", execution_id)
    assert "not today" in told.out
    assert "NOT-APPROVED" in told.out


def test_the_log_says_how_to_answer(asking: Shell) -> None:
    """Whatever else it leaves out: somebody has to know."""
    for progress in ("log", "none"):
        running = asking.start(*PROGRAM, "ensure", "--progress", progress)
        assert eventually(lambda: "Answer it with: " in running.err)  # noqa: B023 - it ends here
        words = running.err.split("Answer it with: ")[1].split("\n")[0].split()
        asking.run(*PROGRAM, *words[-3:], "--refuse")
        assert running.end().code == 1


def test_an_approval_outlives_a_kill(asking: Shell) -> None:
    """Killed between the answer and the end of the item, the next run does not ask again."""
    hold = asking.folder / "kept" / "hold"
    hold.parent.mkdir(exist_ok=True)
    hold.touch()
    running = asking.start(*PROGRAM, "ensure", "--progress", "json")
    running.until("approval_asked")
    asking.run(*PROGRAM, "approve", "--comment", "tested")
    running.kill()
    hold.unlink()

    ended = asking.run(*PROGRAM, "ensure", "--progress", "json", "--format", "json")
    assert not ended.told("approval_asked")
    (approval,) = ended.document["approvals"]
    assert (approval["approved"], approval["comment"]) == (True, "tested")

    (asking.folder / "kept" / "release").unlink()
    running = asking.start(*PROGRAM, "ensure", "--progress", "json")
    running.until("approval_asked")
    running.kill()


def test_nothing_waits(asking: Shell) -> None:
    """An answer where nothing runs is refused, and says so."""
    ended = asking.run(*PROGRAM, "approve", expect=1)
    assert "NOTHING-RUNNING" in ended.err
