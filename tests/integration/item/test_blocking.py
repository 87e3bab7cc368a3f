"""Plain functions of items run in threads, and may wait for what runs in the loop."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from item_contexts import Bench, made_bench

from peaceful import State
from peaceful._item.safe_point import StoppedAtSafePoint
from peaceful.errors import ChildFailed
from peaceful.interrupt import InterruptLevel


class Half(State):
    """A state that is half done."""

    done: int


async def test_a_plain_function_may_wait(bench: Bench) -> None:
    """For anything that the context offers."""

    def apply() -> str:
        bench.ctx.blocking(bench.ctx.sleep(0))
        return bench.ctx.blocking(bench.ctx.run("echo", "it")).text

    assert await asyncio.to_thread(apply) == "it"


async def test_errors_reach_the_plain_function(bench: Bench) -> None:
    """As if it had waited itself."""

    def apply() -> None:
        with pytest.raises(ChildFailed):
            bench.ctx.blocking(bench.ctx.run("false"))

    await asyncio.to_thread(apply)


async def test_safe_points_end_plain_functions(bench: Bench) -> None:
    """Called plainly, or while they wait."""

    def apply() -> None:
        _ = bench.ctx.safe_point(Half(done=1))
        bench.interrupt()
        with pytest.raises(StoppedAtSafePoint):
            _ = bench.ctx.safe_point(Half(done=2))
        bench.ctx.blocking(bench.ctx.sleep(10_000, where="asleep"))

    with pytest.raises(StoppedAtSafePoint, match="asleep"):
        await asyncio.to_thread(apply)


async def test_a_plain_function_can_ask_whether_to_end(bench: Bench) -> None:
    """In its thread."""
    looked = threading.Event()

    def apply() -> int:
        rounds = 0
        while not bench.ctx.interrupted:
            rounds += 1
            looked.set()
        return rounds

    running = asyncio.ensure_future(asyncio.to_thread(apply))
    await asyncio.to_thread(looked.wait)
    bench.interrupt(InterruptLevel.CANCEL)

    assert await running > 0


async def test_when_the_item_is_cancelled_so_is_what_its_function_waits_for(
    make_bench: Callable[[], Bench],
) -> None:
    """And the function ends by what no `except Exception` swallows."""
    waiting, seen = asyncio.Event(), list[BaseException]()

    async def item() -> None:
        bench = make_bench()

        async def forever() -> None:
            waiting.set()
            await asyncio.Event().wait()

        def apply() -> None:
            try:
                bench.ctx.blocking(forever())
            except BaseException as error:
                seen.append(error)
                raise

        # As the framework does it: a cancelled item waits for its thread.
        thread = asyncio.ensure_future(asyncio.to_thread(apply))
        try:
            await asyncio.shield(thread)
        except asyncio.CancelledError:
            await asyncio.wait({thread})
            assert thread.cancelled()
            raise

    running = asyncio.create_task(item())
    await waiting.wait()
    running.cancel()

    with pytest.raises(asyncio.CancelledError):
        await running
    [error] = seen
    assert isinstance(error, asyncio.CancelledError)
    assert not isinstance(error, Exception)


def test_a_thread_that_waits_when_the_loop_ends_is_let_go(tmp_path: Path) -> None:
    """It does not wait for ever for what will never come."""
    ended: list[BaseException] = []
    with ThreadPoolExecutor(1) as threads:

        async def main() -> None:
            bench, waiting = made_bench(tmp_path), asyncio.Event()

            async def forever() -> None:
                waiting.set()
                await asyncio.Event().wait()

            def apply() -> None:
                try:
                    bench.ctx.blocking(forever())
                except BaseException as error:  # noqa: BLE001 - that is what is looked at
                    ended.append(error)

            threads.submit(apply)
            await waiting.wait()

        asyncio.run(main())

    assert [type(error) for error in ended] == [asyncio.CancelledError]


def test_after_the_execution_nothing_can_be_waited_for(tmp_path: Path) -> None:
    """A thread that was abandoned hears so, at once."""

    async def main() -> Bench:
        return made_bench(tmp_path)

    bench = asyncio.run(main())

    with pytest.raises(RuntimeError, match="closed"):
        bench.ctx.blocking(bench.ctx.sleep(1))


def test_the_package_can_be_imported_where_there_are_no_process_groups() -> None:
    """As on Windows, where the functions for them are missing."""
    program = (
        "import asyncio, os, signal, subprocess\n"
        "for name in ('killpg', 'pidfd_open', 'fchmod', 'fchown', 'setsid', 'waitid'):\n"
        "    delattr(os, name)\n"
        "for name in ('SIGKILL', 'SIGCONT', 'SIGHUP'):\n"
        "    delattr(signal, name)\n"
        "import peaceful._item.ctx, peaceful._item.item, peaceful._params.stored_specs\n"
    )

    subprocess.run([sys.executable, "-c", program], check=True)
