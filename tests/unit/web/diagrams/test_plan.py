"""What a diagram shows, in words and in layers."""

from __future__ import annotations

from peaceful._web.diagrams.plan import Link, Plan, PlanNode

PLAN = Plan(
    "deploy",
    "what waits for what",
    (
        PlanNode("download", "download", item="download"),
        PlanNode("bucket", "bucket", item="bucket"),
        PlanNode("object", "object", "bucket", item="object"),
        PlanNode("notify", "notify", item="notify"),
    ),
    (
        Link("download", "object"),
        Link("bucket", "object"),
        Link("object", "notify"),
        Link("object", "notify"),
    ),
)


def test_what_is_in_a_box_needs_no_arrow_from_it() -> None:
    """And no arrow is drawn twice."""
    assert PLAN.arrows == (Link("download", "object"), Link("object", "notify"))


def test_a_plan_is_told_in_words() -> None:
    """What is in what, and what comes after what."""
    assert PLAN.in_words() == "4 things; object in bucket, after download; notify after object."
    notes = Plan("flow", "", (PlanNode("a", "a"),), (), ("The rest is not known.",))
    assert notes.in_words() == "1 thing. The rest is not known."


def test_not_more_is_told_than_anyone_would_hear() -> None:
    """The table of items has all of it."""
    nodes = tuple(PlanNode(f"n{at}", f"n{at}") for at in range(100))
    links = tuple(Link(f"n{at}", f"n{at + 1}") for at in range(99))
    assert Plan("flow", "", nodes, links).in_words().endswith("n60 after n59; and 39 more.")


def test_items_come_in_layers() -> None:
    """Each after what it waits for, and after what it is in."""
    layers = [[node.id for node in layer] for layer in PLAN.layers]
    assert layers == [["download", "bucket"], ["object"], ["notify"]]
