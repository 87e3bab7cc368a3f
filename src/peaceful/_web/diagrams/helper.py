"""Lays out a graph by Graphviz: text in DOT on standard input, JSON on standard output.

A program of its own, because Graphviz is a C library: it may crash, or take for ever. It is run as
a file, so that it loads nothing of this package. Its argument is the number of seconds after which
it ends in any case.
"""

import faulthandler
import importlib
import json
import signal
import sys
from typing import Any


def main() -> None:
    """Write the layout, or `missing` and why if Graphviz is not there."""
    _end_after(float(sys.argv[1]))
    try:
        # Has no types: `draw` returns bytes here.
        pygraphviz: Any = importlib.import_module("pygraphviz")
    except ModuleNotFoundError:
        json.dump({"missing": ""}, sys.stdout)
    except ImportError as error:
        json.dump({"missing": str(error)}, sys.stdout)
    else:
        graph = pygraphviz.AGraph()
        # From the file itself: reading a string would need a folder for temporary files.
        graph.read(sys.stdin)
        sys.stdout.buffer.write(graph.draw(format="json0", prog="dot"))


def _end_after(seconds: float) -> None:
    """End this process in any case: while C code runs, and where nobody else is left to do it."""
    if hasattr(signal, "setitimer"):
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
        signal.setitimer(signal.ITIMER_REAL, seconds)
    else:  # on Windows; it reads the frames of a running thread, which may crash on the way
        faulthandler.dump_traceback_later(seconds, exit=True)


if __name__ == "__main__":
    main()
