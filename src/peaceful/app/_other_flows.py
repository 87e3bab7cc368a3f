"""What other flows of the same profile have made, for a flow that is being declared."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from pydantic import ValidationError

from peaceful.errors import DefinitionError, NameUnknown
from peaceful.model import FlowId, ItemId, ProfileName
from peaceful.model.state import State
from peaceful.params import Elsewhere, reference_elsewhere
from peaceful.storage import StateKind, StateStore

if TYPE_CHECKING:
    from peaceful.app._parameters.declaration import FlowDef
    from peaceful.runtime import BuiltFlow

T = TypeVar("T")


class OtherFlows(Protocol):
    """The other flows of the profile that a flow is being declared for."""

    def state_type(self, flow: FlowId, item: ItemId) -> type[State]:
        """The class of an item's state.

        Raises:
            NameUnknown: there is no such flow, or no such item in it.
            DefinitionError: two flows refer to each other.
        """
        ...

    def look(self, flow: FlowId, item: ItemId, state_type: type[State]) -> Elsewhere:
        """What is stored of an item.

        Raises:
            NameUnknown: there is no such flow.
            StorageError: what is stored cannot be read.
        """
        ...


_REACHABLE: Final[ContextVar[OtherFlows]] = ContextVar("peaceful_other_flows")


@contextmanager
def reachable(others: OtherFlows) -> Generator[None]:
    """Within the context, a flow is being declared that may refer to these."""
    token = _REACHABLE.set(others)
    try:
        yield
    finally:
        _REACHABLE.reset(token)


def state_elsewhere(flow: FlowId, item: ItemId, state_type: type[T] | None) -> T:
    """A reference to the stored state of an item of another flow. See `StoredItem.state`."""
    others = _REACHABLE.get(None)
    if others is None:
        raise DefinitionError(
            f"The state of {item} of flow {flow} was asked for outside a flow's function.",
            help=f'ask for app.flow("{flow}").item("{item}").state in the function of the flow '
            "that needs it",
        )
    # Of the class that was given, or of the one that the flow declares.
    kind = cast("type[State]", state_type or others.state_type(flow, item))
    return cast("T", reference_elsewhere(item, kind, others.look(flow, item, kind)))


class StoredFlows:
    """The other flows of a profile, from what is stored of them.

    Args:
        profile: the profile.
        asking: the flows that are being declared, the innermost last.
        flow_def: a flow as it is declared; raises `NameUnknown` where there is none.
        store: what is stored of a flow.
        build: declares a flow, for these that ask.
        run: the command that runs a flow, to be typed.
    """

    def __init__(
        self,
        profile: ProfileName,
        asking: tuple[FlowId, ...],
        *,
        flow_def: Callable[[FlowId], FlowDef],
        store: Callable[[FlowId], StateStore],
        build: Callable[[FlowId, tuple[FlowId, ...]], BuiltFlow],
        run: Callable[[FlowId], str],
    ) -> None:
        self._profile = profile
        self._asking = asking
        self._flow_def = flow_def
        self._store = store
        self._build = build
        self._run = run

    def state_type(self, flow: FlowId, item: ItemId) -> type[State]:
        """See `OtherFlows.state_type`."""
        if flow in self._asking:
            raise DefinitionError(
                f"Flow {self._asking[-1]} refers to {item} of flow {flow}, which refers to it.",
                help=f'give the class of the state, as in app.flow("{flow}").item("{item}", '
                "TheState); within one flow, use what flow.add returns",
            )
        items = self._build(self._flow_def(flow).id, self._asking).items
        if item not in items:
            raise NameUnknown("item", item, items)
        kind: type[Any] = items[item].item.state_type()  # Any: of whatever state
        return kind

    def look(self, flow: FlowId, item: ItemId, state_type: type[State]) -> Elsewhere:
        """See `OtherFlows.look`."""
        stored = self._store(self._flow_def(flow).id).load(StateKind.CURRENT).get(item)
        if stored is None or stored.in_progress_since is not None:
            what = "it has not run to there" if stored is None else "that is half done"
        elif stored.version != state_type.state_version:
            what = "what is stored of it is of another version"
        else:
            try:
                return Elsewhere(flow, state_type.model_validate(stored.state), "")
            except ValidationError:
                what = "what is stored of it does not fit its class"
        return Elsewhere(
            flow,
            None,
            f"{item} of flow {flow} is not known in profile {self._profile}: {what}; run "
            f"{self._run(flow)} first",
        )
