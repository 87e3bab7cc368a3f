"""What others have set on a thing stays, where the item declares only a part of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest
from aiohttp import web
from aws_server import Asked, Way, refusal
from aws_stack import READ, TRUST, allowing, client

from peaceful import ItemStatus
from peaceful._item.item import AnyItem
from peaceful.items.aws import AwsAccess, IamPolicy, IamRole, InstanceProfile, S3Bucket, S3Object
from peaceful.items.aws._errors import AwsInUse
from peaceful.testing import ItemHarness

ARN: Final = "arn:aws:iam::123456789012"
THERE: Final = {"Bucket": "app-releases", "Key": "app"}
THEIRS: Final = {"Key": "cost-centre", "Value": "a b/ü"}

HEADERS: Final = {
    "CacheControl": "max-age=60",
    "ContentDisposition": "attachment",
    "ContentLanguage": "en",
    "StorageClass": "STANDARD_IA",
}


async def ensured(item: AnyItem, folder: Path) -> ItemStatus:
    """How bringing the item to its goal ends."""
    return (await ItemHarness(item, folder).result_of("ensure")).status


@pytest.fixture
async def uploaded(access: AwsAccess, tmp_path: Path) -> S3Object:
    """An object, with a file that is its content."""
    await ensured(S3Bucket(name="app-releases", aws=access), tmp_path)
    file = tmp_path / "file"
    file.write_text("one")
    item = S3Object(bucket="app-releases", key="app", file=file, version="1", aws=access)
    await ensured(item, tmp_path)
    return item


async def tags(s3: Any) -> dict[str, str]:  # Any: a client
    """The tags of the object."""
    return {each["Key"]: each["Value"] for each in (await s3.get_object_tagging(**THERE))["TagSet"]}


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({"version": "2"}, "2"),
        ({"content_type": "text/css"}, "1"),
        ({"content_type": "text/css", "version": "2"}, "2"),
        ({"file": "another"}, "1"),
        ({"file": "another", "version": "2"}, "2"),
        ({"file": "another", "version": None}, None),
        ({"content_type": "text/css", "version": None}, "1"),
    ],
)
async def test_an_object(
    access: AwsAccess,
    uploaded: S3Object,
    tmp_path: Path,
    change: dict[str, str | Path],
    version: str | None,
) -> None:
    """Tags, metadata and headers stay; only a version that is no longer true goes."""
    async with client("s3", access) as s3:
        mine = (await s3.head_object(**THERE))["Metadata"]
        await s3.copy_object(
            **THERE,
            CopySource=THERE,
            MetadataDirective="REPLACE",
            Metadata={**mine, "a": "b"},
            **HEADERS,
        )
        await s3.put_object_tagging(
            **THERE, Tagging={"TagSet": [THEIRS, {"Key": "version", "Value": "1"}]}
        )
        if "file" in change:
            change = {**change, "file": tmp_path / str(change["file"])}
            Path(change["file"]).write_text("two")  # noqa: ASYNC240 - a few bytes
        else:
            # What was set by copying has another content type; only the change itself counts.
            await ensured(uploaded, tmp_path)

        assert await ensured(uploaded.model_copy(update=change), tmp_path) is ItemStatus.DONE

        head = await s3.head_object(**THERE)
        assert {name: head.get(name) for name in HEADERS} == HEADERS
        assert head["Metadata"]["a"] == "b"
        expected = {"cost-centre": "a b/ü"} | ({} if version is None else {"version": version})
        assert await tags(s3) == expected


async def test_somebody_elses_object_of_the_same_content(
    access: AwsAccess, uploaded: S3Object, tmp_path: Path
) -> None:
    """An object of others of which only the content type is to be another keeps all the rest."""
    async with client("s3", access) as s3:
        theirs = {"ContentType": "text/css", "ContentLanguage": "en", "Metadata": {"a": "b"}}
        await s3.put_object(**THERE, Body=b"one", Tagging="c=d", **theirs)

        assert await ensured(uploaded, tmp_path) is ItemStatus.DONE

        head = await s3.head_object(**THERE)
        assert head["ContentType"] == "application/octet-stream"
        assert (head["ContentLanguage"], head["Metadata"]["a"]) == ("en", "b")
        assert await tags(s3) == {"c": "d", "version": "1"}


async def test_an_encrypted_object(access: AwsAccess, uploaded: S3Object, tmp_path: Path) -> None:
    """A key that others have chosen for encryption stays."""
    key = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": f"{ARN.replace('iam', 'kms')}:key/one"}
    async with client("s3", access) as s3:
        await s3.copy_object(**THERE, CopySource=THERE, **key)
        assert await ensured(uploaded, tmp_path) is ItemStatus.UNCHANGED
        uploaded.file.write_text("two")

        assert await ensured(uploaded, tmp_path) is ItemStatus.DONE

        head = await s3.head_object(**THERE)
        assert {name: head[name] for name in key} == key


async def test_a_server_without_tags(
    access: AwsAccess, uploaded: S3Object, way: Way, tmp_path: Path
) -> None:
    """Where the server knows no tags, there are none to keep."""

    async def unknown(asked: Asked) -> web.StreamResponse | None:
        return refusal(501, "NotImplemented") if "tagging" in asked.path else None

    way.before = unknown
    uploaded.file.write_text("two")
    item = uploaded.model_copy(update={"version": None})
    assert await ensured(item, tmp_path) is ItemStatus.DONE


async def test_somebody_elses_object(access: AwsAccess, uploaded: S3Object, tmp_path: Path) -> None:
    """An object that others put there is replaced with all that belongs to it but its tags."""
    async with client("s3", access) as s3:
        await s3.put_object(
            **THERE, Body=b"theirs", ContentLanguage="en", Metadata={"a": "b"}, Tagging="c=d"
        )

        assert await ensured(uploaded, tmp_path) is ItemStatus.DONE

        head = await s3.head_object(**THERE)
        assert "ContentLanguage" not in head
        assert "a" not in head["Metadata"]
        assert await tags(s3) == {"c": "d", "version": "1"}


async def test_a_bucket(access: AwsAccess, tmp_path: Path) -> None:
    """Tags and rules of a bucket are no difference, and stay."""
    item = S3Bucket(name="app-releases", aws=access)
    await ensured(item, tmp_path)
    rule = {
        "ID": "theirs",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "Expiration": {"Days": 9},
    }
    async with client("s3", access) as s3:
        await s3.put_bucket_tagging(Bucket="app-releases", Tagging={"TagSet": [THEIRS]})
        await s3.put_bucket_lifecycle_configuration(
            Bucket="app-releases", LifecycleConfiguration={"Rules": [rule]}
        )

        assert await ensured(item, tmp_path) is ItemStatus.UNCHANGED

        assert (await s3.get_bucket_tagging(Bucket="app-releases"))["TagSet"] == [THEIRS]
        rules = await s3.get_bucket_lifecycle_configuration(Bucket="app-releases")
        assert [each["ID"] for each in rules["Rules"]] == ["theirs"]


async def test_a_role(access: AwsAccess, tmp_path: Path) -> None:
    """Tags, inline policies and settings of a role are no difference, and stay."""
    item = IamRole(name="app", trust=TRUST, aws=access)
    await ensured(item, tmp_path)
    async with client("iam", access) as iam:
        await iam.tag_role(RoleName="app", Tags=[THEIRS])
        await iam.update_role(RoleName="app", Description="theirs", MaxSessionDuration=7200)
        await iam.put_role_policy(
            RoleName="app", PolicyName="theirs", PolicyDocument=json.dumps(READ)
        )
        assert await ensured(item, tmp_path) is ItemStatus.UNCHANGED
        other = json.loads(json.dumps(TRUST).replace("ec2", "lambda"))

        assert await ensured(item.model_copy(update={"trust": other}), tmp_path) is ItemStatus.DONE

        role = (await iam.get_role(RoleName="app"))["Role"]
        assert role["Tags"] == [THEIRS]
        assert (role["Description"], role["MaxSessionDuration"]) == ("theirs", 7200)
        assert (await iam.list_role_policies(RoleName="app"))["PolicyNames"] == ["theirs"]


async def test_a_policy(access: AwsAccess, tmp_path: Path) -> None:
    """Tags of a policy stay with each of its versions."""
    item = IamPolicy(name="app", document=READ, aws=access)
    await ensured(item, tmp_path)
    async with client("iam", access) as iam:
        await iam.tag_policy(PolicyArn=f"{ARN}:policy/app", Tags=[THEIRS])
        changed = item.model_copy(update={"document": allowing("s3:*")})

        assert await ensured(changed, tmp_path) is ItemStatus.DONE

        policy = (await iam.get_policy(PolicyArn=f"{ARN}:policy/app"))["Policy"]
        assert policy["Tags"] == [THEIRS]


async def unchanged_after_clean(item: AnyItem, way: Way, folder: Path, *, held: str) -> str:
    """Clean the item, which others use: nothing of it is changed. What to do is returned."""
    way.asked.clear()
    with pytest.raises(AwsInUse) as caught:
        await ItemHarness(item, folder).result_of("clean")
    assert held in str(caught.value.details)
    assert not [each for each in way.operations() if each.startswith(("De", "Remove"))]
    return caught.value.help


async def test_cleaning_a_role_with_policies_of_others(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """A policy that others have attached is not detached: the role is left whole, and told of."""
    await ensured(IamPolicy(name="app", document=READ, aws=access), tmp_path)
    item = IamRole(name="app", trust=TRUST, policies=[f"{ARN}:policy/app"], aws=access)
    await ensured(item, tmp_path)
    async with client("iam", access) as iam:
        await iam.create_policy(PolicyName="theirs", PolicyDocument=json.dumps(READ))
        await iam.attach_role_policy(RoleName="app", PolicyArn=f"{ARN}:policy/theirs")

    said = await unchanged_after_clean(item, way, tmp_path, held=f"policy {ARN}:policy/theirs")

    assert "ensure detaches" in said


@pytest.mark.parametrize("use", ["inline policy", "instance profile"])
async def test_cleaning_a_role_that_others_use(
    access: AwsAccess, way: Way, tmp_path: Path, use: str
) -> None:
    """A role that others use keeps its own policies: it would be of no use to them without."""
    await ensured(IamPolicy(name="app", document=READ, aws=access), tmp_path)
    item = IamRole(name="app", trust=TRUST, policies=[f"{ARN}:policy/app"], aws=access)
    await ensured(item, tmp_path)
    async with client("iam", access) as iam:
        if use == "inline policy":
            for number in range(3):
                await iam.put_role_policy(
                    RoleName="app", PolicyName=f"theirs{number}", PolicyDocument=json.dumps(READ)
                )
        else:
            await iam.create_instance_profile(InstanceProfileName="theirs2")
            await iam.add_role_to_instance_profile(InstanceProfileName="theirs2", RoleName="app")

    await unchanged_after_clean(item, way, tmp_path, held=f"{use} theirs2")


async def test_cleaning_an_instance_profile_with_the_role_of_others(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """A role that others have put into it is not taken out."""
    item = InstanceProfile(name="app", role="app", aws=access)
    async with client("iam", access) as iam:
        for name in ("app", "theirs"):
            await iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        await ensured(item, tmp_path)
        await iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
        await iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="theirs")

    said = await unchanged_after_clean(item, way, tmp_path, held="role theirs")

    assert "ensure replaces" in said


async def test_cleaning_a_policy_that_bounds_a_role(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """A policy is also used where it is the boundary of a role's permissions."""
    item = IamPolicy(name="app", document=READ, aws=access)
    await ensured(item, tmp_path)
    async with client("iam", access) as iam:
        await iam.create_role(
            RoleName="theirs",
            AssumeRolePolicyDocument=json.dumps(TRUST),
            PermissionsBoundary=f"{ARN}:policy/app",
        )

    async def listed(asked: Asked) -> web.StreamResponse | None:
        if asked.operation != "ListEntitiesForPolicy":
            return None
        # The server of these tests lists no boundaries.
        role = "<PolicyRoles><member><RoleName>theirs</RoleName></member></PolicyRoles>"
        result = f"<ListEntitiesForPolicyResult>{role}</ListEntitiesForPolicyResult>"
        return web.Response(
            text=f"<ListEntitiesForPolicyResponse>{result}</ListEntitiesForPolicyResponse>"
        )

    way.before = listed
    await unchanged_after_clean(item, way, tmp_path, held="role theirs")


async def test_cleaning_a_policy_that_others_use(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """A policy that is attached elsewhere keeps its versions."""
    item = IamPolicy(name="app", document=READ, aws=access)
    await ensured(item, tmp_path)
    await ensured(item.model_copy(update={"document": allowing("s3:*")}), tmp_path)
    async with client("iam", access) as iam:
        await iam.create_user(UserName="theirs")
        await iam.attach_user_policy(UserName="theirs", PolicyArn=f"{ARN}:policy/app")

    await unchanged_after_clean(item, way, tmp_path, held="user theirs")
