"""A terminal that shows nothing and keeps every octet it is sent: a pty with a program on it."""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

LIMIT = 30.0
"""Seconds for anything to happen; only a fault takes that long."""
KEY_GAP = 0.03
"""Seconds between two keys of one hand; faster ones are taken for a paste."""
ESCAPE_GAP = 0.2
"""Seconds after Esc, which is told from the start of a sequence by what does not follow."""

# What a terminal is told, apart: strings (OSC, DCS, APC, PM, SOS), CSI, other escapes, and what is neither.
_SEQUENCE = re.compile(
    rb"\x1b[\]PX^_](?:[^\x07\x1b]|\x1b(?!\\))*(?:\x07|\x1b\\|\Z)"
    rb"|\x1b\[[0-?]*[ -/]*[@-~]"
    rb"|\x1b[ -/]*[0-~]"
    rb"|\x1b",
    re.DOTALL,
)


class Pty:
    """A program on a pty of a size, as an async context manager; ended by its process id."""

    def __init__(
        self,
        words: Sequence[str],
        home: Path,
        *,
        size: tuple[int, int] = (100, 30),
        env: Mapping[str, str] | None = None,
    ) -> None:
        """``words`` go to this Python; ``home`` takes the files it leaves, ``env`` adds to its environment."""
        self._words = [sys.executable, *words]
        self._size = size
        self._env = {
            "PATH": os.environ["PATH"],
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "LANG": "C.UTF-8",
            "PYTHONWARNINGS": "ignore",
            **{name: str(home) for name in ("HOME", "XDG_STATE_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME")},
            **({"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}),
            **(env or {}),
        }
        self.received = bytearray()
        """Everything that the terminal got."""
        self._news = asyncio.Event()
        self._pid = self._master = 0
        self.status: int | None = None

    async def __aenter__(self) -> Self:
        columns, rows = self._size
        self._pid, self._master = pty.fork()
        if not self._pid:
            try:
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(self._words[0], self._words, self._env)
            finally:
                os._exit(127)
        os.set_blocking(self._master, False)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        asyncio.get_running_loop().add_reader(self._master, self._read)
        return self

    async def __aexit__(self, *_: object) -> None:
        if self.status is None:
            os.kill(self._pid, signal.SIGKILL)
            await self._reaped()
        self._close()

    def _read(self) -> None:
        try:
            data = os.read(self._master, 65536)
        except BlockingIOError:
            return
        except OSError:  # the other side is closed
            data = b""
        if not data:
            asyncio.get_running_loop().remove_reader(self._master)
        self.received += data
        self._news.set()

    def _close(self) -> None:
        asyncio.get_running_loop().remove_reader(self._master)
        os.close(self._master)

    async def _reaped(self) -> None:
        _, status = await asyncio.to_thread(os.waitpid, self._pid, 0)
        self.status = os.waitstatus_to_exitcode(status)

    # -- what a person does

    async def press(self, key: bytes, marker: str = "") -> None:
        """A key as the terminal sends it, no sooner after the one before than a hand can; and wait for ``marker``."""
        await asyncio.sleep(KEY_GAP)
        since = len(self.received)
        os.write(self._master, key)
        if key == b"\x1b":
            await asyncio.sleep(ESCAPE_GAP)
        if marker:
            await self.sees(marker, since)

    def signal(self, number: signal.Signals) -> None:
        """From another window."""
        os.kill(self._pid, number)

    async def sees(self, marker: str | re.Pattern[str], since: int = 0) -> None:
        """Wait until the text that came, sequences left out, has ``marker`` in it; blanks do not count in a string."""

        def there() -> bool:
            text = words(bytes(self.received[since:]))
            if isinstance(marker, str):
                return "".join(marker.split()) in "".join(text.split())
            return marker.search(text) is not None

        try:
            async with asyncio.timeout(LIMIT):
                while not there():
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            came = words(bytes(self.received[since:]))[-2000:]
            raise AssertionError(f"{marker!r} did not come, but {came!r}") from None

    async def exits(self) -> int:
        """Wait for the end of the program and of its output; gives the exit code."""
        try:
            async with asyncio.timeout(LIMIT):
                await self._reaped()
        except TimeoutError:
            raise AssertionError(f"it goes on: {words(bytes(self.received))[-2000:]!r}") from None
        self._read_rest()
        assert self.status is not None
        return self.status

    def _read_rest(self) -> None:
        while True:
            try:
                data = os.read(self._master, 65536)
            except OSError:  # nothing is left, or the other side is closed
                return
            if not data:
                return
            self.received += data


def sequences(data: bytes) -> list[bytes]:
    """The escape sequences in what a terminal got, in order."""
    return _SEQUENCE.findall(data)


def plain(data: bytes) -> bytes:
    """What is left without them."""
    return _SEQUENCE.sub(b"", data)


def words(data: bytes) -> str:
    """The same as text."""
    return plain(data).decode(errors="replace")


def kind(sequence: bytes) -> str:
    """A sequence without its numbers, but for modes: ``CSI m``, ``CSI ?1049 h``, ``OSC '52;c'``, ``ESC c``."""
    if sequence[:2] == b"\x1b[":
        body, final = sequence[2:-1].decode("latin-1"), chr(sequence[-1])
        if final in "hl" or body[:1] in "<=>?":
            return f"CSI {body} {final}"
        return f"CSI {''.join(char for char in body if not (char.isdigit() or char in ';:'))}{final}"
    if sequence[1:2] and sequence[1:2] in b"]PX^_":
        name = {"]": "OSC", "P": "DCS", "X": "SOS", "^": "PM", "_": "APC"}[chr(sequence[1])]
        return f"{name} {sequence[2:6].decode('latin-1')!r}"
    return f"ESC {sequence[1:].decode('latin-1')}"


def kinds(data: bytes) -> set[str]:
    """Every kind of sequence in what a terminal got."""
    return {kind(each) for each in sequences(data)}
