"""The executions that are followed, and the broadcast of their events to all who watch."""
