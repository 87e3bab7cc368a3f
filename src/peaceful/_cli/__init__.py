"""The terminal: every application's command line, what it shows while it works, and how it ends."""
