"""The item for an instance profile, with its role."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from peaceful.item import Change, ItemCtx, StateDiff
from peaceful.items.aws._errors import AwsMissing, AwsRefused
from peaceful.items.aws._iam import RoleName
from peaceful.items.aws._iam_item import IamItem, IamState
from peaceful.items.aws._service import Service


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
