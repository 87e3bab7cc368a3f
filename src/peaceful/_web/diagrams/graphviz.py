"""Layouts by Graphviz, in a process for each, and a cache of them."""

from __future__ import annotations

import asyncio
import json
import sys
from asyncio.subprocess import PIPE
from collections import OrderedDict
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from peaceful._aio import run_in_thread, wait_shielded
from peaceful._errors.requests import DiagramFailed
from peaceful._errors.usage import ExtraMissing
from peaceful._web.diagrams.drawing import Layout, Sketch
from peaceful._web.diagrams.plan import Plan, check_size

_HELPER: Final = Path(__file__).with_name("helper.py")
_LIMIT: Final = 10.0
_AT_ONCE: Final = 2
_KEPT: Final = 32
_WIDE: Final = 1000
"""Pixels; wider ones are laid out from left to right, if that makes them narrower."""


class Layouts:
    """Layouts of diagrams; at most two are made at once, within `limit` seconds each."""

    def __init__(self, limit: float = _LIMIT) -> None:
        self._limit = limit
        self._turns = asyncio.Semaphore(_AT_ONCE)
        self._known: OrderedDict[Plan, asyncio.Task[Layout]] = OrderedDict()

    async def get(self, plan: Plan) -> Layout:
        """Return the layout of a plan; the same plan is laid out once.

        Raise `DiagramTooLarge`, `ExtraMissing` without Graphviz, or `DiagramFailed` if Graphviz
        took too long or crashed; then the next call tries again.
        """
        check_size(plan.flow, len(plan.nodes))
        task = self._known.get(plan)
        if task is None or _has_failed(task):
            task = self._known[plan] = asyncio.create_task(self._made(plan))
            ended = [one for one, other in self._known.items() if other.done()]
            for one in ended[: max(0, len(self._known) - _KEPT)]:
                del self._known[one]
        self._known.move_to_end(plan)
        # Whoever waits no longer must not take the layout from others.
        return await wait_shielded(task)

    async def close(self) -> None:
        """End the processes that are still at work."""
        tasks = [task for task in self._known.values() if not task.done()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _made(self, plan: Plan) -> Layout:
        async with self._turns:
            sketch = await run_in_thread(lambda: Sketch(plan))
            check_size(plan.flow, len(plan.nodes), len(sketch.arrows))
            upright = await self._answered(sketch, sideways=False)
            if upright.width <= _WIDE:
                return upright
            sideways = await self._answered(sketch, sideways=True)
            return min(upright, sideways, key=lambda each: each.width)

    async def _answered(self, sketch: Sketch, *, sideways: bool) -> Layout:
        end = ""
        try:
            answer, end = await self._asked(sketch.question(sideways=sideways))
            found: dict[str, Any] = json.loads(answer)
            if "missing" not in found:
                return sketch.layout(found, sideways=sideways)
        except TimeoutError as error:
            raise DiagramFailed(f"it took longer than {self._limit:g} seconds") from error
        except OSError as error:
            raise DiagramFailed(f"no process could be started for it: {error}") from error
        except (ValueError, LookupError) as error:
            raise DiagramFailed("Graphviz crashed", end) from error
        raise ExtraMissing("Drawing diagrams", "web", "pygraphviz", found["missing"])

    async def _asked(self, question: str) -> tuple[bytes, str]:
        """Return the helper's output, and the words for how it ended."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", _HELPER, str(self._limit + 1),
            # Not one of those to whom the terminal sends Ctrl-C.
            stdin=PIPE, stdout=PIPE, stderr=PIPE, start_new_session=True,
        )  # fmt: skip
        try:
            async with asyncio.timeout(self._limit):
                out, err = await process.communicate(question.encode())
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        last = err.decode(errors="replace").strip().rpartition("\n")[2]
        return out, f"exit code {process.returncode}: {last}"


def _has_failed(task: asyncio.Task[Layout]) -> bool:
    return task.done() and (task.cancelled() or task.exception() is not None)
