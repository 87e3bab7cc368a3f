"""The API, asked what its own description allows, and what it does not."""

from __future__ import annotations

import asyncio
from typing import Any, Final, TypeAlias

import httpx
import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

Case: TypeAlias = Any
"""A request. (Any: the library's own type has four parameters that it does not tell of.)"""

STREAM: Final = "execution_events"
"""Ends with its execution only; there are tests of its own."""


async def _fuzzed(site: Any, examples: int) -> int:
    """Asks every call, each so often in each way; returns how many requests there were."""
    # Here, since it takes two seconds to load, which all who collect tests would wait for.
    import schemathesis
    from schemathesis import GenerationMode
    from schemathesis.checks import not_a_server_error
    from schemathesis.core.result import Ok
    from schemathesis.specs.openapi.checks import (
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    )

    checks = [
        not_a_server_error,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
        status_code_conformance,
    ]
    document = await site.get("/api/openapi.json")
    execution_id = await site.started()
    await site.ended(execution_id)
    # Of those that are generated, next to none would be there.
    there = {"id": execution_id, "profile": "dev", "flow": "make"}
    loop = asyncio.get_running_loop()
    asked = 0

    async def ask(case: Case) -> httpx.Response:
        request = case.as_transport_kwargs(base_url="http://localhost")
        # They are a library's for another client.
        request.pop("cookies", None)
        if isinstance(request.get("data"), bytes):
            request["content"] = request.pop("data")
        response = await site.client.request(**request)
        assert isinstance(response, httpx.Response)
        return response

    def ask_from_thread(case: Case, known: set[str]) -> None:
        nonlocal asked
        for name in known & set(case.path_parameters or {}):
            case.path_parameters[name] = there[name]
        try:
            response = asyncio.run_coroutine_threadsafe(ask(case), loop).result(30)
        except (httpx.InvalidURL, UnicodeEncodeError):
            return  # No client could send it.
        asked += 1
        case.validate_response(response, checks=checks)

    schema = schemathesis.openapi.from_dict(document)
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if operation.definition.raw["operationId"] == STREAM:
            continue
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            strategy = operation.as_strategy(mode)

            @seed(0)
            @settings(
                max_examples=examples,
                database=None,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=strategy, known=st.sets(st.sampled_from(sorted(there))))
            def fuzz(case: Case, known: set[str]) -> None:
                ask_from_thread(case, known)

            await asyncio.to_thread(_unless_impossible, fuzz)
    return asked


def _unless_impossible(fuzz: Any) -> None:
    from hypothesis.errors import Unsatisfiable

    try:
        fuzz()
    except Unsatisfiable:
        return  # Nothing can be wrong in a call without parameters.


async def test_no_request_makes_the_server_fail(site: Any) -> None:
    """Whatever is asked is answered as described, or refused as described."""
    assert await _fuzzed(site, 5) > 80


@pytest.mark.soak
async def test_no_request_of_very_many_makes_the_server_fail(site: Any) -> None:
    """The same for half an hour."""
    assert await _fuzzed(site, 3000) > 10_000
