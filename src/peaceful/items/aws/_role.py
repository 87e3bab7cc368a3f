"""The item for a role, with the policies that are attached to it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar

from peaceful.item import ItemCtx, StateDiff, field_wise_diff
from peaceful.items.aws._documents import (
    Document,
    DocumentParam,
    from_aws,
    same_meaning,
    to_aws,
)
from peaceful.items.aws._errors import AwsInUse, AwsMissing, AwsRefused
from peaceful.items.aws._iam import RoleName
from peaceful.items.aws._iam_item import IamItem, IamState
from peaceful.items.aws._service import Service


class IamRoleState(IamState):
    """A role, or that there is none.

    Attributes:
        trust: who may take it, or none where it is not there.
        policies: the ARNs of the managed policies attached to it, sorted.
    """

    trust: Document | None = None
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`present, 2 policies`, or `absent`."""
        if not self.present:
            return "absent"
        count = len(self.policies)
        return f"present, {count} {'policy' if count == 1 else 'policies'}"


class IamRole(IamItem[IamRoleState]):
    """A role of IAM, with exactly the given managed policies attached.

    ```python
    role = flow.add("role", IamRole(name="app", trust={...}, policies=[policy.state.arn]))
    flow.add("profile", InstanceProfile(name="app", role=role.state.name))
    ```

    Needs the extra `aws`.

    Attributes:
        name: its name.
        trust: who may take it, and under which conditions: a mapping, or its JSON text.
        policies: the ARNs of managed policies; any others are detached.
        path: in front of its name in the ARN.
        aws: how AWS is reached.
    """

    _what: ClassVar[str] = "role"
    _in_arn: ClassVar[str] = "role"

    name: RoleName
    trust: DocumentParam
    policies: Sequence[str] = ()

    async def state_goal(self, ctx: ItemCtx) -> IamRoleState:
        """The role with its policies."""
        policies = tuple(sorted(set(self.policies)))
        absent = await self.state_clean(ctx)
        return absent.model_copy(
            update={"present": True, "trust": self.trust, "policies": policies}
        )

    def state_example(self) -> IamRoleState:
        """The role of an account with digits in a row."""
        return IamRoleState(
            name=self.name,
            arn=self._example_arn(),
            present=True,
            trust=self.trust,
            policies=tuple(sorted(self.policies)),
        )

    def _content_diff(self, current: IamRoleState, goal: IamRoleState) -> StateDiff | None:
        """Who may take it, and which policies are attached."""
        alike: dict[str, object] = {"policies": tuple(sorted(current.policies))}
        if same_meaning(current.trust, goal.trust):
            alike["trust"] = goal.trust
        return field_wise_diff(current.model_copy(update=alike), goal)

    async def _read(self, iam: Service, arn: str) -> IamRoleState:
        """The role, and the policies attached to it."""
        role = (await iam.call("get_role", RoleName=self.name))["Role"]
        policies = [
            str(one["PolicyArn"])
            async for one in iam.pages(
                "list_attached_role_policies", "AttachedPolicies", RoleName=self.name
            )
        ]
        return IamRoleState(
            name=self.name,
            arn=role["Arn"],
            present=True,
            trust=from_aws(role["AssumeRolePolicyDocument"]),
            policies=tuple(sorted(policies)),
        )

    async def _ensure(self, iam: Service, current: IamRoleState, goal: IamRoleState) -> None:
        """Makes it, and brings what is attached to it up to date."""
        if not current.present:
            there = await self._make(
                iam,
                "create_role",
                goal.arn,
                RoleName=self.name,
                AssumeRolePolicyDocument=to_aws(self.trust),
            )
            current = there or current
        if current.present and not same_meaning(current.trust, goal.trust):
            await iam.call(
                "update_assume_role_policy",
                RoleName=self.name,
                PolicyDocument=to_aws(self.trust),
            )
        for arn in current.policies:
            if arn not in goal.policies:
                await self._detach(iam, arn)
        for arn in goal.policies:
            if arn not in current.policies:
                await self._attach(iam, arn)

    async def _remove(self, iam: Service, current: IamRoleState) -> None:
        """Detaches its policies, and removes it."""
        for arn in current.policies:
            await self._detach(iam, arn)
        try:
            await iam.call("delete_role", RoleName=self.name)
        except AwsMissing:
            return
        except AwsRefused as refused:
            if refused.reason != "DeleteConflict":
                raise
            raise AwsInUse(
                f"The role {self.name} is used by others than those of this flow.",
                details=(("it has", ", ".join(await self._used_by(iam))),),
                help="remove these from it, or leave it to them; then run the command again",
            ) from refused

    async def _attach(self, iam: Service, arn: str) -> None:
        await iam.accepted(
            lambda: iam.call("attach_role_policy", RoleName=self.name, PolicyArn=arn),
            AwsMissing,
            f"the policy {arn}",
        )

    async def _detach(self, iam: Service, arn: str) -> None:
        # One that is gone already was detached by an attempt whose answer was lost.
        with contextlib.suppress(AwsMissing):
            await iam.call("detach_role_policy", RoleName=self.name, PolicyArn=arn)

    async def _used_by(self, iam: Service) -> list[str]:
        profiles = [
            f"instance profile {one['InstanceProfileName']}"
            async for one in iam.pages(
                "list_instance_profiles_for_role", "InstanceProfiles", RoleName=self.name
            )
        ]
        answer = await iam.call("list_role_policies", RoleName=self.name)
        return [*profiles, *(f"inline policy {name}" for name in answer["PolicyNames"])]
