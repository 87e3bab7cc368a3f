"""The item for a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from peaceful._item.ctx import ItemCtx
from peaceful._item.diff import Change, StateDiff
from peaceful._item.item import Item
from peaceful._model.location import Interaction, Within
from peaceful._model.state import State
from peaceful.items.aws._errors import (
    AwsDenied,
    AwsMissing,
    AwsRefused,
    AwsRegionUnknown,
    BucketNotEmpty,
    BucketTaken,
)
from peaceful.items.aws._iam import presence_diff
from peaceful.items.aws._s3 import BucketName, bucket_location
from peaceful.items.aws._service import AwsAccess, Service, account, service

_FIRST_REGION: Final = "us-east-1"
"""The default region of S3, which must not be given as a location constraint."""

_NAMED: Final = 5
"""The most objects that an error names."""


class S3BucketState(State):
    """The state of a bucket, which may be absent.

    Attributes:
        name: its name; known from the start, so that other items can refer to it.
        present: whether it exists in the account.
        region: its region, or None if it is absent.
    """

    name: str
    present: bool
    region: str | None = None

    def __str__(self) -> str:
        if not self.present:
            return "absent"
        return "present" if self.region is None else f"present in {self.region}"


class S3Bucket(Item[S3BucketState]):
    """An S3 bucket that belongs to the account. Needs the extra `aws`.

    It is created in the region of `aws`. An existing bucket in another region is an error, since
    buckets cannot be moved. Cleaning removes it only if it is empty, so that nothing is lost that
    others have put into it.

    Attributes:
        name: its name, which is unique among all AWS accounts.
        aws: access to AWS.
    """

    name: BucketName
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> S3BucketState:
        """Look the bucket up in S3."""
        async with service("s3", self.aws, ctx) as s3:
            return await self._found(ctx, s3)

    async def state_goal(self, ctx: ItemCtx) -> S3BucketState:
        """Return the bucket in the region of the access."""
        async with service("s3", self.aws, ctx) as s3:
            return S3BucketState(name=self.name, present=True, region=s3.region)

    def state_clean(self, ctx: ItemCtx) -> S3BucketState:
        """Return that the bucket is absent."""
        return S3BucketState(name=self.name, present=False)

    def diff(self, current: S3BucketState, goal: S3BucketState) -> StateDiff | None:
        """Compare whether the bucket exists, then its region."""
        presence = presence_diff(
            "bucket", goal.name, is_there=current.present, should_be=goal.present
        )
        if presence is not None:
            return presence
        if not goal.present or current.region == goal.region:
            return None
        return StateDiff((Change("region", current.region, goal.region),))

    async def apply(
        self, ctx: ItemCtx, current: S3BucketState, goal: S3BucketState
    ) -> S3BucketState:
        """Create or remove the bucket, and wait until AWS shows it."""
        await ctx.safe_point(where=f"before the bucket {self.name} is changed")
        async with service("s3", self.aws, ctx) as s3:
            if not goal.present:
                await self._delete(s3)
            elif current.present:
                raise AwsRegionUnknown(
                    f"The bucket {self.name} is in {current.region}, and should be in "
                    f"{goal.region}: buckets cannot be moved.",
                    help=f"give the region {current.region}, or clean the bucket first, or choose "
                    "another name",
                )
            else:
                await self._create(ctx, s3)
            return await s3.settled(
                lambda: self._found(ctx, s3),
                lambda state: self.diff(state, goal) is None,
                f"the bucket {self.name}",
            )

    def interactions(self) -> Sequence[Interaction]:
        """Return that the item works within S3."""
        return (Within(bucket_location(self.name)),)

    def state_example(self) -> S3BucketState:
        """Return the bucket in the access's region, or in the default one."""
        return S3BucketState(name=self.name, present=True, region=self.aws.region or _FIRST_REGION)

    async def _found(self, ctx: ItemCtx, s3: Service) -> S3BucketState:
        owner = await account(self.aws, ctx)
        try:
            head = await s3.call("head_bucket", Bucket=self.name, ExpectedBucketOwner=owner.id)
        except AwsMissing:
            return S3BucketState(name=self.name, present=False)
        except AwsDenied as denied:
            raise BucketTaken(self.name, owner.caller) from denied
        region = head.get("BucketRegion")
        if not region:
            answer = await s3.call("get_bucket_location", Bucket=self.name)
            region = answer.get("LocationConstraint") or _FIRST_REGION
        return S3BucketState(name=self.name, present=True, region=region)

    async def _create(self, ctx: ItemCtx, s3: Service) -> None:
        place = None if s3.region == _FIRST_REGION else {"LocationConstraint": s3.region}
        try:
            await s3.call("create_bucket", Bucket=self.name, CreateBucketConfiguration=place)
        except AwsRefused as refused:
            if refused.reason == "BucketAlreadyExists":
                owner = await account(self.aws, ctx)
                raise BucketTaken(self.name, owner.caller) from refused
            # Created by an attempt whose answer was lost.
            if refused.reason != "BucketAlreadyOwnedByYou":
                raise

    async def _delete(self, s3: Service) -> None:
        try:
            await s3.call("delete_bucket", Bucket=self.name)
        except AwsMissing:
            return
        except AwsRefused as refused:
            if refused.reason != "BucketNotEmpty":
                raise
            answer = await s3.call("list_objects_v2", Bucket=self.name, MaxKeys=_NAMED)
            keys = tuple(str(one["Key"]) for one in answer.get("Contents", ()))
            raise BucketNotEmpty(self.name, keys, more=bool(answer.get("IsTruncated"))) from refused
