"""Every parameter that an item declares is looked at, compared, changed, and reads back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
from aws_server import Way
from aws_stack import MEBIBYTE, READ, TRUST, allowing, client

from peaceful import ItemStatus
from peaceful._item.item import AnyItem
from peaceful.items.aws import (
    AwsAccess,
    IamPolicy,
    IamRole,
    InstanceProfile,
    S3Bucket,
    S3Object,
    _upload,
)
from peaceful.testing import ItemHarness

OTHER_TRUST: Final[dict[str, object]] = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
    ],
}
ARN: Final = "arn:aws:iam::123456789012"


@dataclass(frozen=True)
class Declared:
    """What a parameter is changed to.

    Attributes:
        value: what it is changed to; None for how AWS is reached, which says nothing of the thing.
        fields: where the states differ then: in the fields of a state, or in being there at all,
            because another thing is meant.
        refused: what the error says, if AWS has no way to change it.
    """

    value: object
    fields: tuple[str, ...]
    refused: str = ""


ITEMS: Final[Mapping[type[AnyItem], tuple[dict[str, object], dict[str, Declared]]]] = {
    S3Bucket: (
        {"name": "app-releases"},
        {
            "name": Declared("another", ("bucket",)),
            "aws": Declared(
                {"region": "eu-west-1"},
                ("region",),
                refused="only removed and made anew: region: eu-central-1 → eu-west-1",
            ),
        },
    ),
    S3Object: (
        {
            "bucket": "made",
            "key": "app",
            "file": Path("one"),
            "version": "1",
            "content_type": "text/plain",
        },
        {
            "bucket": Declared("made-too", ("object",)),
            "key": Declared("another", ("object",)),
            "file": Declared(Path("two"), ("size", "checksum")),
            "content_type": Declared("text/html; charset=utf-8", ("content_type",)),
            "version": Declared("2", ("version",)),
            "aws": Declared(None, ()),
        },
    ),
    IamPolicy: (
        {"name": "app", "document": READ},
        {
            "name": Declared("another", ("policy",)),
            "document": Declared(allowing("s3:PutObject"), ("document.Statement[0].Action",)),
            "path": Declared("/apps/", ("policy",)),
            "aws": Declared(None, ()),
        },
    ),
    IamRole: (
        {"name": "app", "trust": TRUST, "policies": [f"{ARN}:policy/one"]},
        {
            "name": Declared("another", ("role",)),
            "trust": Declared(OTHER_TRUST, ("trust.Statement[0].Principal.Service",)),
            "policies": Declared([f"{ARN}:policy/two"], ("policies[0]",)),
            "path": Declared("/apps/", (), refused="is there, but not under the path"),
            "aws": Declared(None, ()),
        },
    ),
    InstanceProfile: (
        {"name": "app", "role": "one"},
        {
            "name": Declared("another", ("instance_profile",)),
            "role": Declared("two", ("role",)),
            "path": Declared("/apps/", (), refused="is there, but not under the path"),
            "aws": Declared(None, ()),
        },
    ),
}


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is uploaded."""
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two"):
        Path(name).write_text(name * ord(name[0]))


@pytest.fixture(autouse=True)
async def surroundings(access: AwsAccess, files: None) -> None:
    """What the items name in AWS, and do not make."""
    async with client("iam", access) as iam, client("s3", access) as s3:
        for name in ("one", "two"):
            await iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT)
            await iam.create_role(RoleName=name, AssumeRolePolicyDocument=DOCUMENT)
        for bucket in ("made", "made-too"):
            await s3.create_bucket(
                Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"}
            )


def test_all_items_and_parameters_are_here() -> None:
    """No parameter of any item is left out."""
    import peaceful.items.aws as module

    kinds = [getattr(module, name) for name in module.__all__]
    assert set(ITEMS) == {each for each in kinds if hasattr(each, "state_goal")}
    for kind, (_, declared) in ITEMS.items():
        assert set(kind.model_fields) == set(declared)


@pytest.mark.parametrize(
    ("kind", "parameter"), [(kind, name) for kind, (_, fields) in ITEMS.items() for name in fields]
)
async def test_a_parameter(
    access: AwsAccess, tmp_path: Path, kind: type[AnyItem], parameter: str
) -> None:
    """A change is shown as such and no other, made, and found to be made."""
    given, changes = ITEMS[kind]
    change = changes[parameter]
    before = kind.model_validate({**given, "aws": access})
    assert (await ItemHarness(before, tmp_path).result_of("ensure")).status is ItemStatus.DONE
    if parameter == "aws":
        value: object = access.model_copy(update=change.value or {"timeout": 19, "patience": 9})  # type: ignore[arg-type]  # a mapping
    else:
        value = change.value
    harness = ItemHarness(before.model_copy(update={parameter: value}), tmp_path)
    if change.fields:
        diff = await harness.difference()
        assert diff is not None
        assert tuple(each.field for each in diff.changes) == change.fields
    if change.refused:
        with pytest.raises(Exception, match=change.refused):
            await harness.result_of("ensure")
        return
    expected = ItemStatus.DONE if change.fields else ItemStatus.UNCHANGED
    assert (await harness.result_of("ensure")).status is expected
    assert await harness.difference() is None
    current, goal = await harness.states()
    assert current is not None
    assert goal is not None
    shown = goal.model_dump(exclude={"version", "etag", "checksum"})
    assert current.model_dump(include=set(shown)) == shown


@pytest.mark.parametrize("size", [1000, 11 * MEBIBYTE])
async def test_another_content_type(
    access: AwsAccess, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    """It changes the object, whose content is the same; a large one is not sent again."""
    monkeypatch.setattr(_upload, "_PART", 5 * MEBIBYTE)
    file = tmp_path / "file"
    file.write_bytes(os.urandom(size))
    item = S3Object(bucket="made", key="app", file=file, aws=access)
    await ItemHarness(item, tmp_path).result_of("ensure")
    way.asked.clear()

    harness = ItemHarness(item.model_copy(update={"content_type": "text/css"}), tmp_path)

    assert str(await harness.difference()) == "content_type: application/octet-stream → text/css"
    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    assert sum(len(each.body) for each in way.asked) < 3000
    async with client("s3", access) as s3:
        found = await s3.get_object(Bucket="made", Key="app")
        assert found["ContentType"] == "text/css"
        assert await found["Body"].read() == file.read_bytes()


async def test_an_upload_that_was_begun_with_another_content_type(
    access: AwsAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A resumed upload ends with what is declared now."""
    monkeypatch.setattr(_upload, "_PART", 5 * MEBIBYTE)
    file = tmp_path / "file"
    file.write_bytes(os.urandom(6 * MEBIBYTE))
    async with client("s3", access) as s3:
        begun = await s3.create_multipart_upload(
            Bucket="made", Key="app", ContentType="text/plain", ChecksumAlgorithm="SHA256"
        )
    item = S3Object(bucket="made", key="app", file=file, content_type="text/css", aws=access)

    harness = ItemHarness(item, tmp_path)

    assert (await harness.result_of("ensure")).status is ItemStatus.DONE
    current, _ = await harness.states()
    assert begun["UploadId"]
    assert current is not None
    assert (current.content_type, current.uploads) == ("text/css", 0)


DOCUMENT = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
)
