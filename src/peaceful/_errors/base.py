"""`PeacefulError`, the root of all errors, and what stands for an error that nobody expected."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from peaceful._errors.json import ErrorJson


class PeacefulError(Exception):
    """Something that a person has to know about and can act upon.

    Attributes:
        code: stable, upper case, for programs and search engines; never reused for another meaning.
        exit_code: what a command line ends with when this error ends it.
        message: what happened and why it is wrong, in one or two sentences.
        details: further facts as (label, text), such as where a value came from.
        help: what to do now; empty only where nothing can be done.
    """

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 1

    def __init__(
        self, message: str, *, details: tuple[tuple[str, str], ...] = (), help: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = details
        self.help = help

    def __str__(self) -> str:
        """The message, a line per detail, and what to do: all of it, for logs and tracebacks."""
        lines = [f"{self.code}: {self.message}"]
        lines += [f"  {label}: {_indented(text)}" for label, text in self.details]
        if self.help:
            lines.append(f"  what to do: {self.help}")
        return "\n".join(lines)

    def to_json(self) -> ErrorJson:
        """The error as an entry of a JSON document; details are folded into the message."""
        from peaceful._errors.json import ErrorJson  # it loads msgspec, which `--help` does without

        facts = "".join(f" ({label}: {text})" for label, text in self.details)
        return ErrorJson(self.code, f"{self.message}{facts}", self.help)

    def __reduce__(self) -> tuple[object, ...]:
        # The arguments of a subclass are its own, so a copy is made without calling it.
        return _restored, (type(self), self.args, dict(self.__dict__))


def described(error: BaseException) -> tuple[str, tuple[tuple[str, str], ...]]:
    """What another exception is, in one line; and as a detail all it said, where that is more."""
    first, *rest = str(error).splitlines() or [""]
    shown = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return shown, (("all it said", str(error)),) if rest else ()


def _indented(text: str) -> str:
    """Further lines below the first one, so that they are seen to belong to it."""
    return "\n    ".join(text.splitlines()) if "\n" in text else text


def _restored(
    kind: type[PeacefulError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> PeacefulError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


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
