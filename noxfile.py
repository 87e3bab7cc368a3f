"""Run the tests with each Python that the package claims to work with: `make matrix`.

A Python that this machine does not have is skipped, and the summary says so. None is downloaded.
"""

from __future__ import annotations

from typing import Final

import nox

PYTHONS: Final = ("3.11", "3.12", "3.13", "3.14")

nox.needs_version = ">=2026.10"
nox.options.default_venv_backend = "uv"
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
nox.options.reuse_venv = "yes"


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """Run the unit tests, or what stands after `--`, with the locked packages."""
    session.install("--require-hashes", "--requirement", "requirements/dev.txt")
    session.install(
        *("--offline", "--no-deps", "--no-build-isolation"),
        *("--editable", ".", "--editable", "examples"),
    )
    session.run("pytest", "--numprocesses", "0", *(session.posargs or ("tests/unit",)))
