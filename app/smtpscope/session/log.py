"""The rows of the wire log, folded from events: every wire line once, and what happened between them.

Groups (a long reply, the message text, the base64 of AUTH) fold to their first row.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator

from smtpscope.session import notes
from smtpscope.session.decoded import decoded
from smtpscope.session.legible import SHOWN, Legible, Spans
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import FILLER, Redactor
from smtpscope.session.rows import BEGINS, ENDS, LONGEST, WIRE, Group, Kind
from smtpscope.smtp.effects import bdat_size
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Cipher,
    Closed,
    Event,
    Failed,
    Marked,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    TimedOut,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.visible import safe

__all__ = ["WIRE", "Group", "Kind", "Log", "Spans"]

FOLDED_LINES = 3
"""Lines of a reply that are shown unfolded."""
_MANY = 8
"""Lines in one read from which their rows are made at once."""
_LINE_READ = 4096
"""Octets of a line of ours that are looked at to know what it is."""


class Log(Legible):
    """Rows by id (in order of coming), and ``shown``: the ids in view order, without what is folded away."""

    def __init__(self, recorder: Recorder, redactor: Redactor) -> None:
        super().__init__(recorder, redactor)
        self._open: tuple[int, int, int] | None = None  # where a line of the server's begins that has no end yet
        self._unended = -1  # the row of a line of ours that has no end yet
        self._reply = array("I")  # the rows of what has not become a reply yet
        self._asked: Asked | None = None
        self._failed = ""
        self._stream = -1  # the row of the message that is on its way
        self._lines = 0
        self._mechanism = ""  # of the last AUTH
        self._challenged = False  # what goes out next is a response
        self._chunk_left = 0  # octets that still belong to a BDAT chunk
        self._words: dict[str, str] = {}  # one string for each that is said often

    @property
    def settled(self) -> int:
        """How many of the first rows will not change any more."""
        last = min(len(self), self._reply[0]) if self._reply else len(self)
        return min(row for row in (last, self._unended, self._stream) if row >= 0)

    # -- folding events into rows

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer], text_mode: bool) -> None:
        """Take one event, after the machine has; ``text_mode`` says whether the machine was in data mode before."""
        if isinstance(event, Received):
            self._received(index, event, answers, machine)
        elif isinstance(event, Sent):
            self._sent(index, event, machine, text_mode)
        elif isinstance(event, Progress):
            if self._stream >= 0:
                self.text[self._stream] = notes.message(event, self._lines)
                self._touch(self._stream)
                if event.done:
                    self._stream = -1
        elif isinstance(event, Marked):
            self.mark(event)
        else:
            self._between(index, event)

    def _between(self, index: int, event: Event, start: int = 0) -> None:
        """What is not octets: a note, where there is something to say."""
        note = notes.note(event, first=not self._walls)
        match event:
            case Opened():
                self._add_unfinished()
                self._forget_unfinished()
                self._walls.append((len(self), event.wall))
                self._opened = index
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
        if not isinstance(event, Cipher):  # TLS says goodbye between a failure and the close
            self._failed = event.reason if isinstance(event, Failed) else ""
        if note is not None:
            row = self._say(Kind[note.kind], index, start, note.text, notes.is_conclusion(event))
            if self.time[row] != event.time:
                self.time.own[row] = event.time  # a question of the screen's own
            if isinstance(event, Opened):
                self.flags[row] |= BEGINS

    def tell(self, event: Asked | Answered) -> None:
        """A question of the screen's own, and its answer: rows like those of the session."""
        last = len(self.recorder) - 1
        self._between(max(0, last), event, max(0, self.recorder.length(last) - 1) if last >= 0 else 0)

    def _say(self, kind: Kind, event: int, start: int, words: str, whole: bool = False) -> int:
        """A row of words, foreign ones among them; nothing of it is hidden if it is to be shown ``whole``."""
        row = self._add(kind, event, start, 0)
        said = safe(words if whole else self.redactor.text(words))
        if len(self._words) < 1000:
            said = self._words.setdefault(said, said)
        self.text[row] = said
        return row

    def _forget_unfinished(self) -> None:
        self._open = None
        self._unended = self._stream = -1
        self._reply = array("I")
        self._challenged, self._chunk_left = False, 0

    def _add_unfinished(self) -> None:
        """A line of the server's that will never end is a row all the same."""
        if (opened := self._open) is not None:
            event = self.recorder[opened[0]]
            row = self._add(Kind.RECEIVED, *opened, tls=isinstance(event, Received) and event.tls)
            self._alone(row)
            self._in_reply(row)

    def _find_octets(self, row: int) -> None:
        """Are the octets of a new row, which came in several events, in one piece?"""
        recorder = self.recorder
        parts = list(recorder.parts(self.event[row], self.start[row], self.length[row]))
        begin, last = (recorder.place(event) + start for event, start, _ in (parts[0], parts[-1]))
        if last + parts[-1][2] - begin == self.length[row]:
            self._follows(row, begin, self.length[row])
        else:
            self._alone(row)
        if any(recorder.secrets(event) for event, _, _ in parts):
            self.secret.add(row)

    # -- what the server says

    def _received(self, index: int, event: Received, answers: list[Answer], machine: Machine) -> None:
        """One row for each line that ends in this event, and what the replies among them are; the rest waits."""
        replies = _replies(answers)
        answer, count = next(replies)
        rows_between = any(each.note or each.pending is None or each.pending.kind == "AUTH" for each in answers)
        single = rows_between or bool(event.secrets) or event.data.count(b"\n") < _MANY
        for row in self._lines_received(index, event, single):
            self._in_reply(row)
            if answer is not None and len(self._reply) >= count:
                self._reply_ended(index, answer, machine)
                answer, count = next(replies)

    def _lines_received(self, index: int, event: Received, single: bool) -> Iterator[int]:
        """The rows of the lines that end in this event, as they come in view."""
        data, tls = event.data, event.tls
        start = data.find(b"\n") + 1
        if start and self._open is not None:
            row = self._add(Kind.RECEIVED, *self._open[:2], self._open[2] + start, tls)
            self._find_octets(row)
            self._open = None
            yield row
        else:
            start = 0
        if not single:
            lines = data[start:].split(b"\n")[:-1]
            for row in self._add_lines(Kind.RECEIVED, index, start, [len(line) + 1 for line in lines], tls):
                self.shown.append(row)
                yield row
            start = data.rfind(b"\n") + 1
        place, hides = self.recorder.place(index), bool(event.secrets)
        while (stop := data.find(b"\n", start) + 1) > 0:
            row = self._add(Kind.RECEIVED, index, start, stop - start, tls)
            self._follows(row, place + start, stop - start)
            if hides:
                self.secret.add(row)
            start = stop
            yield row
        if start < len(data):
            first, offset, length = self._open or (index, start, 0)
            self._open = (first, offset, length + len(data) - start)

    def _in_reply(self, row: int) -> None:
        self._reply.append(row)
        self.first[row] = self._reply[0]

    def _reply_ended(self, index: int, answer: Answer, machine: Machine) -> None:
        """Mark the rows of one reply, fold a long one, and say what is odd about it."""
        reply, pending, rows = answer.reply, answer.pending, self._reply
        first, last = rows[0], rows[-1]
        if pending is not None:
            self._ask(first, pending.sent, index)
        else:
            self.flags[first] |= BEGINS
        verb = "" if pending is None else pending.verb
        code = "" if reply.code is None else f"{reply.code} {reply.enhanced}" if reply.enhanced else str(reply.code)
        refused = reply.kind not in (2, 3)
        for row in rows:
            self._name(self.verb, self.verbs, row, verb)
            self._name(self.code, self.codes, row, code)
            if refused:
                self.kind[row] = Kind.REFUSED
        self.flags[last] |= ENDS
        self._touch(first)
        if len(rows) > FOLDED_LINES:
            contiguous = last - first == len(rows) - 1
            self._fold(first, range(first + 1, last + 1) if contiguous else rows[1:])
        if last == first:
            rows.pop()
        else:
            self._reply = array("I")
        if pending is not None:
            if pending.kind == "AUTH":
                self._challenged = reply.code == 334
                if self._challenged and len(reply.lines) == 1:
                    self._decode(first, reply.lines[0].encode(), len("334 "))
            elif pending.member.name == "DOT" and machine.facts.hello == "LHLO":
                self._name_recipient(first, answer, machine)
        if answer.note:
            event, octets = self.end_of(last)
            self._say(Kind.NOTE, event, max(0, (octets or 0) - 1), answer.note)

    def _name_recipient(self, row: int, answer: Answer, machine: Machine) -> None:
        """Under LMTP the replies to the dot are the recipients', in order (RFC 2033 4.2)."""
        accepted = [recipient.path for recipient in machine.facts.recipients if (recipient.code or 0) // 100 == 2]
        replies = answer.pending.replies if answer.pending else []
        number = next((n for n, reply in enumerate(replies) if reply is answer.reply), len(accepted))
        if number < len(accepted):
            self.text[row] = f"  for {safe(accepted[number])}"

    # -- what we say

    def _sent(self, index: int, event: Sent, machine: Machine, text_mode: bool) -> None:
        data = event.data
        if text_mode and machine.facts.streaming:
            self._message_text(index, event)
            return
        if not text_mode:
            self._lines_sent(index, event, 0, len(data))
        elif not any(entry.kind == "DOT" and not entry.perhaps for entry in machine.pending):
            self._lines_sent(index, event, 0, len(data), text=True)
        else:
            end = max(0, data.find(b"\r\n.\r\n") + 2) if b"\r\n.\r\n" in data else 0
            self._lines_sent(index, event, 0, end, text=True)
            self._unended = -1  # what is left of typed text before the dot is a row although it has no line end
            self._lines_sent(index, event, end, len(data))

    def _lines_sent(self, index: int, event: Sent, start: int, end: int, text: bool = False) -> None:
        """One row for each line; one that has no end yet is a row too, and grows with what goes out next."""
        data, place = event.data, self.recorder.place(index)
        while start < end:
            stop = data.find(b"\n", start, end) + 1 or end
            row, line = self._unended, b""
            if row < 0:
                row, line = self._add(Kind.SENT, index, start, stop - start, event.tls), data[start:stop]
                self._follows(row, place + start, stop - start)
            else:
                self.length[row] += stop - start
                self._touch(row)
            if event.secrets:
                self.secret.add(row)
            if data[stop - 1] == 10:
                self._unended = -1
                if text:
                    self.verb[row] = self.verbs.number("DATA")
                else:
                    self._line_sent(row, line or self.octets(row, _LINE_READ))
            elif self._unended < 0:
                self._unended = row
                self._alone(row)
            start = stop

    def _line_sent(self, row: int, line: bytes) -> None:
        """What a line of ours is: a command, part of a chunk, or a response."""
        if self._chunk_left:
            self._chunk_left = max(0, self._chunk_left - self.length[row])
            self.verb[row] = self.verbs.number("BDAT")
        elif self._challenged:
            self._challenged = False
            self.verb[row] = self.verbs.number("AUTH")
            self._decode(row, line.strip(), 0)
        else:
            self._command_sent(row, line)

    def _command_sent(self, row: int, line: bytes) -> None:
        self.flags[row] |= BEGINS
        words = line.split(None, 3)
        verb = words[0].upper().decode("latin-1") if words else ""
        self._name(self.verb, self.verbs, row, "DOT" if verb == "." else verb)
        if verb == "AUTH" and len(words) > 1:
            self._mechanism = words[1].upper().decode("latin-1")
            if len(words) > 2:
                self._decode(row, words[2], line.find(words[2], line.find(words[1]) + len(words[1])))
        elif verb == "BDAT":
            self._chunk_left = bdat_size(line.rstrip())

    def _message_text(self, index: int, event: Sent) -> None:
        length = len(event.data)
        if self._stream < 0:
            self._stream = self._add(Kind.TEXT, index, 0, length, event.tls)
            self._alone(self._stream)
            self.verb[self._stream] = self.verbs.number("DATA")
            self.groups[self._stream] = Group(self._stream, ())
            self._lines = 0
        else:
            self.length[self._stream] = min(LONGEST, self.length[self._stream] + length)
        self._lines += event.data.count(b"\n")

    # -- folds

    def _decode(self, head: int, token: bytes, at: int) -> None:
        """A row beneath ``head`` for what the base64 in it says; it begins with octet ``at`` of the row."""
        if not token.strip(FILLER):
            return  # of a kept session: the secret itself is not there
        secret = any(start < at + len(token) and at < end for start, end in self._told_secret(head))
        said = decoded(self._mechanism, token, secret, self.redactor)
        if said is None:
            return
        event, octets = self.end_of(head)
        row = self._add(Kind.DECODED, event, max(0, (octets or 0) - 1), 0, bool(self.tls[head]))
        self.text[row], self.first[row] = said, head
        self.verb[row] = self.verb[head]
        self.groups[head] = Group(head, range(row, row + 1), open=True)
        del self.shown[-1]
        place = bisect_left(self.shown, head, key=self._top)
        self.shown.insert(place + 1, row)
        self.changed = min(self.changed, place)


def _replies(answers: list[Answer]) -> Iterator[tuple[Answer | None, int]]:
    """Replies, and how many lines each has; pieces of a line that is too long are told by its last one."""
    for answer in answers:
        if count := answer.reply.raw.count(b"\n"):
            yield answer, count
    while True:
        yield None, 0
