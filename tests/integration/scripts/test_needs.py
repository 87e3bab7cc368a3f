"""What the tests need is installed where it is missing, by a package manager that a test plays."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SCRIPT = Path(__file__).parents[3] / "scripts" / "needs.py"

pytestmark = pytest.mark.skipif(os.name != "posix", reason="apt is there on Debian and its like")

Machine = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """Runs the script on a machine that has a compiler, and else what a test gives it."""

    def run(must: bool = False, **programs: str) -> subprocess.CompletedProcess[str]:
        for name, body in {"cc": "exit 0", **programs}.items():
            program = tmp_path / name.replace("_", "-")
            program.write_text(f"#!/bin/sh\n{body}\n")
            program.chmod(0o755)
        for name in ("zsh", "mkfs.xfs"):  # They are there already.
            present = tmp_path / name
            present.write_text("")
            present.chmod(0o755)
        for name in ("env", "sh", "touch", "chmod", "true"):
            (tmp_path / name).symlink_to(f"/usr/bin/{name}")
        environment = {"PATH": str(tmp_path), "HERE": str(tmp_path)}
        if must:
            environment["TESTS_SKIP_NOTHING"] = "1"
        return subprocess.run(
            [sys.executable, SCRIPT], env=environment, capture_output=True, text=True, check=False
        )

    return run


def offers(browser: str) -> str:
    """An apt that knows one browser, and tells what it was asked."""
    return (
        'echo "$@" >> "$HERE/asked"\n'
        'case "$*" in *update*) exit 0;; '
        f'*"install {browser} "*) touch "$HERE/{browser}"; chmod +x "$HERE/{browser}";; '
        '*) echo "no such package"; exit 100;; esac'
    )


FAILS = 'echo "no network"; exit 100'
AS_ROOT = 'shift; exec "$@"'


def installs(browser: str) -> dict[str, str]:
    """A machine that can install one browser, whoever asks."""
    apt = {"apt_get": offers(browser)}
    return apt if os.geteuid() == 0 else {**apt, "sudo": AS_ROOT}


@pytest.mark.parametrize("browser", ["chromium-headless-shell", "chromium"])
def test_what_is_there_costs_nothing(machine: Machine, browser: str) -> None:
    """Nothing is said, and nothing asked for, whichever browser it is."""
    done = machine(**{browser: "exit 0", "apt_get": FAILS})
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_what_is_missing_is_installed(machine: Machine, tmp_path: Path) -> None:
    """By apt: as root, or by a sudo that asks for nothing. The first choice is enough."""
    done = machine(**installs("chromium-headless-shell"))
    assert done.returncode == 0, done.stderr
    assert "installing chromium-headless-shell" in done.stdout
    asked = (tmp_path / "asked").read_text()
    assert "install chromium-headless-shell fonts-dejavu-core" in asked
    assert "install chromium " not in asked
    assert "--yes" in asked


def test_the_next_choice_is_installed_where_the_first_is_unknown(
    machine: Machine, tmp_path: Path
) -> None:
    """A system like Debian may not have the browser without windows."""
    done = machine(**installs("chromium"))
    assert done.returncode == 0, done.stderr
    assert "no such package" in done.stderr
    assert "install chromium fonts-dejavu-core" in (tmp_path / "asked").read_text()


@pytest.mark.parametrize(("must", "code"), [(False, 0), (True, 1)])
def test_what_cannot_be_installed_is_told(machine: Machine, must: bool, code: int) -> None:
    """With what to type; it is an error where no test may be skipped. So is what apt said."""
    done = machine(must, apt_get=FAILS, sudo=AS_ROOT)
    assert done.returncode == code
    assert "sudo apt-get install chromium-headless-shell" in done.stdout
    assert ("tests need it" in done.stdout) == must
    assert "no network" in done.stderr


def test_without_apt(machine: Machine) -> None:
    """It says what is missing."""
    done = machine()
    assert done.returncode == 0
    assert "the browser Chromium is not there" in done.stdout
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, no test runs as root")
def test_what_only_root_uses(monkeypatch: pytest.MonkeyPatch) -> None:
    """Others do without, and nothing is installed for them."""
    need: Any = runpy.run_path(str(SCRIPT))["Need"]
    missing = need("tools", (), commands=("nothing-has-that-name",), of_root=True)
    for user, is_there in ((0, False), (1000, True)):
        monkeypatch.setattr(os, "geteuid", lambda user=user: user)
        assert missing.is_there == is_there


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere, packages bring theirs along")
def test_libraries_are_looked_for_where_the_system_does() -> None:
    """One that is missing is enough to need them."""
    need: Any = runpy.run_path(str(SCRIPT))["Need"]
    assert need("C", (), libraries=("c",)).is_there
    assert not need("C and more", (), libraries=("c", "nothing_has_that_name")).is_there
