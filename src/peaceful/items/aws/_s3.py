"""The items for a bucket of S3 and an object in it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, ClassVar, Final
from urllib.parse import quote, urlencode

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
    BucketTaken,
    UploadSourceMissing,
)
from peaceful.items.aws._service import Answer, AwsAccess, Service, ServiceName, account, service
from peaceful.items.aws._upload import Upload, abort_uploads, digest_of, uploads_of
from peaceful.items.aws._versions import (
    contents,
    foreign_uploads,
    has_own_versions,
    maker_in,
    mark_of,
    remove_versions,
)

_BUCKET: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", re.ASCII)
_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_CONTENT_TYPE: Final = re.compile(r"[!-~]+(?: +[!-~]+)*", re.ASCII)
_LONGEST_KEY: Final = 1024

_FIRST_REGION: Final = "us-east-1"
"""The default region of S3, which must not be given as a location constraint."""

_REGION_EU: Final = "EU"
"""What old buckets in eu-west-1 say of their region."""

_VERSION_TAG: Final = "version"
"""The name of the tag that holds an object's version."""

_KMS: Final = "aws:kms"

_KEPT: Final = (
    *("CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "Expires"),
    *("WebsiteRedirectLocation", "StorageClass"),
)
"""What else an object tells besides its content, by the names in answers and in requests."""


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


def _is_content_type(value: str) -> str:
    if _CONTENT_TYPE.fullmatch(value) is None:
        raise ValueError("a content type is a text such as text/html; charset=utf-8")
    return value


BucketName = Annotated[str, AfterValidator(_is_bucket)]
ObjectKey = Annotated[str, AfterValidator(_is_key)]
ContentType = Annotated[str, AfterValidator(_is_content_type)]


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

    It is created in the region of `aws`. A bucket in another region can only be replaced
    (`ensure --replace`), since buckets cannot be moved. Cleaning removes it only if it is empty, of
    older versions and unfinished uploads too, so that nothing is lost that others have put into it.

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

    def identity(self) -> str:
        """Return the bucket; there is only one of a name."""
        return f"s3://{self.name}"

    def replaces(self, current: S3BucketState, goal: S3BucketState) -> bool:
        """Return whether it is in another region."""
        return current.present and goal.present and current.region != goal.region

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
            region = "eu-west-1" if region == _REGION_EU else region
        return absent.model_copy(update={"present": True, "region": region})

    async def _ensure(self, s3: Service, current: S3BucketState, goal: S3BucketState) -> None:
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
        if (uploading := await foreign_uploads(s3, self.name)) is not None:
            raise uploading
        try:
            await s3.call("delete_bucket", Bucket=self.name)
        except AwsRefused as refused:
            if refused.reason != "BucketNotEmpty":
                raise
            raise (await contents(s3, self.name) or refused) from refused


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
        content_type: its content type, or None if it is absent.
        old_versions: whether it is deleted, and the bucket keeps versions of it that an `S3Object`
            made, or nothing but delete markers; None if that is not known.
    """

    bucket: str
    key: str
    present: bool
    size: int | None = None
    checksum: str | None = None
    etag: str | None = None
    uploads: int = 0
    version: str | None = None
    content_type: str | None = None
    old_versions: bool | None = False

    def __str__(self) -> str:
        version = "" if self.version is None else f"version {self.version}, "
        what = f"{version}{size(self.size or 0)}" if self.present else "absent"
        what = f"{what}, partly uploaded" if self.uploads else what
        return f"{what}, with old versions" if self.old_versions else what


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

    Another object of the same key is replaced; its tags stay. Where an `S3Object` made the one that
    is there, what else was set on it stays, too: metadata, headers, storage class, KMS key.

    Cleaning removes the object and all of its unfinished multipart uploads. In a bucket that keeps
    versions, it removes all versions that an `S3Object` made for this key; those of others stay,
    under a delete marker.

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
    takes_over: ClassVar[bool] = True
    _change: ClassVar[str] = "the upload"

    bucket: BucketName
    key: ObjectKey
    file: Path
    content_type: ContentType = "application/octet-stream"
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
            content_type=self.content_type,
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

    def identity(self) -> str:
        """Return the object."""
        return f"s3://{self.bucket}/{self.key}"

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
            if current.content_type != goal.content_type:
                changes.append(fact_change("content_type", current.content_type, goal.content_type))
        # An unfinished upload will be resumed, so it is no difference of its own.
        if current.uploads and not goal.present:
            changes.append(Change("uploads", current.uploads, 0))
        if current.old_versions is not False and not goal.present:
            found = "some" if current.old_versions else "unknown"
            changes.append(Change("old_versions", current.old_versions, False, found, "none"))
        return diff_of(changes)

    async def _read(self, s3: Service, absent: S3ObjectState) -> S3ObjectState:
        uploads = await uploads_of(s3, self.bucket, self.key)
        try:
            head = await self._head(s3)
            version = None if self.version is None else (await self._tags(s3)).get(_VERSION_TAG)
        except AwsMissing as missing:
            old = missing.delete_marker and await self._has_old_versions(s3)
            return absent.model_copy(update={"uploads": len(uploads), "old_versions": old})
        encrypted = str(head.get("ServerSideEncryption", "")).startswith(_KMS)
        return S3ObjectState(
            bucket=self.bucket,
            key=self.key,
            present=True,
            size=head["ContentLength"],
            checksum=head.get("ChecksumSHA256"),
            etag=None if encrypted else str(head["ETag"]).strip('"'),
            uploads=len(uploads),
            version=version,
            content_type=head.get("ContentType"),
        )

    async def _ensure(self, s3: Service, current: S3ObjectState, goal: S3ObjectState) -> None:
        assert goal.size is not None
        tags = await self._tags(s3) if current.present else {}
        if not current.present or _content_changes(current, goal):
            # Else it would go on telling the version of another content.
            tags.pop(_VERSION_TAG, None)
            upload = await self._upload(s3, current, tags)
            await upload.run(goal.size, goal.checksum)
            # The upload of an earlier run, which had other parameters, may have been resumed.
            current = await self._read(s3, await self.state_clean(s3.ctx))
        if current.content_type != goal.content_type:
            upload = await self._upload(s3, current, tags, there=True)
            await upload.run(goal.size, goal.checksum, there=True)
        if self.version is not None:
            tags[_VERSION_TAG] = self.version
        if tags and tags != await self._tags(s3):
            listed = [{"Key": name, "Value": value} for name, value in tags.items()]
            await s3.call("put_object_tagging", **self._target, Tagging={"TagSet": listed})

    async def _remove(self, s3: Service, current: S3ObjectState) -> None:
        await abort_uploads(s3, self.bucket, self.key)
        keeps_versions = current.old_versions is not False
        if current.present:
            answer = await s3.call("delete_object", **self._target)
            keeps_versions = "VersionId" in answer
        if keeps_versions:
            await remove_versions(s3, self.bucket, self.key)

    @property
    def _target(self) -> dict[str, object]:
        return {"Bucket": self.bucket, "Key": self.key}

    async def _head(self, s3: Service) -> Answer:
        return await s3.call("head_object", **self._target, ChecksumMode="ENABLED")

    async def _tags(self, s3: Service) -> dict[str, str]:
        try:
            answer = await s3.call("get_object_tagging", **self._target)
        except AwsRefused as refused:
            if refused.reason != "NotImplemented":
                raise
            return {}  # The server has no tags.
        return {str(tag["Key"]): str(tag["Value"]) for tag in answer["TagSet"]}

    async def _has_old_versions(self, s3: Service) -> bool | None:
        try:
            return await has_own_versions(s3, self.bucket, self.key)
        except AwsDenied:
            return None  # Only cleaning needs to know, and says then what it may not.

    async def _upload(
        self, s3: Service, current: S3ObjectState, tags: Mapping[str, str], *, there: bool = False
    ) -> Upload:
        """Return an upload that keeps tags, and what others have set on the same object.

        That is one whose content is `there`, or one that an item has made.
        """
        head = await self._head(s3) if current.present else {}
        kept: dict[str, object] = {}
        metadata = mark_of(self.bucket, self.key, s3.ctx)
        if there or maker_in(head, self.bucket, self.key) is not None:
            kept = {name: head.get(name) for name in _KEPT}
            metadata = {**head.get("Metadata", {}), **metadata}
            if str(head.get("ServerSideEncryption", "")).startswith(_KMS):
                kept |= {name: head.get(name) for name in ("ServerSideEncryption", "SSEKMSKeyId")}
        if self.version is not None:
            tags = {**tags, _VERSION_TAG: self.version}
        properties = {
            **kept,
            "ContentType": self.content_type,
            "Metadata": metadata,
            "Tagging": urlencode(tags, quote_via=quote) or None,
        }
        return Upload(s3, self.bucket, self.key, self.file, properties)


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
