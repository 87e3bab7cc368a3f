"""The practice ground for interruption: slow files, as somebody at a shell uses them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from shell import Ended, Json, Loaded, Running, Shell


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it was written; written again, it is another one.

    Attributes:
        inode: which file it is.
        written: when it was written, in nanoseconds.
    """

    inode: int
    written: int


def files_in(dest: Path) -> dict[str, Written]:
    """By item, the file that is there; each must be whole."""
    found: dict[str, Written] = {}
    for path in dest.glob("*.txt"):
        stat = path.stat()
        assert path.read_text() == path.stem, f"{path} is not whole"
        found[path.stem] = Written(stat.st_ino, stat.st_mtime_ns)
    return found


@dataclass(slots=True)
class SlowFiles:
    """The practice ground for interruption, in a shell.

    Attributes:
        shell: where it is used.
        dest: the folder of the files.
        loaded: runs those commands of which only the ending matters.
    """

    shell: Shell
    dest: Path
    loaded: Loaded

    def init(self, items: int, seconds: float, *more: str, layers: int = 4) -> None:
        """Stores parameters."""
        size = ("--items", str(items), "--seconds", str(seconds), "--layers", str(layers))
        self.run("init", *size, "--dest", str(self.dest), *more)

    def run(self, *words: str, expect: int | None = 0) -> Ended:
        """Runs a command to its end; without its events."""
        return self.loaded.run("--workspace", self.shell.folder, *words, expect=expect)

    def json(self, *words: str, expect: int | None = 0) -> Json:
        """The document that a command answers."""
        return self.run("--format", "json", *words, expect=expect).document

    def statuses(self, *words: str) -> dict[str, str]:
        """By item, how it ended in a command that completes."""
        return self.run("--format", "json", *words).statuses()

    def start(self, *words: str, terminal: Path | None = None, anew: bool = False) -> Running:
        """Starts a command that tells its events, and its ending as a JSON document."""
        told = ("--progress", "json", "--format", "json")
        return self.shell.start("slow_files", *words, *told, terminal=terminal, anew=anew)

    def files(self) -> dict[str, Written]:
        """By item, the file that is there; each must be whole."""
        return files_in(self.dest)

    def parts_done(self) -> dict[str, int]:
        """By item that is not whole, how many of its parts are done."""
        return {
            path.name.removesuffix(".txt.part"): int(path.read_text())
            for path in self.dest.glob("*.part")
        }
