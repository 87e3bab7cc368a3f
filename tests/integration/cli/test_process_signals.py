"""Process signals before there is anything to interrupt, and after the end, in real processes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import TypeAlias

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals between processes")

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")

_PREAMBLE = """
import os, signal, sys, threading, time
from peaceful._process_signals import ProcessSignals, heed_signals, process_signals

def send(name):
    os.kill(os.getpid(), getattr(signal, name))

def say(text):
    os.write(1, f"{text}\\n".encode())

# Whatever the tests' own process ignores.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)
sys.argv[0] = os.path.join(os.sep, "bin", "tool")
"""

Ran: TypeAlias = "subprocess.CompletedProcess[str]"
Run: TypeAlias = Callable[..., Ran]


@pytest.fixture
def run() -> Run:
    """Runs a program to its end; its arguments are its words."""

    def ended(program: str, *words: str) -> Ran:
        return subprocess.run(
            [sys.executable, "-c", _PREAMBLE + textwrap.dedent(program), *words],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )

    return ended


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("how", ["heed_signals()", "process_signals(sys.argv[1:])"])
def test_before_anything_has_begun(run: Run, name: str, how: str) -> None:
    """A signal ends the program at once: it says so, and dies of the signal."""
    ran = run(f"{how}; send({name!r}); say('went on')")
    assert ran.returncode == -signal.Signals[name]
    assert (ran.stdout, ran.stderr) == ("tool was interrupted; nothing was started.\n", "")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", [["--format", "json"], ["x", "--dry-run", "--format=yaml"]])
def test_the_document_of_what_has_not_begun(run: Run, name: str, words: list[str]) -> None:
    """Programs get the document that they asked for, with all that is known by then."""
    ran = run(
        f"""
        signals = process_signals(sys.argv[1:])
        signals.facts = lambda: {{
            "app": "tool", "profile": None, "flow": 'a "b" \\U0001f68c', "command": "ensure",
        }}
        send({name!r})
        """,
        *words,
    )
    document = json.loads(ran.stdout)
    assert list(document)[:6] == ["execution_id", "app", "profile", "flow", "command", "dry_run"]
    assert document["dry_run"] is ("--dry-run" in words)
    assert list(document)[-1] == "warnings"
    assert document["warnings"] == []
    assert document["flow"] == 'a "b" \N{BUS}'
    assert document["outcome"] == "execution_interrupted"
    assert document["interrupt"]["source"] == name
    assert document["started_at"] <= document["interrupt"]["requested_at"] <= document["ended_at"]


@pytest.mark.parametrize("words", [["--format", "none"], ["--format", "json", "--format=none"]])
def test_who_wants_to_read_nothing(run: Run, words: list[str]) -> None:
    """Where nothing is to be printed, the program dies without a word; the last word counts."""
    ran = run("process_signals(sys.argv[1:]); send('SIGTERM')", *words)
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGTERM, "", "")


def test_what_may_have_changed_something(run: Run) -> None:
    """It is not said that nothing was started of a command that may be half done."""
    ran = run("p = process_signals([]); p.changes_nothing = False; send('SIGINT')")
    assert ran.stdout == "tool was interrupted.\n"


def test_what_is_left_behind_is_undone(run: Run) -> None:
    """The modes of the terminal are put back where a signal ends everything."""
    ran = run("p = process_signals([]); p.at_once = lambda: say('undone'); send('SIGINT')")
    assert ran.stdout.splitlines()[1:] == ["undone"]


@pytest.mark.parametrize(("name", "code"), [("SIGINT", -2), ("SIGTERM", 3), ("SIGHUP", 3)])
def test_while_the_answer_is_printed(run: Run, name: str, code: int) -> None:
    """A signal does not spoil the answer; a Ctrl-C reaches whatever runs the program all the same.

    So does the exit code of what other signals come too late for.
    """
    ran = run(
        f"""
        signals = process_signals([])
        signals.ending(3)
        send({name!r})
        print("the answer")
        signals.leave(3)
        """
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (code, "the answer\n", "")


def test_printing_that_takes_too_long(run: Run) -> None:
    """After a signal, an answer that nobody takes is not printed for ever."""
    ran = run(
        """
        signals = process_signals([])
        signals.ending(3)
        send("SIGTERM")
        threading.Event().wait()
        """
    )
    assert ran.returncode == 3


@pytest.mark.parametrize("name", NAMES)
def test_who_was_interrupted_dies_of_the_signal(run: Run, name: str) -> None:
    """After the answer, and after what was to be done at the exit."""
    ran = run(
        f"""
        import atexit

        atexit.register(lambda: say("at exit"))
        signals = process_signals([])
        signals.ending(99, {name!r})
        print("the answer")
        signals.leave(99)
        """
    )
    assert ran.returncode == -signal.Signals[name]
    assert sorted(ran.stdout.splitlines()) == ["at exit", "the answer"]


def test_death_in_another_thread(run: Run) -> None:
    """A program whose main thread is stuck can still die of its signal."""
    ran = run(
        """
        import ctypes

        signals = process_signals([])
        signals.ending(130, "SIGINT")
        threading.Timer(0.05, lambda: signals.leave(130, at_once=True)).start()
        while True:
            ctypes.CDLL(None).sleep(60)
        """
    )
    assert ran.returncode == -signal.SIGINT


def test_threads_that_do_not_end(run: Run) -> None:
    """A thread that somebody has left behind does not keep a program that has said everything."""
    ran = run(
        """
        signals = process_signals([])
        threading.Thread(target=threading.Event().wait).start()
        signals.ending(4)
        signals.leave(4)
        """
    )
    assert (ran.returncode, ran.stderr) == (4, "")


AFTER_THE_END = """
signals = process_signals([])
signals.ending(0)
try:
    signals.leave(0)
except SystemExit:
    {then}
    raise
"""


@pytest.mark.parametrize(("name", "code"), [("SIGINT", -2), ("SIGTERM", 0), ("SIGHUP", 0)])
@pytest.mark.parametrize("where", ["send({!r})", "import atexit; atexit.register(send, {!r})"])
def test_a_signal_after_the_end(run: Run, name: str, code: int, where: str) -> None:
    """After the end, no signal makes a noise; Ctrl-C reaches what runs the program all the same."""
    ran = run(AFTER_THE_END.replace("{then}", where.format(name)))
    assert (ran.returncode, ran.stderr) == (code, "")


def test_a_slow_exit(run: Run) -> None:
    """However long the interpreter takes to exit, it does so without a noise."""
    ran = run(
        """
        import atexit

        def slowly():
            now = time.monotonic()
            time.monotonic = lambda: now + 60
            send("SIGHUP")
            say("went on")
            send("SIGINT")

        atexit.register(slowly)
        signals = process_signals([])
        signals.ending(0)
        signals.leave(0)
        """
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (-signal.SIGINT, "went on\n", "")


def test_a_program_that_goes_on(run: Run) -> None:
    """Some time after the end, signals do what they did before."""
    ran = run(
        """
        signals = process_signals([])
        signals.ending(0)
        try:
            signals.leave(0)
        except SystemExit:
            now = time.monotonic()
            time.monotonic = lambda: now + 60
            try:
                send("SIGINT")
                threading.Event().wait(10)
            except KeyboardInterrupt:
                say("as before")
        """
    )
    assert ran.stdout == "as before\n"


def test_what_is_to_be_ignored(run: Run) -> None:
    """SIGINT and SIGHUP stay ignored where they are, as by nohup."""
    ran = run(
        """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signals = process_signals([])
        say([signals.heeds(name) for name in ("SIGINT", "SIGTERM", "SIGHUP")])
        send("SIGHUP"), send("SIGINT")
        say("went on")
        """
    )
    assert ran.stdout.splitlines() == ["[False, True, False]", "went on"]


def test_in_another_thread(run: Run) -> None:
    """In another thread nothing is handled."""
    ran = run(
        """
        thread = threading.Thread(
            target=lambda: say(process_signals([]).heeds("SIGTERM")), daemon=True
        )
        thread.start(), thread.join()
        """
    )
    assert ran.stdout == "False\n"


def test_quit(run: Run) -> None:
    """SIGQUIT ends the program as ever, and before that what it has started."""
    ran = run(
        """
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signals = process_signals([])
        signals.end_children = lambda: say("children end")
        send("SIGQUIT")
        """
    )
    assert (ran.returncode, ran.stdout) == (-signal.SIGQUIT, "children end\n")


@pytest.mark.parametrize(("name", "code"), [("SIGTERM", -signal.SIGTERM), ("SIGINT", 0)])
def test_a_fork(run: Run, name: str, code: int) -> None:
    """A fork has nothing to say; it can be ended, and leaves Ctrl-C to its parent."""
    ran = run(
        f"""
        process_signals([])
        pid = os.fork()
        if pid == 0:
            send({name!r})
            os._exit(0)
        say(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
        """
    )
    assert ran.stdout == f"{int(code)}\n"


def test_a_pool_of_threads(run: Run) -> None:
    """The interpreter ends pools by itself: they keep nobody, and what is to be done is done."""
    ran = run(
        """
        import atexit
        from concurrent.futures import ThreadPoolExecutor

        atexit.register(say, "at exit")
        signals = process_signals([])
        pool = ThreadPoolExecutor()
        pool.submit(len, "x").result()
        signals.ending(0)
        signals.leave(0)
        """
    )
    assert (ran.returncode, ran.stdout) == (0, "at exit\n")


def test_a_program_around_it(run: Run) -> None:
    """A thread of the program that calls the command line is not ended with that."""
    ran = run(
        """
        going_on = threading.Event()
        thread = threading.Thread(target=lambda: (going_on.wait(), say("done")))
        thread.start()
        signals = process_signals([])
        signals.ending(0)
        try:
            signals.leave(0)
        except SystemExit:
            going_on.set()
        """
    )
    assert ran.stdout == "done\n"


def test_a_pool_that_is_busy(run: Run) -> None:
    """What is left at work in a pool keeps nobody, though Python itself would wait for it."""
    ran = run(
        """
        from concurrent.futures import ThreadPoolExecutor

        signals = process_signals([])
        at_work = threading.Event()
        ThreadPoolExecutor().submit(lambda: (at_work.set(), threading.Event().wait()))
        at_work.wait()
        signals.ending(4)
        signals.leave(4)
        """
    )
    assert (ran.returncode, ran.stderr) == (4, "")
