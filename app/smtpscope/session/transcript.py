"""The whole session as text, with swaks' marks, for a mail to a colleague or the terminal's scrollback.

Four columns of mark and then what was said, every character printable, secrets hidden: wherever they stand, also in
what was said before they were sent.
"""

from __future__ import annotations

from collections.abc import Iterable

from smtpscope.session import notes
from smtpscope.session.certificates import described
from smtpscope.session.redact import Redactor, hide
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Drop,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
    TimedOut,
    Told,
    Waited,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.visible import octets, visible_text

TEXT_LINES = 200
"""Lines of each message that are given; of the others only how many they are."""
LONGEST = 64 * 1024
"""Octets of an unfinished line that are held back; then they are a row of their own."""

INFO, ERROR, NO_REPLY = "=== ", "*** ", "<** "
SENT = (" -> ", " ~> ")
"""In clear, and in TLS."""
GOOD = ("<-  ", "<~  ")
BAD = ("<** ", "<~* ")


def transcript(events: Iterable[Event], *, redact: Redactor | None) -> str:
    """The session's lines, each with its mark and LF; nothing for no events.

    Without ``redact`` secrets are given away. With it they are hidden: those that it knows and those of these events.
    """
    learned = Redactor()
    writer = _Writer(hiding=redact is not None)
    for event in events:
        learned.learn(event)
        writer.take(event)
    writer.flush()
    lines = []
    for mark, data, whole in writer.rows:
        if redact is not None and not whole:
            data = hide(data, [*redact.spans(data), *learned.spans(data)])
        lines.append(mark + visible_text(data) + "\n")
    return "".join(lines)


class _Writer:
    """Folds events into ``rows``: a mark, octets without their plain line end, and whether nothing is hidden there."""

    def __init__(self, hiding: bool) -> None:
        self.rows: list[tuple[str, bytes, bool]] = []
        self._hiding = hiding
        self._machine = Machine()
        self._host = ""
        self._linked = self._dropped = False
        self._failed = ""
        self._asked: Asked | None = None
        self._tls_in = False
        self._partial_shown = b""
        self._sent_mark = SENT[0]
        self._unended = b""  # of a sent line that has no LF yet
        self._in_text = False
        self._text_lines = 0
        self._skipped = 0

    def take(self, event: Event) -> None:
        """One event: its rows, and the machine's step."""
        if isinstance(event, Sent):
            self._sent(event)
        elif isinstance(event, Received):
            self._received(event)
        else:
            if isinstance(event, Opened | Closed):
                self.flush()
            self._between(event)
            self._machine.apply(event)

    def _say(self, mark: str, text: str, whole: bool = False) -> None:
        self.rows.append((mark, octets(text), whole))

    def _line(self, mark: str, line: bytes) -> None:
        """One line of the wire; of its end only what is not the usual CRLF is seen."""
        self.rows.append((mark, line.removesuffix(b"\r\n"), False))

    # -- what is not octets

    def _between(self, event: Event) -> None:
        match event:
            case Opened():
                self._host, self._linked, self._dropped, self._failed = event.server, False, False, ""
                self._say(INFO, f"Trying {event.server}:{event.port}...")
            case Link(status=LinkStatus.CONNECTED | LinkStatus.SECURING) if not self._linked:
                self._linked = True
                self._say(INFO, f"Connected to {self._host}.")
            case Secured():
                self._secured(event)
            case TimedOut():
                self._flush_sent()
                self._say(NO_REPLY, f"Timeout ({event.seconds:g} secs) waiting for server response")
            case Issued(step=Drop()):
                self._dropped = True
                self._say(INFO, "Dropping connection")
            case Failed():
                self._failed = event.reason
                self._say(ERROR, event.reason)
            case Answered() if self._asked is not None:
                self._say(INFO, notes.answered(self._asked, event).text)
            case Asked() | Waited() | Forgot():
                self._asked = event if isinstance(event, Asked) else self._asked
                note = notes.note(event)
                assert note is not None
                self._say(INFO, note.text)
            case Told():
                self._say(INFO, event.text, notes.is_conclusion(event))
            case Closed():
                self._closed(event)

    def _secured(self, event: Secured) -> None:
        self._say(INFO, f"TLS started with cipher {event.version}:{event.cipher}:{event.bits}")
        for number, der in enumerate(event.chain):
            it = described(der)
            until = f"{it.not_after:%Y-%m-%dT%H:%M:%SZ}" if it.not_after else ""
            self._say(INFO, f"TLS peer[{number}]   subject=[{it.subject}]")
            names = f"commonName=[{it.common_name}], subjectAltName=[{', '.join(it.names)}]"
            self._say(INFO, f"              {names} notAfter=[{until}]")
        using = f"(using host {event.server_name} to verify)"
        if event.faults:
            self._say(INFO, f"TLS peer certificate failed verification {using}: {'; '.join(event.faults)}")
        else:
            self._say(INFO, f"TLS peer certificate passed CA verification, passed host verification {using}")

    def _closed(self, event: Closed) -> None:
        quitting = any(entry.kind == "QUIT" for entry in self._machine.pending)
        if self._machine.facts.link and not quitting and not self._dropped and event.cause != self._failed:
            self._say(ERROR, f"Remote host closed connection unexpectedly: {event.cause}.")
        if event.unsent:
            self._say(ERROR, f"{event.unsent:,} octets were never sent.")
        if self._linked:
            self._say(INFO, "Connection closed with remote host.")

    # -- what came

    def _received(self, event: Received) -> None:
        self._flush_sent()
        facts, self._tls_in = self._machine.facts, event.tls
        injected = len(facts.injected) if facts.securing else 0
        for answer in self._machine.apply(event):
            mark = (GOOD if _expected(answer) else BAD)[event.tls]
            for line in _lines(answer.reply.raw):
                self._line(mark, line)
            if answer.note:
                self._say(INFO, answer.note)
        if facts.securing:
            for line in _lines(facts.injected[injected:]):
                self._line(BAD[event.tls], line)

    def flush(self) -> None:
        """Show what has not ended: a line of ours, or a reply."""
        self._flush_sent()
        self._in_text = False
        held = self._machine.held
        if held != self._partial_shown:
            for line in _lines(held):
                self._line(BAD[self._tls_in], line)
        self._partial_shown = held

    # -- what was sent

    def _sent(self, event: Sent) -> None:
        if self._machine.prompt == "data>":
            if not self._in_text:
                self._in_text, self._text_lines = True, 0
        else:
            self._in_text = False
        self._machine.apply(event)
        self._sent_mark = SENT[event.tls]
        data = self._unended + (hide(event.data, list(event.secrets)) if self._hiding else event.data)
        if self._in_text and self._text_lines >= TEXT_LINES and not _has_lone_dot(data):
            self._skip(data.count(b"\n"))
            self._unended = data[data.rfind(b"\n") + 1 :][:LONGEST]
            return
        *whole, self._unended = data.split(b"\n")
        for line in whole:
            self._sent_line(line + b"\n")
        if len(self._unended) > LONGEST:
            self._flush_line()

    def _sent_line(self, line: bytes) -> None:
        if self._in_text and line.rstrip(b"\r\n") == b".":
            self._in_text = False
            self._flush_skipped()
        if self._in_text and self._text_lines >= TEXT_LINES:
            self._skip(1)
            return
        self._text_lines += self._in_text
        self._line(self._sent_mark, line)

    def _skip(self, lines: int) -> None:
        self._text_lines += lines
        self._skipped += lines

    def _flush_sent(self) -> None:
        self._flush_line()
        self._flush_skipped()

    def _flush_line(self) -> None:
        if self._unended:
            line, self._unended = self._unended, b""
            self._sent_line(line)

    def _flush_skipped(self) -> None:
        if self._skipped:
            self._say(INFO, f"{self._skipped:,} more line{'' if self._skipped == 1 else 's'}")
            self._skipped = 0


def _expected(answer: Answer) -> bool:
    """Whether a reply is what its command hoped for; swaks marks all lines of one that is not."""
    reply, pending = answer.reply, answer.pending
    if pending is None:
        return False
    match pending.kind:
        case "DATA":
            return reply.code == 354
        case "STARTTLS":
            return reply.code == 220
        case "AUTH" if reply.code == 334:
            return True
        case "DOT" | "BDAT LAST" if reply.code == 353:
            return True
        case "QUIT" | "BANNER":
            return reply.positive
    return reply.positive and reply.code != 221


def _lines(data: bytes) -> list[bytes]:
    """The lines of ``data`` with their ends; the last may have none."""
    lines = data.split(b"\n")
    return [*(line + b"\n" for line in lines[:-1]), *(lines[-1:] if lines[-1] else [])]


def _has_lone_dot(data: bytes) -> bool:
    return data.startswith((b".\r\n", b".\n")) or b"\n.\r\n" in data or b"\n.\n" in data
