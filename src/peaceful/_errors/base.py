"""`PeacefulError`, the root of all errors, and `Unexpected`, which wraps any other exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final, cast

from peaceful._disclosure import kept, masked

if TYPE_CHECKING:
    from peaceful._errors.json import ErrorJson


_FRAMEWORK: Final = __file__.rpartition("_errors")[0]


class PeacefulError(Exception):
    """An error that a person has to know about and can act upon.

    Attributes:
        code: stable, upper case, for programs and search engines; never reused for another meaning.
        exit_code: the exit code of a command that ends with this error.
        message: what happened and why it is wrong, in one or two sentences.
        details: further facts as (label, text), such as where a value came from.
        help: what to do now; empty only if nothing can be done.

    A subclass is given its code, and exit code, with its name: `class Full(ItemFailure,
    code="QUOTA-REACHED")`; else it has those of the class above it.
    """

    code: ClassVar[str] = "ERROR"
    exit_code: ClassVar[int] = 1

    message: str
    details: tuple[tuple[str, str], ...]
    help: str

    def __init_subclass__(cls, *, code: str | None = None, exit_code: int = 0) -> None:
        super().__init_subclass__()
        if code is not None:
            cls.code = code
        # Whoever declares it may not have had it checked by a type checker.
        given = cast("object", cls.code)
        if not isinstance(given, str) or not given or any(map(str.isspace, given)):
            raise TypeError(f"the code of {cls.__name__} is {given!r}, and must be one word")
        if exit_code:
            cls.exit_code = exit_code

    def __init__(
        self, message: str, *, details: tuple[tuple[str, str], ...] = (), help: str = ""
    ) -> None:
        # Here already, because programs show errors in their own ways.
        message = masked(str(message))
        super().__init__(message)
        self.message = message
        self.details = tuple((str(label), str(text)) for label, text in details or ())
        self.help = str(help or "")

    if not TYPE_CHECKING:  # Else every name would seem to be there.

        def __getattr__(self, name: str) -> object:
            """Return what a subclass has not said, because its `__init__` does not call this one's.

            It is most likely an item's own error; what it says instead must not be lost.
            """
            match name:
                case "message":
                    own = type(self).__str__ is not PeacefulError.__str__
                    try:
                        text = str(self) if own else ", ".join(map(str, self.args))
                    except Exception:  # noqa: BLE001 - it cannot say anything
                        text = ""
                    return masked(text) or type(self).__name__
                case "details":
                    return ()
                case "help":
                    return ""
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __str__(self) -> str:
        """Return the message, a line per detail, and what to do; known secrets are hidden."""
        lines = [f"{self.code}: {self.message}"]
        lines += [f"  {label}: {_indented(text)}" for label, text in self.details]
        if self.help:
            lines.append(f"  what to do: {self.help}")
        return masked("\n".join(lines))

    def to_json(self) -> ErrorJson:
        """Return the error as an entry of a JSON document, with details as part of the message."""
        from peaceful._errors.json import ErrorJson  # it loads msgspec, which `--help` does without

        facts = "".join(f" ({label}: {text})" for label, text in self.details)
        return ErrorJson(self.code, kept(f"{self.message}{facts}"), kept(self.help))

    def __reduce__(self) -> tuple[object, ...]:
        # The arguments of a subclass are its own, so a copy is made without calling it.
        return _restored, (type(self), self.args, dict(self.__dict__))


def described(error: BaseException) -> tuple[str, tuple[tuple[str, str], ...]]:
    """Return another exception in one line, and as a detail its text, if that has more lines."""
    text = kept(str(error))
    first, *rest = text.splitlines() or [""]
    shown = f"{type(error).__name__}: {first}" if first else type(error).__name__
    return shown, (("all it said", text),) if rest else ()


def raised_at(error: BaseException) -> str:
    """Return the line of a user's code that raised an error, or what raised it; empty if none did.

    It is the innermost line in the file of the function that the framework called.
    """
    place, called, traceback = "", "", error.__traceback__
    while traceback is not None:
        file = traceback.tb_frame.f_code.co_filename
        if not called and not file.startswith("<") and not _is_ours(file):
            called = file
        if file == called:
            place = f"{file}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place


def _is_ours(file: str) -> bool:
    """Return whether a file belongs to the framework; items are code like a user's."""
    return file.startswith(_FRAMEWORK) and not file.startswith(f"{_FRAMEWORK}items")


def _indented(text: str) -> str:
    return "\n    ".join(text.splitlines()) if "\n" in text else text


def _restored(
    kind: type[PeacefulError], arguments: tuple[object, ...], attributes: dict[str, object]
) -> PeacefulError:
    error = kind.__new__(kind, *arguments)
    error.args = arguments
    error.__dict__.update(attributes)
    return error


class Unexpected(PeacefulError, code="INTERNAL"):
    """An exception that nothing explains: a bug in the program or in the framework.

    The exception is the error's `__cause__`; `--debug` shows its traceback.
    """

    def __init__(self, error: BaseException) -> None:
        shown, details = described(error)
        super().__init__(
            f"Something went wrong that was not foreseen: {shown}",
            details=details,
            help="report it, with what --debug shows",
        )
        self.__cause__: BaseException | None = error
