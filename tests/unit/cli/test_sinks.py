"""Progress as lines, for people and for programs, and as a picture that is drawn by a thread."""

from __future__ import annotations

import io
import json
import threading
from datetime import UTC, datetime, timedelta

import pytest
from execution_events import START, ExecutionEvents
from terminal_emulator import Emulator

from peaceful import ItemStatus, ProgressUnit
from peaceful._cli.progress.live_view import Look
from peaceful._cli.progress.screen import BarSink
from peaceful._cli.progress.sinks import JsonLinesSink, LogSink, progress_words
from peaceful._cli.terminal.writer import Writer
from peaceful.commands import BlockEnded, ExecutionInfo, Progress
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource, SendResult

tale = ExecutionEvents()


def title(info: ExecutionInfo) -> str:
    """The title of an execution."""
    return f"{info.app} deploy · {info.profile}"


def log(*, interrupts_only: bool = False) -> tuple[LogSink, io.StringIO]:
    """A sink that writes lines, and what it wrote."""
    out = io.StringIO()
    sink = LogSink(Writer(out, "stderr"), Look(title=title), UTC, interrupts_only=interrupts_only)
    return sink, out


def pressed(level: InterruptLevel, source: InterruptSource) -> InterruptSignal:
    """An interrupt of a level, by a source."""
    return InterruptSignal(level, source, START)


def test_log() -> None:
    """A line when something starts or ends, with the time; what was unchanged is counted."""
    assert not log()[0].left
    sink, out = log()
    sink.receive(
        [tale.started("a", "b", "c"), tale.block("ParamsSpecs"), tale.block("Ensure", "a")]
    )
    sink.receive([tale.begins("a", 1), tale.begins("b", 1)])
    sink.receive(
        [
            tale.ends("a", message="created\nit", at=2),
            tale.ends("b", ItemStatus.FAILED, "no", at=2),
            tale.begins("c", 2),
            *(
                tale.ends(item, ItemStatus.UNCHANGED, shown="whole", at=3, seconds=0.2)
                for item in ("c", "d", "e")
            ),
            BlockEnded(tale.at(3), "Ensure", True),
            tale.over(),
        ]
    )
    sink.close()
    assert out.getvalue().splitlines() == [
        (
            "2025-03-09T14:02:11Z envman deploy · internal_dev_a: started,"
            " execution 0193a5c2-7c1b-7000-8000-000000000001"
        ),
        "2025-03-09T14:02:11Z ensure: 1 item",
        "2025-03-09T14:02:12Z a: started",
        "2025-03-09T14:02:12Z b: started",
        "2025-03-09T14:02:13Z a: done: created it, 0.8 s",
        "2025-03-09T14:02:13Z b: failed: no, 0.8 s",
        "2025-03-09T14:02:14Z ensure: 3 items unchanged",
        "2025-03-09T14:02:15Z envman deploy · internal_dev_a: complete in 4.2 s",
    ]
    assert sink.left
    assert not sink.draws


def test_log_of_looking_and_changing() -> None:
    """No line when an item is looked at, but one when it is changed."""
    sink, out = log()
    sink.receive([tale.looks("a", 1), tale.looks("b", 1), tale.changes("b", 1)])
    sink.receive([tale.changes("a", 2), tale.interrupted("a", "b", looking=("b",), at=3)])
    sink.receive([tale.ends("b", ItemStatus.NOT_STARTED, "looked at, not changed", at=3)])
    assert out.getvalue().splitlines()[:2] == [
        "2025-03-09T14:02:12Z b: started changing",
        "2025-03-09T14:02:13Z a: started changing",
    ]
    assert "a is finishing its change; 1 is only being looked at;" in out.getvalue()
    assert "b: not started: looked at, not changed" in out.getvalue()


HALF = "half\N{REPLACEMENT CHARACTER}way, 50 %, 1/2 steps, 0.1 steps/s, 10 s left"


def test_log_tells_progress_rarely() -> None:
    """How far an item is is told every ten seconds at most."""
    sink, out = log()
    half = Progress(ProgressUnit.STEPS, 1, 2, rate=0.1, seconds_left=10, message="half\x07way")
    sink.receive([tale.begins("a")])
    sink.receive([tale.moves("a", half, at) for at in (1, 9.9, 10, 15, 19.9, 20)])
    assert out.getvalue().splitlines() == [
        "2025-03-09T14:02:11Z a: started",
        f"2025-03-09T14:02:21Z a: {HALF}",
        f"2025-03-09T14:02:31Z a: {HALF}",
    ]


def test_progress_words() -> None:
    """An item that says nothing is in progress; one that does not move is said to stall."""
    assert progress_words(Progress()) == "in progress"
    assert progress_words(Progress(stalled_for=31)) == "no sign of progress for 31 s"


def test_log_of_interrupts() -> None:
    """Each interrupt is told in a line: what happens now, and what the next press would do."""
    sink, out = log(interrupts_only=True)
    sink.receive([tale.started("a"), tale.begins("a"), tale.interrupted("a", at=1)])
    sink.pressed(pressed(InterruptLevel.CANCEL, InterruptSource.SIGINT), SendResult.ACCEPTED)
    sink.receive([tale.interrupted("a", level=InterruptLevel.CANCEL, at=2)])
    assert out.getvalue().splitlines() == [
        (
            "2025-03-09T14:02:12Z Interrupting: a is finishing; nothing new will start. "
            "Ctrl-C again asks it to stop now (its own clean-up still runs)."
        ),
        (
            "2025-03-09T14:02:13Z Interrupting: a is asked to stop now; "
            "its own clean-up still runs. "
            "Ctrl-C again abandons it (its child processes are killed)."
        ),
    ]


def test_log_of_a_press_that_changed_nothing() -> None:
    """A press that changed nothing says what the next one would do; other signals say nothing."""
    sink, out = log()
    sink.pressed(pressed(InterruptLevel.STOP, InterruptSource.SIGTERM), SendResult.UNCHANGED)
    sink.pressed(pressed(InterruptLevel.KILL, InterruptSource.SIGINT), SendResult.UNCHANGED)
    assert out.getvalue() == ""
    sink.pressed(pressed(InterruptLevel.STOP, InterruptSource.SIGINT), SendResult.UNCHANGED)
    assert out.getvalue() == (
        "2025-03-09T14:02:11Z Already interrupted. "
        "Ctrl-C again asks them to stop now (their own clean-up still runs).\n"
    )


def test_what_others_print() -> None:
    """What items and loggers print is a line of the log, and an event for programs."""
    sink, out = log()
    sink.say("\x1b[31mred\x1b[0m")
    assert out.getvalue() == "red\n"
    out = io.StringIO()
    lines = JsonLinesSink(Writer(out, "stderr"))
    lines.say("a “word”")
    assert json.loads(out.getvalue()) == {"event": "output", "text": "a “word”"}


def test_json_lines() -> None:
    """Each event is a JSON object in a line of its own."""
    out = io.StringIO()
    sink = JsonLinesSink(Writer(out, "stderr"))
    sink.receive([tale.started("a"), tale.begins("a", 1), tale.ends("a", message="x\ny")])
    sink.pressed(pressed(InterruptLevel.STOP, InterruptSource.SIGINT), SendResult.UNCHANGED)
    sink.close()
    events = [json.loads(each) for each in out.getvalue().splitlines()]
    assert [each["event"] for each in events] == [
        "execution_started",
        "item_started",
        "item_ended",
    ]
    assert events[2]["message"] == "x\ny"
    assert not sink.draws
    assert not sink.left


class Clock:
    """Tells always the same time."""

    def now(self) -> datetime:
        """The time of day."""
        return START + timedelta(seconds=1)

    def monotonic(self) -> float:
        """Seconds."""
        return 0


class Paper(io.StringIO):
    """A stream that tells when something has been written."""

    def __init__(self) -> None:
        super().__init__()
        self.written = threading.Condition()

    def write(self, text: str, /) -> int:
        """Takes text, and tells of it."""
        with self.written:
            count = super().write(text)
            self.written.notify_all()
        return count

    def shows(self, text: str) -> bool:
        """Waits until a terminal with all that was written shows a text."""

        def there() -> bool:
            terminal = Emulator(80, 24)
            terminal.feed(self.getvalue())
            return text in "\n".join(terminal.everything)

        with self.written:
            return self.written.wait_for(there, 20)


@pytest.fixture
def paper() -> Paper:
    """Where a picture is drawn."""
    return Paper()


def bar(paper: Paper, *, color: bool = False, vanishing: bool = False) -> BarSink:
    """A sink that draws a bar on paper."""
    look = Look(title=title, main_block="Ensure", closing=True, vanishing=vanishing, color=color)
    return BarSink(Writer(paper, "stderr"), look, Clock())


def test_bar(paper: Paper) -> None:
    """The picture follows what happens, and the last one stays."""
    sink = bar(paper)
    assert sink.draws
    sink.receive([tale.started("a", "b"), tale.block("Ensure", "a", "b"), tale.begins("a")])
    assert paper.shows("⠹ a") or paper.shows(" a ")
    sink.say("a\x1b[2Jn item\nprints")
    assert paper.shows("an item prints")
    sink.receive([tale.interrupted("a")])
    assert paper.shows("Interrupting: a is finishing")
    sink.receive([tale.ends("a"), tale.over()])
    sink.close()
    terminal = Emulator(80, 24)
    terminal.feed(paper.getvalue())
    assert terminal.everything == [
        "an item prints",
        "envman deploy · internal_dev_a",
        "",
        "  ✓ a  done                                                                0.8 s",
        "",
        "  complete in 4.2 s",
    ]
    assert sink.left
    sink.say("afterwards")
    terminal.feed("afterwards\n")
    assert paper.getvalue().endswith("afterwards\n")


def test_bar_after_something_else_has_written(paper: Paper) -> None:
    """When the process goes on after it was suspended, the picture is drawn below what is there."""
    sink = bar(paper)
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.begins("a")])
    assert paper.shows("0 of 1")
    with sink.still():
        paper.write("[1]+  Stopped\n")
    sink.receive([tale.ends("a"), tale.over()])
    sink.close()
    terminal = Emulator(80, 24)
    terminal.feed(paper.getvalue())
    lines = terminal.everything
    assert lines.index("[1]+  Stopped") < lines.index("  complete in 4.2 s")


def test_a_frame_ends_before_the_process_is_suspended() -> None:
    """Its other half would go where others have written since."""
    drawing, goes_on, order = threading.Event(), threading.Event(), list[str]()

    class Slow(Paper):
        def write(self, text: str) -> int:
            drawing.set()
            goes_on.wait()
            order.append("frame")
            return super().write(text)

    def suspend() -> None:
        with sink.still():
            order.append("suspended")

    sink = bar(Slow())
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.begins("a")])
    drawing.wait()
    suspending = threading.Thread(target=suspend)
    suspending.start()
    goes_on.set()
    suspending.join()
    assert order[:2] == ["frame", "suspended"]
    sink.receive([tale.ends("a"), tale.over()])
    sink.close()


def test_bar_in_colour(paper: Paper) -> None:
    """With colours, the words are the same."""
    sink = bar(paper, color=True)
    sink.pressed(pressed(InterruptLevel.STOP, InterruptSource.SIGTERM), SendResult.ACCEPTED)
    sink.pressed(pressed(InterruptLevel.STOP, InterruptSource.SIGINT), SendResult.ACCEPTED)
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.ends("a"), tale.over()])
    sink.close()
    assert "\x1b[32m✓" in paper.getvalue()
    assert paper.shows("✓ a  done")


def test_vanishing_bar(paper: Paper) -> None:
    """Where what comes then tells it all, nothing is left of a picture but what was said."""
    sink = bar(paper, vanishing=True)
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.begins("a")])
    assert paper.shows("0 of 1")
    sink.receive([tale.ends("a"), tale.over()])
    sink.close()
    assert not sink.left
    terminal = Emulator(80, 24)
    terminal.feed(paper.getvalue())
    assert terminal.everything == []


def test_vanishing_bar_with_a_line(paper: Paper) -> None:
    """What was said above a picture stays, although the picture does not."""
    sink = bar(paper, vanishing=True)
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.ends("a")])
    sink.say("said")
    sink.receive([tale.over()])
    sink.close()
    assert sink.left
    terminal = Emulator(80, 24)
    terminal.feed(paper.getvalue())
    assert terminal.everything == ["said"]


def test_bar_without_an_execution(paper: Paper) -> None:
    """What never began leaves nothing behind but what was said."""
    sink = bar(paper)
    sink.say("said")
    sink.close()
    assert paper.getvalue() == "said\n"


@pytest.mark.parametrize("interrupts_only", [False, True])
def test_what_people_are_asked_is_in_every_log(interrupts_only: bool) -> None:
    """With how to answer it, and then who has: it waits for whoever reads this."""
    sink, out = log(interrupts_only=interrupts_only)
    sink.receive([tale.started("a"), tale.block("Ensure", "a"), tale.looks("a")])
    out.truncate(0)
    out.seek(0)
    sink.receive([tale.asks("a", "Deploy?", 1), tale.answered("a", at=2)])
    assert out.getvalue() == (
        "2025-03-09T14:02:12Z a: waiting for an approval: Deploy? "
        f"Answer it with: approve {tale.info.id} a\n"
        "2025-03-09T14:02:13Z a: approved by ada on laptop: tested\n"
    )
