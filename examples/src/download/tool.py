"""The flow of `download`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from peaceful import App

if TYPE_CHECKING:
    from peaceful import Flow

app = App("download", help="Downloads a file, and extracts it if it is an archive.")

_ARCHIVES = (".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz", ".tar.zst", ".tzst")


@app.flow("download")
def download(flow: Flow, url: str, dest: Path) -> None:
    """Downloads a file into a folder; an archive is extracted beside it.

    Args:
        flow: takes the items.
        url: where the file is.
        dest: the folder that it goes to.
    """
    from peaceful.items import FileDownload, TarExtract

    name = _file_name(url)
    archive = flow.add("file_download", FileDownload(src=url, dest=dest / name))
    for ending in sorted(_ARCHIVES, key=len, reverse=True):
        if name.endswith(ending) and name != ending:
            folder = dest / name.removesuffix(ending)
            flow.add("file_extract", TarExtract(tar_path=archive.state.path, dest=folder))
            break


def _file_name(url: str) -> str:
    """What the file at an address is to be called."""
    from urllib.parse import unquote, urlsplit

    quoted = urlsplit(url).path.rpartition("/")[2]
    name = unquote(quoted)
    # What is no name, or would be confusing, stays as the address has it.
    usable = name.isprintable() and "/" not in name and name not in {".", ".."}
    kept = name if usable else quoted
    return "index.html" if kept in {"", ".", ".."} else kept
