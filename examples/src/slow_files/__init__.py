"""The practice ground for interruption: files that take their time to be written.

```sh
slow_files init --items 40 --seconds 0.5 --layers 4 --dest /tmp/slow
slow_files ensure      # and Ctrl-C, and again
```
"""

from __future__ import annotations

from peaceful import heed_signals


def main() -> None:
    """Runs the command line."""
    heed_signals()  # Before the imports, which take long.
    from slow_files.tool import app

    app.main()
