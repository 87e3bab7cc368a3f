"""The items for a managed policy, a role and an instance profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

from peaceful._item.diff import StateDiff, field_wise_diff
from peaceful._present.text import count
from peaceful.items.aws._documents import same_meaning
from peaceful.items.aws._errors import AwsInUse, AwsMissing, AwsRefused
from peaceful.items.aws._iam import (
    Document,
    DocumentParam,
    IamItem,
    IamState,
    Listing,
    PolicyArn,
    RoleName,
    from_aws,
    is_unknown_principal,
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
    is not the default is removed first. It is not cleaned while others use it. Needs the extra
    `aws`.

    Attributes:
        name: its name.
        document: its permissions: a mapping, or its JSON text.
        path: the prefix of its name in the ARN.
        aws: access to AWS.
    """

    _what: ClassVar[str] = "policy"
    _listing: ClassVar[Listing] = ("list_policies", "Policies", {"Scope": "Local"})

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

    async def _read(self, iam: Service, absent: IamPolicyState) -> IamPolicyState:
        arn = absent.arn
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
        if attached := await _attached_to(iam, arn):
            raise AwsInUse(
                f"The policy {self.name} is attached to others than those of this flow.",
                details=(("attached to", ", ".join(attached)),),
                help="detach it there, or leave it to them; then run the command again",
            )
        for version in await _versions(iam, arn):
            if not version["IsDefaultVersion"]:
                await _delete_version(iam, arn, version)
        await iam.call_when_known(
            f"that the policy {self.name} is detached",
            "delete_policy",
            unknown=_is_conflict,
            PolicyArn=arn,
        )

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
    version_id = version["VersionId"]
    await iam.call_if_there("delete_policy_version", PolicyArn=arn, VersionId=version_id)


async def _attached_to(iam: Service, arn: str) -> list[str]:
    found: list[str] = []
    async for page in iam.answers("list_entities_for_policy", PolicyArn=arn):
        # The list goes on naming for a while what was detached just now.
        roles = [str(one["RoleName"]) for one in page.get("PolicyRoles", ())]
        found += [f"role {role}" for role in roles if await _has(iam, role, arn)]
        found.extend(f"user {one['UserName']}" for one in page.get("PolicyUsers", ()))
        found.extend(f"group {one['GroupName']}" for one in page.get("PolicyGroups", ()))
    return found


async def _has(iam: Service, role: str, arn: str) -> bool:
    """Return whether a role has a policy attached, or is bounded by it."""
    if arn in await _policies_of(iam, role):
        return True
    try:
        answer = await iam.call("get_role", RoleName=role)
    except AwsMissing:
        return False
    return bool(answer["Role"].get("PermissionsBoundary", {}).get("PermissionsBoundaryArn") == arn)


async def _policies_of(iam: Service, role: str) -> tuple[str, ...]:
    """Return the ARNs of the managed policies that are attached to a role, sorted."""
    listing = iam.pages("list_attached_role_policies", "AttachedPolicies", RoleName=role)
    try:
        return tuple(sorted([str(one["PolicyArn"]) async for one in listing]))
    except AwsMissing:
        return ()


def _is_conflict(refused: AwsRefused) -> bool:
    return refused.reason == "DeleteConflict"


class IamRoleState(IamState):
    """The state of a role, which may be absent.

    Attributes:
        trust: the trust policy, or None if it is absent.
        policies: the ARNs of the attached managed policies, sorted.
    """

    trust: Document | None = None
    policies: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"present, {count(len(self.policies), 'policy')}" if self.present else "absent"


class IamRole(IamItem[IamRoleState]):
    """A role of IAM, with exactly the given managed policies attached.

    ```python
    role = flow.add("role", IamRole(name="app", trust={...}, policies=[policy.state.arn]))
    flow.add("profile", InstanceProfile(name="app", role=role.state.name))
    ```

    Tags, inline policies and other settings are left alone. It is not cleaned while others use it,
    or have attached something to it. Needs the extra `aws`.

    Attributes:
        name: its name.
        trust: its trust policy, which says who may assume it: a mapping, or its JSON text.
        policies: the ARNs of managed policies; any others are detached.
        path: the prefix of its name in the ARN.
        aws: access to AWS.
    """

    _what: ClassVar[str] = "role"
    _listing: ClassVar[Listing] = ("list_roles", "Roles", {})

    name: RoleName
    trust: DocumentParam
    policies: Sequence[PolicyArn] = ()

    def _content(self) -> Mapping[str, object]:
        return {"trust": self.trust, "policies": tuple(sorted(set(self.policies)))}

    def _content_diff(self, current: IamRoleState, goal: IamRoleState) -> StateDiff | None:
        alike: dict[str, object] = {"policies": tuple(sorted(current.policies))}
        if same_meaning(current.trust, goal.trust):
            alike["trust"] = goal.trust
        return field_wise_diff(current.model_copy(update=alike), goal)

    async def _read(self, iam: Service, absent: IamRoleState) -> IamRoleState:
        role = (await iam.call("get_role", RoleName=self.name))["Role"]
        return IamRoleState(
            name=self.name,
            arn=role["Arn"],
            present=True,
            trust=from_aws(role["AssumeRolePolicyDocument"]),
            policies=await _policies_of(iam, self.name),
        )

    async def _ensure(self, iam: Service, current: IamRoleState, goal: IamRoleState) -> None:
        if not current.present:
            current = await self._create(
                iam,
                "create_role",
                goal.arn,
                RoleName=self.name,
                AssumeRolePolicyDocument=to_aws(self.trust),
            )
        if current.present and not same_meaning(current.trust, goal.trust):
            await iam.call_when_known(
                f"all that the role {self.name} names",
                "update_assume_role_policy",
                unknown=is_unknown_principal,
                RoleName=self.name,
                PolicyDocument=to_aws(self.trust),
            )
        for arn in current.policies:
            if arn not in goal.policies:
                await iam.call_if_there("detach_role_policy", RoleName=self.name, PolicyArn=arn)
        for arn in goal.policies:
            if arn not in current.policies:
                await iam.call_when_known(
                    f"the policy {arn}", "attach_role_policy", RoleName=self.name, PolicyArn=arn
                )

    async def _remove(self, iam: Service, current: IamRoleState) -> None:
        if used := await self._used_by(iam, current):
            raise AwsInUse(
                f"The role {self.name} is used by others than those of this flow.",
                details=(("it has", ", ".join(used)),),
                help="remove these from it, or leave it to them; then run the command again. What "
                "the flow has attached before its parameters changed, ensure detaches",
            )
        for arn in current.policies:
            await iam.call_if_there("detach_role_policy", RoleName=self.name, PolicyArn=arn)
        await iam.call_when_known(
            f"that the role {self.name} is not used",
            "delete_role",
            unknown=_is_conflict,
            RoleName=self.name,
        )

    async def _used_by(self, iam: Service, current: IamRoleState) -> list[str]:
        profiles = iam.pages(
            "list_instance_profiles_for_role", "InstanceProfiles", RoleName=self.name
        )
        found = [
            f"instance profile {name}"
            async for one in profiles
            # The list goes on naming for a while what was removed just now.
            if self.name in await _roles_of(iam, name := str(one["InstanceProfileName"]))
        ]
        async for page in iam.answers("list_role_policies", RoleName=self.name):
            found.extend(f"inline policy {name}" for name in page["PolicyNames"])
        found.extend(f"policy {arn}" for arn in current.policies if arn not in self.policies)
        return found


async def _roles_of(iam: Service, instance_profile: str) -> list[str]:
    try:
        answer = await iam.call("get_instance_profile", InstanceProfileName=instance_profile)
    except AwsMissing:
        return []
    return [str(role["RoleName"]) for role in answer["InstanceProfile"]["Roles"]]


class InstanceProfileState(IamState):
    """The state of an instance profile, which may be absent.

    Attributes:
        role: the name of its role, or None.
    """

    role: str | None = None

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        return "present, no role" if self.role is None else f"present, role {self.role}"


class InstanceProfile(IamItem[InstanceProfileState]):
    """An instance profile of IAM, through which machines get a role. Needs the extra `aws`.

    It is not cleaned while it has another role.

    Attributes:
        name: its name.
        role: the name of its role; another one is removed from it.
        path: the prefix of its name in the ARN.
        aws: access to AWS.
    """

    _what: ClassVar[str] = "instance profile"
    _listing: ClassVar[Listing] = ("list_instance_profiles", "InstanceProfiles", {})

    role: RoleName

    def _content(self) -> Mapping[str, object]:
        return {"role": self.role}

    async def _read(self, iam: Service, absent: InstanceProfileState) -> InstanceProfileState:
        answer = await iam.call("get_instance_profile", InstanceProfileName=self.name)
        profile = answer["InstanceProfile"]
        roles = [str(role["RoleName"]) for role in profile["Roles"]]
        return InstanceProfileState(
            name=self.name, arn=profile["Arn"], present=True, role=roles[0] if roles else None
        )

    async def _ensure(
        self, iam: Service, current: InstanceProfileState, goal: InstanceProfileState
    ) -> None:
        if not current.present:
            current = await self._create(
                iam, "create_instance_profile", goal.arn, InstanceProfileName=self.name
            )
        if current.role == self.role:
            return
        if current.role is not None:
            await self._remove_role(iam, current.role)
        try:
            await iam.call_when_known(
                f"the role {self.role}",
                "add_role_to_instance_profile",
                InstanceProfileName=self.name,
                RoleName=self.role,
            )
        except AwsRefused as refused:
            # It holds one role: that of an attempt whose answer was lost, or another one.
            now = await self._read(iam, current)
            if refused.reason != "LimitExceeded" or now.role != self.role:
                raise

    async def _remove(self, iam: Service, current: InstanceProfileState) -> None:
        if current.role not in {None, self.role}:
            raise AwsInUse(
                f"The instance profile {self.name} is used by others than those of this flow.",
                details=(("it has", f"role {current.role}"),),
                help="take the role out of it, or leave it to them; then run the command again. "
                "One that the flow has put in before its parameters changed, ensure replaces",
            )
        if current.role is not None:
            await self._remove_role(iam, current.role)
        await iam.call("delete_instance_profile", InstanceProfileName=self.name)

    async def _remove_role(self, iam: Service, role: str) -> None:
        await iam.call_if_there(
            "remove_role_from_instance_profile", InstanceProfileName=self.name, RoleName=role
        )
