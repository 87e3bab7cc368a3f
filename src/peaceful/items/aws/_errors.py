"""How work in AWS fails."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from peaceful.errors import ItemFailure


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
