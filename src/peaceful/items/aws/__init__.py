"""Items for AWS, and for servers with the same API. Needs the extra `aws`."""

from peaceful.items.aws._errors import AwsFailed
from peaceful.items.aws._iam_items import (
    IamPolicy,
    IamPolicyState,
    IamRole,
    IamRoleState,
    InstanceProfile,
    InstanceProfileState,
)
from peaceful.items.aws._s3 import S3Bucket, S3BucketState, S3Object, S3ObjectState
from peaceful.items.aws._service import AwsAccess

__all__ = [
    "AwsAccess",
    "AwsFailed",
    "IamPolicy",
    "IamPolicyState",
    "IamRole",
    "IamRoleState",
    "InstanceProfile",
    "InstanceProfileState",
    "S3Bucket",
    "S3BucketState",
    "S3Object",
    "S3ObjectState",
]
