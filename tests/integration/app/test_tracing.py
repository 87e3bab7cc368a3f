"""Spans of executions, where a program collects spans."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from gated_app import GATES, Gates, gated_app
from opentelemetry import trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from peaceful import Given
from peaceful.commands import Contexts, EnsureCmd, ExecutionOptions
from peaceful.interrupt import Interruptible, InterruptSource, interrupt_channel


@pytest.fixture
def gates() -> Gates:
    """The gates of this test."""
    GATES[0] = Gates()
    return GATES[0]


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    """What a program collects."""
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    # A process has one provider for good; this one is for a test.
    monkeypatch.setattr(trace, "get_tracer_provider", lambda: provider)
    return exporter


@pytest.fixture
def contexts(tmp_path: Path) -> Contexts:
    """A workspace."""
    contexts = Contexts.of(gated_app(), tmp_path)
    contexts.init({"value": Given("kept to itself", "a test")}, profile="dev", flow="make")
    return contexts


def _attributes(span: ReadableSpan) -> dict[str, Any]:
    return {name.removeprefix("peaceful."): value for name, value in span.attributes.items()}  # type: ignore[union-attr]  # a span of ours has some


async def test_an_execution_is_a_span_with_its_items(
    contexts: Contexts, gates: Gates, exported: InMemorySpanExporter
) -> None:
    """With names, statuses and the times of what happened; nothing of what is in the items."""
    gates.failing.add("dev.a")
    await EnsureCmd.exec(contexts.cmd_ctx("dev", "make"))
    *items, execution = exported.get_finished_spans()
    common = {"app": "gated", "profile": "dev", "flow": "make", "command": "ensure"}
    shown = _attributes(execution)
    assert execution.name == "gated ensure"
    assert execution.status.status_code is StatusCode.ERROR
    assert shown.items() >= {**common, "execution.outcome": "item_error"}.items()
    assert (shown["items.done"], shown["items.failed"], shown["items.not_started"]) == (1, 1, 1)
    by_name = {span.name: span for span in items}
    failed, done = by_name["Ensure a"], by_name["Ensure c"]
    assert "Ensure b" not in by_name
    assert _attributes(failed)["item.status"] == "failed"
    assert (failed.status.status_code, failed.status.description) == (
        StatusCode.ERROR,
        "ITEM-FAILED",
    )
    assert _attributes(done)["item.status"] == "done"
    assert done.status.status_code is StatusCode.UNSET
    for span in items:
        assert (
            _attributes(span).items() >= {**common, "execution.id": shown["execution.id"]}.items()
        )
        assert span.parent == execution.context
        assert execution.start_time <= span.start_time <= span.end_time <= execution.end_time  # type: ignore[operator]  # they have ended
    record = contexts.executions.get(str(shown["execution.id"]))
    assert execution.start_time == round(record.info.started_at.timestamp() * 1e6) * 1000
    everything = "".join(span.to_json() for span in (*items, execution))
    assert "kept to itself" not in everything
    assert "<b>fails" not in everything


async def test_an_interrupt_is_an_event_of_the_span(
    contexts: Contexts, gates: Gates, exported: InMemorySpanExporter
) -> None:
    """With its level, its door, and what was in progress; it is no error."""
    gate = gates.gate("dev", "a")
    sender, receiver = interrupt_channel()
    options = ExecutionOptions(interruptibility=Interruptible(receiver))
    running = asyncio.ensure_future(EnsureCmd.exec(contexts.cmd_ctx("dev", "make", options)))
    await gate.reached.wait()
    sender.request(source=InterruptSource.API)
    gate.open.set()
    await running
    execution = exported.get_finished_spans()[-1]
    (event,) = execution.events
    assert event.attributes is not None
    assert event.attributes["peaceful.interrupt.level"] == "stop"
    assert event.attributes["peaceful.interrupt.source"] == "api"
    assert "a" in event.attributes["peaceful.interrupt.in_progress"]  # type: ignore[operator]  # a tuple
    assert execution.status.status_code is StatusCode.UNSET
    assert _attributes(execution)["execution.outcome"] == "block_interrupted"


async def test_one_context_may_be_used_again(
    contexts: Contexts, gates: Gates, exported: InMemorySpanExporter
) -> None:
    """Each execution is a span of its own."""
    ctx = contexts.cmd_ctx("dev", "make")
    await EnsureCmd.exec(ctx)
    await EnsureCmd.exec(ctx)
    spans = [span for span in exported.get_finished_spans() if span.parent is None]
    assert len({_attributes(span)["execution.id"] for span in spans}) == 2


async def test_it_is_part_of_what_started_it(
    contexts: Contexts, gates: Gates, exported: InMemorySpanExporter
) -> None:
    """Whatever thread the sink is called in."""
    tracer = trace.get_tracer_provider().get_tracer("a program")
    with tracer.start_as_current_span("a request"):
        await EnsureCmd.exec(contexts.cmd_ctx("dev", "make"))
    around = next(span for span in exported.get_finished_spans() if span.name == "a request")
    (execution,) = (each for each in exported.get_finished_spans() if each.name == "gated ensure")
    assert execution.parent == around.context


def test_where_nobody_collects_spans_there_are_none(contexts: Contexts) -> None:
    """The API of OpenTelemetry may be loaded: without a provider it means nothing."""
    assert contexts.cmd_ctx("dev", "make").sinks == ()


_RUN = """
import sys
from slow_files.tool import app
try:
    app.main(sys.argv[1:])
finally:
    print(sorted(name for name in sys.modules if name.startswith("opentelemetry")))
"""


def test_nothing_of_it_is_loaded_unasked(
    tmp_path: Path, unmeasured_environment: dict[str, str]
) -> None:
    """Neither for help nor for work."""
    environment = {
        name: value
        for name, value in unmeasured_environment.items()
        if not name.startswith("OTEL_")
    }
    init = ["init", "--items", "1", "--dest", os.fspath(tmp_path)]
    for words in (["--help"], init, ["ensure", "--progress", "none"]):
        ran = subprocess.run(
            [sys.executable, "-c", _RUN, *words],
            cwd=tmp_path,
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        )
        assert ran.stdout.splitlines()[-1] == "[]", ran.stdout
