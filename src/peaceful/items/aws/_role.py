"""The item for a role, with the policies that are attached to it."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

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
from peaceful.items.aws._iam import IAM, IamPath, RoleName
from peaceful.items.aws._presence import presence_diff
from peaceful.items.aws._service import Service, account, service
from peaceful.model import Interaction, Location, Within
from peaceful.model.state import State


class IamRoleState(State):
    """A role, or that there is none.

    Attributes:
        name: its name; known from the start, so that other items can refer to it.
        arn: its ARN; known from the start too.
        present: whether it is there.
        trust: who may take it, or none where it is not there.
        policies: the ARNs of the managed policies attached to it, sorted.
    """

    name: str
    arn: str
    present: bool
    trust: Document | None = None
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        """`present, 2 policies`, or `absent`."""
        if not self.present:
            return "absent"
        count = len(self.policies)
        return f"present, {count} {'policy' if count == 1 else 'policies'}"


class IamRole(Item[IamRoleState]):
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

    name: RoleName
    trust: DocumentParam
    policies: Sequence[str] = ()
    path: IamPath = "/"
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> IamRoleState:
        """What AWS has."""
        absent = await self._absent(ctx)
        async with service("iam", self.aws, ctx) as iam:
            return await self._found(iam, absent)

    async def state_goal(self, ctx: ItemCtx) -> IamRoleState:
        """The role with its policies."""
        policies = tuple(sorted(set(self.policies)))
        absent = await self._absent(ctx)
        return absent.model_copy(
            update={"present": True, "trust": self.trust, "policies": policies}
        )

    async def state_clean(self, ctx: ItemCtx) -> IamRoleState:
        """No role."""
        return await self._absent(ctx)

    def diff(self, current: IamRoleState, goal: IamRoleState) -> StateDiff | None:
        """Whether it is there, who may take it, and which policies are attached."""
        presence = presence_diff(
            "role", goal.name, is_there=current.present, should_be=goal.present
        )
        if presence is not None:
            return presence
        alike: dict[str, object] = {"policies": tuple(sorted(current.policies))}
        if same_meaning(current.trust, goal.trust):
            alike["trust"] = goal.trust
        return super().diff(current.model_copy(update=alike), goal)

    async def apply(self, ctx: ItemCtx, current: IamRoleState, goal: IamRoleState) -> IamRoleState:
        """Makes the role what it should be, or removes it where it should not be there."""
        await ctx.safe_point(where=f"before the role {self.name} is changed")
        async with service("iam", self.aws, ctx) as iam:
            if goal.present:
                await self._ensure(iam, current, goal)
            else:
                await self._delete(iam, current)
            return await iam.settled(
                lambda: self._found(iam, goal),
                lambda state: self.diff(state, goal) is None,
                f"the role {self.name}",
            )

    def interactions(self) -> Sequence[Interaction]:
        """In IAM."""
        return (Within(Location.path(f"role {self.name}", IAM)),)

    def state_example(self) -> IamRoleState:
        """The role of an account with digits in a row."""
        return IamRoleState(
            name=self.name,
            arn=f"arn:aws:iam::123456789012:role{self.path}{self.name}",
            present=True,
            trust=self.trust,
            policies=tuple(sorted(self.policies)),
        )

    async def _absent(self, ctx: ItemCtx) -> IamRoleState:
        owner = await account(self.aws, ctx)
        arn = owner.arn("iam", f"role{self.path}{self.name}")
        return IamRoleState(name=self.name, arn=arn, present=False)

    async def _found(self, iam: Service, absent: IamRoleState) -> IamRoleState:
        try:
            role = (await iam.call("get_role", RoleName=self.name))["Role"]
            policies = [
                str(one["PolicyArn"])
                async for one in iam.pages(
                    "list_attached_role_policies", "AttachedPolicies", RoleName=self.name
                )
            ]
        except AwsMissing:
            return IamRoleState(name=absent.name, arn=absent.arn, present=False)
        return IamRoleState(
            name=absent.name,
            arn=role["Arn"],
            present=True,
            trust=from_aws(role["AssumeRolePolicyDocument"]),
            policies=tuple(sorted(policies)),
        )

    async def _ensure(self, iam: Service, current: IamRoleState, goal: IamRoleState) -> None:
        if not current.present:
            try:
                await iam.call(
                    "create_role",
                    RoleName=self.name,
                    Path=self.path,
                    AssumeRolePolicyDocument=to_aws(self.trust),
                )
            except AwsRefused as refused:
                if refused.reason != "EntityAlreadyExists":
                    raise
                # Made by an attempt whose answer was lost, or by somebody else just now.
                current = await self._found(iam, goal)
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

    async def _delete(self, iam: Service, current: IamRoleState) -> None:
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

    async def _used_by(self, iam: Service) -> list[str]:
        profiles = [
            f"instance profile {one['InstanceProfileName']}"
            async for one in iam.pages(
                "list_instance_profiles_for_role", "InstanceProfiles", RoleName=self.name
            )
        ]
        answer = await iam.call("list_role_policies", RoleName=self.name)
        return [*profiles, *(f"inline policy {name}" for name in answer["PolicyNames"])]
