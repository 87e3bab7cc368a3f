"""Addresses of pages."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from starlette.requests import Request


@dataclass(frozen=True, slots=True)
class Links:
    """The addresses of a server's pages.

    Attributes:
        root: the path that the application is mounted at, without a slash at its end.
    """

    root: str = ""

    @classmethod
    def of(cls, request: Request) -> Links:
        """The addresses as whoever sent a request sees them."""
        root: str = request.scope.get("root_path", "")
        return cls(quote(root.rstrip("/")))

    def to(self, *parts: str, **query: str) -> str:
        """The address of a page.

        Args:
            parts: the parts of its path.
            query: what follows; empty values are left out.
        """
        path = "/".join(quote(part, safe="") for part in parts)
        asked = {name.rstrip("_"): value for name, value in query.items() if value}
        return f"{self.root}/{path}{f'?{urlencode(asked)}' if asked else ''}"

    def execution(self, execution_id: str, *more: str, **query: str) -> str:
        """The address of an execution's page."""
        return self.to("executions", execution_id, *more, **query)

    def environment(self, profile: str, flow: str, *more: str, **query: str) -> str:
        """The address of the page of a flow in a profile."""
        return self.to("profiles", profile, flow, *more, **query)

    def flow(self, flow: str) -> str:
        """The address of a flow's page."""
        return self.to("flows", flow)
