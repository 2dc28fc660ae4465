"""A TLS handshake as it crossed the wire: its octets, and record by record what they are (RFC 8446 5.1, RFC 5246 6.2).

Made of the recorded octets alone. Nothing is decrypted: what is encrypted is shown as that.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Cipher, Closed, Failed, Link, LinkStatus, Opened, Received, Secured, Sent
from smtpscope.smtp.tls_names import MESSAGES, RECORDS, alert_name
from smtpscope.visible import Spans, visible_text

SHOWN = 60
"""Records of one handshake that are listed, and cells of what is none."""
_RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")  # RFC 8446 4.1.3
_HEAD = 5
_NAMES = 8  # messages of one record that are named
_BOUNDS = (Secured, Failed, Closed, Opened, Link, Sent, Received)
"""Events that are before a handshake, or behind it."""


class Record(NamedTuple):
    """One record, or octets that are none."""

    time: float
    outgoing: bool
    length: int
    """Octets, the record's head among them."""
    what: str


def handshake_of(recorder: Recorder, index: int) -> list[Cipher]:
    """The octets of the handshake that the event at ``index`` begins or ends; none where it does neither."""
    start = index
    if isinstance(recorder[index], Secured | Failed):
        start = next((place for place in range(index - 1, -1, -1) if isinstance(recorder[place], _BOUNDS)), index)
    event = recorder[start]
    if not isinstance(event, Link) or event.status is not LinkStatus.SECURING:
        return []
    found: list[Cipher] = []
    for place in range(start + 1, len(recorder)):
        event = recorder[place]
        if isinstance(event, Cipher):
            found.append(event)
        elif isinstance(event, _BOUNDS):
            break
    return found


def records_of(events: list[Cipher]) -> list[Record]:
    """The records of both directions, each at the time of its last octet; a piece of one that never ended is one."""
    sides = {True: _Side(True), False: _Side(False)}
    found = [record for event in events for record in sides[event.outgoing].take(event)]
    return found + [record for side in sides.values() for record in side.rest()]


def handshake_lines(recorder: Recorder, index: int) -> list[Spans]:
    """The records of the handshake that an event begins or ends, a line each."""
    records = records_of(handshake_of(recorder, index))
    lines: list[Spans] = [
        [(f"{record.time:9.3f} {'->' if record.outgoing else '<-'} {record.length:6,} ", "dim"), (record.what, "text")]
        for record in records[:SHOWN]
    ]
    if (rest := len(records) - SHOWN) > 0:
        lines.append([(f"{rest:,} more records are not listed", "dim")])
    return [[("record by record, in octets:", "dim")], *lines] if lines else []


class _Side:
    """One direction of the wire."""

    def __init__(self, outgoing: bool) -> None:
        self._outgoing = outgoing
        self._data = b""
        self._time = 0.0
        self._message = 0  # octets of a message that has begun and go on in the next record
        self._encrypted = False
        self._lost = False  # what comes is no TLS

    def take(self, event: Cipher) -> Iterator[Record]:
        self._data, self._time = self._data + event.data, event.time
        while len(self._data) >= _HEAD and not self._lost:
            if self._data[0] not in RECORDS or self._data[1] != 3:
                self._lost = True
                return
            length = _HEAD + int.from_bytes(self._data[3:5])
            if len(self._data) < length:
                return
            record, self._data = self._data[:length], self._data[length:]
            yield Record(event.time, self._outgoing, length, self._what(record[0], record[_HEAD:]))

    def rest(self) -> Iterator[Record]:
        """What came and is no whole record."""
        if self._data:
            begins = self._data[0] in RECORDS and self._data[1:2] in (b"", b"\x03")
            shown = visible_text(self._data[:SHOWN], limit=SHOWN)
            what = "a piece of a record that never ended" if begins else f"no TLS: {shown}"
            yield Record(self._time, self._outgoing, len(self._data), what)

    def _what(self, kind: int, body: bytes) -> str:
        if kind == 21 and len(body) == 2:
            return f"Alert: {alert_name(body[1])}{', a warning' if body[0] == 1 else ''}"
        if kind != 22:
            self._encrypted = self._encrypted or kind == 20
            return RECORDS[kind]
        return "Handshake, encrypted" if self._encrypted else _listed(list(self._messages(body)))

    def _messages(self, body: bytes) -> Iterator[str]:
        """The messages that begin in a record, and that one goes on."""
        if self._message:
            yield "the rest of a message" if self._message <= len(body) else "more of a message"
        at, self._message = min(self._message, len(body)), max(0, self._message - len(body))
        while at < len(body):
            length = int.from_bytes(body[at + 1 : at + 4]) if len(body) >= at + 4 else 0
            retry = body[at] == 2 and body[at + 6 : at + 38] == _RETRY
            yield "HelloRetryRequest" if retry else MESSAGES.get(body[at], f"message {body[at]}")
            self._message = max(0, at + 4 + length - len(body))
            at += 4 + length


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - _NAMES:,} more" if len(names) > _NAMES else ""
    return f"{', '.join(names[:_NAMES])}{more}" if names else "Handshake, empty"
