"""Versions of objects: which of them an `S3Object` has made, and what else is in a bucket."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from typing import Final

from peaceful._item.ctx import ItemCtx
from peaceful._present.text import count
from peaceful.items.aws._errors import AwsDenied, AwsRefused, BucketNotEmpty
from peaceful.items.aws._service import Answer, Service

_MARK: Final = "peaceful"
"""The entry of an object's metadata that says which item has made it."""

_VERSION_MARKERS: Final = {"KeyMarker": "NextKeyMarker", "VersionIdMarker": "NextVersionIdMarker"}

_LOOKED_AT: Final = 100
_NAMED: Final = 5
"""The most keys that an error names."""

_ITEM: Final = "the item"
_ONLY_HIDDEN: Final = "older versions of objects, or delete markers,"
_ABOUT_VERSIONS: Final = (
    "clean the items that made them, which removes their versions; delete what others made by its "
    "version ID, as listed by: aws s3api list-object-versions --bucket {bucket}"
)


def mark_of(bucket: str, key: str, ctx: ItemCtx) -> Mapping[str, str]:
    """Return the metadata by which a version is known to be made by an item for this very key.

    A copy to another key carries it along, and is not the item's for all that.
    """
    return {_MARK: f"{_fingerprint(bucket, key)} {ctx.profile}/{ctx.flow}/{ctx.item}"}


def maker_in(head: Answer, bucket: str, key: str) -> str | None:
    """Return which item has made an object: profile, flow and item; None if others have."""
    mark = str(head.get("Metadata", {}).get(_MARK, ""))
    fingerprint, _, maker = mark.partition(" ")
    return maker if fingerprint == _fingerprint(bucket, key) else None


def _fingerprint(bucket: str, key: str) -> str:
    return hashlib.sha256(f"{bucket}/{key}".encode()).hexdigest()[:16]


async def has_own_versions(s3: Service, bucket: str, key: str) -> bool:
    """Return whether `remove_versions` has something to do for a deleted object."""
    versions, markers = await _history(s3, bucket, key)
    for version in versions:
        if await _maker(s3, bucket, key, version) is not None:
            return True
    return bool(markers) and not versions


async def remove_versions(s3: Service, bucket: str, key: str) -> None:
    """Remove the versions that items have made, oldest first, and markers that hide nothing then.

    The newest delete marker goes last: an interrupt brings no version back to light.
    """
    versions, markers = await _history(s3, bucket, key)
    removed = 0
    for version in reversed(versions):
        await s3.ctx.safe_point(where=f"after {count(removed, 'version')}")
        if await _maker(s3, bucket, key, version) is not None:
            await s3.call_if_there("delete_object", Bucket=bucket, Key=key, VersionId=version)
            removed += 1
    if removed == len(versions):
        for marker in reversed(markers):
            await s3.ctx.safe_point(where="while delete markers are removed")
            await s3.call_if_there("delete_object", Bucket=bucket, Key=key, VersionId=marker)


async def _history(s3: Service, bucket: str, key: str) -> tuple[list[str], list[str]]:
    """Return the IDs of an object's versions and of its delete markers, newest first."""
    versions: list[str] = []
    markers: list[str] = []
    async for page in s3.answers(
        "list_object_versions", markers=_VERSION_MARKERS, Bucket=bucket, Prefix=key
    ):
        for name, found in (("Versions", versions), ("DeleteMarkers", markers)):
            found.extend(str(one["VersionId"]) for one in page.get(name, ()) if one["Key"] == key)
        if page.get("NextKeyMarker", key) != key:
            break  # The key itself comes before all longer ones.
    return versions, markers


async def _maker(s3: Service, bucket: str, key: str, version: str | None = None) -> str | None:
    try:
        head = await s3.call("head_object", Bucket=bucket, Key=key, VersionId=version)
    except AwsRefused:
        return None  # It is gone by now, or encrypted with a key that only others have.
    return maker_in(head, bucket, key)


async def foreign_uploads(s3: Service, bucket: str) -> BucketNotEmpty | None:
    """Return the error for a bucket in which others upload something, which would be lost."""
    answer = await s3.call("list_multipart_uploads", Bucket=bucket, MaxUploads=_NAMED)
    keys = tuple(dict.fromkeys(str(one["Key"]) for one in answer.get("Uploads", ())))
    if not keys:
        return None
    return BucketNotEmpty(
        bucket,
        "unfinished uploads",
        (("it holds", _listed(keys, more=bool(answer.get("IsTruncated")))),),
        help="complete or abort them, as listed by: aws s3api list-multipart-uploads --bucket "
        f"{bucket}",
    )


async def contents(s3: Service, bucket: str) -> BucketNotEmpty | None:
    """Return the error for a bucket that is not empty, which names what is in it, and whose."""
    try:
        answer = await s3.call("list_object_versions", Bucket=bucket, MaxKeys=_LOOKED_AT)
    except (AwsDenied, AwsRefused):
        # It may not be known, or the server has no versions.
        answer = await s3.call("list_objects_v2", Bucket=bucket, MaxKeys=_LOOKED_AT)
        answer["Versions"] = [{**one, "IsLatest": True} for one in answer.get("Contents", ())]
    versions: list[Answer] = answer.get("Versions", [])
    markers: list[Answer] = answer.get("DeleteMarkers", [])
    keys = sorted({str(one["Key"]) for one in (*versions, *markers)})
    if not keys:
        return None
    named = keys[:_NAMED]
    more = len(keys) > _NAMED or bool(answer.get("IsTruncated"))
    details = [("it holds", _listed((_held(key, versions, markers) for key in named), more=more))]
    newest = {str(one["Key"]): one for one in reversed(versions)}
    makers = {
        key: await _whose(s3, bucket, key, None if one["IsLatest"] else str(one["VersionId"]))
        for key in named
        if (one := newest.get(key)) is not None
    }
    hidden = bool(markers) or not all(one["IsLatest"] for one in versions)
    if hidden or any(maker.startswith(_ITEM) for maker in makers.values()):
        details.append(("made by", _listed(f"{key}: {maker}" for key, maker in makers.items())))
    return BucketNotEmpty(
        bucket,
        "objects" if any(one["IsLatest"] for one in versions) else _ONLY_HIDDEN,
        tuple(details),
        help=_ABOUT_VERSIONS.format(bucket=bucket) if hidden else "move or delete them",
    )


async def _whose(s3: Service, bucket: str, key: str, version: str | None) -> str:
    try:
        maker = await _maker(s3, bucket, key, version)
    except AwsDenied:
        return "not known"
    return "others" if maker is None else f"{_ITEM} {maker}"


def _held(key: str, versions: list[Answer], markers: list[Answer]) -> str:
    old = sum(one["Key"] == key and not one["IsLatest"] for one in versions)
    gone = sum(one["Key"] == key for one in markers)
    kinds = ((old, "older version"), (gone, "delete marker"))
    parts = ", ".join(count(number, kind) for number, kind in kinds if number)
    return f"{key} ({parts})" if parts else key


def _listed(names: Iterable[str], *, more: bool = False) -> str:
    return ", ".join(names) + (", and more" if more else "")
