"""Standard streams, whoever reads them: nobody, a slow reader, a full disk, a terminal."""

from __future__ import annotations

import fcntl
import io
import os
import pty
import struct
import termios
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TextIO

import pytest

from peaceful._cli.terminal.writer import Prints, Writer, prints_shown
from peaceful.errors import FileInaccessible


@pytest.fixture
def pipe() -> Iterator[tuple[int, TextIO]]:
    """The end of a pipe that reads, and the one that writes."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        yield reading, stream
    os.close(reading)


def test_pipe(pipe: tuple[int, TextIO]) -> None:
    """What is written can be read at once, after what others have written to the same stream."""
    reading, stream = pipe
    stream.write("before, ")
    writer = Writer(stream, "standard output")
    writer.write("now ✓\n")
    assert os.read(reading, 100).decode() == "before, now ✓\n"
    assert (writer.is_terminal, writer.size(), writer.in_foreground()) == (False, None, True)
    assert not writer.gone


def test_nobody_reads() -> None:
    """When nobody reads any more, what is written is dropped, and nothing fails, now or later."""
    reading, writing = os.pipe()
    with os.fdopen(writing, "w") as stream:
        writer = Writer(stream, "standard output")
        os.close(reading)
        writer.write("x")
        assert writer.gone
        writer.write("y")
        stream.write("z")


def test_full_disk() -> None:
    """What cannot be written for another reason is an error."""
    with Path("/dev/full").open("w") as stream:
        writer = Writer(stream, "standard output")
        with pytest.raises(FileInaccessible, match="standard output"):
            writer.write("x")
        assert writer.gone


def test_slow_reader(pipe: tuple[int, TextIO]) -> None:
    """A pipe that somebody made non-blocking is waited for, and nothing of the text is lost."""
    reading, stream = pipe
    os.set_blocking(stream.fileno(), False)
    text = "x" * 300_000
    thread = threading.Thread(target=Writer(stream, "standard output").write, args=(text,))
    thread.start()
    read = b""
    while len(read) < len(text):
        read += os.read(reading, 65536)
    thread.join(30)
    assert read.decode() == text


def test_no_stream() -> None:
    """A process that was started without a stream writes nowhere."""
    writer = Writer(None, "standard output")
    writer.write("x")
    assert (writer.gone, writer.fd, writer.in_foreground()) == (True, None, True)


def test_closed_stream(pipe: tuple[int, TextIO]) -> None:
    """A stream object that is closed, whose descriptor is not, is no obstacle."""
    reading, stream = pipe
    again = os.fdopen(stream.fileno(), "w", closefd=False)
    writer = Writer(again, "standard output")
    again.close()
    writer.write("x")
    assert os.read(reading, 10) == b"x"


@pytest.mark.parametrize(("encoding", "ascii_only"), [("utf-8", False), ("latin-1", True)])
def test_encodings(encoding: str, ascii_only: bool) -> None:
    """Where the symbols cannot be shown, others are; what remains is replaced."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding, errors="replace")
    writer = Writer(stream, "standard output")
    writer.write("é✓")
    assert writer.ascii_only == ascii_only
    assert raw.getvalue() == "é✓".encode(encoding, errors="replace")


@pytest.fixture
def terminal() -> Iterator[tuple[int, TextIO]]:
    """A terminal's keyboard and screen, and the stream of a program that writes to it."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        yield ours, stream
    os.close(ours)


def test_terminal(terminal: tuple[int, TextIO]) -> None:
    """A terminal has a size, if it says so, and nobody else's commands are on it here."""
    ours, stream = terminal
    writer = Writer(stream, "standard error")
    assert writer.is_terminal
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 0, 0, 0, 0))
    assert writer.size() is None
    fcntl.ioctl(ours, termios.TIOCSWINSZ, struct.pack("HHHH", 5, 20, 0, 0))
    assert writer.size() == (20, 5)
    assert writer.in_foreground()


def test_same_place(pipe: tuple[int, TextIO], terminal: tuple[int, TextIO]) -> None:
    """Streams that come out at the same place are told from those that do not."""
    to_pipe, to_terminal = Writer(pipe[1], "a pipe"), Writer(terminal[1], "a terminal")
    with os.fdopen(os.dup(pipe[1].fileno()), "w") as again:
        writer = Writer(again, "the pipe again")
        assert writer.same_place(to_pipe)
        assert not writer.same_place(to_terminal)
    assert not writer.same_place(to_pipe)
    assert not Writer(None, "nothing").same_place(to_pipe)


def test_terminal_that_is_gone() -> None:
    """When the terminal goes away, what is written to it is dropped."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, "w") as stream:
        writer = Writer(stream, "standard error")
        os.close(ours)
        writer.write("x")
        assert writer.gone
        assert writer.size() is None


def lines_of(write: Callable[[Prints], object]) -> list[str]:
    """What is handed on of what is written."""
    said: list[str] = []
    stream = Prints(said.append, None)
    write(stream)
    stream.end()
    return said


def test_prints() -> None:
    """What is printed is handed on line by line, the last one when nothing more can come."""
    assert lines_of(lambda stream: [stream.write(part) for part in ("a", "b\nc", "\n\nd")]) == [
        "ab",
        "c",
        "",
        "d",
    ]
    assert lines_of(lambda stream: stream.write("")) == []


def test_prints_stand_for_their_stream(pipe: tuple[int, TextIO]) -> None:
    """Whoever asks for what is behind gets it, as far as there is something."""
    _, stream = pipe
    prints = Prints(print, stream)
    assert prints.writable()
    assert (prints.fileno(), prints.encoding.lower()) == (stream.fileno(), "utf-8")
    without = Prints(print, None)
    assert without.encoding == "utf-8"
    with pytest.raises(OSError, match="fileno"):
        without.fileno()


def test_prints_within(capsys: pytest.CaptureFixture[str]) -> None:
    """Within the context, nothing that is printed reaches the streams; afterwards all does."""
    said: list[str] = []
    with prints_shown(said.append):
        print("one")  # noqa: T201  this is what is tested
    print("two")  # noqa: T201  likewise
    assert said == ["one"]
    assert capsys.readouterr().out == "two\n"
