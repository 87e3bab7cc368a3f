"""The names that users may import: those in the `__all__` of each public package."""

from __future__ import annotations

import importlib
from collections.abc import Mapping

GOING: Mapping[str, frozenset[str]] = {
    "peaceful.items": frozenset(
        [
            "AnswerInvalid",
            "ArchiveChanged",
            "ArchiveDamaged",
            "ArchiveMissing",
            "ArchiveRefused",
            "ArchiveTooLarge",
            "ChecksumWrong",
            "HostUnknown",
            "LengthWrong",
            "PathBusy",
            "PathTaken",
            "RedirectRefused",
            "SourceMissing",
            "SourceNotTrusted",
            "SourceRefused",
            "SourceUnavailable",
            "SourceUnreachable",
        ]
    ),
    "peaceful.items.aws": frozenset(
        [
            "AwsBusy",
            "AwsDenied",
            "AwsInUse",
            "AwsLoginMissing",
            "AwsLoginRefused",
            "AwsMissing",
            "AwsNotSettled",
            "AwsRefused",
            "AwsRegionUnknown",
            "AwsUnreachable",
            "BucketNotEmpty",
            "BucketTaken",
            "IamElsewhere",
            "UploadSourceChanged",
            "UploadSourceMissing",
        ]
    ),
}
"""Names that become internal; to be removed when none of them is in an `__all__` any more."""

PACKAGES = (
    "peaceful",
    "peaceful.commands",
    "peaceful.errors",
    "peaceful.interrupt",
    "peaceful.interrupt.os_signals",
    "peaceful.items",
    "peaceful.items.aws",
    "peaceful.testing",
)


def public_names(package: str) -> dict[str, object]:
    """Return the public names of a package, with what they are."""
    namespace = importlib.import_module(package)
    names: list[str] = namespace.__all__
    return {
        name: getattr(namespace, name)
        for name in names
        if name not in GOING.get(package, frozenset())
    }
