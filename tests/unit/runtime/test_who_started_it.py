"""Who starts an execution: told by the system, as far as it knows."""

from __future__ import annotations

import getpass
import os
import socket

import pytest

from peaceful._runtime.ctx import started_by


def test_user_machine_and_process() -> None:
    """The door is said; the rest is this process's."""
    who = started_by("terminal")
    assert (who.host, who.pid, who.door) == (socket.gethostname(), os.getpid(), "terminal")
    assert who.user


@pytest.mark.parametrize("error", [KeyError("no such user"), OSError("no name"), ImportError()])
@pytest.mark.parametrize("has_numbers", [True, False])
def test_a_user_without_a_name(
    monkeypatch: pytest.MonkeyPatch, error: Exception, has_numbers: bool
) -> None:
    """In a container it is known by its number; where there are none, it is somebody."""

    def nameless() -> str:
        raise error

    monkeypatch.setattr(getpass, "getuser", nameless)
    if has_numbers:
        monkeypatch.setattr(os, "getuid", lambda: 4711)
    else:
        monkeypatch.delattr(os, "getuid")
    assert started_by("web").user == ("user 4711" if has_numbers else "somebody")
