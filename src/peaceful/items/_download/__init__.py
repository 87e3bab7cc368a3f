"""Download of a file: interruptible, resumed by range requests, compared with its source."""
