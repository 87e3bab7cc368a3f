"""The items of the shelf, and of the examples, tell the truth about their things."""

from __future__ import annotations

import functools
import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tar_archives import packed

from peaceful.items import Blank, FileDownload, ShCmd, TarExtract
from peaceful.testing import check_item
from slow_files.item import SlowFile

CONTENT = b"what the server has" * 10_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of two files on a server in another thread: each command has its own loop."""
    served = tmp_path / "served"
    served.mkdir()
    (served / "one").write_bytes(CONTENT)
    (served / "two").write_bytes(b"something else")
    handler = functools.partial(_Quiet, directory=str(served))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}"
        serving.shutdown()
        thread.join()


def test_blank(tmp_path: Path) -> None:
    """The template of items, so that copies begin well."""
    check_item(
        lambda folder: Blank(path=folder / "it.txt", lines=("a", "b")),
        tmp_path / "checks",
        changed=lambda item: {"path": item.path.with_name("other.txt"), "lines": ("c",)},
        break_it=lambda item: item.path.write_text("broken"),
    )


@pytest.mark.parametrize("child", [False, True])
def test_slow_files(tmp_path: Path, *, child: bool) -> None:
    """The practice ground for interruption."""
    pace = "it is how the file is written, not what it holds"
    check_item(
        lambda folder: SlowFile(
            path=folder / "it.txt", content="a", seconds=0, chunks=1 if child else 3, child=child
        ),
        tmp_path / "checks",
        changed=lambda item: {"path": item.path.with_name("other.txt"), "content": "b"},
        no_difference=dict.fromkeys(("seconds", "chunks", "child"), pace),
        break_it=lambda item: item.path.write_text("broken"),
    )


def test_tar_extract(tmp_path: Path) -> None:
    """Other files in the folder are left alone."""

    def make(folder: Path) -> TarExtract:
        first = {"a": "one", "d/b": "two", "empty": None, "l": {"link": "d/b"}}
        (folder / "a.tar").write_bytes(packed(first, "a.tar"))
        (folder / "b.tar").write_bytes(packed({"a": "eno", "n": "new"}, "b.tar"))
        return TarExtract(tar_path=folder / "a.tar", dest=folder / "out")

    check_item(
        make,
        tmp_path / "checks",
        changed=lambda item: {
            "tar_path": item.tar_path.with_name("b.tar"),
            "dest": item.dest.with_name("other"),
            "max_size": 1_000_000,
            "max_files": 100,
            "name": "another",
            "strip_components": 1,
            "include": ("d/*",),
            "exclude": ("a",),
            "verify": True,
        },
        no_difference={
            **dict.fromkeys(("max_size", "max_files"), "what is too large is refused"),
            "verify": "it is how the files are looked at, not what they are",
        },
        break_it=lambda item: (item.dest / "d/b").unlink(),
        listing=_extracted,
    )


def _extracted(item: TarExtract) -> Mapping[str, object]:
    """What is in the item's folder; of its notes, without the stamps that each run makes anew."""
    folder, there = item.tar_path.parent, dict[str, object]()
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if name.parts[0] == ".peace":
            continue
        if path.name.endswith(".extracted.json"):
            notes = json.loads(path.read_text())
            there[name.as_posix()] = notes["names"], notes["unfinished"], notes["made"]
        elif path.is_symlink():
            there[name.as_posix()] = path.readlink()
        else:
            there[name.as_posix()] = path.stat().st_mode, path.is_file() and path.read_bytes()
    return there


HOW = "it is how the thing is looked at or made, not what it is"


def _reasons(*fields: str) -> Mapping[str, str]:
    """Why these fields of a `ShCmd` make no difference."""
    return dict.fromkeys((*fields, "cwd", "shell", "timeout"), HOW)


def test_sh_cmd_by_output(tmp_path: Path) -> None:
    """A script that prints what there is, and one that prints what should be."""
    check_item(
        lambda folder: ShCmd(
            current="cat it 2>/dev/null || true",
            goal='echo "$WORD"',
            apply='printf "%s" "$GOAL" > it',
            clean="rm -f it",
            env={"WORD": "hello"},
            cwd=folder,
        ),
        tmp_path / "checks",
        changed=lambda _: {
            "goal_script": "echo bye",
            "env": {"WORD": "bye"},
            "timeout": 9,
            "thing": "it",
        },
        no_difference=_reasons(
            "apply_script", "current_script", "check_script", "diff_script", "clean_script", "thing"
        ),
        break_it=lambda item: _it(item).write_text("broken"),
    )


def test_sh_cmd_by_check(tmp_path: Path) -> None:
    """A script that says whether there is something to do, of a thing that has a name."""
    check_item(
        lambda folder: ShCmd(
            check="test -f it", apply="touch it", clean="rm -f it", cwd=folder, thing="it"
        ),
        tmp_path / "checks",
        changed=lambda _: {
            "check_script": "test -e it",
            "apply_script": "echo x > it",
            "thing": "another",
        },
        no_difference=_reasons(
            "apply_script",
            "current_script",
            "goal_script",
            "check_script",
            "diff_script",
            "clean_script",
            "env",
            "thing",
        ),
        break_it=lambda item: _it(item).unlink(),
    )


def _it(item: ShCmd) -> Path:
    assert item.cwd is not None
    return item.cwd / "it"


def _downloaded(item: FileDownload) -> Mapping[str, object]:
    """What is there; of the record beside it, which tells of the file's times, only the name."""
    return {
        path.name: None if path.suffix == ".json" else path.read_bytes()
        for path in item.dest.parent.iterdir()
        if path.is_file()
    }


@pytest.mark.parametrize("sha256", [None, SHA256])
def test_file_download(tmp_path: Path, server: str, sha256: str | None) -> None:
    """With a checksum, the server is not asked where the file is right."""
    ways = ("headers", "user", "password", "netrc", "cookies")
    reasons = dict.fromkeys((*ways, "timeout", "attempts", "max_redirects"), HOW)
    if sha256 is None:
        reasons["sha256"] = "the file has it already"
    else:
        reasons |= {"src": "the checksum decides", "sha256": "no other file has another"}
    check_item(
        lambda folder: FileDownload(src=f"{server}/one", dest=folder / "it", sha256=sha256),
        tmp_path / "checks",
        changed=lambda item: {
            "src": f"{server}/two",
            "dest": item.dest.with_name("other"),
            "timeout": 9.0,
            **({"sha256": SHA256} if sha256 is None else {}),
        },
        no_difference=reasons,
        break_it=lambda item: item.dest.write_bytes(CONTENT[:-1] + b"?"),
        listing=_downloaded,
    )
