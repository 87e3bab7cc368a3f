"""Buckets that keep versions: what an item made is removed; what others made stays, is named."""

from __future__ import annotations

import tempfile
import uuid
from pathlib import Path
from typing import Any

import pytest
from aiohttp import ClientSession, web
from aws_server import Asked, Way, refusal
from aws_stack import client
from example_counts import examples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interrupt_countdown import Countdown
from yarl import URL

from peaceful import ItemStatus
from peaceful.commands import Complete
from peaceful.items.aws import AwsAccess, S3Bucket, S3Object, S3ObjectState
from peaceful.items.aws._errors import AwsDenied, BucketNotEmpty
from peaceful.testing import ItemHarness

KEY = "app"


class Life:
    """A bucket that keeps versions, an object in it, and others who use both."""

    def __init__(self, access: AwsAccess, folder: Path, bucket: str = "app-releases") -> None:
        self.access, self.folder, self.file = access, folder, folder / "file"
        self.file.write_bytes(b"ours")
        self.name = bucket
        self.there = {"Bucket": bucket, "Key": KEY}
        self.bucket = ItemHarness(S3Bucket(name=bucket, aws=access), folder)
        self.object: ItemHarness[S3ObjectState] = ItemHarness(
            S3Object(bucket=bucket, key=KEY, file=self.file, aws=access), folder
        )

    async def begin(self, versioning: str = "Enabled") -> None:
        """Make the bucket, which keeps versions from now on."""
        await self.bucket.result_of("ensure")
        await self.keep_versions(versioning)

    async def keep_versions(self, status: str) -> None:
        """Switch versions on, or off again."""
        async with client("s3", self.access) as s3:
            await s3.put_bucket_versioning(
                Bucket=self.name, VersioningConfiguration={"Status": status}
            )

    async def deploy(self, content: str) -> None:
        """Upload another content."""
        self.file.write_text(content)
        assert (await self.object.result_of("ensure")).status is ItemStatus.DONE

    async def entries(self) -> dict[str, list[str]]:
        """The IDs of all versions and delete markers in the bucket."""
        async with client("s3", self.access) as s3:
            listed: dict[str, Any] = await s3.list_object_versions(Bucket=self.name)
        return {
            kind: [one["VersionId"] for one in listed.get(kind, ())]
            for kind in ("Versions", "DeleteMarkers")
        }

    async def cleaned(self) -> tuple[ItemStatus, ItemStatus]:
        """How cleaning the object ends, and then again."""
        first = await self.object.result_of("clean")
        return first.status, (await self.object.result_of("clean")).status

    async def not_empty(self) -> BucketNotEmpty:
        """Why the bucket cannot be removed."""
        with pytest.raises(BucketNotEmpty) as caught:
            await self.bucket.result_of("clean")
        return caught.value


DONE = (ItemStatus.DONE, ItemStatus.UNCHANGED)


@pytest.fixture
def life(access: AwsAccess, tmp_path: Path) -> Life:
    """A bucket and an object, not made yet."""
    return Life(access, tmp_path)


async def test_all_that_was_made_is_removed(life: Life) -> None:
    """Versions, and markers of the item's own and of others over them, are gone with the object."""
    await life.begin()
    await life.deploy("one")
    await life.deploy("two")
    async with client("s3", life.access) as s3:
        await s3.delete_object(**life.there)
    await life.deploy("three")

    assert await life.cleaned() == DONE

    assert await life.entries() == {"Versions": [], "DeleteMarkers": []}
    assert (await life.bucket.result_of("clean")).status is ItemStatus.DONE


async def test_a_deleted_object_leaves_its_versions(life: Life) -> None:
    """Where somebody has deleted the object, its old versions are known of, and removed."""
    await life.begin()
    await life.deploy("one")
    async with client("s3", life.access) as s3:
        await s3.delete_object(**life.there)

    current, _ = await life.object.states()

    assert str(current) == "absent, with old versions"
    assert await life.cleaned() == DONE
    assert await life.entries() == {"Versions": [], "DeleteMarkers": []}


@pytest.mark.parametrize("versioning", ["Enabled", "Suspended"])
async def test_what_was_made_before_versions_were_kept(life: Life, versioning: str) -> None:
    """A bucket may begin to keep versions, and cease, at any time."""
    await life.bucket.result_of("ensure")
    await life.deploy("before")
    await life.keep_versions("Enabled")
    await life.deploy("one")
    await life.keep_versions(versioning)

    assert await life.cleaned() == DONE

    assert await life.entries() == {"Versions": [], "DeleteMarkers": []}


async def test_versions_of_others_stay(life: Life) -> None:
    """Versions of the same key that others made, before or after, stay; none comes to light."""
    await life.begin()
    async with client("s3", life.access) as s3:
        theirs = [(await s3.put_object(**life.there, Body=b"theirs 1"))["VersionId"]]
        await life.deploy("one")
        theirs += [(await s3.put_object(**life.there, Body=b"theirs 2"))["VersionId"]]
        await life.deploy("two")

        assert await life.cleaned() == DONE

        entries = await life.entries()
        assert set(entries["Versions"]) == set(theirs)
        assert len(entries["DeleteMarkers"]) == 1
        error = await life.not_empty()
        assert "older versions of objects, or delete markers" in error.message
        assert ("it holds", "app (2 older versions, 1 delete marker)") in error.details
        assert ("made by", "app: others") in error.details
        assert f"list-object-versions --bucket {life.name}" in error.help
        # Once they have removed theirs, what is left of the item's goes as well.
        for version in theirs:
            await s3.delete_object(**life.there, VersionId=version)
    assert await life.cleaned() == DONE
    assert (await life.bucket.result_of("clean")).status is ItemStatus.DONE


async def test_a_copy_to_another_key_is_not_the_items(life: Life) -> None:
    """A mark that was copied along with an object says nothing of the copy."""
    await life.begin()
    await life.deploy("one")
    async with client("s3", life.access) as s3:
        await s3.copy_object(Bucket=life.name, Key="copy", CopySource=life.there)
    copy = S3Object(bucket=life.name, key="copy", file=life.file, aws=life.access)

    await life.object.result_of("clean")
    await ItemHarness(copy, life.folder).result_of("clean")

    error = await life.not_empty()
    assert ("it holds", "copy (1 older version, 1 delete marker)") in error.details


async def test_longer_keys_stay(life: Life) -> None:
    """Objects whose keys begin alike are left alone."""
    await life.begin()
    await life.deploy("one")
    async with client("s3", life.access) as s3:
        await s3.put_object(Bucket=life.name, Key=f"{KEY}le", Body=b"")
        await s3.delete_object(Bucket=life.name, Key=f"{KEY}le")

    assert await life.cleaned() == DONE

    entries = await life.entries()
    assert [len(each) for each in entries.values()] == [1, 1]


async def test_a_history_of_many_pages(life: Life, way: Way, aws_address: str) -> None:
    """However many pages the versions are listed in, each is seen."""
    await life.begin()
    async with client("s3", life.access) as s3, ClientSession() as session:
        for number in range(3):
            await life.deploy(f"ours {number}")
            await s3.put_object(**life.there, Body=b"theirs")
            await s3.delete_object(**life.there)

        async def paged(asked: Asked) -> web.StreamResponse | None:
            if "versions" not in asked.path:
                return None
            url = URL(f"{aws_address}{asked.path}&max-keys=2", encoded=True)
            async with session.get(url) as answer:
                return web.Response(text=await answer.text(), content_type="application/xml")

        way.before = paged
        assert await life.cleaned() == DONE
        assert len([each for each in way.asked if "marker" in each.path]) > 3
    way.before = None
    assert [len(each) for each in (await life.entries()).values()] == [3, 3]


async def test_whose_the_versions_are(life: Life) -> None:
    """Where versions are left that an item made, it is named."""
    await life.begin()
    await life.deploy("one")
    async with client("s3", life.access) as s3:
        await s3.delete_object(**life.there)
        await s3.put_object(Bucket=life.name, Key="notes", Body=b"")

    error = await life.not_empty()

    assert error.message == f"The bucket {life.name} holds objects that do not belong to this flow."
    assert dict(error.details) == {
        "it holds": "app (1 older version, 1 delete marker), notes",
        "made by": "app: the item test/test/item, notes: others",
    }


@pytest.mark.parametrize(
    ("asked_for", "operation", "needed"),
    [
        ("versions", "s3:ListObjectVersions", "s3:ListBucketVersions"),
        ("versionId", "s3:HeadObject", "s3:GetObjectVersion"),
    ],
)
async def test_versions_that_may_not_be_looked_at(
    life: Life, way: Way, asked_for: str, operation: str, needed: str
) -> None:
    """Only cleaning fails without the permission, and says which it needs."""
    await life.begin()
    await life.deploy("one")
    async with client("s3", life.access) as s3:
        await s3.delete_object(**life.there)

    async def denied(asked: Asked) -> web.StreamResponse | None:
        return refusal(403, "AccessDenied") if asked_for in asked.path else None

    way.before = denied
    assert str(await life.object.difference()) == "+ object: 3 B"
    with pytest.raises(AwsDenied, match=operation) as caught:
        await life.object.result_of("clean")
    assert f"let its policies allow {needed}, " in caught.value.help
    if asked_for == "versionId":
        assert ("made by", "app: not known") in (await life.not_empty()).details
    await life.deploy("two")


async def test_a_server_without_versions(life: Life, way: Way) -> None:
    """Where the server knows no versions, the objects in the bucket are named all the same."""
    await life.bucket.result_of("ensure")
    async with client("s3", life.access) as s3:
        await s3.put_object(Bucket=life.name, Key="notes", Body=b"")

    async def unknown(asked: Asked) -> web.StreamResponse | None:
        return refusal(501, "NotImplemented") if "versions" in asked.path else None

    way.before = unknown
    assert dict((await life.not_empty()).details) == {"it holds": "notes"}


async def test_unfinished_uploads_of_others(life: Life) -> None:
    """A bucket into which others upload something is not removed with what they have sent."""
    await life.begin()
    async with client("s3", life.access) as s3:
        begun = await s3.create_multipart_upload(Bucket=life.name, Key="theirs")

        error = await life.not_empty()

        assert "unfinished uploads" in error.message
        assert error.details == (("it holds", "theirs"),)
        await s3.abort_multipart_upload(Bucket=life.name, Key="theirs", UploadId=begun["UploadId"])
    assert (await life.bucket.result_of("clean")).status is ItemStatus.DONE


@pytest.mark.parametrize("question", range(1, 14))
async def test_interrupted_anywhere(life: Life, countdown: Countdown, question: int) -> None:
    """Interrupted at any moment and resumed, cleaning leaves nothing, and no version reappears."""
    await life.begin()
    async with client("s3", life.access) as s3:
        await s3.put_object(**life.there, Body=b"theirs")
        await life.deploy("one")
        await life.deploy("two")
        countdown.arm(life.object.sender, question)
        outcome = await life.object.clean()
        countdown.disarm()
        if not isinstance(outcome, Complete):
            current, _ = await life.object.states()
            assert current is not None
            assert not current.present or len((await life.entries())["Versions"]) == 3
        await life.object.result_of("clean")
        assert [len(each) for each in (await life.entries()).values()] == [1, 1]


@settings(examples(4, soak=100), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(["deploy", "their upload", "their deletion"]), max_size=6))
async def test_any_history(access: AwsAccess, history: list[str]) -> None:
    """Whatever happened: cleaned up, the versions of others are there, and those alone."""
    with tempfile.TemporaryDirectory() as folder:
        life = Life(access, Path(folder), f"history-{uuid.uuid4()}")
        await life.begin()
        theirs: set[str] = set()
        async with client("s3", access) as s3:
            for number, event in enumerate(history):
                match event:
                    case "deploy":
                        await life.deploy(f"ours {number}")
                    case "their upload":
                        answer = await s3.put_object(**life.there, Body=f"theirs {number}".encode())
                        theirs.add(answer["VersionId"])
                    case _:
                        await s3.delete_object(**life.there)

        status, again = await life.cleaned()

        assert again is ItemStatus.UNCHANGED
        assert status is ItemStatus.DONE or "deploy" not in history
        entries = await life.entries()
        assert set(entries["Versions"]) == theirs
        if not theirs:
            assert entries["DeleteMarkers"] == []
            await life.bucket.result_of("clean")
