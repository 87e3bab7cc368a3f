"""YAML as it is written and read here: one dialect, close to JSON, that misleads nobody."""

from __future__ import annotations

import json
import math
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from types import MappingProxyType

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from peaceful._model.codec import JsonValue
from peaceful._storage.yaml import MAX_DEPTH, YamlProblem, dump, dump_each, needs_json, parse
from peaceful.errors import StorageError

ODD_TEXTS = (
    *(
        "",
        " ",
        "\n",
        "\t",
        "\0",
        "~",
        "null",
        "Null",
        "true",
        "Yes",
        "no",
        "NO",
        "on",
        "off",
        "y",
        "n",
    ),
    *(
        "1",
        "-1",
        "+1",
        "1e3",
        "1E3",
        "1.5e+3",
        "012",
        "0o17",
        "0x1F",
        "0b1",
        "1_000",
        ".5",
        "5.",
        ".",
    ),
    *(
        "12:30:45",
        "1:30",
        "2020-01-01",
        "2020-01-01T00:00:00Z",
        "2020-1-1 1:2:3",
        ".inf",
        "-.INF",
        ".nan",
    ),
    *(
        "=",
        "<<",
        "-",
        "--",
        "---",
        "...",
        "- a",
        "? a",
        ": a",
        "a: b",
        "a #b",
        "#a",
        "a:",
        "&a",
        "*a",
        "!a",
    ),
    *(
        "|",
        ">",
        "%a",
        "@a",
        "`a",
        "[a]",
        "{a}",
        "'a'",
        '"a"',
        "\\",
        "a\\nb",
        " a",
        "a ",
        "a\n",
        "\na",
        "a\n\n",
    ),
    *(
        "a\nb",
        "a\n b",
        "a \nb",
        "a\n\nb\n",
        "a\n# b",
        "a\n---\nb",
        "a\r\nb",
        "a\rb",
        "a\tb",
        "\ta\nb",
        "a\n\tb",
    ),
    *(
        "é",
        "日本",
        "😀",
        "a\n😀",
        "\ud800",
        "\udcff",
        "a\udc80b\n",
        "\x85",
        "\u2028a\u2029",
        "\ufeff",
        "\ufffe",
    ),
    *(
        "\x1b[0m",
        "\x7f",
        "\x9f",
        "!json",
        "true ",
        "0x",
        "0xg",
        "1.2.3.4",
        "1,000",
        "+",
        "-.5",
        "0.",
        "1.e+5",
    ),
)

texts = st.text(st.characters(codec=None, exclude_categories=())) | st.sampled_from(ODD_TEXTS)
numbers = st.integers() | st.floats(allow_nan=False)
scalars = st.none() | st.booleans() | numbers | texts
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=20,
)
documents = st.dictionaries(texts, json_values, max_size=5)


def _read(text: str) -> dict[str, JsonValue]:
    return {entry.key: entry.value for entry in parse(text)}


def _same(before: JsonValue, after: JsonValue) -> bool:
    """Whether two values are the very same; in Python, `1 == 1.0 == True`."""
    return json.dumps(before) == json.dumps(after)


@given(documents)
@example({text: [text, {text: text}] for text in ODD_TEXTS})
def test_what_is_written_is_read(document: dict[str, JsonValue]) -> None:
    """Every JSON object is read as it was written, with its types and the order of its keys."""
    assert _same(_read(dump(document)), document)


def test_files_stay_as_they_were_written() -> None:
    """What earlier versions wrote is read, and written again to the letter."""
    text = (
        "item:\n"
        "  at: 2026-01-31T12:00:00Z\n"
        "  path: /srv/app 1.tar\n"
        "  url: http://127.0.0.1:80/#a\n"
        "  mode: '0644'\n"
        "  answer: 'no'\n"
        "  it's: 1's\n"
        "  '': ''\n"
        "  sizes:\n"
        "  - 1\n"
        "  - -2.5\n"
        "  - null\n"
        "  - true\n"
        "  - []\n"
        "  - {}\n"
        "  nested:\n"
        "  - a:\n"
        "    - 1\n"
        "  - - b\n"
        f"  ? {'a' * 138}\n"
        "  : long\n"
        '  odd: "a\\tb"\n'
        "  lines: |\n"
        "    two\n"
        "    lines\n"
    )
    value = _read(text)["item"]
    assert isinstance(value, dict)
    at = datetime(2026, 1, 31, 12, tzinfo=UTC)

    assert value["at"] == "2026-01-31T12:00:00Z"
    assert dump({"item": {**value, "at": at}}) == text


@given(documents)
def test_entries_are_the_same_one_by_one(document: dict[str, JsonValue]) -> None:
    """Entries are written to the letter alike, in one go or each by itself."""
    pieces = dict(dump_each(document))

    assert [*pieces] == [*document]
    assert _same(_read("".join(pieces.values())), document)
    for key, value in document.items():
        assert pieces[key] == dump({key: value})


def test_large_entries_are_made_one_by_one() -> None:
    """Of a mapping that makes its values when they are asked for, only one large one is there."""
    made: list[str] = []

    class Large(dict[str, JsonValue]):
        def items(self) -> Iterator[tuple[str, JsonValue]]:  # type: ignore[override]  # no view
            for key in self:
                made.append(key)
                yield key, "x" * 1_000_000

    taken: list[str] = []
    for key, _ in dump_each(Large.fromkeys("abcd")):
        taken.append(key)
        assert made == taken


@pytest.mark.parametrize("loader", [yaml.SafeLoader, yaml.CSafeLoader])
@given(document=documents)
@example(document={text: text for text in ODD_TEXTS if not needs_json(text)})
def test_nobody_is_misled(
    loader: type[yaml.SafeLoader | yaml.CSafeLoader], document: dict[str, JsonValue]
) -> None:
    """PyYAML by itself, which knows YAML 1.1 with all its surprises, reads the same.

    So does the implementation that shares no code with libyaml.
    """
    text = dump(document)
    if "!json" in text:
        return

    assert _same(yaml.load(text, Loader=loader), document)


@pytest.mark.parametrize("number", [math.inf, -math.inf, 1e17, 1e-7, -0.0, 5e-324, 2**200, 10**400])
def test_odd_numbers(number: float) -> None:
    """Numbers at the ends of what there is keep their value and their type."""
    assert _same(_read(dump({"n": number})), {"n": number})


def test_not_a_number() -> None:
    """What is no number is written as YAML has it, and read again."""
    assert dump({"none": math.nan}) == "none: .nan\n"
    assert _same(_read("none: .nan"), {"none": math.nan})


def test_long_text() -> None:
    """Ten megabytes of text, in one line or in many, are read as they were written."""
    line, lines = "x" * 10_000_000, "some words\n" * 1_000_000

    assert _read(dump({"line": line, "lines": lines})) == {"line": line, "lines": lines}


def test_a_line_per_fact() -> None:
    """A person would have written it so."""
    document: Mapping[str, object] = {
        "server": {
            "kind": "Server",
            "at": datetime(2026, 1, 31, 12, 0, 0, 5, UTC),
            "state": {
                "address": "10.0.0.1",
                "script": "set -e\nrun  it\n",
                "words": "a " * 60,
                "tags": ["web", "no", "é"],
                "none": [],
                "nothing": {},
                "ready": True,
            },
        }
    }

    assert dump(document) == (  # type: ignore[arg-type]  # `object` stands for what can be written
        "server:\n"
        "  kind: Server\n"
        "  at: 2026-01-31T12:00:00.000005Z\n"
        "  state:\n"
        "    address: '10.0.0.1'\n"
        "    script: |\n"
        "      set -e\n"
        "      run  it\n"
        f"    words: '{'a ' * 60}'\n"
        "    tags:\n"
        "    - web\n"
        "    - 'no'\n"
        "    - é\n"
        "    none: []\n"
        "    nothing: {}\n"
        "    ready: true\n"
    )


def test_no_anchors() -> None:
    """The same object in two places is written out twice."""
    shared: JsonValue = ["a"]

    assert dump({"one": shared, "two": shared}) == "one:\n- a\ntwo:\n- a\n"


def test_mappings_of_other_kinds() -> None:
    """A mapping that is no `dict` is written as one."""
    frozen = MappingProxyType({"a": OrderedDict(b=1)})

    assert _read(dump({"x": frozen})) == {"x": {"a": {"b": 1}}}


def test_long_names() -> None:
    """A name that libyaml puts on a line of its own is still one entry."""
    name = "日" * 100
    document: dict[str, JsonValue] = {"a": 1, name: {"b": 2}, "c": 3}

    assert _read("".join(dict(dump_each(document)).values())) == document


def test_half_a_surrogate_pair() -> None:
    """Text that YAML cannot hold, from an odd file name, is readable all the same."""
    assert dump({"path": "caf\udce9"}) == "path: !json '\"caf\\udce9\"'\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: yes", "yes"),
        ("a: 012", "012"),
        ("a: 0x1F", 31),
        ("a: +5", 5),
        ("a: 1e3", "1e3"),
        ("a: 1.5e3", "1.5e3"),
        ("a: 1.5e+3", 1500.0),
        ("a: 1_000", "1_000"),
        ("a: 12:30:45", "12:30:45"),
        ("a: 2020-01-01", "2020-01-01"),
        ("a: .5", 0.5),
        ("a: -.inf", -math.inf),
        ("a: ~", None),
        ("a:", None),
        ("a: !!str 12", "12"),
        ("a: ! 12", "12"),
        ("a: '12'", "12"),
        ("a: !json '\"\\ud800\"'", "\ud800"),
        ("no: 1", None),
    ],
)
def test_plain_words(text: str, value: JsonValue) -> None:
    """A plain word is more than text only where YAML 1.1 and 1.2 agree on it."""
    assert _read(text) == ({"a": value} if text.startswith("a") else {"no": 1})


def test_names_are_text() -> None:
    """Names are the text that one sees, whatever a value of that form would mean."""
    assert _read("1: a\nno: b\n~: c\n? 'x y'\n: d\n!json '\"\\ud800\"': e\n") == {
        "1": "a",
        "no": "b",
        "~": "c",
        "x y": "d",
        "\ud800": "e",
    }


@pytest.mark.parametrize("text", ["", "\n", "# a comment\n", "---\n", "{}", "~\n", "--- {}\n...\n"])
def test_nothing(text: str) -> None:
    """A document that says nothing has no entries."""
    assert _read(text) == {}


@pytest.mark.parametrize(
    ("text", "place", "reason"),
    [
        ("a: [1\nb: 2\n", (2, 2), "did not find expected ',' or ']'"),
        ("a: b: c\n", (1, 5), "mapping values are not allowed"),
        ("a: 'x\n", (2, 1), "unexpected end of stream"),
        ("a: 1\n\tb: 2\n", (2, 1), "a tab character that violates indentation"),
        ("%YAML 9.9\n---\na: 1\n", (1, 1), "incompatible"),
        ("- a\n- b\n", (1, 1), "there must be names here"),
        ("just words\n", (1, 1), "there must be names here"),
        ("5\n", (1, 1), "there must be names here"),
        ("a: 1\n--- \nb: 2\n", (2, 1), "a second document"),
        ("a: 1\nb: 2\na: 3\n", (3, 1), "the name 'a' is here for the second time"),
        ("a:\n  b: 1\n  'b': 2\n", (3, 3), "the name 'b' is here for the second time"),
        ("a: &x 1\n", (1, 4), "an anchor (&x) is not used here"),
        ("a: &x [1]\n", (1, 4), "an anchor (&x) is not used here"),
        ("&x a: 1\n", (1, 1), "an anchor (&x) is not used here"),
        ("&x {a: 1}\n", (1, 1), "an anchor (&x) is not used here"),
        ("a: *x\n", (1, 4), "an alias (*x) is not used here"),
        ("*x : 1\n", (1, 1), "a name must be a single text"),
        ("? [a]\n: 1\n", (1, 3), "a name must be a single text"),
        ("a: !!binary aGk=\n", (1, 4), "the tag tag:yaml.org,2002:binary is not used here"),
        ("a: !!set {b}\n", (1, 4), "the tag tag:yaml.org,2002:set is not used here"),
        ("a: !!python/object:os.system x\n", (1, 4), "is not used here"),
        ("!!int a: 1\n", (1, 1), "the tag tag:yaml.org,2002:int is not used here"),
        ("a: !json x\n", (1, 4), "what follows !json is not JSON"),
        ("a: !json '1'\n", (1, 4), "must be a text in double quotes"),
        (f"a: {'9' * 5000}\n", (1, 4), "a number of that many digits"),
        ("a: 1\nb: \x01\n", (2, 4), "the character U+0001 may not stand here"),
        ("a: '\x85\ufeff'\n", (1, 6), "the character U+FEFF may not stand here"),
        (f"a: {'[' * 101}{']' * 101}\n", (1, 104), "values are nested more than 100 deep"),
    ],
)
def test_broken_text_is_placed(text: str, place: tuple[int, int], reason: str) -> None:
    """What is wrong is told with its line, its column and a reason."""
    with pytest.raises(YamlProblem) as caught:
        parse(text)

    assert (caught.value.line, caught.value.column) == place
    assert reason in caught.value.reason


@given(st.text(st.sampled_from("ab:[]{}-#&*!|>'\"%@`,? \n\t~01"), max_size=40))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Whatever a file says, it is read, or refused with a place within it."""
    problem, document = None, dict[str, JsonValue]()
    try:
        document = _read(text)
    except YamlProblem as caught:
        problem = caught
    if problem is not None:
        assert 1 <= problem.line <= text.count("\n") + 2
        assert problem.column >= 1
        assert problem.reason
    assert _same(_read(dump(document)), document)


def _nested(depth: int) -> JsonValue:
    value: JsonValue = "x"
    for _ in range(depth):
        value = [value]
    return value


def test_depth() -> None:
    """What may be written may be read: both are as deep as the other."""
    deepest = {"a": _nested(MAX_DEPTH)}

    assert _read(dump(deepest)) == deepest
    for too_deep in (_nested(MAX_DEPTH + 1), {"b": _nested(MAX_DEPTH)}):
        with pytest.raises(ValueError, match="nested more than 100 deep"):
            dump({"a": too_deep})


def test_what_cannot_be_stored() -> None:
    """An object that JSON cannot say is refused by the name of its type."""
    with pytest.raises(TypeError, match="set cannot be stored"):
        dump({"a": {1}})  # type: ignore[dict-item]  # that is what is refused


def test_without_libyaml(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its C extension, PyYAML is refused, with what to do: there is one dialect."""
    monkeypatch.setattr(yaml, "__with_libyaml__", False)

    for use in (lambda: parse("a: 1"), lambda: dump({"a": 1})):
        with pytest.raises(StorageError, match="C extension"):
            use()
