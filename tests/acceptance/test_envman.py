"""The example application deploys to a server that speaks like AWS, as one would use it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator

import pytest
from aiohttp import web
from aws_server import Asked, Way, aws_server, forget_all, way_to
from file_server import FileServer, Served, file_server
from shell import Ended, Shell

IAM = ("iam_policy", "iam_role", "instance_profile")
pytestmark = pytest.mark.timeout(240)  # Each command loads the client of AWS.

ALL = ("app_download", "s3_bucket", "s3_object", *IAM)
FILE = "/web_app-{version}.tar"
SIZE = 9 * 1024 * 1024


@pytest.fixture(scope="session")
def aws_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a server that speaks like AWS."""
    with aws_server(tmp_path_factory.mktemp("aws") / "log") as address:
        yield address


@pytest.fixture
async def way(aws_address: str) -> AsyncIterator[Way]:
    """A way to the server, which is as new."""
    forget_all(aws_address)
    async with way_to(aws_address) as found:
        yield found


@pytest.fixture
async def releases() -> AsyncIterator[FileServer]:
    """A server with two releases."""
    async with file_server() as running:
        for version in ("1.0", "1.1"):
            file = Served(os.urandom(SIZE), etag=f'"{version}"')
            running.files[FILE.format(version=version)] = file
        yield running


class Envman:
    """The application at a shell; it runs beside the servers of the test."""

    def __init__(self, shell: Shell, way: Way, releases: FileServer) -> None:
        self.shell = shell
        self.way = way
        self.releases = releases
        nothing = str(shell.folder / "no aws files")
        shell.environment.update(
            AWS_ACCESS_KEY_ID="testing",
            AWS_SECRET_ACCESS_KEY="tell-nobody",
            AWS_DEFAULT_REGION="eu-central-1",
            AWS_ENDPOINT_URL=way.url,
            AWS_CONFIG_FILE=nothing,
            AWS_SHARED_CREDENTIALS_FILE=nothing,
            AWS_EC2_METADATA_DISABLED="true",
        )

    async def run(self, *words: str, expect: int | None = 0) -> Ended:
        """Runs a command to its end."""
        ended = await asyncio.to_thread(self.shell.run, "envman", *words, expect=expect)
        assert "tell-nobody" not in ended.out + ended.err
        return ended

    async def json(self, *words: str, expect: int | None = 0) -> Ended:
        """Runs a command to its end, for its document and its events."""
        return await self.run(*words, "--format", "json", "--progress", "json", expect=expect)

    async def init(self, profile: str, version: str = "1.0", kind: str = "development") -> Ended:
        """Sets a profile up."""
        url = self.releases.url(FILE)
        return await self.run("init", profile, "--type", kind, "me/web_app", version, "--url", url)

    def done(self, ended: Ended) -> set[str]:
        """The items that a command changed."""
        return {item for item, status in ended.statuses().items() if status == "done"}


@pytest.fixture
def envman(shell: Shell, way: Way, releases: FileServer) -> Envman:
    """The application, not set up yet."""
    return Envman(shell, way, releases)


async def test_life_cycle(envman: Envman) -> None:
    """Deployed, shown, changed, compared and cleaned up; each command says what it did."""
    await envman.init("demo")
    discovered = await envman.json("discover")
    assert discovered.document["outcome"] == "complete"
    assert envman.done(await envman.json("deploy")) == set(ALL)
    states = (await envman.json("status")).document["states"]
    assert states["iam_role"]["policies"] == ["arn:aws:iam::123456789012:policy/web_app-demo"]
    assert envman.done(await envman.json("deploy")) == set()
    diffs = (await envman.json("diff")).document["diffs"]
    assert set(diffs.values()) == {None}

    # Another version replaces the object, and nothing else in AWS.
    await envman.run("init", "--app-version", "1.1")
    diffs = (await envman.json("diff")).document["diffs"]
    assert {item for item, diff in diffs.items() if diff} == {"app_download", "s3_object"}
    envman.way.asked.clear()
    assert envman.done(await envman.json("deploy")) == {"app_download", "s3_object"}
    assert "PUT /me-web-app-demo" not in envman.way.operations()
    assert not any(one.startswith(("Create", "Attach")) for one in iam_changes(envman.way))

    assert envman.done(await envman.json("clean")) == set(ALL)
    assert {item for item, diff in (await envman.json("diff")).document["diffs"].items() if diff}


def iam_changes(way: Way) -> list[str]:
    """What IAM was asked to change."""
    asked = [one.operation for one in way.asked if one.path == "/" and one.method == "POST"]
    return [one for one in asked if not one.startswith(("Get", "List"))]


async def test_interrupted_and_resumed(envman: Envman) -> None:
    """A Ctrl-C while the release is uploaded: what is in progress ends, the rest is told; again."""
    await envman.init("demo")
    at_the_upload = asyncio.Event()
    go_on = asyncio.Event()

    async def hold(asked: Asked) -> web.StreamResponse | None:
        if asked.operation == "CreateRole":
            at_the_upload.set()
            await go_on.wait()
        return None

    envman.way.before = hold
    words = ("deploy", "--format", "json", "--progress", "json")
    running = envman.shell.start("envman", *words)
    await at_the_upload.wait()
    running.send(signal.SIGINT)
    await asyncio.to_thread(running.until, "interrupt_requested")
    go_on.set()
    ended = await asyncio.to_thread(running.end, 130)
    assert ended.statuses()["iam_role"] == "done"
    assert ended.statuses()["instance_profile"] == "not_started"
    envman.way.before = None
    resumed = await envman.json("deploy")
    assert "instance_profile" in envman.done(resumed)
    assert not {"iam_policy", "iam_role"} & envman.done(resumed)
    assert envman.done(await envman.json("deploy")) == set()


async def test_profiles(envman: Envman) -> None:
    """Each environment has its own things; two are compared; one of another flow is used."""
    await envman.init("one")
    await envman.json("deploy")
    await envman.init("two", "1.1", "production")
    await envman.json("deploy")
    listed = (await envman.run("profile", "list")).out
    assert listed.split() == ["one", "*", "two"]
    compared = (await envman.json("diff", "one", "two")).document["diffs"]
    assert compared["iam_role"]
    # The other flow finds the bucket that the first one has made.
    upload = await envman.json("deploy", "--flow", "app_upload")
    assert upload.statuses()["s3_object"] == "unchanged"
    await envman.init("three")
    refused = await envman.json("deploy", "--flow", "app_upload", expect=1)
    said = str(refused.document["errors"]["s3_object"])
    assert "run envman deploy --flow env_deploy first" in said


async def test_protected_profiles(envman: Envman) -> None:
    """A production environment is cleaned up only by who says so."""
    await envman.init("live", kind="production")
    await envman.json("deploy")
    refused = await envman.json("clean", expect=2)
    assert refused.error["code"] == "USAGE"
    assert "envman clean --yes" in refused.error["help"]
    dry = (await envman.json("clean", "--dry-run")).statuses()
    assert dry == dict.fromkeys(ALL, "would_remove")
    assert envman.done(await envman.json("clean", "--yes")) == set(ALL)


async def test_wrong_logins(envman: Envman) -> None:
    """Without keys it says where they were looked for; the rest of the flow goes on."""
    await envman.init("demo")
    del envman.shell.environment["AWS_ACCESS_KEY_ID"]
    ended = await envman.json("deploy", expect=1)
    assert envman.done(ended) == {"app_download"}
    error = ended.document["errors"]["iam_policy"]
    assert error["code"] == "AWS-LOGIN-MISSING"
    assert "no aws files" in error["message"]


async def test_words_that_are_wrong(envman: Envman) -> None:
    """What is missing or wrong is told at once, all of it, and nothing is stored."""
    missing = await envman.run("init", expect=2)
    assert "name it first: envman init PROFILE" in " ".join(missing.err.split())
    wrong = await envman.run("init", "demo", "--type", "toy", "no slug", "a b", expect=2)
    for said in ("OWNER/REPO", "development", "a version has letters"):
        assert said in " ".join(wrong.err.split())
    assert not (envman.shell.folder / ".peace").exists()
    # Names are not cut to what AWS takes: two environments would share their things.
    await envman.init("p" * 60)
    long = await envman.json("deploy", expect=2)
    assert "64 characters" in str(long.error) or "3 to 63" in str(long.error)


async def test_twenty_profiles(envman: Envman) -> None:
    """Twenty environments are set up, listed, and found."""
    for number in range(20):
        await envman.run(
            "init", f"env_{number}", "--type", "development", "me/web_app", "1.0",
            "--url", envman.releases.url(FILE),
        )  # fmt: skip
    listed = (await envman.json("profile", "list")).document
    assert len(listed["profiles"]) == 20
    assert listed["in_use"] == "env_19"
    await envman.run("switch", "env_3")
    shown = (await envman.json("profile", "show")).document
    assert shown["profile"] == "env_3"
