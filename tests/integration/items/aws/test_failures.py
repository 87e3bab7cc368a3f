"""How work in AWS fails: each failure says whose login, which file, which variable, what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import web
from aws_server import Asked, Cut, Way, never, refusal
from aws_stack import READ, TRUST, Stack, client
from pydantic import ValidationError

from peaceful import Flow, ItemStatus
from peaceful._commands.run_request import CommandName
from peaceful._item.item import AnyItem
from peaceful.commands import Complete
from peaceful.errors import PeacefulError
from peaceful.items.aws import (
    AwsAccess,
    IamPolicy,
    IamRole,
    InstanceProfile,
    S3Bucket,
    S3Object,
)
from peaceful.items.aws._errors import (
    AwsBusy,
    AwsDenied,
    AwsInUse,
    AwsLoginMissing,
    AwsLoginRefused,
    AwsNotSettled,
    AwsRefused,
    AwsRegionUnknown,
    AwsUnreachable,
    BucketTaken,
    IamElsewhere,
)
from peaceful.testing import FlowHarness, ItemHarness

Kind = type[PeacefulError]


async def failure(item: AnyItem, folder: Path, command: CommandName = "ensure") -> PeacefulError:
    """What a command fails with; it says what to do, and leaks no secret."""
    with pytest.raises(PeacefulError) as caught:
        await ItemHarness(item, folder).result_of(command)
    assert caught.value.help
    assert "tell-nobody" not in f"{caught.value} {caught.value.details}"
    return caught.value


def bucket(access: AwsAccess, **changes: object) -> S3Bucket:
    """A bucket, reached in some way."""
    return S3Bucket(name="app-releases", aws=access.model_copy(update=changes))


# ---- logins


async def test_no_login(access: AwsAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without keys, it is told where they were looked for, and how to give them."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    for item in (bucket(access), IamPolicy(name="app", document={}, aws=access)):
        error = await failure(item, tmp_path)
        assert type(error) is AwsLoginMissing
        assert str(tmp_path / "no aws files" / "credentials") in error.message
        assert "AWS_ACCESS_KEY_ID" in error.help
        assert "AWS_PROFILE" in error.help


async def test_half_a_login(
    access: AwsAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A key without its secret is told as that."""
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = await failure(bucket(access), tmp_path)
    assert type(error) is AwsLoginMissing
    assert "AWS_SECRET_ACCESS_KEY" in error.message


async def test_unknown_profile(access: AwsAccess, tmp_path: Path) -> None:
    """A profile that is not there is told by its name, and with the files that were read."""
    error = await failure(bucket(access, profile="nobody"), tmp_path)
    assert type(error) is AwsLoginMissing
    assert "no profile nobody" in error.message
    assert str(tmp_path / "no aws files" / "config") in error.message


async def test_login_of_a_file(
    access: AwsAccess, way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys of a profile are used; where they are refused, the file and the profile are named."""
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    file = tmp_path / "credentials"
    file.write_text("[dev]\naws_access_key_id = testing\naws_secret_access_key = tell-nobody\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
    item = bucket(access, profile="dev")
    result = await ItemHarness(item, tmp_path).result_of("ensure")
    assert result.status is ItemStatus.DONE

    async def refused(_: Asked) -> web.StreamResponse | None:
        return refusal(403, "InvalidAccessKeyId", "The AWS access key Id does not exist")

    way.before = refused
    error = await failure(IamPolicy(name="app", document={}, aws=item.aws), tmp_path)
    assert type(error) is AwsLoginRefused
    assert f"that of the profile dev in {file}" in error.help


@pytest.mark.parametrize(
    ("code", "kind", "said"),
    [
        ("ExpiredToken", AwsLoginRefused, "has expired"),
        ("SignatureDoesNotMatch", AwsLoginRefused, "is not accepted"),
        ("RequestTimeTooSkewed", AwsLoginRefused, "the time of this machine"),
        ("AccessDenied", AwsDenied, "does not allow iam:GetPolicy"),
        ("AuthorizationHeaderMalformed", AwsRegionUnknown, "wrong region"),
        ("MalformedPolicyDocument", AwsRefused, "refused iam:GetPolicy"),
    ],
)
async def test_refusals(
    access: AwsAccess, way: Way, tmp_path: Path, code: str, kind: Kind, said: str
) -> None:
    """What AWS refuses is told in words, with what to do."""

    async def refused(asked: Asked) -> web.StreamResponse | None:
        return refusal(400, code) if asked.operation == "GetPolicy" else None

    way.before = refused
    error = await failure(IamPolicy(name="app", document={}, aws=access), tmp_path)
    assert type(error) is kind
    assert said in error.message
    assert code in error.message


# ---- regions and endpoints


async def test_no_region(
    access: AwsAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a region, a bucket cannot be made; IAM needs none."""
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    error = await failure(S3Bucket(name="app-releases", aws=AwsAccess()), tmp_path, "discover")
    assert type(error) is AwsRegionUnknown
    assert "AWS_DEFAULT_REGION" in error.help
    role = IamRole(name="app", trust=TRUST, aws=access)
    assert (await ItemHarness(role, tmp_path).result_of("ensure")).status is ItemStatus.DONE


async def test_region_of_the_environment(
    access: AwsAccess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`AWS_REGION` is heeded, as by other tools for AWS."""
    monkeypatch.setenv("AWS_REGION", "ap-south-1")
    result = await ItemHarness(bucket(access), tmp_path).result_of("ensure")
    assert result.shown == "present in ap-south-1"


async def test_a_bucket_elsewhere(access: AwsAccess, tmp_path: Path) -> None:
    """A bucket in another region is shown with its region, not moved, and can be removed."""
    await ItemHarness(bucket(access, region="us-east-1"), tmp_path).result_of("ensure")
    harness = ItemHarness(bucket(access), tmp_path)
    assert str(await harness.difference()) == "region: us-east-1 → eu-central-1"
    dry = await harness.result_of("ensure", dry_run=True)
    assert dry.status is ItemStatus.WOULD_REPLACE
    error = await failure(bucket(access), tmp_path)
    assert error.code == "REPLACEMENT-NEEDED"
    assert "region: us-east-1 → eu-central-1" in error.message
    current, _ = await harness.states()
    assert current is not None
    assert current.region == "us-east-1"
    assert (await harness.result_of("clean")).status is ItemStatus.DONE


@pytest.mark.parametrize(
    ("constraint", "region"), [("", "us-east-1"), ("EU", "eu-west-1"), ("eu-north-1", "eu-north-1")]
)
async def test_where_a_bucket_is(
    access: AwsAccess, way: Way, tmp_path: Path, constraint: str, region: str
) -> None:
    """Old buckets, and other servers, tell their region in other words."""

    async def answer(asked: Asked) -> web.StreamResponse | None:
        if asked.method == "HEAD":
            return web.Response()
        text = f"<LocationConstraint>{constraint}</LocationConstraint>"
        return web.Response(text=text) if "location" in asked.path else None

    way.before = answer
    current, _ = await ItemHarness(bucket(access), tmp_path).states()
    assert current is not None
    assert current.region == region


async def test_somebody_elses_bucket(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """A bucket of another account is refused, with the name of who asks."""

    async def theirs(asked: Asked) -> web.StreamResponse | None:
        return web.Response(status=403) if asked.method == "HEAD" else None

    way.before = theirs
    commands: tuple[CommandName, ...] = ("discover", "ensure", "clean")
    for command in commands:
        error = await failure(bucket(access), tmp_path, command)
        assert type(error) is BucketTaken
        assert "arn:aws:sts::123456789012:user/moto" in error.message


async def test_a_bucket_that_somebody_made_just_now(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """Where another account makes the bucket between looking and making, it is refused."""

    async def taken(asked: Asked) -> web.StreamResponse | None:
        return refusal(409, "BucketAlreadyExists") if asked.method == "PUT" else None

    way.before = taken
    assert type(await failure(bucket(access), tmp_path)) is BucketTaken


async def test_no_server(tmp_path: Path, login: None) -> None:
    """Where nobody answers, it says so, after as many attempts as are allowed."""
    access = AwsAccess(endpoint_url="http://127.0.0.1:9", attempts=2)
    error = await failure(bucket(access), tmp_path)
    assert type(error) is AwsUnreachable
    assert ("tried", "2 times") in error.details
    assert "http://127.0.0.1:9" in error.message


async def test_endpoint_of_the_environment(
    way: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`AWS_ENDPOINT_URL` is heeded, also where no bucket can be put in front of its name."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", way.url.replace("127.0.0.1", "localhost"))
    result = await ItemHarness(bucket(AwsAccess()), tmp_path).result_of("ensure")
    assert result.status is ItemStatus.DONE
    assert "PUT /app-releases" in way.operations()


@pytest.mark.parametrize("endpoint", ["nonsense", "ftp://x", "http://me:secret@x", ""])
def test_wrong_endpoints(endpoint: str) -> None:
    """An endpoint that cannot be one is refused where it is given."""
    with pytest.raises(ValidationError, match="endpoint"):
        AwsAccess(endpoint_url=endpoint)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: S3Bucket(name="Upper"), "lower-case"),
        (lambda: S3Bucket(name="192.168.0.1"), "IP address"),
        (lambda: S3Bucket(name="a..b"), "lower-case"),
        (lambda: IamPolicy(name="a b", document={}), "letters, digits"),
        (lambda: IamPolicy.model_validate({"name": "a", "document": "{"}), "is JSON"),
        (lambda: IamRole(name="r" * 65, trust={}), "64 characters"),
        (lambda: IamRole(name="r", trust={}, policies=["ReadOnlyAccess"]), "arn:aws:iam::aws:pol"),
        (lambda: S3Object(bucket="abc", key="k", file=Path(), content_type="a\nb"), "text/html"),
        (lambda: InstanceProfile(name="p", role="r", path="no slash"), "slash"),
    ],
)
def test_wrong_names(make: Callable[[], AnyItem], said: str) -> None:
    """Names that AWS would refuse are refused before it is asked."""
    with pytest.raises(ValidationError, match=said):
        make()


# ---- what passes


async def test_throttling_passes(stack: Callable[[], Stack], way: Way) -> None:
    """Where AWS wants fewer requests, it is asked again, and all ends well."""
    met: set[str] = set()

    async def busy(asked: Asked) -> web.StreamResponse | None:
        if asked.operation in met:
            return None
        met.add(asked.operation)
        iam = asked.method == "POST" and asked.path == "/"
        return refusal(400, "Throttling") if iam else refusal(503, "SlowDown")

    way.before = busy
    assert isinstance(await stack().harness.ensure(), Complete)
    assert len(met) > 10


async def test_broken_connections_pass(stack: Callable[[], Stack], way: Way) -> None:
    """Where a connection breaks before an answer or after it, all is done once, and ends well."""
    # Asked again, AWS says that this is not there; the server of these tests breaks instead.
    whole = "RemoveRoleFromInstanceProfile"
    met = {whole}

    async def breaks(asked: Asked) -> None:
        if asked.operation not in met:
            met.add(asked.operation)
            raise Cut

    way.after = breaks
    made = stack()
    assert isinstance(await made.harness.ensure(), Complete)
    there = await made.left()
    assert there["app-releases"]["uploads"] == 0  # type: ignore[index]  # a mapping
    met.intersection_update({whole})
    assert isinstance(await made.harness.clean(), Complete)
    assert await made.left() == {"policies": [], "roles": [], "profiles": []}


@pytest.mark.parametrize(("method", "needed"), [("HEAD", "s3:GetObject"), ("PUT", "s3:PutObject")])
async def test_permissions_have_names(
    access: AwsAccess, way: Way, tmp_path: Path, method: str, needed: str
) -> None:
    """What is denied is told by the name that policies have for it, and about what it is."""
    await ItemHarness(bucket(access), tmp_path).result_of("ensure")
    (tmp_path / "file").write_text("x")
    item = S3Object(bucket="app-releases", key="app", file=tmp_path / "file", aws=access)

    async def denied(asked: Asked) -> web.StreamResponse | None:
        return refusal(403, "AccessDenied") if asked.method == method else None

    way.before = denied
    error = await failure(item, tmp_path)
    assert type(error) is AwsDenied
    assert f"let its policies allow {needed}, " in error.help
    assert ("asked about", "app-releases app") in error.details


async def test_what_is_refused_is_named(access: AwsAccess, tmp_path: Path) -> None:
    """A bucket that is not there is named, which AWS itself does not do."""
    (tmp_path / "file").write_text("x")
    item = S3Object(bucket="nowhere", key="app", file=tmp_path / "file", aws=access)
    error = await failure(item, tmp_path)
    assert ("asked about", "nowhere app") in error.details


async def test_throttled_for_good(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """Where AWS stays busy, it says so after as many attempts as are allowed."""

    async def busy(_: Asked) -> web.StreamResponse | None:
        return refusal(400, "Throttling")

    way.before = busy
    error = await failure(IamPolicy(name="app", document={}, aws=access), tmp_path)
    assert type(error) is AwsBusy
    assert ("tried", "3 times") in error.details


async def test_no_answer(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """A server that accepts, and never answers, is given up after the timeout."""
    way.before = never
    error = await failure(bucket(access, timeout=0.2, attempts=1), tmp_path)
    assert type(error) is AwsUnreachable


async def test_a_login_that_is_known_later(
    stack: Callable[[], Stack], way: Way, access: AwsAccess
) -> None:
    """What AWS does not show at once is waited for, and what it does not know yet asked again."""
    hidden = {"attach_role_policy": 2, "get_role": 2}

    async def late(asked: Asked) -> web.StreamResponse | None:
        name = {"AttachRolePolicy": "attach_role_policy", "GetRole": "get_role"}.get(
            asked.operation, ""
        )
        if hidden.get(name, 0) and "CreateRole" in way.operations():
            hidden[name] -= 1
            return refusal(404, "NoSuchEntity")
        return None

    way.before = late
    assert isinstance(await stack().harness.ensure(), Complete)
    assert hidden == {"attach_role_policy": 0, "get_role": 0}


async def test_never_shown(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """What AWS does not show within the patience is told as that."""

    async def hidden(asked: Asked) -> web.StreamResponse | None:
        return refusal(404, "NoSuchEntity") if asked.operation == "GetRole" else None

    way.before = hidden
    impatient = access.model_copy(update={"patience": 0.1})
    error = await failure(IamRole(name="app", trust=TRUST, aws=impatient), tmp_path)
    assert type(error) is AwsNotSettled
    assert "the role app" in error.message


@pytest.mark.parametrize("made", [False, True])
async def test_a_role_that_trusts_one_made_just_now(
    access: AwsAccess, way: Way, tmp_path: Path, made: bool
) -> None:
    """Whom a role trusts may not be known to AWS at once; that is waited for, and nothing else."""
    item = IamRole(name="app", trust=TRUST, aws=access)
    if made:
        await ItemHarness(item, tmp_path).result_of("ensure")
        statement = {"Effect": "Allow", "Principal": "*", "Action": "sts:AssumeRole"}
        item = item.model_copy(
            update={"trust": {"Version": "2012-10-17", "Statement": [statement]}}
        )
    operation = "UpdateAssumeRolePolicy" if made else "CreateRole"
    refusals = ['Invalid principal in policy: "AWS":"arn:..."'] * 2

    async def late(asked: Asked) -> web.StreamResponse | None:
        if asked.operation == operation and refusals:
            return refusal(400, "MalformedPolicyDocument", refusals.pop())
        return None

    way.before = late
    result = await ItemHarness(item, tmp_path).result_of("ensure")
    assert result.status is ItemStatus.DONE
    assert not refusals


@pytest.mark.parametrize("kind", ["role", "policy"])
async def test_lists_that_are_late(access: AwsAccess, way: Way, tmp_path: Path, kind: str) -> None:
    """What was detached just now may still be listed, and be in the way: that is waited for."""
    policy = IamPolicy(name="app", document=READ, aws=access)
    role = IamRole(
        name="app", trust=TRUST, policies=["arn:aws:iam::123456789012:policy/app"], aws=access
    )
    items: tuple[AnyItem, ...] = (policy, role)
    for each in items:
        await ItemHarness(each, tmp_path).result_of("ensure")
    await ItemHarness(role, tmp_path).result_of("ensure" if kind == "role" else "clean")
    lists = {
        "ListEntitiesForPolicy": "<PolicyRoles><member><RoleName>app</RoleName></member>"
        "</PolicyRoles>",
        "ListInstanceProfilesForRole": "<InstanceProfiles><member><InstanceProfileName>app"
        "</InstanceProfileName></member></InstanceProfiles>",
    }
    conflicts = ["DeleteRole" if kind == "role" else "DeletePolicy"]

    async def late(asked: Asked) -> web.StreamResponse | None:
        name = asked.operation
        if name in conflicts:
            conflicts.remove(name)
            return refusal(409, "DeleteConflict")
        if name not in lists:
            return None
        result = f"<{name}Result>{lists[name]}</{name}Result>"
        return web.Response(text=f"<{name}Response>{result}</{name}Response>")

    way.before = late
    in_the_way = items[kind == "role"]
    result = await ItemHarness(in_the_way, tmp_path).result_of("clean")
    assert result.status is ItemStatus.DONE
    assert not conflicts


async def test_interrupted_while_it_waits(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """Waiting for AWS ends at once on an interrupt, and the next run finds what was made."""
    waiting = asyncio.Event()

    async def hidden(asked: Asked) -> web.StreamResponse | None:
        if asked.operation != "GetRole" or "CreateRole" not in way.operations():
            return None
        waiting.set()
        return refusal(404, "NoSuchEntity")

    way.before = hidden
    patient = access.model_copy(update={"patience": 3600})
    harness = ItemHarness(IamRole(name="app", trust=TRUST, aws=patient), tmp_path)
    running = asyncio.ensure_future(harness.ensure())
    await waiting.wait()
    harness.sender.request()
    outcome = await running
    assert outcome.items["item"].status is ItemStatus.STOPPED
    way.before = None
    assert (await harness.result_of("ensure")).status is ItemStatus.UNCHANGED


# ---- what others use


async def test_a_policy_that_others_use(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """A policy that is attached elsewhere is not removed, and says where."""
    item = IamPolicy(name="app", document=READ, aws=access)
    await ItemHarness(item, tmp_path).result_of("ensure")
    async with client("iam", access) as iam:
        await iam.create_role(RoleName="theirs", AssumeRolePolicyDocument=json.dumps(TRUST))
        arn = "arn:aws:iam::123456789012:policy/app"
        await iam.attach_role_policy(RoleName="theirs", PolicyArn=arn)

    async def conflict(asked: Asked) -> web.StreamResponse | None:
        return refusal(409, "DeleteConflict") if asked.operation == "DeletePolicy" else None

    way.before = conflict
    error = await failure(item, tmp_path, "clean")
    assert type(error) is AwsInUse
    assert ("attached to", "role theirs") in error.details


async def test_a_role_that_others_use(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """A role with an inline policy, or in an instance profile, is not removed, and says so."""
    item = IamRole(name="app", trust=TRUST, aws=access)
    await ItemHarness(item, tmp_path).result_of("ensure")
    async with client("iam", access) as iam:
        await iam.put_role_policy(
            RoleName="app",
            PolicyName="theirs",
            PolicyDocument=json.dumps(READ),
        )
        await iam.create_instance_profile(InstanceProfileName="theirs")
        await iam.add_role_to_instance_profile(InstanceProfileName="theirs", RoleName="app")

    async def conflict(asked: Asked) -> web.StreamResponse | None:
        return refusal(409, "DeleteConflict") if asked.operation == "DeleteRole" else None

    way.before = conflict
    error = await failure(item, tmp_path, "clean")
    assert type(error) is AwsInUse
    assert ("it has", "instance profile theirs, inline policy theirs") in error.details


async def test_lists_of_many_pages(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """What is in the way is named, on whatever page of a list it is."""
    item = IamRole(name="app", trust=TRUST, aws=access)
    await ItemHarness(item, tmp_path).result_of("ensure")

    async def paged(asked: Asked) -> web.StreamResponse | None:
        if asked.operation != "ListRolePolicies":
            return None
        name, more = ("two", "") if b"Marker=next" in asked.body else ("one", "true")
        said = f"<PolicyNames><member>{name}</member></PolicyNames>"
        said += f"<IsTruncated>{more}</IsTruncated><Marker>next</Marker>" if more else ""
        result = f"<ListRolePoliciesResult>{said}</ListRolePoliciesResult>"
        return web.Response(text=f"<ListRolePoliciesResponse>{result}</ListRolePoliciesResponse>")

    way.before = paged
    error = await failure(item, tmp_path, "clean")
    assert ("it has", "inline policy one, inline policy two") in error.details


@pytest.mark.parametrize("command", ["ensure", "clean"])
async def test_another_role_of_the_same_name(
    access: AwsAccess, tmp_path: Path, command: CommandName
) -> None:
    """One under another path is somebody's: it is neither taken over nor removed."""
    async with client("iam", access) as iam:
        await iam.create_role(
            RoleName="app", Path="/theirs/", AssumeRolePolicyDocument=json.dumps(READ)
        )
    error = await failure(IamRole(name="app", trust=TRUST, aws=access), tmp_path, command)
    assert type(error) is IamElsewhere
    assert error.message == (
        "The role app is there, but not under the path /: it is "
        "arn:aws:iam::123456789012:role/theirs/app."
    )
    async with client("iam", access) as iam:
        role = (await iam.get_role(RoleName="app"))["Role"]
    assert role["AssumeRolePolicyDocument"] == READ


async def test_a_policy_whose_name_is_taken(access: AwsAccess, way: Way, tmp_path: Path) -> None:
    """Where there is none under its path, and the name is refused, the reason is AWS's own."""

    async def taken(asked: Asked) -> web.StreamResponse | None:
        return refusal(409, "EntityAlreadyExists") if asked.operation == "CreatePolicy" else None

    way.before = taken
    error = await failure(IamPolicy(name="app", document=READ, aws=access), tmp_path)
    assert type(error) is AwsRefused
    assert error.reason == "EntityAlreadyExists"


@pytest.mark.parametrize(
    ("path", "name", "said"),
    [
        ("/theirs/", "app", "not under the path /: it is"),
        ("/", "APP", "spelt with other capital letters: it is"),
    ],
)
async def test_a_name_that_is_taken_is_found(
    access: AwsAccess, way: Way, tmp_path: Path, path: str, name: str, said: str
) -> None:
    """Where AWS only says that a name is taken, it is looked up by what."""
    async with client("iam", access) as iam:
        for number in range(3):
            await iam.create_policy(PolicyName=f"other{number}", PolicyDocument=json.dumps(READ))
        await iam.create_policy(PolicyName=name, Path=path, PolicyDocument=json.dumps(READ))

    async def taken(asked: Asked) -> web.StreamResponse | None:
        return refusal(409, "EntityAlreadyExists") if asked.operation == "CreatePolicy" else None

    way.before = taken
    error = await failure(IamPolicy(name="app", document=READ, aws=access), tmp_path)
    assert type(error) is IamElsewhere
    assert f"{said} arn:aws:iam::123456789012:policy{path}{name}." in error.message


async def test_what_was_made_and_is_not_shown_yet(
    access: AwsAccess, way: Way, tmp_path: Path
) -> None:
    """Where AWS says that the very thing exists, and does not show it yet, that is waited for."""
    hidden = [1, 2, 3]

    async def late(asked: Asked) -> web.StreamResponse | None:
        if asked.operation == "GetRole" and hidden:
            hidden.pop()
            return refusal(404, "NoSuchEntity")
        return None

    async with client("iam", access) as iam:
        await iam.create_role(RoleName="app", AssumeRolePolicyDocument=json.dumps(TRUST))
    way.before = late
    result = await ItemHarness(IamRole(name="app", trust=TRUST, aws=access), tmp_path).result_of(
        "ensure"
    )
    assert result.status is ItemStatus.DONE


async def test_a_path_is_changed(access: AwsAccess, tmp_path: Path) -> None:
    """A name is there only once, so what had it under the other path goes first."""
    path = "/"

    def declare(flow: Flow) -> None:
        role = flow.add("role", IamRole(name="app", path=path, trust=TRUST, aws=access))
        flow.add("profile", InstanceProfile(name="app", role=role.state.name, aws=access))

    harness = FlowHarness(declare, tmp_path)
    assert isinstance(await harness.ensure(), Complete)
    path = "/apps/"
    dry = await harness.ensure(dry_run=True)
    assert set(dry.items_with(ItemStatus.WOULD_REMOVE)) == {"role__before", "profile__before"}
    assert "once role__before is removed" in dry.items["role"].message
    moved = await harness.ensure()
    assert isinstance(moved, Complete)
    assert moved.value.current["role"].model_dump()["arn"].endswith("role/apps/app")
    again = await harness.ensure()
    assert set(again.items_with(ItemStatus.UNCHANGED)) == {"role", "profile"}
    assert isinstance(await harness.clean(), Complete)


async def test_a_bucket_is_replaced(access: AwsAccess, tmp_path: Path) -> None:
    """With what is in it: first out, last in again, in the other region."""
    (tmp_path / "it").write_text("content")
    region = "us-east-1"

    def declare(flow: Flow) -> None:
        there = access.model_copy(update={"region": region})
        place = flow.add("place", S3Bucket(name="app-releases", aws=there))
        flow.add(
            "thing",
            S3Object(bucket=place.state.name, key="it", file=tmp_path / "it", aws=there),
        )

    harness = FlowHarness(declare, tmp_path)
    assert isinstance(await harness.ensure(), Complete)
    region = "eu-central-1"
    refused = await harness.ensure()
    assert refused.items["place"].status is ItemStatus.FAILED
    replaced = await harness.ensure(replace=["place"])
    assert isinstance(replaced, Complete)
    done = {"thing__before", "place__before", "place", "thing"}
    assert set(replaced.items_with(ItemStatus.DONE)) == done
    assert replaced.value.current["place"].model_dump()["region"] == "eu-central-1"
    assert isinstance(await harness.clean(), Complete)
