"""The errors that the framework raises on purpose, in one tree; `peaceful.errors` draws it."""
