"""What code of users may do beyond returning and raising an `Exception`.

Items, mapping functions and functions of flows may raise anything. Where Python itself could have
raised it, because somebody pressed Ctrl-C, it is not their failure.
"""

from __future__ import annotations

import signal
import sys
import threading


def is_ctrl_c(error: BaseException) -> bool:
    """Return whether an error may be a Ctrl-C, and not the code's own `KeyboardInterrupt`.

    Python raises one in the main thread alone, and only while its own handler, or that of
    `asyncio.run`, is in place. A command line has handlers of its own, which raise none.
    """
    if not isinstance(error, KeyboardInterrupt):
        return False
    if threading.current_thread() is not threading.main_thread():
        return False
    handler = signal.getsignal(signal.SIGINT)
    if handler is signal.default_int_handler:
        return True
    asyncio = sys.modules.get("asyncio")
    owner = getattr(getattr(handler, "func", None), "__self__", None)
    return asyncio is not None and isinstance(owner, asyncio.Runner)
