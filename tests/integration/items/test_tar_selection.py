"""A part of an archive: stripped, included and excluded as GNU tar does it, and compared so."""

from __future__ import annotations

import asyncio
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from example_counts import examples
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError
from tar_archives import member, tar

from peaceful import ItemStatus
from peaceful.errors import PeacefulError
from peaceful.items import TarExtract, TarExtractState
from peaceful.items._tar._errors import ArchiveRefused, NothingSelected
from peaceful.items._tar._selection import pattern
from peaceful.testing import ItemHarness

LINK, HARD, FOLDER = tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.DIRTYPE

Members = Sequence[tuple[tarfile.TarInfo, bytes]]

APP: Members = [
    member("app-1", kind=FOLDER),
    member("app-1/bin/start", b"start", mode=0o755),
    member("app-1/bin/stop", kind=HARD, target="app-1/bin/start"),
    member("app-1/doc/a.md", b"a"),
    member("app-1/doc/b.txt", b"b"),
    member("app-1/doc/start", kind=LINK, target="../bin/start"),
    member("README", b"read me"),
]


def extraction(
    folder: Path, members: Members | bytes, **fields: object
) -> ItemHarness[TarExtractState]:
    """A harness around the extraction of a part of an archive into `out`."""
    data = members if isinstance(members, bytes) else tar(*members)
    (folder / "a.tar").write_bytes(data)
    known = {"tar_path": folder / "a.tar", "dest": folder / "out"}
    return ItemHarness(TarExtract.model_validate({**known, **fields}), folder)


def found(folder: Path) -> dict[str, str]:
    """What is in a folder, but notes: files, and where links lead."""
    return {
        path.relative_to(folder).as_posix(): f"-> {path.readlink()}"
        if path.is_symlink()
        else path.read_text()
        for path in sorted(folder.rglob("*"))
        if (path.is_symlink() or path.is_file()) and not path.name.startswith(".")
    }


def ensured(folder: Path, members: Members | bytes, **fields: object) -> dict[str, str]:
    """What is extracted; a second run changes nothing."""
    harness = extraction(folder, members, **fields)

    async def life() -> None:
        await harness.result_of("ensure")
        assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED

    asyncio.run(life())
    return found(folder / "out")


# ---- as GNU tar

_PARTS = st.sampled_from(["a", "b", "ab", "a.b", "A", "d", "]", "x-y", "*"])
_NAMES = st.lists(_PARTS, min_size=1, max_size=3).map("/".join)
_PATTERNS = st.lists(
    st.sampled_from(["a", "b", "ab", "/", "*", "?", "[ab]", "[!a]", "[^b]", "[a-c]", "[]a]"])
    | st.sampled_from([".", "\\d", "\\*", "[[:upper:]]", "[[:alpha:]x]", "[b-]", "d", "x-y"]),
    min_size=1,
    max_size=4,
).map("".join)


@st.composite
def names(draw: st.DrawFn) -> list[str]:
    """Names of files, none of which lies below another."""
    drawn = draw(st.lists(_NAMES, min_size=1, max_size=8, unique=True))
    return [each for each in drawn if not any(other.startswith(f"{each}/") for other in drawn)]


@examples(25)
@given(names(), st.lists(_PATTERNS, max_size=2), st.lists(_PATTERNS, max_size=2), st.integers(0, 3))
@example(["d/a", "d/b"], ["d"], ["a"], 1)
@example(["a/b", "ab"], [], ["a"], 0)
def test_a_part_is_what_gnu_tar_extracts(
    members: list[str], include: list[str], exclude: list[str], strip: int
) -> None:
    """Whatever the names and patterns; where nothing is left, or a pattern is idle, it is told."""
    include, exclude = ([each for each in many if each.strip("/")] for many in (include, exclude))
    exclude = [each for each in exclude if not each.endswith("/")]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        data = tar(*(member(each, each.encode()) for each in members))
        (folder / "a.tar").write_bytes(data)
        (folder / "gnu").mkdir()
        options = [f"--exclude={each}" for each in exclude]
        command: list[str | Path] = [
            "tar",
            "-xf",
            folder / "a.tar",
            f"--strip-components={strip}",
            *options,
        ]
        command += ["-C", folder / "gnu", "--wildcards", "--", *include]
        env = {**os.environ, "LC_ALL": "C.UTF-8"}
        ran = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        expected = found(folder / "gnu")
        try:
            fields = {"strip_components": strip, "include": include, "exclude": exclude}
            extracted = ensured(folder, data, **fields)
        except NothingSelected as nothing:
            if "is named as include says" in nothing.message:
                # tar names those that nothing was extracted by; those that were left out are idle.
                assert "Not found in archive" in ran.stderr
            else:
                assert expected == {}
        except ArchiveRefused as refused:
            # What is stripped may bring a file and what lies below it together.
            met = [reason for _, reason in refused.refused if "which is a file" in reason]
            assert met
            assert strip
            assert ran.returncode != 0
        else:
            assert extracted == expected


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"strip_components": 1}, "bin/start bin/stop doc/a.md doc/b.txt doc/start"),
        ({"include": ("app-1/doc",)}, "app-1/doc/a.md app-1/doc/b.txt app-1/doc/start"),
        ({"include": ("app-1/doc/",)}, "app-1/doc/a.md app-1/doc/b.txt app-1/doc/start"),
        ({"include": ("*.md", "README")}, "README app-1/doc/a.md"),
        ({"include": ("*.md",), "strip_components": 2}, "a.md"),
        ({"exclude": ("doc", "README")}, "app-1/bin/start app-1/bin/stop"),
        ({"include": ("app-1",), "exclude": ("doc/*.*", "start")}, "app-1/bin/stop"),
    ],
    ids=str,
)
def test_patterns_and_stripping_are_told_by_example(
    fields: dict[str, object], names: str, tmp_path: Path
) -> None:
    """As the documentation says."""
    assert " ".join(ensured(tmp_path, APP, **fields)) == names


async def test_another_selection_of_the_same_archive_is_a_difference(tmp_path: Path) -> None:
    """Each parameter is seen; what is not selected any more is removed, and nothing else."""
    harness = extraction(tmp_path, APP)
    await harness.result_of("ensure")
    (tmp_path / "out" / "app-1" / "mine").write_text("mine")
    for fields in (
        {"strip_components": 1},
        {"strip_components": 1, "exclude": ("doc",)},
        {"strip_components": 1, "include": ("*.md",)},
        {},
    ):
        harness = extraction(tmp_path, APP, **fields)
        assert await harness.difference() is not None
        assert (await harness.result_of("ensure")).status is ItemStatus.DONE
        assert await harness.difference() is None
        _, goal = await harness.states()
        assert goal is not None
        assert goal.found is not None
        assert set(found(tmp_path / "out")) == {*goal.found.entries, "app-1/mine"} - {"app-1"}
    await harness.result_of("clean")
    assert found(tmp_path / "out") == {"app-1/mine": "mine"}


# ---- links to what is left out


@pytest.mark.parametrize(
    "fields",
    [
        {"include": ("z",)},
        {"exclude": ("a",)},
        {"strip_components": 1},
        {"strip_components": 1, "exclude": ("z/1",)},
    ],
    ids=str,
)
def test_a_hard_link_to_what_is_left_out_becomes_the_file(
    fields: dict[str, object], tmp_path: Path
) -> None:
    """Whatever leaves it out, however many there are, and through others that are left out, too."""
    members = [
        member("a", b"content"),
        member("b", kind=HARD, target="a"),
        member("z/1", kind=HARD, target="a"),
        member("z/2", kind=HARD, target="./b"),
        member("z/3", kind=HARD, target="z/1"),
        member("z/4", b"own"),
    ]

    extracted = ensured(tmp_path, members, **fields)

    assert {name.rpartition("/")[2]: text for name, text in extracted.items()}.items() >= {
        "2": "content",
        "3": "content",
        "4": "own",
    }.items()
    assert "a" not in extracted


def test_entries_that_get_one_name_do_not_mix(tmp_path: Path) -> None:
    """The last counts; a hard link to the first has the content of the first."""
    members = [
        member("a/x", b"first"),
        member("b/x", b"second"),
        member("c/y", kind=HARD, target="a/x"),
    ]

    assert ensured(tmp_path, members, strip_components=1) == {"x": "second", "y": "first"}


def test_a_symbolic_link_to_what_is_left_out_leads_nowhere(tmp_path: Path) -> None:
    """And stays within."""
    members = [member("d/a", b"x"), member("d/l", kind=LINK, target="a")]

    assert ensured(tmp_path, members, exclude=("d/a",)) == {"d/l": "-> a"}


@pytest.mark.parametrize("target", ["../../x", "../x"])
async def test_a_link_that_would_lead_out_when_stripped_is_refused(
    target: str, tmp_path: Path
) -> None:
    """Where it will be counts, and not where it was in the archive; left out, it does no harm."""
    members = [member("d/e/l", kind=LINK, target=target), member("d/e/f", b"f")]
    harness = extraction(tmp_path, members, strip_components=2)

    with pytest.raises(ArchiveRefused) as refused:
        await harness.result_of("ensure")
    assert dict(refused.value.refused) == {"d/e/l": "it is a link that leads out"}
    assert not (tmp_path / "out").exists()
    harness = extraction(tmp_path, members, strip_components=2, exclude=("l",))
    await harness.result_of("ensure")
    assert found(tmp_path / "out") == {"f": "f"}


@pytest.mark.parametrize(
    "bad",
    [
        member("bad/../../x", b"x"),
        member("/bad", b"x"),
        member("bad", kind=tarfile.CHRTYPE),
        member("bad\n", b"x"),
        member("bad", kind=LINK, target="/etc"),
        member("bad", kind=HARD, target="/etc/passwd"),
        member("bad", kind=HARD, target="none"),
        member("b\udce4d", b"x"),
    ],
    ids=lambda bad: repr(bad[0].name),
)
def test_what_is_left_out_may_be_anything(
    bad: tuple[tarfile.TarInfo, bytes], tmp_path: Path
) -> None:
    """It is not written, so it can do nothing."""
    assert ensured(tmp_path, [bad, member("good", b"x")], exclude=("b?d*",)) == {"good": "x"}


@pytest.mark.parametrize("strip", [1, 2])
async def test_stripping_makes_no_way_out(strip: int, tmp_path: Path) -> None:
    """What is left of a name is checked as any name is."""
    harness = extraction(tmp_path, [member("a/b/../../x", b"x")], strip_components=strip)

    with pytest.raises(ArchiveRefused, match="must not be extracted"):
        await harness.result_of("ensure")
    assert not (tmp_path / "x").exists()


# ---- nothing


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"include": ("bin",)}, "nothing that is named as include says: 'bin'"),
        ({"include": ("app-1", "x*")}, "nothing that is named as include says: 'x*'"),
        ({"strip_components": 9}, "nothing that is left by strip_components"),
        ({"exclude": ("*",)}, "nothing that is left by strip_components, include and exclude"),
    ],
    ids=str,
)
async def test_a_selection_of_nothing_is_told(
    fields: dict[str, object], says: str, tmp_path: Path
) -> None:
    """It is a mistake, most likely, and no reason to remove what is there."""
    await extraction(tmp_path, APP).result_of("ensure")
    before = found(tmp_path / "out")

    with pytest.raises(NothingSelected) as nothing:
        await extraction(tmp_path, APP, **fields).result_of("ensure")

    assert says in nothing.value.message
    assert found(tmp_path / "out") == before


@pytest.mark.parametrize(
    "fields",
    [
        {"include": ("",)},
        {"exclude": ("/",)},
        {"include": ("[[:nonsense:]]",)},
        {"exclude": ("[z-a]",)},
        {"strip_components": -1},
        {"include": "app"},
    ],
    ids=str,
)
def test_selections_that_make_no_sense_are_refused_when_the_item_is_made(
    fields: dict[str, object],
) -> None:
    """By the field."""
    with pytest.raises(ValidationError, match=next(iter(fields))):
        TarExtract.model_validate({"tar_path": "a.tar", "dest": "out", **fields})


def test_a_long_name_takes_no_long_time() -> None:
    """Whatever an archive is made of, each star is tried once."""
    hostile = pattern("*a*a*a*a*a*a*b/*a*c", anchored=False)

    assert not hostile.matches("a" * 4_000)
    assert not hostile.matches("a/" * 2_000)
    assert not pattern("*/" * 20 + "x", anchored=False).matches("a/" * 2_000 + "b")


# ---- what is unusual and harmless


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "pax"])
def test_labels_and_back_ups_of_gnu_tar_are_extracted(form: str, tmp_path: Path) -> None:
    """A label is no entry, and a folder with a list of its content is a folder."""
    (tmp_path / "source" / "sub" / "empty").mkdir(parents=True)
    (tmp_path / "source" / "sub" / "file").write_text("text")
    command: list[str | Path] = [
        "tar",
        f"--format={form}",
        "-V",
        "a label",
        "-cf",
        tmp_path / "b.tar",
    ]
    if form != "oldgnu":
        command += ["-g", tmp_path / "snapshot"]
    subprocess.run([*command, "-C", tmp_path / "source", "."], check=True)

    extracted = ensured(tmp_path, (tmp_path / "b.tar").read_bytes())

    assert extracted == {"sub/file": "text"}
    assert (tmp_path / "out" / "sub" / "empty").is_dir()


@pytest.mark.parametrize(
    ("bad", "advice"),
    [
        (member("Icon\r", b""), "leave these entries out by exclude"),
        (member("a" * 256, b""), "leave these entries out by exclude"),
        (member("caf\udce9", b""), "leave these entries out by exclude"),
        (member("dev", kind=tarfile.BLKTYPE), "leave these entries out by exclude"),
        (member("/etc/passwd", b""), "do not use it unless you know who made it"),
        (member("l", kind=LINK, target="/etc"), "do not use it unless you know who made it"),
    ],
    ids=lambda bad: repr(bad[0].name)[:20] if isinstance(bad, tuple) else "",
)
async def test_advice_fits_what_is_wrong(
    bad: tuple[tarfile.TarInfo, bytes], advice: str, tmp_path: Path
) -> None:
    """What cannot be kept is no attack; one attack among it is."""
    with pytest.raises(PeacefulError) as unfit:
        await extraction(tmp_path, [bad]).result_of("ensure")
    with pytest.raises(PeacefulError) as attack:
        await extraction(tmp_path, [bad, member("../x", b"")]).result_of("ensure")

    assert advice in unfit.value.help
    assert "do not use it unless you know who made it" in attack.value.help
