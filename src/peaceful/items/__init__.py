"""The shelf: items that are ready to use."""

from peaceful.items._disk import DiskFailed, PathTaken
from peaceful.items._download import (
    AnswerInvalid,
    ChecksumWrong,
    DownloadFailed,
    FileDownload,
    FileDownloadState,
    HostUnknown,
    LengthWrong,
    RedirectRefused,
    SourceMissing,
    SourceNotTrusted,
    SourceRefused,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._shell import ScriptFailed, ShCmd, ShCmdState

__all__ = [
    "AnswerInvalid",
    "ChecksumWrong",
    "DiskFailed",
    "DownloadFailed",
    "FileDownload",
    "FileDownloadState",
    "HostUnknown",
    "LengthWrong",
    "PathTaken",
    "RedirectRefused",
    "ScriptFailed",
    "ShCmd",
    "ShCmdState",
    "SourceMissing",
    "SourceNotTrusted",
    "SourceRefused",
    "SourceUnavailable",
    "SourceUnreachable",
]
