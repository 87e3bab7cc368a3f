"""Items that wait until a person approves."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from answering import ANN, AnsweringRegister
from example_counts import examples
from hypothesis import given
from hypothesis import strategies as st
from item_world import Hook, Stage, Thing, ThingState

from peaceful import Flow, ItemCtx, ItemStatus
from peaceful._commands.recording import StateRecorder
from peaceful._errors.running import NotApproved
from peaceful._model.events import ApprovalAsked, ApprovalEnded
from peaceful.commands import (
    BlockInterrupted,
    CleanCmd,
    CmdOutcome,
    Complete,
    DiscoverCmd,
    EnsureCmd,
    ItemError,
    StateKind,
    States,
)
from peaceful.errors import DefinitionError, FileInaccessible
from peaceful.interrupt import InterruptLevel, InterruptSource, interrupt_channel
from peaceful.testing import ManualClock, MemoryStateStore

QUESTION = "Deploy 1.4 to prod?"


def asks(question: str = QUESTION) -> Hook:
    """A hook that asks for an approval."""

    async def hook(ctx: ItemCtx) -> None:
        await ctx.approval(question)

    return hook


class PlainThing(Thing):
    """A thing whose change is a plain function, in a thread."""

    def apply(  # type: ignore[override]  # the same, but plain
        self, ctx: ItemCtx, current: ThingState, goal: ThingState
    ) -> ThingState:
        """Changes what is there, once it is approved."""
        ctx.blocking(ctx.approval(QUESTION))
        return ctx.blocking(super().apply(ctx, current, goal))


class Rounds:
    """Runs commands on a stage, one after the other, with a register and a latch for each."""

    def __init__(self, folder: Path) -> None:
        self.stage = Stage(folder)
        self.register = AnsweringRegister()
        self.clock = ManualClock()

    def start(
        self, flow: Flow, *, at_once: int = 4, command: type[EnsureCmd | CleanCmd] = EnsureCmd
    ) -> asyncio.Task[CmdOutcome[States]]:
        """Starts a command."""
        self.stage.sender, self.stage._receiver = interrupt_channel()
        self.stage.sink.events.clear()
        self.register.events = asyncio.Queue()
        ctx = replace(
            self.stage.ctx(flow, at_once=at_once), register=self.register, clock=self.clock
        )
        return asyncio.ensure_future(command.exec(ctx))

    def stop(self, level: InterruptLevel = InterruptLevel.STOP) -> None:
        """Interrupts what runs."""
        self.stage.sender.request(level, source=InterruptSource.API)

    def asked(self) -> list[str]:
        """The questions of the last command that reached a person."""
        return [e.question for e in self.stage.sink.events if isinstance(e, ApprovalAsked)]


@pytest.fixture
def rounds(tmp_path: Path) -> Rounds:
    """A stage in an empty folder."""
    return Rounds(tmp_path)


async def test_it_goes_on_once_it_is_approved(rounds: Rounds) -> None:
    """Until then nothing of it is done; how it ended tells who approved, when and why."""
    rounds.stage.world.hooks["a"] = asks()
    running = rounds.start(rounds.stage.flow({"a": ()}))
    event = await rounds.register.asked()
    assert (event.item, event.question) == ("a", QUESTION)
    assert not rounds.stage.world.things

    receipt = await rounds.register.answer("a", comment="it was tested")
    outcome = await running

    assert receipt.accepted
    assert isinstance(outcome, Complete)
    (approval,) = rounds.register.documents[-1].approvals
    assert receipt.approval == approval
    assert (approval.item, approval.question, approval.approved) == ("a", QUESTION, True)
    assert (approval.by, approval.comment) == (ANN, "it was tested")


async def test_it_fails_once_it_is_refused(rounds: Rounds) -> None:
    """The failure names who refused and why; the same command asks anew."""
    rounds.stage.world.hooks["a"] = asks()
    flow = rounds.stage.flow({"a": (), "b": ("a",)})
    for _ in range(2):
        running = rounds.start(flow)
        await rounds.register.asked()
        await rounds.register.answer("a", approve=False, comment="not on a Friday")
        outcome = await running
        assert isinstance(outcome, ItemError)
        error = outcome.errors["a"]
        assert isinstance(error, NotApproved)
        assert error.code == "NOT-APPROVED"
        assert "refused by ann on here: not on a Friday" in error.message
        assert outcome.items["b"].status is ItemStatus.NOT_STARTED
        assert not rounds.stage.world.things
        (approval,) = rounds.register.documents[-1].approvals
        assert not approval.approved


async def test_others_go_on_while_one_waits(rounds: Rounds) -> None:
    """With room for one at a time, another one is done meanwhile, and then it has room again."""
    world = rounds.stage.world
    world.hooks["a"] = asks()
    done = asyncio.Event()

    async def other(ctx: ItemCtx) -> None:
        assert world.running == 2, "the one that waits, and this one"
        done.set()

    world.hooks["b"] = other
    running = rounds.start(rounds.stage.flow({"a": (), "b": ()}), at_once=1)
    await rounds.register.asked()
    async with asyncio.timeout(20):
        await done.wait()
    await rounds.register.answer("a")

    assert isinstance(await running, Complete)


async def test_who_was_approved_waits_for_room(rounds: Rounds) -> None:
    """It is not worked on together with more items than are allowed at once."""
    world, at_work = rounds.stage.world, Counter[str]()
    begun, goes_on = asyncio.Event(), asyncio.Event()

    async def ask(ctx: ItemCtx) -> None:
        await ctx.approval(QUESTION)
        assert not at_work["b"]

    async def other(ctx: ItemCtx) -> None:
        at_work["b"] += 1
        begun.set()
        await goes_on.wait()
        at_work["b"] -= 1

    world.hooks |= {"a": ask, "b": other}
    running = rounds.start(rounds.stage.flow({"a": (), "b": ()}), at_once=1)
    await rounds.register.asked()
    await begun.wait()
    await rounds.register.answer("a")
    goes_on.set()

    assert isinstance(await running, Complete)


async def test_plain_functions_wait_in_their_threads(rounds: Rounds) -> None:
    """While one waits in its thread, the change of another one has a thread, too."""
    flow = Flow("plain")
    for name in ("a", "b", "c"):
        flow.add(name, PlainThing(name=name))
    running = rounds.start(flow, at_once=1)
    asked = {(await rounds.register.asked()).item for _ in "abc"}
    assert asked == {"a", "b", "c"}
    for item in asked:
        await rounds.register.answer(item)

    assert isinstance(await running, Complete)


async def test_a_stop_ends_the_waiting(rounds: Rounds) -> None:
    """The item is stopped, as at a safe point; the next run asks, and carries on."""
    rounds.stage.world.hooks["a"] = asks()
    flow = rounds.stage.flow({"a": ()})
    running = rounds.start(flow)
    await rounds.register.asked()
    rounds.stop()
    outcome = await running
    assert isinstance(outcome, BlockInterrupted)
    assert outcome.items["a"].status is ItemStatus.STOPPED
    assert "waiting for an approval" in outcome.items["a"].message
    assert not (await rounds.register.answer("a")).accepted

    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    assert isinstance(await running, Complete)


async def test_a_look_cannot_ask(rounds: Rounds) -> None:
    """Who only looks needs no approval: such an item fails, and is told where to ask."""
    rounds.stage.world.look = asks()
    outcome = await DiscoverCmd.exec(rounds.stage.ctx(rounds.stage.flow({"a": ()})))

    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["a"], DefinitionError)
    assert "only looked at" in outcome.errors["a"].message


@pytest.mark.parametrize("question", ["", " \n", "x" * 301])
async def test_a_question_is_one_line(rounds: Rounds, question: str) -> None:
    """What cannot be shown is not asked: two long questions could look alike."""
    rounds.stage.world.hooks["a"] = asks(question)
    outcome = await rounds.start(rounds.stage.flow({"a": ()}))

    assert isinstance(outcome, ItemError)
    assert isinstance(outcome.errors["a"], DefinitionError)


async def test_the_first_answer_counts(rounds: Rounds) -> None:
    """Of two at once, the other one is told who was first; so is whoever comes later."""

    async def asks_twice(ctx: ItemCtx) -> None:
        await ctx.approval("One?")
        await ctx.approval("Two?")

    rounds.stage.world.hooks["a"] = asks_twice
    running = rounds.start(rounds.stage.flow({"a": ()}))
    await rounds.register.asked()
    receipts = await asyncio.gather(
        *(rounds.register.answer("a", approve=True, question="One?") for _ in range(5))
    )
    assert [receipt.accepted for receipt in receipts] == [True, False, False, False, False]
    assert {receipt.approval for receipt in receipts} == {receipts[0].approval}
    await rounds.register.asked()
    late = await rounds.register.answer("a", approve=False, question="One?")
    assert not late.accepted
    assert late.asking == {"a": "Two?"}
    await rounds.register.answer("a")
    assert isinstance(await running, Complete)


async def test_an_approval_holds_until_the_item_is_done(rounds: Rounds) -> None:
    """Interrupted after the answer, it is not asked again; done once, the next change asks."""
    world = rounds.stage.world
    reached = asyncio.Event()

    async def ask_and_wait(ctx: ItemCtx) -> None:
        await ctx.approval(QUESTION)
        reached.set()
        await ctx.sleep(60)

    world.hooks["a"] = ask_and_wait
    flow = rounds.stage.flow({"a": ()})
    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    await reached.wait()
    rounds.stop()
    assert isinstance(await running, BlockInterrupted)

    # What others do meanwhile does not spoil it.
    assert isinstance(await DiscoverCmd.exec(rounds.stage.ctx(flow)), Complete)

    world.hooks["a"] = asks()
    assert isinstance(await rounds.start(flow), Complete)
    assert rounds.asked() == []
    (used,) = rounds.register.documents[-1].approvals
    assert used.by == ANN

    del world.things["a"]
    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    assert isinstance(await running, Complete)
    (stored,) = rounds.stage.store(flow).load(StateKind.CURRENT).values()
    assert stored.approvals == ()


async def test_an_approval_holds_for_its_question_and_its_function(rounds: Rounds) -> None:
    """Another question is asked; and what was approved of a change, is not of its removal."""
    world = rounds.stage.world
    flow = rounds.stage.flow({"a": ()})

    async def fail(ctx: ItemCtx) -> None:
        await ctx.approval(QUESTION)
        raise OSError(5, "the disk does not answer")

    world.hooks["a"] = fail
    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    assert isinstance(await running, ItemError)

    world.hooks["a"] = asks("Deploy 1.5 to prod?")
    running = rounds.start(flow)
    assert (await rounds.register.asked()).question == "Deploy 1.5 to prod?"
    rounds.stop()
    await running


async def test_what_was_done_unseen_is_not_approved_for_the_next_change(rounds: Rounds) -> None:
    """Killed after the change and before its record, it is found as it should be: that is done."""
    world = rounds.stage.world
    flow = rounds.stage.flow({"a": ()})

    async def done_and_failed(ctx: ItemCtx) -> None:
        await ctx.approval(QUESTION)
        world.things["a"] = "there"
        raise OSError(5, "the disk does not answer")

    world.hooks["a"] = done_and_failed
    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    assert isinstance(await running, ItemError)
    outcome = await rounds.start(flow)
    assert outcome.items["a"].status is ItemStatus.UNCHANGED

    del world.things["a"]
    world.hooks["a"] = asks()
    running = rounds.start(flow)
    await rounds.register.asked()
    await rounds.register.answer("a")
    assert isinstance(await running, Complete)


async def test_an_approval_outlives_a_loss_of_power(rounds: Rounds) -> None:
    """It is on disk before the item goes on, and before whoever answered is told that it counts."""
    store = MemoryStateStore()
    on_disk: list[str] = []

    async def look(ctx: ItemCtx) -> None:
        await ctx.approval(QUESTION)
        after = store.after_power_loss().load(StateKind.CURRENT)["a"]
        on_disk.extend(each.question for each in after.approvals)
        assert after.in_progress_since is not None

    rounds.stage.world.hooks["a"] = look
    ctx = rounds.stage.ctx(rounds.stage.flow({"a": ()}), store=store)
    await EnsureCmd.exec(replace(ctx, on_ask=lambda _item, _question: ""))

    assert on_disk == [QUESTION]
    assert store.after_power_loss().load(StateKind.CURRENT)["a"].approvals == ()


async def test_a_full_disk_approves_nothing(rounds: Rounds) -> None:
    """Who answered is told, and the item fails: an approval that is not kept does not count."""
    store = MemoryStateStore()
    rounds.stage.world.hooks["a"] = asks()
    ctx = rounds.stage.ctx(rounds.stage.flow({"a": ()}), store=store)
    running = asyncio.ensure_future(EnsureCmd.exec(replace(ctx, register=rounds.register)))
    await rounds.register.asked()
    store.refusal = FileInaccessible(Path("/x"), "written", OSError(28, "No space left on device"))
    with pytest.raises(FileInaccessible):
        await rounds.register.answer("a")
    with pytest.raises(FileInaccessible):
        await running
    assert not rounds.stage.world.things


async def test_an_item_may_give_up_waiting(rounds: Rounds) -> None:
    """Its question is withdrawn: an answer that comes later is refused."""
    gave_up = asyncio.Event()
    goes_on = asyncio.Event()

    async def impatient(ctx: ItemCtx) -> None:
        try:
            async with asyncio.timeout(0.01):
                await ctx.approval(QUESTION)
        except TimeoutError:
            gave_up.set()
        await goes_on.wait()

    rounds.stage.world.hooks["a"] = impatient
    running = rounds.start(rounds.stage.flow({"a": ()}))
    await gave_up.wait()
    assert not (await rounds.register.answer("a")).accepted
    goes_on.set()
    assert isinstance(await running, Complete)
    ended = [e for e in rounds.stage.sink.events if isinstance(e, ApprovalEnded)]
    assert [event.approval for event in ended] == [None]


async def test_waiting_is_no_time_of_the_item(rounds: Rounds) -> None:
    """How long a person took is not the time that the item takes, by which others are estimated."""
    rounds.stage.world.hooks["a"] = asks()
    running = rounds.start(rounds.stage.flow({"a": ()}))
    await rounds.register.asked()
    rounds.clock.advance(3600)
    await rounds.register.answer("a")
    outcome = await running

    assert outcome.items["a"].seconds == 0


@dataclass
class Model:
    """What people said, and what may be asked."""

    approved: set[tuple[str, str]] = field(default_factory=set)
    asked: int = 0
    at_work: int = 0


@st.composite
def flows(draw: st.DrawFn) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """The items that each item needs, and the questions that each asks."""
    names = [f"t{number}" for number in range(draw(st.integers(1, 6)))]
    needs = {
        name: draw(st.lists(st.sampled_from(names[:at]), unique=True, max_size=2)) if at else []
        for at, name in enumerate(names)
    }
    questions = {name: draw(st.lists(st.sampled_from("pqr"), max_size=3)) for name in names}
    return needs, questions


@examples(25, soak=3_000)
@given(
    flows(),
    st.lists(st.sampled_from(["yes", "yes", "no", "stop", "cancel"]), max_size=12),
    st.integers(1, 3),
)
def test_nothing_is_asked_twice_and_nothing_done_unasked(
    of: tuple[dict[str, list[str]], dict[str, list[str]]], answers: list[str], at_once: int
) -> None:
    """Whatever people answer, whenever interrupts come, an approval holds until its item is done.

    What is done was approved, each question of it; and once all is approved, all is done, once.
    """
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(_through(Rounds(Path(folder)), *of, answers, at_once))


async def _through(
    rounds: Rounds,
    needs: dict[str, list[str]],
    questions: dict[str, list[str]],
    answers: list[str],
    at_once: int,
) -> None:
    model, world, left = Model(), rounds.stage.world, list(answers)
    flow = rounds.stage.flow(needs)

    async def change(ctx: ItemCtx) -> None:
        model.at_work += 1
        try:
            for question in questions[ctx.item]:
                assert model.at_work <= at_once
                model.at_work -= 1
                try:
                    await ctx.approval(question)
                finally:
                    model.at_work += 1
                assert (ctx.item, question) in model.approved
            await asyncio.sleep(0)
            assert model.at_work <= at_once
        finally:
            model.at_work -= 1

    world.every = change
    outcome: CmdOutcome[States] | None = None
    for _ in range(len(answers) + 1):
        running = rounds.start(flow, at_once=at_once)
        while True:
            asking = asyncio.ensure_future(rounds.register.asked())
            await asyncio.wait({asking, running}, return_when=asyncio.FIRST_COMPLETED)
            if not asking.done():
                asking.cancel()
                break
            event = asking.result()
            assert (event.item, event.question) not in model.approved, "it is asked again"
            await _say(rounds, model, event, left.pop(0) if left else "yes")
        outcome = await running
        if isinstance(outcome, Complete):
            break
    assert isinstance(outcome, Complete)
    assert world.applied == Counter(dict.fromkeys(needs, 1))


async def _say(rounds: Rounds, model: Model, event: ApprovalAsked, answer: str) -> None:
    if answer in {"stop", "cancel"}:
        rounds.stop(InterruptLevel.STOP if answer == "stop" else InterruptLevel.CANCEL)
        return
    # Noted before: by the time the answer returns, the item may have gone on.
    if answer == "yes":
        model.approved.add((event.item, event.question))
    receipt = await rounds.register.answer(event.item, approve=answer == "yes")
    if not receipt.accepted and answer == "yes":
        model.approved.discard((event.item, event.question))


async def test_programs_answer_by_themselves(rounds: Rounds) -> None:
    """A program that runs a command may answer what items ask: with nothing, or with a reason."""
    rounds.stage.world.hooks["a"] = asks()
    ctx = rounds.stage.ctx(rounds.stage.flow({"a": ()}))

    refused = await EnsureCmd.exec(replace(ctx, on_ask=lambda _item, _: "not today"))
    assert isinstance(refused, ItemError)
    assert "not today" in refused.errors["a"].message
    assert isinstance(await EnsureCmd.exec(replace(ctx, on_ask=lambda _item, _: "")), Complete)


async def test_an_answer_is_taken_to_its_end(
    rounds: Rounds, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where whoever gives it goes away while it is written: nobody else could give it."""
    written, goes_on = asyncio.Event(), asyncio.Event()
    record = StateRecorder.approved

    async def slowly(*arguments: Any) -> None:
        written.set()
        await goes_on.wait()
        await record(*arguments)

    monkeypatch.setattr(StateRecorder, "approved", slowly)
    rounds.stage.world.hooks["a"] = asks()
    running = rounds.start(rounds.stage.flow({"a": ()}))
    await rounds.register.asked()
    answering = asyncio.ensure_future(rounds.register.answer("a"))
    await written.wait()
    answering.cancel()
    goes_on.set()

    assert isinstance(await running, Complete)
