"""Downloads an archive and extracts it.

```sh
download init https://example.org/app-1.2.tar.gz downloads
download ensure      # Ctrl-C in the middle, and again: it carries on from the byte where it was
```
"""

from __future__ import annotations

from peaceful import heed_signals


def main() -> None:
    """Runs the command line."""
    heed_signals()  # Before the imports, which take long.
    from download.tool import app

    app.main()
