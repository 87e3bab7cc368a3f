"""The documentation as it is built."""

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from processes import unmeasured

ROOT = Path(__file__).resolve().parents[2]
LOADED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}
NOT_LOADED = {"canonical", "next", "prev", "alternate"}
"""What a `link` is that a browser does not follow by itself."""
IN_STYLES = re.compile(r"(?:url\(|@import)\s*[\"']?(?P<address>[^\"')\s;]+)")


class _Loads(HTMLParser):
    """What a browser loads to show a page, and the classes on it."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.classes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Notes what the tag loads."""
        found = {name: value or "" for name, value in attrs}
        self.classes.update(found.get("class", "").split())
        if tag in LOADED and LOADED[tag] in found and found.get("rel") not in NOT_LOADED:
            self.addresses.append(found[LOADED[tag]])


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The built site; a broken link or reference is an error."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", folder],
        cwd=ROOT,
        env={**unmeasured(), "NO_MKDOCS_2_WARNING": "1"},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


@pytest.mark.timeout(120)
def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    """A browser that shows a page of the documentation asks no other server for anything."""
    elsewhere: list[str] = []
    for page in site.rglob("*.html"):
        loads = _Loads()
        loads.feed(page.read_text())
        found = [each for each in loads.addresses if re.match(r"(?:\w+:)?//", each)]
        # The theme would fetch what draws them.
        found += sorted(loads.classes & {"mermaid", "arithmatex"})
        elsewhere += [f"{page.relative_to(site)}: {each}" for each in found]
    for sheet in site.rglob("*.css"):
        addresses = [found["address"] for found in IN_STYLES.finditer(sheet.read_text())]
        found = [each for each in addresses if re.match(r"(?:https?:)?//", each)]
        elsewhere += [f"{sheet.relative_to(site)}: {each}" for each in found]

    assert elsewhere == []


@pytest.mark.timeout(120)
def test_the_site_has_a_page_for_each_public_package(site: Path) -> None:
    """Each public package has its page, made from its docstrings."""
    pages = {page.parent.name for page in (site / "reference" / "python").glob("*/index.html")}

    assert {"peaceful", "peaceful.interrupt", "peaceful.items", "peaceful.testing"} <= pages
