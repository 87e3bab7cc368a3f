"""Frozen data that every floor shares: names, signals, progress, events, outcomes and more.

No behaviour beyond reading itself, no I/O but that of the clock, nothing heavy to import. `State`,
the base of items' states, is in `peaceful.model.state`, because it needs pydantic. Names are loaded
when they are used: to make them all takes as long as to load click, and `--help` needs few of them.
"""
