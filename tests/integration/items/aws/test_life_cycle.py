"""The whole life of things in AWS: made, changed, drifted, mended, interrupted, removed."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from aws_server import Asked, Way
from aws_stack import MEBIBYTE, Stack, allowing, client
from interrupt_countdown import Countdown
from waiting import until

from peaceful import ItemStatus
from peaceful.commands import Complete, ItemProgressed
from peaceful.items.aws import AwsAccess, IamPolicyState, S3ObjectState
from peaceful.items.aws._errors import BucketNotEmpty

ALL = ("policy", "role", "profile", "bucket", "upload")
NOTHING: dict[str, object] = {"policies": [], "roles": [], "profiles": []}


def done(stack: Stack, outcome: object, status: ItemStatus = ItemStatus.DONE) -> set[str]:
    """The items that a command changed, or would; it ended well."""
    assert isinstance(outcome, Complete), outcome
    return set(outcome.items_with(status))


async def test_from_nothing_to_nothing(stack: Callable[[], Stack]) -> None:
    """All is made once, found unchanged, shown without differences, and removed."""
    made = stack()
    discovered = await made.harness.discover()
    assert isinstance(discovered, Complete)
    assert discovered.value is not None
    # What will be made has its ARN from the start, so that all that refers to it is known.
    role = discovered.value.goal["role"]
    assert role.model_dump()["policies"] == ("arn:aws:iam::123456789012:policy/app",)
    dry = await made.harness.ensure(dry_run=True)
    assert done(made, dry, ItemStatus.WOULD_CREATE) == set(ALL)
    assert await made.left() == NOTHING
    assert done(made, await made.harness.ensure()) == set(ALL)
    there = await made.left()
    assert there["profiles"] == [("app", ["app"])]
    assert done(made, await made.harness.ensure()) == set()
    diff = await made.harness.diff()
    assert isinstance(diff, Complete)
    assert diff.value is not None
    assert set(diff.value.diffs.values()) == {None}
    assert done(made, await made.harness.clean()) == set(ALL)
    assert await made.left() == NOTHING
    assert done(made, await made.harness.clean()) == set()


TOLD = {
    "CreatePolicy": ("policy", "create policy"),
    "AttachRolePolicy": ("role", "attach role policy"),
    "AddRoleToInstanceProfile": ("profile", "add role to instance profile"),
    "PUT /app-releases": ("bucket", "create bucket"),
}


async def test_progress(stack: Callable[[], Stack], way: Way) -> None:
    """While something is changed, it is told what; when it is done, nothing more."""
    made = stack()

    def said() -> set[tuple[str, str]]:
        progressed = made.harness.sink.of(ItemProgressed)
        return {(each.item, each.progress.message) for each in progressed}

    async def once_it_is_told(asked: Asked) -> None:
        # A sink may miss what was true for a moment only; this moment lasts until it is seen.
        if (expected := TOLD.get(asked.operation)) is not None:
            await until(lambda: expected in said())

    way.before = once_it_is_told
    outcome = await made.harness.ensure()
    assert TOLD.keys() <= set(way.operations())
    assert {result.message for result in outcome.items.values()} == {""}


async def test_only_what_changed_is_changed(stack: Callable[[], Stack], way: Way) -> None:
    """A new file replaces the object, a new document makes a version; nothing else is touched."""
    made = stack()
    await made.harness.ensure()
    made.file.write_bytes(os.urandom(2 * MEBIBYTE))
    made.document = allowing("s3:GetObject", "s3:ListBucket")
    way.asked.clear()
    assert done(made, await made.harness.ensure()) == {"upload", "policy"}
    assert "CreateMultipartUpload" not in way.operations()
    assert way.operations().count("CreatePolicyVersion") == 1
    assert {"CreateRole", "CreateBucket"}.isdisjoint(way.operations())


async def test_documents_that_mean_the_same(stack: Callable[[], Stack]) -> None:
    """AWS gives documents back in another form than it took them: that is no difference."""
    made = stack()
    await made.harness.ensure()
    made.document = allowing("s3:GetObject")
    assert done(made, await made.harness.ensure()) == set()


async def test_versions(stack: Callable[[], Stack], access: AwsAccess) -> None:
    """Of a policy's versions at most five are kept; the oldest that is not in force is removed."""
    made = stack()
    for count in range(7):
        made.document = allowing(*(f"s3:Action{number}" for number in range(count + 1)))
        outcome = await made.harness.ensure(only=["policy"])
        assert done(made, outcome) == {"policy"}
    async with client("iam", access) as iam:
        arn = "arn:aws:iam::123456789012:policy/app"
        versions = (await iam.list_policy_versions(PolicyArn=arn))["Versions"]
        assert sorted(one["VersionId"] for one in versions) == ["v3", "v4", "v5", "v6", "v7"]
        # Somebody puts an old version into force again: it is not the one that goes.
        await iam.set_default_policy_version(PolicyArn=arn, VersionId="v3")
        assert done(made, await made.harness.ensure(only=["policy"])) == {"policy"}
        versions = (await iam.list_policy_versions(PolicyArn=arn))["Versions"]
        assert sorted(one["VersionId"] for one in versions) == ["v3", "v5", "v6", "v7", "v8"]
    state = (await made.harness.discover()).value.current["policy"]  # type: ignore[union-attr]  # it has one
    assert isinstance(state, IamPolicyState)
    assert str(state) == "present, v8"


async def test_drift(stack: Callable[[], Stack], access: AwsAccess) -> None:
    """What was changed behind its back is found, shown and mended."""
    made = stack()
    await made.harness.ensure()
    arn = "arn:aws:iam::123456789012:policy/app"
    async with client("iam", access) as iam, client("s3", access) as s3:
        await iam.detach_role_policy(RoleName="app", PolicyArn=arn)
        await iam.create_policy(PolicyName="other", PolicyDocument=ANY_DOCUMENT)
        await iam.attach_role_policy(RoleName="app", PolicyArn=arn.replace("/app", "/other"))
        await iam.update_assume_role_policy(RoleName="app", PolicyDocument=OTHER_TRUST)
        await iam.create_role(RoleName="other", AssumeRolePolicyDocument=OTHER_TRUST)
        await iam.remove_role_from_instance_profile(InstanceProfileName="app", RoleName="app")
        await iam.add_role_to_instance_profile(InstanceProfileName="app", RoleName="other")
        await s3.put_object(Bucket="app-releases", Key="1.0/app.tar", Body=b"something else")
    diff = await made.harness.diff()
    assert isinstance(diff, Complete)
    assert diff.value is not None
    shown = {item: str(each) for item, each in diff.value.diffs.items() if each is not None}
    assert set(shown) == {"role", "profile", "upload"}
    assert shown["profile"] == "role: other → app"
    assert "trust.Statement[0].Principal.Service" in shown["role"]
    assert f"policies[0]: {arn.replace('/app', '/other')} → {arn}" in shown["role"]
    assert "size: 14 B → 9.4 MB" in shown["upload"]
    assert done(made, await made.harness.ensure()) == set(shown)
    assert done(made, await made.harness.ensure()) == set()


async def test_deleted_policy(stack: Callable[[], Stack], access: AwsAccess) -> None:
    """A policy that somebody deleted is made again, and attached again."""
    made = stack()
    await made.harness.ensure()
    arn = "arn:aws:iam::123456789012:policy/app"
    async with client("iam", access) as iam:
        await iam.detach_role_policy(RoleName="app", PolicyArn=arn)
        await iam.delete_policy(PolicyArn=arn)
    assert done(made, await made.harness.ensure()) == {"policy", "role"}


async def test_a_changed_object_of_the_same_size(
    stack: Callable[[], Stack], access: AwsAccess
) -> None:
    """An object is compared by what is in it."""
    made = stack()
    made.file.write_bytes(b"a" * 100)
    await made.harness.ensure()
    async with client("s3", access) as s3:
        await s3.put_object(Bucket="app-releases", Key="1.0/app.tar", Body=b"b" * 100)
    assert done(made, await made.harness.ensure()) == {"upload"}
    assert done(made, await made.harness.ensure()) == set()


async def test_empty_files(stack: Callable[[], Stack]) -> None:
    """A file with nothing in it is uploaded too."""
    made = stack()
    made.file.write_bytes(b"")
    assert "upload" in done(made, await made.harness.ensure())
    assert done(made, await made.harness.ensure()) == set()


async def test_what_belongs_to_others_stays(stack: Callable[[], Stack], access: AwsAccess) -> None:
    """A bucket that somebody else put something into is not removed, and says what is in it."""
    made = stack()
    await made.harness.ensure()
    async with client("s3", access) as s3:
        for number in range(7):
            await s3.put_object(Bucket="app-releases", Key=f"theirs {number}", Body=b"")
    outcome = await made.harness.clean()
    error = outcome.items["bucket"].error
    assert isinstance(error, BucketNotEmpty)
    assert "theirs 0, theirs 1, theirs 2, theirs 3, theirs 4, and more" in str(error.details)
    assert outcome.items_with(ItemStatus.FAILED) == ("bucket",)
    found = (await made.left())["app-releases"]
    assert len(found["objects"]) == 7  # type: ignore[index]  # it is a mapping
    async with client("s3", access) as s3:
        for number in range(7):
            await s3.delete_object(Bucket="app-releases", Key=f"theirs {number}")
    assert done(made, await made.harness.clean()) == {"bucket"}


@pytest.mark.parametrize(
    "question",
    [
        pytest.param(number, marks=[] if number in {9, 26} else pytest.mark.soak)
        for number in range(1, 60)
    ],
)
async def test_interrupted_anywhere(
    stack: Callable[[], Stack], countdown: Countdown, question: int
) -> None:
    """Interrupted at any moment and resumed, it ends as if it had not been; so does cleaning up."""
    made = stack()
    for command in ("ensure", "clean"):
        countdown.arm(made.harness.sender, question)
        first = await getattr(made.harness, command)()
        countdown.disarm()
        if not isinstance(first, Complete):
            assert isinstance(await getattr(made.harness, command)(), Complete)
        assert done(made, await getattr(made.harness, command)()) == set()
        if command == "ensure":
            there = await made.left()
            assert there["profiles"] == [("app", ["app"])]
            assert there["app-releases"]["uploads"] == 0  # type: ignore[index]  # a mapping
    assert await made.left() == NOTHING


ANY_DOCUMENT = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]}'
)
OTHER_TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole", '
    '"Principal": {"Service": "lambda.amazonaws.com"}}]}'
)


def test_states_in_words() -> None:
    """States are told in a few words."""
    state = S3ObjectState(bucket="b", key="k", present=False, uploads=1)
    assert str(state) == "absent, partly uploaded"
