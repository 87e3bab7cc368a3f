"""Flows: items and their graph, and parameters recalled from the last command."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from types import CodeType, FrameType
from typing import Any, Final, Generic, TypeAlias, TypeVar

import msgspec
from pydantic import ValidationError

from peaceful._disclosure import know_names
from peaceful._errors.base import PeacefulError
from peaceful._errors.usage import (
    DefinitionError,
    MappingInvalid,
    NameTaken,
    ParamProblem,
    ParamsInvalid,
    ReferenceInvalid,
)
from peaceful._graph.graph import EdgeKind, Graph, GraphBuilder
from peaceful._item.item import AnyItem, Item, check_references
from peaceful._item.resolution import fill_stored_values
from peaceful._model.codec import FlowId, ItemId, JsonValue, ProfileName
from peaceful._model.names import checked_name
from peaceful._model.state import State
from peaceful._params.masking import problems_in
from peaceful._params.references import (
    Elsewhere,
    MappedReference,
    StateReference,
    reference_to_state,
)
from peaceful._params.specs import references_in, stored
from peaceful._params.stored_specs import UnreadableSpec

S = TypeVar("S", bound=State)
# A reference to a special state will do wherever one to any state does.
S_co = TypeVar("S_co", bound=State, covariant=True)

Where: TypeAlias = Callable[[ItemId, str], str]
"""Returns where something is stored, for messages, by item and field; the field may be empty."""

_STORED: Final[object] = stored()

_HELP: Final = "correct the file, or give the parameter a value in the flow's function"


def asks_for_stored(item: AnyItem) -> bool:
    """Return whether a parameter of the item is `stored()`."""
    return any(value is _STORED for value in item.__dict__.values())


def recalled(
    item: AnyItem,
    item_id: ItemId,
    forms: JsonValue,
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
    where: Where,
) -> AnyItem:
    """Return the item with stored values in place of `stored()`, or raise `ParamsInvalid`."""
    if not isinstance(forms, Mapping):
        problem = ParamProblem(
            item_id, where(item_id, ""), "it must have names and values below it"
        )
        raise ParamsInvalid(item_id, [problem], help=_HELP)
    try:
        return fill_stored_values(item, forms, state_types=state_types, functions=functions)
    except UnreadableSpec as error:
        problem = ParamProblem("its parameters", where(item_id, ""), str(error))
        raise ParamsInvalid(item_id, [problem], help=_HELP) from error
    except ValidationError as error:
        problems = [
            ParamProblem(field or "its parameters", where(item_id, field.partition(".")[0]), reason)
            for field, reason in problems_in(error, type(item))
        ]
        raise ParamsInvalid(item_id, problems, help=_HELP) from error


class Handle(Generic[S_co]):
    """A reference to an item of a flow.

    Attributes:
        id: the item's ID.
    """

    __slots__ = ("_state_type", "id")

    def __init__(self, item_id: ItemId, state_type: type[S_co]) -> None:
        self.id: Final = item_id
        self._state_type = state_type

    @property
    def state(self) -> S_co:
        """A reference to the state that the item will have; its fields can be parameters."""
        return reference_to_state(self.id, self._state_type)

    def __repr__(self) -> str:
        return f"<item {self.id}>"


AnyHandle: TypeAlias = Handle[Any]
"""A handle of any item. (Any: naming `State` would change the type of what is added here.)"""


class FlowItem(msgspec.Struct, frozen=True):
    """An item as its flow declares it.

    Attributes:
        id: the item's ID.
        item: the item, possibly with references among its parameters.
        origin: the file and line of its declaration.
        was: an earlier name of it, or empty.
        tags: words by which commands can be limited to it.
    """

    id: ItemId
    item: AnyItem
    origin: str
    was: ItemId = ""
    tags: frozenset[str] = frozenset()


class BuiltFlow(msgspec.Struct, frozen=True):
    """A flow whose declaration is complete and checked.

    Attributes:
        id: the flow's name.
        items: by ID, in the order of their declaration.
        graph: which item waits for which.
        secrets: the secrets among the flow's parameters, by path, such as `server.password`.
        app_version: the version of the application, if it has one.
        params: the flow's parameters, without secrets.
        problem: why it could not be built. Then it has no items, and what is stored is all that is
            known.
    """

    id: FlowId
    items: Mapping[ItemId, FlowItem]
    graph: Graph
    secrets: Mapping[str, object] = msgspec.field(default_factory=dict[str, object])
    app_version: str = ""
    problem: PeacefulError | None = None
    params: Mapping[str, JsonValue] = msgspec.field(default_factory=dict[str, JsonValue])

    @classmethod
    def unbuilt(
        cls,
        flow: FlowId,
        problem: PeacefulError,
        secrets: Mapping[str, object],
        app_version: str = "",
    ) -> BuiltFlow:
        """Return a flow that could not be built, with the secrets that are at hand."""
        return cls(flow, {}, GraphBuilder().build(), secrets, app_version, problem)


class Flow:
    """A flow while it is declared: its items, and what waits for what.

    ```python
    archive = flow.add("app_download", FileDownload(src=url, dest=into / "app.tar"))
    flow.add("app_extract", TarExtract(tar_path=archive.state.path, dest=into / "app"))
    ```

    Attributes:
        id: the flow's name.
        profile: the profile that it is declared for.
    """

    def __init__(self, flow_id: FlowId, profile: ProfileName = "default") -> None:
        self.id: Final = checked_name("a flow", flow_id)
        self.profile: Final = checked_name("a profile", profile)
        self._items: dict[ItemId, FlowItem] = {}
        self._names: set[ItemId] = set()
        self._graph = GraphBuilder()
        self._functions: dict[str, Callable[..., object]] = {}

    def add(
        self, item_id: ItemId, item: Item[S], *, was: ItemId = "", tags: Collection[str] = ()
    ) -> Handle[S]:
        """Add an item. It comes after the items that it refers to.

        Args:
            item_id: its name: letters, digits and `_`, not starting with a digit.
            item: the item with its parameters: values, and references to other items' states.
            was: its name in an earlier version of the flow: what was made under that name is its
                own. Not needed where the item's `identity` tells.
            tags: words that it shares with others: `--tag` limits a command to these.

        Returns:
            A handle whose `state` other items can refer to.

        Raises:
            NameInvalid: the name, or a tag, is not valid.
            NameTaken: the flow has an item of that name, or of the earlier name.
            ReferenceInvalid: a parameter refers to an item that the flow does not have, or to a
                value of another type than the parameter's.
            DefinitionError: a mapping function has the name of another one.
        """
        origin = _line_of(inspect.currentframe())
        for name in (item_id, was) if was else (item_id,):
            checked_name("an item", name)
            if name in self._names:
                raise NameTaken("item", name, where=origin)
            self._names.add(name)
        # A text would be a tag for each of its letters.
        tags = (tags,) if isinstance(tags, str) else tags
        for tag in tags:
            checked_name("a tag", tag)
        needs = self._checked_needs(item_id, item, origin)
        self._graph.add_node(item_id)
        for needed in needs:
            self._graph.add_edge(needed, item_id)
        self._items[item_id] = FlowItem(item_id, item, origin, was, frozenset(tags))
        return Handle(item_id, item.state_type())

    def edge(self, before: AnyHandle | ItemId, after: AnyHandle | ItemId) -> None:
        """Let one item come before another that does not refer to it.

        Raises:
            NameUnknown: the flow has no such item.
            CycleFound: both are the same item.
        """
        self._graph.add_edge(_id(before), _id(after))

    def contains(self, container: AnyHandle | ItemId, inside: AnyHandle | ItemId) -> None:
        """Declare that one item lies inside another: it comes after it, and is drawn in it.

        Raises:
            NameUnknown: the flow has no such item.
            CycleFound: both are the same item.
            DefinitionError: it lies inside another one already.
        """
        self._graph.add_edge(_id(container), _id(inside), EdgeKind.CONTAINS)

    @property
    def asks_for_stored(self) -> bool:
        """Whether a parameter is `stored()`, and was not recalled yet."""
        return any(asks_for_stored(each.item) for each in self._items.values())

    def recall(self, forms: Mapping[ItemId, JsonValue], where: Where) -> None:
        """Replace every `stored()` parameter by its stored value.

        A parameter without a stored value stays as it is; the command that needs it says so.

        Args:
            forms: by item, its stored parameters; see `StateStore.save_params_specs`.
            where: returns where something is stored, by item and field, for messages.

        Raises:
            ParamsInvalid: a stored value is not accepted.
            ReferenceInvalid: a stored reference is to a value of another type than the parameter's.
        """
        state_types = {each.id: each.item.state_type() for each in self._items.values()}
        for each in list(self._items.values()):
            if each.id in forms and asks_for_stored(each.item):
                item = recalled(
                    each.item,
                    each.id,
                    forms[each.id],
                    state_types=state_types,
                    functions=self._functions,
                    where=where,
                )
                self._items[each.id] = msgspec.structs.replace(each, item=item)
                for needed in self._checked_needs(each.id, item, each.origin):
                    self._graph.add_edge(needed, each.id)

    def build(self) -> BuiltFlow:
        """Return the flow as declared so far, or raise `CycleFound`."""
        know_names((self.id, self.profile, *self._items))
        return BuiltFlow(self.id, dict(self._items), self._graph.build())

    def _checked_needs(self, item_id: ItemId, item: AnyItem, origin: str) -> Iterable[ItemId]:
        try:
            check_references(item)
            return self._needs(item)
        except DefinitionError as error:
            error.details = (("item", item_id), ("declared in", origin), *error.details)
            raise

    def _needs(self, item: AnyItem) -> dict[ItemId, None]:
        needs: dict[ItemId, None] = {}
        for value in item.__dict__.values():
            for reference in references_in(value):
                match reference:
                    case StateReference(elsewhere=Elsewhere()):
                        pass  # It has ended before this flow begins.
                    case StateReference(item=needed):
                        self._check_here(needed, reference)
                        needs[needed] = None
                    case MappedReference():
                        self._register(reference)
        return needs

    def _check_here(self, needed: ItemId, reference: StateReference) -> None:
        if needed not in self._items:
            raise ReferenceInvalid(
                f"{reference} refers to an item that flow {self.id} does not have.",
                help="add that item to this flow first",
            )

    def _register(self, reference: MappedReference) -> None:
        known = self._functions.setdefault(reference.name, reference.function)
        # A function defined in the flow's function is made anew for each command, from the same
        # code.
        if _code(known) != _code(reference.function):
            raise MappingInvalid(
                f"Two functions are named {reference.name!r} in flow {self.id}.",
                help="give each mapping function a name of its own",
            )


def _line_of(frame: FrameType | None) -> str:
    """Return the file and line that called the function of the frame."""
    caller = None if frame is None else frame.f_back
    return "" if caller is None else f"{caller.f_code.co_filename}:{caller.f_lineno}"


def _id(item: AnyHandle | ItemId) -> ItemId:
    return item.id if isinstance(item, Handle) else item


def _code(function: Callable[..., object]) -> CodeType | Callable[..., object]:
    code = getattr(function, "__code__", None)
    return code if isinstance(code, CodeType) else function
