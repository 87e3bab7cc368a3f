"""The parameter types and diagram locations that the S3 items share."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator

from peaceful._model.location import Location

_BUCKET: Final = re.compile(r"[a-z0-9](?:[a-z0-9-]|\.(?!\.)){1,61}[a-z0-9]", re.ASCII)
_ADDRESS: Final = re.compile(r"\d+\.\d+\.\d+\.\d+", re.ASCII)
_LONGEST_KEY: Final = 1024


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


def bucket_location(bucket: str) -> Location:
    """Return the place of a bucket in diagrams."""
    return Location.path(bucket, Location.group("S3", Location.group("AWS")))
