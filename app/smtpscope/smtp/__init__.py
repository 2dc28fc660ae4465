"""The protocol: no terminal, no files. Everything else stands on it.

The transport is imported when it is first used: aiosmtplib and what comes with it are not needed to draw a picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Bdat,
    Cipher,
    Closed,
    Connect,
    Drop,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    StartTls,
    Step,
    TimedOut,
    Waited,
)
from smtpscope.smtp.machine import Machine, Verdict
from smtpscope.smtp.reply import Defect, Reply, ReplyReader

if TYPE_CHECKING:
    from smtpscope.smtp.transport import SMTPTransport

__all__ = [
    "Answered",
    "Asked",
    "Bdat",
    "Cipher",
    "Closed",
    "Connect",
    "Defect",
    "Drop",
    "Event",
    "Failed",
    "Forgot",
    "Issued",
    "Link",
    "LinkStatus",
    "Machine",
    "Opened",
    "Progress",
    "Received",
    "Reply",
    "ReplyReader",
    "SMTPCommand",
    "SMTPTransport",
    "Secured",
    "Sent",
    "StartTls",
    "Step",
    "TimedOut",
    "Verdict",
    "Waited",
]


def __getattr__(name: str) -> Any:
    if name == "SMTPTransport":
        from smtpscope.smtp.transport import SMTPTransport

        return SMTPTransport
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
