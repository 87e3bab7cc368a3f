"""Whatever is asked, the server answers, and says what is wrong."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)
names = st.sampled_from(["dev", "prod", "make", "other"]) | st.text()
starts = st.fixed_dictionaries(
    {},
    optional={
        "profile": names | values,
        "flow": names | values,
        "command": st.sampled_from(["discover", "ensure", "clean", "diff"]) | values,
        "dry_run": st.booleans() | values,
        "only": st.lists(st.sampled_from("abcz")) | values,
        "params": st.dictionaries(st.sampled_from(["value", "needed"]) | st.text(), values),
    },
)
interrupts = st.fixed_dictionaries(
    {}, optional={"level": st.sampled_from(["stop", "kill"]) | values, "reason": st.text() | values}
)
bodies = st.one_of(
    st.binary(), st.one_of(starts, interrupts, values).map(lambda body: json.dumps(body).encode())
)
PATHS = (
    "/api/executions", "/api/executions/{}", "/api/executions/{}/interrupt",
    "/api/executions/{}/progress", "/api/executions/{}/events", "/api/flows/{}",
    "/api/flows/{}/graph", "/api/profiles/{}/{}/states", "/api/profiles/{}/{}/diff", "/{}",
    "/cmd_exec_interrupt", "/ensure_cmd",
)  # fmt: skip
QUERY = ("profile", "flow", "state", "limit", "cursor", "kind", "format", "execution", "token")


@given(
    method=st.sampled_from(["GET", "POST", "HEAD", "PUT"]),
    path=st.sampled_from(PATHS),
    segments=st.lists(names, min_size=2, max_size=2),
    query=st.dictionaries(st.sampled_from(QUERY), names),
    body=bodies,
    key=st.none() | st.from_regex(r"[!-~]{0,300}", fullmatch=True),
)
@settings(
    # One server answers all of it: that is what servers do.
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_any_request_is_answered(
    site: Any,
    method: str,
    path: str,
    segments: list[str],
    query: dict[str, str],
    body: bytes,
    key: str | None,
) -> None:
    """Not with a failure of the server; what is wrong is told in a problem document."""
    address = path.format(*(quote(each, safe="", errors="replace") for each in segments))
    kind = "application/x-www-form-urlencoded" if "_" in path else "application/json"
    headers = {"Content-Type": kind} | ({} if key is None else {"Idempotency-Key": key})
    asked = {name: value.encode(errors="replace").decode() for name, value in query.items()}
    response = await site.client.request(
        method, address, params=asked, content=body, headers=headers
    )
    assert response.status_code < 500, response.text
    if response.status_code >= 400 and method != "HEAD":
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert problem["status"] == response.status_code
        assert problem["code"]
        assert problem["detail"]
        assert problem["help"]
