"""What the items of IAM share: policy documents, tags, presence."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Generic, TypeVar, cast
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator
from pydantic import JsonValue as Json

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Within
from peaceful._model.state import State
from peaceful.items.aws._errors import AwsMissing, AwsRefused, IamElsewhere
from peaceful.items.aws._service import AwsAccess, Service, account, service

_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH: Final = re.compile(r"/|/[!-~]+/")


def _is_name(value: str) -> str:
    if _NAME.fullmatch(value) is None or len(value) > 128:
        raise ValueError("a name in IAM has up to 128 letters, digits and any of + = , . @ _ -")
    return value


def _is_role_name(value: str) -> str:
    if len(value) > 64:
        raise ValueError("the name of a role has up to 64 characters")
    return _is_name(value)


def _is_path(value: str) -> str:
    if _PATH.fullmatch(value) is None or len(value) > 512:
        raise ValueError("a path in IAM begins and ends with a slash")
    return value


IamName = Annotated[str, AfterValidator(_is_name)]
"""The name of a policy or an instance profile."""

RoleName = Annotated[str, AfterValidator(_is_role_name)]
"""The name of a role."""

IamPath = Annotated[str, AfterValidator(_is_path)]
"""The path of something in IAM, with which its ARN begins."""

IAM: Final = Location.group("IAM", Location.group("AWS"))
"""Where the things of IAM are, in diagrams."""


Document = Mapping[str, Json]
"""A policy document, as JSON."""

_ORDERLESS: Final = frozenset(
    {"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated", "Statement"}
)
"""Where a document may have one entry or a list of them, in any order."""


def read_document(value: object) -> object:
    """A document from its text, for validation; anything else is left for others to refuse."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"a policy document is JSON: {error}") from None


DocumentParam = Annotated[Document, BeforeValidator(read_document)]
"""A policy document as a parameter: a mapping, or its JSON text."""


def from_aws(value: object) -> Document:
    """A document as AWS answers it: parsed already, or URL-encoded text."""
    return cast(
        "Document", value if isinstance(value, Mapping) else json.loads(unquote(str(value)))
    )


def to_aws(document: Document) -> str:
    """A document as AWS takes it."""
    return json.dumps(document, separators=(",", ":"))


def same_meaning(one: Document | None, other: Document | None) -> bool:
    """Whether two documents say the same: AWS gives some back in another form than it took them."""
    if one is None or other is None:
        return one is other
    return _canonical(dict(one), "") == _canonical(dict(other), "")


def _canonical(value: Json, name: str) -> Json:
    if isinstance(value, dict):
        return {key: _canonical(inner, key) for key, inner in value.items()}
    entries = value if isinstance(value, list) else [value]
    if name in _ORDERLESS:
        inner = [_canonical(entry, "") for entry in entries]
        return sorted(inner, key=lambda entry: json.dumps(entry, sort_keys=True))
    if isinstance(value, list):
        return [_canonical(entry, "") for entry in value]
    return value


def presence_diff(what: str, name: str, *, is_there: bool, should_be: bool) -> StateDiff | None:
    """What differs in whether something is there, or none where nothing does.

    Args:
        what: it is, such as `role`.
        name: its name.
        is_there: whether it is there.
        should_be: whether it should be.
    """
    if is_there == should_be:
        return None
    before, after = ({"name": name} if there else None for there in (is_there, should_be))
    shown = ("" if before is None else name, "" if after is None else name)
    return StateDiff((Change(what, before, after, *shown),))


class IamState(State):
    """Something in IAM, or that there is none.

    Attributes:
        name: its name.
        arn: its ARN; known from the start, so that other items can refer to it.
        present: whether it is there.
    """

    name: str
    arn: str
    present: bool


S = TypeVar("S", bound=IamState)


class IamItem(Item[S], Generic[S]):
    """Something in IAM, found by its name.

    Attributes:
        name: its name.
        path: in front of its name in the ARN.
        aws: how AWS is reached.
    """

    _what: ClassVar[str]
    """What it is, for people."""

    _in_arn: ClassVar[str]
    """What it is, in ARNs."""

    name: IamName
    path: IamPath = "/"
    aws: AwsAccess = AwsAccess()

    # ---- what each does in its own way

    @abstractmethod
    async def _read(self, iam: Service, arn: str) -> S:
        """What AWS has.

        Args:
            iam: the service.
            arn: where it should be.

        Raises:
            AwsMissing: it is not there.
        """

    @abstractmethod
    async def _ensure(self, iam: Service, current: S, goal: S) -> None:
        """Makes it, or changes it."""

    @abstractmethod
    async def _remove(self, iam: Service, current: S) -> None:
        """Removes it."""

    @abstractmethod
    def _content_diff(self, current: S, goal: S) -> StateDiff | None:
        """What differs besides whether it is there."""

    # ---- what is the same for all

    async def state_current(self, ctx: ItemCtx) -> S:
        """What AWS has."""
        absent = await self.state_clean(ctx)
        async with service("iam", self.aws, ctx) as iam:
            return await self._found(iam, absent.arn)

    async def state_clean(self, ctx: ItemCtx) -> S:
        """There is none."""
        owner = await account(self.aws, ctx)
        return self._absent(owner.arn("iam", f"{self._in_arn}{self.path}{self.name}"))

    def diff(self, current: S, goal: S) -> StateDiff | None:
        """Whether it is there, and what else differs."""
        what = self._what.replace(" ", "_")
        presence = presence_diff(what, goal.name, is_there=current.present, should_be=goal.present)
        return self._content_diff(current, goal) if presence is None else presence

    async def apply(self, ctx: ItemCtx, current: S, goal: S) -> S:
        """Makes it what it should be, or removes it where it should not be there."""
        shown = f"the {self._what} {self.name}"
        await ctx.safe_point(where=f"before {shown} is changed")
        async with service("iam", self.aws, ctx) as iam:
            if goal.present:
                await self._ensure(iam, current, goal)
            else:
                await self._remove(iam, current)
            return await iam.settled(
                lambda: self._found(iam, goal.arn),
                lambda state: self.diff(state, goal) is None,
                shown,
            )

    def interactions(self) -> Sequence[Interaction]:
        """In IAM."""
        return (Within(Location.path(f"{self._what} {self.name}", IAM)),)

    async def _found(self, iam: Service, arn: str) -> S:
        """What AWS has, or that there is none.

        Raises:
            IamElsewhere: it is there, but under another path.
        """
        try:
            state = await self._read(iam, arn)
        except AwsMissing:
            return self._absent(arn)
        if _place(state.arn) != _place(arn):
            raise IamElsewhere(self._what, self.name, self.path, state.arn)
        return state

    async def _make(self, iam: Service, operation: str, arn: str, **parameters: object) -> S | None:
        """Makes it.

        Args:
            iam: the service.
            operation: which of its operations makes it.
            arn: where it should be.
            parameters: of the operation, besides the path.

        Returns:
            What was there already, or none where nothing was.
        """
        try:
            await iam.call(operation, Path=self.path, **parameters)
        except AwsRefused as refused:
            if refused.reason != "EntityAlreadyExists":
                raise
            # Made by an attempt whose answer was lost, or by somebody else just now.
            state = await self._found(iam, arn)
            if not state.present:
                # Or the name is taken by something that is not this one.
                raise
            return state
        return None

    def _example_arn(self) -> str:
        """Its ARN in an account with digits in a row."""
        return f"arn:aws:iam::123456789012:{self._in_arn}{self.path}{self.name}"

    def _absent(self, arn: str) -> S:
        return self.state_type()(name=self.name, arn=arn, present=False)


def _place(arn: str) -> str:
    """What an ARN says besides the account."""
    return arn.split(":", 5)[-1]
