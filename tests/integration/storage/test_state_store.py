"""What every store of states does, wherever it keeps them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from peaceful._model.codec import JsonValue
from peaceful.commands import StateKind, StateStore, StateWriter, StoredState, YamlStateStore
from peaceful.errors import FileInaccessible
from peaceful.testing import MemoryStateStore

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LATER = AT + timedelta(hours=1)
BEGUN = AT + timedelta(minutes=30)
"""When blocks begin, in these tests."""
ITEMS = ("a", "b", "c")


def _state(value: JsonValue = None, since: datetime | None = None) -> StoredState:
    return StoredState("File", 1, {"value": value}, {"path": "x"}, AT, since)


class World(Protocol):
    """One kind of store, and what may happen to it."""

    def store(self) -> StateStore:
        """The store, as a process finds it when it starts."""

    def after_kill(self) -> StateStore:
        """The store, as the next process finds it after the last one was killed."""

    def after_power_loss(self) -> StateStore:
        """The store after the machine went down."""

    def refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """From now on, nothing can be written."""


class _YamlWorld:
    """YAML files in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def store(self) -> StateStore:
        return YamlStateStore(self._folder, now=lambda: BEGUN, boot_id="this")

    def after_kill(self) -> StateStore:
        return self.store()

    def after_power_loss(self) -> StateStore:
        return YamlStateStore(self._folder, now=lambda: BEGUN, boot_id="next")

    def refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def refused(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.write", refused)


class _MemoryWorld:
    """Memory."""

    def __init__(self) -> None:
        self._store = MemoryStateStore(now=lambda: BEGUN)

    def store(self) -> StateStore:
        return self._store

    def after_kill(self) -> StateStore:
        self._store = self._store.after_kill()
        return self._store

    def after_power_loss(self) -> StateStore:
        self._store = self._store.after_power_loss()
        return self._store

    def refuse(self, monkeypatch: pytest.MonkeyPatch) -> None:
        error = FileInaccessible(Path("memory"), "written", OSError(28, "No space left"))
        monkeypatch.setattr(self._store, "refusal", error)


@pytest.fixture(params=["yaml", "memory"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> World:
    """Each kind of store."""
    return _YamlWorld(tmp_path) if request.param == "yaml" else _MemoryWorld()


def _current(store: StateStore) -> dict[str, StoredState]:
    return dict(store.load(StateKind.CURRENT))


def _in_doubt(store: StateStore) -> dict[str, datetime]:
    return {
        item: stored.in_progress_since
        for item, stored in _current(store).items()
        if stored.in_progress_since is not None
    }


async def _stored(store: StateStore, **states: StoredState) -> None:
    """Stores current states in a block of their own."""
    writer = store.open("earlier", ITEMS, applies=False)
    for item, each in states.items():
        await writer.record(item, current=each)
    await writer.close()


def test_nothing_is_stored(world: World) -> None:
    """A new store is empty."""
    for kind in StateKind:
        assert world.store().load(kind) == {}


async def test_states_are_stored(world: World) -> None:
    """What was recorded is loaded: at once, after the block, and by the next process."""
    store = world.store()
    writer = store.open("execution", ITEMS, applies=True)
    for item in reversed(ITEMS):
        await writer.started(item, LATER)
        await writer.record(item, current=_state(item), goal=_state("goal"))
    expected = {item: _state(item) for item in ITEMS}
    assert _current(store) == expected
    await writer.close()

    assert _current(store) == _current(world.after_kill()) == expected
    assert store.load(StateKind.GOAL) == dict.fromkeys(ITEMS, _state("goal"))


async def test_what_was_not_reached_stays(world: World) -> None:
    """Entries of items that a block did not reach, or does not know, keep their states."""
    await _stored(world.store(), a=_state("old"), left_the_flow=_state("kept"))
    writer = world.store().open("execution", ["a", "b"], applies=False)
    await writer.record("b", current=_state("new"))
    await writer.close()

    assert _current(world.store()) == {
        "a": _state("old"),
        "b": _state("new"),
        "left_the_flow": _state("kept"),
    }


async def test_while_a_block_runs(world: World) -> None:
    """Others see what was recorded until now, and what is being changed as in progress."""
    store = world.store()
    await _stored(store, a=_state("old"), b=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.started("b", LATER)
    await writer.record("b", current=_state("new"))

    assert _current(store) == {"a": _state("old", since=LATER), "b": _state("new")}
    await writer.close()


async def test_killed(world: World) -> None:
    """After a kill, what was in progress says so; what ended is stored; the rest is as it was."""
    store = world.store()
    await _stored(store, a=_state("old"), b=_state("old"), c=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.started("b", LATER)
    await writer.record("b", current=_state("new"))

    expected = {"a": _state("old", since=LATER), "b": _state("new"), "c": _state("old")}
    assert _current(world.after_kill()) == expected

    writer = world.after_kill().open("next", ITEMS, applies=True)
    assert _current(world.store()) == expected
    await writer.close()
    assert _current(world.store()) == expected


async def test_power_loss(world: World) -> None:
    """After a loss of power, what is not known to have ended says that it is in progress."""
    store = world.store()
    await _stored(store, a=_state("old"), b=_state("old"), c=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("b", LATER)
    await writer.started("c", LATER)
    await writer.settled("c")
    await writer.record("b", current=_state("new"))

    after = world.after_power_loss()
    assert _current(after) == {
        "a": _state("old", since=BEGUN),
        "b": _state("new"),
        "c": _state("old"),
    }
    await after.open("next", ITEMS, applies=True).close()
    assert _in_doubt(after) == {"a": BEGUN}


async def test_power_loss_before_the_first_change(world: World) -> None:
    """Where no item was changed yet, none is in doubt, and nobody waits for the disk to say so."""
    store = world.store()
    await _stored(store, a=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    settled = writer.settled("a")
    assert isinstance(settled, asyncio.Future)
    assert settled.done()

    assert _current(world.after_power_loss()) == {"a": _state("old")}


async def test_unchanged_beside_a_change(world: World) -> None:
    """Once items are changed, one that ended unchanged is not in doubt when that was waited for."""
    store = world.store()
    await _stored(store, a=_state("old"), b=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.settled("a")
    await writer.started("c", LATER)
    await writer.settled("b")

    assert set(_in_doubt(world.after_power_loss())) == {"c"}


async def test_found_before_the_start(world: World) -> None:
    """After a loss of power, a state found before its item was started does not speak for it."""
    writer = world.store().open("execution", ITEMS, applies=True)
    await writer.record("a", current=_state("found"))
    await writer.started("a", LATER)

    assert _current(world.after_power_loss())["a"].in_progress_since is not None


async def test_in_progress_for_the_first_time(world: World) -> None:
    """An item that was never seen before, and was in progress, has an entry that says so."""
    writer = world.store().open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)

    assert _current(world.after_kill()) == {"a": StoredState.in_progress(LATER)}


async def test_asking_leaves_no_doubt(world: World) -> None:
    """However a block ends that only asks, no item is in doubt."""
    await _stored(world.store(), a=_state("old"))
    writer = world.store().open("execution", ITEMS, applies=False)
    await writer.started("a", LATER)
    await writer.record("b", current=_state("new"))

    assert _in_doubt(world.after_power_loss()) == {}


async def test_how_items_end(world: World) -> None:
    """Failed and abandoned items stay in doubt; unchanged ones keep what was stored."""
    store = world.store()
    items = ["failed", "unchanged", "abandoned", "done", "partly"]
    await _stored(store, **dict.fromkeys(items, _state("old")))
    writer = store.open("execution", items, applies=True)
    for item in items:
        await writer.started(item, LATER)
    await writer.settled("failed", in_doubt=True)
    await writer.settled("unchanged")
    await writer.record("done", current=_state("new"))
    await writer.record("partly", current=_state("half", since=AT))
    await writer.close()

    assert _current(store) == {
        "failed": _state("old", since=LATER),
        "unchanged": _state("old"),
        "abandoned": _state("old", since=LATER),
        "done": _state("new"),
        "partly": _state("half", since=AT),
    }


async def test_doubt_stays_until_discovered_anew(world: World) -> None:
    """Doubt keeps its first time, and ends with a new state."""
    store = world.store()
    await _stored(store, a=_state("old", since=AT))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.close()
    assert _in_doubt(store) == {"a": AT}

    await _stored(store, a=_state("new"))
    assert _in_doubt(store) == {}


async def test_forget(world: World) -> None:
    """Of items that are cleaned up and gone from the flow, nothing stays."""
    store = world.store()
    writer = store.open("earlier", ITEMS, applies=False)
    for item in ITEMS:
        await writer.record(item, current=_state(), goal=_state())
    await writer.close()
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    await writer.forget(["a", "b", "never_there"])

    for each in (store, world.after_power_loss()):
        assert set(each.load(StateKind.GOAL)) == {"c"}
        assert set(_current(each)) - {"b"} == {"c"}


async def test_an_item_is_started_once(world: World) -> None:
    """A second start within a block is refused: of it, a loss of power could leave nothing."""
    writer = world.store().open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    with pytest.raises(ValueError, match="a was started before"):
        await writer.started("a", LATER)
    await writer.record("a", current=_state())
    with pytest.raises(ValueError, match="a was started before"):
        await writer.started("a", LATER)
    await writer.close()


async def test_one_block_at_a_time(world: World) -> None:
    """A block is closed before the next one begins, and is not written to after that."""
    store = world.store()
    writer = store.open("execution", ITEMS, applies=True)
    with pytest.raises(RuntimeError, match="was not closed"):
        store.open("next", ITEMS, applies=True)
    await writer.close()
    await writer.close()
    late: list[Callable[[], object]] = [
        lambda: writer.started("a", LATER),
        lambda: writer.record("a", current=_state()),
        lambda: writer.settled("a"),
        lambda: writer.forget(["a"]),
    ]
    for use in late:
        with pytest.raises(RuntimeError, match="was closed"):
            use()

    await store.open("next", ITEMS, applies=True).close()


async def test_closed_twice_at_once(world: World) -> None:
    """Whoever closes a block that is being closed waits for the same end."""
    store = world.store()
    writer = store.open("execution", ITEMS, applies=True)
    await writer.record("a", current=_state("new"))
    await asyncio.gather(*(writer.close() for _ in range(3)))

    assert _current(store) == {"a": _state("new")}


async def test_many_at_once(world: World) -> None:
    """Any number of items may be recorded at the same time."""
    store = world.store()
    items = [f"item_{number}" for number in range(500)]
    writer = store.open("execution", items, applies=True)

    async def worked(item: str) -> None:
        await writer.started(item, LATER)
        await writer.record(item, current=_state(item))

    await asyncio.gather(*map(worked, items))
    await writer.close()
    assert list(_current(store).items()) == [(item, _state(item)) for item in items]


async def _refused_uses(writer: StateWriter) -> None:
    with pytest.raises(FileInaccessible):
        await writer.started("b", LATER)
    with pytest.raises(FileInaccessible):
        await writer.record("b", current=_state())
    with pytest.raises(FileInaccessible):
        await writer.forget(["b"])
    with pytest.raises(FileInaccessible):
        await writer.close()


async def test_nothing_can_be_written(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing is refused, everyone is told, and what was stored is loaded as before."""
    store = world.store()
    await _stored(store, a=_state("old"), b=_state("old"))
    writer = store.open("execution", ITEMS, applies=True)
    await writer.started("a", LATER)
    with monkeypatch.context() as patched:
        world.refuse(patched)
        await _refused_uses(writer)
        for use in (
            lambda: store.open("next", ITEMS, applies=True),
            lambda: store.save_params_specs({"a": {}}),
        ):
            with pytest.raises(FileInaccessible):
                use()
    expected = {"a": _state("old", since=LATER), "b": _state("old")}
    assert _current(store) == expected

    await store.open("next", ITEMS, applies=True).close()
    assert _current(store) == _current(world.after_kill()) == expected


async def test_states_of_other_types(world: World) -> None:
    """Loading gives what was stored, whatever JSON can say."""
    odd: JsonValue = {"none": None, "no": "no", "1e3": 1e300, "deep": [[{}]], "\ud800": "\0"}
    writer = world.store().open("execution", ITEMS, applies=True)
    await writer.record("a", current=_state(odd))
    await writer.close()

    assert _current(world.after_kill()) == {"a": _state(odd)}


def test_params_specs(world: World) -> None:
    """How parameters are given can be saved again and again."""
    store = world.store()
    store.save_params_specs({"a": {"path": "x"}})
    store.save_params_specs({"a": {"path": "y"}, "b": {}})


def test_nothing_is_damaged(world: World) -> None:
    """Where nothing is damaged, nothing is set aside."""
    assert world.store().set_damaged_aside() == ()
