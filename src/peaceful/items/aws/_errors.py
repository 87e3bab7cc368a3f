"""Errors of the AWS items, and the translation of botocore's exceptions into them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from peaceful._errors.running import ItemFailure
from peaceful._present.text import one_line

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

_BUSY: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
        *("RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException"),
        *("SlowDown", "BandwidthLimitExceeded", "PriorRequestNotComplete"),
        *("LimitExceededException", "InternalError", "InternalFailure", "ServiceUnavailable"),
        *("ServiceFailure", "RequestTimeout", "RequestTimeoutException", "OperationAborted"),
        *("500", "502", "503", "504", "429"),
    }
)
_LOGIN_REFUSED: Final = frozenset(
    {
        *("InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"),
        *("SignatureDoesNotMatch", "AuthFailure", "InvalidToken", "IncompleteSignature"),
    }
)
_LOGIN_EXPIRED: Final = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired", "RequestExpired"}
)
_CLOCK_WRONG: Final = frozenset({"RequestTimeTooSkewed", "RequestInTheFuture"})
_DENIED: Final = frozenset(
    {"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AllAccessDisabled", "403"}
)
_MISSING: Final = frozenset(
    {
        *("NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NoSuchVersion"),
        *("NotFound", "404"),
    }
)
_REGION_WRONG: Final = frozenset(
    {
        *("AuthorizationHeaderMalformed", "IllegalLocationConstraintException"),
        *("PermanentRedirect", "InvalidLocationConstraint", "301"),
    }
)

_GIVE_LOGIN: Final = (
    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a profile of your AWS files in "
    "AWS_PROFILE, or log in with: aws sso login"
)


class AwsFailed(ItemFailure, code="AWS-FAILED"):
    """A request to AWS failed."""


class AwsLoginMissing(AwsFailed, code="AWS-LOGIN-MISSING"):
    """No credentials were found, or the named profile does not exist."""


class AwsLoginRefused(AwsFailed, code="AWS-LOGIN-REFUSED"):
    """AWS does not accept the credentials: unknown, wrong or expired."""


class AwsDenied(AwsFailed, code="AWS-DENIED"):
    """The credentials are valid, but lack the permission."""


class AwsRegionUnknown(AwsFailed, code="AWS-REGION"):
    """The region is missing, does not exist, or is the wrong one."""


class AwsUnreachable(AwsFailed, code="AWS-UNREACHABLE"):
    """AWS did not answer, or the connection broke. Trying again may help."""


class AwsBusy(AwsFailed, code="AWS-BUSY"):
    """AWS throttles requests, or is temporarily unavailable. Trying again may help."""


class AwsRefused(AwsFailed, code="AWS-REFUSED"):
    """AWS rejected the request.

    Attributes:
        reason: AWS's error code, such as `DeleteConflict`.
    """

    def __init__(self, message: str, reason: str, *, help: str) -> None:
        super().__init__(message, help=help)
        self.reason = reason


class AwsMissing(AwsRefused, code="AWS-NOT-FOUND"):
    """The requested resource does not exist.

    Attributes:
        delete_marker: whether it is an object that a delete marker hides.
    """

    delete_marker: bool = False


class AwsNotSettled(AwsFailed, code="AWS-NOT-SETTLED"):
    """A change was made, but AWS still does not show it."""

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"{what} was changed, but AWS does not show it after {seconds:.0f} s.",
            help="run the command again later: it carries on",
        )


class AwsInUse(AwsFailed, code="AWS-IN-USE"):
    """A resource cannot be removed, because something else uses it."""


class IamElsewhere(AwsFailed, code="AWS-IAM-ELSEWHERE"):
    """The IAM name is taken by another resource, whose ARN is `arn`."""

    def __init__(self, what: str, name: str, path: str, arn: str) -> None:
        here = arn.endswith(f"/{name}")
        place = f"not under the path {path}" if here else "spelt with other capital letters"
        super().__init__(
            f"The {what} {name} is there, but {place}: it is {arn}.",
            help=f"give the item that {'path' if here else 'name'} if it is yours, or another "
            "name: in IAM a name is taken under whatever path it is, whatever letters in it are "
            "capital, and neither can be changed",
        )
        self.arn = arn


class BucketTaken(AwsFailed, code="AWS-BUCKET-TAKEN"):
    """The bucket named `bucket` belongs to another account."""

    def __init__(self, bucket: str, doing_as: str) -> None:
        super().__init__(
            f"The bucket {bucket} is there, and does not belong to the account of {doing_as}.",
            help="choose another name: buckets of all accounts share their names; or, if it is "
            "yours, use keys of the account that it belongs to, which may list it: S3 says the "
            "same where they may not",
        )
        self.bucket = bucket


class BucketNotEmpty(AwsFailed, code="AWS-BUCKET-NOT-EMPTY"):
    """The bucket named `bucket` cannot be removed, because it contains something."""

    def __init__(
        self, bucket: str, kind: str, details: tuple[tuple[str, str], ...], *, help: str
    ) -> None:
        super().__init__(
            f"The bucket {bucket} holds {kind} that do not belong to this flow.",
            details=details,
            help=f"{help}, then run the command again; nothing of them was removed",
        )
        self.bucket = bucket


class UploadSourceMissing(AwsFailed, code="AWS-UPLOAD-SOURCE-MISSING"):
    """The file to upload, `path`, does not exist."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no file {path} to upload.",
            help="check the path, or add what makes the file to the flow, before the upload",
        )
        self.path = path


class UploadSourceChanged(AwsFailed, code="AWS-UPLOAD-SOURCE-CHANGED"):
    """The file `path` changed during its upload."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was changed while it was being uploaded; nothing was replaced.",
            help="run the command again when nothing writes the file any more",
        )
        self.path = path


@dataclass(frozen=True, slots=True)
class Login:
    """The source of the credentials: `origin` says it in words, for error messages."""

    origin: str
    credentials_file: str
    config_file: str
    profile: str


def translate_error(
    error: Exception, doing: str, login: Login, server: str, permission: str
) -> AwsFailed:
    """Return the failure for a `BotoCoreError`, `ClientError` or `ResponseParserError`.

    `doing` names the request, such as `iam:CreateRole`; `server` the region or endpoint;
    `permission` is what policies call the permission to do it.
    """
    from botocore import exceptions as botocore
    from botocore import parsers

    said = one_line(str(error), 300)
    match error:
        case botocore.ClientError():
            return _refusal(error, doing, login, server, permission)
        case botocore.ProfileNotFound():
            return AwsLoginMissing(
                f"There is no profile {login.profile} in {login.config_file} or "
                f"{login.credentials_file}.",
                help="name one that is there in AWS_PROFILE, or add it to these files",
            )
        case botocore.NoCredentialsError():
            return AwsLoginMissing(
                "There are no keys to log in to AWS with: not in the environment, not in "
                f"{login.credentials_file} or {login.config_file} (profile {login.profile}), and "
                "this machine has no role.",
                help=_GIVE_LOGIN,
            )
        case botocore.PartialCredentialsError() | botocore.CredentialRetrievalError():
            return AwsLoginMissing(
                f"The login to AWS is incomplete ({login.origin}): {said}.", help=_GIVE_LOGIN
            )
        case botocore.SSOError() | botocore.TokenRetrievalError():
            return AwsLoginRefused(
                f"The login of the profile {login.profile} in {login.config_file} has ended: "
                f"{said}.",
                help=f"log in again with: aws sso login --profile {login.profile}",
            )
        case botocore.InvalidRegionError():
            return AwsRegionUnknown(
                f"There is no such region: {said}.", help="give one such as eu-central-1"
            )
        # An answer that cannot be parsed comes from something between here and AWS.
        case (
            botocore.HTTPClientError() | botocore.ConnectionError() | parsers.ResponseParserError()
        ):
            return AwsUnreachable(
                f"{server} did not answer {doing}: {said}.",
                help="check the region, the endpoint, the network and any proxy, then run the "
                "command again: it carries on",
            )
        case _:
            return AwsFailed(
                f"{doing} could not be asked of {server}: {said}.", help="correct the parameters"
            )


def _refusal(
    error: ClientError, doing: str, login: Login, server: str, permission: str
) -> AwsFailed:
    answer = error.response.get("Error", {})
    reason = str(answer.get("Code", "unknown"))
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    message = one_line(str(answer.get("Message", "")).rstrip("."), 300)
    said = reason if message in {"", reason, "Unknown"} else f"{message} ({reason})"
    if reason in _BUSY or status in _BUSY:
        return AwsBusy(
            f"{server} cannot answer {doing} now: {said}.",
            help="run the command again later: it carries on",
        )
    if reason in _CLOCK_WRONG:
        return AwsLoginRefused(
            f"AWS does not accept the time of this machine: {said}.", help="set the machine's clock"
        )
    if reason in _LOGIN_REFUSED or reason in _LOGIN_EXPIRED:
        how = "has expired" if reason in _LOGIN_EXPIRED else "is not accepted"
        return AwsLoginRefused(
            f"The login to AWS {how}: {said}.",
            help=f"it is {login.origin}: correct it there, or log in again",
        )
    if reason in _DENIED:
        return AwsDenied(
            f"{server} does not allow {doing}: {said}.",
            help=f"the login is {login.origin}: let its policies allow {permission}, or use "
            "another one. S3 says the same of what is not there, to who may not list it",
        )
    if reason in _REGION_WRONG:
        return AwsRegionUnknown(
            f"{doing} was asked in the wrong region ({server}): {said}.",
            help="give the region that it belongs to",
        )
    kind = AwsMissing if reason in _MISSING else AwsRefused
    failure = kind(f"{server} refused {doing}: {said}.", reason, help="correct what it names")
    if isinstance(failure, AwsMissing):
        headers = error.response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
        failure.delete_marker = headers.get("x-amz-delete-marker") == "true"
    return failure
