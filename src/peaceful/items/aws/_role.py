"""`IamRole` and `InstanceProfile`."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import ClassVar

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, field_wise_diff
from peaceful.items.aws._errors import AwsInUse, AwsMissing, AwsRefused
from peaceful.items.aws._iam import (
    Document,
    DocumentParam,
    IamItem,
    IamState,
    RoleName,
    from_aws,
    same_meaning,
    to_aws,
)
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


class InstanceProfileState(IamState):
    """An instance profile, or that there is none.

    Attributes:
        role: the name of its role, or none.
    """

    role: str | None = None

    def __str__(self) -> str:
        """`present, role app`, or `absent`."""
        if not self.present:
            return "absent"
        return "present, no role" if self.role is None else f"present, role {self.role}"


class InstanceProfile(IamItem[InstanceProfileState]):
    """An instance profile of IAM, by which machines get a role. Needs the extra `aws`.

    Attributes:
        name: its name.
        role: the name of its role; another one is taken out.
        path: in front of its name in the ARN.
        aws: how AWS is reached.
    """

    _what: ClassVar[str] = "instance profile"
    _in_arn: ClassVar[str] = "instance-profile"

    role: RoleName

    async def state_goal(self, ctx: ItemCtx) -> InstanceProfileState:
        """The profile with its role."""
        absent = await self.state_clean(ctx)
        return absent.model_copy(update={"present": True, "role": self.role})

    def state_example(self) -> InstanceProfileState:
        """The profile of an account with digits in a row."""
        return InstanceProfileState(
            name=self.name, arn=self._example_arn(), present=True, role=self.role
        )

    def _content_diff(
        self, current: InstanceProfileState, goal: InstanceProfileState
    ) -> StateDiff | None:
        """Which role it has."""
        if current.role == goal.role:
            return None
        return StateDiff((Change("role", current.role, goal.role),))

    async def _read(self, iam: Service, arn: str) -> InstanceProfileState:
        """The profile, and its role."""
        answer = await iam.call("get_instance_profile", InstanceProfileName=self.name)
        profile = answer["InstanceProfile"]
        roles = [str(role["RoleName"]) for role in profile["Roles"]]
        return InstanceProfileState(
            name=self.name, arn=profile["Arn"], present=True, role=roles[0] if roles else None
        )

    async def _ensure(
        self, iam: Service, current: InstanceProfileState, goal: InstanceProfileState
    ) -> None:
        """Makes it, and puts its role into it."""
        if not current.present:
            there = await self._make(
                iam, "create_instance_profile", goal.arn, InstanceProfileName=self.name
            )
            current = there or current
        if current.role is not None and current.role != self.role:
            await self._take_out(iam, current.role)
        if current.role != self.role:
            await self._put_in(iam)

    async def _remove(self, iam: Service, current: InstanceProfileState) -> None:
        """Takes its role out of it, and removes it."""
        if current.role is not None:
            await self._take_out(iam, current.role)
        with contextlib.suppress(AwsMissing):
            await iam.call("delete_instance_profile", InstanceProfileName=self.name)

    async def _put_in(self, iam: Service) -> None:
        try:
            await iam.accepted(
                lambda: iam.call(
                    "add_role_to_instance_profile",
                    InstanceProfileName=self.name,
                    RoleName=self.role,
                ),
                AwsMissing,
                f"the role {self.role}",
            )
        except AwsRefused as refused:
            # It holds one role: that of an attempt whose answer was lost, or another one.
            answer = await iam.call("get_instance_profile", InstanceProfileName=self.name)
            roles = [role["RoleName"] for role in answer["InstanceProfile"]["Roles"]]
            if refused.reason != "LimitExceeded" or roles != [self.role]:
                raise

    async def _take_out(self, iam: Service, role: str) -> None:
        # One that is gone already was taken out by an attempt whose answer was lost.
        with contextlib.suppress(AwsMissing):
            await iam.call(
                "remove_role_from_instance_profile", InstanceProfileName=self.name, RoleName=role
            )
