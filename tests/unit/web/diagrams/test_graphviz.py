"""Graphviz in a process of its own: that it may crash, hang or be missing, and what is remembered.

In its place is a module that does what a test wants; all the rest is as it is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from importlib.resources import files
from pathlib import Path

import pytest
from waiting import until

from peaceful._errors.requests import DiagramFailed
from peaceful._web.diagrams.drawing import Layout
from peaceful._web.diagrams.graphviz import Layouts
from peaceful._web.diagrams.plan import Plan, PlanNode
from peaceful.errors import ExtraMissing

FAKE = """
import os, signal, sys, time
from pathlib import Path

HERE = Path(__file__).parent
(HERE / "loaded").write_text("\\n".join(sys.modules))
if (HERE / "raises").exists():
    exec((HERE / "raises").read_text())

class AGraph:
    def read(self, file):
        file.read()

    def draw(self, format, prog):
        mode = (HERE / "mode").read_text()
        # Only now: whoever sees the call may set another mode for the next.
        with (HERE / "calls").open("a") as calls:
            calls.write(f"{os.getpid()} {os.getsid(0)}\\n")
        if mode == "crash":
            os.kill(os.getpid(), signal.SIGSEGV)
        if mode == "nonsense":
            return b'{"bb": "0,0,1,1", "objects": [{"name": "a"}]}'
        while mode == "wait" and not (HERE / "go").exists():
            time.sleep(0.005)
        return b'{"bb": "0,0,10,10", "objects": [{"name": "a", "pos": "5,5"}]}'
"""


class Fake:
    """What stands in the place of Graphviz, in processes that are started from now on."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pygraphviz.py").write_text(FAKE)
        self.mode("answer")

    def mode(self, mode: str) -> None:
        """It answers; or waits for `go`, or crashes, or answers nonsense."""
        (self.folder / "mode").write_text(mode)

    def raises(self, code: str) -> None:
        """It cannot be loaded."""
        (self.folder / "raises").write_text(code)

    def go(self) -> None:
        """Those that wait go on."""
        (self.folder / "go").touch()

    @property
    def pids(self) -> list[int]:
        """The processes that have been asked."""
        return [int(line.split()[0]) for line in self._calls()]

    @property
    def sessions(self) -> list[int]:
        """Their sessions."""
        return [int(line.split()[1]) for line in self._calls()]

    def _calls(self) -> list[str]:
        path = self.folder / "calls"
        text = path.read_text() if path.exists() else ""
        return text[: text.rfind("\n") + 1].splitlines()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """It is found before what is installed."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return Fake(tmp_path)


def plan(label: str = "a") -> Plan:
    """A plan of one thing."""
    return Plan("make", "what waits for what", (PlanNode("a", label),), ())


def is_there(pid: int) -> bool:
    """Whether there is a process, or what is left of one that nobody has waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_what_is_asked_again_is_not_laid_out_again(fake: Fake) -> None:
    """Also where it is asked for by somebody else, who has made the same plan."""
    layouts = Layouts()
    first = await layouts.get(plan())
    assert await layouts.get(plan()) is first
    assert len(fake.pids) == 1
    await layouts.get(plan("b"))
    assert len(fake.pids) == 2


async def test_not_everything_is_remembered_for_ever(
    fake: Fake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was asked for last, that is."""
    monkeypatch.setattr("peaceful._web.diagrams.graphviz._KEPT", 3)
    layouts = Layouts()
    for label in "abcab":
        await layouts.get(plan(label))
    assert len(fake.pids) == 3
    await layouts.get(plan("d"))
    for label in "abd":
        await layouts.get(plan(label))
    assert len(fake.pids) == 4
    await layouts.get(plan("c"))
    assert len(fake.pids) == 5


async def test_who_asks_at_the_same_time_shares(fake: Fake) -> None:
    """One who goes away does not take it from the others."""
    fake.mode("wait")
    layouts = Layouts()
    asked = [asyncio.create_task(layouts.get(plan())) for _ in range(5)]
    await until(lambda: len(fake.pids) == 1)
    asked[0].cancel()
    await asyncio.wait(asked[:1])
    fake.go()
    found = await asyncio.gather(*asked[1:])
    assert all(each is found[0] for each in found)
    assert asked[0].cancelled()
    assert len(fake.pids) == 1


async def test_not_more_than_two_are_at_work(fake: Fake) -> None:
    """However many are asked for: the machine has other work."""
    fake.mode("wait")
    layouts = Layouts()
    asked = [asyncio.create_task(layouts.get(plan(f"{number}"))) for number in range(6)]
    await until(lambda: len(fake.pids) == 2)
    fake.mode("answer")
    # Whoever would have been third is no sooner done than the two that wait.
    done, _ = await asyncio.wait(asked, timeout=0.3)
    assert not done
    assert len(fake.pids) == 2
    fake.go()
    await asyncio.gather(*asked)
    assert len(set(fake.pids)) == 6


async def test_a_crash_touches_nobody_else(fake: Fake) -> None:
    """It is said; whoever asks again asks a new process."""
    fake.mode("crash")
    layouts = Layouts()
    with pytest.raises(DiagramFailed, match="Graphviz crashed"):
        await layouts.get(plan())
    fake.mode("answer")
    assert isinstance(await layouts.get(plan()), Layout)
    assert not any(is_there(pid) for pid in fake.pids)


async def test_a_process_that_is_killed_while_it_works(fake: Fake) -> None:
    """Is like one that crashes."""
    fake.mode("wait")
    layouts = Layouts()
    asked = asyncio.create_task(layouts.get(plan()))
    await until(lambda: len(fake.pids) == 1)
    os.kill(fake.pids[0], signal.SIGKILL)
    with pytest.raises(DiagramFailed, match="Graphviz crashed"):
        await asked
    fake.mode("answer")
    assert isinstance(await layouts.get(plan()), Layout)


async def test_what_takes_too_long_is_ended(fake: Fake) -> None:
    """And its process with it."""
    fake.mode("wait")
    layouts = Layouts(limit=2)
    with pytest.raises(DiagramFailed, match="it took longer than 2 seconds"):
        await layouts.get(plan())
    assert not any(is_there(pid) for pid in fake.pids)
    fake.mode("answer")
    assert isinstance(await layouts.get(plan()), Layout)


async def test_nonsense_is_no_layout(fake: Fake) -> None:
    """An answer in which something is missing is that of something broken."""
    fake.mode("nonsense")
    with pytest.raises(DiagramFailed, match="Graphviz crashed"):
        await Layouts().get(plan())


async def test_no_process_can_be_started(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason is said."""
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    with pytest.raises(DiagramFailed, match="no process could be started for it"):
        await Layouts().get(plan())


async def test_at_the_end_nothing_is_left(fake: Fake) -> None:
    """Whatever is at work is ended, and waited for."""
    fake.mode("wait")
    layouts = Layouts()
    asked = [asyncio.create_task(layouts.get(plan(f"{number}"))) for number in range(3)]
    await until(lambda: len(fake.pids) == 2)
    await layouts.close()
    assert not any(is_there(pid) for pid in fake.pids)
    await asyncio.wait(asked)
    assert all(each.cancelled() for each in asked)
    assert len(fake.pids) == 2


def test_a_process_that_nobody_waits_for_ends_by_itself(fake: Fake) -> None:
    """Such as that of a server that was killed."""
    fake.mode("wait")
    helper = files("peaceful._web.diagrams") / "helper.py"
    command = [sys.executable, "-P", str(helper), "0.2"]
    done = subprocess.run(command, input=b"", capture_output=True, check=False)
    assert done.returncode == -signal.SIGALRM
    assert not done.stdout


async def test_the_process_stands_alone(fake: Fake) -> None:
    """The terminal's Ctrl-C does not reach it, and it loads nothing of what it does not need."""
    await Layouts().get(plan())
    assert fake.sessions == fake.pids
    loaded = (fake.folder / "loaded").read_text().splitlines()
    assert not [name for name in loaded if name.partition(".")[0] in {"peaceful", "asyncio"}]


@pytest.mark.parametrize(
    ("code", "said", "help"),
    [
        (
            "raise ModuleNotFoundError('No module named pygraphviz')",
            "Drawing diagrams needs the Python package 'pygraphviz', which is not installed.",
            'pip install "peaceful[web]"',
        ),
        (
            "raise ImportError('libX11.so.6: cannot open shared object file')",
            "which cannot be loaded: libX11.so.6: cannot open shared object file.",
            "install what it lacks",
        ),
    ],
)
async def test_without_graphviz(fake: Fake, code: str, said: str, help: str) -> None:
    """It is said how to get it; once it is there, it is used."""
    fake.raises(code)
    layouts = Layouts()
    with pytest.raises(ExtraMissing) as caught:
        await layouts.get(plan())
    assert said in caught.value.message
    assert help in caught.value.help
    fake.raises("")
    assert isinstance(await layouts.get(plan()), Layout)


async def test_the_library_is_not_loaded_here() -> None:
    """But where a crash of it is of no matter."""
    await Layouts().get(plan())
    assert "pygraphviz" not in sys.modules


def test_the_server_may_be_in_any_thread() -> None:
    """As in a notebook."""
    found: list[Layout] = []
    thread = threading.Thread(target=lambda: found.append(asyncio.run(Layouts().get(plan()))))
    thread.start()
    thread.join()
    assert found[0].boxes.keys() == {"a"}
