"""The picture of a running execution: what runs has a line, the rest is counted, all of it fits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import pytest
from execution_events import START, ExecutionEvents
from hypothesis import given
from hypothesis import strategies as st

from peaceful import ItemStatus, ProgressUnit
from peaceful._cli.progress.live_view import KEPT, Frame, Look, Picture, ProgressView
from peaceful._cli.terminal.text import plain
from peaceful._present.text import display_width
from peaceful.commands import Event, OutcomeKind, Progress
from peaceful.interrupt import InterruptLevel, InterruptSource

tale = ExecutionEvents()


def board_of(*events: Event) -> ProgressView:
    """The board after some events."""
    board = ProgressView()
    for event in events:
        board.add(event)
    return board


def shown(
    board: ProgressView,
    width: int = 80,
    height: int = 23,
    *,
    seconds: float = 1.1,
    ctrl_c: bool = True,
    closing: bool = False,
    ascii_only: bool = False,
) -> list[str]:
    """The picture of a board, as lines of plain text."""
    frame = Frame(
        width=width,
        height=height,
        now=START + timedelta(seconds=seconds),
        tick=2,
        ascii_only=ascii_only,
    )
    look = Look(
        title=lambda _: "envman deploy · internal_dev_a · 0193a5c2",
        main_block="Ensure",
        ctrl_c=ctrl_c,
        closing=closing,
    )
    return [plain(each) for each in Picture(board, look, frame).lines()]


DOWNLOAD = Progress(ProgressUnit.BYTES, 3_100_000, 5_000_000, rate=1_200_000, seconds_left=1)
NAMES = ("iam_policy", "s3_bucket", "app_download", "iam_role", "instance_profile", "s3_object")


BEFORE = {
    "iam_policy": 0.8,
    "s3_bucket": 0.2,
    "iam_role": 4.5,
    "instance_profile": 4.0,
    "s3_object": 6.0,
}
"""How long items took before."""


def in_the_middle(**expected: float) -> ProgressView:
    """A board in the middle of an execution; of some items, with how long they took before."""
    return board_of(
        tale.started(*NAMES),
        tale.block("Ensure", *NAMES, at_once=4, expected=expected),
        *map(tale.begins, NAMES[:4]),
        tale.ends("iam_policy", message="created internal_dev_a"),
        tale.ends("s3_bucket", ItemStatus.UNCHANGED, seconds=0.2),
        tale.moves("app_download", DOWNLOAD),
        tale.moves("iam_role", Progress(message="attaching policy")),
    )


def test_in_the_middle() -> None:
    """What has ended, what runs and how far it is, what waits, and the whole."""
    assert shown(in_the_middle()) == [
        "envman deploy · internal_dev_a · 0193a5c2",
        "",
        "  ✓ iam_policy        created internal_dev_a                               0.8 s",
        "  = s3_bucket         unchanged                                            0.2 s",
        "  ⠹ app_download      ━━━━━━━━━━━╸          62 %  3.1/5.0 MB  1.2 MB/s  1 s left",
        "  ⠹ iam_role          attaching policy                                     1.1 s",
        "  · 2 waiting",
        "",
        "  2 of 6 · Ctrl-C to interrupt safely",
    ]


def looking_and_changing() -> ProgressView:
    """A board on which two items are looked at and two are changed."""
    return board_of(
        tale.started(*NAMES),
        tale.block("Ensure", *NAMES),
        *map(tale.looks, NAMES[:4]),
        tale.moves("s3_bucket", Progress(message="asking S3")),
        tale.changes("app_download"),
        tale.moves("app_download", DOWNLOAD),
        tale.changes("iam_role"),
        tale.moves("iam_role", Progress(message="attaching policy")),
    )


def test_looking_and_changing() -> None:
    """Each item in progress says which of the two is done with it, before anything else."""
    board = looking_and_changing()
    assert shown(board)[2:6] == [
        "  ⠹ iam_policy        looking                                              1.1 s",
        "  ⠹ s3_bucket         looking: asking S3                                   1.1 s",
        "  ⠹ app_download      changing  ━━━━━╸      62 %  3.1/5.0 MB  1.2 MB/s  1 s left",
        "  ⠹ iam_role          changing: attaching policy                           1.1 s",
    ]
    board.add(tale.interrupted(*NAMES[:4], looking=NAMES[:2]))
    assert shown(board)[-3:-1] == [
        "  Interrupting: app_download and iam_role are finishing their change; 2 are only",
        "  being looked at; nothing new will start.",
    ]


@pytest.mark.parametrize("width", [20, 30, 40, 60])
def test_looking_and_changing_in_a_narrow_terminal(width: int) -> None:
    """The word stays as long as anything beside the name does; it says more than a bar."""
    lines = shown(looking_and_changing(), width)
    assert all(display_width(each) <= width for each in lines)
    rows = [each for each in lines if each.startswith("  ⠹")]
    assert all("looki" in each or "…" in each for each in rows[:2])
    assert "62 %" in rows[2]
    assert ("changing" in rows[2]) == (width >= 30)
    assert ("━" in rows[2]) == (width >= 60)


def test_interrupted() -> None:
    """After Ctrl-C the last lines say what happens now, and what the next press would do."""
    board = in_the_middle()
    board.add(tale.interrupted("app_download", "iam_role"))
    assert shown(board)[-4:] == [
        "  · 2 will not start",
        "",
        "  Interrupting: app_download and iam_role are finishing; nothing new will start.",
        "  Ctrl-C again asks them to stop now (their own clean-up still runs).",
    ]
    board.add(tale.ends("app_download"))
    assert shown(board)[-2] == ("  Interrupting: iam_role is finishing; nothing new will start.")


@pytest.mark.parametrize(
    ("level", "lines"),
    [
        (InterruptLevel.STOP, ["  Interrupt: 2 left", "  Ctrl-C: stop now"]),
        (InterruptLevel.CANCEL, ["  Stop now: 2 left", "  Ctrl-C: kill"]),
        (InterruptLevel.KILL, ["  Kill: 2 left"]),
    ],
)
def test_interrupted_in_a_tiny_terminal(level: InterruptLevel, lines: list[str]) -> None:
    """Where sentences have no room, a few words say what happens, and what the next press does."""
    board = board_of(
        tale.started("a", "b"),
        tale.block("Ensure", "a", "b"),
        tale.begins("a"),
        tale.begins("b"),
        tale.interrupted("a", "b", level=level),
    )
    assert shown(board, 20, 5)[-len(lines) :] == lines


def test_interrupted_from_elsewhere() -> None:
    """An interrupt that came through another door says so; Ctrl-C is told when it is pressed."""
    board = in_the_middle()
    board.add(
        tale.interrupted("app_download", source=InterruptSource.COMMAND, reason="wrong\nversion")
    )
    assert shown(board, 100)[-2:] == [
        (
            "  Interrupting (by the interrupt command: “wrong version”): app_download and iam_role"
            " are finishing;"
        ),
        "  nothing new will start.",
    ]
    board.pressed = True
    assert "Ctrl-C again asks them to stop now" in shown(board, 100)[-1]


def test_interrupted_with_a_deadline() -> None:
    """SIGTERM climbs by itself, and the picture says when."""
    board = in_the_middle()
    board.add(tale.interrupted("app_download", source=InterruptSource.SIGTERM))
    assert shown(board, 100)[-1] == (
        "  15 s after the signal they are asked to stop, and after 25 s abandoned."
    )
    board.add(tale.ends("iam_role"))
    assert "it is asked to stop" in shown(board, 100)[-1]
    board.add(
        tale.interrupted(
            "app_download", source=InterruptSource.SIGTERM, level=InterruptLevel.CANCEL
        )
    )
    assert "asked to stop now" in shown(board, 100)[-2]
    assert shown(board, 100)[-1] == "  25 s after the first signal it is abandoned."


@pytest.mark.parametrize("told_here", [True, False])
def test_the_last_picture(told_here: bool) -> None:
    """The last picture tells how it ended, unless what is printed below it does."""
    board = in_the_middle()
    interrupt = tale.interrupted("app_download", "iam_role")
    board.add(interrupt)
    board.add(tale.ends("app_download"))
    board.add(tale.ends("iam_role", ItemStatus.FAILED, "AccessDenied"))
    board.add(tale.over(OutcomeKind.BLOCK_INTERRUPTED, interrupt.signal))
    lines = shown(board, closing=told_here)
    assert lines[:6] == [
        "envman deploy · internal_dev_a · 0193a5c2",
        "",
        "  ✓ iam_policy        created internal_dev_a                               0.8 s",
        "  = s3_bucket         unchanged                                            0.2 s",
        "  ✓ app_download      done                                                 0.8 s",
        "  ✗ iam_role          failed: AccessDenied                                 0.8 s",
    ]
    assert lines[6:] == (["", "  interrupted after 4.2 s"] if told_here else [])


def test_small_terminal() -> None:
    """In a tiny terminal what runs comes first, and the rest is counted."""
    assert shown(in_the_middle(), 20, 4) == [
        "  ⠹ app_…oad  62 %",
        "  ⠹ iam_role  att…cy",
        "  · 2 waiting",
        "  2 of 6 · Ctrl-C",
    ]


@pytest.mark.parametrize(
    ("width", "footer"),
    [
        (52, "2 of 6 · about 6 s left · Ctrl-C to interrupt safely"),
        (51, "2 of 6 · Ctrl-C to interrupt safely"),
        (34, "2 of 6 · Ctrl-C interrupts"),
        (25, "2 of 6 · Ctrl-C"),
    ],
)
def test_narrow_footer(width: int, footer: str) -> None:
    """In less width, the last line says less, and never half a word."""
    assert shown(in_the_middle(**BEFORE), width + 2, seconds=4)[-1] == f"  {footer}"


@pytest.mark.parametrize(("height", "rows"), [(23, 19), (10, 7), (4, 2), (2, 1), (1, 0)])
def test_200_items_at_once(height: int, rows: int) -> None:
    """Of many items that run at once, as many have a line as fit; the others are counted."""
    names = [f"item_{number:03}" for number in range(200)]
    board = board_of(tale.started(*names), tale.block("Ensure", *names), *map(tale.begins, names))
    lines = shown(board, height=height)
    assert len(lines) <= height
    running = [each for each in lines if each.startswith("  ⠹")]
    assert len(running) >= rows - 1
    if running:
        assert running[-1] == f"  ⠹ {200 - len(running) + 1} more running"


def test_failures_keep_their_lines() -> None:
    """Of what has ended, failures are shown first of all, and the rest is counted."""
    names = [f"item_{number:03}" for number in range(100)]
    board = board_of(tale.started(*names), tale.block("Ensure", *names))
    board.add(tale.ends(names[0], ItemStatus.FAILED, "no"))
    for name in names[1:90]:
        board.add(tale.ends(name))
    lines = shown(board)
    assert "item_000" in lines[3]
    assert lines[2] == "  · before: 78 done"
    assert "item_089" in lines[-4]
    assert lines[-1] == "  90 of 100 · Ctrl-C to interrupt safely"
    assert len(board.ended) == KEPT


def test_only_failures_are_kept() -> None:
    """Where more fail than are kept, the newest failures are."""
    names = [f"item_{number:03}" for number in range(KEPT + 5)]
    board = board_of(tale.started(*names), tale.block("Ensure", *names))
    for name in names:
        board.add(tale.ends(name, ItemStatus.FAILED, "no"))
    assert [each.item for each in board.ended] == names[5:]


def test_before_anything_runs() -> None:
    """Before the first block with items there is a title, and how to interrupt."""
    board = board_of(tale.started("a"), tale.block("ParamsSpecs"))
    assert shown(board) == [
        "envman deploy · internal_dev_a · 0193a5c2",
        "",
        "  Ctrl-C to interrupt safely",
    ]
    assert shown(board, ctrl_c=False)[-1] == "  starting"


def test_another_block() -> None:
    """A block that the command is not about is named, and each begins with a clean picture."""
    board = board_of(
        tale.started("a"), tale.block("SyncCheck", "a"), tale.begins("a"), tale.ends("a")
    )
    assert shown(board)[-1] == "  sync check: 1 of 1 · Ctrl-C to interrupt safely"
    board.add(tale.block("Ensure", "a"))
    assert "1 of 1" not in shown(board)[-1]


def test_time_left() -> None:
    """How long the whole will take is only said where it is known how long items take."""
    assert shown(in_the_middle(), seconds=10)[-1] == "  2 of 6 · Ctrl-C to interrupt safely"
    board = in_the_middle(**BEFORE)
    assert shown(board, seconds=4)[-1] == "  2 of 6 · about 6 s left · Ctrl-C to interrupt safely"
    # One takes far longer than ever before.
    assert shown(board, seconds=60)[-1] == "  2 of 6 · Ctrl-C to interrupt safely"


def test_time_left_of_very_many_items() -> None:
    """Of very many items it is not made for each frame: that would cost more than the picture."""
    names = [f"item_{number}" for number in range(1000)]
    events: list[Event] = [
        tale.started(*names),
        tale.block("B", *names, at_once=1),
        tale.begins(names[0]),
    ]
    ends = [tale.ends(name, seconds=10) for name in names[:10]]
    board = board_of(*events, *ends)
    assert board.seconds_left(tale.at(10)) == 9900
    board.add(tale.ends(names[10], seconds=10))
    assert board.seconds_left(tale.at(10.9)) == 9900
    assert board.seconds_left(tale.at(11)) == 9890


def test_unknown_progress() -> None:
    """Where it is not known how much there is to do, what is known is shown."""
    board = board_of(
        tale.started("a", "b", "c"),
        tale.block("Ensure", "a", "b", "c"),
        *map(tale.begins, "abc"),
        tale.moves("a", Progress(ProgressUnit.BYTES, 2_000_000, rate=1_000_000)),
        tale.moves("b", Progress(stalled_for=42, message="reading")),
        tale.moves("unheard_of", Progress()),
    )
    assert [each.rstrip() for each in shown(board, 60)[2:5]] == [
        "  ⠹ a  2.0 MB, 1.0 MB/s                                1.1 s",
        "  ⠹ b  no sign of progress for 42 s                    1.1 s",
        "  ⠹ c                                                  1.1 s",
    ]


def test_steps_without_an_estimate() -> None:
    """A bar whose end cannot be estimated shows how long it has been."""
    board = board_of(
        tale.started("a"),
        tale.block("Ensure", "a"),
        tale.begins("a"),
        tale.moves("a", Progress(ProgressUnit.STEPS, 1, 4)),
    )
    assert shown(board, 60)[2] == "  ⠹ a  ━━━━━                  25 %  1/4 steps          1.1 s"
    assert shown(board, 60, ascii_only=True)[2].startswith("  - a  #####  ")
    assert shown(board, 24)[-1].startswith("  0 of 1")


def test_harmful_messages() -> None:
    """What items say can neither move the cursor nor begin a line of its own."""
    board = board_of(
        tale.started("a", "b"),
        tale.block("Ensure", "a", "b"),
        *map(tale.begins, "ab"),
        tale.moves("a", Progress(message="\x1b[2J\r\nyou\x07 lose\n")),
        tale.ends("b", message="\x1b]0;title\x07done\x1b[31m"),
    )
    text = "\n".join(shown(board))
    assert "\x1b" not in text
    assert "\r" not in text
    assert "you\N{REPLACEMENT CHARACTER} lose" in text


statuses = st.sampled_from([ItemStatus.DONE, ItemStatus.UNCHANGED, ItemStatus.FAILED])
names = st.lists(
    st.text(st.sampled_from("ab_漢é"), min_size=1, max_size=30), unique=True, max_size=30
)
progresses = st.builds(
    Progress,
    unit=st.sampled_from(ProgressUnit),
    done=st.floats(0, 1e9),
    total=st.none() | st.floats(0, 1e9),
    rate=st.none() | st.floats(0, 1e9),
    seconds_left=st.none() | st.floats(0, 1e9),
    message=st.text(max_size=30),
    stalled_for=st.none() | st.floats(0, 1e5),
)


@st.composite
def boards(draw: st.DrawFn) -> ProgressView:
    """Boards of executions that are at any point."""
    items = draw(names)
    board = board_of(tale.started(*items), tale.block("Ensure", *items))
    for item in draw(st.lists(st.sampled_from(items), unique=True)) if items else ():
        board.add(tale.begins(item))
        if draw(st.booleans()):
            board.add(tale.moves(item, draw(progresses)))
        if draw(st.booleans()):
            board.add(tale.ends(item, draw(statuses), draw(st.text(max_size=30))))
    for _ in range(draw(st.integers(0, 1))):
        level = draw(st.sampled_from(InterruptLevel))
        source = draw(st.sampled_from(InterruptSource))
        board.add(tale.interrupted(*board.running, level=level, source=source))
    if draw(st.booleans()):
        board.add(tale.over())
    return board


@given(boards(), st.integers(1, 120), st.integers(1, 30), st.booleans(), st.booleans())
def test_it_fits(
    board: ProgressView, width: int, height: int, closing: bool, ascii_only: bool
) -> None:
    """Whatever runs and whatever the terminal, no line is too wide and there are not too many."""
    lines = shown(board, width, height, closing=closing, ascii_only=ascii_only)
    assert len(lines) <= height
    assert all(display_width(each) <= width for each in lines)


@given(boards(), st.integers(40, 120), st.integers(12, 60))
def test_it_tells_all(board: ProgressView, width: int, height: int) -> None:
    """Every item is accounted for: by a line of its own, or in a count."""
    lines = shown(board, width, height)
    counted = sum(_numbers(lines))
    own = sum(each[2:3] in {"✓", "=", "✗", "⠹"} for each in lines)
    own -= sum("more running" in each for each in lines)
    if (
        board.snapshot.ending is None
        and board.total
        and any(each.startswith("  ·") for each in lines)
    ):
        assert own + counted == board.total


def _numbers(lines: Iterable[str]) -> list[int]:
    numbers: list[int] = []
    for each in lines:
        if each.startswith("  · ") or "more running" in each:
            numbers += [int(word) for word in each.split() if word.isdecimal()]
    return numbers


def asking(question: str = "Deploy 1.4 to prod?") -> ProgressView:
    """A board on which one of two items waits for a person."""
    return board_of(
        tale.started("build", "release"),
        tale.block("Ensure", "build", "release", at_once=4, expected={"build": 9, "release": 9}),
        tale.looks("build"),
        tale.changes("build"),
        tale.looks("release"),
        tale.changes("release"),
        tale.asks("release", question, at=0.5),
    )


def test_what_waits_for_a_person_comes_first() -> None:
    """Below it stands what it asks, and how to answer; no time is told that nobody knows."""
    assert shown(asking()) == [
        "envman deploy · internal_dev_a · 0193a5c2",
        "",
        "  ? release  waiting for an approval                                       0.6 s",
        "  ⠹ build    changing                                                      1.1 s",
        "",
        "  release asks: Deploy 1.4 to prod?",
        "  Answer it with: approve 0193a5c2-7c1b-7000-8000-000000000001 release",
        "  0 of 2 · Ctrl-C to interrupt safely",
    ]


def test_a_question_is_whole_on_a_narrow_terminal() -> None:
    """It takes as many lines as it needs."""
    question = "Deploy 1.4 to prod, which all customers use from this very minute on?"
    lines = shown(asking(question), width=40)
    assert all(display_width(each) <= 40 for each in lines)
    assert question in " ".join(each.strip() for each in lines)
    assert any("waiting" in each for each in lines)


def test_an_answered_question_is_gone() -> None:
    """Its item goes on as the others."""
    board = asking()
    board.add(tale.answered("release"))
    assert not any("asks" in each or "approval" in each for each in shown(board))
