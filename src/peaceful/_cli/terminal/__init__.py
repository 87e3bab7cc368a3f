"""Writing to a terminal: its modes, text, wrapping."""
