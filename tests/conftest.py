"""What all tests share: surroundings, examples of properties, and unmeasured child processes."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from example_counts import register_profiles
from hypothesis import is_hypothesis_test
from processes import unmeasured
from surroundings import arrange
from tally import examples_recorded, write_summary

from peaceful import _disclosure

register_profiles()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark property tests, so that `make soak` can run them with many more examples."""
    for item in items:
        if is_hypothesis_test(getattr(item, "obj", None)):
            item.add_marker("property")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Give tests the same surroundings everywhere, before any is read; pytest has read its own."""
    home = TemporaryDirectory(prefix="home-of-tests-", ignore_cleanup_errors=True)
    config.add_cleanup(home.cleanup)
    arrange(Path(home.name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much was tried of what is counted, and how much of it failed."""
    write_summary(terminalreporter)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Have the examples of property tests counted."""
    with examples_recorded(lambda name, value: item.user_properties.append((name, value))):
        yield


@pytest.fixture
def unmeasured_environment() -> dict[str, str]:
    """The environment for a child process in which coverage is not measured.

    For tests of what a program loads and how long it takes: measuring adds to both.
    """
    return unmeasured()


@pytest.fixture(autouse=True)
def _no_secrets_known(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the secrets of other tests, which would be hidden in the texts of this one."""
    monkeypatch.setattr(_disclosure, "_known", _disclosure._Known())
