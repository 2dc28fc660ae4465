"""A session as exchanges: each thing that was asked of the server, in order, with what it said and when.

One fold of the events, for reports, commands and comparisons.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from smtpscope.session.redact import HIDDEN, hide
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.events import (
    Closed,
    Drop,
    Event,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply

_NOT_KEPT = re.compile(rb"\[[0-9,]+ octets of message text are not kept")  # as a kept session without texts says it
STAGES = ("CONNECT", "BANNER", "EHLO", "STARTTLS", "TLS EHLO", "AUTH", "MAIL", "RCPT", "DATA", "DOT")
"""How far a connection can come, in order."""
TEXT_KEPT = 64 * 1024
"""Octets of a message text that are kept; of the others only how many they are."""


@dataclass(slots=True)
class Exchange:
    """One thing asked. ``kind`` is CONNECT, BANNER, TLS, FAILED, UNASKED or a command's row in the machine's table."""

    kind: str
    line: bytes
    """The command as sent, without its ending and the secrets marked in it; of AUTH verb and mechanism only."""
    time: float
    tls: bool
    ended: float | None = None
    """When the last octet of the answer was in, None while it is owed."""
    ending: bytes = b"\r\n"
    replies: list[Reply] = field(default_factory=list)
    """The last one is final; those before are 334s, or other recipients' (LMTP, PRDR)."""
    secured: Secured | None = None
    note: str = ""
    """What went wrong, or the address that was reached; raw."""
    user: str = ""
    """Of AUTH: who is to be logged in, empty if that cannot be told."""
    text: bytes = b""
    """Of DATA: the message text as it stood on the wire, dots doubled; at most ``TEXT_KEPT`` octets."""
    size: int = 0
    """Octets of all of it."""
    became_text: bool = False
    """It was sent before the server asked for text, and is text."""

    @property
    def verb(self) -> str:
        """The command's verb in capitals; the kind where there is none."""
        words = self.line[:2048].split(None, 1)
        return words[0].upper().decode("ascii", "backslashreplace") if words else self.kind

    @property
    def reply(self) -> Reply | None:
        """The final reply."""
        return self.replies[-1] if self.replies else None

    @property
    def code(self) -> int | None:
        """The code of the final reply."""
        return self.replies[-1].code if self.replies else None

    @property
    def good(self) -> bool:
        """Whether it got what it hoped for."""
        if self.kind in ("CONNECT", "TLS"):
            return self.ended is not None
        return self.reply is not None and (self.code == 354 if self.kind == "DATA" else self.reply.positive)

    @property
    def whole(self) -> bool:
        """Whether all of the message text is here."""
        return len(self.text) == self.size and not _NOT_KEPT.match(self.text)

    @property
    def took(self) -> float | None:
        """Seconds until the answer was in."""
        return None if self.ended is None else max(0.0, self.ended - self.time)


@dataclass(slots=True)
class Connection:
    """All that happened on one connection."""

    opened: Opened
    exchanges: list[Exchange] = field(default_factory=list)
    peer: str = ""
    local: str = ""
    found: float | None = None
    """When the server's address was known."""
    closed: Closed | None = None
    dropped: bool = False
    """The user closed it without a word."""
    together: bool = False
    """Commands went out before the reply to the one before them."""
    raw: bool = False
    """Octets went out that are neither a command, a response nor message text sent in its time."""

    @property
    def secured(self) -> Secured | None:
        """The last handshake."""
        return next((each.secured for each in reversed(self.exchanges) if each.secured is not None), None)

    def of(self, *kinds: str) -> list[Exchange]:
        """Those of some kinds, in order."""
        return [each for each in self.exchanges if each.kind in kinds]


def connections(events: Iterable[Event]) -> list[Connection]:
    """The connections of a session, in order; events before the first one are dropped."""
    fold = _Fold()
    for event in events:
        fold.take(event)
    return fold.connections


def furthest(every: list[Connection]) -> int:
    """Which connection came furthest, the last of equals."""
    return max(range(len(every)), key=lambda index: (rank(every[index].exchanges), index))


def rank(exchanges: list[Exchange]) -> int:
    """How far these exchanges came, as a place in ``STAGES``; -1 for none."""
    return max((STAGES.index(stage(each)) for each in exchanges), default=-1)


def stage(exchange: Exchange) -> str:
    """The stage of ``STAGES`` that an exchange belongs to."""
    match exchange.kind:
        case "EHLO" | "HELO":
            return "TLS EHLO" if exchange.tls else "EHLO"
        case "TLS":
            return "STARTTLS"
        case "BDAT" | "BDAT LAST":
            return "RCPT"
    return exchange.kind if exchange.kind in STAGES else "CONNECT"


class _Fold:
    def __init__(self) -> None:
        self.connections: list[Connection] = []
        self._machine = Machine()
        self._asked: dict[Pending, Exchange] = {}
        self._user = ""
        self._securing: Exchange | None = None
        self._responses: list[bytes] = []
        self._data: Exchange | None = None
        self._login: Exchange | None = None

    def take(self, event: Event) -> None:
        machine = self._machine
        if isinstance(event, Opened):
            self.connections.append(Connection(event))
            self._asked.clear()
            self._securing = self._data = self._login = None
            machine.apply(event)
            return
        if not self.connections:
            machine.apply(event)
            return
        connection = self.connections[-1]
        texted, challenged = machine.facts.texted, machine.facts.challenge is not None
        answers = machine.apply(event)
        match event:
            case Sent():
                self._sent(connection, event, texted, challenged)
            case Received():
                for answer in answers:
                    self._answer(connection, answer, event.tls)
                if self._data is not None and machine.facts.texted > texted:
                    connection.raw = True  # what was sent before the 354 became text
            case Link():
                self._link(connection, event)
            case Secured():
                self._secured(connection, event)
            case Issued():
                self._user = event.user
                connection.dropped |= isinstance(event.step, Drop)
            case Failed() if event.step is not None or not machine.facts.link:
                connection.exchanges.append(Exchange("FAILED", b"", event.time, machine.facts.tls, note=event.reason))
            case Closed():
                connection.closed = event
                self._data = None

    # -- the link

    def _link(self, connection: Connection, event: Link) -> None:
        connection.peer, connection.local = event.peer or connection.peer, event.local or connection.local
        exchanges = connection.exchanges
        if event.status is LinkStatus.CONNECTING and connection.found is None:
            connection.found = event.time
        if event.status in (LinkStatus.CONNECTED, LinkStatus.SECURING) and not connection.of("CONNECT"):
            start = connection.found if connection.found is not None else connection.opened.time
            exchanges.insert(0, Exchange("CONNECT", b"", start, False, event.time, note=event.peer))
        if event.status is LinkStatus.SECURING:
            self._securing = Exchange("TLS", b"", event.time, True)
            exchanges.append(self._securing)
        self._look_for_new(connection, False)

    def _secured(self, connection: Connection, event: Secured) -> None:
        if self._securing is None:
            self._securing = Exchange("TLS", b"", event.time, True)
            connection.exchanges.append(self._securing)
        self._securing.secured, self._securing.ended = event, event.time
        self._securing = None

    # -- what was sent

    def _look_for_new(self, connection: Connection, tls: bool) -> list[Exchange]:
        new = []
        for place, entry in enumerate(self._machine.pending):
            if entry not in self._asked:
                connection.together |= place > 0 and entry.kind != "BANNER"
                exchange = Exchange(entry.kind, entry.line, entry.sent, tls, ending=entry.ending or b"\r\n")
                if entry.kind == "AUTH":
                    exchange.user, self._responses, self._login = self._user, [], exchange
                if entry.perhaps:
                    connection.raw = True
                self._asked[entry] = exchange
                connection.exchanges.append(exchange)
                new.append(exchange)
        return new

    def _sent(self, connection: Connection, event: Sent, texted: int, challenged: bool) -> None:
        machine = self._machine
        if self._data is not None and (added := machine.facts.texted - texted) > 0:
            self._text(self._data, event.data[:added], added)
        new = self._look_for_new(connection, event.tls)
        for exchange in new:
            if event.secrets and exchange.kind != "AUTH":
                one = len(new) == 1 and event.data.startswith(exchange.line)
                exchange.line = hide(event.data, list(event.secrets)).rstrip(b"\r\n") if one else HIDDEN.encode()
        if self._login is not None and (challenged or any(each is self._login for each in new)):
            self._response(self._login, event.data, challenged)
        if machine.unfinished and not challenged and not event.data.endswith(b"\n"):
            connection.raw = True

    def _text(self, data: Exchange, octets: bytes, added: int) -> None:
        data.size += added
        if len(data.text) < TEXT_KEPT:
            data.text += octets[: TEXT_KEPT - len(data.text)]

    def _response(self, login: Exchange, data: bytes, challenged: bool) -> None:
        """Who logs in, where no step said so: PLAIN, LOGIN and CRAM-MD5 give it in their first response."""
        words = data.split()
        token = (words[0] if words else b"") if challenged else (words[2] if len(words) > 2 else b"")
        if not token:
            return
        self._responses.append(token)
        if login.user or len(self._responses) > 1:
            return
        decoded, mechanism = _decoded(token), login.line.upper().split()[1:2]
        user = b""
        if mechanism == [b"PLAIN"] and decoded.count(b"\0") == 2:
            user = decoded.split(b"\0")[1]
        elif mechanism == [b"CRAM-MD5"]:
            user = decoded.rpartition(b" ")[0]
        elif mechanism == [b"LOGIN"] and (not challenged or self._asks_name(login)):
            user = decoded
        login.user = user.decode("utf-8", "surrogateescape")

    def _asks_name(self, login: Exchange) -> bool:
        """Whether LOGIN's first challenge asks for a name: the response to another may be the password."""
        return bool(login.replies) and _decoded(login.replies[-1].text.encode()).lower().startswith(b"user")

    # -- what came

    def _answer(self, connection: Connection, answer: Answer, tls: bool) -> None:
        entry, reply = answer.pending, answer.reply
        if entry is None:
            odd = Exchange("UNASKED", b"", reply.first, tls, reply.last, replies=[reply], note=answer.note)
            connection.exchanges.append(odd)
            return
        exchange = self._asked.get(entry)
        if exchange is None:
            exchange = self._asked[entry] = Exchange(entry.kind, entry.line, entry.sent, tls)
            connection.exchanges.append(exchange)
        exchange.replies.append(reply)
        exchange.note = answer.note or exchange.note
        if answer.settled:
            exchange.ended = reply.last
        if entry.kind == "DATA" and self._machine.facts.data_mode:
            self._data = exchange
            owed = {id(self._asked.get(each)) for each in self._machine.pending}
            for early in reversed(connection.exchanges):
                if early is exchange:
                    break
                early.became_text = id(early) not in owed
            self._look_for_new(connection, tls)


def _decoded(word: bytes) -> bytes:
    try:
        return base64.b64decode(word, validate=True)
    except (binascii.Error, ValueError):
        return b""
