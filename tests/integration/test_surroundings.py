"""Wherever the suite is run, tests and the programs that they start find the same surroundings."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest
from shell import Shell
from surroundings import CHOSEN, KEPT, UMASK

ROOT = Path(__file__).resolve().parents[2]
SUPPORT = ROOT / "tests" / "support"

PYTEST = [
    *("-m", "pytest", "-c", str(ROOT / "pyproject.toml"), "--rootdir", str(ROOT)),
    *("-p", "no:cacheprovider", "--numprocesses", "1", "--quiet"),
]
"""A run of pytest-xdist with the project's settings, which leaves nothing behind."""

ODD = {
    "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    "AWS_PROFILE": "a-developers",
    "BROWSER": "false",
    "COLUMNS": "31",
    "FORCE_COLOR": "1",
    "HOME": "/nowhere",
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "PEACEFUL_KEY_FILE": "/nowhere/key",
    "PYTHONHASHSEED": "1",
    "PYTHONSAFEPATH": "1",
    "TERM": "dumb",
    "TZ": "Pacific/Chatham",
    "http_proxy": "http://127.0.0.1:9",
}
"""What a shell, a service or a container may hand on."""

STARTED_ODDLY = """
import os, signal, sys
for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD}:
    signal.signal(number, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGUSR1})
os.umask(0o077)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
"""
"""Becomes another Python, which ignores what may be ignored, and whose files are for few.

Where SIGCHLD is ignored, no program can be waited for, which pytest itself does not expect.
"""

TELLS = """
import os, pathlib, time
for name in sorted(os.environ):
    print(name, os.environ[name])
print("time zone", time.tzname[0])
print("umask", os.umask(0))
print(*(line for line in pathlib.Path("/proc/self/status").read_text().splitlines()
        if line.startswith(("SigBlk", "SigIgn"))), sep="\\n")
"""


def test_variables() -> None:
    """Only those are kept that say where programs are and how tests are run; the home is new."""
    known = {name: value for name, value in os.environ.items() if not name.startswith(KEPT)}
    home = Path(known.pop("HOME"))
    assert known == CHOSEN
    assert home.is_dir()
    assert home.name.startswith("home-of-tests-")
    assert time.tzname == ("UTC", "UTC")


def test_files(tmp_path: Path) -> None:
    """Others may read a new file."""
    (tmp_path / "file").touch()
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o666 & ~UMASK


def test_signals() -> None:
    """None is ignored but those that Python itself ignores, and none is blocked."""
    ignored = {n for n in signal.valid_signals() if signal.getsignal(n) is signal.SIG_IGN}
    assert ignored == {signal.SIGPIPE, signal.SIGXFSZ}
    assert not signal.pthread_sigmask(signal.SIG_BLOCK, ())


@pytest.mark.parametrize("anew", [pytest.param(True, id="anew"), pytest.param(False, id="loaded")])
def test_programs(tmp_path: Path, anew: bool) -> None:
    """What is started finds the same."""
    (tmp_path / "tells.py").write_text(TELLS)
    with closing(Shell(tmp_path, os.environ)) as shell:
        told = shell.start("python", "tells.py", anew=anew).end(expect=0).out.splitlines()
    assert {f"{name} {value}" for name, value in CHOSEN.items()} <= set(told)
    assert f"HOME {os.environ['HOME']}" in told
    assert not {line.split()[0] for line in told} & (ODD.keys() - CHOSEN.keys() - {"HOME"})
    assert {"time zone UTC", f"umask {UMASK}"} <= set(told)
    masks = dict(line.split(":\t") for line in told if line.startswith("Sig"))
    assert int(masks["SigBlk"], 16) == 0
    # The numbers above are the C library's own.
    standard = (1 << 31) - 1
    assert int(masks["SigIgn"], 16) & standard == 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1


@pytest.mark.parametrize("sources", ["", "/other/sources"])
def test_other_sources(tmp_path: Path, sources: str) -> None:
    """Where tests are run on other sources than the installed ones, so is all that they start."""
    program = (
        "import os, pathlib, surroundings; surroundings.arrange(pathlib.Path());"
        "print(os.environ.get('PYTHONPATH', ''))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(SUPPORT), "TESTS_SOURCES": sources},
        check=True,
        capture_output=True,
        text=True,
    )
    assert told.stdout.strip() == sources


@pytest.mark.timeout(120)
def test_wherever_it_is_run(tmp_path: Path) -> None:
    """All that holds in a process of pytest-xdist, in a run that was started oddly."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    ended = subprocess.run(
        [
            sys.executable,
            "-c",
            STARTED_ODDLY,
            *PYTEST,
            "-k",
            "not wherever and not loaded",
            __file__,
        ],
        cwd=tmp_path,
        env={**kept, **ODD},
        check=False,
        capture_output=True,
        text=True,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "6 passed" in ended.stdout
