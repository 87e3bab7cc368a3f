"""Giving an item the parameters that were stored for it before."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias

from pydantic import ValidationError

from peaceful.errors import ParamProblem, ParamsInvalid
from peaceful.item import AnyItem, with_stored_values
from peaceful.model import ItemId, JsonValue
from peaceful.params import UnreadableSpec, problems_in, stored

Where: TypeAlias = Callable[[ItemId, str], str]
"""Where something is stored, for messages, by item and field; the field is empty for the item."""

_STORED: Final[object] = stored()

_HELP: Final = "correct the file, or give the parameter a value in the flow's function"


def asks_for_stored(item: AnyItem) -> bool:
    """Whether a parameter of the item says `stored()`."""
    return any(value is _STORED for value in item.__dict__.values())


def recalled(
    item: AnyItem,
    item_id: ItemId,
    forms: JsonValue,
    *,
    state_types: Mapping[ItemId, object],
    functions: Mapping[str, Callable[..., object]],
    where: Where,
) -> AnyItem:
    """The item with what was stored, where it says `stored()`.

    Args:
        item: as declared.
        item_id: its ID.
        forms: what is stored of its parameters.
        state_types: by item of the flow, the class of its state.
        functions: by name, the mapping functions of the flow.
        where: tells where something is stored.

    Raises:
        ParamsInvalid: what is stored cannot be taken.
    """
    if not isinstance(forms, Mapping):
        problem = ParamProblem(
            item_id, where(item_id, ""), "it must have names and values below it"
        )
        raise ParamsInvalid(item_id, [problem], help=_HELP)
    try:
        return with_stored_values(item, forms, state_types=state_types, functions=functions)
    except UnreadableSpec as error:
        problem = ParamProblem("its parameters", where(item_id, ""), str(error))
        raise ParamsInvalid(item_id, [problem], help=_HELP) from error
    except ValidationError as error:
        problems = [
            ParamProblem(field or "its parameters", where(item_id, field.partition(".")[0]), reason)
            for field, reason in problems_in(error, type(item))
        ]
        raise ParamsInvalid(item_id, problems, help=_HELP) from error
