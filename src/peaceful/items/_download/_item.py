"""The item that downloads a file."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Final, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from peaceful._aio import run_in_thread
from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import StateDiff
from peaceful._item.files import sync_folder
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Location, Pull
from peaceful.items._disk import PathTaken, UsablePath, disk_errors
from peaceful.items._download._address import Address, parsed, sha256_of
from peaceful.items._download._errors import (
    DownloadFailed,
    HostUnknown,
    SourceMissing,
    SourceUnavailable,
    SourceUnreachable,
)
from peaceful.items._download._network import Client, HttpSettings, netrc_login
from peaceful.items._download._plan import Origin, Part, SourceFacts, Version
from peaceful.items._download._state import FileDownloadState, download_diff
from peaceful.items._download._transfer import Transfer, look_up, retry
from peaceful.items._secrets import hide_secrets, plain

_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_COOKIES: Final = re.compile(r"[^\x21-\x7e]|;")
_OWN_HEADERS: Final = frozenset({"range", "if-range", "content-length", "transfer-encoding"})


def _hide_address(value: object) -> object:
    """Make an address that holds a secret a `SecretStr`, so that it is written nowhere."""
    if not isinstance(value, str):
        return value
    try:
        secret = parsed(value).secret
    except ValueError:
        secret = "@" in value or "?" in value  # It will be refused, but must not be shown.
    return SecretStr(value) if secret else value


def _is_address(value: str | SecretStr) -> str | SecretStr:
    parsed(plain(value))
    return value


def _hide(value: object) -> object:
    return SecretStr(value) if isinstance(value, str) else value


def _hide_all(value: object) -> object:
    """Make each text in a mapping a `SecretStr`; a validator that leaves other values alone."""
    if not isinstance(value, Mapping):
        return value
    entries = cast("Mapping[object, object]", value)
    return {name: _hide(text) for name, text in entries.items()}


def _are_cookies(cookies: Mapping[str, str | SecretStr]) -> Mapping[str, str | SecretStr]:
    for name, value in cookies.items():
        if _TOKEN.fullmatch(name) is None or _NOT_IN_COOKIES.search(plain(value)):
            # Without the name, which is a secret too if both were given as one text.
            raise ValueError("a cookie has a name and a value, without spaces and semicolons")
    return cookies


def _is_sha256(value: str) -> str:
    if _SHA256.fullmatch(value.strip().lower()) is None:
        raise ValueError("a SHA-256 has 64 hexadecimal digits")
    return value.strip().lower()


def _are_free(headers: Mapping[str, str | SecretStr]) -> Mapping[str, str | SecretStr]:
    taken = [name for name in headers if name.lower() in _OWN_HEADERS]
    if taken:
        raise ValueError(f"{taken[0]} is not for you to give: the download itself decides it")
    return headers


class FileDownload(Item[FileDownloadState]):
    """A file from a web server, in the version that the server has now.

    ```python
    archive = flow.add("app_download", FileDownload(src=url, dest=into / "app.tar"))
    ```

    The bytes go to `<dest>.part`, which is renamed to the target when all are there. An interrupted
    download resumes from there, even days later, as long as the server has the same version; if
    not, it starts over. Needs the extra `http`.

    The file on the disk is compared with the server's size and `ETag` or `Last-Modified`, which are
    recorded beside it in `.<name>.source.json` and valid until somebody changes the file. With
    `sha256`, the file itself is compared, nothing is recorded, and the server is not asked at all
    if the file is right: prefer it if you know the checksum.

    Proxies are taken from the environment (`https_proxy`, `no_proxy`, ...), certificate authorities
    from `SSL_CERT_FILE` and `SSL_CERT_DIR` if those are set, else from the system. Headers, cookies
    and login are not sent along with a redirect to another server; cookies that servers set on the
    way go back to them, and are forgotten at the end.

    Attributes:
        src: the address, `http` or `https`. With a login or a signature in it, it is treated as a
            secret: it is not stored, and not shown.
        dest: the file.
        sha256: the SHA-256 that the file must have, in hexadecimal digits.
        user: the user name of a login (HTTP's `Basic` scheme).
        password: its password, a secret.
        netrc: a file of logins in the format of `.netrc`, from which that for the server is taken
            unless a login is given otherwise. `~` is the home folder.
        cookies: sent to the server; their values are secrets.
        headers: sent to the server, such as `Authorization` with a token. Logins, tokens and keys
            are treated as secrets; give a `SecretStr` for anything else that is one. `Range` and
            other headers that the download itself needs are refused.
        timeout: seconds without an answer, or without a further byte, after which an attempt fails.
        attempts: the most attempts in a row that get no further, after failures that may pass.
        max_redirects: the most redirects to follow.
    """

    takes_over: ClassVar[bool] = True

    src: Annotated[str | SecretStr, AfterValidator(_is_address), BeforeValidator(_hide_address)]
    dest: UsablePath
    sha256: Annotated[str, AfterValidator(_is_sha256)] | None = None
    user: str | None = None
    password: Annotated[str | SecretStr | None, BeforeValidator(_hide)] = None
    netrc: UsablePath | None = None
    cookies: Annotated[
        Mapping[str, str | SecretStr], AfterValidator(_are_cookies), BeforeValidator(_hide_all)
    ] = {}
    headers: Annotated[
        Mapping[str, str | SecretStr], AfterValidator(_are_free), BeforeValidator(hide_secrets)
    ] = {}
    timeout: Annotated[float, Field(gt=0)] = 30.0
    attempts: Annotated[int, Field(ge=1)] = 5
    max_redirects: Annotated[int, Field(ge=0)] = 10

    @model_validator(mode="after")
    def _names_one_login(self) -> Self:
        if (self.user is None) != (self.password is None):
            raise ValueError("user and password belong together: give both, or neither")
        if self.user is None:
            return self
        if ":" in self.user:
            raise ValueError("the name of a user has no colon")
        if self._address().login or any(name.lower() == "authorization" for name in self.headers):
            raise ValueError("give one login: by user and password, in src, or in headers")
        return self

    def state_current(self, ctx: ItemCtx) -> FileDownloadState:
        """Look at the file, its record and any unfinished download."""
        facts = self._facts()
        partial = self._partial_size()
        if facts is None:
            # What is left of a file that somebody has removed is cleaned up, too.
            record = Origin.load(self.dest)
            source = None if record is None else record.source
            return FileDownloadState(path=self.dest, present=False, partial=partial, source=source)
        origin = sha256 = None
        if self.sha256 is None:
            origin = Origin.of(self.dest, facts)
        else:
            what = "comparing the checksum of what is there"
            sha256 = sha256_of(self.dest, facts.st_size, ctx, message=what, where=f"while {what}")
        return FileDownloadState(
            path=self.dest,
            present=True,
            size=facts.st_size,
            sha256=sha256,
            etag=None if origin is None else origin.etag,
            last_modified=None if origin is None else origin.last_modified,
            source=None if origin is None else origin.source,
            partial=partial,
        )

    async def state_goal(self, ctx: ItemCtx) -> FileDownloadState:
        """Ask the server for the file's version; with a checksum, without asking."""
        return await self._goal(ctx, self.attempts)

    async def try_state_goal(self, ctx: ItemCtx) -> FileDownloadState | None:
        """Return the goal, or None if the server or its file may still come to be."""
        try:
            return await self._goal(ctx, 1)
        except (HostUnknown, SourceUnreachable, SourceUnavailable, SourceMissing) as failure:
            ctx.log.warning("%s: not known yet what it should be: %s", ctx.item, failure.message)
            return None

    def state_clean(self, ctx: ItemCtx) -> FileDownloadState:
        """Return that there is no file, nor anything beside it."""
        return FileDownloadState(path=self.dest, present=False)

    def diff(self, current: FileDownloadState, goal: FileDownloadState) -> StateDiff | None:
        """Compare the checksum, or else size and version, as far as both states know them."""
        return download_diff(current, goal)

    async def apply(
        self, ctx: ItemCtx, current: FileDownloadState, goal: FileDownloadState
    ) -> FileDownloadState:
        """Download the file, resuming an unfinished download; or remove it."""
        if not goal.present:
            await run_in_thread(self._remove)
            return goal
        await ctx.safe_point(where="before the download")
        return await Transfer(ctx, self._settings(), self.attempts, current, goal).run()

    def identity(self) -> str:
        """Return the file."""
        return f"file:{self.dest}"

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item pulls from the server to the file."""
        target = Location.path(str(self.dest), Location.host("localhost"))
        try:
            address = self._address()
        except DownloadFailed:
            # An example value, made from the field's name, is no address.
            return (Pull(target, Location.host(plain(self.src))),)
        return (Pull(target, Location.path(address.path, Location.host(address.host))),)

    def state_example(self) -> FileDownloadState:
        """Return a file of five megabytes."""
        return FileDownloadState(path=self.dest, present=True, size=5_000_000, etag='"5f3c"')

    async def _goal(self, ctx: ItemCtx, attempts: int) -> FileDownloadState:
        settings = self._settings()
        facts = SourceFacts(None, None, None)
        if self.sha256 is None:
            address = settings.address
            known, is_part = await run_in_thread(self._known)
            ahead = ctx.leads_to_apply and not is_part
            client = await Client.of(settings, ctx)
            facts = await retry(
                ctx,
                lambda: look_up(client, address, known, ahead=ahead),
                attempts,
                f"asking {address.host}",
            )
        return FileDownloadState(
            path=self.dest,
            present=True,
            size=facts.size,
            sha256=self.sha256,
            etag=facts.etag,
            last_modified=facts.last_modified,
            source=settings.address.shown,
        )

    def _address(self) -> Address:
        try:
            return parsed(plain(self.src))
        except ValueError as error:
            raise DownloadFailed(
                f"The address to download from cannot be used: {error}.", help="correct src"
            ) from error

    def _settings(self) -> HttpSettings:
        address = self._address()
        login = address.login
        if self.user is not None and self.password is not None:
            login = self.user, plain(self.password)
        if login is None and self.netrc is not None:
            login = netrc_login(self.netrc.expanduser(), address.origin[1])
        return HttpSettings(
            address=address,
            login=login,
            cookies={name: plain(text) for name, text in self.cookies.items()},
            headers={name: plain(text) for name, text in self.headers.items()},
            timeout=self.timeout,
            max_redirects=self.max_redirects,
            verified=self.sha256 is not None,
        )

    def _facts(self) -> os.stat_result | None:
        with disk_errors(self.dest, "looked at"):
            try:
                facts = self.dest.stat()
            except (FileNotFoundError, NotADirectoryError):
                return None
        if stat.S_ISDIR(facts.st_mode):
            raise PathTaken(self.dest, "a folder", "the downloaded file")
        if not stat.S_ISREG(facts.st_mode):
            raise PathTaken(self.dest, "neither a file nor a folder", "the downloaded file")
        return facts

    def _known(self) -> tuple[Version | None, bool]:
        """Return the version of what is there, if that is known, and whether it is only a part."""
        part = Part(self.dest)
        if part.is_ours():
            part.load()
            if part.record is not None:
                return part.record, True
        facts = self._facts()
        return None if facts is None else Origin.of(self.dest, facts), False

    def _partial_size(self) -> int | None:
        part = Part(self.dest)
        if not part.is_ours():
            return None
        part.load()
        with disk_errors(part.path, "looked at"):
            return part.size if part.path.exists() or part.record_path.exists() else None

    def _remove(self) -> None:
        with disk_errors(self.dest, "removed"):
            self.dest.unlink(missing_ok=True)
            if Origin.load(self.dest) is not None:
                Origin.path_for(self.dest).unlink(missing_ok=True)
            part = Part(self.dest)
            if part.is_ours():
                part.remove()
            if self.dest.parent.exists():
                sync_folder(self.dest.parent)
