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
"""The region that S3 takes where none is named, and that must not be named."""

_NAMED: Final = 5
"""How many objects are named that are in the way."""


class S3BucketState(State):
    """A bucket, or that there is none.

    Attributes:
        name: its name; known from the start, so that other items can refer to it.
        present: whether it is there, and belongs to the account.
        region: where it is, or none where it is not there.
    """

    name: str
    present: bool
    region: str | None = None

    def __str__(self) -> str:
        """`present in eu-central-1`, or `absent`."""
        if not self.present:
            return "absent"
        return "present" if self.region is None else f"present in {self.region}"


class S3Bucket(Item[S3BucketState]):
    """A bucket of S3 that belongs to the account. Needs the extra `aws`.

    It is made in the region of `aws`. One that is elsewhere already stays there: buckets cannot be
    moved. It is cleaned only when it is empty: what somebody else has put into it is not removed.

    Attributes:
        name: its name, which no other bucket in the world may have.
        aws: how AWS is reached.
    """

    name: BucketName
    aws: AwsAccess = AwsAccess()

    async def state_current(self, ctx: ItemCtx) -> S3BucketState:
        """What AWS has."""
        async with service("s3", self.aws, ctx) as s3:
            return await self._found(ctx, s3)

    async def state_goal(self, ctx: ItemCtx) -> S3BucketState:
        """The bucket, in the region."""
        async with service("s3", self.aws, ctx) as s3:
            return S3BucketState(name=self.name, present=True, region=s3.region)

    def state_clean(self, ctx: ItemCtx) -> S3BucketState:
        """No bucket."""
        return S3BucketState(name=self.name, present=False)

    def diff(self, current: S3BucketState, goal: S3BucketState) -> StateDiff | None:
        """Whether it is there, and where."""
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
        """Makes the bucket, or removes it where it should not be there."""
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
        """In S3."""
        return (Within(bucket_location(self.name)),)

    def state_example(self) -> S3BucketState:
        """A bucket in the first region of all."""
        return S3BucketState(name=self.name, present=True, region=self.aws.region or _FIRST_REGION)

    async def _found(self, ctx: ItemCtx, s3: Service) -> S3BucketState:
        owner = await account(self.aws, ctx)
        try:
            head = await s3.call("head_bucket", Bucket=self.name, ExpectedBucketOwner=owner.id)
        except AwsMissing:
            return S3BucketState(name=self.name, present=False)
        except AwsDenied as denied:
            raise BucketTaken(self.name, owner.caller) from denied
        region = head.get("BucketRegion") or await self._location(s3)
        return S3BucketState(name=self.name, present=True, region=region)

    async def _location(self, s3: Service) -> str:
        answer = await s3.call("get_bucket_location", Bucket=self.name)
        return str(answer.get("LocationConstraint") or _FIRST_REGION)

    async def _create(self, ctx: ItemCtx, s3: Service) -> None:
        place = None if s3.region == _FIRST_REGION else {"LocationConstraint": s3.region}
        try:
            await s3.call("create_bucket", Bucket=self.name, CreateBucketConfiguration=place)
        except AwsRefused as refused:
            if refused.reason == "BucketAlreadyExists":
                owner = await account(self.aws, ctx)
                raise BucketTaken(self.name, owner.caller) from refused
            # Made by an attempt whose answer was lost.
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
