"""Diagrams as text for Graphviz."""

from __future__ import annotations

import re
from collections.abc import Iterator

from diagram_checks import graphviz
from hypothesis import given
from hypothesis import strategies as st

from peaceful._web.diagrams.drawing import as_dot
from peaceful._web.diagrams.plan import Link, Plan, PlanNode

TOKEN = re.compile(r'\s+|"(?:[^"\\]|\\.)*"|[a-zA-Z_]\w*|-?(?:\.\d+|\d+(?:\.\d*)?)|->|[{}\[\];,=]')


class Grammar:
    """The part of the language of Graphviz that is used, as its reference has it."""

    def __init__(self, text: str) -> None:
        self.tokens = list(self._split(text))
        self.nodes: set[str] = set()
        self.edges: list[tuple[str, str]] = []
        self.clusters: list[str] = []
        self._expect("digraph")
        self._name()
        self._block()
        assert not self.tokens

    def _split(self, text: str) -> Iterator[str]:
        at = 0
        while at < len(text):
            found = TOKEN.match(text, at)
            assert found, text[at : at + 40]
            at = found.end()
            if not found.group().isspace():
                yield found.group()

    def _expect(self, token: str) -> None:
        assert self.tokens.pop(0) == token

    def _name(self) -> str:
        token = self.tokens.pop(0)
        assert token[0] == '"' or token[0].isalnum()
        return token.strip('"')

    def _block(self) -> None:
        self._expect("{")
        while self.tokens[0] != "}":
            self._statement()
            if self.tokens[0] == ";":
                self.tokens.pop(0)
        self._expect("}")

    def _statement(self) -> None:
        if self.tokens[0] == "subgraph":
            self.tokens.pop(0)
            self.clusters.append(self._name())
            self._block()
            return
        name = self._name()
        if self.tokens[0] == "=":
            self.tokens.pop(0)
            self._name()
            return
        if self.tokens[0] == "->":
            self.tokens.pop(0)
            self.edges.append((name, self._name()))
        elif name not in {"graph", "node", "edge"}:
            self.nodes.add(name)
        if self.tokens[0] == "[":
            self._attributes()

    def _attributes(self) -> None:
        self._expect("[")
        while self.tokens[0] != "]":
            self._name()
            self._expect("=")
            self._name()
            if self.tokens[0] == ",":
                self.tokens.pop(0)
        self._expect("]")


def test_what_holds_others_is_a_cluster() -> None:
    """With a point in it that nobody sees, at which lines to it end."""
    nodes = (
        PlanNode("a", "a", item="a"),
        PlanNode("b", "b", item="b"),
        PlanNode("c", "c", "b", item="c"),
        PlanNode("d", "d", item="d"),
    )
    links = (Link("a", "b"), Link("b", "c"), Link("c", "d"))
    text = as_dot(Plan("flow", "shown", nodes, links), {"a": "done", "c": "running"})
    read = Grammar(text)
    assert read.nodes == {"a", "b", "c", "d"}
    assert read.edges == [("a", "b"), ("c", "d")]
    assert read.clusters == ["cluster_b"]
    assert '"a" -> "b" [lhead="cluster_b"];' in text
    assert 'tooltip="done"' in text


@given(st.text(max_size=60), st.text(max_size=60))
def test_hostile_names_stay_text(label: str, name: str) -> None:
    """Quotes and backslashes end nothing."""
    nodes = (PlanNode("a", label), PlanNode("b", name, "a"), PlanNode("c", "\\N\\"))
    read = Grammar(as_dot(Plan("flow", label, nodes, (Link("b", "c"),)), {}))
    assert read.nodes == {"a", "b", "c"}
    assert read.edges == [("b", "c")]


HOSTILE = (
    '"', "\\", '\\"', "\\N", "\\\\l", "<b>bold</b>", "<", "<<i>x</i>>", "a\nb", "a\\nb", "&lt;",
    "&#60;", "{a|b}", "Grüße, 世界 🎉", "x" * 5000, "", " ", "//", "/* x", "#", "node", "digraph",
)  # fmt: skip


def test_graphviz_reads_what_was_written() -> None:
    """Whatever names hold: nothing of them is markup, or an escape, to it."""
    nodes = (
        PlanNode("holder", HOSTILE[0]),
        *(PlanNode(f"n{at}", label, "holder") for at, label in enumerate(HOSTILE)),
    )
    text = as_dot(Plan('a "flow" <b>', "shown", nodes, (Link("n0", "n1"),)), {})
    read = {each["name"]: each.get("label", "") for each in graphviz(text)["objects"]}
    for at, label in enumerate(HOSTILE):
        # In its labels, a backslash says what kind of letter follows; one that is meant is two.
        shown = label.replace("\n", "\ufffd").replace("\\", "\\\\")
        assert read[f"n{at}"] == shown, label
