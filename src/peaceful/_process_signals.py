"""The signals of a program around its execution: before there is one, and after its end.

While an execution runs, `interrupt_on_signals` handles them. Before, a signal ends the program at
once; afterwards it must not spoil what is being printed. In the end, the program dies of its
signal, so that the shell, `make` or script that runs it stops, too.

It needs nothing that takes long to load: it is in place before everything else is. Until then a
Ctrl-C is Python's, which shows a traceback.
"""

from __future__ import annotations

import _thread
import os
import sys
import time

# Not `json`, which may be about to be loaded when it is needed.
from _json import encode_basestring_ascii

TYPE_CHECKING = False  # As in `typing`, which takes longer to load than all of this.
if TYPE_CHECKING:
    import signal
    from collections.abc import Callable, Mapping, Sequence
    from types import FrameType
    from typing import Final, NoReturn, TypeAlias

    _Handler: TypeAlias = Callable[[int, FrameType | None], object] | int | None
else:
    # Without its enumerations, which take longer to load than all of this.
    import _signal as signal

_KEY_REPEAT: Final = 0.5
"""Seconds within which presses of Ctrl-C count once."""

_TIME_TO_PRINT: Final = 2.0
"""Seconds that a command which has ended may still print, after a signal."""

_TIME_TO_EXIT: Final = 1.0
"""Seconds to wait for threads that the command has left behind."""

_POOL: Final = os.path.join("concurrent", "futures", "thread.py")  # noqa: PTH118 - loads fast
"""The end of the name of the file with Python's pools of threads."""

_MAY_BE_IGNORED: Final = ("SIGINT", "SIGHUP")
"""The signals that `nohup`, and `&` in a shell without job control, make programs ignore."""


class ProcessSignals:
    """Handles SIGINT, SIGTERM and SIGHUP from the first instruction of a program to its last.

    It does nothing outside the main thread, and for signals that are to be ignored. SIGQUIT ends
    the program as ever, after what it has started.

    Args:
        words: the words after the program's name; they tell how an answer is printed.
    """

    def __init__(self, words: Sequence[str] = ()) -> None:
        self._pid = os.getpid()
        self._before: dict[int, _Handler] = {}
        self._names: dict[int, str] = {}
        self._began = time.time()
        self._ending: int | None = None
        self._ended_at: float | None = None
        self._dies_of: int | None = None
        self._hurries = False
        self.threads_around: set[int | None] = {_thread.get_ident()}
        """Threads of the program that calls the command line, which it does not end."""
        # What is taken from a list is taken by one thread.
        self._to_print = [True]
        self.words: Sequence[str] = words
        self.program: str = sys.argv[0].rpartition(os.sep)[2] if sys.argv else ""
        # What a document tells of a command that ended before it executed anything.
        self.facts: Callable[[], Mapping[str, str | None]] = lambda: {
            "app": self.program,
            "profile": None,
            "flow": None,
            "command": "",
        }
        self.changes_nothing: bool = True
        """False once the command does something that cannot be seen in a history."""
        # Undoes what must not stay behind where the process is left in the middle of everything,
        # such as the modes of the terminal.
        self.at_once: Callable[[], object] = lambda: None
        # Ends the processes that the program has started.
        self.end_children: Callable[[], object] = lambda: None

    def begin(self) -> ProcessSignals:
        """Handle the signals from now on."""
        if not self._before:
            try:
                for name in ("SIGINT", "SIGTERM", "SIGHUP"):
                    self._handle(name, self._received)
                if signal.getsignal(getattr(signal, "SIGQUIT", signal.SIGINT)) == signal.SIG_DFL:
                    self._handle("SIGQUIT", self._quit)
            except ValueError:
                # Python handles signals in the main thread only.
                self._before.clear()
        return self

    def heeds(self, name: str) -> bool:
        """Return whether a signal is handled at all."""
        return getattr(signal, name, None) in self._before

    def ending(self, exit_code: int, dies_of: str | None = None) -> None:
        """Keep the exit code from now on; a signal only ends printing that takes too long.

        Args:
            exit_code: the exit code of the process.
            dies_of: the signal that it dies of instead.
        """
        self._ending = exit_code
        if dies_of is not None and self.heeds(dies_of):
            self._dies_of = getattr(signal, dies_of)

    def may_print(self) -> None:
        """Return in the one thread that prints the answer; any other waits for the end there."""
        try:
            self._to_print.pop()
        except IndexError:
            import threading

            threading.Event().wait()

    def leave(self, exit_code: int, *, at_once: bool = False) -> NoReturn:
        """End the process: by the signal that it is to die of, else with an exit code.

        Args:
            exit_code: the exit code.
            at_once: whether something still runs that cannot be ended, so that nobody waits for it.
        """
        import atexit

        if at_once or not self._others_end():
            self._leave_now(exit_code)
        if self._dies_of is not None:
            # As at any end; Python has no other way to a death by a signal after them.
            atexit._run_exitfuncs()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            self._leave_now(exit_code)
        atexit.register(self._exiting)
        self._ended_at = time.monotonic()
        for number, handler in self._before.items():
            if handler not in (signal.default_int_handler, signal.SIG_DFL):
                signal.signal(number, handler)
        sys.exit(exit_code)

    # ---- handlers

    def _handle(self, name: str, handler: Callable[[int, FrameType | None], object]) -> None:
        number = getattr(signal, name, None)
        before = None if number is None else signal.getsignal(number)
        # None: other code than Python handles it, and that could not be put back.
        ignored = before == signal.SIG_IGN and name in _MAY_BE_IGNORED
        if number is not None and before is not None and not ignored:
            self._before[number] = before
            self._names[number] = name
            signal.signal(number, handler)

    def _received(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() != self._pid:
            # A fork must not be deaf, and has nothing to say.
            if number != signal.SIGINT:
                _die_of(number)
        elif self._ended_at is not None:
            self._received_after_the_end(number)
        elif self._ending is None:
            self._ending = 128 + number
            self._dies_of = number
            self._say_interrupted(self._names[number])
            self._leave_now(128 + number)
        else:
            self._received_late(number)

    def _received_late(self, number: int) -> None:
        """Let the answer be printed, but not for ever."""
        if number == signal.SIGINT and self._dies_of is None:
            # Whoever pressed it wants the script around the program to end, too.
            self._dies_of = number
        if not self._hurries and hasattr(signal, "setitimer"):  # not on Windows
            self._hurries = True
            signal.signal(signal.SIGALRM, self._too_late)
            signal.setitimer(signal.ITIMER_REAL, _TIME_TO_PRINT)

    def _too_late(self, _number: int, _frame: FrameType | None) -> None:
        self._leave_now(self._ending or 0)

    def _received_after_the_end(self, number: int) -> None:
        assert self._ended_at is not None
        if time.monotonic() - self._ended_at >= _KEY_REPEAT:
            # The process goes on, with something else.
            signal.signal(number, self._before[number])
            signal.raise_signal(number)
        elif number == signal.SIGINT:
            self._dies_of = number
            self._leave_now(128 + number)

    def _exiting(self) -> None:
        """Let Ctrl-C end the interpreter while it ends by itself, and other signals do nothing."""
        for number in self._before:
            if signal.getsignal(number) == self._received:
                signal.signal(number, signal.SIG_DFL if number == signal.SIGINT else signal.SIG_IGN)

    def _quit(self, number: int, _frame: FrameType | None) -> None:
        if os.getpid() == self._pid:
            self.end_children()
            self.at_once()
        _die_of(number)

    # ---- leaving

    def _leave_now(self, exit_code: int) -> NoReturn:
        self.at_once()
        for stream in (sys.__stdout__, sys.__stderr__):
            # Nobody may read, or the signal came in the middle of writing.
            try:
                if stream is not None:
                    stream.flush()
            except (OSError, ValueError, RuntimeError):
                pass
        if self._dies_of is not None:
            _die_of(self._dies_of)
        os._exit(exit_code)

    def _others_end(self) -> bool:
        """Return whether no thread is left of the command that the interpreter would wait for."""
        import threading

        deadline = time.monotonic() + _TIME_TO_EXIT
        for thread in threading.enumerate():
            if (
                not thread.daemon
                and thread.ident not in self.threads_around
                and not waits_in_pool(thread_frames().get(thread.ident or 0))
            ):
                thread.join(max(0.0, deadline - time.monotonic()))
                if thread.is_alive():
                    return False
        return True

    # ---- what is said of a command that has not begun

    def _say_interrupted(self, source: str) -> None:
        form = self._form()
        text = ""
        if form in {"json", "yaml"}:
            text = f"{self._document(source)}\n"
        elif form != "none":
            nothing = "; nothing was started" if self.changes_nothing else ""
            text = f"{self.program} was interrupted{nothing}.\n"
        rest = text.encode(errors="replace")
        try:
            while rest:
                rest = rest[os.write(1, rest) :]
        except OSError:
            pass  # Nobody reads.

    def _form(self) -> str:
        """Return how the answer is to be printed, by the words that were typed."""
        form, words = "text", self._options()
        for word, following in zip(words, [*words[1:], ""], strict=False):
            if word == "--format":
                form = following
            elif word.startswith("--format="):
                form = word.partition("=")[2]
        return form

    @property
    def dry_run(self) -> bool:
        """Whether the words ask for a dry run."""
        return "--dry-run" in self._options()

    def _options(self) -> Sequence[str]:
        """Return the words without those after `--`, which are no options."""
        return self.words[: self.words.index("--")] if "--" in self.words else self.words

    def _document(self, source: str) -> str:
        """Return the document, as JSON, which is YAML, too."""
        # Written by hand: a module that encodes it may be about to be loaded just now.
        now = time.time()
        interrupt = {"level": "stop", "source": source, "requested_at": _time(now), "reason": None}
        fields = [
            '"execution_id": null',
            *(f'"{name}": {_quoted(value)}' for name, value in self.facts().items()),
            f'"dry_run": {"true" if self.dry_run else "false"}',
            '"outcome": "execution_interrupted"',
            '"interrupt": {'
            + ", ".join(f'"{name}": {_quoted(value)}' for name, value in interrupt.items())
            + "}",
            '"items": {}',
            '"errors": {}',
            f'"started_at": {_quoted(_time(self._began))}',
            f'"ended_at": {_quoted(_time(now))}',
            '"warnings": []',
        ]
        return "{\n  " + ",\n  ".join(fields) + "\n}"


def heed_signals() -> None:
    """Handle process signals from now on, until `App.main` does.

    For the first line of a program whose imports take long: a Ctrl-C while they are loaded then
    ends it with a sentence, or with the document that its words ask for, instead of a traceback.
    """
    _early.append(ProcessSignals(sys.argv[1:]).begin())


_early: Final[list[ProcessSignals]] = []
"""The handler that is in place before a command line is."""


def process_signals(words: Sequence[str]) -> ProcessSignals:
    """Handle process signals from now on, for a program with these words."""
    signals = _early.pop() if _early else ProcessSignals()
    signals.words = words
    if threading := sys.modules.get("threading"):
        signals.threads_around |= {thread.ident for thread in threading.enumerate()}
    return signals.begin()


def thread_frames() -> dict[int, FrameType]:
    """Return by thread what it is doing now, as debuggers ask for it."""
    return sys._current_frames()  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - the only way


def waits_in_pool(frame: FrameType | None) -> bool:
    """Return whether a thread waits in a pool for work: the interpreter ends such threads itself.

    One that works it would wait for, however long that takes.
    """
    return frame is not None and frame.f_code.co_filename.endswith(_POOL)


def can_press_keys() -> bool:
    """Return whether this process is in the foreground of a terminal, where keys reach it."""
    if os.name != "posix":
        return True
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(terminal)


def _die_of(number: int) -> None:
    """Let a signal do to this process what it does to those that do not handle it."""
    try:
        signal.signal(number, signal.SIG_DFL)
    except ValueError:
        # Python sets handlers in the main thread only, which may be busy for good.
        import ctypes

        ctypes.CDLL(None).signal(number, None)
    os.kill(os.getpid(), number)
    # The first process of a container survives it.
    os._exit(128 + number)


def _time(seconds: float) -> str:
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    return f"{whole}.{int(seconds % 1 * 1e6):06d}Z"


def _quoted(text: str | None) -> str:
    return "null" if text is None else encode_basestring_ascii(text)
