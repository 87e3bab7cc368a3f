"""The journal's bytes: whatever happens to them, no other records come out than went in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._storage.journal import (
    FILE_HEADER,
    FRAME_HEADER,
    BytesDamaged,
    VersionUnknown,
    beginning_of,
    file_header,
    frame,
    is_beginning_of_frame,
    scan,
)

payloads = st.binary(min_size=1, max_size=300)
SOME = (b'["begin"]', b'["started","a"]', b'["state","a",{}]', b'["end"]')


def _journal(*payloads: bytes) -> bytes:
    return file_header() + b"".join(frame(number, each) for number, each in enumerate(payloads))


def _ends(*payloads: bytes) -> list[int]:
    """Where each frame ends."""
    found = [FILE_HEADER]
    for payload in payloads:
        found.append(found[-1] + FRAME_HEADER + len(payload))
    return found


@given(st.lists(payloads, max_size=6).map(tuple))
def test_what_is_framed_is_found(payloads: tuple[bytes, ...]) -> None:
    """All records come out as they went in."""
    found = scan(_journal(*payloads))

    assert found.payloads == payloads
    assert (found.torn, found.damage) == (b"", None)
    assert found.end == len(_journal(*payloads))


def test_cut_anywhere() -> None:
    """Cut at any byte, the whole records before it are found; the rest is the beginning of one."""
    whole = _journal(*SOME)
    for length in range(len(whole) + 1):
        if length < FILE_HEADER:
            with pytest.raises(BytesDamaged):
                scan(whole[:length])
            continue
        found = scan(whole[:length])
        count = sum(end <= length for end in _ends(*SOME)) - 1

        assert found.payloads == SOME[:count]
        assert found.damage is None
        assert found.torn == whole[_ends(*SOME)[count] : length]
        assert is_beginning_of_frame(found.torn, count)


def test_flipped_anywhere() -> None:
    """With any bit flipped, records before it are found, and no record that was not there.

    Where whole records follow, it is damage. In the last record, it is a torn end that no killed
    process leaves, so that whoever knows that no power was lost can tell.
    """
    whole = _journal(*SOME)
    for place in range(len(whole)):
        for bit in range(8):
            flipped = bytearray(whole)
            flipped[place] ^= 1 << bit
            if place < FILE_HEADER:
                with pytest.raises(BytesDamaged):
                    scan(bytes(flipped))
                continue
            found = scan(bytes(flipped))
            hit = sum(end <= place for end in _ends(*SOME)) - 1

            assert found.payloads == SOME[:hit]
            assert found.end == _ends(*SOME)[hit]
            if hit < len(SOME) - 1:
                assert found.damage is not None
                assert found.damage.offset == _ends(*SOME)[hit]
            else:
                assert found.damage is None
                assert not is_beginning_of_frame(found.torn, hit)


@given(st.data())
def test_garbage_for_a_tail(data: st.DataObject) -> None:
    """Whatever stands in the place of the last records, none is made up."""
    count = data.draw(st.integers(0, len(SOME)))
    tail = data.draw(st.binary(max_size=200))
    found = scan(_journal(*SOME[:count]) + tail)

    assert found.payloads == SOME[:count]
    assert found.torn == tail


@pytest.mark.parametrize("length", [1, FRAME_HEADER, 5000])
def test_zeros_for_a_tail(length: int) -> None:
    """Zeros at the end, as some file systems leave them after a loss of power, are a torn end."""
    found = scan(_journal(*SOME) + bytes(length))

    assert (found.payloads, found.damage) == (SOME, None)


@pytest.mark.parametrize("lost", range(len(SOME) - 1))
def test_a_record_that_is_gone(lost: int) -> None:
    """A record that is missing between whole ones is noticed, although nothing is broken."""
    frames = [frame(number, each) for number, each in enumerate(SOME)]
    del frames[lost]
    found = scan(file_header() + b"".join(frames))

    assert found.payloads == SOME[:lost]
    assert found.damage is not None


def test_a_record_that_is_there_twice() -> None:
    """A record that is there twice is noticed."""
    again = _journal(*SOME) + frame(1, SOME[1])

    assert scan(again).damage is not None


def test_later_version() -> None:
    """A journal of a later version is told from a damaged one."""
    with pytest.raises(VersionUnknown) as caught:
        scan(file_header(7))

    assert caught.value.version == 7


def test_beginning() -> None:
    """The beginning of a journal stays what it is however long it grows."""
    whole = _journal(*SOME)

    assert {beginning_of(whole[:length]) for length in range(_ends(*SOME)[1], len(whole) + 1)} == {
        whole[: _ends(*SOME)[1]]
    }
