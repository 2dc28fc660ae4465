"""What goes out, octet by octet: commands, responses, chunks, message text and its end.

What is owed follows from the octets alone, so that a typed line and a command from a form cannot be told apart, as on
the wire.
"""

from __future__ import annotations

import re
from collections import deque

from smtpscope.smtp.command import C
from smtpscope.smtp.effects import Pending, bdat_size, pending_for
from smtpscope.smtp.facts import Facts, T

_END_OF_DATA = b"\r\n.\r\n"
_LOOK_ALIKE = re.compile(rb"(?:\r\n|\n|\r)\0?\.\0?(?:\r\n|\n|\r)")
_TAIL = 6  # octets that an end of data or a look-alike may have in an earlier write
_LINE_KEPT = 64 * 1024  # octets of an unfinished line that are looked at


class Outgoing:
    """Puts what octets leave owed into ``pending``, and into ``facts`` how far message text and challenge are."""

    def __init__(self, facts: Facts, pending: deque[Pending]) -> None:
        self.line = bytearray()
        """Of a command line that has no LF yet."""
        self.tail = b""
        """The last octets of message text."""
        self._facts = facts
        self._pending = pending
        self._chunk_left = 0  # octets that still belong to a BDAT chunk

    @property
    def dot_pending(self) -> bool:
        """Whether the end of data is out and not answered."""
        return any(entry.kind == "DOT" and not entry.perhaps for entry in self._pending)

    def feed(self, data: bytes, time: float) -> bool:
        """Take octets that went out at ``time``; true if a command or the dot was among them."""
        facts = self._facts
        plain = not (self.line or self._chunk_left or facts.data_mode or facts.challenge is not None)
        if plain and data.find(b"\n") == len(data) - 1 and data:
            self._command(data, time)  # one whole line in one write: the usual case
            return True
        commanded = False
        while data:
            if self._chunk_left:
                taken = data[: self._chunk_left]
                self._chunk_left -= len(taken)
                data = data[len(taken) :]
            elif facts.data_mode and not self.dot_pending:
                data = self._text(data, time)
                commanded |= self.dot_pending
            else:
                line, end, data = data.partition(b"\n")
                if len(self.line) < _LINE_KEPT:
                    self.line += line
                self.line += end
                if end:
                    commanded |= self._line_ended(time)
        return commanded

    def text_begins(self, time: float) -> None:
        """The 354 is in: the lines that went out behind DATA are message text, up to a lone dot."""
        pending, early = self._pending, list(self._pending)
        pending.clear()
        self.tail, self._chunk_left = b"", 0
        for index, entry in enumerate(early):
            self._text(entry.line + entry.ending, entry.sent)
            if self.dot_pending:  # this line was it, and what is behind it are commands
                pending.clear()
                pending.extend(early[index:])
                return
        self._text(bytes(self.line), time)
        self.line.clear()

    def _line_ended(self, time: float) -> bool:
        """A line is whole; true if it is a command."""
        line = bytes(self.line)
        self.line.clear()
        if self._facts.challenge is not None:
            self._facts.challenge = None  # a response: what it belongs to is still pending
            self._facts.cancelled = line.rstrip(b"\r\n") == b"*"
            return False
        self._command(line, time)
        return True

    def _command(self, line: bytes, time: float) -> None:
        entry = pending_for(line, time)
        self._facts.cancelled = False
        self._pending.append(entry)
        if entry.kind[:4] == "BDAT":
            self._chunk_left = bdat_size(entry.line)

    def _text(self, data: bytes, time: float) -> bytes:
        """Look for the end of data in what goes out; gives what lies behind it."""
        facts = self._facts
        tail = self.tail if facts.texted else b"\r\n"  # the CRLF of DATA itself counts (RFC 5321 4.1.1.4)
        if facts.streaming:  # our own stream is stuffed: it holds no end of data
            self.tail = (tail + data[-_TAIL:])[-_TAIL:]
            facts.texted += len(data)
            return b""
        text = tail + data
        found = text.find(_END_OF_DATA, max(0, len(tail) - len(_END_OF_DATA) + 1))
        if found < 0:
            self._look_for_look_alikes(text, len(tail), time)
            self.tail = text[-_TAIL:]
            facts.texted += len(data)
            return b""
        facts.texted += found + 2 - len(tail)
        self._end_of_data(time)
        return text[found + len(_END_OF_DATA) :]

    def _look_for_look_alikes(self, text: bytes, known: int, time: float) -> None:
        """What a server may take for the end of data leaves a reply owed, perhaps."""
        if not self._pending:
            for match in _LOOK_ALIKE.finditer(text):
                if match.end() > known:
                    self._pending.append(Pending("DOT", C.DOT, match.group(), time, perhaps=True))
                    return

    def _end_of_data(self, time: float) -> None:
        if self._facts.txn is T.DATA and self._facts.texted:
            self._facts.txn = T.STREAMED
        self._pending.clear()  # in data mode only a look-alike can be owed
        self._pending.append(Pending("DOT", C.DOT, b".", time))
        self.tail = b""
