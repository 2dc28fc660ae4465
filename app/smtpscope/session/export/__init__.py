"""A session handed on: as text, as a report, and as the command that does the same. No secret is in any of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from importlib import import_module

from smtpscope.session.export.hiding import Hide
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.session.transcript import transcript
from smtpscope.smtp.events import Event

COMMANDS = ("swaks", "curl", "openssl", "python")
"""The kinds that do the session again; where they need the password they take it from $SMTP_PASSWORD."""
TEXTS = ("transcript", "jsonl", "markdown", "html")
KINDS = (*TEXTS, *COMMANDS)
"""What ``export`` can make. ``svg`` is a picture of the screen: ``smtpscope.tui.screenshot.screen_svg`` makes it."""


def export(events: Recorder | Iterable[Event], kind: str, *, redactor: Redactor | None = None) -> str:
    """The session as one of ``KINDS``, ending in LF, every character of it printable or LF.

    Secrets that ``redactor`` knows, and those that these events show, are hidden. ValueError for another kind.
    """
    taken = list(events)
    if kind not in KINDS:
        raise ValueError(f"there is no export called {kind}: choose one of {', '.join(KINDS)} or svg")
    if kind == "transcript":
        return transcript(taken, redact=redactor or Redactor())
    room = import_module(f"smtpscope.session.export.{kind}")
    write: Callable[[list[Event], Hide], str] = room.write
    return write(taken, Hide(redactor, taken))
