"""A program on a pseudo-terminal of its own: what it draws, and when."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
from time import perf_counter
from types import TracebackType

COLUMNS, ROWS = 120, 40
LIMIT = 60.0
"""Seconds for anything to come at all."""

_ESCAPES = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|[()].|.)")


class PtyRun:
    """Runs ``command`` from entering to leaving; ``home`` is its user's folder, ``size`` columns and rows."""

    def __init__(self, command: list[str], home: str, size: tuple[int, int] = (COLUMNS, ROWS)) -> None:
        self._terminal, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
        environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "HOME": home}
        for name in ("NO_COLOR", "PYTHONDONTWRITEBYTECODE", "XDG_STATE_HOME"):
            environment.pop(name, None)
        self._asked = perf_counter()
        self.process = subprocess.Popen(command, stdin=other, stdout=other, stderr=other, env=environment)
        os.close(other)

    def __enter__(self) -> PtyRun:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self._terminal)

    def press(self, key: bytes) -> None:
        """Send a key; from now on time is taken."""
        self._asked = perf_counter()
        os.write(self._terminal, key)

    def drain(self, seconds: float) -> int:
        """Read what is drawn for so long; how many octets that was."""
        end, count = perf_counter() + seconds, 0
        while (left := end - perf_counter()) > 0 and select.select([self._terminal], [], [], left)[0]:
            count += len(os.read(self._terminal, 1 << 16))
        return count

    def quiet(self) -> None:
        """Wait until nothing has been drawn for a while."""
        while self.drain(0.15):
            pass

    def until(self, *words: str, limit: float = LIMIT) -> float:
        """Seconds from start, or from the last key, until all ``words`` have been drawn."""
        drawn = bytearray()
        while True:
            if not select.select([self._terminal], [], [], max(0.0, self._asked + limit - perf_counter()))[0]:
                raise SystemExit(f"{words} did not come, but {_text(drawn)[-3000:]!r}")
            drawn += os.read(self._terminal, 1 << 16)
            taken = perf_counter() - self._asked
            text = _text(drawn)
            if all(word in text for word in words):
                return taken


def _text(drawn: bytearray) -> str:
    """What was drawn, without what only moves and colours."""
    return _ESCAPES.sub(b"", drawn).decode(errors="replace")
