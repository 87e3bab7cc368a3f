"""Interruption, usable on its own: finish what is in progress, start nothing new.

A channel with two ends, strategies, and interruptible iterations, task groups and waits. Process
signals are in `peaceful.interrupt.os_signals`.
"""

from peaceful._model.interrupt import InterruptLevel, InterruptSignal, InterruptSource
from peaceful.interrupt._channel import (
    InterruptReceiver,
    InterruptSender,
    SendResult,
    interrupt_channel,
)
from peaceful.interrupt._iteration import (
    NO_VALUE,
    Interrupted,
    InterruptibleTaskGroup,
    NoInterrupt,
    NoValue,
    Step,
    interruptible,
    wait_or_interrupted,
)
from peaceful.interrupt._state import (
    FinishCurrent,
    IgnoreInterruptions,
    InterruptedBy,
    Interruptibility,
    InterruptibilityState,
    Interruptible,
    InterruptStrategy,
    NonInterruptible,
    PollNextN,
)

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
