"""Errors of requests to the web server: who may ask, and what a request may look like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from peaceful._errors.base import PeacefulError
from peaceful._errors.running import BlockedError
from peaceful._errors.usage import UsageError


class RequestRefused(UsageError):
    """The web server does not do what a request asks for; nothing was started."""

    code: ClassVar[str] = "REQUEST-REFUSED"


class HostRefused(RequestRefused):
    """A request names a host that is not this server's: a page elsewhere may be behind it."""

    code: ClassVar[str] = "HOST-REFUSED"

    def __init__(self, host: str, known: Iterable[str]) -> None:
        super().__init__(
            f"This server is not {host[:100]!r}.",
            details=(("what it is", ", ".join(known)),),
            help="use an address above, or start the server with the name that it is to have",
        )


class OriginRefused(RequestRefused):
    """A page of another site made a request, which a person did not mean to make."""

    code: ClassVar[str] = "ORIGIN-REFUSED"

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"A page of another site ({origin[:100]}) may not use this server.",
            help="use the pages of this server; programs send no Origin",
        )


class TokenRefused(RequestRefused):
    """A request has no token, or a wrong one."""

    code: ClassVar[str] = "TOKEN-REFUSED"

    def __init__(self) -> None:
        super().__init__(
            "This server answers only to those who have its token.",
            help="open the address that the server printed when it was started; "
            "programs send the header Authorization: Bearer TOKEN",
        )


class RoleRefused(RequestRefused):
    """A token is known, and may be used for other things only.

    Attributes:
        role: what the request needs.
    """

    code: ClassVar[str] = "ROLE-REFUSED"

    def __init__(self, role: str) -> None:
        super().__init__(
            f"This token does not have the role {role!r}, which the request needs.",
            help="use a token that has it",
        )
        self.role = role


class BodyRefused(RequestRefused):
    """The body of a request is too long, too slow, or of another kind than what is read here."""

    code: ClassVar[str] = "BODY-REFUSED"


class PageUnknown(RequestRefused):
    """There is nothing at the address of a request."""

    code: ClassVar[str] = "PAGE-UNKNOWN"

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is nothing at {path[:200]!r}.",
            help="see /api/openapi.json for what there is",
        )


class MethodRefused(RequestRefused):
    """There is something at the address of a request, but this cannot be done with it.

    Attributes:
        allowed: what can be done with it.
    """

    code: ClassVar[str] = "METHOD-REFUSED"

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed: tuple[str, ...] = tuple(sorted(allowed))
        super().__init__(
            f"{method[:20]} cannot be done with {path[:200]!r}.",
            details=(("what can", ", ".join(self.allowed)),),
            help="see /api/openapi.json for what there is",
        )


class KeyReused(RequestRefused):
    """An idempotency key came again with another request than the first time."""

    code: ClassVar[str] = "IDEMPOTENCY-KEY-REUSED"

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The idempotency key {key[:50]!r} was used for another request before.",
            help="use a new key for each request, and the same one only to repeat it",
        )


class DiagramTooLarge(RequestRefused):
    """A diagram would have more in it than anyone could take in."""

    code: ClassVar[str] = "DIAGRAM-TOO-LARGE"

    def __init__(self, name: str, number: int, most: int, what: str) -> None:
        super().__init__(
            f"{name} is too large to draw: it would take at least {number:,} {what}, and a diagram "
            f"shows at most {most:,}.",
            help="ask for it with format=dot or format=json",
        )


class DiagramFailed(PeacefulError):
    """Graphviz could not draw a diagram: it took too long, or crashed."""

    code: ClassVar[str] = "DIAGRAM-FAILED"

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(
            f"The diagram could not be drawn: {reason}.",
            details=(("how it ended", said),) if said else (),
            help="ask for it with format=dot or format=json",
        )


class ServerStopping(BlockedError):
    """The web server is about to end, and starts nothing new."""

    code: ClassVar[str] = "SERVER-STOPPING"

    def __init__(self) -> None:
        super().__init__(
            "This server is about to end: what runs is finishing, and nothing new is started.",
            help="start it again, then repeat the request",
        )
