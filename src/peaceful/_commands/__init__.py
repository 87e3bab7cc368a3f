"""Commands on a flow, each a list of blocks: discover, read, diff, ensure, clean."""
