"""The item for a managed policy."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Final

from peaceful.item import Item, ItemCtx, StateDiff
from peaceful.items.aws._access import AwsAccess
from peaceful.items.aws._documents import (
    Document,
    DocumentParam,
    from_aws,
    same_meaning,
    to_aws,
)
from peaceful.items.aws._errors import AwsInUse, AwsMissing, AwsRefused
from peaceful.items.aws._iam import IAM, IamName, IamPath
from peaceful.items.aws._presence import presence_diff
from peaceful.items.aws._service import Answer, Service, account, service
from peaceful.model import Interaction, Location, Within
from peaceful.model.state import State

_MOST_VERSIONS: Final = 5
"""How many versions of a policy AWS keeps; a sixth is refused."""


class IamPolicyState(State):
    """A managed policy, or that there is none.

    Attributes:
        name: its name.
        arn: its ARN; known from the start, so that other items can refer to it.
        present: whether it is there.
        document: what it allows, or none where it is not there.
        version: the version that is in force, such as `v3`, or none where it is not known.
    """

    name: str
    arn: str
    present: bool
    document: Document | None = None
    version: str | None = None

    def __str__(self) -> str:
        """`present, v3`, or `absent`."""
        if not self.present:
            return "absent"
        return "present" if self.version is None else f"present, {self.version}"


class IamPolicy(Item[IamPolicyState]):
    """A managed policy of IAM, with one document in force.

    ```python
    policy = flow.add("policy", IamPolicy(name="app", document={...}))
    flow.add("role", IamRole(name="app", trust={...}, policies=[policy.state.arn]))
    ```

    A change of the document makes a new version; where there are five already, the oldest one that
    is not in force is removed for it, and no other. Needs the extra `aws`.

    Attributes:
        name: its name.
        document: what it allows: a mapping, or its JSON text.
        path: in front of its name in the ARN.
        aws: how AWS is reached.
    """

    name: IamName
    document: DocumentParam
    path: IamPath = "/"
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> IamPolicyState:
        """What AWS has."""
        absent = await self._absent(ctx)
        async with service("iam", self.aws, ctx) as iam:
            return await self._found(iam, absent)

    async def state_goal(self, ctx: ItemCtx) -> IamPolicyState:
        """The document, in force."""
        absent = await self._absent(ctx)
        return absent.model_copy(update={"present": True, "document": self.document})

    async def state_clean(self, ctx: ItemCtx) -> IamPolicyState:
        """No policy."""
        return await self._absent(ctx)

    def diff(self, current: IamPolicyState, goal: IamPolicyState) -> StateDiff | None:
        """Whether it is there, and whether its document means the same."""
        presence = presence_diff(
            "policy", goal.name, is_there=current.present, should_be=goal.present
        )
        if presence is not None:
            return presence
        if same_meaning(current.document, goal.document):
            return None
        was = IamPolicyState(name="", arn="", present=True, document=current.document)
        will_be = IamPolicyState(name="", arn="", present=True, document=goal.document)
        return super().diff(was, will_be)

    async def apply(
        self, ctx: ItemCtx, current: IamPolicyState, goal: IamPolicyState
    ) -> IamPolicyState:
        """Makes the policy, or a new version of it; or removes it where it should not be there."""
        await ctx.safe_point(where=f"before the policy {self.name} is changed")
        async with service("iam", self.aws, ctx) as iam:
            if not goal.present:
                await self._delete(iam, goal.arn)
            elif not current.present:
                await self._create(iam, goal)
            else:
                await self._new_version(iam, goal)
            return await iam.settled(
                lambda: self._found(iam, goal),
                lambda state: self.diff(state, goal) is None,
                f"the policy {self.name}",
            )

    def interactions(self) -> Sequence[Interaction]:
        """In IAM."""
        return (Within(Location.path(f"policy {self.name}", IAM)),)

    def state_example(self) -> IamPolicyState:
        """The policy of an account with digits in a row."""
        return IamPolicyState(
            name=self.name,
            arn=f"arn:aws:iam::123456789012:policy{self.path}{self.name}",
            present=True,
            document=self.document,
            version="v1",
        )

    async def _absent(self, ctx: ItemCtx) -> IamPolicyState:
        owner = await account(self.aws, ctx)
        arn = owner.arn("iam", f"policy{self.path}{self.name}")
        return IamPolicyState(name=self.name, arn=arn, present=False)

    async def _found(self, iam: Service, absent: IamPolicyState) -> IamPolicyState:
        try:
            policy = (await iam.call("get_policy", PolicyArn=absent.arn))["Policy"]
            version = policy["DefaultVersionId"]
            answer = await iam.call("get_policy_version", PolicyArn=absent.arn, VersionId=version)
        except AwsMissing:
            return IamPolicyState(name=absent.name, arn=absent.arn, present=False)
        return IamPolicyState(
            name=absent.name,
            arn=absent.arn,
            present=True,
            document=from_aws(answer["PolicyVersion"]["Document"]),
            version=version,
        )

    async def _create(self, iam: Service, goal: IamPolicyState) -> None:
        try:
            await iam.call(
                "create_policy",
                PolicyName=self.name,
                Path=self.path,
                PolicyDocument=to_aws(self.document),
            )
        except AwsRefused as refused:
            if refused.reason != "EntityAlreadyExists":
                raise
            # Made by an attempt whose answer was lost, or by somebody else just now.
            found = await self._found(iam, goal)
            if self.diff(found, goal) is not None:
                await self._new_version(iam, goal)

    async def _new_version(self, iam: Service, goal: IamPolicyState) -> None:
        versions = await _versions(iam, goal.arn)
        if len(versions) >= _MOST_VERSIONS:
            oldest = min(
                (one for one in versions if not one["IsDefaultVersion"]), key=_version_number
            )
            await _delete_version(iam, goal.arn, oldest)
        await iam.call(
            "create_policy_version",
            PolicyArn=goal.arn,
            PolicyDocument=to_aws(self.document),
            SetAsDefault=True,
        )

    async def _delete(self, iam: Service, arn: str) -> None:
        try:
            for version in await _versions(iam, arn):
                if not version["IsDefaultVersion"]:
                    await _delete_version(iam, arn, version)
            await iam.call("delete_policy", PolicyArn=arn)
        except AwsMissing:
            return
        except AwsRefused as refused:
            if refused.reason != "DeleteConflict":
                raise
            raise AwsInUse(
                f"The policy {self.name} is attached to others than those of this flow.",
                details=(("attached to", ", ".join(await _attached_to(iam, arn))),),
                help="detach it there, or leave it to them; then run the command again",
            ) from refused


def _version_number(version: Answer) -> int:
    return int(str(version["VersionId"]).removeprefix("v"))


async def _versions(iam: Service, arn: str) -> list[Answer]:
    return [one async for one in iam.pages("list_policy_versions", "Versions", PolicyArn=arn)]


async def _delete_version(iam: Service, arn: str, version: Answer) -> None:
    # One that is gone already was removed by an attempt whose answer was lost.
    with contextlib.suppress(AwsMissing):
        await iam.call("delete_policy_version", PolicyArn=arn, VersionId=version["VersionId"])


async def _attached_to(iam: Service, arn: str) -> list[str]:
    found = await iam.call("list_entities_for_policy", PolicyArn=arn)
    kinds = (
        ("role", "PolicyRoles", "RoleName"),
        ("user", "PolicyUsers", "UserName"),
        ("group", "PolicyGroups", "GroupName"),
    )
    return [f"{kind} {one[name]}" for kind, key, name in kinds for one in found.get(key, ())]
