"""The common base of the IAM items: names, ARNs, policy documents."""

from __future__ import annotations

import json
import re
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Generic, TypeAlias, TypeVar, cast
from urllib.parse import unquote

from pydantic import AfterValidator, BeforeValidator
from pydantic import JsonValue as Json

from peaceful._item.ctx import ItemCtx
from peaceful._model.location import Interaction, Location, Within
from peaceful.items.aws._base import AwsItem, AwsState
from peaceful.items.aws._errors import AwsDenied, AwsRefused, IamElsewhere
from peaceful.items.aws._service import AwsAccess, Service, ServiceName, account

_NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
_PATH: Final = re.compile(r"/|/[!-~]+/")
_POLICY_ARN: Final = re.compile(r"arn:[\w-]+:iam::(?:\d{12}|aws):policy/[!-~]+", re.ASCII)
_IAM: Final = Location.group("IAM", Location.group("AWS"))


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


def _is_policy_arn(value: str) -> str:
    if _POLICY_ARN.fullmatch(value) is None:
        raise ValueError("the ARN of a policy is like arn:aws:iam::aws:policy/ReadOnlyAccess")
    return value


IamName = Annotated[str, AfterValidator(_is_name)]
RoleName = Annotated[str, AfterValidator(_is_role_name)]
IamPath = Annotated[str, AfterValidator(_is_path)]
PolicyArn = Annotated[str, AfterValidator(_is_policy_arn)]

Document = Mapping[str, Json]
"""A policy document, as JSON."""

DocumentParam = Annotated[Document, BeforeValidator(_parse_document)]
"""A policy document as a parameter: a mapping, or its JSON text."""


def from_aws(value: object) -> Document:
    """Return a document from an answer, which has it parsed or as URL-encoded text."""
    return cast(
        "Document", value if isinstance(value, Mapping) else json.loads(unquote(str(value)))
    )


def is_unknown_principal(refused: AwsRefused) -> bool:
    """Return whether AWS does not know somebody in a policy, such as a role made just now."""
    said = refused.message.lower()
    return refused.reason == "MalformedPolicyDocument" and "invalid principal" in said


def to_aws(document: Document) -> str:
    """Return a document as a request takes it."""
    return json.dumps(document, separators=(",", ":"))


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


Listing: TypeAlias = tuple[str, str, dict[str, object]]
"""The operation that lists all of a kind, the key of its entries in answers, its parameters."""


class IamItem(AwsItem[S], Generic[S]):
    """An IAM resource, identified by its name; in ARNs, its kind has hyphens for spaces."""

    _service: ClassVar[ServiceName] = "iam"
    _listing: ClassVar[Listing]

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

    def identity(self) -> str:
        """Return the resource by its path and name, which are its ARN in the account."""
        return f"{self._what.replace(' ', '-')}:{self.path}{self.name}"

    def removed_first(self, former: str) -> bool:
        """Return whether it had the same name under another path: a name is there only once."""
        kind, _, former = former.partition(":")
        own = self.identity().partition(":")[0]
        return kind == own and former.rpartition("/")[2].lower() == self.name.lower()

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
            await iam.call_when_known(
                f"all that the {self._what} {self.name} names",
                operation,
                unknown=is_unknown_principal,
                Path=self.path,
                **parameters,
            )
        except AwsRefused as refused:
            if refused.reason != "EntityAlreadyExists":
                raise
            # Created by an attempt whose answer was lost, or by somebody else just now.
            state = await self._found(iam, absent)
            if state.present:
                return state
            # Or the name is taken by something that is not this one.
            namesake = await self._namesake(iam)
            if namesake is None:
                raise
            if _resource_in(namesake) != _resource_in(arn):
                raise IamElsewhere(self._what, self.name, self.path, namesake) from refused
            return await iam.settled(
                lambda: self._found(iam, absent),
                lambda state: state.present,
                f"the {self._what} {self.name}",
            )
        return absent

    async def _namesake(self, iam: Service) -> str | None:
        """Return the ARN of what has the name, wherever it is, and in whatever letters."""
        operation, key, parameters = self._listing
        try:
            async for one in iam.pages(operation, key, markers={"Marker": "Marker"}, **parameters):
                if str(one["Arn"]).rpartition("/")[2].lower() == self.name.lower():
                    return str(one["Arn"])
        except AwsDenied:
            pass  # It is known well enough that the name is taken.
        return None

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
