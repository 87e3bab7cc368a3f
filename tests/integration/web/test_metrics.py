"""What is counted for Prometheus, read as Prometheus reads it."""

from __future__ import annotations

from typing import Any

from event_streams import told
from prometheus_client.parser import text_string_to_metric_families


async def _counted(site: Any) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    """By name and labels, what is counted."""
    response = await site.client.get("/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(response.text))
    names = [family.name for family in families]
    assert len(set(names)) == len(names)
    assert all(family.documentation and family.type != "unknown" for family in families)
    return {
        (sample.name.removeprefix("peaceful_"), frozenset(sample.labels.items())): sample.value
        for family in families
        for sample in family.samples
    }


def _key(name: str, **labels: str) -> tuple[str, frozenset[tuple[str, str]]]:
    return name, frozenset(labels.items())


async def test_what_happens_is_counted(served: Any) -> None:
    """Executions by ending, interrupts by door, items by result, watchers; and how long it took."""
    site = served.site
    assert await _counted(site) == {
        _key("executions_running"): 0,
        _key("watchers"): 0,
        **{
            _key("interrupt_to_end_seconds_bucket", le=bound): 0
            for bound in (
                *("0.05", "0.1", "0.25", "0.5", "1.0", "2.5", "5.0"),
                *("10.0", "30.0", "60.0", "300.0", "+Inf"),
            )
        },
        _key("interrupt_to_end_seconds_sum"): 0,
        _key("interrupt_to_end_seconds_count"): 0,
    }
    await site.ended(await site.started("prod"))
    gate = site.gates.look("dev", "a")
    site.gates.failing.add("dev.c")
    execution_id = await site.started()
    await gate.reached.wait()
    path = f"/api/executions/{execution_id}"
    async with site.client.stream("GET", f"{path}/events") as response:
        events = told(response)
        await anext(events)
        for level in ("stop", "stop", "cancel"):
            assert (
                await site.client.post(f"{path}/interrupt", json={"level": level})
            ).status_code == 202
        for _ in ("stop", "cancel"):
            while (await anext(events)).word != "interrupt_requested":
                pass
        # What is counted comes by another way than what is watched.
        cancels = _key("interrupts_total", source="api", level="cancel")
        while cancels not in (counted := await _counted(site)):
            pass
        assert counted[_key("executions_running")] == 1
        assert counted[_key("watchers")] == 1
        assert counted[_key("interrupts_total", source="api", level="stop")] == 1
        assert counted[cancels] == 1
        gate.open.set()
        async for _ in events:
            pass
    await site.ended(execution_id)
    # The ending is written down, and read by others, before the server's task has ended.
    while (counted := await _counted(site))[_key("executions_running")]:
        pass
    assert counted[_key("executions_total", ending="complete")] == 1
    assert sum(count for (name, _), count in counted.items() if name == "executions_total") == 2
    assert sum(count for (name, _), count in counted.items() if name == "interrupts_total") == 2
    assert counted[_key("interrupt_to_end_seconds_count")] == 1
    assert counted[_key("interrupt_to_end_seconds_bucket", le="+Inf")] == 1
    assert counted[_key("interrupt_to_end_seconds_sum")] >= 0
    shown = await site.get(path)
    for status in ("done", "failed", "not_started"):
        here = sum(each["status"] == status for each in shown["items"].values())
        # Each item of the other execution was done.
        expected = here + (3 if status == "done" else 0)
        assert counted.get(_key("items_total", result=status), 0) == expected


async def test_no_label_comes_from_a_person(site: Any) -> None:
    """So there is nothing to escape, and their number is bounded."""
    await site.ended(await site.started())
    for _, labels in await _counted(site):
        for name, value in labels:
            assert name in {"ending", "source", "level", "result", "le"}
            assert value.replace("_", "").replace(".", "").replace("+", "").isalnum()
