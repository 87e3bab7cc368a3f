"""How much differs, in a few words."""

from __future__ import annotations

from peaceful.present._words import count


def differences(differing: int, same: int, unknown: int) -> str:
    """How many items differ: `2 items of 6 differ, 1 not known`, `nothing differs`.

    Args:
        differing: how many differ.
        same: how many do not.
        unknown: of how many that is not known.
    """
    rest = f", {unknown:,} not known" if unknown else ""
    if differing:
        verb = "differs" if differing == 1 else "differ"
        return f"{count(differing, 'item')} of {differing + same + unknown:,} {verb}{rest}"
    return f"{same:,} as it should be{rest}" if unknown else "nothing differs"
