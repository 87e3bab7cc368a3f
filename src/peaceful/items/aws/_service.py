"""Access to AWS: logins, sessions and clients."""

from __future__ import annotations

import asyncio
import functools
import importlib
import io
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import (
    TYPE_CHECKING,
    Annotated,
    Any,
    ClassVar,
    Final,
    Literal,
    Protocol,
    TypeAlias,
    TypeVar,
    cast,
)
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from peaceful._aio import run_in_thread
from peaceful._errors.running import RetriesExhausted
from peaceful._errors.usage import ExtraMissing
from peaceful._item.ctx import ItemCtx
from peaceful._item.retry import Backoff
from peaceful.items.aws._errors import (
    AwsBusy,
    AwsFailed,
    AwsMissing,
    AwsNotSettled,
    AwsRefused,
    AwsRegionUnknown,
    AwsUnreachable,
    Login,
    translate_error,
)

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient
    from aiobotocore.config import AioConfig
    from aiobotocore.session import AioSession
    from botocore.loaders import Loader

T = TypeVar("T")

ServiceName: TypeAlias = Literal["iam", "s3", "sts"]

Answer = dict[str, Any]  # Any: what AWS answers is described by its own models, not by types

_GLOBAL_SERVICES: Final = frozenset({"iam", "sts"})
_GLOBAL_REGION: Final = "us-east-1"
"""The region in which global services are asked if none is configured."""

_IAM_MARKERS: Final = {"Marker": "Marker"}

_TRANSIENT: Final = (AwsBusy, AwsUnreachable)

_ABOUT: Final = ("Bucket", "Key", "VersionId", "RoleName", "InstanceProfileName", "PolicyArn")
"""Parameters that say what a request is about."""

_PERMISSIONS: Final = {
    "s3:HeadBucket": "s3:ListBucket",
    "s3:HeadObject": "s3:GetObject",
    "s3:ListObjectVersions": "s3:ListBucketVersions",
    "s3:ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "s3:ListParts": "s3:ListMultipartUploadParts",
    "s3:CreateMultipartUpload": "s3:PutObject",
    "s3:UploadPart": "s3:PutObject",
    "s3:UploadPartCopy": "s3:GetObject and s3:PutObject",
    "s3:CompleteMultipartUpload": "s3:PutObject",
}
"""Permissions of other names than the requests that need them."""

_OF_VERSIONS: Final = frozenset({"s3:HeadObject", "s3:DeleteObject"})
"""Requests that need another permission for a version of an object."""

_CHANGES: Final = ("create", "delete", "attach", "detach", "add", "remove", "update")
"""Prefixes of operations that are reported as progress."""

_ORIGINS: Final = {
    "env": "that of the environment variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY",
    "shared-credentials-file": "that of the profile {profile} in {credentials_file}",
    "config-file": "that of the profile {profile} in {config_file}",
    "assume-role": "the role of the profile {profile} in {config_file}",
    "assume-role-with-web-identity": "the role of AWS_WEB_IDENTITY_TOKEN_FILE",
    "sso": "the single sign-on of the profile {profile} in {config_file}",
    "custom-process": "that of the program of the profile {profile} in {config_file}",
    "iam-role": "the role of this machine",
    "container-role": "the role of this container",
}

_ACCOUNTS: Final[dict[tuple[str | None, str | None, str], Account]] = {}
"""Known accounts by profile, endpoint and access key: a key belongs to one account for good."""


def _is_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an endpoint is an address such as https://s3.example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an endpoint has no login in it: AWS requests are signed with keys")
    return value


class AwsAccess(BaseModel):
    """Access to AWS, or to another server with the same API.

    Settings that are not given come from where every AWS tool takes them: environment variables,
    the files `~/.aws/config` and `~/.aws/credentials`, and the machine's role.

    Attributes:
        profile: a profile in the AWS files; by default `AWS_PROFILE`, else `default`.
        region: by default `AWS_REGION` or `AWS_DEFAULT_REGION`, else the profile's region.
        endpoint_url: the server's address; by default `AWS_ENDPOINT_URL`, else AWS itself.
        timeout: seconds without an answer after which an attempt fails.
        attempts: the most attempts in a row after failures that may pass.
        patience: seconds to wait until AWS shows a change everywhere.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")

    profile: str | None = None
    region: str | None = None
    endpoint_url: Annotated[str, AfterValidator(_is_endpoint)] | None = None
    timeout: Annotated[float, Field(gt=0)] = 30.0
    attempts: Annotated[int, Field(ge=1)] = 6
    patience: Annotated[float, Field(ge=0)] = 120.0

    @property
    def endpoint(self) -> str | None:
        """The server's address, or None for AWS itself."""
        return self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None


@dataclass(frozen=True, slots=True)
class Account:
    """An AWS account: its twelve digits, its partition (such as `aws-cn`), the caller's ARN."""

    id: str
    partition: str
    caller: str

    def arn(self, service: str, resource: str) -> str:
        """Return the ARN of a resource that belongs to no region."""
        return f"arn:{self.partition}:{service}::{self.id}:{resource}"


class _MakesClients(Protocol):
    """The part of a session used here; its own types name each of AWS's hundreds of services."""

    def create_client(
        self, name: str, /, *, region_name: str | None, endpoint_url: str | None, config: AioConfig
    ) -> AbstractAsyncContextManager[AioBaseClient]: ...


@dataclass(frozen=True, slots=True)
class Service:
    """A client of one AWS service for one item, made by `service`."""

    name: ServiceName
    client: AioBaseClient
    ctx: ItemCtx
    access: AwsAccess
    login: Login

    @property
    def region(self) -> str:
        """The region of the client."""
        return str(self.client.meta.region_name)

    async def call(self, operation: str, /, **parameters: object) -> Answer:
        """Call an operation such as `create_role`, with retries; parameters may be None.

        Raises `AwsFailed` if it failed for good, or as often as allowed.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        if operation.startswith(_CHANGES):
            self.ctx.progress.message(operation.replace("_", " "))
        method: Callable[..., Awaitable[Answer]] = getattr(self.client, operation)
        doing = f"{self.name}:{''.join(word.title() for word in operation.split('_'))}"
        server = self.access.endpoint or f"AWS in {self.region}"

        permission = _permission(doing, versioned="VersionId" in given)
        about = tuple(str(given[name]) for name in _ABOUT if name in given)

        async def ask() -> Answer:
            # The client reads a body to its end, so each attempt needs a fresh stream.
            sent = {
                name: io.BytesIO(value) if isinstance(value, bytes) else value
                for name, value in given.items()
            }
            try:
                return await _translated(method(**sent), doing, self.login, server, permission)
            except AwsFailed as failure:
                failure.details = (("asked about", " ".join(about)),) if about else ()
                raise

        attempts = self.access.attempts
        try:
            return await self.ctx.retry(
                ask, on=_TRANSIENT, backoff=Backoff(attempts=attempts), doing=doing
            )
        except RetriesExhausted as exhausted:
            failure = exhausted.__cause__
            assert isinstance(failure, _TRANSIENT)
            failure.details = (*failure.details, ("tried", f"{attempts} times"))
            raise failure from None

    async def call_if_there(self, operation: str, /, **parameters: object) -> None:
        """Call an operation on what is gone if an attempt whose answer was lost has done it."""
        with suppress(AwsMissing):
            await self.call(operation, **parameters)

    async def pages(
        self,
        operation: str,
        key: str,
        /,
        *,
        markers: Mapping[str, str] = _IAM_MARKERS,
        **parameters: object,
    ) -> AsyncIterator[Answer]:
        """Yield the entries under `key` of a paginated listing; `markers` as for `answers`."""
        async for answer in self.answers(operation, markers=markers, **parameters):
            for entry in answer.get(key, ()):
                yield entry

    async def answers(
        self,
        operation: str,
        /,
        *,
        markers: Mapping[str, str] = _IAM_MARKERS,
        **parameters: object,
    ) -> AsyncIterator[Answer]:
        """Yield the pages of a listing.

        `markers` maps the parameters for the next page to the entries that an answer has for them.
        """
        next_page: dict[str, object] = {}
        while True:
            answer = await self.call(operation, **next_page, **parameters)
            yield answer
            if not answer.get("IsTruncated"):
                return
            next_page = {name: answer[source] for name, source in markers.items()}

    async def settled(
        self, look: Callable[[], Awaitable[T]], is_there: Callable[[T], bool], what: str
    ) -> T:
        """Poll until AWS, which is eventually consistent, shows a change; return what it shows.

        Raises `AwsNotSettled` if it takes longer than the access's patience.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.access.patience
        delay = 0.1
        while not is_there(seen := await look()):
            left = deadline - loop.time()
            if left <= 0:
                raise AwsNotSettled(what, self.access.patience)
            self.ctx.progress.message(f"waiting until AWS shows {what}")
            await self.ctx.sleep(min(delay, left), where=f"waiting until AWS shows {what}")
            delay = min(delay * 2, 5.0)
        return seen

    async def call_when_known(
        self,
        what: str,
        operation: str,
        /,
        *,
        unknown: Callable[[AwsRefused], bool] = lambda refused: isinstance(refused, AwsMissing),
        **parameters: object,
    ) -> None:
        """Call an operation until AWS, which is eventually consistent, knows what it refers to.

        `unknown` says whether a refusal means that AWS does not know it yet. It is raised if it
        takes longer than the access's patience.
        """
        last: AwsRefused | None = None

        async def attempt() -> bool:
            nonlocal last
            try:
                await self.call(operation, **parameters)
            except AwsRefused as refused:
                if not unknown(refused):
                    raise
                last = refused
                return False
            return True

        try:
            await self.settled(attempt, bool, what)
        except AwsNotSettled:
            assert last is not None
            raise last from None


@asynccontextmanager
async def service(name: ServiceName, access: AwsAccess, ctx: ItemCtx) -> AsyncGenerator[Service]:
    """Open a client of an AWS service; raise `AwsFailed` if there is no login, or no region."""
    session = await run_in_thread(_session, access.profile, name)
    doing = f"a question to {name}"
    region = access.region or _known_region(session)
    if region is None and name in _GLOBAL_SERVICES:
        region = _GLOBAL_REGION
    login = await _translated(_login(session), doing, _login_of(session, None), "AWS")
    if region is None:
        # The client itself would fall back to a region that nobody has chosen.
        raise AwsRegionUnknown(
            "It is not known which region to work in.",
            help="give the region, or set AWS_DEFAULT_REGION, or write it into the profile "
            f"{login.profile} in {login.config_file}",
        )
    making = cast("_MakesClients", session).create_client(
        name, region_name=region, endpoint_url=access.endpoint, config=_config(access)
    )
    client = await _translated(making.__aenter__(), doing, login, "AWS")
    try:
        yield Service(name, client, ctx, access, login)
        ctx.progress.message("")
    finally:
        await making.__aexit__(None, None, None)


async def account(access: AwsAccess, ctx: ItemCtx) -> Account:
    """Return the account of the login."""
    session = await run_in_thread(_session, access.profile, "sts")
    access_key = await _translated(
        _access_key(session), "the login", _login_of(session, None), "AWS"
    )
    key = (access.profile, access.endpoint, access_key)
    if key not in _ACCOUNTS:
        async with service("sts", access, ctx) as sts:
            answer = await sts.call("get_caller_identity")
        caller = str(answer["Arn"])
        _ACCOUNTS[key] = Account(str(answer["Account"]), caller.split(":")[1], caller)
    return _ACCOUNTS[key]


def _permission(doing: str, *, versioned: bool) -> str:
    """Return the permission that a request needs, by the name that policies have for it."""
    permission = _PERMISSIONS.get(doing, doing)
    return f"{permission}Version" if versioned and doing in _OF_VERSIONS else permission


async def _translated(
    asking: Awaitable[T], doing: str, login: Login, server: str, permission: str = ""
) -> T:
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        return await asking
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise translate_error(error, doing, login, server, permission or doing) from error


def _session(profile: str | None, service_name: str) -> AioSession:
    """Return a session with the service's models loaded already: slow, so call it in a thread."""
    try:
        session_module = importlib.import_module("aiobotocore.session")
    except ImportError as error:
        raise ExtraMissing("AWS items", "aws", "aiobotocore") from error
    session: AioSession = session_module.AioSession(profile=profile)
    loader = _loader()
    loader.load_service_model(service_name, "service-2")
    loader.load_data("endpoints")
    session.register_component("data_loader", loader)
    return session


@functools.cache
def _loader() -> Loader:
    """Return the one loader of AWS's models, which caches them: they are large."""
    from botocore.loaders import create_loader

    return create_loader()


def _known_region(session: AioSession) -> str | None:
    from botocore.exceptions import ProfileNotFound

    # Other tools for AWS heed this variable, botocore only AWS_DEFAULT_REGION.
    if region := os.environ.get("AWS_REGION"):
        return region
    try:
        return session.get_config_variable("region") or None
    except ProfileNotFound:
        return None  # Reported when the login is looked for.


def _config(access: AwsAccess) -> AioConfig:
    from aiobotocore.config import AioConfig

    return AioConfig(
        connect_timeout=min(access.timeout, 10.0),
        read_timeout=access.timeout,
        # The client's own waits between attempts could not be interrupted.
        retries={"total_max_attempts": 1, "mode": "standard"},
        user_agent_extra="peaceful",
        # The other style puts the bucket into the host name, as in bucket.localhost.
        s3=None if access.endpoint is None else {"addressing_style": "path"},
    )


async def _access_key(session: AioSession) -> str:
    from botocore.exceptions import NoCredentialsError

    credentials = await session.get_credentials()
    if credentials is None:
        raise NoCredentialsError
    return str((await credentials.get_frozen_credentials()).access_key)


async def _login(session: AioSession) -> Login:
    credentials = await session.get_credentials()
    return _login_of(session, None if credentials is None else credentials.method)


def _login_of(session: AioSession, method: str | None) -> Login:
    names: Mapping[str, str] = {
        "profile": session.get_config_variable("profile") or "default",
        "credentials_file": str(session.get_config_variable("credentials_file")),
        "config_file": str(session.get_config_variable("config_file")),
    }
    origin = _ORIGINS.get(method or "", "that of the profile {profile}").format(**names)
    return Login(origin=origin, **names)
