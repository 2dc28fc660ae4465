"""A conversation as it reads on the wire: ``Playbook() >> "EHLO me" << "250 hi"``.

``>>`` is what goes out and ``<<`` what comes in. A str is lines, CRLF added; bytes are exact; an event is applied as it
is. Every step takes one second.
"""

from __future__ import annotations

from typing import Self

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Event,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
)
from smtpscope.smtp.machine import Answer, Machine

C = SMTPCommand
REST = frozenset({C.NONE, C.BANNER, C.EHLO, C.CONNECTED, C.MAIL, C.RCPT, C.DATA, C.SEND_STREAM, C.SEND_MESSAGE})
"""The nine nodes that can be rested on."""


class Playbook:
    """A machine, what it was told and what it answered."""

    def __init__(self, *, login: bool = False) -> None:
        self.machine = Machine()
        self.events: list[Event] = []
        self.answers: list[Answer] = []
        self.apply(Opened(0.0, "mail.test", 25, want_login=login))

    @property
    def time(self) -> float:
        """Seconds; the number of events so far."""
        return float(len(self.events))

    def apply(self, event: Event) -> Self:
        """One event, as it is."""
        self.events.append(event)
        self.answers += self.machine.apply(event)
        return self

    def connect(self) -> Self:
        """The link comes up; nothing has been read."""
        return self.apply(Link(self.time, LinkStatus.CONNECTED))

    def secured(self) -> Self:
        """The TLS handshake is done."""
        return self.apply(Secured(self.time, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "mail.test"))

    def stream(self, text: bytes) -> Self:
        """Message text as the transport sends it, to its last octet; the dot is held."""
        self.apply(Progress(self.time, 0, len(text)))
        self.apply(Sent(self.time, text))
        return self.apply(Progress(self.time, len(text), len(text), done=True))

    def __rshift__(self, out: str | bytes) -> Self:
        return self.apply(Sent(self.time, lines(out)))

    def __lshift__(self, come: str | bytes) -> Self:
        return self.apply(Received(self.time, lines(come)))

    @property
    def here(self) -> SMTPCommand:
        """Where the machine is."""
        return self.machine.here

    @property
    def owed(self) -> str:
        """The kinds of what is pending, oldest first, ``DOT?`` for a look-alike."""
        return " ".join(entry.kind + "?" * entry.perhaps for entry in self.machine.pending)

    @property
    def last(self) -> Answer:
        """The last answer."""
        return self.answers[-1]

    @property
    def trace(self) -> str:
        """All nodes visited, in order, as ``NONE > BANNER > EHLO``."""
        return trace(self.machine)


def lines(text: str | bytes) -> bytes:
    """A str as lines that end in CRLF; bytes as they are."""
    return text if isinstance(text, bytes) else text.replace("\n", "\r\n").encode() + b"\r\n"


def trace(machine: Machine, since: int = 0) -> str:
    """The nodes of the moves from number ``since`` on; a move that starts where the last one ended is joined to it."""
    nodes: list[str] = []
    for move in machine.moves[since:]:
        path = [node.name for node in move.path]
        nodes += path[1:] if nodes and nodes[-1] == path[0] else path
    return " > ".join(nodes)


EHLO = "250-mail.test\n250-PIPELINING\n250-CHUNKING\n250-AUTH PLAIN LOGIN\n250 STARTTLS"
"""A reply to EHLO that offers everything the matrix asks about."""


def greeted(*, login: bool = False) -> Playbook:
    """At BANNER."""
    return Playbook(login=login).connect() << "220 mail.test ESMTP"


def connected(offer: str = EHLO, *, login: bool = False, hello: str = "EHLO") -> Playbook:
    """At CONNECTED, or EHLO if a login is wanted."""
    return greeted(login=login) >> f"{hello} me" << offer


def lmtp() -> Playbook:
    """At CONNECTED of an LMTP session."""
    return connected(hello="LHLO")


def at_mail(play: Playbook | None = None) -> Playbook:
    """At MAIL."""
    return (play or connected()) >> "MAIL FROM:<a@mail.test>" << "250 ok"


def at_rcpt(play: Playbook | None = None, accepted: int = 1) -> Playbook:
    """At RCPT, with so many accepted."""
    play = at_mail(play)
    for number in range(accepted):
        play >> f"RCPT TO:<r{number}@mail.test>" << "250 ok"
    return play


def at_data(play: Playbook | None = None, accepted: int = 1) -> Playbook:
    """At DATA: the 354 is read."""
    return at_rcpt(play, accepted) >> "DATA" << "354 go on"


def at_stream(play: Playbook | None = None, accepted: int = 1) -> Playbook:
    """At SEND_STREAM: all text is out, the dot is held."""
    return at_data(play, accepted).stream(b"Subject: hi\r\n\r\nhi\r\n")


def at_dot(play: Playbook | None = None, accepted: int = 1) -> Playbook:
    """At SEND_STREAM, the dot sent and its reply owed."""
    return at_stream(play, accepted) >> "."


def at_message(play: Playbook | None = None) -> Playbook:
    """At SEND_MESSAGE: one message accepted."""
    return at_dot(play) << "250 ok"


def at_chunk(play: Playbook | None = None) -> Playbook:
    """At RCPT with one BDAT chunk accepted."""
    return at_rcpt(play) >> b"BDAT 4\r\n1234" << "250 ok"


def at_broken(play: Playbook | None = None) -> Playbook:
    """At RCPT with one BDAT chunk refused."""
    return at_rcpt(play) >> b"BDAT 4\r\n1234" << "452 no"


def at_handshake(play: Playbook | None = None) -> Playbook:
    """STARTTLS got its 220."""
    return (play or connected()) >> "STARTTLS" << "220 go"


def in_tls(play: Playbook | None = None) -> Playbook:
    """At CONNECTED inside TLS, as EHLO said it there."""
    return at_handshake(play).secured() >> "EHLO me" << EHLO
