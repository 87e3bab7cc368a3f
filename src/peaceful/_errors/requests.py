"""Errors of requests to the web server."""

from __future__ import annotations

from collections.abc import Iterable

from peaceful._errors.base import PeacefulError
from peaceful._errors.running import BlockedError
from peaceful._errors.usage import UsageError


class RequestRefused(UsageError, code="REQUEST-REFUSED"):
    """The web server refuses a request; nothing was started."""


class HostRefused(RequestRefused, code="HOST-REFUSED"):
    """A request names a host that is not this server's: a page elsewhere may be behind it."""

    def __init__(self, host: str, known: Iterable[str]) -> None:
        super().__init__(
            f"This server is not {host[:100]!r}.",
            details=(("what it is", ", ".join(known)),),
            help="use an address above, or start the server with the name that it is to have",
        )


class OriginRefused(RequestRefused, code="ORIGIN-REFUSED"):
    """A page of another site made a request, which a person did not intend."""

    def __init__(self, origin: str) -> None:
        super().__init__(
            f"A page of another site ({origin[:100]}) may not use this server.",
            help="use the pages of this server; programs send no Origin",
        )


class TokenRefused(RequestRefused, code="TOKEN-REFUSED"):
    """A request has no token, or a wrong one."""

    def __init__(self) -> None:
        super().__init__(
            "This server answers only to those who have its token.",
            help="open the address that the server printed when it was started; "
            "programs send the header Authorization: Bearer TOKEN",
        )


class RoleRefused(RequestRefused, code="ROLE-REFUSED"):
    """A token is valid, but does not have the role that the request needs."""

    def __init__(self, role: str) -> None:
        super().__init__(
            f"This token does not have the role {role!r}, which the request needs.",
            help="use a token that has it",
        )


class BodyRefused(RequestRefused, code="BODY-REFUSED"):
    """The body of a request is too long, too slow, or of a type that is not accepted."""


class PageUnknown(RequestRefused, code="PAGE-UNKNOWN"):
    """There is nothing at the address of a request."""

    def __init__(self, path: str) -> None:
        super().__init__(
            f"There is nothing at {path[:200]!r}.",
            help="see /api/openapi.json for what there is",
        )


class MethodRefused(RequestRefused, code="METHOD-REFUSED"):
    """The address of a request exists, but does not support the method.

    Attributes:
        allowed: the methods that it supports.
    """

    def __init__(self, method: str, path: str, allowed: Iterable[str]) -> None:
        self.allowed: tuple[str, ...] = tuple(sorted(allowed))
        super().__init__(
            f"{method[:20]} cannot be done with {path[:200]!r}.",
            details=(("what can", ", ".join(self.allowed)),),
            help="see /api/openapi.json for what there is",
        )


class KeyReused(RequestRefused, code="IDEMPOTENCY-KEY-REUSED"):
    """An idempotency key came again with another request than the first time."""

    def __init__(self, key: str) -> None:
        super().__init__(
            f"The idempotency key {key[:50]!r} was used for another request before.",
            help="use a new key for each request, and the same one only to repeat it",
        )


class DiagramTooLarge(RequestRefused, code="DIAGRAM-TOO-LARGE"):
    """A diagram would be too large to read."""

    def __init__(self, name: str, number: int, most: int, what: str) -> None:
        super().__init__(
            f"{name} is too large to draw: it would take at least {number:,} {what}, and a diagram "
            f"shows at most {most:,}.",
            help="ask for it with format=dot or format=json",
        )


class DiagramFailed(PeacefulError, code="DIAGRAM-FAILED"):
    """Graphviz could not draw a diagram: it took too long, or crashed."""

    def __init__(self, reason: str, said: str = "") -> None:
        super().__init__(
            f"The diagram could not be drawn: {reason}.",
            details=(("how it ended", said),) if said else (),
            help="ask for it with format=dot or format=json",
        )


class ServerStopping(BlockedError, code="SERVER-STOPPING"):
    """The web server is about to stop, and starts nothing new."""

    def __init__(self) -> None:
        super().__init__(
            "This server is about to end: what runs is finishing, and nothing new is started.",
            help="start it again, then repeat the request",
        )
