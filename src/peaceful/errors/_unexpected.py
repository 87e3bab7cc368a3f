"""What nobody foresaw, as an error like the others."""

from __future__ import annotations

from typing import ClassVar

from peaceful.errors._base import PeacefulError, described


class Unexpected(PeacefulError):
    """Something raised an exception that it does not explain: a mistake in the program, or here.

    The exception is the error's `__cause__`; `--debug` shows its traceback.
    """

    code: ClassVar[str] = "INTERNAL"

    def __init__(self, error: BaseException) -> None:
        shown, details = described(error)
        super().__init__(
            f"Something went wrong that was not foreseen: {shown}",
            details=details,
            help="run the command again with --debug to see where, and report it",
        )
        self.__cause__: BaseException | None = error
