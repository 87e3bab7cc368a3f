"""`check_item`: whether an item tells the truth about its thing."""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import os
import stat
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Final, Generic, Literal, TypeAlias, TypeVar

from pydantic import ValidationError

from peaceful._commands.clean import CleanCmd
from peaceful._commands.ensure_cmd import EnsureCmd
from peaceful._commands.item_access import read_stored
from peaceful._errors.base import PeacefulError, described
from peaceful._item.diff import StateDiff
from peaceful._item.item import AnyItem
from peaceful._item.readable import loss_of
from peaceful._item.resolution import check_state
from peaceful._model.clock import SystemClock
from peaceful._model.outcome import CmdOutcome, ItemStatus
from peaceful._model.state import State
from peaceful._resources import Resources
from peaceful._runtime.block import States
from peaceful._storage.stored_state import StateKind
from peaceful.interrupt import (
    FinishCurrent,
    Interruptible,
    InterruptLevel,
    InterruptReceiver,
    InterruptSignal,
    interrupt_channel,
)
from peaceful.testing._fakes import MemoryStateStore
from peaceful.testing._harness import ItemHarness

T = TypeVar("T", bound=AnyItem)

Command: TypeAlias = Literal["ensure", "clean"]

Listing: TypeAlias = Mapping[str, object]
"""What is there, by name, with what tells whether it was changed."""

_ITEM: Final = "item"

_COMMANDS: Final[tuple[Command, Command]] = ("ensure", "clean")

_LISTED: Final = 5
"""Maximum of names that a sentence lists."""

_OURS: Final = ".peace"
"""The folder in which the harness keeps what is the framework's."""

_NEIGHBOUR: Final = "a_neighbour_of_others"
_NEIGHBOURS_TEXT: Final = "somebody else's"


def check_item(
    make: Callable[[Path], T],
    folder: Path,
    *,
    changed: Callable[[T], Mapping[str, object]],
    no_difference: Mapping[str, str] = MappingProxyType({}),
    break_it: Callable[[T], object] | None = None,
    listing: Callable[[T], Listing] | None = None,
    resources: Resources | None = None,
    interrupts: int = 50,
) -> None:
    """Check that an item tells the truth about its thing, in a test that is not async.

    ```python
    def test_text_files_tell_the_truth(tmp_path: Path) -> None:
        check_item(
            lambda folder: TextFile(path=folder / "it.txt", content="hello"),
            tmp_path,
            changed=lambda item: {"path": item.path.with_name("other"), "content": "bye"},
            break_it=lambda item: item.path.write_text("broken"),
        )
    ```

    Each check makes the item anew, in a folder of its own, and runs real commands. It sees to it
    that

    * each field makes a difference when it is changed, and the change can be made;
    * `ensure` makes the thing, what is stored of it reads back, and a second time changes nothing;
    * a dry run changes nothing, and predicts;
    * `clean` removes what was made and nothing else, and a second time changes nothing;
    * what others have put beside it stays;
    * an interrupt or a cancellation at any of the first moments, and another run, lead to the same
      end;
    * what is broken from outside is noticed, and mended;
    * the example of its state is one.

    Args:
        make: makes the item, and all that it needs, in the folder that it is given. Its thing must
            not be there yet, and be another one for each folder.
        folder: a temporary folder.
        changed: returns for each field of the item another valid value.
        no_difference: by field that makes no difference, the reason. With another value in
            `changed`, it is checked that there is none.
        break_it: changes the thing from outside, so that it is not as it should be.
        listing: returns what is there, by name, where the item's thing and its neighbours are; by
            default, the files in its folder. What is elsewhere is cleaned up at the end.
        resources: the resources that an application would give to its items.
        interrupts: at how many moments each command is interrupted; an item may have more.

    Raises:
        AssertionError: something is not so; it says all of it, each with what to do.
    """
    __tracebackhide__ = True
    checks = _Checks(make, folder, listing, resources, interrupts)
    try:
        checks.example()
        checks.fields(changed, no_difference)
        checks.twice()
        checks.dry_runs()
        checks.clean()
        checks.neighbours()
        for command in _COMMANDS:
            checks.interrupted(command, InterruptLevel.STOP)
            # A plain function runs in a thread, which nothing can end.
            if inspect.iscoroutinefunction(checks.item_type.apply):
                checks.interrupted(command, InterruptLevel.KILL)
        if break_it is not None:
            checks.broken(break_it)
    finally:
        checks.close()
    if checks.problems:
        name = checks.item_type.__name__
        listed = "".join(f"\n* {problem}" for problem in checks.problems)
        raise AssertionError(f"{name} does not tell the truth about its thing:{listed}")


class _World(Generic[T]):
    """An item in a folder of its own, what is there, and commands on it."""

    def __init__(self, checks: _Checks[T], folder: Path) -> None:
        folder.mkdir(parents=True)
        self._folder = folder
        self._checks = checks
        self._store = MemoryStateStore()
        self.item: AnyItem = checks.make(folder)
        self.given: T = self.item
        self._needs = _files_in(folder).keys()
        self.before: Listing = self.there()

    def there(self) -> Listing:
        """Return what is there now."""
        listing = self._checks.listing
        return _files_in(self._folder) if listing is None else dict(listing(self.given))

    def run(self, command: Command, *, dry_run: bool = False) -> tuple[ItemStatus, State | None]:
        """Run a command; return how the item ended, and its state."""
        harness = self._harness()
        if command == "ensure":
            return self._ending(asyncio.run(harness.ensure(dry_run=dry_run)))
        # Whatever is there is the item's, even if it says that it has removed it.
        return self._ending(asyncio.run(harness.clean(dry_run=dry_run, found=True)))

    def interrupted(self, command: Command, number: int, level: InterruptLevel) -> bool:
        """Interrupt a command at a moment, as by a kill; return whether there was that moment."""
        receiver = _InterruptedReceiver(number, level)
        interruptible = Interruptible(receiver, FinishCurrent())
        ctx = replace(self._harness().ctx, interruptibility=interruptible)
        running = EnsureCmd.exec(ctx) if command == "ensure" else CleanCmd.exec(ctx, found=True)
        outcome = asyncio.run(running)
        if _ITEM in outcome.items:  # Else it ended before.
            self._ending(outcome)
        self._store = self._store.after_kill()
        return receiver.left <= 0

    def difference(self) -> StateDiff | None:
        """Return what differs from the goal."""
        return asyncio.run(self._harness().difference())

    def found(self) -> State | None:
        """Return the current state as the item finds it."""
        return asyncio.run(self._harness().states())[0]

    def stored(self) -> State | None:
        """Return the current state as it is read back from what is stored."""
        return read_stored(self.item, self._store.load(StateKind.CURRENT).get(_ITEM)).state

    def add_neighbours(self) -> list[Path]:
        """Put files of others beside what was made, and into it; return them."""
        made = [self._folder / name for name in _files_in(self._folder).keys() - self._needs]
        folders = {path.parent for path in made} | {
            path for path in made if path.is_dir() and not path.is_symlink()
        }
        neighbours = [folder / _NEIGHBOUR for folder in sorted(folders)]
        for path in neighbours:
            path.write_text(_NEIGHBOURS_TEXT)
        return neighbours

    def _harness(self) -> ItemHarness[State]:
        return ItemHarness(
            self.item,
            self._folder,
            item_id=_ITEM,
            store=self._store,
            resources=self._checks.resources,
        )

    @staticmethod
    def _ending(outcome: CmdOutcome[States]) -> tuple[ItemStatus, State | None]:
        result = outcome.items[_ITEM]
        if result.error is not None:
            raise result.error
        states = outcome.value
        return result.status, None if states is None else states.current.get(_ITEM)


class _Checks(Generic[T]):
    """The checks of one item, and what they found."""

    def __init__(
        self,
        make: Callable[[Path], T],
        folder: Path,
        listing: Callable[[T], Listing] | None,
        resources: Resources | None,
        interrupts: int,
    ) -> None:
        self.make = make
        self.listing = listing
        self.resources = resources
        self._interrupts = interrupts
        self.problems: list[str] = []
        self._folder = folder
        self._count = 0
        self._worlds: list[_World[T]] = []
        self._sample = _World(self, self._place()).given

    @property
    def item_type(self) -> type[AnyItem]:
        return type(self._sample)

    def example(self) -> None:
        """Check the example of the state."""
        with self._checking("state_example"):
            example = check_state(self._sample, self._sample.state_example())
            loss = loss_of(example, self._sample.state_type())
            if loss is not None:
                self._say(
                    "state_example",
                    f"its {loss.field or 'state'} is not one that the state can have: "
                    f"{loss.reason}. Write a state_example with valid values",
                )

    def fields(
        self, changed: Callable[[T], Mapping[str, object]], reasons: Mapping[str, str]
    ) -> None:
        """Check that each field makes a difference, or that it is said why it makes none."""
        fields = self.item_type.model_fields
        values = changed(self._sample)
        for name in (name for name in (*values, *reasons) if name not in fields):
            self._say(name, "there is no such field. Take it out of `changed` and `no_difference`")
        for name in fields:
            if name in values:
                with self._checking(name):
                    self._field(name, changed, reasons.get(name))
            elif name not in reasons:
                self._say(
                    name,
                    "nobody has tried what a change of it does. Give another value in `changed`, "
                    "or say in `no_difference` why it makes none",
                )

    def _field(
        self, name: str, changed: Callable[[T], Mapping[str, object]], reason: str | None
    ) -> None:
        world = self._made(name)
        if world is None:
            return
        value = changed(world.given)[name]
        given = {
            _key(self.item_type, each): world.item.__dict__[each]
            for each in world.item.model_fields_set
        }
        if world.item.__dict__[name] == value:
            self._say(name, f"{value!r} is what it has already. Give another value in `changed`")
            return
        world.item = self.item_type(**{**given, _key(self.item_type, name): value})
        differs = world.difference()
        if reason is not None:
            if differs is not None:
                self._say(name, f"it makes a difference: {differs}. Do not say that it makes none")
        elif differs is None:
            self._say(
                name,
                f"with {value!r} nothing differs, so such a change would never be made. Add to "
                f"{self._sample.state_type().__name__} what it decides, or say in `no_difference` "
                "why it makes none",
            )
        else:
            world.run("ensure")
            status, _ = world.run("ensure")
            if status is not ItemStatus.UNCHANGED:
                self._say(name, "when its change is made, `ensure` still has work to do")

    def twice(self) -> None:
        """Check that a second `ensure` changes nothing, and that what is stored reads back."""
        with self._checking("ensure"):
            if (world := self._made("ensure")) is None:
                return
            made, stored = world.there(), world.stored()
            found = world.found()
            status, _ = world.run("ensure")
            if status is not ItemStatus.UNCHANGED:
                self._say("ensure", "a second time, it has work to do. Let apply end at the goal")
            self._same("ensure", "a second time, it", made, world.there())
            if stored is None or found is None or self._sample.diff(stored, found) is not None:
                self._say(
                    "state_current",
                    f"apply returned {stored}, and then it finds {found}. Let apply return what "
                    "state_current finds",
                )

    def dry_runs(self) -> None:
        """Check that dry runs change nothing, and predict."""
        with self._checking("apply_dry"):
            world = self._world()
            status, predicted = world.run("ensure", dry_run=True)
            self._same("apply_dry", "a dry run", world.before, world.there())
            done, made = world.run("ensure")
            if status.ended_well and (status is ItemStatus.UNCHANGED) != (
                done is ItemStatus.UNCHANGED
            ):
                self._say("apply_dry", f"a dry run says {status}, and then it is {done}")
            if predicted is not None and made is not None:
                differs = self._sample.diff(predicted, made)
                if differs is not None:
                    self._say(
                        "apply_dry",
                        f"it predicts another state than apply makes: {differs}. Return what can "
                        "be known, and leave out of diff what cannot",
                    )
            there = world.there()
            world.run("clean", dry_run=True)
            self._same("clean", "a dry run", there, world.there())

    def clean(self) -> None:
        """Check that `clean` removes what was made, and nothing else, and is done then."""
        with self._checking("clean"):
            world = self._world()
            world.run("clean")
            self._same("clean", "where nothing was made, it", world.before, world.there())
            world.run("ensure")
            world.run("clean")
            self._same("clean", "after ensure, it", world.before, world.there())
            status, _ = world.run("clean")
            if status is not ItemStatus.UNCHANGED:
                self._say(
                    "clean",
                    "a second time, it has work to do. Let state_current find what state_clean "
                    "says",
                )
            self._same("clean", "a second time, it", world.before, world.there())

    def neighbours(self) -> None:
        """Check that files of others stay, beside what was made and in it."""
        with self._checking("clean"):
            if (world := self._made("clean")) is None:
                return
            neighbours = world.add_neighbours()
            for command in _COMMANDS:
                world.run(command)
                gone = [path for path in neighbours if not _is_neighbour(path)]
                if gone:
                    self._say(command, f"it touches what others put there: {gone[0]}")
                    return

    def interrupted(self, command: Command, level: InterruptLevel) -> None:
        """Check that an interrupt at any moment, and another run, lead to the same end."""
        with self._checking(command):
            if (world := self._made(command)) is None:
                return
            made = world.there()
            world.run("clean")
            ends: dict[Command, Listing] = {"ensure": made, "clean": world.there()}
            for number in range(1, self._interrupts + 1):
                if command == "clean":
                    world.run("ensure")
                is_over = not world.interrupted(command, number, level)
                world.run(command)
                what = f"after an interrupt ({level}) at its moment {number}, another run"
                if is_over or not self._same(command, what, ends[command], world.there()):
                    return
                if command == "ensure":
                    world.run("clean")

    def broken(self, break_it: Callable[[T], object]) -> None:
        """Check that what is broken from outside is noticed, and mended."""
        with self._checking("state_current"):
            if (world := self._made("state_current")) is None:
                return
            made = world.there()
            break_it(world.given)
            status, _ = world.run("ensure")
            if status is ItemStatus.UNCHANGED:
                self._say(
                    "state_current",
                    "it does not notice what `break_it` does. Let the state hold the fact that it "
                    "changes",
                )
            else:
                self._same("ensure", "of what `break_it` does, it", made, world.there())

    # ---- worlds and words

    def close(self) -> None:
        """Clean up what is elsewhere than in the temporary folder."""
        for world in self._worlds if self.listing is not None else ():
            with suppress(PeacefulError):
                world.run("clean")

    def _world(self) -> _World[T]:
        world = _World(self, self._place())
        self._worlds.append(world)
        return world

    def _made(self, place: str) -> _World[T] | None:
        """Return a world in which the thing was made; None, and say so, if it was there before."""
        world = self._world()
        status, _ = world.run("ensure")
        if status is ItemStatus.DONE:
            return world
        self._say(place, f"`make` leaves nothing to do: {status}. Its thing must not be there yet")
        return None

    def _place(self) -> Path:
        self._count += 1
        return self._folder / f"check_{self._count}"

    @contextmanager
    def _checking(self, place: str) -> Generator[None]:
        """Take the item's failure for a problem."""
        try:
            yield
        except PeacefulError as error:
            self._say(place, f"it failed: {error}")
        except (AssertionError, KeyError, ValidationError) as error:
            self._say(place, f"it cannot be tried: {described(error)[0]}")

    def _same(self, place: str, what: str, before: Listing, after: Listing) -> bool:
        """Return whether the same is there as before; else say what is not."""
        verbs = {
            "left or added": [name for name in after if name not in before],
            "removed": [name for name in before if name not in after],
            "changed": [name for name in after if before.get(name, after[name]) != after[name]],
        }
        said = [f"{verb} {_listed(names)}" for verb, names in verbs.items() if names]
        if said:
            self._say(place, f"{what} {', and '.join(said)}")
        return not said

    def _say(self, place: str, problem: str) -> None:
        said = f"{self.item_type.__name__}.{place}: {problem}"
        said = said if said.endswith(".") else f"{said}."
        if said not in self.problems:
            self.problems.append(said)


class _InterruptedReceiver(InterruptReceiver):
    """A receiver that gets an interrupt when it is asked for the n-th time whether there is one."""

    __slots__ = ("_level", "left")

    def __init__(self, number: int, level: InterruptLevel) -> None:
        _, receiver = interrupt_channel()
        super().__init__(receiver._current, SystemClock.now)  # noqa: SLF001 - of its own class
        self._level = level
        self.left = number

    def poll(self) -> InterruptSignal | None:
        self.left -= 1
        if self.left == 0:
            self.sender().request(self._level)
        return super().poll()

    def reopen(self) -> InterruptReceiver:
        # For one execution only.
        return self


def _key(item_type: type[AnyItem], field: str) -> str:
    """Return by which name a field is given."""
    alias = item_type.model_fields[field].validation_alias
    return alias if isinstance(alias, str) else field


def _files_in(folder: Path) -> Listing:
    """Return the files, folders and links in a folder, with what is in them."""
    names = {path.relative_to(folder): path for path in sorted(folder.rglob("*"))}
    return {
        name.as_posix(): _fingerprint(path)
        for name, path in names.items()
        if name.parts[0] != _OURS
    }


def _fingerprint(path: Path) -> tuple[str, int, str]:
    if path.is_symlink():
        return "link", 0, os.fspath(path.readlink())
    mode = stat.S_IMODE(path.stat().st_mode)
    if path.is_dir():
        return "folder", mode, ""
    return "file", mode, hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _is_neighbour(path: Path) -> bool:
    return path.is_file() and path.read_text() == _NEIGHBOURS_TEXT


def _listed(names: list[str]) -> str:
    more = len(names) - _LISTED
    listed = ", ".join(names[:_LISTED])
    return f"{listed} and {more} more" if more > 0 else listed
