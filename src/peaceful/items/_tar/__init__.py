"""Extraction of tar archives, within the destination, of files that differ."""
