"""An event loop whose tasks and threads may not want to end."""

from __future__ import annotations

import asyncio
import contextlib
import threading

import pytest
from sigint import by_the_program, sigint_by

from peaceful._cli.program.loop import run_in_loop


class Deaf:
    """Does not end when it is cancelled, until it is allowed to."""

    def __init__(self) -> None:
        self.may_end = False

    async def run(self) -> None:
        """Goes on."""
        while not self.may_end:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()


def test_everything_ends() -> None:
    """What ends, ends the loop too, with its value."""

    async def main() -> str:
        await asyncio.to_thread(int, "1")
        return "value"

    end = run_in_loop(main(), lambda: 1)
    assert (end.value, end.error, end.stuck) == ("value", None, False)


def test_it_raises() -> None:
    """What is raised is handed on, with whether something is left behind."""
    mistake = ValueError("no")

    async def main() -> None:
        raise mistake

    end = run_in_loop(main(), lambda: 1)
    assert (end.value, end.error, end.stuck) == (None, mistake, False)


def test_it_is_left() -> None:
    """What is more than an error goes through, and the loop is closed."""

    async def main() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_in_loop(main(), lambda: 1)


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt()])
def test_a_task_that_wants_to_end_the_program(error: BaseException) -> None:
    """It ends itself alone: whoever awaits it gets the error, and everything else goes on."""

    async def leave() -> None:
        raise error

    async def main() -> object:
        left = await asyncio.gather(asyncio.create_task(leave()), return_exceptions=True)
        await asyncio.sleep(0)
        return left

    with sigint_by(by_the_program):
        end = run_in_loop(main(), lambda: 1)
    assert (end.value, end.stuck) == ([error], False)


def test_a_task_that_ends_when_it_is_cancelled() -> None:
    """A task that was forgotten is cancelled, and that is all."""

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        return task

    end = run_in_loop(main(), lambda: 30)
    assert not end.stuck
    assert end.value is not None
    assert end.value.cancelled()


def test_a_task_that_does_not_end() -> None:
    """A task that does not heed its cancellation is left to itself after the given time."""
    deaf = Deaf()

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(deaf.run())
        await asyncio.sleep(0)
        return task

    end = run_in_loop(main(), lambda: 0.05)
    assert end.stuck
    assert end.value is not None
    deaf.may_end = True
    end.value.cancel()
    loop = end.value.get_loop()
    loop.run_until_complete(end.value)
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


def test_a_thread_that_does_not_end() -> None:
    """A thread that goes on is left to itself after the given time."""
    go_on = threading.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def main() -> asyncio.Future[bool]:
        loop = asyncio.get_running_loop()
        loops.append(loop)
        return loop.run_in_executor(None, go_on.wait)

    end = run_in_loop(main(), lambda: 0.05)
    assert end.stuck
    go_on.set()
    [loop] = loops
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
