"""What all tests share: how long hypothesis searches."""

from hypothesis import settings

# Deadlines of single examples say more about the machine's other work than about the code.
settings.register_profile("suite", deadline=None, print_blob=True)
settings.register_profile("soak", settings.get_profile("suite"), max_examples=10_000)
settings.load_profile("suite")
