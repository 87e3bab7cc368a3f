"""Types of fields, with what JSON Schema should say of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final, TypeAlias

import msgspec

_NAME: Final = msgspec.Meta(extra_json_schema={"maxLength": 100})

Moment: TypeAlias = Annotated[datetime, msgspec.Meta(tz=True)]
"""A time of day with its zone; one without is refused when it is read."""

ItemId: TypeAlias = Annotated[str, _NAME]
"""The name of an item, unique within its flow."""

FlowId: TypeAlias = Annotated[str, _NAME]
"""The name of a flow, unique within its application."""

ProfileName: TypeAlias = Annotated[str, _NAME]
"""The name of a profile: one environment of a workspace."""

ExecutionId: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"format": "uuid"})]
"""The ID of an execution: a UUID of version 7, so IDs sort by their time and are never reused."""
