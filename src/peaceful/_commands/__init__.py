"""What can be done with a flow: discover, read, diff, ensure, clean; each a list of blocks."""
