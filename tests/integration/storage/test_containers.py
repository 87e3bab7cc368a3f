"""Containers that share a folder: a process ID means nothing outside of its namespace."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from processes import eventually

NAMESPACE = ("unshare", "--pid", "--fork", "--mount-proc")

WRITE = """
import os, pathlib, sys, time
from peaceful._storage.files import write_file_atomically
name, waits = sys.argv[1:]
real = os.fsync
def slow(descriptor):
    real(descriptor)
    if waits == "waits" and not pathlib.Path("ready").exists():
        pathlib.Path("ready").touch()
        while not pathlib.Path("go").exists():
            time.sleep(0.01)
os.fsync = slow
write_file_atomically(pathlib.Path("shared") / name, name.encode())
"""


def _may_make_namespaces() -> bool:
    if shutil.which("unshare") is None:
        return False
    return subprocess.run([*NAMESPACE, "true"], check=False, capture_output=True).returncode == 0


@pytest.mark.skipif(not _may_make_namespaces(), reason="may not make PID namespaces")
def test_two_namespaces_write_into_one_folder(tmp_path: Path) -> None:
    """Neither takes the temporary file of the other for one that was left behind."""
    (tmp_path / "shared").mkdir()
    # The first has a higher process ID in its namespace than any process of the second.
    later = "for each in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do /bin/true; done; "
    program = [sys.executable, "-c", WRITE]
    words = [*NAMESPACE, "sh", "-c", f'{later} exec "$@"', "sh", *program, "a", "waits"]
    first = subprocess.Popen(words, cwd=tmp_path)
    try:
        assert eventually((tmp_path / "ready").exists)
        second = [*NAMESPACE, *program, "b", "at once"]
        subprocess.run(second, cwd=tmp_path, check=True)
    finally:
        (tmp_path / "go").touch()
        first.wait()
    assert sorted(path.name for path in (tmp_path / "shared").iterdir()) == ["a", "b"]
