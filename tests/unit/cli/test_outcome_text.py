"""How a command ended, for people: short, whole, and with what to do next."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from peaceful import ItemStatus
from peaceful._cli.progress.ending import OutcomeMessage, outcome_lines
from peaceful._cli.terminal.text import Page, plain
from peaceful._model.outcome import WOULD
from peaceful._present.summary import summarise
from peaceful._present.text import display_width
from peaceful.commands import OutcomeKind
from peaceful.interrupt import InterruptLevel, InterruptSignal, InterruptSource

AT = datetime(2025, 3, 9, 14, 2, 11, tzinfo=UTC)
TITLE = "envman deploy · internal_dev_a · 0193a5c2"
STATUSES = {
    "app_download": ItemStatus.DONE,
    "iam_policy": ItemStatus.DONE,
    "iam_role": ItemStatus.DONE,
    "s3_bucket": ItemStatus.UNCHANGED,
    "instance_profile": ItemStatus.NOT_STARTED,
    "s3_object": ItemStatus.NOT_STARTED,
}

ENDED = sorted({*ItemStatus} - WOULD - {ItemStatus.UNKNOWN})


def told(
    kind: OutcomeKind,
    statuses: dict[str, ItemStatus],
    *,
    source: InterruptSource | None = None,
    reason: str | None = None,
    left: str = "envman diff",
    messages: tuple[tuple[str, ItemStatus, str], ...] = (),
) -> OutcomeMessage:
    """An ending of a command, as the terminal is told of it."""
    signal = None if source is None else InterruptSignal(InterruptLevel.STOP, source, AT, reason)
    summary = summarise(kind, statuses, seconds=4.2, interrupt=signal)
    return OutcomeMessage(TITLE, summary, "envman deploy", left, messages)


def shown(ending: OutcomeMessage, width: int = 80, *, ascii_only: bool = False) -> list[str]:
    """The lines by which an ending is shown."""
    page = Page(width, UTC, AT, ascii_only)
    return [plain(each) for each in outcome_lines(ending, page)]


def test_interrupted() -> None:
    """After Ctrl-C: what is done, what is not, and how to carry on."""
    ending = told(OutcomeKind.BLOCK_INTERRUPTED, STATUSES, source=InterruptSource.SIGINT)
    assert shown(ending) == [
        "envman deploy · internal_dev_a · 0193a5c2 · interrupted after 4.2 s",
        "",
        "  done         3   app_download, iam_policy, iam_role",
        "  unchanged    1   s3_bucket",
        "  not started  2   instance_profile, s3_object",
        "",
        "  Carry on with: envman deploy        What is left: envman diff",
    ]


def test_interrupted_from_elsewhere() -> None:
    """An interrupt from elsewhere is told with its reason."""
    ending = told(
        OutcomeKind.EXECUTION_INTERRUPTED,
        {"a": ItemStatus.NOT_STARTED},
        source=InterruptSource.WEB,
        reason="wrong version",
        left="",
    )
    assert shown(ending, 50) == [
        "envman deplo… · 0193a5c2 · interrupted after 4.2 s",
        "",
        "  not started  1   a",
        "",
        "  Interrupted from a web page: “wrong version”",
        "  Carry on with: envman deploy",
    ]


def test_complete() -> None:
    """What is complete needs no next step."""
    assert shown(told(OutcomeKind.COMPLETE, {"a": ItemStatus.DONE})) == [
        "envman deploy · internal_dev_a · 0193a5c2 · complete in 4.2 s",
        "",
        "  done  1   a",
    ]
    assert shown(told(OutcomeKind.COMPLETE, {})) == [
        "envman deploy · internal_dev_a · 0193a5c2 · complete in 4.2 s"
    ]


def test_complete_although_interrupted() -> None:
    """An interrupt that came too late to change anything is told of."""
    ending = told(OutcomeKind.COMPLETE, {"a": ItemStatus.DONE}, source=InterruptSource.SIGINT)
    assert shown(ending)[-1] == "  The interrupt changed nothing: everything was done."


def test_narrow() -> None:
    """What is to be typed is never cut."""
    ending = told(OutcomeKind.BLOCK_INTERRUPTED, STATUSES, source=InterruptSource.SIGINT)
    assert shown(ending, 30) == [
        "interrupted after 4.2 s",
        "",
        "  done         3",
        "  unchanged    1   s3_bucket",
        "  not started  2",
        "",
        "  Carry on with: envman deploy",
        "  What is left: envman diff",
    ]


def test_dry_run() -> None:
    """A dry run tells of each item what would be done."""
    messages = (
        ("a", ItemStatus.WOULD_CREATE, "+ content: x"),
        ("bb", ItemStatus.UNCHANGED, "nothing\nto do"),
    )
    statuses = {item: status for item, status, _ in messages}
    ending = told(OutcomeKind.COMPLETE, statuses, messages=messages)
    assert shown(ending)[2:] == [
        "  + a  would create: + content: x",
        "",
        "  would create  1   a",
        "  unchanged     1   bb",
    ]
    assert shown(ending, ascii_only=True)[2] == "  + a  would create: + content: x"


@example(
    {f"{at}": status for at, status in enumerate(ENDED)},
    OutcomeKind.ITEM_ERROR,
    InterruptSource.FAILURE,
    "x" * 300,
    30,
)
@given(
    st.dictionaries(
        st.text("ab_", min_size=1, max_size=20),
        st.sampled_from(ENDED),
    ),
    st.sampled_from(
        [OutcomeKind.BLOCK_INTERRUPTED, OutcomeKind.EXECUTION_INTERRUPTED, OutcomeKind.ITEM_ERROR]
    ),
    st.sampled_from(InterruptSource),
    st.text(max_size=300),
    st.integers(30, 120),
)
def test_twelve_lines(
    statuses: dict[str, ItemStatus],
    kind: OutcomeKind,
    source: InterruptSource,
    reason: str,
    width: int,
) -> None:
    """However many items there are, an interrupt is told in at most 12 lines that fit."""
    lines = shown(told(kind, statuses, source=source, reason=reason), width)
    assert len(lines) <= 12
    assert all(display_width(each) <= width for each in lines)
    assert "Carry on with: envman deploy" in "\n".join(lines)
