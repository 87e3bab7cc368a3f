"""What all tests share: how long hypothesis searches, and unmeasured child processes."""

import pytest
from hypothesis import settings
from processes import unmeasured

# Deadlines of single examples say more about the machine's other work than about the code.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.register_profile("soak", settings.get_profile("suite"), max_examples=10_000)
settings.load_profile("suite")


@pytest.fixture
def unmeasured_environment() -> dict[str, str]:
    """The environment for a child process in which coverage is not measured.

    For tests of what a program loads and how long it takes: measuring adds to both.
    """
    return unmeasured()
