"""The item for an instance profile, with its role."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from peaceful.item import Change, Item, ItemCtx, StateDiff
from peaceful.items.aws._access import AwsAccess
from peaceful.items.aws._errors import AwsMissing, AwsRefused
from peaceful.items.aws._iam import IAM, IamName, IamPath, RoleName
from peaceful.items.aws._presence import presence_diff
from peaceful.items.aws._service import Service, account, service
from peaceful.model import Interaction, Location, Within
from peaceful.model.state import State


class InstanceProfileState(State):
    """An instance profile, or that there is none.

    Attributes:
        name: its name; known from the start, so that other items can refer to it.
        arn: its ARN; known from the start too.
        present: whether it is there.
        role: the name of its role, or none.
    """

    name: str
    arn: str
    present: bool
    role: str | None = None

    def __str__(self) -> str:
        """`present, role app`, or `absent`."""
        if not self.present:
            return "absent"
        return "present, no role" if self.role is None else f"present, role {self.role}"


class InstanceProfile(Item[InstanceProfileState]):
    """An instance profile of IAM, by which machines get a role. Needs the extra `aws`.

    Attributes:
        name: its name.
        role: the name of its role; another one is taken out.
        path: in front of its name in the ARN.
        aws: how AWS is reached.
    """

    name: IamName
    role: RoleName
    path: IamPath = "/"
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> InstanceProfileState:
        """What AWS has."""
        absent = await self._absent(ctx)
        async with service("iam", self.aws, ctx) as iam:
            return await self._found(iam, absent)

    async def state_goal(self, ctx: ItemCtx) -> InstanceProfileState:
        """The profile with its role."""
        absent = await self._absent(ctx)
        return absent.model_copy(update={"present": True, "role": self.role})

    async def state_clean(self, ctx: ItemCtx) -> InstanceProfileState:
        """No profile."""
        return await self._absent(ctx)

    def diff(self, current: InstanceProfileState, goal: InstanceProfileState) -> StateDiff | None:
        """Whether it is there, and its role."""
        presence = presence_diff(
            "instance_profile", goal.name, is_there=current.present, should_be=goal.present
        )
        if presence is not None:
            return presence
        if current.role == goal.role:
            return None
        return StateDiff((Change("role", current.role, goal.role),))

    async def apply(
        self, ctx: ItemCtx, current: InstanceProfileState, goal: InstanceProfileState
    ) -> InstanceProfileState:
        """Makes the profile what it should be, or removes it where it should not be there."""
        await ctx.safe_point(where=f"before the instance profile {self.name} is changed")
        async with service("iam", self.aws, ctx) as iam:
            if goal.present:
                await self._ensure(iam, current, goal)
            else:
                await self._delete(iam, current)
            return await iam.settled(
                lambda: self._found(iam, goal),
                lambda state: self.diff(state, goal) is None,
                f"the instance profile {self.name}",
            )

    def interactions(self) -> Sequence[Interaction]:
        """In IAM."""
        return (Within(Location.path(f"instance profile {self.name}", IAM)),)

    def state_example(self) -> InstanceProfileState:
        """The profile of an account with digits in a row."""
        return InstanceProfileState(
            name=self.name,
            arn=f"arn:aws:iam::123456789012:instance-profile{self.path}{self.name}",
            present=True,
            role=self.role,
        )

    async def _absent(self, ctx: ItemCtx) -> InstanceProfileState:
        owner = await account(self.aws, ctx)
        arn = owner.arn("iam", f"instance-profile{self.path}{self.name}")
        return InstanceProfileState(name=self.name, arn=arn, present=False)

    async def _found(self, iam: Service, absent: InstanceProfileState) -> InstanceProfileState:
        try:
            answer = await iam.call("get_instance_profile", InstanceProfileName=self.name)
        except AwsMissing:
            return InstanceProfileState(name=absent.name, arn=absent.arn, present=False)
        profile = answer["InstanceProfile"]
        roles = [str(role["RoleName"]) for role in profile["Roles"]]
        return InstanceProfileState(
            name=absent.name,
            arn=profile["Arn"],
            present=True,
            role=roles[0] if roles else None,
        )

    async def _ensure(
        self, iam: Service, current: InstanceProfileState, goal: InstanceProfileState
    ) -> None:
        if not current.present:
            try:
                await iam.call(
                    "create_instance_profile", InstanceProfileName=self.name, Path=self.path
                )
            except AwsRefused as refused:
                if refused.reason != "EntityAlreadyExists":
                    raise
                # Made by an attempt whose answer was lost, or by somebody else just now.
                current = await self._found(iam, goal)
        if current.role is not None and current.role != self.role:
            await self._take_out(iam, current.role)
        if current.role != self.role:
            await self._put_in(iam)

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

    async def _delete(self, iam: Service, current: InstanceProfileState) -> None:
        if current.role is not None:
            await self._take_out(iam, current.role)
        with contextlib.suppress(AwsMissing):
            await iam.call("delete_instance_profile", InstanceProfileName=self.name)
