"""One moment of the session: the machine and the few facts of the header, as of the last event that was folded in."""

from __future__ import annotations

import copy
import re

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Event,
    Failed,
    Issued,
    Link,
    Opened,
    Progress,
    Proposed,
    Received,
    Secured,
    Sent,
    Told,
)
from smtpscope.smtp.machine import Answer, Machine, Pending

_QUEUE_ID = (
    re.compile(r"queued as <?([\w.@-]{4,40})", re.IGNORECASE),  # Postfix, and who speaks like it
    re.compile(r"\bid=<?([\w.-]{4,40})", re.IGNORECASE),  # Exim
    re.compile(r"^(?:\d\.\d+\.\d+ )?([A-Za-z0-9]{8,40}) (?:Message accepted|mail accepted)", re.IGNORECASE),
    re.compile(r"\bqueued\b.*?\b([0-9A-F]{8,20})\b", re.IGNORECASE),
)


class Moment:
    """A fold of events that can be copied, and so gone back to."""

    def __init__(self) -> None:
        self.machine = Machine()
        self.connections = 0
        self._forget_connection()

    def _forget_connection(self) -> None:
        self.opened: Opened | None = None
        self.link: Link | None = None
        self.peer = self.local = ""
        self.secured: Secured | None = None
        self.question: Asked | None = None
        self.proposed: Proposed | None = None
        """The step of AUTH that waits for the user."""
        self.progress: Progress | None = None
        self.stream_since = 0.0
        """When the message text began to go out."""
        self.closed: Closed | None = None
        self.queue_id = ""
        self.answered: Pending | None = None
        """What the last reply answered, None for nothing."""
        self.told: Told | None = None
        """What the session has told last of what it does by itself."""
        self.time = 0.0

    def apply(self, event: Event) -> list[Answer]:
        """Take one event; gives the replies that it completed."""
        machine = self.machine
        answers = machine.apply(event)
        self.time = event.time
        match event:
            case Opened():
                running = self.told if self.told is not None and self.told.kind == "run" else None
                self._forget_connection()
                self.opened, self.told = event, running
                self.connections += 1
            case Link():
                self.link = event
                self.peer, self.local = event.peer or self.peer, event.local or self.local
            case Secured():
                self.secured = event
            case Issued(step=SMTPCommand.SEND_STREAM):
                if not machine.facts.texted:
                    self.stream_since, self.progress = event.time, None
            case Asked():
                self.question = event
            case Answered():
                self.question = None
            case Proposed():
                self.proposed = event
            case Issued(step=SMTPCommand.AUTH) | Failed(step=SMTPCommand.AUTH):
                self.proposed = None  # it goes along, or is not to
            case Sent() if self.proposed is not None and not self.proposed.along:
                self.proposed = None
            case Received() if self.proposed is not None and not machine.takes_step(self.proposed.along):
                self.proposed = None
            case Progress():
                self.progress = event
            case Told():
                self.told = event
            case Closed():
                self.closed, self.question, self.proposed = event, None, None
        for answer in answers:
            self.answered = answer.pending
            self._look_for_queue_id(answer)
        return answers

    def _look_for_queue_id(self, answer: Answer) -> None:
        kind = answer.pending.kind if answer.pending is not None else ""
        if not answer.reply.positive:
            return
        if kind == "MAIL":
            self.queue_id = ""  # another message
        elif kind in ("DOT", "BDAT LAST"):
            found = (pattern.search(answer.reply.text) for pattern in _QUEUE_ID)
            self.queue_id = next((match.group(1) for match in found if match), "")

    def copy(self) -> Moment:
        """The same moment, to be gone on from."""
        twin = copy.copy(self)  # all but the machine are values
        twin.machine = self.machine.copy()
        return twin
