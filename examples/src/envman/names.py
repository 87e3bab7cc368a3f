"""What things are called in AWS, and what they may do: made from the repository and the profile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pydantic import JsonValue

_SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*/[A-Za-z0-9._-]+")
_VERSION: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")


def is_slug(value: str) -> str:
    """A repository, as it is."""
    if _SLUG.fullmatch(value) is None:
        raise ValueError("a repository is written OWNER/REPO")
    return value


def is_version(value: str) -> str:
    """A version, as it is."""
    if _VERSION.fullmatch(value) is None:
        raise ValueError("a version has letters, digits, dots, hyphens, underscores and plus signs")
    return value


@dataclass(frozen=True, slots=True)
class Names:
    """What an environment's things are called.

    Attributes:
        slug: the application's repository: OWNER/REPO.
        profile: the environment.
    """

    slug: str
    profile: str

    @property
    def repository(self) -> str:
        """The repository without its owner."""
        return self.slug.split("/")[1]

    @property
    def file(self) -> str:
        """The release's file."""
        return f"{self.repository}.tar"

    @property
    def github(self) -> str:
        """Where GitHub has the release's file, with {version} for the version."""
        return f"https://github.com/{self.slug}/releases/download/{{version}}/{self.file}"

    @property
    def common(self) -> str:
        """The policy, the role and the instance profile.

        Never cut to what AWS takes: two environments would share them. Too long, it is refused.
        """
        return f"{self.repository}-{self.profile}"

    @property
    def bucket(self) -> str:
        """The bucket, whose name no other bucket in the world may have."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.slug}-{self.profile}".lower()).strip("-")

    @property
    def may_read(self) -> dict[str, JsonValue]:
        """A policy document: to read what is in the bucket."""
        statement: JsonValue = {
            "Effect": "Allow",
            "Action": ["s3:GetObject"],
            "Resource": f"arn:aws:s3:::{self.bucket}/*",
        }
        return {"Version": "2012-10-17", "Statement": [statement]}

    @property
    def machines(self) -> dict[str, JsonValue]:
        """A policy document: machines may take the role."""
        statement: JsonValue = {
            "Effect": "Allow",
            "Principal": {"Service": "ec2.amazonaws.com"},
            "Action": "sts:AssumeRole",
        }
        return {"Version": "2012-10-17", "Statement": [statement]}
