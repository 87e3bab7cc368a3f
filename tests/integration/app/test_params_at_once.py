"""Parameters that several commands change at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from peaceful import App, Flow, Given
from peaceful._app.parameters import store as _store
from peaceful._app.parameters.files import ParamsFile
from peaceful._errors.running import ParamsBusy
from peaceful._storage.lock import FileLock, LockHolder
from peaceful.commands import Contexts
from peaceful.errors import ParamsInvalid, UsageError

app = App("tool")


@app.flow("only")
def only(flow: Flow, low: int = 0, high: int = 9, third: int = 0) -> None:
    """Has parameters."""


@pytest.fixture
def here(tmp_path: Path) -> Contexts:
    """A workspace that is set up."""
    contexts = app.contexts(tmp_path)
    contexts.init({"low": Given(1, "test")})
    return contexts


def _stored(contexts: Contexts) -> dict[str, object]:
    return dict(contexts.stored("default", "only"))


@contextmanager
def _meanwhile(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> Iterator[None]:
    """Lets another command act once, after one has checked what it is to store."""
    complete = ParamsFile.completed
    acts = iter([act])

    def completed(*arguments: object) -> object:
        result = complete(*arguments)  # type: ignore[arg-type]  # as they came
        for each in acts:
            each()
        return result

    with monkeypatch.context() as patch:
        patch.setattr(ParamsFile, "completed", completed)
        yield


def test_both_are_kept(here: Contexts, monkeypatch: pytest.MonkeyPatch) -> None:
    """What somebody else stores between reading and writing is not taken back."""
    other = app.contexts(here.workspace.root)
    with _meanwhile(monkeypatch, lambda: other.init({"high": Given(5, "other")})):
        here.init({"low": Given(3, "test")})
    assert _stored(here) == {"low": 3, "high": 5}


def test_what_is_stored_meanwhile_is_checked(
    here: Contexts, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With what somebody else has stored meanwhile, it may be wrong: then nothing is stored."""
    path = here.workspace.flow_params_file("default", "only")

    def spoil() -> None:
        path.write_text(f"{path.read_text()}high: many\n")

    with _meanwhile(monkeypatch, spoil), pytest.raises(ParamsInvalid, match="high"):
        here.init({"low": Given(3, "test")})
    assert _stored(here)["low"] == 1


def test_many_at_once(tmp_path: Path) -> None:
    """Of many that store at once, each a parameter of its own, all are stored; from nothing on."""
    together = threading.Barrier(3)
    names = ("low", "high", "third")

    def store(name: str) -> None:
        contexts = app.contexts(tmp_path)
        together.wait()
        contexts.init({name: Given(7, "test")})

    threads = [threading.Thread(target=store, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _stored(app.contexts(tmp_path)) == dict.fromkeys(names, 7)


CHANGES: list[Callable[[Contexts], object]] = [
    lambda contexts: contexts.init({"low": Given(3, "test")}),
    lambda contexts: contexts.give({"low": Given(3, "test")}, profile="default", flow="only"),
    lambda contexts: contexts.switch("default"),
    lambda contexts: contexts.switch("new", create=True),
    lambda contexts: contexts.seal_again(),
]


@pytest.mark.parametrize("change", CHANGES)
def test_busy(
    here: Contexts, monkeypatch: pytest.MonkeyPatch, change: Callable[[Contexts], object]
) -> None:
    """Whoever changes parameters waits a little for another; then it is said who that is."""
    monkeypatch.setattr(_store, "_PATIENCE", 0.0)
    lock = FileLock(here.workspace.params_lock_file)
    assert lock.acquire(LockHolder(user="ann", pid=7, command="init")) is None
    before = _stored(here)
    with pytest.raises(ParamsBusy, match=r"by init of ann \(pid 7\)"):
        change(app.contexts(here.workspace.root))
    assert _stored(here) == before
    lock.release()
    change(app.contexts(here.workspace.root))


def test_a_wrong_first_init_makes_nothing(tmp_path: Path) -> None:
    """Where the first `init` is refused, there is no workspace, not even a folder."""
    with pytest.raises(ParamsInvalid):
        app.contexts(tmp_path / "new").init({"low": Given("x", "test")})
    assert list(tmp_path.iterdir()) == []


def test_a_profile_is_created_once(here: Contexts) -> None:
    """A profile that exists is not created again, and the one in use stays."""
    with pytest.raises(UsageError, match="exists already"):
        here.switch("default", create=True)


def test_while_an_execution_runs(here: Contexts, caplog: pytest.LogCaptureFixture) -> None:
    """Who stores parameters while an execution of the profile runs is told that it goes on."""
    lock = FileLock(here.workspace.lock_file("default"))
    assert lock.acquire(LockHolder()) is None
    here.init({"low": Given(3, "test")}, profile="other")
    assert caplog.text == ""
    here.init({"low": Given(3, "test")})
    assert "holds from the next command on" in caplog.text
    lock.release()
