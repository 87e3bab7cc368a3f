"""Policy documents: what they mean is compared, not how they are written."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import JsonValue

from peaceful.items.aws import IamPolicy, IamPolicyState
from peaceful.items.aws._documents import same_meaning

ACCOUNT = "123456789012"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"

Parts = Mapping[str, JsonValue]
Form = Callable[[random.Random, JsonValue], JsonValue]


def document(**parts: JsonValue) -> dict[str, JsonValue]:
    """A document with one statement."""
    return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **parts}]}


# ---- documents in one form, and ways to write them in another


def _some(*values: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)


ACTIONS = _some("s3:GetObject", "s3:PutObject", "s3:*", "sts:AssumeRole")
RESOURCES = _some("*", "arn:aws:s3:::one/*", "arn:aws:s3:::One/*")
PRINCIPALS = st.one_of(
    st.just({"AWS": ["*"]}),
    st.fixed_dictionaries(
        {},
        optional={
            "AWS": _some(ACCOUNT, "210987654321", f"arn:aws:iam::{ACCOUNT}:role/app"),
            "Service": _some("ec2.amazonaws.com", "lambda.amazonaws.com"),
        },
    ).filter(bool),
)
CONDITIONS = st.dictionaries(
    st.sampled_from(["StringEquals", "StringLike"]),
    st.dictionaries(
        st.sampled_from(["aws:SourceIp", "aws:PrincipalTag/team"]),
        _some("true", "7", "Yes"),
        min_size=1,
    ),
    min_size=1,
)
STATEMENTS = st.fixed_dictionaries(
    {"Effect": st.sampled_from(["Allow", "Deny"]), "Action": ACTIONS},
    optional={
        "Sid": st.sampled_from(["One", "Two"]),
        "Resource": RESOURCES,
        "Principal": PRINCIPALS,
        "Condition": CONDITIONS,
    },
)
DOCUMENTS = st.fixed_dictionaries(
    {
        "Version": st.sampled_from(["2012-10-17", "2008-10-17"]),
        "Statement": st.lists(STATEMENTS, min_size=1, max_size=3),
    }
)
"""Documents in which every list is a list, every value a text, nothing is left out."""


def several(entries: list[JsonValue], random: random.Random) -> JsonValue:
    """The entries in another order, one of them perhaps twice, a single one perhaps alone."""
    shuffled = random.sample(entries, len(entries))
    if len(shuffled) == 1 and random.random() < 0.5:
        return shuffled[0]
    return [*shuffled, *random.sample(shuffled, random.randrange(2))]


def letters(text: str, random: random.Random) -> str:
    """The text in other letters."""
    return random.choice([text, text.upper(), text.lower()])


def rewritten(plain: Parts, random: random.Random) -> dict[str, JsonValue]:
    """A document of the same meaning, written in another way."""
    statements: list[JsonValue] = [statement(each, random) for each in plain["Statement"]]  # type: ignore[union-attr, arg-type]  # as made here
    written = {"Version": plain["Version"], "Statement": several(statements, random)}
    if plain["Version"] == "2008-10-17" and random.random() < 0.5:
        del written["Version"]
    return written


def statement(plain: Parts, random: random.Random) -> JsonValue:
    """A statement, written in another way."""
    written: dict[str, JsonValue] = {}
    for name, value in random.sample(sorted(plain.items()), len(plain)):
        match name, value:
            case "Action", list():
                written[name] = several([letters(str(each), random) for each in value], random)
            case "Resource", list():
                written[name] = several(value, random)
            case "Principal", dict():
                written[name] = principal(value, random)
            case "Condition", dict():
                written[name] = {test: condition(keys, random) for test, keys in value.items()}
            case _:
                written[name] = value
    if random.random() < 0.3:
        written.setdefault("Sid", "")
        written.setdefault("Condition", {})
    return written


def principal(plain: Mapping[str, JsonValue], random: random.Random) -> JsonValue:
    """Principals, written in another way."""
    if plain == {"AWS": ["*"]} and random.random() < 0.5:
        return "*"
    roots: dict[JsonValue, JsonValue] = {ACCOUNT: random.choice([ACCOUNT, ROOT])}
    return {
        kind: several([roots.get(each, each) for each in who], random)  # type: ignore[union-attr]  # lists
        for kind, who in plain.items()
    }


def condition(plain: JsonValue, random: random.Random) -> JsonValue:
    """The keys and values of a condition, written in another way."""
    assert isinstance(plain, dict)
    as_json: dict[JsonValue, JsonValue] = {"true": True, "7": 7}
    written: dict[str, JsonValue] = {}
    for key, values in plain.items():
        assert isinstance(values, list)
        others = [random.choice([each, as_json.get(each, each)]) for each in values]
        written[letters(key, random)] = several(others, random)
    return written


@given(DOCUMENTS, st.randoms(use_true_random=False))
def test_no_way_of_writing_is_a_difference(plain: Parts, random: random.Random) -> None:
    """However a document is written, it is compared by what it means."""
    other = rewritten(plain, random)

    assert same_meaning(plain, other)
    assert same_meaning(other, plain)


@given(DOCUMENTS, STATEMENTS, st.randoms(use_true_random=False))
def test_every_real_difference_is_one(one: Parts, changed: Parts, random: random.Random) -> None:
    """Documents differ by a single statement, however they are written."""
    assert isinstance(one["Statement"], list)
    other = {**one, "Statement": [dict(changed), *one["Statement"][1:]]}

    def meaning(plain: Parts) -> object:
        def frozen(value: JsonValue) -> object:
            if isinstance(value, dict):
                return frozenset((name, frozen(inner)) for name, inner in value.items())
            return frozenset(map(frozen, value)) if isinstance(value, list) else value

        return frozen(dict(plain))

    same = meaning(one) == meaning(other)

    assert same_meaning(one, rewritten(other, random)) is same


@given(DOCUMENTS, DOCUMENTS)
def test_what_differs_is_shown(one: Parts, other: Parts) -> None:
    """A policy with a document of another meaning has a difference to show."""
    arn = f"arn:aws:iam::{ACCOUNT}:policy/app"
    current, goal = (
        IamPolicyState(name="app", arn=arn, present=True, document=each) for each in (one, other)
    )

    shown = IamPolicy(name="app", document=dict(other)).diff(current, goal)

    assert (shown is None) is same_meaning(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (document(Principal="*"), document(Principal={"AWS": "*"})),
        (document(NotPrincipal=[ROOT]), document(NotPrincipal={"AWS": ACCOUNT})),
        (document(Principal={"AWS": ROOT.replace("aws", "aws-cn")}), document(Principal=ACCOUNT)),
        (document(NotAction="IAM:*"), document(NotAction=["iam:*"])),
        ({"Statement": {"Effect": "Deny"}}, {"Statement": [{"Effect": "Deny"}]}),
        ({}, {"Version": "2008-10-17", "Statement": []}),
        (document(Condition={"StringEquals": {}}), document()),
    ],
)
def test_forms_of_the_same(one: Parts, other: Parts) -> None:
    """AWS takes one form, and gives back the other."""
    assert same_meaning(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (document(Resource="arn:aws:s3:::a"), document(Resource="arn:aws:s3:::A")),
        (document(Action="s3:Get*"), document(NotAction="s3:Get*")),
        (document(Sid="One"), document(Sid="one")),
        (document(Sid="One"), document()),
        (document(Principal={"AWS": "*"}), document(Principal={"Service": "*"})),
        (document(Principal={"AWS": ROOT}), document(Principal={"AWS": f"{ROOT}/app"})),
        (
            document(Condition={"StringEquals": {"aws:x": "a"}}),
            document(Condition={"StringEquals": {"aws:x": "A"}}),
        ),
        (
            document(Condition={"StringEquals": {"aws:x": "a", "AWS:x": "b"}}),
            document(Condition={"StringEquals": {"aws:x": "b"}}),
        ),
        ({"Version": "2012-10-17"}, {}),
        ({"Id": "one"}, {"Id": "two"}),
    ],
)
def test_forms_of_something_else(one: Parts, other: Parts) -> None:
    """Letters, names and places that matter are told apart."""
    assert not same_meaning(one, other)


@pytest.mark.parametrize("strange", [None, 1, "text", ["text"], [[]], {"Statement": None}])
def test_what_is_no_document_is_compared_all_the_same(strange: JsonValue) -> None:
    """What AWS will refuse differs from a document, and from nothing else than itself."""
    whole: dict[str, JsonValue] = {"Statement": strange}

    assert same_meaning(whole, whole)
    assert not same_meaning(whole, document(Action=strange, Principal=strange, Condition=strange))
