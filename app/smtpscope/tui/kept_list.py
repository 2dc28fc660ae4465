"""The kept sessions as the start screen lists them: when each was, with which server, and how it ended."""

from __future__ import annotations

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from smtpscope.session import schema
from smtpscope.session.ring import Ring
from smtpscope.smtp.events import Closed, Received
from smtpscope.visible import visible_text

_REFUSAL = re.compile(rb"[45]\d\d")
SESSIONS = "sessions"
"""The ring's folder in the state folder."""
_END = 16 * 1024
"""Octets at the end of a file that are looked at."""


class KeptSession(NamedTuple):
    """A session of the ring; every character of it is printable."""

    path: Path
    when: str
    """In local time."""
    server: str
    ended: str
    """A reply that tells, and what closed the connection."""


def kept_sessions(folder: Path) -> list[KeptSession]:
    """Those of the ring in ``folder``, the latest first; what cannot be read is passed over."""
    found = []
    for path, header in Ring(folder).sessions():
        when = ""
        with suppress(OSError, OverflowError, ValueError):
            when = time.strftime("%Y-%m-%d %H:%M", time.localtime(header.started))
        host = f"[{header.server}]" if ":" in header.server else header.server
        found.append(KeptSession(path, when.ljust(16), visible_text(f"{host}:{header.port}", limit=60), _ended(path)))
    return found


def _ended(path: Path) -> str:
    """Of the replies at the end the last refusal, or else the last but a goodbye; and what closed the connection."""
    replies: list[bytes] = []
    cause = ""
    for line in _last_lines(path):
        with suppress(ValueError):
            event = schema.event_of(line)
            if isinstance(event, Received):
                replies += event.data.splitlines()
            elif isinstance(event, Closed):
                cause = "" if event.cause == "said goodbye" else event.cause
    refusals = [reply for reply in replies if _REFUSAL.match(reply)]
    others = [reply for reply in replies if not reply.startswith(b"221")]
    parts = [visible_text(reply, limit=200) for reply in (refusals or others or replies)[-1:]]
    return " · ".join(part for part in (*parts, visible_text(cause, limit=200)) if part)


def _last_lines(path: Path) -> list[bytes]:
    """The whole lines at the file's end, without its header."""
    with suppress(OSError), open(path, "rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _END))
        return file.read(_END).split(b"\n")[1:]
    return []
