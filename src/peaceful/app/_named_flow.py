"""A flow by its name: how it is declared, and how other flows refer to what it has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from peaceful.app._parameters.declaration import FlowDef, FlowFunction
from peaceful.errors import NameTaken
from peaceful.model import checked_name

if TYPE_CHECKING:
    from peaceful.model import FlowId, ItemId  # it loads msgspec, which `--help` does without
    from peaceful.model.state import State

F = TypeVar("F", bound=FlowFunction)
S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S", bound="State")


class NamedFlow:
    """A flow of an application, by its name; see `App.flow`.

    Attributes:
        id: the flow's name.
    """

    __slots__ = ("_flows", "id")

    def __init__(self, flow_id: FlowId, flows: dict[FlowId, FlowDef]) -> None:
        self.id: Final = flow_id
        self._flows = flows

    def __call__(self, function: F) -> F:
        """Declares the flow: decorates the function that adds its items.

        Raises:
            NameTaken: the application has a flow of that name.
        """
        if self.id in self._flows:
            raise NameTaken("flow", self.id)
        self._flows[self.id] = FlowDef(self.id, function, (function.__doc__ or "").strip())
        return function

    @overload
    def item(self, item_id: ItemId) -> StoredItem[Any]: ...  # Any: of whatever state
    @overload
    def item(self, item_id: ItemId, state_type: type[S]) -> StoredItem[S]: ...

    def item(self, item_id: ItemId, state_type: type[State] | None = None) -> StoredItem[Any]:
        """An item of the flow, to refer to from another flow of the same profile.

        Args:
            item_id: the item.
            state_type: the class of its state, for type checkers and editors; without it, it is
                found out by declaring that flow too.

        Raises:
            NameInvalid: the name breaks the rule.
        """
        return StoredItem(self.id, checked_name("an item", item_id), state_type)


class StoredItem(Generic[S_co]):
    """An item of another flow, of which the state is known that was stored when that flow last ran.

    Attributes:
        flow: the other flow.
        id: the item.
    """

    __slots__ = ("_state_type", "flow", "id")

    def __init__(self, flow: FlowId, item_id: ItemId, state_type: type[S_co] | None) -> None:
        self.flow: Final = flow
        self.id: Final = item_id
        self._state_type = state_type

    @property
    def state(self) -> S_co:
        """A reference to the stored state; its fields can be parameters.

        To be asked for in the function of a flow.

        Raises:
            NameUnknown: there is no such flow, or no such item in it.
            DefinitionError: asked for elsewhere, or two flows refer to each other.
            ParamsMissing: the other flow has to be declared to know the state's class, and its
                parameters have no values.
        """
        from peaceful.app._other_flows import state_elsewhere

        return state_elsewhere(self.flow, self.id, self._state_type)

    def __repr__(self) -> str:
        return f"<item {self.id} of flow {self.flow}>"
