"""Requests, read by their declarations."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from peaceful._executions.records import REASON_LIMIT
from peaceful._model.codec import JsonObject
from peaceful._web.http.fields import interrupt_request, page_request, start_request
from peaceful.commands import ExecutionState
from peaceful.errors import ParamsInvalid
from peaceful.interrupt import InterruptLevel

START: JsonObject = {"profile": "dev", "flow": "make", "command": "ensure"}
ID = "01890000-0000-7000-8000-000000000000"


def wrong(read: Callable[[], object]) -> dict[str, str]:
    """By field, what is said to be wrong with it."""
    with pytest.raises(ParamsInvalid) as caught:
        read()
    return {problem.field: problem.reason for problem in caught.value.problems}


def test_what_may_be_left_out() -> None:
    """It has its default; null is as good as nothing."""
    request = start_request({**START, "only": None, "dry_run": None})
    assert (request.dry_run, request.only, request.params) == (False, (), {})
    assert interrupt_request({"reason": None}) == (InterruptLevel.STOP, None)
    assert interrupt_request({"level": "kill", "reason": ""}) == (InterruptLevel.KILL, None)


def test_all_that_is_wrong_is_said_at_once() -> None:
    """Field by field, in words; of what is missing and of what is not known, too."""
    body: JsonObject = {
        "flow": "no name",
        "command": "dance",
        "dry_run": "yes",
        "only": ["a", 7],
        "params": [],
        "colour": "red",
    }
    found = wrong(lambda: start_request(body))
    assert found.pop("flow").startswith("'no name' cannot be the name of a flow")
    assert found == {
        "profile": "it is missing",
        "command": "it is one of clean, diff, discover, ensure, plan",
        "dry_run": "it is true or false",
        "only": "it is a list of at most 10000 names",
        "params": "it is an object",
        "colour": "there is no such field",
    }


def test_names_in_lists_are_checked() -> None:
    """Each of them."""
    found = wrong(lambda: start_request({**START, "only": ["a", "b c"]}))
    assert "'b c' cannot be the name of an item" in found["only"]


def test_what_does_not_fit_together() -> None:
    """A command that only looks cannot be limited, or tried."""
    body: JsonObject = {**START, "command": "diff", "dry_run": True, "only": ["a"]}
    assert wrong(lambda: start_request(body)) == {
        "dry_run": "diff does not take it",
        "only": "diff does not take it",
    }


def test_levels_and_reasons() -> None:
    """A level is a word; of a long reason, the beginning is kept."""
    assert wrong(lambda: interrupt_request({"level": 1, "reason": 7})) == {
        "level": "it is one of stop, cancel, kill",
        "reason": "it is a text",
    }
    assert interrupt_request({"reason": "x" * 5000}) == (InterruptLevel.STOP, "x" * REASON_LIMIT)


def test_queries() -> None:
    """Texts are taken for what they say; states come one by one or together."""
    asked = page_request({"profile": "dev", "limit": "7", "cursor": ID}, ["failed,lost", "running"])
    assert (asked.profile, asked.flow, asked.limit, asked.cursor) == ("dev", None, 7, ID)
    assert asked.states == (ExecutionState.FAILED, ExecutionState.LOST, ExecutionState.RUNNING)
    assert page_request({}, []).limit == 50


@pytest.mark.parametrize("limit", ["0", "201", "-1", "1e3", "many", "", "\u0663"])
def test_pages_have_a_size(limit: str) -> None:
    """A whole number within bounds."""
    assert wrong(lambda: page_request({"limit": limit}, [])) == {
        "limit": "it is a number from 1 to 200"
    }


def test_what_is_wrong_with_a_query() -> None:
    """Likewise all of it."""
    query = {"profile": "", "flow": "1x", "cursor": "x", "y": "z"}
    found = wrong(lambda: page_request(query, ["sleeping"]))
    assert set(found) == {"profile", "flow", "cursor", "state", "y"}
    assert found["state"].startswith("it is one of ")
    assert found["cursor"] == "it is what the page before gave"


@given(
    st.dictionaries(
        st.sampled_from(["profile", "flow", "command", "dry_run", "only", "params", "z"]),
        st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists),
    )
)
def test_whatever_comes_is_read_or_refused(body: JsonObject) -> None:
    """With nothing else than that error."""
    try:
        request = start_request(body)
    except ParamsInvalid:
        return
    assert request.profile == body["profile"]
