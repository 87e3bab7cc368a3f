"""Serves slow files over the web, as a program; says where on its first line."""

from __future__ import annotations

import asyncio
import sys

from slow_files import app


def main() -> int:
    """Serves the workspace of the present folder until a process signal; returns the exit code."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 0

    def ready(url: str) -> None:
        sys.stdout.write(f"{url}\n")
        sys.stdout.flush()

    end = asyncio.run(app.serve(port=port, on_ready=ready))
    return 1 if end.cut else 0


if __name__ == "__main__":
    sys.exit(main())
