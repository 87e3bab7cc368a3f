"""Errors of AWS, explained: what was refused, to whom, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Final

from peaceful._errors.running import ItemFailure
from peaceful._present.text import one_line

if TYPE_CHECKING:
    from botocore.exceptions import ClientError


class AwsFailed(ItemFailure):
    """Something in AWS could not be found out or done."""

    code: ClassVar[str] = "AWS-FAILED"


class AwsLoginMissing(AwsFailed):
    """There are no keys to sign requests with, or the named profile is not there."""

    code: ClassVar[str] = "AWS-LOGIN-MISSING"


class AwsLoginRefused(AwsFailed):
    """AWS does not accept the keys: unknown, wrong or expired."""

    code: ClassVar[str] = "AWS-LOGIN-REFUSED"


class AwsDenied(AwsFailed):
    """The keys are right, but may not do this."""

    code: ClassVar[str] = "AWS-DENIED"


class AwsRegionUnknown(AwsFailed):
    """No region is given, or there is none of that name, or it is not the right one."""

    code: ClassVar[str] = "AWS-REGION"


class AwsUnreachable(AwsFailed):
    """AWS did not answer, or the connection to it broke. Trying again may help."""

    code: ClassVar[str] = "AWS-UNREACHABLE"


class AwsBusy(AwsFailed):
    """AWS wants fewer requests, or cannot answer now. Trying again may help."""

    code: ClassVar[str] = "AWS-BUSY"


class AwsRefused(AwsFailed):
    """AWS says that something cannot be done as it was asked.

    Attributes:
        reason: the code of AWS's answer, such as `DeleteConflict`.
    """

    code: ClassVar[str] = "AWS-REFUSED"

    def __init__(self, message: str, reason: str, *, help: str) -> None:
        super().__init__(message, help=help)
        self.reason = reason


class AwsMissing(AwsRefused):
    """What was asked for is not there."""

    code: ClassVar[str] = "AWS-NOT-FOUND"


class AwsNotSettled(AwsFailed):
    """Something was changed, and AWS still does not show it."""

    code: ClassVar[str] = "AWS-NOT-SETTLED"

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(
            f"{what} was changed, but AWS does not show it after {seconds:.0f} s.",
            help="run the command again later: it carries on",
        )


class AwsInUse(AwsFailed):
    """Something cannot be removed, because something else needs it."""

    code: ClassVar[str] = "AWS-IN-USE"


class IamElsewhere(AwsFailed):
    """Something of that name is there, but under another path.

    Attributes:
        arn: its ARN.
    """

    code: ClassVar[str] = "AWS-IAM-ELSEWHERE"

    def __init__(self, what: str, name: str, path: str, arn: str) -> None:
        super().__init__(
            f"The {what} {name} is there, but not under the path {path}: it is {arn}.",
            help="give the item that path if it is yours, or another name: in IAM a name is taken "
            "under whatever path it is, and paths cannot be changed",
        )
        self.arn = arn


class BucketTaken(AwsFailed):
    """A bucket of that name belongs to somebody else.

    Attributes:
        bucket: its name.
    """

    code: ClassVar[str] = "AWS-BUCKET-TAKEN"

    def __init__(self, bucket: str, doing_as: str) -> None:
        super().__init__(
            f"The bucket {bucket} is there, and does not belong to the account of {doing_as}.",
            help="choose another name: buckets of all accounts share their names; or, if it is "
            "yours, use keys of the account that it belongs to, which may list it: S3 says the "
            "same where they may not",
        )
        self.bucket = bucket


class BucketNotEmpty(AwsFailed):
    """A bucket cannot be removed while something is in it.

    Attributes:
        bucket: its name.
    """

    code: ClassVar[str] = "AWS-BUCKET-NOT-EMPTY"

    def __init__(self, bucket: str, examples: tuple[str, ...], *, more: bool) -> None:
        super().__init__(
            f"The bucket {bucket} holds objects that do not belong to this flow.",
            details=(("it holds", ", ".join(examples) + (", and more" if more else "")),),
            help="move or delete them, then run the command again; nothing of them was removed",
        )
        self.bucket = bucket


class UploadSourceMissing(AwsFailed):
    """The file to upload is not there.

    Attributes:
        path: the file.
    """

    code: ClassVar[str] = "AWS-UPLOAD-SOURCE-MISSING"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"There is no file {path} to upload.",
            help="check the path, or add what makes the file to the flow, before the upload",
        )
        self.path = path


class UploadSourceChanged(AwsFailed):
    """The file changed while it was being uploaded.

    Attributes:
        path: the file.
    """

    code: ClassVar[str] = "AWS-UPLOAD-SOURCE-CHANGED"

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"{path} was changed while it was being uploaded; nothing was replaced.",
            help="run the command again when nothing writes the file any more",
        )
        self.path = path


_BUSY: Final = frozenset(
    {
        *("Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled"),
        *("RequestThrottledException", "RequestLimitExceeded", "TooManyRequestsException"),
        *(
            "SlowDown",
            "BandwidthLimitExceeded",
            "PriorRequestNotComplete",
            "LimitExceededException",
        ),
        *("InternalError", "InternalFailure", "ServiceUnavailable", "ServiceFailure"),
        *("RequestTimeout", "RequestTimeoutException", "OperationAborted"),
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
    {"NoSuchEntity", "NoSuchBucket", "NoSuchKey", "NoSuchUpload", "NotFound", "404"}
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


@dataclass(frozen=True, slots=True)
class Login:
    """Where the keys come from that requests are signed with.

    Attributes:
        origin: in words, such as `the profile dev of ~/.aws/credentials`.
        credentials_file: the file with keys.
        config_file: the file with profiles and regions.
        profile: the profile in use.
    """

    origin: str
    credentials_file: str
    config_file: str
    profile: str


def explained(error: Exception, doing: str, login: Login, where: str) -> AwsFailed:
    """A failure that tells what the client of AWS means.

    Args:
        error: what it raised: a `BotoCoreError` or a `ClientError`.
        doing: what was asked, such as `iam:CreateRole`.
        login: by whom.
        where: the server or region that was asked.
    """
    from botocore import exceptions as botocore
    from botocore import parsers

    said = one_line(str(error), 300)
    match error:
        case botocore.ClientError():
            return _refusal(error, doing, login, where)
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
        # What cannot be read was said by something on the way.
        case (
            botocore.HTTPClientError() | botocore.ConnectionError() | parsers.ResponseParserError()
        ):
            return AwsUnreachable(
                f"{where} did not answer {doing}: {said}.",
                help="check the region, the endpoint, the network and any proxy, then run the "
                "command again: it carries on",
            )
        case _:
            return AwsFailed(
                f"{doing} could not be asked of {where}: {said}.", help="correct the parameters"
            )


def no_region(login: Login) -> AwsRegionUnknown:
    """No region is given, where one is needed."""
    return AwsRegionUnknown(
        "It is not known which region to work in.",
        help="give the region, or set AWS_DEFAULT_REGION, or write it into the profile "
        f"{login.profile} in {login.config_file}",
    )


def _refusal(error: ClientError, doing: str, login: Login, where: str) -> AwsFailed:
    answer = error.response.get("Error", {})
    reason = str(answer.get("Code", "unknown"))
    status = str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    message = one_line(str(answer.get("Message", "")).rstrip("."), 300)
    said = reason if message in {"", reason, "Unknown"} else f"{message} ({reason})"
    if reason in _BUSY or status in _BUSY:
        return AwsBusy(
            f"{where} cannot answer {doing} now: {said}.",
            help="run the command again later: it carries on",
        )
    if reason in _LOGIN_REFUSED or reason in _LOGIN_EXPIRED or reason in _CLOCK_WRONG:
        return _login_refusal(reason, said, login)
    if reason in _DENIED:
        return AwsDenied(
            f"{where} does not allow {doing}: {said}.",
            help=f"the login is {login.origin}: let its policies allow {doing}, or use another "
            "one. S3 says the same of what is not there, to who may not list it",
        )
    if reason in _REGION_WRONG:
        return AwsRegionUnknown(
            f"{doing} was asked in the wrong region ({where}): {said}.",
            help="give the region that it belongs to",
        )
    kind = AwsMissing if reason in _MISSING else AwsRefused
    return kind(f"{where} refused {doing}: {said}.", reason, help="correct what it names")


def _login_refusal(reason: str, said: str, login: Login) -> AwsLoginRefused:
    if reason in _CLOCK_WRONG:
        return AwsLoginRefused(
            f"AWS does not accept the time of this machine: {said}.",
            help="set the machine's clock",
        )
    how = "has expired" if reason in _LOGIN_EXPIRED else "is not accepted"
    return AwsLoginRefused(
        f"The login to AWS {how}: {said}.",
        help=f"it is {login.origin}: correct it there, or log in again",
    )
