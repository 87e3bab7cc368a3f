"""The item for a managed policy."""

from __future__ import annotations

import contextlib
from typing import ClassVar, Final

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff, field_wise_diff
from peaceful.items.aws._errors import AwsInUse, AwsMissing, AwsRefused
from peaceful.items.aws._iam import (
    Document,
    DocumentParam,
    IamItem,
    IamState,
    from_aws,
    same_meaning,
    to_aws,
)
from peaceful.items.aws._service import Answer, Service

_MOST_VERSIONS: Final = 5
"""How many versions of a policy AWS keeps; a sixth is refused."""


class IamPolicyState(IamState):
    """A managed policy, or that there is none.

    Attributes:
        document: what it allows, or none where it is not there.
        version: the version that is in force, such as `v3`, or none where it is not known.
    """

    document: Document | None = None
    version: str | None = None

    def __str__(self) -> str:
        """`present, v3`, or `absent`."""
        if not self.present:
            return "absent"
        return "present" if self.version is None else f"present, {self.version}"


class IamPolicy(IamItem[IamPolicyState]):
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

    _what: ClassVar[str] = "policy"
    _in_arn: ClassVar[str] = "policy"

    document: DocumentParam

    async def state_goal(self, ctx: ItemCtx) -> IamPolicyState:
        """The document, in force."""
        absent = await self.state_clean(ctx)
        return absent.model_copy(update={"present": True, "document": self.document})

    def state_example(self) -> IamPolicyState:
        """The policy of an account with digits in a row."""
        return IamPolicyState(
            name=self.name,
            arn=self._example_arn(),
            present=True,
            document=self.document,
            version="v1",
        )

    def _content_diff(self, current: IamPolicyState, goal: IamPolicyState) -> StateDiff | None:
        """Whether its document means the same."""
        if same_meaning(current.document, goal.document):
            return None
        was = IamPolicyState(name="", arn="", present=True, document=current.document)
        will_be = IamPolicyState(name="", arn="", present=True, document=goal.document)
        return field_wise_diff(was, will_be)

    async def _read(self, iam: Service, arn: str) -> IamPolicyState:
        """The policy, with the document in force."""
        policy = (await iam.call("get_policy", PolicyArn=arn))["Policy"]
        version = policy["DefaultVersionId"]
        answer = await iam.call("get_policy_version", PolicyArn=arn, VersionId=version)
        return IamPolicyState(
            name=self.name,
            arn=arn,
            present=True,
            document=from_aws(answer["PolicyVersion"]["Document"]),
            version=version,
        )

    async def _ensure(self, iam: Service, current: IamPolicyState, goal: IamPolicyState) -> None:
        """Makes it, or a new version of it."""
        if current.present:
            await self._new_version(iam, goal)
            return
        there = await self._make(
            iam,
            "create_policy",
            goal.arn,
            PolicyName=self.name,
            PolicyDocument=to_aws(self.document),
        )
        if there is not None and self.diff(there, goal) is not None:
            await self._new_version(iam, goal)

    async def _remove(self, iam: Service, current: IamPolicyState) -> None:
        """Removes its versions, and it."""
        arn = current.arn
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
