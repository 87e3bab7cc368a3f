"""Downloading a file: interruptible, resumed by range requests, compared with its source."""

from peaceful.items._download._errors import (
    AnswerInvalid,
    ChecksumWrong,
    DownloadFailed,
    HostUnknown,
    LengthWrong,
    RedirectRefused,
    SourceMissing,
    SourceNotTrusted,
    SourceRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._download._item import FileDownload
from peaceful.items._download._state import FileDownloadState

__all__ = [
    "AnswerInvalid",
    "ChecksumWrong",
    "DownloadFailed",
    "FileDownload",
    "FileDownloadState",
    "HostUnknown",
    "LengthWrong",
    "RedirectRefused",
    "SourceMissing",
    "SourceNotTrusted",
    "SourceRefused",
    "SourceUnavailable",
    "SourceUnreachable",
]
