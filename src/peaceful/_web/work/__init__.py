"""The executions that a server runs, its log and its metrics."""
