"""What to ask for, and what an answer means: decisions about bytes, apart from fetching them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final, TypeAlias

from peaceful.items._download._part import PartRecord

_CONTENT_RANGE: Final = re.compile(r"bytes\s+(?:(\d+)-(\d+)|\*)/(\d+|\*)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class SourceFacts:
    """What a server says of a file.

    Attributes:
        size: of the whole, in bytes, or none.
        etag: its version, or none.
        last_modified: when it was changed, as HTTP writes it, or none.
        date: the server's time at its answer, as HTTP writes it, or none.
    """

    size: int | None
    etag: str | None
    last_modified: str | None
    date: str | None = None

    def if_range(self) -> str | None:
        """What identifies these very bytes, by RFC 9110, sections 8.8 and 13.1.5; or none.

        A strong `ETag` does. `Last-Modified` does if the answer is at least a second later, since
        the file may have changed twice within one.
        """
        if self.etag is not None:
            return None if self.etag.startswith("W/") else self.etag
        changed, answered = http_time(self.last_modified), http_time(self.date)
        if changed is None or answered is None or answered - changed < timedelta(seconds=1):
            return None
        return self.last_modified


@dataclass(frozen=True, slots=True)
class FromStart:
    """The whole is to be fetched."""


@dataclass(frozen=True, slots=True)
class FromOffset:
    """The rest is to be fetched.

    Attributes:
        offset: how many bytes are there.
        if_range: what to send so that only the same bytes' rest comes; none to do without.
    """

    offset: int
    if_range: str | None


Start: TypeAlias = FromStart | FromOffset
"""Where fetching begins."""


@dataclass(frozen=True, slots=True)
class Take:
    """The answer's body is to be taken.

    Attributes:
        offset: where its first byte belongs; 0 means that what was there is to be dropped.
        total: how many bytes the whole has, or none where the server does not say.
    """

    offset: int
    total: int | None


@dataclass(frozen=True, slots=True)
class NothingLeft:
    """Everything is there already."""


@dataclass(frozen=True, slots=True)
class StartOver:
    """What is there is of no use: the whole is to be asked for."""


@dataclass(frozen=True, slots=True)
class Nonsense:
    """The answer does not fit the question.

    Attributes:
        reason: in what, as the end of a sentence.
    """

    reason: str


Verdict: TypeAlias = Take | NothingLeft | StartOver | Nonsense
"""What an answer means for what is there."""


def facts_of(headers: Mapping[str, str], status: int) -> SourceFacts:
    """What the headers of an answer say of the whole file."""
    if status in (206, 416):
        size = _range_of(headers)[2]
    else:
        size = _whole_number(headers.get("content-length"))
    return SourceFacts(size, headers.get("etag"), headers.get("last-modified"), headers.get("date"))


def start_of(record: PartRecord | None, present: int, *, source: str, verified: bool) -> Start:
    """Where to begin, given what is there.

    Args:
        record: what is known of the bytes that are there, or none.
        present: how many they are.
        source: where they should come from.
        verified: whether the whole is compared with a checksum in the end, so that a wrong guess
            would come to light.
    """
    if record is None or present == 0 or record.source != source:
        return FromStart()
    if record.length is not None and present > record.length:
        return FromStart()
    if record.if_range is None and not verified:
        return FromStart()
    return FromOffset(present, record.if_range)


def verdict(
    start: Start, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    """What a successful answer, or a 416, means.

    Args:
        start: what was asked for.
        record: what is known of the bytes that are there, or none.
        status: the answer's status.
        headers: the answer's headers, by lower-case name.
    """
    match start:
        case FromStart():
            if status == 206:
                return Nonsense("sent a part of the file where the whole was asked for")
            return Take(0, _whole_number(headers.get("content-length")))
        case FromOffset(offset=offset):
            if status not in (206, 416):
                # The server knows no ranges, or the file has changed: the whole comes.
                return Take(0, _whole_number(headers.get("content-length")))
            return _verdict_on_range(offset, record, status, headers)


def _verdict_on_range(
    offset: int, record: PartRecord | None, status: int, headers: Mapping[str, str]
) -> Verdict:
    first, _, total = _range_of(headers)
    length = None if record is None else record.length
    etag = None if record is None else record.etag
    if None not in (length, total) and length != total:
        return StartOver()
    if etag is not None and headers.get("etag", etag) != etag:
        return StartOver()
    if status == 416:
        return NothingLeft() if total == offset else StartOver()
    if first != offset:
        return Nonsense("sent another part of the file than the one that was asked for")
    return Take(offset, total)


def _range_of(headers: Mapping[str, str]) -> tuple[int | None, int | None, int | None]:
    """First byte, last byte and size of the whole, as far as `Content-Range` says."""
    found = _CONTENT_RANGE.fullmatch(headers.get("content-range", "").strip())
    if found is None:
        return None, None, None
    first, last, total = (_whole_number(part) for part in found.groups())
    return first, last, total


def _whole_number(text: str | None) -> int | None:
    # No file has more bytes than 18 digits say, and Python refuses to read thousands of them.
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,18}", text) else None


def http_time(text: str | None) -> datetime | None:
    """The moment that an HTTP date says (RFC 9110, section 5.6.7), or none where it is not one."""
    if text is None:
        return None
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):
        # The latter of numbers that are too large to be part of any date.
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds that an answer asks to wait (RFC 9110, section 10.2.3), or none.

    A moment is compared with the server's own time, whatever this machine's clock says.
    """
    text = headers.get("retry-after", "").strip()
    seconds = _whole_number(text)
    if seconds is not None:
        return float(seconds)
    then, now = http_time(text), http_time(headers.get("date"))
    return None if then is None or now is None else max(0.0, (then - now).total_seconds())
