"""What happens in executions, for all who watch: numbered, kept for a while, sent as a stream."""
