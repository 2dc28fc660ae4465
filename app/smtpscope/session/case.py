"""What a next test is about: one reply, the command it answers, and what had been said before on its connection."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from smtpscope.session.causes import Situation
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Event, Opened
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply

LONGEST = 30_000
"""Events of a connection that are looked through."""


class Exchange(NamedTuple):
    """One command and the code of its reply."""

    kind: str
    """The row of the state machine's table: EHLO, RCPT, DOT ...; BANNER for the greeting."""
    line: bytes
    """As sent, with its ending; of AUTH verb and mechanism only."""
    code: int

    @property
    def accepted(self) -> bool:
        """Whether the reply was of a good kind."""
        return self.code // 100 in (2, 3)


class Case(NamedTuple):
    """A reply that a test is about: what it answers, and what had been said before on its connection."""

    exchange: Exchange
    before: tuple[Exchange, ...]
    port: int
    tls: bool
    ext: dict[str, str]
    """The EHLO keywords that were known."""
    auth: bool
    wall: float
    """When the reply came, in seconds since the Unix epoch."""
    reply: Reply | None = None
    """None where none came: then the exchange is that of the greeting, with the code 0."""

    @property
    def situation(self) -> Situation:
        """The same as rows of the causes ask for it."""
        kind, line = self.exchange.kind, self.exchange.line
        verb = line.split()[0].decode("latin-1").upper() if kind == "CUSTOM" and line.split() else kind
        said = kind in ("MAIL", "RCPT") and bool(line.partition(b">")[2].strip())
        recipients = 0
        for each in (*self.before, self.exchange):
            recipients = 0 if each.kind in ("MAIL", "RSET") else recipients + (each.kind == "RCPT")
        return Situation(verb, self.tls, self.auth, self.port, recipients, said, frozenset(self.ext))


def case_of(events: Sequence[Event] | Recorder, index: int) -> Case | None:
    """The case of event ``index``, a reply or the command before it; where it is neither the last one before it.

    Of several replies in one event it is the first refusal. None before there was a connection, and where it began
    more than LONGEST events before: what led there would take seconds to find.
    """
    last = min(index, len(events) - 1)
    begun = next((place for place in range(last, max(-1, last - LONGEST), -1) if _opens(events[place])), None)
    if begun is None:
        return None
    opened = events[begun]
    assert isinstance(opened, Opened)
    machine, said, found = Machine(), list[Exchange](), -1
    known: tuple[bool, dict[str, str], bool, float, Reply | None] = (False, {}, False, opened.wall, None)
    for place in range(begun, min(len(events), last + LONGEST)):
        event = events[place]
        if place > index and (found >= 0 or isinstance(event, Opened)):
            break
        for answer in machine.apply(event):
            if (exchange := _exchange(answer, said)) is None:
                continue
            said.append(exchange)
            if place < index or found < 0 or (said[found].accepted and not exchange.accepted):
                found = len(said) - 1 if place >= index else -1
                facts = machine.facts
                known = (facts.tls, facts.ext, facts.auth, opened.wall + answer.reply.last, answer.reply)
    if not said:
        return Case(Exchange("BANNER", b"", 0), (), opened.port, *known)
    return Case(said[found], tuple(said[:found]), opened.port, *known)


def _opens(event: Event) -> bool:
    return isinstance(event, Opened)


def _exchange(answer: Answer, said: list[Exchange]) -> Exchange | None:
    pending, code = answer.pending, answer.reply.code
    if code is None:
        return None
    if pending is None:  # only a goodbye says something about what is to be done again
        return said[-1]._replace(code=code) if code in (421, 521) and said else None
    if not answer.settled:
        return None
    return Exchange(pending.kind, pending.line + (pending.ending or b"\r\n"), code)
