"""What tests of AWS items build: a bucket with an object, a policy, a role, a profile."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from peaceful import Flow
from peaceful.items.aws import AwsAccess, IamPolicy, IamRole, InstanceProfile, S3Bucket, S3Object
from peaceful.testing import FlowHarness

if TYPE_CHECKING:
    from pydantic import JsonValue

READ: Final[dict[str, JsonValue]] = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}],
}
"""A policy document."""

TRUST: Final[dict[str, JsonValue]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
"""Who may take the role."""

MEBIBYTE: Final = 1024 * 1024


def allowing(*actions: str) -> dict[str, JsonValue]:
    """A policy document that allows these."""
    statement: JsonValue = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    return {"Version": "2012-10-17", "Statement": [statement]}


@asynccontextmanager
async def client(name: str, access: AwsAccess) -> AsyncIterator[Any]:  # Any: made at run time
    """A plain client, for looking at what is there, and for changing it behind the items' back."""
    from aiobotocore.session import AioSession

    making: Any = AioSession().create_client(  # type: ignore[call-overload]  # any service
        name, endpoint_url=access.endpoint_url, region_name="eu-central-1"
    )
    async with making as made:
        yield made


class Stack:
    """The things, as a flow.

    Attributes:
        file: what is uploaded.
        document: of the policy.
    """

    def __init__(self, access: AwsAccess, folder: Path, size: int = 9 * MEBIBYTE) -> None:
        self.access = access
        self.file = folder / "app.tar"
        if not self.file.exists():
            self.file.write_bytes(os.urandom(size))
        self.document = READ
        self.harness = FlowHarness(self.declare, folder)

    def declare(self, flow: Flow) -> None:
        """Adds the items."""
        aws = self.access
        policy = flow.add("policy", IamPolicy(name="app", document=self.document, aws=aws))
        role = flow.add(
            "role", IamRole(name="app", trust=TRUST, policies=[policy.state.arn], aws=aws)
        )
        flow.add("profile", InstanceProfile(name="app", role=role.state.name, aws=aws))
        bucket = flow.add("bucket", S3Bucket(name="app-releases", aws=aws))
        upload = flow.add(
            "upload",
            S3Object(bucket=bucket.state.name, key="1.0/app.tar", file=self.file, aws=aws),
        )
        flow.contains(bucket, upload)

    async def left(self) -> dict[str, object]:
        """What is there in AWS, and what was begun."""
        async with client("iam", self.access) as iam, client("s3", self.access) as s3:
            found: dict[str, object] = {
                "policies": [p["PolicyName"] for p in await _all(iam.list_policies(Scope="Local"))],
                "roles": [r["RoleName"] for r in (await iam.list_roles())["Roles"]],
                "profiles": [
                    (p["InstanceProfileName"], [r["RoleName"] for r in p["Roles"]])
                    for p in (await iam.list_instance_profiles())["InstanceProfiles"]
                ],
            }
            for bucket in (await s3.list_buckets())["Buckets"]:
                name = bucket["Name"]
                objects = (await s3.list_objects_v2(Bucket=name)).get("Contents", [])
                uploads = (await s3.list_multipart_uploads(Bucket=name)).get("Uploads", [])
                found[name] = {
                    "objects": {one["Key"]: one["ETag"] for one in objects},
                    "uploads": len(uploads),
                }
            return found


async def _all(asking: Any) -> list[Any]:  # Any: what AWS answers
    answer = await asking
    assert not answer["IsTruncated"]
    return list(answer["Policies"])
