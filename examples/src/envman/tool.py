"""The flow of `envman`."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BaseModel

from envman.names import Names, is_slug, is_version
from peaceful import App

if TYPE_CHECKING:
    from peaceful import Flow, Handle
    from peaceful.items import FileDownloadState
    from peaceful.items.aws import AwsAccess


class EnvironmentType(enum.StrEnum):
    """What an environment is for."""

    DEVELOPMENT = "development"
    PRODUCTION = "production"


class Environment(BaseModel):
    """What holds for an environment.

    Attributes:
        type: what it is for; a production environment asks before it is cleaned.
    """

    type: EnvironmentType


Slug = Annotated[str, AfterValidator(is_slug)]
Version = Annotated[str, AfterValidator(is_version)]

app = App(
    "envman",
    help="Deploys a web application to AWS, environment by environment.",
    ensure_name="deploy",
    profile_params=Environment,
    names_profiles=True,
    default_flow="env_deploy",
    asks_before=lambda values, command: (
        command == "clean" and values.type is EnvironmentType.PRODUCTION
    ),
)


@app.flow("env_deploy")
def env_deploy(
    flow: Flow,
    slug: Slug,
    app_version: Version,
    url: str | None = None,
    downloads: Path = Path("downloads"),
    region: str | None = None,
    endpoint_url: str | None = None,
) -> None:
    """Deploys a release: its file into a bucket, and a role that may read it.

    Args:
        flow: takes the items.
        slug: the application's repository: OWNER/REPO.
        app_version: the release.
        url: where its file is, with {version} for the version; by default on GitHub.
        downloads: the folder that it is downloaded to.
        region: the region of AWS; by default that of the AWS files or variables.
        endpoint_url: a server that speaks like AWS; by default AWS.
    """
    from peaceful.items.aws import IamPolicy, IamRole, InstanceProfile, S3Bucket, S3Object

    names, aws = Names(slug, flow.profile), _aws(region, endpoint_url)
    release = _release(flow, names, url, app_version, downloads)
    bucket = flow.add("s3_bucket", S3Bucket(name=names.bucket, aws=aws))
    upload = flow.add(
        "s3_object",
        S3Object(
            bucket=bucket.state.name,
            key=names.file,
            file=release.state.path,
            version=app_version,
            aws=aws,
        ),
    )
    flow.contains(bucket, upload)
    policy = flow.add("iam_policy", IamPolicy(name=names.common, document=names.may_read, aws=aws))
    role = flow.add(
        "iam_role",
        IamRole(name=names.common, trust=names.machines, policies=[policy.state.arn], aws=aws),
    )
    flow.add("instance_profile", InstanceProfile(name=names.common, role=role.state.name, aws=aws))


@app.flow("app_upload")
def app_upload(
    flow: Flow,
    slug: Slug,
    app_version: Version,
    url: str | None = None,
    downloads: Path = Path("downloads"),
    region: str | None = None,
    endpoint_url: str | None = None,
) -> None:
    """Uploads a release alone, into the bucket of an environment that is deployed.

    Args:
        flow: takes the items.
        slug: the application's repository: OWNER/REPO.
        app_version: the release.
        url: where its file is, with {version} for the version; by default on GitHub.
        downloads: the folder that it is downloaded to.
        region: the region of AWS; by default that of the AWS files or variables.
        endpoint_url: a server that speaks like AWS; by default AWS.
    """
    from peaceful.items.aws import S3BucketState, S3Object

    names = Names(slug, flow.profile)
    bucket = app.flow("env_deploy").item("s3_bucket", S3BucketState)
    release = _release(flow, names, url, app_version, downloads)
    flow.add(
        "s3_object",
        S3Object(
            bucket=bucket.state.name,
            key=names.file,
            file=release.state.path,
            version=app_version,
            aws=_aws(region, endpoint_url),
        ),
    )


def _aws(region: str | None, endpoint_url: str | None) -> AwsAccess:
    from peaceful.items.aws import AwsAccess

    return AwsAccess(region=region, endpoint_url=endpoint_url)


def _release(
    flow: Flow, names: Names, url: str | None, version: str, downloads: Path
) -> Handle[FileDownloadState]:
    from peaceful.items import FileDownload

    source = (url or names.github).replace("{version}", version)
    folder = downloads / flow.profile / flow.id
    return flow.add("app_download", FileDownload(src=source, dest=folder / names.file))
