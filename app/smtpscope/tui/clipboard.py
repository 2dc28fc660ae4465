"""Copying: to the terminal (OSC 52), in tmux to its buffer too, and always to a file; says which."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable

from smtpscope.tui.history import last_copy

TMUX_LIMIT = 2.0
"""Seconds that tmux may take."""


def copy(text: str, to_terminal: Callable[[str], None]) -> str:
    """Copy ``text``, which must be safe to show; gives the sentence that says where it is."""
    to_terminal(text)
    places = ["the terminal's clipboard"]
    if os.environ.get("TMUX") and shutil.which("tmux") and _to_tmux(text):
        places.append("tmux's buffer")
    try:
        places.append(str(last_copy(text)))
    except OSError as error:
        places.append(f"no file ({error.strerror})")
    return f"copied {len(text.splitlines()):,} lines to {', '.join(places)}"


def _to_tmux(text: str) -> bool:
    try:
        done = subprocess.run(
            ["tmux", "load-buffer", "-w", "-"],
            input=text.encode(),
            timeout=TMUX_LIMIT,
            check=False,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
