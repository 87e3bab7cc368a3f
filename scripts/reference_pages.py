"""A hook of mkdocs: the pages of the reference that are made from the code.

There is a page for each public package, and one of all errors. They are made when the documentation
is built and are not kept, so the reference can neither miss anything nor describe what is gone.
"""

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

from peaceful.errors import PeacefulError

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "peaceful"
FOLDER = "reference/python"
ERRORS = "reference/errors.md"
SECTION = "Reference"


def public_modules() -> list[str]:
    """The names of the package, its public packages and their public modules, in their order."""
    names = {"peaceful"}
    for path in PACKAGE.rglob("*.py"):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        parts = parts[:-1] if parts[-1] == "__init__" else parts
        if not any(part.startswith("_") for part in parts):
            names.add(".".join(parts))
    return sorted(names)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """Adds the pages to the navigation."""
    pages = [{name: f"{FOLDER}/{name}.md"} for name in public_modules()]
    nav: list[dict[str, Any]] = config.nav or []  # what mkdocs reads from YAML has no type
    [section] = [entry[SECTION] for entry in nav if SECTION in entry]
    section.append({"Python": pages})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Makes the pages."""
    for name in public_modules():
        content = f"# `{name}`\n\n::: {name}\n"
        files.append(File.generated(config, f"{FOLDER}/{name}.md", content=content))
    files.append(File.generated(config, ERRORS, content=errors_page()))
    return files


def errors_page() -> str:
    """A table of all errors that have a code of their own."""
    for name in public_modules():
        importlib.import_module(name)  # so that every error class is known
    rows = sorted(
        f"| `{error.code}` | {error.exit_code} | {(error.__doc__ or '').splitlines()[0]} |"
        for error in error_classes(PeacefulError)
        if "code" in vars(error)
    )
    head = [
        "# Errors",
        "",
        "Each error has a code, which stays the same and is never used for another meaning.",
        "",
        "| code | exit code | meaning |",
        "|---|---|---|",
    ]
    return "\n".join([*head, *rows]) + "\n"


def error_classes(root: type[PeacefulError]) -> Iterator[type[PeacefulError]]:
    """A class of the error tree and all below it."""
    yield root
    for below in root.__subclasses__():
        yield from error_classes(below)
