"""What archives cost, beside `tarfile` and GNU tar: JSON lines of each run.

Run it as `python -m benchmarks.work_archives`. The megabytes of `tarfile` and of the program
include those of Python; `start` is `ensure` with an item that does nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import sys
import tarfile as tar_files
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests" / "support"))

from measured_program import cost_of

_APP = """
from pathlib import Path

from peaceful import App, Flow

app = App("archives")


@app.flow("extract")
def extract(flow: Flow, archive: Path) -> None:
    from peaceful.items import TarExtract

    flow.add("extract", TarExtract(tar_path=archive, dest=Path("out")))


@app.flow("start")
def start(flow: Flow) -> None:
    from peaceful.items import Blank

    flow.add("blank", Blank(path=Path("blank"), lines=()))


app.main()
"""

_TARFILE = """
import hashlib, sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    archive.extractall("out", filter="data")
    for member in archive:
        if member.isreg():
            with archive.extractfile(member) as content:
                hashlib.file_digest(content, "sha256")
"""


def pack(archive: Path, files: int, size: int) -> None:
    """Pack an archive of files of random bytes, a thousand in each folder."""
    content = archive.with_name("content")
    numbers = random.Random(files)
    for number in range(files):
        path = content / f"d{number // 1000}" / f"f{number}"
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            for begin in range(0, size, 1_000_000):
                file.write(numbers.randbytes(min(1_000_000, size - begin)))
    with tar_files.open(archive, "w") as packed:
        packed.add(content, ".")
    shutil.rmtree(content)


def peaceful(archive: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the commands of the first and the second run."""
    (folder / "app.py").write_text(_APP)
    app = [sys.executable, "app.py"]
    cost_of([*app, "init", "--flow", "extract", "--archive", str(archive)], folder, os.environ)
    ensure = [*app, "ensure", "--flow", "extract", "--progress", "none"]
    yield "first", ensure
    yield "again", ensure
    cost_of([*app, "init", "--flow", "start"], folder, os.environ)
    yield "start", [*app, "ensure", "--flow", "start", "--progress", "none"]


def tarfile(archive: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the command that extracts and hashes by Python's `tarfile`."""
    (folder / "extract.py").write_text(_TARFILE)
    yield "first", [sys.executable, "extract.py", str(archive)]


def gnu_tar(archive: Path, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Yield the command that extracts by GNU tar."""
    (folder / "out").mkdir()
    yield "first", ["tar", "-xf", str(archive), "-C", "out"]


_WHO: tuple[Callable[[Path, Path], Iterator[tuple[str, list[str]]]], ...] = (
    peaceful,
    tarfile,
    gnu_tar,
)


def measure(root: Path, work: str, files: int, size: int, runs: int) -> None:
    """Print what each cost in each run, by turns."""
    archive = root / f"{work}.tar"
    pack(archive, files, size)
    for _ in range(runs):
        for who in _WHO:
            folder = root / who.__name__
            folder.mkdir()
            for what, command in who(archive, folder):
                began = time.monotonic()
                cost = cost_of(command, folder, os.environ)
                assert cost.exit_code == 0, command
                line = {
                    "work": f"{work}, {what}",
                    "who": who.__name__,
                    "cpu": round(cost.seconds, 3),
                    "wall": round(time.monotonic() - began, 3),
                    "mb": round(cost.megabytes, 1),
                }
                print(json.dumps(line), flush=True)
            shutil.rmtree(folder)
    archive.unlink()


def main() -> None:
    """Measure one large file and many small ones."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=300_000_000, help="bytes of the large file")
    parser.add_argument("--files", type=int, default=20_000, help="number of files of 1 kB")
    parser.add_argument("--runs", type=int, default=5)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        if given.size:
            measure(Path(name), "one large file", 1, given.size, given.runs)
        if given.files:
            measure(Path(name), "many files", given.files, 1000, given.runs)


if __name__ == "__main__":
    main()
