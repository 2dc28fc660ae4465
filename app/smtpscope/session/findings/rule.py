"""A finding, a rule, and what rules may know of what came before."""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

from smtpscope.session.capabilities import Capabilities, Hello
from smtpscope.session.redact import Redactor
from smtpscope.smtp.machine import Machine
from smtpscope.visible import visible_text

T = TypeVar("T")

WORD = 40
"""Cells of a foreign word in a sentence."""


class Severity(IntEnum):
    """How bad it is, worst first."""

    DANGER = 0
    """Somebody may listen, change what is said, or be told a secret; or mail may be lost or doubled."""
    FAULT = 1
    """A side does not do what its RFC says it must or should."""
    NOTE = 2
    """Allowed, or harmless, and good to know."""


@dataclass(slots=True)
class Finding:
    """One thing that was found, once or many times; the evidence is where it was found first."""

    rule: str
    severity: Severity
    text: str
    """One sentence without its full stop, safe to show."""
    event: int
    """The index of the event in which the evidence's row begins."""
    start: int
    """The octet of that event with which the row begins."""
    time: float
    source: str
    """RFC and section."""
    seen: array[int] = field(default_factory=lambda: array("L"))
    """The events in which it was seen, in order."""

    def count(self, upto_event: int | None = None) -> int:
        """How often it was seen, up to an event."""
        return len(self.seen) if upto_event is None else bisect_right(self.seen, upto_event)


class Seen:
    """What rules may know of earlier events."""

    def __init__(self, capabilities: Capabilities, redactor: Redactor) -> None:
        self.capabilities = capabilities
        """It has had the event that is looked at."""
        self.redactor = redactor
        self.greeted_as = ""
        """What the server called itself in this connection's greeting."""
        self.greeted = False
        """The greeting of this connection has come."""
        self.secured = -1.0
        """When TLS began on this connection, as long as nothing has been sent inside it; negative else."""
        self.logged_in = False
        """A login has succeeded on this connection, since TLS began if there is any."""
        self.refused_logins: list[str] = []
        """The mechanisms that got a 535, on all connections."""
        self.login_line = 0
        """Octets of the last line that had a secret in it."""

    def hellos_before(self) -> list[Hello]:
        """The accepted greetings before the newest, of all connections, newest first."""
        return self.capabilities.hellos[-2::-1]


Said = tuple[str, ...]
"""Sentences without full stop, none where there is nothing to say; foreign words as they are, cut by ``word``."""


class Rule(NamedTuple, Generic[T]):
    """One small pure function of an answer or an event, the machine after it, and what was seen before."""

    id: str
    severity: Severity
    source: str
    check: Callable[[T, Machine, Seen], Said]


def word(text: str) -> str:
    """A foreign word as it may stand in a sentence."""
    return visible_text(text, limit=WORD)
