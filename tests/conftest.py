"""What all tests share: examples of properties, signals, and unmeasured child processes."""

import signal
from collections.abc import Iterator

import pytest
from examples import register_profiles
from hypothesis import is_hypothesis_test
from processes import unmeasured

register_profiles()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark property tests, so that `make soak` can run them with many more examples."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("property")


@pytest.fixture(scope="session", autouse=True)
def signals_as_at_a_terminal() -> Iterator[None]:
    """What `nohup` or `&` has told to be ignored is heeded again by what tests start."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGHUP)}
    ignored = [number for number, handler in before.items() if handler is signal.SIG_IGN]
    for number in ignored:
        # What is handled here, and not ignored, is as usual in a program that is started.
        signal.signal(number, lambda _number, _frame: None)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


@pytest.fixture
def unmeasured_environment() -> dict[str, str]:
    """The environment for a child process in which coverage is not measured.

    For tests of what a program loads and how long it takes: measuring adds to both.
    """
    return unmeasured()
