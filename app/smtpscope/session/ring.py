"""The last sessions, each in a file of its own without being asked for: so that "I should have saved that" is not lost.

Secrets are hidden in them, and message text is left out: its length and SHA-256 stand in its place, such that the file
gives the same states as the session did.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from smtpscope.secret import Secret
from smtpscope.session import schema
from smtpscope.session.keep import Keeper, Lines, is_being_written
from smtpscope.session.recorder import Recorder
from smtpscope.session.schema import Header, Mark
from smtpscope.smtp.effects import bdat_size
from smtpscope.smtp.events import Cipher, Event, Failed, Issued, Opened, Progress, Received, Secured, Sent
from smtpscope.smtp.facts import Transaction
from smtpscope.smtp.machine import Machine

KEEP = 50
"""Sessions that are kept."""
LARGEST = 64 * 1024 * 1024
"""Octets of the longest file; the rest of such a session is not kept."""

_NAME = re.compile(r"\d{8}T\d{12}-\d+\.jsonl")
_CONTENT = re.compile(
    rb"(?<![^\r\n])[.\0]*+([^\r\n]+)"
)  # of a line of text: dots and NULs before it may be an end of data
_LINE_END = re.compile(rb"[\r\n.\0]{0,6}\Z")
_WHOLE = re.compile(rb"(?:\A|\n)[2-5]\d\d [^\n]*\r\n\Z")  # ends in the last line of a reply
_WHOLE_IN = 1024  # octets at the end in which that is looked for
_GOODBYE = re.compile(rb"(?:\A|\n)(?:221|421|521)")


class Kept(NamedTuple):
    """A session of the ring."""

    path: Path
    header: Header


class Ring:
    """The folder of the last sessions. Several runs may share it."""

    def __init__(self, folder: Path, keep: int = KEEP) -> None:
        self.folder = folder
        self.keep = keep

    def keeper(
        self,
        recorder: Recorder,
        server: str,
        port: int,
        secrets: Iterable[Secret] = (),
        tell: Callable[[str], None] = lambda problem: None,
    ) -> Keeper:
        """Keep this session, from the first octets on that are sent or received; never raises."""
        name = f"{datetime.now(UTC):%Y%m%dT%H%M%S%f}-{os.getpid()}.jsonl"
        path = self.folder / name
        return Keeper(path, recorder, server, port, lines=_WithoutText(), secrets=secrets, tell=tell, when=_First(self))

    def sessions(self) -> list[Kept]:
        """Those that are there, the latest first."""
        return list(self._readable())

    def _readable(self) -> Iterable[Kept]:
        for path in reversed(self._files()):
            with suppress(OSError, ValueError), open(path, "rb") as file:
                yield Kept(path, schema.header_of(file.readline(64 * 1024)))

    def _files(self) -> list[Path]:
        """Ours, the oldest first; whatever else lies there is left alone."""
        try:
            return sorted(path for path in self.folder.iterdir() if _NAME.fullmatch(path.name))
        except OSError:
            return []

    def make_room(self) -> None:
        """Make the folder, and delete the oldest sessions, but none that is being written. Raises OSError."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.folder.stat().st_mode & 0o077:
            self.folder.chmod(0o700)
        files = self._files()
        over = len(files) + 1 - self.keep
        for path in files:
            if over > 0:
                with suppress(OSError):
                    if not is_being_written(path):
                        path.unlink()
                        over -= 1


class _First:
    """Whether octets have been sent or received; then there is room for the file."""

    def __init__(self, ring: Ring) -> None:
        self._ring = ring
        self._looked = 0

    def __call__(self, recorder: Recorder) -> bool:
        while self._looked < len(recorder):
            self._looked += 1
            if isinstance(recorder[self._looked - 1], Sent | Received):
                self._ring.make_room()
                return True
        return False


class _WithoutText(Lines):
    """Lines without message text and TLS records.

    Streamed text becomes one mark for all of it, with its line end behind. Text that was typed, octets of a chunk
    (RFC 3030) and text ahead of its 354 become marks that keep every line's length.
    """

    text = False

    def __init__(self) -> None:
        super().__init__()
        self._machine = Machine()
        self._room = LARGEST
        self._streamed: list[Sent] = []  # the first of them, without its octets
        self._digest = hashlib.sha256()
        self._octets = 0
        self._line_end = b""
        self._progress: Progress | None = None
        self._chunk = 0  # octets of a chunk that are still to come

    def of(self, event: Event) -> bytes:
        """The lines for one event; none for what is left out."""
        if self._room < 0:
            return b""
        lines = self._of(event)
        self._room -= len(lines)
        if self._room < 0:
            reason = f"the session was longer than {LARGEST >> 20} MiB: the rest of it was not kept"
            return self.line(Failed(event.time, None, reason), ())
        return lines

    def _of(self, event: Event) -> bytes:
        machine, marks = self._machine, self.hidden(event)
        if isinstance(event, Cipher):
            return b""
        if isinstance(event, Sent):
            if machine.facts.streaming and (machine.prompt == "data>" or not machine.facts.link):
                machine.apply(event)
                self._take_streamed(event)
                return b""
            marks = _beside(marks, self._text(event.data, machine.unfinished, machine.prompt, event))
        elif isinstance(event, Issued):
            event = self._without_text(event)
            machine.apply(event)
        elif isinstance(event, Received) and self._changes_nothing(event):
            pass
        else:
            machine.apply(event)
            if isinstance(event, Opened | Secured):
                self._chunk = 0
            if isinstance(event, Progress) and self._streamed and not event.done:
                self._progress = event
                return b""
        return self._flushed() + self.line(event, marks)

    def _changes_nothing(self, event: Received) -> bool:
        """Whether these are whole replies that nobody asked for, and no goodbye: a flood of them is not looked into."""
        machine, data = self._machine, event.data
        if machine.pending or machine.held or machine.facts.securing or not machine.facts.greeted:
            return False
        whole = _WHOLE.search(data, max(0, len(data) - _WHOLE_IN))
        return whole is not None and _GOODBYE.search(data) is None

    def _take_streamed(self, event: Sent) -> None:
        if not self._streamed:
            self._streamed.append(event._replace(data=b""))
        self._digest.update(event.data)
        self._octets += len(event.data)
        end = _LINE_END.search(self._line_end + event.data[-6:])
        self._line_end = end.group() if end else b""

    def _flushed(self) -> bytes:
        """The line for text that was streamed, and the last that was said of it."""
        if not self._streamed:
            return b""
        data = schema.left_out(self._octets, self._digest.hexdigest(), self._line_end)
        lines = schema.event_line(self._streamed.pop(), data=data)
        if self._progress is not None:
            lines += self.line(self._progress, ())
        self._digest, self._octets, self._line_end, self._progress = hashlib.sha256(), 0, b"", None
        return lines

    def _text(self, data: bytes, begun: bytes, prompt: str, event: Sent) -> list[Mark]:
        """Where message text is in what goes out, after ``begun``; has the machine take it."""
        facts, at = self._machine.facts, 0
        before = facts.texted
        early = any(entry.kind == "DATA" for entry in self._machine.pending)
        self._machine.apply(event)
        marks: list[Mark] = []
        if prompt == "data>":
            at = max(0, facts.texted - before)
            marks = _lines_of_text(data, 0, at)
        elif not facts.link and facts.txn in (Transaction.DATA, Transaction.STREAMED):
            return _lines_of_text(data, 0, len(data))  # the server has said goodbye meanwhile
        while at < len(data):
            if self._chunk:
                end = min(len(data), at + self._chunk)
                marks.append(_mark(data, at, end))
                self._chunk -= end - at
            elif early:
                end = len(data)
                marks += _lines_of_text(data, at, end)
            else:
                end = data.find(b"\n", at) + 1 or len(data)
                line, begun = begun + data[at:end], b""
                if line.endswith(b"\n") and facts.link:
                    verb = line[:5].upper().split()[:1]
                    self._chunk = bdat_size(line) if verb == [b"BDAT"] else 0
                    early = verb == [b"DATA"]
            at = end
        return marks

    def _without_text(self, event: Issued) -> Issued:
        """The step without text that was sent along with it."""
        if self._chunk or any(entry.kind == "DATA" for entry in self._machine.pending):
            return event._replace(line="")
        return event._replace(line=event.line.partition("\n")[0].rstrip("\r"))


def _lines_of_text(data: bytes, start: int, end: int) -> list[Mark]:
    """Marks for what is on the lines; line ends, and dots that may be an end of data, stay."""
    found = (match.span(1) for match in _CONTENT.finditer(data[:end], start))
    return [_mark(data, *span) for span in found]


def _mark(data: bytes, start: int, end: int) -> Mark:
    return Mark(start, end, schema.TEXT, hashlib.sha256(data[start:end]).hexdigest())


def _beside(marks: list[Mark], text: list[Mark]) -> list[Mark]:
    """All of them in order; of ``marks`` what is not in ``text``."""
    result = list(text)
    for mark in marks:
        start = mark.start
        for other in [*text, Mark(mark.end, mark.end, "")]:
            if other.end >= start:
                if start < min(other.start, mark.end):
                    result.append(mark._replace(start=start, end=min(other.start, mark.end)))
                start = max(start, other.end)
    return sorted(result)
