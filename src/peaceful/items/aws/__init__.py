"""Items for AWS, and for servers with the same API. Needs the extra `aws`."""

from peaceful.items.aws._bucket import S3Bucket, S3BucketState
from peaceful.items.aws._errors import AwsFailed
from peaceful.items.aws._object import S3Object, S3ObjectState
from peaceful.items.aws._policy import IamPolicy, IamPolicyState
from peaceful.items.aws._role import IamRole, IamRoleState, InstanceProfile, InstanceProfileState
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
