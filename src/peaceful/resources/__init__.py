"""Values that items and blocks share, found by their type."""

from peaceful.resources._resources import Resources

__all__ = ["Resources"]
