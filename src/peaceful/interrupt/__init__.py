"""Interruption, standing alone: finish what is in progress, start nothing new.

Of use without the rest of the framework: a latch with two ends, strategies, and the same rule for
iterations, task groups and waits. Process signals are in `peaceful.interrupt.os_signals`.
"""

from peaceful.interrupt._channel import (
    InterruptReceiver,
    InterruptSender,
    SendResult,
    interrupt_channel,
)
from peaceful.interrupt._group import InterruptibleTaskGroup
from peaceful.interrupt._iteration import interruptible
from peaceful.interrupt._state import InterruptedBy, InterruptibilityState
from peaceful.interrupt._step import NO_VALUE, Interrupted, NoInterrupt, NoValue, Step
from peaceful.interrupt._strategy import (
    FinishCurrent,
    IgnoreInterruptions,
    Interruptibility,
    Interruptible,
    InterruptStrategy,
    NonInterruptible,
    PollNextN,
)
from peaceful.interrupt._waiting import wait_or_interrupted
from peaceful.model import InterruptLevel, InterruptSignal, InterruptSource

__all__ = [
    "NO_VALUE",
    "FinishCurrent",
    "IgnoreInterruptions",
    "InterruptLevel",
    "InterruptReceiver",
    "InterruptSender",
    "InterruptSignal",
    "InterruptSource",
    "InterruptStrategy",
    "Interrupted",
    "InterruptedBy",
    "Interruptibility",
    "InterruptibilityState",
    "Interruptible",
    "InterruptibleTaskGroup",
    "NoInterrupt",
    "NoValue",
    "NonInterruptible",
    "PollNextN",
    "SendResult",
    "Step",
    "interrupt_channel",
    "interruptible",
    "wait_or_interrupted",
]
