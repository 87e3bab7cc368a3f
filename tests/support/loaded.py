"""A program that is loaded once and run many times, each time in a process of its own.

Most of what a command costs is loading Python modules. Tests that run hundreds of commands, and
need only how each ended, start this file as a program; it takes one command a line on stdin, and
answers with a line on stdout.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from typing import BinaryIO

_LOADED = ("peaceful.cli._run", "peaceful.cli._execute", "peaceful.cli._states")


def serve(name: str) -> None:
    """Runs commands until there are no more.

    Args:
        name: the module of the program; its `main` runs the command line.
    """
    main: Callable[[], None] = importlib.import_module(name).main
    for module in _LOADED:
        importlib.import_module(module)
    sys.argv[0] = name
    for line in sys.stdin:
        words: list[str] = json.loads(line)
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            code = _in_child(main, words, out, err)
            answer = {"code": code, "out": _text(out), "err": _text(err)}
        print(json.dumps(answer), flush=True)  # noqa: T201 - its answer goes there


def _in_child(main: Callable[[], None], words: list[str], out: BinaryIO, err: BinaryIO) -> int:
    pid = os.fork()
    if pid:
        _, status = os.waitpid(pid, 0)
        return os.waitstatus_to_exitcode(status)
    code = 70
    try:
        os.dup2(out.fileno(), 1)
        os.dup2(err.fileno(), 2)
        sys.argv[1:] = words
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 - as the interpreter would
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _text(file: BinaryIO) -> str:
    file.seek(0)
    return file.read().decode()


if __name__ == "__main__":
    serve(sys.argv[1])
