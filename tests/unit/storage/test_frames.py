"""The journal's bytes: whatever happens to them, no other records come out than went in."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._storage.journal import (
    FILE_HEADER,
    BytesDamaged,
    VersionUnknown,
    file_header,
    frame,
    scan,
)

WORD = b"12345678"
FRAME_HEADER = len(frame(WORD, 0, 0, b""))
payloads = st.binary(min_size=1, max_size=300)
SOME = (b'["begin"]', b'["started","a"]', b'["state","a",{}]', b'["end"]')


def _ends(*payloads: bytes) -> list[int]:
    """Where each frame ends."""
    found = [FILE_HEADER]
    for payload in payloads:
        found.append(found[-1] + FRAME_HEADER + len(payload))
    return found


def _frames(payloads: Iterable[bytes], word: bytes = WORD, *, synced: bool = False) -> list[bytes]:
    """Frames, each telling that all before it was `synced`, or nothing."""
    payloads = tuple(payloads)
    ends = _ends(*payloads)
    return [
        frame(word, number, ends[number] if synced else 0, each)
        for number, each in enumerate(payloads)
    ]


def _journal(*payloads: bytes, synced: bool = False) -> bytes:
    return file_header(WORD) + b"".join(_frames(payloads, synced=synced))


def _first_version(*payloads: bytes) -> bytes:
    """A journal as earlier versions of the program wrote it."""
    head = struct.pack(">8sI", b"peacefuJ", 1)
    data = head + struct.pack(">I", zlib.crc32(head))
    for number, payload in enumerate(payloads):
        head = struct.pack(">III", len(payload), number, zlib.crc32(payload))
        data += head + struct.pack(">I", zlib.crc32(head)) + payload
    return data


@given(st.lists(payloads, max_size=6).map(tuple))
def test_what_is_framed_is_found(payloads: tuple[bytes, ...]) -> None:
    """All records come out as they went in, and where they were."""
    for whole in (_journal(*payloads), _first_version(*payloads)):
        found = scan(whole)

        assert found.payloads == payloads
        assert (found.torn, found.cut, found.synced) == (b"", True, 0)
        assert found.end == len(whole)
    found = scan(_journal(*payloads))
    assert [*found.offsets, found.end] == _ends(*payloads)


def test_cut_anywhere() -> None:
    """Cut at any byte, the whole records before it are found; the rest is the beginning of one."""
    whole = _journal(*SOME, synced=True)
    for length in range(len(whole) + 1):
        if length < FILE_HEADER - len(WORD):
            with pytest.raises(BytesDamaged):
                scan(whole[:length])
            continue
        found = scan(whole[:length])
        count = max(0, sum(end <= length for end in _ends(*SOME)) - 1)

        assert found.payloads == SOME[:count]
        assert found.torn == whole[_ends(*SOME)[count] : length]
        assert found.cut
        assert found.synced <= found.end


@pytest.mark.parametrize("synced", [True, False])
def test_flipped_anywhere(synced: bool) -> None:
    """With any bit flipped, records before it are found, and no record that was not there.

    It is never what a killed process leaves. Where a later record tells that all was synced before
    it, the flipped one is known to have been on disk.
    """
    whole = _journal(*SOME, synced=synced)
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            if place < FILE_HEADER - len(WORD):
                with pytest.raises(BytesDamaged):
                    scan(bytes(flipped))
                continue
            found = scan(bytes(flipped))
            # With its word, a journal loses all of its frames.
            hit = max(0, sum(end <= place for end in _ends(*SOME)) - 1)

            assert found.payloads == SOME[:hit]
            assert found.end == _ends(*SOME)[hit]
            assert not found.cut
            was_on_disk = synced and place >= FILE_HEADER and hit < len(SOME) - 1
            assert (found.synced > found.end) is was_on_disk


@given(st.data())
def test_garbage_for_a_tail(data: st.DataObject) -> None:
    """Whatever stands in the place of the last records, none is made up."""
    count = data.draw(st.integers(0, len(SOME)))
    tail = data.draw(st.binary(max_size=200))
    found = scan(_journal(*SOME[:count], synced=True) + tail)

    assert found.payloads == SOME[:count]
    assert found.torn == tail
    assert found.synced <= found.end


@pytest.mark.parametrize("lost", range(len(SOME) - 1))
def test_a_record_that_is_gone(lost: int) -> None:
    """A record that is missing between whole ones is noticed, although nothing is broken."""
    frames = _frames(SOME, synced=True)
    del frames[lost]
    found = scan(file_header(WORD) + b"".join(frames))

    assert found.payloads == SOME[:lost]
    assert not found.cut
    assert found.synced > found.end


def test_a_record_that_is_there_twice() -> None:
    """A record that is there twice is noticed."""
    found = scan(_journal(*SOME) + _frames(SOME)[1])

    assert found.payloads == SOME
    assert not found.cut


@pytest.mark.parametrize("lost", range(len(SOME)))
def test_records_of_an_older_journal(lost: int) -> None:
    """What was in its place on disk before, of a journal like it, is not taken for a record."""
    frames = _frames(SOME, synced=True)
    frames[lost:] = _frames(SOME, b"an older", synced=True)[lost:]
    found = scan(file_header(WORD) + b"".join(frames))

    assert found.payloads == SOME[:lost]
    assert not found.cut
    assert found.synced <= found.end


def test_a_header_is_enough() -> None:
    """A header tells what was synced also where its payload is lost."""
    synced = _ends(*SOME)[2]
    frames = [*_frames(SOME[:3]), frame(WORD, 3, synced, SOME[3])[:-2]]
    whole = file_header(WORD) + b"".join(frames)

    assert scan(whole).synced == synced
    assert scan(whole[:synced] + bytes(8) + whole[synced + 8 :]).synced == synced


def test_later_version() -> None:
    """A journal of a later version is told from a damaged one."""
    with pytest.raises(VersionUnknown) as caught:
        scan(file_header(b"whatever", 7))

    assert caught.value.version == 7


@pytest.mark.parametrize("place", range(len(_first_version(*SOME)) - len(_first_version())))
def test_first_version_flipped_anywhere(place: int) -> None:
    """A journal that an earlier version left is told to be damaged, or to be torn, as well."""
    flipped = bytearray(_first_version(*SOME))
    flipped[len(_first_version()) + place] ^= 1
    found = scan(bytes(flipped))

    assert found.payloads == SOME[: len(found.payloads)]
    assert len(found.payloads) < len(SOME)
    assert (found.cut, found.synced) == (False, 0)
