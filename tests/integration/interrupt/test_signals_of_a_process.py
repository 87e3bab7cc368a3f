"""Real signals to real processes."""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals between processes")

Run: TypeAlias = Callable[..., Any]

IN_LOOP = """
    async def main():
        async with interrupt_on_signals(sender, on_press=on_press, {options}) as sources:
            say("ready", *sorted(sources))
            await receiver.wait(InterruptLevel.KILL)
        say("restored", signal.getsignal(signal.SIGTERM) == signal.SIG_DFL)

    asyncio.run(main())
"""

WITHOUT_LOOP = """
    import time

    before = [signal.getsignal(number) for number in (2, 15, 1)]
    with interrupt_on_signals(sender, on_press=on_press, {options}) as sources:
        say("ready", *sorted(sources))
        while (latched := receiver.poll()) is None or latched.level < InterruptLevel.KILL:
            time.sleep(0.01)
    say("restored", before == [signal.getsignal(number) for number in (2, 15, 1)])
"""

kinds = pytest.mark.parametrize("program", [IN_LOOP, WITHOUT_LOOP], ids=["loop", "no loop"])


@kinds
def test_three_presses_climb_the_ladder(run: Run, program: str) -> None:
    """The first Ctrl-C stops, the second cancels, the third kills; then the handlers are back."""
    child = run(program.format(options="key_repeat=0"))
    assert child.line() == "ready SIGHUP SIGINT SIGTERM"
    for level in ("stop", "cancel", "kill"):
        child.send(signal.SIGINT)
        assert child.line() == f"SIGINT {level} accepted"
    assert child.end() == (0, ["restored True"], "")


@kinds
def test_a_held_key_counts_once(run: Run, program: str) -> None:
    """Presses within the time of a key repeat are one press; other signals are heard between."""
    child = run(program.format(options="key_repeat=3600"))
    child.line()
    child.send(signal.SIGINT)
    assert child.line() == "SIGINT stop accepted"
    for _ in range(5):
        child.send(signal.SIGINT)
    child.send(signal.SIGHUP)
    assert child.line() == "SIGHUP stop unchanged"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=lambda number: number.name)
def test_a_deadline_climbs_the_ladder(run: Run, number: signal.Signals) -> None:
    """SIGTERM and SIGHUP stop, then cancel, then kill, by themselves, and keep the first time."""
    child = run(IN_LOOP.format(options="stop_timeout=0.5"))
    child.line()
    child.send(number)
    name = number.name
    assert child.line() == f"{name} stop accepted"
    code, lines, errors = child.end()
    assert lines == [f"{name} cancel accepted", f"{name} kill accepted", "restored True"]
    assert (code, errors) == (0, "")


@kinds
def test_a_signal_of_another_kind_climbs(run: Run, program: str) -> None:
    """The first signal of another kind climbs one level at once; the same kind again does not."""
    child = run(program.format(options="key_repeat=0, stop_timeout=3600"))
    child.line()
    heard: list[str] = []
    for number in (signal.SIGTERM, signal.SIGTERM, signal.SIGHUP, signal.SIGHUP, signal.SIGINT):
        child.send(number)
        heard.append(child.line())
    assert heard == [
        "SIGTERM stop accepted",
        "SIGTERM stop unchanged",
        "SIGHUP cancel accepted",
        "SIGHUP stop unchanged",
        "SIGINT kill accepted",
    ]
    assert child.end()[1] == ["restored True"]


@kinds
def test_signals_that_come_together_count_once(run: Run, program: str) -> None:
    """A SIGTERM with a SIGHUP, as some service managers send them, is one request to stop."""
    child = run(program.format(options="key_repeat=3600, stop_timeout=3600"))
    child.line()
    heard: list[str] = []
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
        child.send(number)
        heard.append(child.line())
    assert heard == ["SIGTERM stop accepted", "SIGHUP stop unchanged", "SIGINT stop unchanged"]


def test_a_main_thread_that_does_not_run_is_no_reason_to_be_deaf(run: Run) -> None:
    """Signals are heard, and deadlines kept, while the main thread waits in foreign code."""
    child = run(
        """
        import ctypes

        # Not Python's own sleep, which lets handlers run.
        library = ctypes.CDLL(None)
        opened, closed = os.pipe()

        def heard(signal, result):
            on_press(signal, result)
            if signal.level is InterruptLevel.KILL:
                os.write(closed, b"x")

        with interrupt_on_signals(sender, on_press=heard, stop_timeout=0.5):
            say("ready")
            buffer = ctypes.create_string_buffer(1)
            while library.read(opened, buffer, 1) != 1:
                pass
        """
    )
    assert child.line() == "ready"
    child.send(signal.SIGTERM)
    assert [child.line() for _ in range(3)] == [
        "SIGTERM stop accepted",
        "SIGTERM cancel accepted",
        "SIGTERM kill accepted",
    ]


@kinds
def test_what_was_to_be_ignored_is_ignored(run: Run, program: str) -> None:
    """With SIGHUP and SIGINT ignored at the start, they stay so; SIGTERM is still heard."""
    child = run(program.format(options="stop_timeout=0.2"), signal.SIGHUP, signal.SIGINT)
    assert child.line() == "ready SIGTERM"
    for _ in range(3):
        child.send(signal.SIGHUP)
        child.send(signal.SIGINT)
    child.send(signal.SIGTERM)
    assert child.line() == "SIGTERM stop accepted"


@kinds
def test_an_ignored_sigterm_is_heard_all_the_same(run: Run, program: str) -> None:
    """Nobody starts a program so that it ignores SIGTERM; it is handled, and put back."""
    child = run(program.format(options="stop_timeout=0.1"), signal.SIGTERM)
    assert child.line() == "ready SIGHUP SIGINT SIGTERM"
    child.send(signal.SIGTERM)
    assert child.line() == "SIGTERM stop accepted"


def test_under_nohup_the_terminal_may_go_away(run: Run) -> None:
    """A program that `nohup` has started is not stopped by SIGHUP."""
    child = run(
        """
        import subprocess
        program = '''
        import os, signal
        from peaceful.interrupt import *
        from peaceful.interrupt.os_signals import interrupt_on_signals
        sender, receiver = interrupt_channel()
        with interrupt_on_signals(sender) as sources:
            os.kill(os.getpid(), signal.SIGHUP)
            os.write(1, (" ".join(sorted(sources)) + f" {receiver.poll()}").encode())
        '''
        import textwrap
        answer = subprocess.run(
            ["nohup", sys.executable, "-c", textwrap.dedent(program)],
            stdout=subprocess.PIPE, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        )
        say(answer.stdout)
        """
    )
    assert child.end()[:2] == (0, ["SIGINT SIGTERM None"])


def test_in_the_background_of_a_plain_shell_ctrl_c_is_not_meant_for_us(run: Run) -> None:
    """A program put into the background by a shell without job control leaves SIGINT ignored."""
    child = run(
        """
        import subprocess
        program = (
            "import os; from peaceful.interrupt import *;"
            "from peaceful.interrupt.os_signals import interrupt_on_signals;"
            "context = interrupt_on_signals(interrupt_channel()[0]);"
            "os.write(1, ' '.join(sorted(context.__enter__())).encode());"
            "context.__exit__(None, None, None)"
        )
        shell = f'"{sys.executable}" -c "{program}" & wait'
        say(subprocess.run(["sh", "-c", shell], stdout=subprocess.PIPE, text=True).stdout)
        """
    )
    assert child.end()[:2] == (0, ["SIGHUP SIGTERM"])


def test_asyncio_has_its_ctrl_c_back_afterwards(run: Run) -> None:
    """After the context, Ctrl-C cancels the main task, as `asyncio.run` provides for."""
    child = run(
        """
        async def main():
            async with interrupt_on_signals(sender):
                pass
            say("ready")
            await asyncio.Event().wait()

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            say("KeyboardInterrupt")
        """
    )
    assert child.line() == "ready"
    child.send(signal.SIGINT)
    assert child.end()[:2] == (0, ["KeyboardInterrupt"])


def test_a_loop_that_sleeps_is_woken_by_every_signal(run: Run) -> None:
    """Whenever a signal comes, the loop notices it at once, even as it falls asleep."""
    child = run(
        """
        async def main():
            pressed = asyncio.Semaphore(0)
            loop = asyncio.get_running_loop()

            def heard(*_):
                say("pressed")
                loop.call_soon_threadsafe(pressed.release)

            async with interrupt_on_signals(sender, key_repeat=0, on_press=heard):
                say("ready")
                for _ in range(500):
                    await pressed.acquire()

        asyncio.run(main())
        """
    )
    assert child.line() == "ready"
    for _ in range(500):
        child.send(signal.SIGINT)
        assert child.line() == "pressed"
    assert child.end() == (0, [], "")


def test_work_that_blocks_the_loop_sees_the_interrupt(run: Run) -> None:
    """Signals during work that blocks the loop are sent at once; none is lost."""
    child = run(
        """
        async def main():
            async with interrupt_on_signals(sender, key_repeat=0, on_press=on_press):
                for _ in range(3):
                    signal.raise_signal(signal.SIGINT)
                say((await receiver.wait(InterruptLevel.KILL)).level, len(receiver.accepted))

        asyncio.run(main())
        """
    )
    lines = child.end()[1]
    assert sorted(lines) == sorted(
        ["kill 3", *(f"SIGINT {level} accepted" for level in ("stop", "cancel", "kill"))]
    )


@kinds
def test_a_forked_child_can_be_ended(run: Run, program: str) -> None:
    """A fork inherits the handlers, yet SIGTERM ends it, and Ctrl-C is left to the parent."""
    child = run(
        f"""
        def fork_one():
            pid = os.fork()
            if pid == 0:
                os.kill(os.getpid(), signal.SIGINT)
                os.kill(os.getpid(), signal.SIGTERM)
                os._exit(0)
            _, status = os.waitpid(pid, 0)
            say("forked", os.waitstatus_to_exitcode(status))

        async def main():
            async with interrupt_on_signals(sender):
                fork_one()
            say("latched", receiver.poll())

        if {program is IN_LOOP}:
            asyncio.run(main())
        else:
            with interrupt_on_signals(sender):
                fork_one()
            say("latched", receiver.poll())
        """
    )
    assert child.end()[:2] == (0, ["forked -15", "latched None"])


def test_a_handler_that_fires_thousands_of_times_harms_nothing(run: Run) -> None:
    """A handler that sends, polls and closes amid the same work never locks up, loses nothing."""
    child = run(
        """
        fired = 0
        others = []

        def handle(number, frame):
            global fired
            fired += 1
            receiver.poll()
            sender.request(InterruptLevel.CANCEL)
            receiver.subscribe(others.append)()
            if fired % 3 == 0:
                receiver.close()

        def one_round():
            told = []
            receiver.subscribe(told.append)
            state = InterruptibilityState(Interruptible(receiver, PollNextN(3)))
            results = [sender.request(level) for level in InterruptLevel]
            starts = [state.may_start() for _ in range(5)].count(True)
            last = receiver.close()
            assert starts == state.starts_after_signal or not told, (starts, state)
            assert [signal.level for signal in told] == sorted({signal.level for signal in told})
            assert told[-1:] == [last] * (last is not None)
            assert told[:1] == [receiver.first] * (last is not None)
            assert results.count(SendResult.ACCEPTED) <= len(told)

        signal.signal(signal.SIGALRM, handle)
        signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)
        rounds = 0
        while fired < 5000:
            sender, receiver = interrupt_channel()
            one_round()
            rounds += 1
        signal.setitimer(signal.ITIMER_REAL, 0)
        say("fired", fired >= 5000, "rounds", rounds > 100)
        """
    )
    assert child.end() == (0, ["fired True rounds True"], "")
