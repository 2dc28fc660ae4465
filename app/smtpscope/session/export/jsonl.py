"""The session as JSON Lines: what ``w`` writes, and ``smtpscope open`` reads."""

from __future__ import annotations

from smtpscope.session import schema
from smtpscope.session.export.hiding import Hide
from smtpscope.session.keep import Lines
from smtpscope.session.schema import Header
from smtpscope.smtp.events import Event, Opened


def write(events: list[Event], hide: Hide) -> str:
    """The header, and a line for each event; in ASCII."""
    opened = next((event for event in events if isinstance(event, Opened)), Opened(0.0, "", 0))
    lines = Lines()
    lines.redactor = hide.redactor
    head = schema.header_line(Header(hide.shown(opened.server), opened.port, opened.wall))
    return (head + b"".join(map(lines.of, events))).decode("ascii")
