"""Items that are ready to use."""

from peaceful.items._disk import DiskFailed
from peaceful.items._download._errors import DownloadFailed
from peaceful.items._download._item import FileDownload
from peaceful.items._download._state import FileDownloadState
from peaceful.items._shell import ScriptFailed, ShCmd, ShCmdState
from peaceful.items._tar._errors import ArchiveFailed
from peaceful.items._tar._item import TarExtract, TarExtractState
from peaceful.items.blank import Blank, BlankState

__all__ = [
    "ArchiveFailed",
    "Blank",
    "BlankState",
    "DiskFailed",
    "DownloadFailed",
    "FileDownload",
    "FileDownloadState",
    "ScriptFailed",
    "ShCmd",
    "ShCmdState",
    "TarExtract",
    "TarExtractState",
]
