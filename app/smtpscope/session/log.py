"""The rows of the wire log, folded from events: every wire line once, and what happened between them.

A row holds no text, only where its octets are in the recording, so that a million rows stay small. What is shown is
made when a row comes into view. Groups (a long reply, the message text) fold to their first row.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from dataclasses import dataclass
from enum import IntEnum

from smtpscope.session import notes
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import HIDDEN, Redactor, merged
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Closed,
    Event,
    Failed,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    TimedOut,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.visible import safe, visible

Spans = list[tuple[str, str]]

FOLDED_LINES = 3
"""Lines of a reply that are shown unfolded."""
TEXT_LINES = 5000
"""Lines of message text that an unfolded message shows."""
SHOWN = 2000
"""Octets of a line that a row shows; the whole is in the inspector."""
SLOW_LINE = 0.05
"""Seconds after which a continuation line shows a time of its own."""


class Kind(IntEnum):
    """What a row is."""

    SENT = 0
    RECEIVED = 1
    REFUSED = 2
    NOTE = 3
    FAULT = 4
    DIVIDER = 5
    QUESTION = 6
    TEXT = 7
    """The message text, folded or the head of its lines."""
    TEXT_LINE = 8


WIRE = frozenset({Kind.SENT, Kind.RECEIVED, Kind.REFUSED, Kind.TEXT_LINE})
"""Kinds whose rows are octets of the wire."""


@dataclass(slots=True)
class Group:
    """Rows that fold: ``rows`` are those behind the head."""

    head: int
    rows: list[int]
    open: bool = False


class Log:
    """Rows by id (in order of coming), and ``shown``: the ids in view order, without what is folded away."""

    def __init__(self, recorder: Recorder, redactor: Redactor) -> None:
        self.recorder = recorder
        self.redactor = redactor
        self.kind = bytearray()
        self.tls = bytearray()
        self.event = array("L")
        self.start = array("Q")
        self.length = array("Q")
        self.time = array("d")
        self.first = array("L")
        """The id of the first row of the same reply; its own for all else."""
        self.asked = array("d")
        """When the command went out that a reply answers, on its first row; negative where there is none."""
        self.shown = array("L")
        self.text: dict[int, str] = {}
        """What a row says that is not octets of the wire, or says behind them; printable."""
        self.groups: dict[int, Group] = {}
        self.changed = 0
        """The first place of ``shown`` that has changed since the screen looked; it sets it back to the end."""
        self._walls: list[tuple[int, float]] = []
        self._open: tuple[int, int, int, float] | None = None  # where a line of the server's begins that has no end yet
        self._unended = -1  # the row of a line of ours that has no end yet
        self._reply: list[int] = []  # the rows of what has not become a reply yet
        self._last: dict[int, int] = {}  # the last row of a reply of several, by its first
        self._asked: Asked | None = None
        self._failed = ""
        self._stream: int | None = None
        self._lines = 0

    def __len__(self) -> int:
        return len(self.kind)

    # -- folding events into rows

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer], text_mode: bool) -> None:
        """Take one event, after the machine has; ``text_mode`` says whether the machine was in data mode before."""
        if isinstance(event, Received):
            self._lines_received(index, event)
            for answer in answers:
                self._reply_ended(answer, machine)
        elif isinstance(event, Sent):
            self._sent(index, event, machine, text_mode)
        elif isinstance(event, Progress):
            if self._stream is not None:
                self.text[self._stream] = notes.message(event, self._lines)
                self._touch(self._stream)
                if event.done:
                    self._stream = None
        else:
            self._between(index, event)

    def _between(self, index: int, event: Event) -> None:
        """What is not octets: a note, where there is something to say."""
        note = notes.note(event, first=not self._walls)
        match event:
            case Opened():
                self._walls.append((len(self), event.wall))
                self._forget_unfinished()
            case Secured():
                self._add_unfinished()
                self._forget_unfinished()  # what came before in clear is no part of what comes now (RFC 3207 4.2)
            case Closed():
                self._add_unfinished()
                self._forget_unfinished()
                if event.cause == self._failed and not event.unsent:
                    note = None  # the row above has said so
            case TimedOut() if note is not None and (opened := self._open) is not None:
                data = self.recorder.octets(opened[0], opened[1], min(opened[2], SHOWN))
                note = notes.Note(note.kind, f"{note.text}; so far: {data.decode(errors='backslashreplace')}")
            case Asked():
                self._asked = event
            case Answered() if self._asked is not None:
                note = notes.answered(self._asked, event)
        self._failed = event.reason if isinstance(event, Failed) else ""
        if note is not None:
            self._add(Kind[note.kind], index, 0, 0, event.time)
            self.text[len(self) - 1] = safe(self.redactor.text(note.text))

    def tell(self, event: Asked | Answered) -> None:
        """A question of the screen's own, and its answer: rows like those of the session."""
        self._between(max(0, len(self.recorder) - 1), event)

    def _forget_unfinished(self) -> None:
        self._open = None
        self._unended = -1
        self._reply = []

    def _add_unfinished(self) -> None:
        """A line of the server's that will never end is a row all the same."""
        if (opened := self._open) is not None:
            event = self.recorder[opened[0]]
            self._add(Kind.RECEIVED, *opened, tls=isinstance(event, Received) and event.tls)
            self._in_reply(len(self) - 1)

    def _add(self, kind: Kind, event: int, start: int, length: int, time: float, tls: bool = False) -> int:
        row = len(self.kind)
        self.tls.append(tls)
        self.event.append(event)
        self.start.append(start)
        self.length.append(length)
        self.time.append(time)
        self.first.append(row)
        self.asked.append(-1.0)
        self.shown.append(row)
        self.kind.append(kind)  # last: the row is whole now
        return row

    def _touch(self, row: int) -> None:
        """A row that is already shown says something else now; only late ones are looked for."""
        place = len(self.shown) - 1
        while place > 0 and self.shown[place] != row and place > len(self.shown) - 64:
            place -= 1
        self.changed = min(self.changed, place)

    def _lines_received(self, index: int, event: Received) -> None:
        """One row for each line that ends in this event; the rest waits for its end."""
        data, start = event.data, 0
        while (stop := data.find(b"\n", start) + 1) > 0:
            first, offset, length, time = self._open or (index, start, 0, event.time)
            self._in_reply(self._add(Kind.RECEIVED, first, offset, length + stop - start, time, event.tls))
            self._open, start = None, stop
        if start < len(data):
            first, offset, length, time = self._open or (index, start, 0, event.time)
            self._open = (first, offset, length + len(data) - start, time)

    def _lines_sent(self, index: int, event: Sent, begin: int, end: int) -> None:
        """One row for each line; one that has no end yet is a row too, and grows with what goes out next."""
        data, start = event.data, begin
        while start < end:
            stop = data.find(b"\n", start, end) + 1 or end
            if self._unended < 0:
                self._unended = self._add(Kind.SENT, index, start, stop - start, event.time, event.tls)
            else:
                self.length[self._unended] += stop - start
                self._touch(self._unended)
            if data[stop - 1 : stop] == b"\n":
                self._unended = -1
            start = stop

    def _in_reply(self, row: int) -> None:
        self._reply.append(row)
        self.first[row] = self._reply[0]
        if len(self._reply) > 1:
            self._last[self._reply[0]] = row

    def _reply_ended(self, answer: Answer, machine: Machine) -> None:
        """Mark the rows of one reply, fold a long one, and say what is odd about it."""
        reply, count = answer.reply, max(1, answer.reply.raw.count(b"\n"))
        rows, later = self._reply[:count], self._reply[count:]
        if len(rows) < count:
            return
        first = rows[0]
        if reply.kind not in (2, 3):
            for row in rows:
                self.kind[row] = Kind.REFUSED
        if answer.pending is not None:
            self.asked[first] = answer.pending.sent
        if count > FOLDED_LINES:
            self._fold_new(first, rows[1:])
        self._reply = []
        self._last.pop(first, None)
        if count > 1:
            self._last[first] = rows[-1]
        for row in later:
            self._in_reply(row)
        self._touch(first)
        if machine.facts.hello == "LHLO" and answer.pending is not None and answer.pending.member.name == "DOT":
            self._name_recipient(first, answer, machine)
        if answer.note:
            self._add(Kind.NOTE, self.event[first], 0, 0, reply.last)
            self.text[len(self) - 1] = safe(self.redactor.text(answer.note))

    def _fold_new(self, first: int, rows: list[int]) -> None:
        self.groups[first] = Group(first, rows)
        place = len(self.shown) - 1
        while place > 0 and self.shown[place] > first:
            place -= 1
        kept = [row for row in self.shown[place + 1 :] if row not in set(rows)]
        del self.shown[place + 1 :]
        self.shown.extend(kept)
        self.changed = min(self.changed, place)

    def _name_recipient(self, row: int, answer: Answer, machine: Machine) -> None:
        """Under LMTP the replies to the dot are the recipients', in order (RFC 2033 4.2)."""
        accepted = [recipient.path for recipient in machine.facts.recipients if (recipient.code or 0) // 100 == 2]
        replies = answer.pending.replies if answer.pending else []
        number = next((n for n, reply in enumerate(replies) if reply is answer.reply), len(accepted))
        if number < len(accepted):
            self.text[row] = f"  for {safe(accepted[number])}"

    def _sent(self, index: int, event: Sent, machine: Machine, text_mode: bool) -> None:
        data = event.data
        dot = text_mode and any(entry.kind == "DOT" and not entry.perhaps for entry in machine.pending)
        found = data.find(b"\r\n.\r\n") + 2
        end = (found if found >= 2 else 0) if dot else len(data)
        if text_mode and machine.facts.streaming:
            self._message_text(index, event)
            return
        self._lines_sent(index, event, 0, end)
        if dot:
            self._unended = -1  # what is left of typed text before the dot is a row although it has no line end
            self._lines_sent(index, event, end, len(data))

    def _message_text(self, index: int, event: Sent) -> None:
        if self._stream is None:
            self._stream = self._add(Kind.TEXT, index, 0, 0, event.time, event.tls)
            self.groups[self._stream] = Group(self._stream, [])
            self._lines = 0
        self.length[self._stream] += len(event.data)
        self._lines += event.data.count(b"\n")

    # -- folds

    def toggle(self, place: int, open: bool) -> None:
        """Open or close the group whose head is shown at ``place``."""
        group = self.groups.get(self.shown[place])
        if group is None or group.open == open:
            return
        if self.kind[group.head] == Kind.TEXT and not group.rows:
            group.rows = self._text_rows(group.head)
        group.open = open
        if open:
            self.shown[place + 1 : place + 1] = array("L", group.rows)
        else:
            del self.shown[place + 1 : place + 1 + len(group.rows)]
        self.changed = min(self.changed, place)

    def _text_rows(self, head: int) -> list[int]:
        """Rows for the lines of a message, made when it is first opened."""
        shown = len(self.shown)
        event, rest, rows, start = self.event[head], self.length[head], [], 0
        data = self.recorder.octets(event, 0, min(rest, TEXT_LINES * 200))
        for line in data.split(b"\n")[:TEXT_LINES]:
            length = min(len(line) + 1, len(data) - start)
            if length <= 0:
                break
            rows.append(self._add(Kind.TEXT_LINE, event, start, length, self.time[head], bool(self.tls[head])))
            start += length
        if start < rest:
            rows.append(self._add(Kind.NOTE, event, 0, 0, self.time[head]))
            self.text[rows[-1]] = f"{rest - start:,} more bytes of this message are not shown"
        del self.shown[shown:]
        return rows

    # -- what a row shows

    def octets(self, row: int, limit: int | None = None) -> bytes:
        """The octets of a row, at most ``limit``; empty for rows that are not of the wire."""
        length = self.length[row] if limit is None else min(limit, self.length[row])
        return self.recorder.octets(self.event[row], self.start[row], length) if length else b""

    def hidden(self, row: int, data: bytes) -> list[tuple[int, int]]:
        """The places in a row's octets that must not be shown."""
        spans = self.redactor.spans(data)
        event = self.recorder[self.event[row]]
        if isinstance(event, Sent):
            start = self.start[row]
            spans = spans + [(max(0, a - start), b - start) for a, b in event.secrets if b > start]
        return [(a, min(b, len(data))) for a, b in merged(spans) if a < len(data)]

    def spans(self, row: int, *, whole: bool = False) -> Spans:
        """What a row says: octets made visible, without its plain line end, secrets hidden, then our own words.

        With ``whole`` it does not tell of rows folded behind it.
        """
        words = self.text.get(row, "")
        if self.kind[row] not in WIRE:
            return [(words, "text")]
        data = self.octets(row, 16 * SHOWN)
        if data.endswith(b"\r\n"):
            data = data[:-2]
        result: Spans = []
        last = 0
        for start, end in self.hidden(row, data):
            result += [*visible(data[last:start]), (HIDDEN, "hidden")]
            last = end
        result += visible(data[last : max(last, SHOWN)])
        if (rest := self.length[row] - 2 - max(last, SHOWN)) > 0:
            result.append((f" +{rest:,} bytes", "more"))
        group = self.groups.get(row)
        if group is not None and group.rows and not group.open and not whole:
            result.append((f"  +{len(group.rows)}", "more"))
        if words:
            result.append((words, "more"))
        return result

    def marks(self, row: int) -> str:
        """Direction and TLS, and whether it was a refusal, in swaks' marks."""
        kind, tls = self.kind[row], self.tls[row]
        if kind in (Kind.SENT, Kind.TEXT, Kind.TEXT_LINE):
            return " ~>" if tls else " ->"
        if kind == Kind.RECEIVED:
            return "<~ " if tls else "<- "
        if kind == Kind.REFUSED:
            return "<~*" if tls else "<**"
        return "***" if kind == Kind.FAULT else "===" if kind in (Kind.NOTE, Kind.QUESTION) else ""

    def clock(self, row: int, style: str = "connect") -> str:
        """The time of a row: since connect, since the row before, or on the wall. Empty for a continuation line that
        came with the one before it."""
        time, before = self.time[row], self.time[row - 1] if row else 0.0
        if self.first[row] != row and time - before < SLOW_LINE:
            return ""
        if style == "before":
            return f"{max(0.0, time - before):+9.3f}"
        if style == "wall":
            return notes.wall_time(self.wall(row) + time)
        return f"{time:9.3f}"

    def wall(self, row: int) -> float:
        """Seconds since the Unix epoch at the time zero of a row's connection."""
        place = bisect_right(self._walls, row, key=lambda wall: wall[0])
        return self._walls[place - 1][1] if place else 0.0

    def reply_rows(self, row: int) -> list[int]:
        """The rows of the reply that a received row belongs to; notes may stand between them."""
        first = self.first[row]
        return [each for each in range(first, self._last.get(first, first) + 1) if self.first[each] == first]
