"""Running: flows, contexts, blocks, executions, passes over items, and events on their way out."""
