"""A world that notes what is done in it, and what each door says was done: for tests of the words.

A door shows an item in a word; `faces_of` reads that word out of each of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import httpx
import yaml

from peaceful import App, Flow, Handle, Item, ItemCtx, ItemFailure, ItemStatus, State
from peaceful._app.contexts import ExecutionOptions
from peaceful._cli.commands.executions import HistoryWords, show_lines
from peaceful._cli.commands.plan import _markdown
from peaceful._cli.program.invocation import Invocation
from peaceful._cli.program.result import Result, document_text
from peaceful._cli.progress.ending import Execution, answer
from peaceful._cli.terminal.text import Page, plain
from peaceful._model.codec import to_json
from peaceful._model.document import Ending
from peaceful._present.summary import status_word
from peaceful._process_signals import ProcessSignals
from peaceful._web.server.serve import asgi
from peaceful.commands import (
    CmdOutcome,
    Complete,
    Contexts,
    ExecutionSettings,
    LadderTimes,
    Plan,
    RunRequest,
)
from peaceful.errors import PeacefulError
from peaceful.interrupt import Interruptible, InterruptLevel, interrupt_channel

PAGE: Final = Page(2000, UTC, datetime(2026, 1, 31, tzinfo=UTC))

WORDS: Final = {status_word(status): status for status in ItemStatus}
"""By word, the status."""

ANY_WORD: Final = "|".join(sorted(WORDS, key=len, reverse=True))


@dataclass
class World:
    """What is out there, and what was done to it by the command that runs.

    Attributes:
        things: by place, what lies there.
        begun: the items whose change has begun.
        changes: by item, what lay there before, and afterwards, of each change that was made.
        countdown: how many more steps of changes there are before something happens.
        happens: what happens then.
        no_look: the places that cannot be looked at.
        no_change: the places that cannot be changed.
    """

    things: dict[str, str] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    changes: dict[str, list[tuple[str | None, str | None]]] = field(default_factory=dict)
    countdown: int = -1
    happens: Callable[[], object] = lambda: None
    no_look: frozenset[str] = frozenset()
    no_change: frozenset[str] = frozenset()

    def step(self) -> None:
        """A part of a change is done."""
        self.countdown -= 1
        if self.countdown == 0:
            self.happens()

    def put(self, item: str, place: str, what: str | None) -> None:
        """Puts something at a place, or takes it away."""
        before = self.things.pop(place, None)
        if what is not None:
            self.things[place] = what
        self.changes.setdefault(item, []).append((before, what))


WORLDS: Final = [World()]
"""That of the test that runs."""


class Known(State):
    """What lies at a place."""

    what: str | None = None

    def __str__(self) -> str:
        """In a word."""
        return self.what or "absent"


class Thing(Item[Known]):
    """Something at a place."""

    place: str
    what: str = "thing"
    made_of: str | None = ""
    stands_on: str = ""
    rigid: bool = False
    stops: bool = False

    def identity(self) -> str:
        """Its place."""
        return self.place

    async def state_current(self, ctx: ItemCtx) -> Known:
        """What lies there, if it can be seen."""
        world = WORLDS[0]
        if self.place in world.no_look or (self.stands_on and self.stands_on not in world.things):
            raise ItemFailure(f"{self.place} cannot be seen.", help="look elsewhere")
        return Known(what=world.things.get(self.place))

    async def state_goal(self, ctx: ItemCtx) -> Known:
        """What is to lie there."""
        return Known(what=f"{self.what}{self.made_of or ''}")

    def replaces(self, current: Known, goal: Known) -> bool:
        """If it is rigid, and there already."""
        return self.rigid and current.what is not None

    async def apply(self, ctx: ItemCtx, current: Known, goal: Known) -> Known:
        """Puts it there, or takes it away."""
        world = WORLDS[0]
        world.begun.add(ctx.item)
        world.step()
        if self.stops:
            await ctx.safe_point(current, where="before the change")
        if self.place in world.no_change:
            raise ItemFailure(f"{self.place} does not want to.", help="leave it alone")
        world.put(ctx.item, self.place, goal.what)
        world.step()
        if self.stops:
            await ctx.safe_point(goal, where="after the change")
        return goal


@dataclass(frozen=True)
class Declared:
    """An item as it is declared: `before` is the one that it is made of, or stands on."""

    name: str
    item: Thing
    before: str = ""
    made_of_it: bool = False


DECLARED: Final[list[Sequence[Declared]]] = [()]
"""The items of the flow of the test that runs."""


def things_app() -> App:
    """An application with one flow, of the items that a test declares."""
    app = App("things")

    @app.flow("all")
    def _all(flow: Flow) -> None:
        """Has what is declared."""
        handles: dict[str, Handle[Known]] = {}
        for each in DECLARED[0]:
            before = handles.get(each.before)
            item = each.item
            if before is not None and each.made_of_it:
                fields = {name: getattr(item, name) for name in Thing.model_fields}
                item = Thing(**{**fields, "made_of": before.state.what})
            handles[each.name] = flow.add(each.name, item)
            if before is not None and not each.made_of_it:
                flow.edge(each.before, each.name)

    return app


@dataclass(frozen=True)
class Face:
    """What a face says.

    Attributes:
        words: by item that it names, its status.
        counts: by status, how many items it counts; None if it counts none.
        silent: the statuses whose items it only counts.
    """

    words: Mapping[str, ItemStatus]
    counts: Mapping[ItemStatus, int] | None = None
    silent: frozenset[ItemStatus] = frozenset()


@dataclass(frozen=True)
class Ran:
    """A command that was run.

    Attributes:
        request: what was asked for.
        ending: how it ended.
        plan: what was planned, if that was the command.
        faces: by face, what it says: by item, the status; and the number of items by status.
        begun: the items whose change has begun.
        changes: by item, the changes that were made.
    """

    request: RunRequest
    ending: Ending
    plan: Plan | None
    faces: Mapping[str, Face]
    begun: frozenset[str]
    changes: Mapping[str, Sequence[tuple[str | None, str | None]]]

    @property
    def statuses(self) -> dict[str, ItemStatus]:
        """By item, how it ended."""
        return {item: each.status for item, each in self.ending.document.items.items()}


async def ran(
    app: App, folder: Path, request: RunRequest, *, at: int = 0, kills: bool = False
) -> Ran:
    """Run a command, which is interrupted in the middle of a change if it is said `at` which."""
    world, contexts = WORLDS[0], Contexts.of(app, folder)
    sender, receiver = interrupt_channel()
    world.begun, world.changes, world.countdown = set(), {}, at or -1
    level = InterruptLevel.KILL if kills else InterruptLevel.STOP
    world.happens = lambda: sender.request(level)
    ctx = contexts.ctx_for(
        request,
        ExecutionOptions(
            interruptibility=Interruptible(receiver),
            settings=ExecutionSettings(ladder=LadderTimes(0.0, 0.0)),
        ),
    )
    endings: list[Ending] = []
    ctx = replace(ctx, on_end=endings.append)
    outcome: CmdOutcome[object] | None = None
    try:
        outcome = await request.run(ctx)
    except PeacefulError:
        assert "" in endings[0].errors
    begun, changes = frozenset(world.begun), dict(world.changes)
    value = outcome.value if isinstance(outcome, Complete) else None
    plan = value if isinstance(value, Plan) else None
    faces = await faces_of(app, folder, request, endings[0], outcome)
    return Ran(request, endings[0], plan, faces, begun, changes)


async def faces_of(
    app: App,
    folder: Path,
    request: RunRequest,
    ending: Ending,
    outcome: CmdOutcome[object] | None,
) -> dict[str, Face]:
    """What each face says of an execution that has ended."""
    result = _answer(app, request, ending, outcome)
    record = Contexts.of(app, folder).executions.get(ending.execution.id)
    history = [plain(each) for each in show_lines(record, None, HistoryWords(), PAGE)]
    kept = json.loads(json.dumps(to_json(record.document())))
    faces = {
        "JSON": _document(json.loads(document_text(result.document, "json"))),
        "YAML": _document(yaml.safe_load(document_text(result.document, "yaml"))),
        "text": _text([plain(each) for each in result.lines(PAGE)]),
        "history": _history(history),
        "history as JSON": _document(kept["outcome"]),
        "history in numbers": Face({}, _statuses(kept["summary"]["counts"]), frozenset(ItemStatus)),
        "last event": Face({}, dict(ending.event().counts), frozenset(ItemStatus)),
        "page": await _page(app, folder, ending.execution.id),
    }
    if isinstance(outcome, Complete) and isinstance(outcome.value, Plan):
        faces["Markdown"] = _of_markdown([*_markdown(outcome.value)])
        items = {item: each.status for item, each in outcome.value.items.items()}
        faces["plan"] = Face(items)
    return faces


def _answer(
    app: App, request: RunRequest, ending: Ending, outcome: CmdOutcome[object] | None
) -> Result:
    with ExitStack() as stack:
        invocation = Invocation.of(app, [], ProcessSignals(), stack)
        invocation.program = ["things"]
        execution = Execution("title", ending, outcome, stuck=False)
        return answer(execution, invocation, request)


def _statuses(counts: Mapping[str, int]) -> dict[ItemStatus, int]:
    return {ItemStatus(word): number for word, number in counts.items()}


def _document(document: Mapping[str, dict[str, dict[str, str]]]) -> Face:
    return Face({item: ItemStatus(each["status"]) for item, each in document["items"].items()})


def _text(lines: Sequence[str]) -> Face:
    """Rows for each status, which name every item; of a dry run, above them, one for each item."""
    words: dict[str, ItemStatus] = {}
    counts: dict[ItemStatus, int] = {}
    for line in lines:
        if row := re.fullmatch(rf"  ({ANY_WORD}) +([\d,]+)   (.+)", line):
            status = WORDS[row[1]]
            counts[status] = int(row[2])
            words |= dict.fromkeys(row[3].split(", "), status)
    for item, status in _lines_of_items(lines).items():
        assert words[item] is status, (item, lines)
    return Face(words, counts)


def _lines_of_items(lines: Sequence[str]) -> dict[str, ItemStatus]:
    found = (re.match(rf"  (\S) (\w+) +({ANY_WORD})(?:: |$)", line) for line in lines)
    return {each[2]: WORDS[each[3]] for each in found if each}


def _history(lines: Sequence[str]) -> Face:
    [ended] = [line for line in lines if line.startswith("  ended ")]
    return Face(_lines_of_items(lines), _counted(ended))


def _counted(text: str) -> dict[ItemStatus, int]:
    """Numbers in words: `3 done, would create 2`."""
    found = re.finditer(rf"(would \w+) (\d+)|\b(\d+) ({ANY_WORD})\b", text)
    return {WORDS[each[1] or each[4]]: int(each[2] or each[3]) for each in found}


def _of_markdown(lines: Sequence[str]) -> Face:
    rows = (re.match(rf"\| ({ANY_WORD}) \| `(\w+)` \|", line) for line in lines)
    words = {each[2]: WORDS[each[1]] for each in rows if each}
    return Face(words, _counted(lines[0]), frozenset({ItemStatus.UNCHANGED}))


async def _page(app: App, folder: Path, execution: str) -> Face:
    transport = httpx.ASGITransport(asgi(app, folder))
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get(f"/executions/{execution}", headers={"Accept": "text/html"})
    assert response.status_code == 200, response.text
    page = response.text
    words: dict[str, ItemStatus] = {}
    for row in re.findall(r'<tr id="row-(\w+)"(.*?)</tr>', page, re.DOTALL):
        stand = re.search(r'data-stand="(\w+)"', row[1])
        chip = re.search(r'class="chip" data-stand="(\w+)">(.*?)</span>', row[1])
        assert stand
        assert chip
        status = WORDS[html.unescape(chip[2])]
        assert stand[1] == chip[1] == status.value
        words[row[0]] = status
    legend = re.search(r'<p class="legend">(.*?)</p>', page, re.DOTALL)
    assert legend
    counts = {
        ItemStatus(each[0]): int(each[1] or each[2])
        for each in re.findall(
            r'<span data-stand="(\w+)">(?:<b>([\d,]+)</b>|[^<]*<b>([\d,]+)</b>)', legend[1]
        )
    }
    return Face(words, counts)
