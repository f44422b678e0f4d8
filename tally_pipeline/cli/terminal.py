"""The streams of commands: results go to standard output, everything else to standard error.

Much of the output comes from elsewhere: titles, error messages, file names, days. None of it may control a terminal.
While `opened` lasts, every text for either stream passes through `shown`; consoles apply it before their layout and
then write past it, because they alone may colour.
"""

from __future__ import annotations

import io
import json
import os
import re
import select
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO, cast

from rich.console import Console
from rich.text import Text

_WIDTH = 140
"""The width without a terminal (a pipe, a file, CI)."""

_STEERING = re.compile(
    # Control characters except tab and line feed; marks, embeddings, overrides and isolates of bidirectional text;
    # line and paragraph separators; invisible characters, which make two names look like one; lone surrogates.
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff]"
)
_PAGER = """
PAGER=${PAGER-less}
command -v ${PAGER%% *} > /dev/null || PAGER=cat
export LESS="${LESS--S}" LESSCHARSET="${LESSCHARSET-utf-8}"
exec ${PAGER:-cat}
"""
"""The user's pager, by default less; the shell parses its command."""

_BEYOND_ASCII = re.compile("[^\x00-\x7f]")


def shown(text: str) -> str:
    r"""The text for people: characters that would control a terminal are escaped, as `\x1b` and `\u202e`."""
    return _STEERING.sub(lambda found: ascii(found[0])[1:-1], text)


def on_one_line(text: str) -> str:
    r"""The same for one cell or one line: tabs and line feeds are escaped as well, as `\t` and `\n`."""
    return shown(text).replace("\n", "\\n").replace("\t", "\\t")


def out() -> Console:
    """The console of results, for people or for a pipe."""
    return _Console(file=_past_showing(sys.stdout), width=None if sys.stdout.isatty() else _WIDTH)


def words() -> Console:
    """The console of progress, errors and remedies."""
    width = None if sys.stderr.isatty() else _WIDTH
    return _Console(file=_past_showing(sys.stderr), stderr=True, width=width, soft_wrap=True)


def exact() -> TextIO:
    """Standard output for data that must stay unchanged, in UTF-8. On a terminal it is escaped like any text."""
    if sys.stdout.isatty():
        return sys.stdout
    stream = _past_showing(sys.stdout)
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8")
    return stream


def print_json(parts: str | Iterable[str]) -> None:
    r"""Print JSON, whole or in parts as they come, of which the last ends the line.

    Characters that would control a terminal are escaped as `\u001b`, which is equal JSON.
    """
    for text in [f"{parts}\n"] if isinstance(parts, str) else parts:
        for unsafe in (_STEERING, *([] if _takes_all(sys.stdout) else [_BEYOND_ASCII])):
            text = unsafe.sub(lambda found: json.dumps(found[0])[1:-1], text)
        sys.stdout.write(text)


def is_heard() -> bool:
    """True if standard output may still be read: its pipe's reader, or the terminal, is not gone."""
    return not (isinstance(sys.stdout, _Shown) and sys.stdout.is_gone)


def takes(stream: TextIO, text: str) -> bool:
    """True if the stream's encoding has these characters."""
    try:
        text.encode(stream.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def page(text: str) -> None:
    """Show the text in a pager until it is closed. less cuts long lines and scrolls sideways."""
    with subprocess.Popen(["sh", "-c", _PAGER], stdin=subprocess.PIPE) as process:
        with suppress(KeyboardInterrupt):
            process.communicate(text.encode("utf-8", "backslashreplace"))
        # Ctrl-C is for the pager: this process waits for it in any case.
        while process.poll() is None:
            with suppress(KeyboardInterrupt):
                process.wait()


# --- the streams -------------------------------------------------------------------------------------------


@contextmanager
def opened() -> Iterator[None]:
    """While this lasts, output on the streams is escaped, and a broken stream raises nothing.

    Characters that the encoding lacks are escaped. If the reader of a pipe is gone, the rest is discarded: a capture
    is not interrupted because `head` has its line.
    """
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = (cast(TextIO, _Shown(stream)) for stream in before)
    try:
        yield
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        sys.stdout, sys.stderr = before


def lost() -> OSError | None:
    """The error that lost output to standard output; None if all was taken, or its reader is gone."""
    if not isinstance(sys.stdout, _Shown):
        return None
    sys.stdout.flush()
    return sys.stdout.lost


class _Lasting(io.FileIO):
    """A stream of this process. If it breaks, the rest is discarded, and the error is kept."""

    is_gone = False
    lost: OSError | None = None

    def write(self, data: Any) -> int:
        try:
            return super().write(data)
        except BrokenPipeError:
            self.is_gone = True
        except BlockingIOError:
            raise
        except OSError as error:
            self.is_gone, self.lost = True, error
        # From here on for all, this process's children too.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, self.fileno())
        os.close(null)
        return len(data)


class _Shown:
    """A text stream for people, which escapes by `shown`. `past` is the stream without that."""

    def __init__(self, stream: TextIO | None) -> None:
        self._file: _Lasting | None = None
        self._at_once = False
        if stream is None:  # it was closed before this process began; the lowest free number is its own
            self.past: TextIO = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w", encoding="utf-8")
        elif isinstance(stream, io.TextIOWrapper) and stream in (sys.__stdout__, sys.__stderr__):
            stream.flush()
            self._file = _Lasting(stream.fileno(), "w", closefd=False)
            self._at_once = stream.write_through
            self.past = io.TextIOWrapper(
                io.BufferedWriter(self._file),
                encoding=stream.encoding,
                errors="backslashreplace",
                line_buffering=stream.line_buffering,
            )
        else:  # a file in memory
            self.past = stream

    @property
    def is_gone(self) -> bool:
        if self._file is None or self._file.is_gone:
            return self._file is not None
        asked = select.poll()
        asked.register(self._file.fileno(), 0)
        return any(event & (select.POLLERR | select.POLLHUP) for _, event in asked.poll(0))

    @property
    def lost(self) -> OSError | None:
        return self._file.lost if self._file is not None else None

    def write(self, text: str) -> int:
        self.past.write(shown(text))
        if self._at_once:
            self.past.flush()
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.past, name)


class _Console(Console):
    """A console that escapes texts before their layout, so that widths are those of the visible text."""

    def __init__(self, **options: Any) -> None:
        super().__init__(highlight=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(shown(text), **options)


def _past_showing(stream: TextIO) -> TextIO:
    return stream.past if isinstance(stream, _Shown) else stream


def _takes_all(stream: TextIO) -> bool:
    return (stream.encoding or "utf-8").lower().replace("-", "") == "utf8"
