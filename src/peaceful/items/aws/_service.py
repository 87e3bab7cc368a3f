"""Access to AWS: logins, sessions and clients."""

from __future__ import annotations

import asyncio
import functools
import importlib
import io
import os
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
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
    AwsNotSettled,
    AwsUnreachable,
    Login,
    explained,
    no_region,
)

if TYPE_CHECKING:
    from aiobotocore.client import AioBaseClient
    from aiobotocore.config import AioConfig
    from aiobotocore.session import AioSession
    from botocore.loaders import Loader


def _is_endpoint(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise ValueError("an endpoint is an address such as https://s3.example.org")
    if parts.username is not None or parts.password is not None:
        raise ValueError("an endpoint has no login in it: AWS requests are signed with keys")
    return value


class AwsAccess(BaseModel):
    """How AWS, or another server that speaks like it, is reached.

    What is not given here is found where every tool for AWS finds it: in environment variables, in
    the files `~/.aws/config` and `~/.aws/credentials`, and in the role of the machine.

    Attributes:
        profile: of the files of AWS; by default `AWS_PROFILE`, else `default`.
        region: by default `AWS_REGION` or `AWS_DEFAULT_REGION`, else that of the profile.
        endpoint_url: the server to talk to; by default `AWS_ENDPOINT_URL`, else AWS itself.
        timeout: seconds without an answer after which an attempt fails.
        attempts: how often in a row something is tried where trying again may help.
        patience: seconds to wait until AWS shows everywhere what was changed.
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
        """The server to talk to, or none for AWS itself."""
        return self.endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or None


T = TypeVar("T")

ServiceName: TypeAlias = Literal["iam", "s3", "sts"]
"""The services of AWS that items ask."""

Answer = dict[str, Any]  # Any: what AWS answers is described by its own models, not by types

_GLOBAL_REGION: Final = "us-east-1"
"""Where services are asked that are the same in every region, if no region is known."""

_GLOBAL_SERVICES: Final = frozenset({"iam", "sts"})

_TRANSIENT: Final = (AwsBusy, AwsUnreachable)

_CHANGES: Final = ("create", "delete", "attach", "detach", "add", "remove", "update")
"""How the names of operations begin that are worth telling while they run."""

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


@dataclass(frozen=True, slots=True)
class Account:
    """An account of AWS.

    Attributes:
        id: its twelve digits.
        partition: the part of AWS that it is in, such as `aws` or `aws-cn`.
        caller: who is logged in, as an ARN.
    """

    id: str
    partition: str
    caller: str

    def arn(self, service: str, resource: str) -> str:
        """The ARN of a resource of the account that belongs to no region."""
        return f"arn:{self.partition}:{service}::{self.id}:{resource}"


class _MakesClients(Protocol):
    """What is used of a session; its own types name each of AWS's hundreds of services."""

    def create_client(
        self, name: str, /, *, region_name: str | None, endpoint_url: str | None, config: AioConfig
    ) -> AbstractAsyncContextManager[AioBaseClient]: ...


class Service:
    """One service of AWS, asked for one item. Made by `service`."""

    def __init__(
        self,
        name: ServiceName,
        client: AioBaseClient,
        ctx: ItemCtx,
        access: AwsAccess,
        login: Login,
    ) -> None:
        self._name = name
        self._client = client
        self._ctx = ctx
        self._access = access
        self._login = login

    @property
    def region(self) -> str:
        """The region that is asked."""
        return str(self._client.meta.region_name)

    async def call(self, operation: str, /, **parameters: object) -> Answer:
        """Asks for one operation, and again where that may help.

        Args:
            operation: its name as a method, such as `create_role`.
            parameters: as AWS names them; those that are none are left out.

        Raises:
            AwsFailed: it failed for good, or as often as allowed.
            StoppedAtSafePoint: an interrupt came while waiting to ask again.
        """
        given = {name: value for name, value in parameters.items() if value is not None}
        if operation.startswith(_CHANGES):
            self._ctx.progress.message(operation.replace("_", " "))
        method: Callable[..., Awaitable[Answer]] = getattr(self._client, operation)
        doing = f"{self._name}:{''.join(word.title() for word in operation.split('_'))}"

        async def ask() -> Answer:
            # What is sent is read to its end: each attempt needs its own beginning.
            sent = {
                name: io.BytesIO(value) if isinstance(value, bytes) else value
                for name, value in given.items()
            }
            return await told(method(**sent), doing, self._login, self._where)

        return await _tried(self._ctx, ask, self._access.attempts, doing)

    async def pages(
        self, operation: str, key: str, /, **parameters: object
    ) -> AsyncIterator[Answer]:
        """The entries of a listing of IAM, page by page.

        Args:
            operation: as for `call`.
            key: the part of the answer that holds the entries.
            parameters: as for `call`.

        Raises:
            AwsFailed: as `call`.
        """
        marker: object = None
        while True:
            answer = await self.call(operation, Marker=marker, **parameters)
            for entry in answer.get(key, ()):
                yield entry
            if not answer.get("IsTruncated"):
                return
            marker = answer["Marker"]

    async def settled(
        self,
        look: Callable[[], Awaitable[T]],
        is_there: Callable[[T], bool],
        what: str,
    ) -> T:
        """Waits until AWS shows what was changed, which may take it some seconds.

        Returns:
            What was seen in the end.

        Raises:
            AwsNotSettled: it did not, within the access's patience.
            StoppedAtSafePoint: an interrupt came while waiting; the change itself is made.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._access.patience
        delay = 0.1
        while not is_there(seen := await look()):
            left = deadline - loop.time()
            if left <= 0:
                raise AwsNotSettled(what, self._access.patience)
            self._ctx.progress.message(f"waiting until AWS shows {what}")
            await self._ctx.sleep(min(delay, left), where=f"waiting until AWS shows {what}")
            delay = min(delay * 2, 5.0)
        return seen

    async def accepted(self, ask: Callable[[], Awaitable[T]], on: type[Exception], what: str) -> T:
        """Asks until AWS knows of what was made just before, which may take it some seconds.

        Args:
            ask: what to ask.
            on: how it fails where AWS does not know yet.
            what: what it is to know, for people.

        Raises:
            Exception: the last failure, after the access's patience.
            StoppedAtSafePoint: an interrupt came while waiting.
        """
        failure: Exception | None = None

        async def attempt() -> tuple[T] | None:
            nonlocal failure
            try:
                return (await ask(),)
            except on as error:
                failure = error
                return None

        try:
            result = await self.settled(attempt, lambda done: done is not None, what)
        except AwsNotSettled:
            assert failure is not None
            raise failure from None
        assert result is not None
        return result[0]

    @property
    def _where(self) -> str:
        endpoint = self._access.endpoint
        return f"AWS in {self.region}" if endpoint is None else endpoint


@asynccontextmanager
async def service(name: ServiceName, access: AwsAccess, ctx: ItemCtx) -> AsyncGenerator[Service]:
    """A service of AWS, to be asked for an item within the context.

    Args:
        name: which one.
        access: how it is reached.
        ctx: of the item.

    Raises:
        ExtraMissing: aiobotocore is not installed.
        AwsFailed: there is no login, or no region.
    """
    session = await run_in_thread(_session, access.profile, name)
    doing = f"a question to {name}"
    region = access.region or _known_region(session)
    if region is None and name in _GLOBAL_SERVICES:
        region = _GLOBAL_REGION
    login = await told(_login(session), doing, _login_of(session, None), "AWS")
    if region is None:
        # Not left to the client, which takes one that nobody has chosen.
        raise no_region(login)
    making = cast("_MakesClients", session).create_client(
        name, region_name=region, endpoint_url=access.endpoint, config=_config(access)
    )
    client = await told(making.__aenter__(), doing, login, "AWS")
    try:
        yield Service(name, client, ctx, access, login)
        ctx.progress.message("")
    finally:
        await making.__aexit__(None, None, None)


_ACCOUNTS: Final[dict[tuple[str | None, str | None, str], Account]] = {}
"""Accounts that were asked for, by profile, endpoint and key: a key belongs to one for good."""


async def account(access: AwsAccess, ctx: ItemCtx) -> Account:
    """The account that is worked in.

    Raises:
        AwsFailed: AWS does not tell.
    """
    session = await run_in_thread(_session, access.profile, "sts")
    key = (access.profile, access.endpoint, await _key(session))
    if key not in _ACCOUNTS:
        async with service("sts", access, ctx) as sts:
            answer = await sts.call("get_caller_identity")
        caller = str(answer["Arn"])
        _ACCOUNTS[key] = Account(str(answer["Account"]), caller.split(":")[1], caller)
    return _ACCOUNTS[key]


async def told(asking: Awaitable[T], doing: str, login: Login, where: str) -> T:
    """Waits for the client of AWS, and tells its errors in words.

    Raises:
        AwsFailed: it raised one.
    """
    from botocore.exceptions import BotoCoreError, ClientError
    from botocore.parsers import ResponseParserError

    try:
        return await asking
    except (BotoCoreError, ClientError, ResponseParserError) as error:
        raise explained(error, doing, login, where) from error


async def _tried(ctx: ItemCtx, ask: Callable[[], Awaitable[T]], attempts: int, doing: str) -> T:
    try:
        return await ctx.retry(ask, on=_TRANSIENT, backoff=Backoff(attempts=attempts), doing=doing)
    except RetriesExhausted as exhausted:
        failure = exhausted.__cause__
        assert isinstance(failure, _TRANSIENT)
        failure.details = (("tried", f"{attempts} times"),)
        raise failure from None


def _session(profile: str | None, service_name: str) -> AioSession:
    """A session that has what a client of the service needs loaded already; slow, for a thread."""
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
    """Reads AWS's models, and keeps them: they are large."""
    from botocore.loaders import create_loader

    return create_loader()


def _known_region(session: AioSession) -> str | None:
    import os

    from botocore.exceptions import ProfileNotFound

    # Other tools for AWS heed the first variable, botocore only the second.
    region = os.environ.get("AWS_REGION")
    if region:
        return region
    try:
        return session.get_config_variable("region") or None
    except ProfileNotFound:
        return None  # Told when the login is looked for.


def _config(access: AwsAccess) -> AioConfig:
    from aiobotocore.config import AioConfig

    return AioConfig(
        connect_timeout=min(access.timeout, 10.0),
        read_timeout=access.timeout,
        # Waits of its own could not be interrupted.
        retries={"total_max_attempts": 1, "mode": "standard"},
        user_agent_extra="peaceful",
        # A name such as bucket.localhost is known to nobody.
        s3=None if access.endpoint is None else {"addressing_style": "path"},
    )


async def _login(session: AioSession) -> Login:
    credentials = await session.get_credentials()
    return _login_of(session, None if credentials is None else credentials.method)


async def _key(session: AioSession) -> str:
    credentials = await told(
        session.get_credentials(), "the login", _login_of(session, None), "AWS"
    )
    if credentials is None:
        from botocore.exceptions import NoCredentialsError

        raise explained(NoCredentialsError(), "the login", _login_of(session, None), "AWS")
    frozen = await credentials.get_frozen_credentials()
    return str(frozen.access_key)


def _login_of(session: AioSession, method: str | None) -> Login:
    names: Mapping[str, str] = {
        "profile": session.get_config_variable("profile") or "default",
        "credentials_file": str(session.get_config_variable("credentials_file")),
        "config_file": str(session.get_config_variable("config_file")),
    }
    origin = _ORIGINS.get(method or "", "that of the profile {profile}").format(**names)
    return Login(origin=origin, **names)
