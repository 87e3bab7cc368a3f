"""Frozen data that every package shares: names, signals, progress, events, outcomes and more.

No behaviour beyond reading itself, no I/O but that of the clock, nothing heavy to import but
`state`, which needs pydantic.
"""
