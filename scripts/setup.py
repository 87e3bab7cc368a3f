"""Makes `.venv` from the locked requirements, with the package and the examples installed.

`make setup` runs this when one of the files that it reads is newer than the stamp that a finished
run leaves in `.venv`; the stamp says what the environment was made from, so only what changed is
done again. It needs Python 3.11 or later and nothing else: pip, which every virtual environment
brings along, installs uv from a hashed file, and uv installs the rest. Where packages come from is
decided by the machine's own configuration, never by the project. Where only pip is configured, or
uv cannot get the packages, pip does the work of uv: slower, to the same end.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
STAMP = VENV / ".ready"
LOCKS = ("requirements/dev.txt", "requirements/uv.txt")
PROJECTS = ("pyproject.toml", "examples/pyproject.toml")
OLDEST_PYTHON = (3, 11)
NEWER_PYTHONS = ("python3.14", "python3.13", "python3.12", "python3.11")


class SetupError(Exception):
    """Says what is missing on this machine and what to do about it."""


def main() -> int:
    """Makes the environment and returns the exit code."""
    use_a_python_that_is_new_enough()
    try:
        with one_at_a_time():
            make_environment()
    except SetupError as error:
        print(f"setup: {error}", file=sys.stderr)
        return 1
    except subprocess.CalledProcessError as error:
        command = " ".join(map(str, error.cmd))
        print(f"setup: this failed with exit code {error.returncode}: {command}", file=sys.stderr)
        return 1
    return 0


def use_a_python_that_is_new_enough() -> None:
    """Starts over with a newer Python of this machine when `python3` is too old."""
    if sys.version_info >= OLDEST_PYTHON:
        return
    for name in NEWER_PYTHONS:
        path = shutil.which(name)
        if path is not None:
            os.execv(path, [path, *sys.argv])  # noqa: S606 - this script again, by a newer Python
    oldest = ".".join(map(str, OLDEST_PYTHON))
    found = ".".join(map(str, sys.version_info[:2]))
    sys.exit(f"setup: Python {oldest} or later is needed, this is Python {found}; install one")


@contextlib.contextmanager
def one_at_a_time() -> Iterator[None]:
    """Holds a lock on the project's folder, so that two runs do not build one environment."""
    try:
        import fcntl
    except ImportError:  # Windows has no such lock; there, one run at a time is up to the caller.
        yield
        return
    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


class MadeFrom(NamedTuple):
    """What an environment was made from. The stamp holds it, a line each."""

    root: str
    """The project's folder: the commands in an environment name their Python by its full path."""
    locks: str
    """A digest of the locked requirements."""
    projects: str
    """A digest of what the projects' files say about building and installing them."""


def inputs() -> MadeFrom:
    """What an environment would be made from now."""
    import tomllib  # Here, so that a Python without it gets as far as looking for a newer one.

    locks = hashlib.sha256()
    for name in LOCKS:
        locks.update((ROOT / name).read_bytes())
    projects = hashlib.sha256()
    for name in PROJECTS:
        content = tomllib.loads((ROOT / name).read_text())
        for table in (content["project"], content["build-system"], content["tool"]["hatch"]):
            projects.update(json.dumps(table, sort_keys=True).encode())
    return MadeFrom(str(ROOT), locks.hexdigest(), projects.hexdigest())


def stamped() -> MadeFrom | None:
    """What the environment was made from, or none where it was never finished."""
    if not STAMP.is_file() or not venv_python().exists():
        return None
    lines = STAMP.read_text().splitlines()
    return MadeFrom(*lines) if len(lines) == len(MadeFrom._fields) else None


def make_environment() -> None:
    """Makes the environment, or brings it up to date; the stamp is written last."""
    wanted, found = inputs(), stamped()
    if found == wanted:
        STAMP.touch()
        return
    STAMP.unlink(missing_ok=True)
    if found is None or found.root != wanted.root:
        make_venv()
        found = None
    if found is None or found.locks != wanted.locks:
        install_locked()
    install_projects()
    STAMP.write_text("\n".join(wanted) + "\n")
    say("the environment in .venv is ready")


def make_venv() -> None:
    """Makes an empty environment with pip in it."""
    if importlib.util.find_spec("ensurepip") is None:
        install_ensurepip()
    say(f"making .venv with Python {sys.version.split()[0]}")
    run(sys.executable, "-m", "venv", "--clear", VENV)


def install_ensurepip() -> None:
    """Debian keeps `ensurepip` in a package of its own: installs it, or says how to."""
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    apt = shutil.which("apt-get")
    if apt is None or os.name != "posix" or os.geteuid() != 0:
        raise SetupError(
            "this Python cannot make virtual environments, because its module ensurepip is "
            f"missing; on Debian or Ubuntu: sudo apt-get install {package}; then run this again"
        )
    say(f"installing {package}, which this Python needs to make virtual environments")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(apt, "-qq", "update", env=environment)
    run(apt, "-qq", "install", "--yes", "--no-install-recommends", package, env=environment)


def install_locked() -> None:
    """Installs what is locked, by uv where it can, and removes what is not locked."""
    run(*pip(), "install", "--quiet", "--require-hashes", "-r", "requirements/uv.txt")
    say("installing the locked packages")
    if pip_has_its_own_index():
        install_locked_by_pip()
        return
    environment = {"UV_HTTP_TIMEOUT": "180", "UV_SYSTEM_CERTS": "1", **os.environ}
    try:
        # Compiled now, because the first start of each command would pay for it otherwise.
        run(
            *(uv(), "--quiet", "pip", "sync", "--python", venv_python()),
            *("--require-hashes", "--compile-bytecode", "requirements/dev.txt"),
            env=environment,
        )
    except subprocess.CalledProcessError:
        say("uv could not; trying the same with pip")
        install_locked_by_pip()


def install_locked_by_pip() -> None:
    """Installs what is locked."""
    run(*pip(), "install", "--quiet", "--require-hashes", "-r", "requirements/dev.txt")


def install_projects() -> None:
    """Installs the package and the examples in place, built by the locked hatchling."""
    run(
        *(uv(), "--quiet", "pip", "install", "--python", venv_python()),
        *("--offline", "--no-cache", "--no-deps", "--no-build-isolation"),
        *("--editable", ".", "--editable", "examples"),
    )


def pip_has_its_own_index() -> bool:
    """Whether an index is set for pip while none is for uv, which does not read pip's settings."""
    if any(name in os.environ for name in ("UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL")):
        return False
    listed = subprocess.run(
        [*pip(), "config", "list"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    settings = (line.partition("=")[0] for line in listed.stdout.splitlines())
    return any(setting.endswith(("index-url", "no-index")) for setting in settings)


def pip() -> tuple[str | Path, ...]:
    """The beginning of a command line for the environment's pip."""
    return (venv_python(), "-m", "pip", "--disable-pip-version-check")


def uv() -> Path:
    """The environment's uv."""
    return VENV / bin_folder() / "uv"


def venv_python() -> Path:
    """The environment's Python."""
    return VENV / bin_folder() / ("python.exe" if os.name == "nt" else "python")


def bin_folder() -> str:
    """The name of the folder of an environment's commands."""
    return "Scripts" if os.name == "nt" else "bin"


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Runs a command in the project's folder, its output going where ours goes."""
    subprocess.run(command, check=True, cwd=ROOT, env=env)


def say(message: str) -> None:
    """Prints one line of progress."""
    print(f"setup: {message}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
