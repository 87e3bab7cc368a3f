"""The item for a managed policy."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import ClassVar, Final

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
"""The number of versions of a policy that AWS keeps; it refuses another one."""


class IamPolicyState(IamState):
    """The state of a managed policy, which may be absent.

    Attributes:
        document: the permissions, or None if it is absent.
        version: the default version, such as `v3`, or None if it is not known.
    """

    document: Document | None = None
    version: str | None = None

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        return "present" if self.version is None else f"present, {self.version}"


class IamPolicy(IamItem[IamPolicyState]):
    """A managed policy of IAM whose default version is the given document.

    ```python
    policy = flow.add("policy", IamPolicy(name="app", document={...}))
    flow.add("role", IamRole(name="app", trust={...}, policies=[policy.state.arn]))
    ```

    A change of the document creates a new version; if there are five already, the oldest one that
    is not the default is removed first. Needs the extra `aws`.

    Attributes:
        name: its name.
        document: its permissions: a mapping, or its JSON text.
        path: the prefix of its name in the ARN.
        aws: access to AWS.
    """

    _what: ClassVar[str] = "policy"

    document: DocumentParam

    def state_example(self) -> IamPolicyState:
        """Return the goal as the first version of a policy in the account 123456789012."""
        return super().state_example().model_copy(update={"version": "v1"})

    def _content(self) -> Mapping[str, object]:
        return {"document": self.document}

    def _content_diff(self, current: IamPolicyState, goal: IamPolicyState) -> StateDiff | None:
        if same_meaning(current.document, goal.document):
            return None
        alike = {"name": goal.name, "arn": goal.arn, "version": goal.version}
        return field_wise_diff(current.model_copy(update=alike), goal)

    async def _read(self, iam: Service, arn: str) -> IamPolicyState:
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
        if not current.present:
            current = await self._create(
                iam,
                "create_policy",
                goal.arn,
                PolicyName=self.name,
                PolicyDocument=to_aws(self.document),
            )
        if current.present and self.diff(current, goal) is not None:
            await self._new_version(iam, goal)

    async def _remove(self, iam: Service, current: IamPolicyState) -> None:
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
                (one for one in versions if not one["IsDefaultVersion"]),
                key=lambda version: int(str(version["VersionId"]).removeprefix("v")),
            )
            await _delete_version(iam, goal.arn, oldest)
        await iam.call(
            "create_policy_version",
            PolicyArn=goal.arn,
            PolicyDocument=to_aws(self.document),
            SetAsDefault=True,
        )


async def _versions(iam: Service, arn: str) -> list[Answer]:
    return [one async for one in iam.pages("list_policy_versions", "Versions", PolicyArn=arn)]


async def _delete_version(iam: Service, arn: str, version: Answer) -> None:
    # A missing one was removed by an attempt whose answer was lost.
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
