"""Copying: to the terminal (OSC 52), in tmux to its buffer too, and always to a file; says which."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import mkstemp

from smtpscope.tui.history import last_copy

TMUX_LIMIT = 2.0
"""Seconds that tmux may take."""
LONGEST = 74_000
"""Octets that go to a terminal: in base64 what the most careful of them take at once (100,000)."""
_PLAIN = {0x0D: None, 0x0A: None, 0x09: None}


def copy(text: str, to_terminal: Callable[[str], None]) -> str:
    """Copy ``text``, which must be safe to show; gives the sentence that says where it is."""
    lines = len(text.splitlines())
    return f"copied {lines:,} line{'' if lines == 1 else 's'} to {_places(text.encode(), text, to_terminal)}"


def copy_raw(data: bytes, to_terminal: Callable[[str], None]) -> str:
    """Copy octets as they are; where a paste of them could be more than text, to the file alone."""
    try:
        text: str | None = data.decode()
    except UnicodeDecodeError:
        text = None
    if text is not None and not text.translate(_PLAIN).isprintable():
        text = None
    places = _places(data, text, to_terminal)
    why = "" if text is not None else ": they are no plain text"
    return f"copied {len(data):,} octets to {places}{why}"


def _places(data: bytes, text: str | None, to_terminal: Callable[[str], None]) -> str:
    """Put it wherever it can go; ``text`` None is for the file alone."""
    places: list[str] = []
    if text is not None and len(data) <= LONGEST:
        to_terminal(text)
        places.append("the terminal's clipboard")
        if os.environ.get("TMUX") and shutil.which("tmux") and _to_tmux(data):
            places.append("tmux's buffer")
    try:
        places.append(str(last_copy(data)))
    except OSError as error:
        places.append(f"no file ({error.strerror})")
    long = f" (too long for a clipboard: {len(data):,} octets)" if text is not None and len(data) > LONGEST else ""
    return ", ".join(places) + long


class LongCopy:
    """A copy too long to be held: it is written bit by bit, to the file alone. Raises OSError."""

    def __init__(self) -> None:
        self.path: Path = last_copy(b"")  # the folder is there now, and open to its owner alone
        handle, self._name = mkstemp(dir=self.path.parent, prefix=f".{self.path.name}.")  # of mode 0600
        self._file = os.fdopen(handle, "wb")

    def write(self, data: bytes) -> None:
        """Add octets."""
        self._file.write(data)

    def keep(self) -> None:
        """All is written: it takes the file's place."""
        self._file.close()
        os.replace(self._name, self.path)

    def drop(self) -> None:
        """It is not wanted any more."""
        self._file.close()
        os.unlink(self._name)


def _to_tmux(data: bytes) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=data,
            timeout=TMUX_LIMIT,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
