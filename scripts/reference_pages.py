"""A hook of mkdocs: the pages of the reference that are made from docstrings.

There is a page for each public package. They are made when the documentation is built and are not
kept, so the reference can neither miss anything nor describe what is gone.
"""

from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "peaceful"
FOLDER = "reference/python"
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
    return files
