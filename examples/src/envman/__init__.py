"""Deploys a web application to AWS, environment by environment.

```sh
envman init demo --type development azriel91/web_app 0.1.1
envman deploy          # Ctrl-C in the middle, and again: it carries on
envman diff            # nothing differs
envman clean
```

A release is downloaded and uploaded into a bucket; a policy lets a role read it, and an instance
profile gives the role to machines.
"""

from __future__ import annotations

from peaceful import heed_signals


def main() -> None:
    """Runs the command line."""
    heed_signals()  # Before the imports, which take long.
    from envman.tool import app

    app.main()
