"""The common base of the IAM items: names, ARNs, policy documents."""

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
from peaceful._model.location import Interaction, Location, Within
from peaceful.items.aws._base import AwsItem, AwsState
from peaceful.items.aws._errors import AwsRefused, IamElsewhere
from peaceful.items.aws._service import AwsAccess, Service, ServiceName, account

_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH: Final = re.compile(r"/|/[!-~]+/")
_IAM: Final = Location.group("IAM", Location.group("AWS"))

_ORDERLESS: Final = frozenset(
    {"Action", "NotAction", "Resource", "NotResource", "AWS", "Service", "Federated", "Statement"}
)
"""Keys of a document whose value is one entry or a list of them, in any order."""


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


def _parse_document(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError as error:
        raise ValueError(f"a policy document is JSON: {error}") from None


IamName = Annotated[str, AfterValidator(_is_name)]
RoleName = Annotated[str, AfterValidator(_is_role_name)]
IamPath = Annotated[str, AfterValidator(_is_path)]

Document = Mapping[str, Json]
"""A policy document, as JSON."""

DocumentParam = Annotated[Document, BeforeValidator(_parse_document)]
"""A policy document as a parameter: a mapping, or its JSON text."""


def from_aws(value: object) -> Document:
    """Return a document from an answer, which has it parsed or as URL-encoded text."""
    return cast(
        "Document", value if isinstance(value, Mapping) else json.loads(unquote(str(value)))
    )


def to_aws(document: Document) -> str:
    """Return a document as a request takes it."""
    return json.dumps(document, separators=(",", ":"))


def same_meaning(one: Document | None, other: Document | None) -> bool:
    """Return whether two documents are equivalent: AWS may return one in another form."""
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


class IamState(AwsState):
    """The state of an IAM resource, which may be absent.

    Attributes:
        name: its name.
        arn: its ARN; known from the start, so that other items can refer to it.
        present: whether it exists.
    """

    name: str
    arn: str
    present: bool


S = TypeVar("S", bound=IamState)


class IamItem(AwsItem[S], Generic[S]):
    """An IAM resource, identified by its name; in ARNs, its kind has hyphens for spaces."""

    _service: ClassVar[ServiceName] = "iam"

    name: IamName
    path: IamPath = "/"
    aws: AwsAccess = AwsAccess()

    @abstractmethod
    def _content(self) -> Mapping[str, object]:
        """Return the goal's fields besides those of `IamState`."""

    async def state_goal(self, ctx: ItemCtx) -> S:
        """Return the resource as the item's parameters describe it."""
        return self._present(await self.state_clean(ctx))

    async def state_clean(self, ctx: ItemCtx) -> S:
        """Return that the resource is absent."""
        owner = await account(self.aws, ctx)
        return self._absent(owner.arn("iam", self._resource))

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item works within IAM."""
        return (Within(Location.path(f"{self._what} {self.name}", _IAM)),)

    def state_example(self) -> S:
        """Return the goal as it would be in the account 123456789012."""
        return self._present(self._absent(f"arn:aws:iam::123456789012:{self._resource}"))

    async def _found(self, asked: Service, absent: S) -> S:
        """Return the resource's state, or raise `IamElsewhere` if it is under another path."""
        state = await super()._found(asked, absent)
        if _resource_in(state.arn) != _resource_in(absent.arn):
            raise IamElsewhere(self._what, self.name, self.path, state.arn)
        return state

    async def _create(self, iam: Service, operation: str, arn: str, **parameters: object) -> S:
        """Create the resource if it does not exist, and return it as it was before."""
        absent = self._absent(arn)
        try:
            await iam.call(operation, Path=self.path, **parameters)
        except AwsRefused as refused:
            if refused.reason != "EntityAlreadyExists":
                raise
            # Created by an attempt whose answer was lost, or by somebody else just now.
            state = await self._found(iam, absent)
            if not state.present:
                # Or the name is taken by something that is not this one.
                raise
            return state
        return absent

    @property
    def _name(self) -> str:
        return self.name

    @property
    def _resource(self) -> str:
        return f"{self._what.replace(' ', '-')}{self.path}{self.name}"

    def _absent(self, arn: str) -> S:
        return self.state_type()(name=self.name, arn=arn, present=False)

    def _present(self, absent: S) -> S:
        return absent.model_copy(update={"present": True, **self._content()})


def _resource_in(arn: str) -> str:
    return arn.split(":", 5)[-1]
