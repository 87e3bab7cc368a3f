"""Errors of downloads."""

from __future__ import annotations

from pathlib import Path

from peaceful._errors.running import ItemFailure
from peaceful._present.numbers import size


class DownloadFailed(ItemFailure, code="DOWNLOAD-FAILED"):
    """A download failed. Messages show addresses without logins, tokens and signatures."""


class HostUnknown(DownloadFailed, code="DOWNLOAD-HOST-UNKNOWN"):
    """The host name of the address cannot be resolved."""

    def __init__(self, host: str) -> None:
        super().__init__(
            f"There is no host named {host}.",
            help="check the address; a name of an internal network is only known inside it",
        )


class SourceUnreachable(DownloadFailed, code="DOWNLOAD-UNREACHABLE"):
    """The server did not answer, or the connection broke. Trying again may help."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} {reason}.",
            help="check the network and any proxy, then run the command again: it carries on",
        )


class SourceUnavailable(DownloadFailed, code="DOWNLOAD-UNAVAILABLE"):
    """The server is temporarily unavailable. Trying again may help.

    Attributes:
        status: the HTTP status.
        retry_after: the seconds that it asks to wait, or None.
    """

    def __init__(self, shown: str, status: int, reason: str, retry_after: float | None) -> None:
        later = "" if retry_after is None else f"; it asks to wait {retry_after:.0f} s"
        super().__init__(
            f"The server cannot give {shown} now: {status} {reason}{later}.",
            help="run the command again later: it carries on",
        )
        self.status = status
        self.retry_after = retry_after


class SourceNotTrusted(DownloadFailed, code="DOWNLOAD-TLS"):
    """The server's certificate is not trusted, or TLS failed."""

    def __init__(self, host: str, reason: str) -> None:
        super().__init__(
            f"{host} could not prove that it is {host}: {reason}.",
            help="check the address and this machine's clock; for a certificate authority of your "
            "own, name its file in the environment variable SSL_CERT_FILE",
        )


class SourceMissing(DownloadFailed, code="DOWNLOAD-NOT-FOUND"):
    """The server does not have the file."""

    def __init__(self, shown: str, status: int) -> None:
        super().__init__(
            f"There is nothing at {shown}: the server says {status}.",
            help="check the address; some servers say this too where a login is missing",
        )


class SourceRefused(DownloadFailed, code="DOWNLOAD-REFUSED"):
    """The server refused the request with the HTTP status `status`."""

    def __init__(self, shown: str, status: int, reason: str) -> None:
        login = status in (401, 403, 407)
        super().__init__(
            f"The server does not give {shown}: {status} {reason}.",
            help="give a login, cookies or a token, or check that those given have not expired"
            if login
            else "check the address and the headers",
        )
        self.status = status


class RedirectRefused(DownloadFailed, code="DOWNLOAD-REDIRECT"):
    """The server redirects to an address that is not followed."""


class AnswerInvalid(DownloadFailed, code="DOWNLOAD-ANSWER"):
    """The answer does not fit the request. Trying again may help."""


class LengthWrong(DownloadFailed, code="DOWNLOAD-LENGTH"):
    """The server sent fewer or more bytes than announced. Trying again may help."""

    def __init__(self, shown: str, expected: int, found: int) -> None:
        super().__init__(
            f"{shown} should have {expected} bytes ({size(expected)}), and {found} came.",
            help="run the command again; if it stays so, the server is at fault",
        )


class ChecksumWrong(DownloadFailed, code="DOWNLOAD-CHECKSUM"):
    """The downloaded file has the wrong checksum. It was removed."""

    def __init__(self, shown: str, path: Path, expected: str, found: str) -> None:
        super().__init__(
            f"What {shown} gives is not what it should be: its SHA-256 is another. "
            f"It was removed; {path} is as it was.",
            details=(("expected", expected), ("found", found)),
            help="check where both come from, and use neither before you know which one is right",
        )
