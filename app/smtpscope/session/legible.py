"""Rows that can be read: what each says, made when it comes into view, with secrets hidden."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from smtpscope.session import notes
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import HIDDEN, Redactor, merged
from smtpscope.session.rows import BEHIND, ENDS, WIRE, Kind, Rows
from smtpscope.visible import visible

Spans = list[tuple[str, str]]

TEXT_LINES = 5000
"""Lines of message text that an unfolded message shows."""
SHOWN = 2000
"""Octets of a line that a row shows; the whole is in the inspector."""
SLOW_LINE = 0.05
"""Seconds after which a continuation line shows a time of its own."""


class Legible(Rows):
    """Rows with their words."""

    def __init__(self, recorder: Recorder, redactor: Redactor) -> None:
        super().__init__(recorder)
        self.redactor = redactor
        self._walls: list[tuple[int, float]] = []  # the first row of each connection, and its time zero

    def _text_rows(self, head: int) -> Sequence[int]:
        """Rows for the lines of a message, made when it is first opened."""
        shown, first_new = len(self.shown), len(self)
        self._break()  # before there is a row: a search in another thread leaves these out
        for event, start, length in self._text_lines(head):
            row = self._add(Kind.TEXT_LINE, event, start, length, bool(self.tls[head]))
            self.first[row] = head
        rest = self.length[head] - sum(self.length[first_new:])
        if rest > 0:
            row = self._add(Kind.TEXT_LINE, self.event[head], 0, 0)
            self.first[row] = head
            self.text[row] = f"{rest:,} more bytes of this message are not shown"
        rows = range(first_new, len(self))
        self.flags[first_new:] = bytes([BEHIND]) * len(rows)
        self._break()
        del self.shown[shown:]
        return rows

    def _text_lines(self, head: int) -> Iterator[tuple[int, int, int]]:
        """Event, start and length of the first lines of a message."""
        begun: tuple[int, int] | None = None
        length = lines = 0
        whole = min(self.length[head], TEXT_LINES * 200)
        for event, start, taken in self.recorder.parts(self.event[head], self.start[head], whole):
            data, at = self.recorder.octets(event, start, taken), 0
            while at < len(data) and lines < TEXT_LINES:
                stop = data.find(b"\n", at) + 1
                begun = begun or (event, start + at)
                length += (stop or len(data)) - at
                at = stop or len(data)
                if stop:
                    yield *begun, length
                    begun, length, lines = None, 0, lines + 1
        if begun is not None:
            yield *begun, length

    def octets(self, row: int, limit: int | None = None) -> bytes:
        """The octets of a row, at most ``limit``; empty for rows that are not of the wire."""
        length = self.length[row] if limit is None else min(limit, self.length[row])
        return self.recorder.octets(self.event[row], self.start[row], length) if length else b""

    def hidden(self, row: int, data: bytes) -> list[tuple[int, int]]:
        """The places in a row's octets that must not be shown."""
        spans = self.redactor.spans(data) + self._told_secret(row)
        return [(a, min(b, len(data))) for a, b in merged(spans) if a < len(data)] if spans else []

    def _told_secret(self, row: int) -> list[tuple[int, int]]:
        """The places in a row's octets that were said to be secret as they went out."""
        spans, at = [], 0
        for event, start, length in self.recorder.parts(self.event[row], self.start[row], self.length[row]):
            for begin, end in self.recorder.secrets(event):
                if begin < start + length and end > start:
                    spans.append((at + max(0, begin - start), at + min(length, end - start)))
            at += length
        return spans

    def spans(self, row: int, *, whole: bool = False) -> Spans:
        """What a row says: octets made visible, without its plain line end, secrets hidden, then our own words.

        With ``whole`` it does not tell of rows folded behind it.
        """
        words = self.text.get(row, "")
        if self.kind[row] not in WIRE:
            return _with_hidden(words) if self.kind[row] == Kind.DECODED else [(words, "text")]
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
        if self.kind[row] not in (Kind.RECEIVED, Kind.REFUSED):
            return [row]
        rows = []
        for each in range(first, len(self)):
            if self.first[each] == first and self.kind[each] != Kind.DECODED:
                rows.append(each)
                if self.flags[each] & ENDS:
                    break
            elif self.kind[each] in (Kind.RECEIVED, Kind.REFUSED, Kind.DIVIDER):
                break
        return rows


def _with_hidden(words: str) -> Spans:
    before, hidden, after = words.partition(HIDDEN)
    return [span for span in ((before, "text"), (hidden, "hidden"), (after, "text")) if span[0]]
