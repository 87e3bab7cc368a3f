"""What tests of AWS items share: a server that speaks like AWS, and a login to it."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from aws_server import Way, aws_server, forget_all, way_to
from aws_stack import Stack

from peaceful import Backoff
from peaceful.items.aws import AwsAccess, _service


@pytest.fixture(scope="session")
def aws_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks like AWS."""
    with aws_server(tmp_path_factory.mktemp("aws") / "log") as address:
        yield address


@pytest.fixture
async def way(aws_address: str, login: None) -> AsyncIterator[Way]:
    """A way to the server, on which things may go wrong; the server is as new."""
    forget_all(aws_address)
    async with way_to(aws_address) as found:
        yield found


@pytest.fixture
def access(way: Way) -> AwsAccess:
    """Reaches the server on the way."""
    return AwsAccess(endpoint_url=way.url, timeout=20, attempts=3, patience=10)


@pytest.fixture
def login(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Keys in the environment, and nothing of AWS beside them."""
    nothing = tmp_path / "no aws files"
    for name in ("AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_SESSION_TOKEN", "AWS_REGION"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "tell-nobody",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_CONFIG_FILE": str(nothing / "config"),
        "AWS_SHARED_CREDENTIALS_FILE": str(nothing / "credentials"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(_service, "_ACCOUNTS", {})
    monkeypatch.setattr(_service, "Backoff", functools.partial(Backoff, delay=0.001))


@pytest.fixture
def stack(access: AwsAccess, tmp_path: Path) -> Callable[[], Stack]:
    """A bucket with an object, and an instance profile with a role with a policy."""
    return lambda: Stack(access, tmp_path)
