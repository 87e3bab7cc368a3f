"""The runtime: flows, contexts, blocks, executions, passes over items, and their events."""
