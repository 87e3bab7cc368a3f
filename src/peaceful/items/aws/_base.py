"""The common base of the AWS items: one life cycle for everything that is there or not."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import suppress
from typing import TYPE_CHECKING, ClassVar, Generic, TypeVar

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, field_wise_diff
from peaceful._item.item import Item
from peaceful._model.state import State
from peaceful.items.aws._errors import AwsMissing
from peaceful.items.aws._service import AwsAccess, Service, ServiceName, service


class AwsState(State):
    """The state of a resource, which may be absent."""

    if TYPE_CHECKING:
        present: bool  # Declared by each state, after what identifies the resource.


S = TypeVar("S", bound=AwsState)


class AwsItem(Item[S], Generic[S]):
    """A resource of AWS. Subclasses say how it is read, created or changed, and removed."""

    _service: ClassVar[ServiceName]
    _what: ClassVar[str]
    """The kind of resource, such as `instance profile`."""
    _change: ClassVar[str] = ""
    """The change in words, if it is a special one."""

    if TYPE_CHECKING:
        aws: AwsAccess  # Declared by each item, after its other parameters.

    @property
    @abstractmethod
    def _name(self) -> str:
        """The name that people know the resource by."""

    @abstractmethod
    async def _read(self, asked: Service, /, absent: S) -> S:
        """Return the resource's state; raise `AwsMissing` or return `absent` if there is none."""

    @abstractmethod
    async def _ensure(self, asked: Service, /, current: S, goal: S) -> None:
        """Create or change the resource."""

    @abstractmethod
    async def _remove(self, asked: Service, /, current: S) -> None:
        """Remove the resource; `AwsMissing` means that it is gone already."""

    def _content_diff(self, current: S, goal: S) -> StateDiff | None:
        """Return the diff of two states that are both present, or both absent."""
        return field_wise_diff(current, goal)

    @abstractmethod
    async def state_clean(self, ctx: ItemCtx) -> S:
        """Return that the resource is absent."""

    async def state_current(self, ctx: ItemCtx) -> S:
        """Look the resource up in AWS."""
        absent = await self.state_clean(ctx)
        async with service(self._service, self.aws, ctx) as asked:
            return await self._found(asked, absent)

    def diff(self, current: S, goal: S) -> StateDiff | None:
        """Compare whether the resource exists, then its content."""
        if current.present == goal.present:
            return self._content_diff(current, goal)
        what, named = self._what.replace(" ", "_"), {"name": self._name}
        if goal.present:
            return StateDiff((Change(what, None, named, after_shown=self._name),))
        return StateDiff((Change(what, named, None, before_shown=self._name),))

    async def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        """Create, change or remove the resource, and wait until AWS shows it."""
        shown = f"the {self._what} {self._name}"
        await ctx.safe_point(where=f"before {self._change or f'{shown} is changed'}")
        absent = await self.state_clean(ctx)
        async with service(self._service, self.aws, ctx) as asked:
            if goal.present:
                await self._ensure(asked, current, goal)
            else:
                with suppress(AwsMissing):
                    await self._remove(asked, current)
            return await asked.settled(
                lambda: self._found(asked, absent),
                lambda state: self.diff(state, goal) is None,
                shown,
            )

    async def _found(self, asked: Service, /, absent: S) -> S:
        try:
            return await self._read(asked, absent)
        except AwsMissing:
            return absent
