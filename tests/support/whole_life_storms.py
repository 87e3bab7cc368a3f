"""Storms of signals at any moment of a process's life, and what must hold after each."""

from __future__ import annotations

import json
import re
import signal
from dataclasses import dataclass, field
from random import Random
from typing import Final

from keyboard import Keyboard
from processes import eventually, handles
from shell import Ended, Json, Running

_KINDS: Final = (signal.SIGINT, signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_PAUSES: Final = (0, 0.001, 0.01, 0.05, 0.2)
"""Seconds between two signals, on the average."""

_LADDER: Final = 0.7
"""Seconds after which a signal climbs a level for sure, if it can."""

_BEFORE_US: Final = "before our first instruction"
_WHILE_FIRST_LOADED: Final = "while the handlers themselves are loaded"
_FROM_THEN_ON: Final = "before an execution"
_IN_AN_EXECUTION: Final = "in an execution"
_AFTER_ITS_END: Final = "after an execution's end"
_TOO_LATE: Final = "after the exit: no signal arrived"

_FRAME: Final = re.compile(r' File "(?P<file>[^"]+)", line \d+, in .+\n *(?P<line>.*)')
"""A place in a traceback."""
_OURS: Final = ("/src/slow_files/", "/src/peaceful/")
"""Where the files of the program and of the framework are."""
_FIRST_FILES: Final = (
    "/src/peaceful/__init__.py",
    "/src/peaceful/_process_signals.py",
)
_FIRST_LINES: Final = ("from __future__", "from peaceful import heed_signals", "heed_signals()")
"""What is loaded and done until the handlers are in place."""


@dataclass(slots=True)
class Storm:
    """A storm that begins at a random moment from the process's start on, and lasts till its end.

    Attributes:
        random: decides when, which and how many.
        seconds: how long a storm may be waited for.
        keyboard: where Ctrl-C is pressed, if the process is on a terminal.
        sent: the signals that were sent while the process was there.
        heeded: whether it handled signals before it got the first one.
        over_before: whether it had told of its execution's end before it got the first one.
        ended: how it ended.
        code: its exit code, or the negated number of the signal that it died of.
    """

    random: Random
    seconds: float
    keyboard: Keyboard | None = None
    sent: set[signal.Signals] = field(default_factory=set)
    heeded: bool = False
    over_before: bool = False
    ended: Ended | None = None
    code: int | None = None

    def __call__(self, running: Running) -> Ended:
        """Send the signals, and wait for the end."""
        random = self.random
        kinds = [*_KINDS, signal.SIGQUIT] if random.random() < 0.2 else [*_KINDS]
        pause = random.choice((*_PAUSES, _LADDER))
        most = 3 if pause == _LADDER else random.randint(1, 50)
        hangs_up = self.keyboard is not None and random.random() < 0.3
        if running.runs_for(random.uniform(0, self.seconds)):
            self.heeded = handles(running.pid, signal.SIGHUP)
            self.over_before = any(each["event"] == "execution_ended" for each in running.events)
            for _ in range(most):
                self._send(running, random.choice(kinds))
                exactly = pause == _LADDER
                if not running.runs_for(pause if exactly else random.expovariate(1) * pause):
                    break
            if hangs_up and self.keyboard is not None and running.runs_for(0):
                self.sent.add(signal.SIGHUP)
                self.keyboard.hang_up()
        self.ended = running.gone()
        self.code = running.process.wait()
        return self.ended

    def _send(self, running: Running, kind: signal.Signals) -> None:
        self.sent.add(kind)
        if kind is signal.SIGINT and self.keyboard is not None:
            self.keyboard.ctrl_c()
        else:
            running.send(kind)

    @property
    def document(self) -> Json | None:
        """The document on stdout, which holds nothing else; none if it holds nothing."""
        if self.ended is None or not self.ended.out:
            return None
        document = json.loads(self.ended.out)
        assert isinstance(document, dict)
        return document

    @property
    def moment(self) -> str:
        """What the process was doing when the first signal arrived, as far as can be told."""
        ended = self.ended
        if ended is None:
            return _FROM_THEN_ON if self.heeded else _BEFORE_US
        if not self.sent:
            return _TOO_LATE
        if self.over_before:
            return _AFTER_ITS_END
        if ended.told("execution_started"):
            return _IN_AN_EXECUTION
        if self.heeded or ended.out:
            return _FROM_THEN_ON
        # Where Python itself ended it, a traceback tells how far it had come.
        ours = [each for each in _FRAME.finditer(ended.err) if _is_ours(each["file"])]
        if not ours:
            return _BEFORE_US
        last = ours[-1]
        first = last["file"].endswith(_FIRST_FILES) or last["line"].startswith(_FIRST_LINES)
        return _WHILE_FIRST_LOADED if first else _FROM_THEN_ON

    def check(self) -> None:
        """Hold the process's end, and what it printed, to the rule."""
        assert self.ended is not None, "it hangs"
        assert self.code is not None
        said = f"{self.code} after {sorted(self.sent)}, {self.moment}: {self.ended}"
        died_of = signal.Signals(-self.code) if self.code < 0 else None
        if self.moment == _BEFORE_US:
            # What Python does with signals while it starts itself is its own affair.
            assert not self.ended.out, said
            return
        if self.moment != _WHILE_FIRST_LOADED:
            assert "Traceback" not in self.ended.err + self.ended.out, said
        assert died_of is None or died_of in self.sent, said
        document = self.document
        if died_of is signal.SIGQUIT:
            return
        if document is None:
            assert not self.heeded, f"it said nothing: {said}"
            assert died_of is not None, said
        elif document["outcome"] == "complete":
            assert self.code == 0 or died_of is not None, said
        else:
            assert document["outcome"] in {"block_interrupted", "execution_interrupted"}, said
            assert died_of is not None, said
            assert died_of.name == document["interrupt"]["source"], said


def _is_ours(file: str) -> bool:
    return any(each in file for each in _OURS)


def check_nothing_left(running: Running) -> None:
    """No process is left of it; the kernel takes a moment for those that are killed."""
    assert eventually(lambda: not running.processes()), running.processes()
