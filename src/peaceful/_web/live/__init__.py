"""Executions that are followed, and the broadcast of what happens in them to all who watch."""
