"""Flows of items that do nothing, in the shapes that are measured."""

from __future__ import annotations

from pathlib import Path

from peaceful import Flow, Item, ItemCtx, State
from peaceful.commands import CmdCtx, ExecutionSettings, Workspace, YamlStateStore


class NothingState(State):
    """Whether nothing was done."""

    done: bool | None


class Nothing(Item[NothingState]):
    """Does nothing, at once; so what is measured is the framework."""

    async def state_current(self, ctx: ItemCtx) -> NothingState:
        """Not done."""
        return NothingState(done=None)

    async def state_goal(self, ctx: ItemCtx) -> NothingState:
        """Done."""
        return NothingState(done=True)

    async def apply(self, ctx: ItemCtx, current: NothingState, goal: NothingState) -> NothingState:
        """Does nothing."""
        return goal


class Unchanged(Nothing):
    """Is always as it should be."""

    async def state_current(self, ctx: ItemCtx) -> NothingState:
        """Done."""
        return NothingState(done=True)


def edges(shape: str, count: int) -> list[tuple[int, int]]:
    """The edges of a shape: `fan` (none), `layers` (ten, each after one of the last), `chain`."""
    match shape:
        case "fan":
            return []
        case "layers":
            wide = max(1, count // 10)
            return [(number - wide, number) for number in range(wide, count)]
        case "chain":
            return [(number - 1, number) for number in range(1, count)]
        case _:
            raise ValueError(shape)


def context(folder: Path, shape: str, count: int, item: Nothing, *, at_once: int = 16) -> CmdCtx:
    """A flow of a shape in a workspace of its own."""
    flow = Flow("nothing")
    for number in range(count):
        flow.add(f"item_{number}", item)
    for before, after in edges(shape, count):
        flow.edge(f"item_{before}", f"item_{after}")
    workspace = Workspace(folder, "bench")
    return CmdCtx(
        app="bench",
        workspace=workspace,
        profile="default",
        flow=flow.build(),
        store=YamlStateStore(workspace.flow_folder("default", flow.id)),
        settings=ExecutionSettings(max_concurrency=at_once),
    )
