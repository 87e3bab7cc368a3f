"""Which account of AWS is worked in, and how it is reached."""

from __future__ import annotations

import os
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


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
