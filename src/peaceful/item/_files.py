"""Writing a file so that, at every instant, it is either the old one or the new one."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write_atomically(path: Path, content: str | bytes | None, *, mode: int | None = None) -> None:
    """Writes a file whole, or removes it.

    The content goes to a temporary file beside it, which is synced and then renamed, so that neither
    an interrupt nor a loss of power leaves half a file.

    Args:
        path: the file; its folder is made where it is missing.
        content: what the file should hold; text is written as UTF-8; none removes the file.
        mode: the file's rights; without it, the old file's, or what the process's umask leaves.

    Raises:
        OSError: the operating system refused; the old file is whole.
    """
    if content is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    data = content.encode() if isinstance(content, str) else content
    rights = mode if mode is not None else _rights_of(path)
    temporary = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    # Created with every right that the umask leaves: what the umask is cannot be asked without changing
    # it for every thread.
    descriptor = os.open(temporary, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o666)
    try:
        with open(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            if rights is not None:
                os.fchmod(descriptor, rights)
            os.fsync(descriptor)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _rights_of(path: Path) -> int | None:
    try:
        return path.stat().st_mode & 0o7777
    except FileNotFoundError:
        return None


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
