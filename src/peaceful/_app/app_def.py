"""The declarations of an application: its flows, by name, and their parameters."""

from __future__ import annotations

import math
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from dataclasses import KW_ONLY, dataclass
from functools import partial
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    Generic,
    Literal,
    ParamSpec,
    Protocol,
    TypeVar,
    cast,
    overload,
)

from peaceful._app.parameters.declaration import Declarations, FlowDef, FlowFunction
from peaceful._errors.usage import DefinitionError, NameTaken
from peaceful._model.names import checked_app_name, checked_name

if TYPE_CHECKING:
    from pydantic import BaseModel

    # These load msgspec, which `--help` does without.
    from peaceful._model.codec import FlowId, ItemId
    from peaceful._model.state import State

P = ParamSpec("P")
T = TypeVar("T")
F = TypeVar("F", bound=FlowFunction)
S_co = TypeVar("S_co", covariant=True)
S = TypeVar("S", bound="State")

STATE_ELSEWHERE: Final[ContextVar[Callable[..., object]]] = ContextVar("peaceful_other_flows")
"""Returns a reference to a state, by its flow, item and class; set while a flow's function runs."""


class _OpenerDecorator(Protocol):
    def __call__(
        self, function: Callable[P, AsyncGenerator[T] | Generator[T]], /
    ) -> Callable[P, AbstractAsyncContextManager[T]]: ...


@dataclass(frozen=True, eq=False)
class NamedFlow:
    """A flow of an application, by its name `id`; see `App.flow`."""

    id: FlowId
    _declared: Declarations
    _was: tuple[FlowId, ...] = ()

    def __call__(self, function: F) -> F:
        """Declare the flow by the decorated function.

        Raises:
            NameTaken: it exists already.
            DefinitionError: another flow claims one of its names, earlier ones included.
        """
        flows, claims = self._declared.flows, self._declared.claims
        if self.id in flows:
            raise NameTaken("flow", self.id)
        names = (self.id, *self._was)
        for name in names:
            if name in claims or names.count(name) > 1:
                raise DefinitionError(
                    f"Flows {claims.get(name, self.id)} and {self.id} both claim the name {name}.",
                    help="let one flow alone have that name, or have had it",
                )
        flows[self.id] = FlowDef(self.id, function, (function.__doc__ or "").strip(), self._was)
        return function

    @overload
    def item(self, item_id: ItemId) -> StoredItem[Any]: ...  # Any: of whatever state
    @overload
    def item(self, item_id: ItemId, state_type: type[S]) -> StoredItem[S]: ...

    def item(self, item_id: ItemId, state_type: type[State] | None = None) -> StoredItem[Any]:
        """Return an item of the flow, to refer to from another flow of the same profile.

        Args:
            item_id: the item.
            state_type: the class of its state, for type checkers and editors; without it, that flow
                is declared too to find the class.

        Raises:
            NameInvalid: the name breaks the rule.
        """
        return StoredItem(self.id, checked_name("an item", item_id), state_type)


@dataclass(frozen=True, eq=False, repr=False)
class StoredItem(Generic[S_co]):
    """An item of another flow, with the state that was stored when that flow last ran."""

    flow: FlowId
    id: ItemId
    _state_type: type[S_co] | None

    @property
    def state(self) -> S_co:
        """A reference to the stored state; its fields can be parameters.

        Only the function of a flow may ask for it.

        Raises:
            NameUnknown: there is no such flow, or no such item in it.
            DefinitionError: asked for elsewhere, or two flows refer to each other.
            ParamsMissing: the other flow has to be declared to find the state's class, and its
                parameters have no values.
        """
        look = STATE_ELSEWHERE.get(None)
        if look is None:
            raise DefinitionError(
                f"The state of {self.id} of flow {self.flow} was asked for outside a flow's "
                "function.",
                help=f'ask for app.flow("{self.flow}").item("{self.id}").state in the function of '
                "the flow that needs it",
            )
        return cast("S_co", look(self.flow, self.id, self._state_type))

    def __repr__(self) -> str:
        return f"<item {self.id} of flow {self.flow}>"


@dataclass(eq=False, repr=False)
class AppDef:
    """The declarations of an application, without the front ends that `App` adds."""

    name: Final[str]
    _: KW_ONLY
    help: str = ""
    version: str = ""
    ensure_name: str = "ensure"
    workspace_params: type[BaseModel] | None = None
    profile_params: type[BaseModel] | None = None
    names_profiles: bool = False
    default_flow: FlowId | None = None
    asks_before: Callable[[Any, str], bool] | None = None  # Any: takes the profile's model
    stop_timeout: float | None = None
    prune: bool = False

    def __post_init__(self) -> None:
        """Check the declarations."""
        if self.asks_before is not None and self.profile_params is None:
            raise DefinitionError(
                f"{self.name} asks before it changes some profiles, but profiles have no "
                "parameters.",
                help="give the model of their parameters as profile_params",
            )
        if self.stop_timeout is not None and not 0 < self.stop_timeout < math.inf:
            raise DefinitionError(
                f"{self.name} is given {self.stop_timeout} seconds to stop.",
                help="give stop_timeout a positive number of seconds, or leave it out",
            )
        checked_app_name(self.name)
        self.flows: dict[FlowId, FlowDef] = {}
        models = {"workspace": self.workspace_params, "profile": self.profile_params}
        self.declared: Declarations = Declarations(self.name, self.flows, models)

    def flow(self, flow_id: FlowId, *, was: FlowId | tuple[FlowId, ...] = ()) -> NamedFlow:
        """Return a flow by its name, to declare it as a decorator, or to refer to its items.

        ```python
        @app.flow("deploy")
        def deploy(flow: Flow, url: str) -> None:
            ...


        @app.flow("announce")
        def announce(flow: Flow) -> None:
            bucket = app.flow("deploy").item("bucket", S3BucketState)
            flow.add("note", Note(text=bucket.state.name))
        ```

        The decorated function takes the flow, and the flow's parameters by name. It runs anew for
        each command, with the parameters that are stored then, so a flow may have as many items as
        its parameters say.

        Args:
            flow_id: the flow's name: letters, digits and `_`, not starting with a digit.
            was: the name that it had in earlier versions, or several of them, the latest first.
                What is stored under such a name is taken over: parameters, states.

        Raises:
            NameInvalid: a name breaks the rule.
        """
        earlier = (was,) if isinstance(was, str) else was
        names = tuple(checked_name("a flow", name) for name in (flow_id, *earlier))
        return NamedFlow(names[0], self.declared, names[1:])

    @overload
    def resource(
        self, function: Callable[P, AsyncGenerator[T] | Generator[T]], /
    ) -> Callable[P, AbstractAsyncContextManager[T]]: ...
    @overload
    def resource(self, *, per: Literal["execution", "server"]) -> _OpenerDecorator: ...

    def resource(
        self,
        function: Callable[P, AsyncGenerator[T] | Generator[T]] | None = None,
        *,
        per: Literal["execution", "server"] = "execution",
    ) -> Callable[P, AbstractAsyncContextManager[T]] | _OpenerDecorator:
        """Declare how a resource is opened and closed that items share, such as a pool.

        ```python
        @app.resource
        async def database(url: str) -> AsyncGenerator[Pool]:
            async with create_pool(url) as pool:
                yield pool


        class Table(Item[TableState]):
            url: str

            async def apply(self, ctx: ItemCtx, current: TableState, goal: TableState):
                pool = await ctx.resource(database, self.url)
        ```

        The decorated function is a generator with one `yield`; one that is not asynchronous runs in
        threads. What comes after its `yield` runs at the end, also after an interrupt, as long as
        cancelled items have for their own clean-up. In tests, a harness takes `fakes` of it.

        Args:
            function: the function.
            per: how long it lives: the `execution`, or the `server` (`web`), which shares it among
                all executions. It must then mend itself, as pools of connections do. Where there is
                no server, both mean the same.
        """
        from peaceful._resources import opener

        if function is not None:
            return opener(function, per_server=False)
        return partial(opener, per_server=per == "server")

    def flow_def(self, flow_id: FlowId) -> FlowDef:
        """Return the declared flow of that name; raise `NameUnknown` if there is none."""
        return self.declared.flow_def(flow_id)
