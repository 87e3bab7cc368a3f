"""The items for a bucket of S3 and an object in it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final

from pydantic import AfterValidator, Field

from peaceful._aio import run_in_thread
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff, diff_of, fact_change
from peaceful._model.location import Interaction, Location, Push, Within
from peaceful._present.numbers import size
from peaceful.items.aws._base import AwsItem, AwsState
from peaceful.items.aws._errors import (
    AwsDenied,
    AwsMissing,
    AwsRefused,
    AwsRegionUnknown,
    BucketNotEmpty,
    BucketTaken,
    UploadSourceMissing,
)
from peaceful.items.aws._service import AwsAccess, Service, ServiceName, account, service
from peaceful.items.aws._upload import Upload, abort_uploads, digest_of, uploads_of

_BUCKET: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", re.ASCII)
_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_LONGEST_KEY: Final = 1024

_FIRST_REGION: Final = "us-east-1"
"""The default region of S3, which must not be given as a location constraint."""

_NAMED: Final = 5
"""The most objects that an error names."""

_VERSION_TAG: Final = "version"
"""The name of the tag that holds an object's version."""


def _is_bucket(value: str) -> str:
    if _BUCKET.fullmatch(value) is None or _ADDRESS.fullmatch(value):
        raise ValueError(
            "the name of a bucket has 3 to 63 lower-case letters, digits, dots and hyphens, begins "
            "and ends with a letter or digit, and does not look like an IP address"
        )
    return value


def _is_key(value: str) -> str:
    if not value or len(value.encode()) > _LONGEST_KEY:
        raise ValueError("the key of an object has 1 to 1024 bytes")
    return value


BucketName = Annotated[str, AfterValidator(_is_bucket)]
ObjectKey = Annotated[str, AfterValidator(_is_key)]


def _bucket_location(bucket: str) -> Location:
    """Return the place of a bucket in diagrams."""
    return Location.path(bucket, Location.group("S3", Location.group("AWS")))


class S3BucketState(AwsState):
    """The state of a bucket, which may be absent.

    Attributes:
        name: its name; known from the start, so that other items can refer to it.
        present: whether it exists in the account.
        region: its region, or None if it is absent.
    """

    name: str
    present: bool
    region: str | None = None

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        return "present" if self.region is None else f"present in {self.region}"


class S3Bucket(AwsItem[S3BucketState]):
    """An S3 bucket that belongs to the account. Needs the extra `aws`.

    It is created in the region of `aws`. An existing bucket in another region is an error, since
    buckets cannot be moved. Cleaning removes it only if it is empty, so that nothing is lost that
    others have put into it.

    Attributes:
        name: its name, which is unique among all AWS accounts.
        aws: access to AWS.
    """

    _service: ClassVar[ServiceName] = "s3"
    _what: ClassVar[str] = "bucket"

    name: BucketName
    aws: AwsAccess = AwsAccess()

    async def state_goal(self, ctx: ItemCtx) -> S3BucketState:
        """Return the bucket in the region of the access."""
        async with service("s3", self.aws, ctx) as s3:
            return S3BucketState(name=self.name, present=True, region=s3.region)

    async def state_clean(self, ctx: ItemCtx) -> S3BucketState:
        """Return that the bucket is absent."""
        return S3BucketState(name=self.name, present=False)

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item works within S3."""
        return (Within(_bucket_location(self.name)),)

    def state_example(self) -> S3BucketState:
        """Return the bucket in the access's region, or in the default one."""
        return S3BucketState(name=self.name, present=True, region=self.aws.region or _FIRST_REGION)

    @property
    def _name(self) -> str:
        return self.name

    async def _read(self, s3: Service, absent: S3BucketState) -> S3BucketState:
        owner = await account(self.aws, s3.ctx)
        try:
            head = await s3.call("head_bucket", Bucket=self.name, ExpectedBucketOwner=owner.id)
        except AwsDenied as denied:
            raise BucketTaken(self.name, owner.caller) from denied
        region = head.get("BucketRegion")
        if not region:
            answer = await s3.call("get_bucket_location", Bucket=self.name)
            region = answer.get("LocationConstraint") or _FIRST_REGION
        return absent.model_copy(update={"present": True, "region": region})

    async def _ensure(self, s3: Service, current: S3BucketState, goal: S3BucketState) -> None:
        if current.present:
            raise AwsRegionUnknown(
                f"The bucket {self.name} is in {current.region}, and should be in "
                f"{goal.region}: buckets cannot be moved.",
                help=f"give the region {current.region}, or clean the bucket first, or choose "
                "another name",
            )
        place = None if s3.region == _FIRST_REGION else {"LocationConstraint": s3.region}
        try:
            await s3.call("create_bucket", Bucket=self.name, CreateBucketConfiguration=place)
        except AwsRefused as refused:
            if refused.reason == "BucketAlreadyExists":
                owner = await account(self.aws, s3.ctx)
                raise BucketTaken(self.name, owner.caller) from refused
            # Created by an attempt whose answer was lost.
            if refused.reason != "BucketAlreadyOwnedByYou":
                raise

    async def _remove(self, s3: Service, current: S3BucketState) -> None:
        try:
            await s3.call("delete_bucket", Bucket=self.name)
        except AwsRefused as refused:
            if refused.reason != "BucketNotEmpty":
                raise
            answer = await s3.call("list_objects_v2", Bucket=self.name, MaxKeys=_NAMED)
            keys = tuple(str(one["Key"]) for one in answer.get("Contents", ()))
            raise BucketNotEmpty(self.name, keys, more=bool(answer.get("IsTruncated"))) from refused


class S3ObjectState(AwsState):
    """The state of an object in a bucket, which may be absent.

    Attributes:
        bucket: the name of the bucket.
        key: its key.
        present: whether it exists.
        size: its size in bytes, or None if it is absent.
        checksum: its SHA-256 in base64, as S3 computes it: for a multipart object, the SHA-256 of
            the parts' SHA-256, a hyphen, and the number of parts. None if S3 does not tell.
        etag: its entity tag, or None if that does not depend on the content only.
        uploads: the number of its unfinished multipart uploads.
        version: the version that it is tagged with, if the item gives one.
    """

    bucket: str
    key: str
    present: bool
    size: int | None = None
    checksum: str | None = None
    etag: str | None = None
    uploads: int = 0
    version: str | None = None

    def __str__(self) -> str:
        version = "" if self.version is None else f"version {self.version}, "
        what = f"{version}{size(self.size or 0)}" if self.present else "absent"
        return f"{what}, partly uploaded" if self.uploads else what


class S3Object(AwsItem[S3ObjectState]):
    """An S3 object with the content of a local file. Needs the extra `aws`.

    ```python
    bucket = flow.add("bucket", S3Bucket(name="app-releases"))
    upload = flow.add(
        "upload", S3Object(bucket=bucket.state.name, key="app.tar", file=archive.state.path)
    )
    flow.contains(bucket, upload)
    ```

    A large file is uploaded in parts, several at a time. An interrupt ends that at once; the next
    run compares the uploaded parts by checksum, and resumes with the missing ones. Object and file
    are compared by SHA-256, or by `ETag` with servers that keep no other checksum.

    As long as an earlier item has not produced the file, the goal is unknown. To see even then that
    a new version is due, give `version`: the object is tagged with it.

    Cleaning removes the object and all of its unfinished multipart uploads.

    Attributes:
        bucket: the name of the bucket.
        key: its key in the bucket.
        file: the file.
        content_type: the content type that S3 sends with it, such as `application/gzip`.
        version: the release that the file belongs to, such as `1.2`.
        aws: access to AWS.
    """

    _service: ClassVar[ServiceName] = "s3"
    _what: ClassVar[str] = "object"
    _change: ClassVar[str] = "the upload"

    bucket: BucketName
    key: ObjectKey
    file: Path
    content_type: str = "application/octet-stream"
    version: Annotated[str, Field(min_length=1, max_length=256)] | None = None
    aws: AwsAccess = AwsAccess()

    async def state_goal(self, ctx: ItemCtx) -> S3ObjectState:
        """Compute the checksums of the file; raise `UploadSourceMissing` if there is none."""
        digest = await run_in_thread(digest_of, self.file, ctx)
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=digest.size,
            checksum=digest.checksum,
            etag=digest.etag,
            version=self.version,
        )

    async def try_state_goal(self, ctx: ItemCtx) -> S3ObjectState | None:
        """Return the goal, or None if an earlier item may still produce the file."""
        try:
            return await self.state_goal(ctx)
        except UploadSourceMissing:
            return None

    async def state_clean(self, ctx: ItemCtx) -> S3ObjectState:
        """Return that there is no object, nor any part of one."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=False)

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item pushes from the file to the bucket."""
        source = Location.path(str(self.file), Location.host("localhost"))
        return (Push(source, Location.path(self.key, _bucket_location(self.bucket))),)

    def state_example(self) -> S3ObjectState:
        """Return an object of five megabytes."""
        return S3ObjectState(bucket=self.bucket, key=self.key, present=True, size=5_000_000)

    @property
    def _name(self) -> str:
        return self.key

    def diff(self, current: S3ObjectState, goal: S3ObjectState) -> StateDiff | None:
        """Compare existence, or version and content as far as both states know them."""
        changes: list[Change] = []
        if current.present != goal.present:
            shown = (str(current) if current.present else "", str(goal) if goal.present else "")
            before = current.model_dump(mode="json") if current.present else None
            after = goal.model_dump(mode="json") if goal.present else None
            changes.append(Change("object", before, after, *shown))
        elif goal.present:
            if goal.version not in {None, current.version}:
                changes.append(fact_change("version", current.version, goal.version))
            changes.extend(_content_changes(current, goal))
        # An unfinished upload will be resumed, so it is no difference of its own.
        if current.uploads and not goal.present:
            changes.append(Change("uploads", current.uploads, 0))
        return diff_of(changes)

    async def _read(self, s3: Service, absent: S3ObjectState) -> S3ObjectState:
        uploads = await uploads_of(s3, self.bucket, self.key)
        try:
            head = await s3.call(
                "head_object", Bucket=self.bucket, Key=self.key, ChecksumMode="ENABLED"
            )
            version = await self._version(s3)
        except AwsMissing:
            return absent.model_copy(update={"uploads": len(uploads)})
        encrypted = str(head.get("ServerSideEncryption", "")).startswith("aws:kms")
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=head["ContentLength"],
            checksum=head.get("ChecksumSHA256"),
            etag=None if encrypted else str(head["ETag"]).strip('"'),
            uploads=len(uploads),
            version=version,
        )

    async def _ensure(self, s3: Service, current: S3ObjectState, goal: S3ObjectState) -> None:
        if not current.present or _content_changes(current, goal):
            assert goal.size is not None
            upload = Upload(s3, self.bucket, self.key, self.file, self.content_type)
            await upload.run(goal.size, goal.checksum)
        if goal.version is not None:
            tags = {"TagSet": [{"Key": _VERSION_TAG, "Value": goal.version}]}
            await s3.call("put_object_tagging", Bucket=self.bucket, Key=self.key, Tagging=tags)

    async def _remove(self, s3: Service, current: S3ObjectState) -> None:
        await abort_uploads(s3, self.bucket, self.key)
        await s3.call("delete_object", Bucket=self.bucket, Key=self.key)

    async def _version(self, s3: Service) -> str | None:
        if self.version is None:
            return None
        answer = await s3.call("get_object_tagging", Bucket=self.bucket, Key=self.key)
        return {tag["Key"]: str(tag["Value"]) for tag in answer["TagSet"]}.get(_VERSION_TAG)


def _content_changes(current: S3ObjectState, goal: S3ObjectState) -> list[Change]:
    changes: list[Change] = []
    if current.size != goal.size:
        shown = (size(current.size or 0), size(goal.size or 0))
        changes.append(Change("size", current.size, goal.size, *shown))
    if current.checksum is not None and goal.checksum is not None:
        # Some servers leave out how many parts there were.
        if current.checksum not in {goal.checksum, goal.checksum.partition("-")[0]}:
            changes.append(Change("checksum", current.checksum, goal.checksum))
    elif current.etag != goal.etag:
        changes.append(fact_change("etag", current.etag, goal.etag))
    return changes
