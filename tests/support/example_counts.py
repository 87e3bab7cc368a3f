"""How many random examples property tests try: a few in every run, many in `make soak`."""

from __future__ import annotations

from typing import Final

from hypothesis import settings

SUITE: Final = 25
SOAK: Final = 1_000


def register_profiles() -> None:
    """Register the profiles `suite` and `soak`, and take the first."""
    # Deadlines of single examples say more about the machine's other work than about the code.
    settings.register_profile("suite", deadline=None, print_blob=True, max_examples=SUITE)
    settings.register_profile("soak", settings.get_profile("suite"), max_examples=SOAK)
    settings.load_profile("suite")


def examples(usually: int, *, soak: int = SOAK) -> settings:
    """Return the settings of a property test whose examples cost more or less than others'.

    Args:
        usually: how many examples are tried in every run.
        soak: how many in `make soak`.
    """
    soaking = settings.get_current_profile_name() == "soak"
    return settings(max_examples=soak if soaking else usually)
