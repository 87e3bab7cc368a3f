"""The AWS items tell the truth about their things, on a server that speaks like AWS."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_server import forget_all
from aws_stack import READ, TRUST, allowing
from botocore.session import get_session

from peaceful.items.aws import AwsAccess, IamPolicy, IamRole, InstanceProfile, S3Bucket, S3Object
from peaceful.testing import check_item

if TYPE_CHECKING:
    from pydantic import JsonValue

REACHED = {"aws": "it is how AWS is reached, not what is there"}

ONCE = {"path": "a name is taken under whatever path it is: the former one has to go first"}
"""That it goes is tried with a whole flow."""


@pytest.fixture
def access(aws_address: str, login: None) -> AwsAccess:
    """Reaches the server, which is as new."""
    forget_all(aws_address)
    return AwsAccess(endpoint_url=aws_address, timeout=20, attempts=3, patience=10)


@pytest.fixture(params=[4, pytest.param(50, marks=pytest.mark.soak)])
def interrupts(request: pytest.FixtureRequest) -> int:
    """At how many moments commands are interrupted."""
    number: int = request.param
    return number


def client(name: str, access: AwsAccess) -> Any:  # Any: made at run time
    """A plain client."""
    return _client(name, access.endpoint_url)


@functools.cache
def _client(name: str, address: str | None) -> Any:  # Any: made at run time
    # Making one takes longer than what it is asked.
    return get_session().create_client(name, endpoint_url=address, region_name="eu-central-1")


def in_iam(access: AwsAccess) -> Mapping[str, object]:
    """All that is there of IAM, by ARN."""
    iam = client("iam", access)
    there: dict[str, object] = {}
    for policy in iam.list_policies(Scope="Local")["Policies"]:
        version = iam.get_policy_version(
            PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"]
        )
        there[policy["Arn"]] = version["PolicyVersion"]["Document"]
    for role in iam.list_roles()["Roles"]:
        attached = iam.list_attached_role_policies(RoleName=role["RoleName"])
        there[role["Arn"]] = (role["AssumeRolePolicyDocument"], attached["AttachedPolicies"])
    for profile in iam.list_instance_profiles()["InstanceProfiles"]:
        there[profile["Arn"]] = [role["RoleName"] for role in profile["Roles"]]
    return there


def in_s3(access: AwsAccess) -> Mapping[str, object]:
    """All that is there of S3, by address."""
    s3 = client("s3", access)
    there: dict[str, object] = {}
    for bucket in s3.list_buckets()["Buckets"]:
        name = bucket["Name"]
        there[f"s3://{name}"] = [
            upload["Key"] for upload in s3.list_multipart_uploads(Bucket=name).get("Uploads", [])
        ]
        for found in s3.list_objects_v2(Bucket=name).get("Contents", []):
            key = found["Key"]
            head = s3.head_object(Bucket=name, Key=key)
            there[f"s3://{name}/{key}"] = (found["ETag"], head["ContentType"])
    return there


def name_of(folder: Path) -> str:
    """A name for each world."""
    return folder.name.replace("_", "-")


def slower(access: AwsAccess) -> AwsAccess:
    """Reaches the same in another way."""
    return access.model_copy(update={"timeout": 21})


def test_a_policy(access: AwsAccess, tmp_path: Path, interrupts: int) -> None:
    """Its document is compared by meaning."""
    check_item(
        lambda folder: IamPolicy(name=name_of(folder), document=READ, aws=access),
        tmp_path,
        changed=lambda item: {
            "name": f"{item.name}-b",
            "path": "/apps/",
            "document": allowing("s3:PutObject"),
            "aws": slower(access),
        },
        no_difference=REACHED,
        break_it=lambda item: client("iam", access).create_policy_version(
            PolicyArn=f"arn:aws:iam::123456789012:policy/{item.name}",
            PolicyDocument=json.dumps(allowing("s3:*")),
            SetAsDefault=True,
        ),
        listing=lambda _: in_iam(access),
        interrupts=interrupts,
    )


def test_a_role(access: AwsAccess, tmp_path: Path, interrupts: int) -> None:
    """With the policies that are attached to it."""
    statement = {**TRUST["Statement"][0], "Principal": {"Service": "lambda.amazonaws.com"}}  # type: ignore[index,dict-item]  # as it is above
    other: dict[str, JsonValue] = {**TRUST, "Statement": [statement]}
    read = client("iam", access).create_policy(PolicyName="read", PolicyDocument=json.dumps(READ))
    arn = read["Policy"]["Arn"]
    check_item(
        lambda folder: IamRole(name=name_of(folder), trust=TRUST, aws=access),
        tmp_path,
        changed=lambda item: {
            "name": f"{item.name}-b",
            "trust": other,
            "policies": [arn],
            "aws": slower(access),
        },
        no_difference=REACHED | ONCE,
        break_it=lambda item: client("iam", access).update_assume_role_policy(
            RoleName=item.name, PolicyDocument=json.dumps(other)
        ),
        listing=lambda _: in_iam(access),
        interrupts=interrupts,
    )


def test_an_instance_profile(access: AwsAccess, tmp_path: Path, interrupts: int) -> None:
    """With the role in it."""
    iam = client("iam", access)
    for role in ("one", "two"):
        iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    check_item(
        lambda folder: InstanceProfile(name=name_of(folder), role="one", aws=access),
        tmp_path,
        changed=lambda item: {
            "name": f"{item.name}-b",
            "role": "two",
            "aws": slower(access),
        },
        no_difference=REACHED | ONCE,
        break_it=lambda item: iam.remove_role_from_instance_profile(
            InstanceProfileName=item.name, RoleName="one"
        ),
        listing=lambda _: in_iam(access),
        interrupts=interrupts,
    )


def test_a_bucket(access: AwsAccess, tmp_path: Path, interrupts: int) -> None:
    """What is in it of others keeps it."""
    check_item(
        lambda folder: S3Bucket(name=name_of(folder), aws=access),
        tmp_path,
        changed=lambda item: {"name": f"{item.name}-b", "aws": slower(access)},
        no_difference=REACHED,
        break_it=lambda item: client("s3", access).delete_bucket(Bucket=item.name),
        listing=lambda _: in_s3(access),
        interrupts=interrupts,
    )


def test_an_object(access: AwsAccess, tmp_path: Path, interrupts: int) -> None:
    """Its content, its type and its version."""
    s3 = client("s3", access)
    location = {"LocationConstraint": "eu-central-1"}
    for bucket in ("one", "two"):
        s3.create_bucket(Bucket=f"bucket-{bucket}", CreateBucketConfiguration=location)

    def make(folder: Path) -> S3Object:
        for name in ("a", "b"):
            (folder / name).write_text(f"the content of {name}")
        key = f"{folder.name}/it"
        return S3Object(bucket="bucket-one", key=key, file=folder / "a", aws=access)

    check_item(
        make,
        tmp_path,
        changed=lambda item: {
            "bucket": "bucket-two",
            "key": f"{item.key}-b",
            "file": item.file.with_name("b"),
            "content_type": "text/plain",
            "version": "1.2",
            "aws": slower(access),
        },
        no_difference=REACHED,
        break_it=lambda item: s3.put_object(Bucket=item.bucket, Key=item.key, Body=b"other"),
        listing=lambda _: in_s3(access),
        interrupts=interrupts,
    )
