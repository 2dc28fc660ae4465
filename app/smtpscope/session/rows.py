"""The table of the wire log: columns of numbers, one row each, and which rows are shown.

Rows have ids in the order of coming. A row holds no text, only where its octets are in the recording.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import accumulate

from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Marked

LONGEST = (1 << 32) - 1
"""Octets at which a row's length stops to count: only a message text gets so far."""
_MANY = 255  # the number of all names that find no number of their own


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
    DECODED = 9
    """What the base64 of the row above says."""


WIRE = frozenset({Kind.SENT, Kind.RECEIVED, Kind.REFUSED, Kind.TEXT_LINE})
"""Kinds whose rows are octets of the wire."""

BEGINS, ENDS, BEHIND = 1, 2, 4
"""Flags of a row: it begins an exchange; it is the last of a reply; it is there only while its message is open."""


@dataclass(slots=True)
class Group:
    """Rows that fold: ``rows`` are those behind the head."""

    head: int
    rows: Sequence[int]
    open: bool = False


class Names:
    """Numbers from 1 to 254 for the first names that come, 255 for all others; 0 is none."""

    def __init__(self) -> None:
        self.numbers: dict[str, int] = {"": 0}
        self.others: dict[int, str] = {}
        """The names of those rows whose number is 255."""

    def number(self, name: str) -> int:
        """The number of ``name``."""
        number = self.numbers.get(name)
        if number is None:
            if len(self.numbers) >= _MANY:
                return _MANY
            number = self.numbers[name] = len(self.numbers)
        return number


class Times:
    """A time for each row: that of an event, by a column of event numbers, or one of its own; -1 for none.

    ``base`` is the number in the column that stands for event 0.
    """

    def __init__(self, recorder: Recorder, events: array[int], base: int) -> None:
        self.own: dict[int, float] = {}
        self._recorder = recorder
        self._events = events
        self._base = base

    def __getitem__(self, row: int) -> float:
        if self.own and (time := self.own.get(row)) is not None:
            return time
        event = self._events[row] - self._base
        return self._recorder.times[event] if event >= 0 else -1.0


class Rows(ABC):
    """Columns by row id, and ``shown``: the ids in view order, without what is folded away."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.kind = bytearray()
        self.tls = bytearray()
        self.flags = bytearray()
        self.verb = bytearray()
        """The number in ``verbs`` of the command that a row is of or answers."""
        self.code = bytearray()
        """The number in ``codes`` of the reply that a row is of: ``550`` or ``550 5.1.1``."""
        self.event = array("I")
        """The event in which the row begins."""
        self.start = array("I")
        """The octet of that event with which it begins."""
        self.length = array("I")
        self.time = Times(recorder, self.event, 0)
        self.first = array("I")
        """The id of the first row of the same reply or group; its own for all else."""
        self._asked_by = array("I")  # the event with the time of ``asked``, plus 1
        self.asked = Times(recorder, self._asked_by, 1)
        """When the command went out that a reply answers, on its first row; negative where there is none."""
        self.shown = array("I")
        self.verbs = Names()
        self.codes = Names()
        self.text: dict[int, str] = {}
        """What a row says that is not octets of the wire, or says behind them; printable."""
        self.groups: dict[int, Group] = {}
        self.marked: dict[int, str] = {}
        """The rows that the user has marked, and the notes to them."""
        self.marking = 0
        """How often a mark was put or taken away."""
        self.changed = 0
        """The first place of ``shown`` that has changed since the screen looked; it sets it back to the end."""
        self.breaks = array("I")
        """Ids of rows, in order, whose octets do not follow those of the rows before them in the recording."""
        self.pieces: set[int] = set()
        """Rows whose octets are to be read for themselves: they are not in one piece, or not one line."""
        self.secret: set[int] = set()
        """Rows of octets that hold what an event says is secret."""
        self._opened = 0  # the event that opened this connection
        self._newest = 0  # the last event that a row begins in
        self._late = array("I")  # ids of rows that begin in an earlier event than a row before them
        self._late_behind = array("I")  # and the last event that a row before them begins in
        self._expected = 0  # where the octets of the next row begin, if nothing is between

    def __len__(self) -> int:
        return len(self.kind)

    def _add(self, kind: Kind, event: int, start: int, length: int, tls: bool = False) -> int:
        row = len(self.kind)
        if event < self._newest:
            self._late.append(row)
            self._late_behind.append(self._newest)
        else:
            self._newest = event
        self.tls.append(tls)
        self.flags.append(0)
        self.verb.append(0)
        self.code.append(0)
        self.event.append(event)
        self.start.append(start)
        self.length.append(length)
        self.first.append(row)
        self._asked_by.append(0)
        self.shown.append(row)
        self.kind.append(kind)  # last: the row is whole now
        return row

    def _add_lines(self, kind: Kind, event: int, start: int, lengths: list[int], tls: bool) -> range:
        """One row for each line of many in one event, begun with octet ``start``; they are not shown yet."""
        count, first = len(lengths), len(self.kind)
        rows = range(first, first + count)
        self._newest = event
        self._follows(first, self.recorder.place(event) + start, sum(lengths))
        self.tls.extend(bytes([tls]) * count)
        for column in (self.flags, self.verb, self.code):
            column.extend(bytes(count))
        self.event.extend(array("I", (event,)) * count)
        self.start.extend(array("I", accumulate(lengths[:-1], initial=start)))
        self.length.extend(array("I", lengths))
        self.first.extend(array("I", rows))
        self._asked_by.extend(array("I", bytes(4 * count)))
        self.kind.extend(bytes([kind]) * count)
        return rows

    def _ask(self, row: int, sent: float, before: int) -> None:
        """Row ``row`` answers what went out at ``sent``, in an event before ``before``."""
        event = bisect_left(self.recorder.times, sent, self._opened, before)
        if event < before and self.recorder.times[event] == sent:
            self._asked_by[row] = event + 1
        else:
            self.asked.own[row] = sent

    def _name(self, column: bytearray, names: Names, row: int, name: str) -> None:
        """Put ``name`` into a column of numbers."""
        number = column[row] = names.number(name)
        if number == _MANY:
            names.others[row] = name

    # -- where the octets are, for who reads all of them

    def _follows(self, row: int, place: int, length: int) -> None:
        """The octets of a new row are in one piece, at ``place`` in the recording."""
        if place != self._expected and (not self.breaks or self.breaks[-1] != row):
            self.breaks.append(row)
        self._expected = place + length

    def _alone(self, row: int) -> None:
        """The octets of ``row``, the last one, are not in one piece, or not one line."""
        self.pieces.add(row)
        if not self.breaks or self.breaks[-1] != row:
            self.breaks.append(row)
        self._break()

    def _break(self) -> None:
        """The octets of the next row do not follow those of the rows so far."""
        if not self.breaks or self.breaks[-1] != len(self):
            self.breaks.append(len(self))
        self._expected = -1

    def end_of(self, row: int) -> tuple[int, int | None]:
        """Where ``row`` ends: an event, and how many of its octets; None where the whole event counts."""
        if not self.length[row]:
            if self.flags[row] & BEHIND:
                return self.end_of(self.first[row])
            event = self.event[row]
            return event, self.start[row] + 1 if self.recorder.is_wire(event) else None
        end: tuple[int, int | None] = (self.event[row], None)
        for event, start, length in self.recorder.parts(self.event[row], self.start[row], self.length[row]):
            end = (event, start + length)
        return end

    # -- finding rows

    def row_of(self, event: int, start: int = 0) -> int:
        """The row that begins with octet ``start`` of event ``event``, else the one that has it; -1 for none."""
        found = -1
        for row in self._near(event):
            if self.event[row] == event and self.start[row] == start and self.length[row]:
                return row
            if self.event[row] == event and self.start[row] == start and found < 0:
                found = row
        return found if found >= 0 else self._holding(event, start)

    def _near(self, event: int) -> list[int]:
        """The rows that begin in ``event``, in order."""
        rows = range(len(self))
        begin = bisect_left(rows, event, key=self._order)
        result = []
        for row in range(begin, len(rows)):
            if self.event[row] == event:
                result.append(row)
            elif self.event[row] > event:
                break
        late = [row for row in self._late if self.event[row] == event]
        return sorted({*result, *late})

    def _order(self, row: int) -> int:
        """The event of a row, or of a later row if that came before it: it never falls from row to row."""
        at = bisect_left(self._late, row)
        return self._late_behind[at] if at < len(self._late) and self._late[at] == row else self.event[row]

    def _holding(self, event: int, start: int) -> int:
        """The row that began before octet ``start`` of ``event`` and ends behind it."""
        if event >= len(self.recorder) or not self.recorder.is_wire(event):
            return -1
        begin: int = bisect_left(range(len(self)), event + 1, key=self._order)
        for row in range(min(begin + 64, len(self)) - 1, max(-1, begin - 4096), -1):
            if not self.length[row] or self.event[row] > event:
                continue
            parts = self.recorder.parts(self.event[row], self.start[row], self.length[row])
            if any(at == event and first <= start < first + length for at, first, length in parts):
                return row
        return -1

    def place(self, row: int) -> int:
        """The place of ``row`` among those shown; its group is opened if need be."""
        head = self._top(row)
        at: int = bisect_left(self.shown, head, key=self._top)
        if head == row:
            return at
        group = self.groups[head]
        if not group.open:
            self.toggle(at, True)
        return at + 1 + bisect_left(group.rows, row)

    def _top(self, row: int) -> int:
        """The head of the group that a row is in, else the row."""
        first = self.first[row]
        return first if first in self.groups else row

    def next_exchange(self, row: int, step: int) -> int:
        """The next row (``step`` 1) or the one before (-1) that begins an exchange; -1 for none."""
        row += step
        while 0 <= row < len(self):
            if self.flags[row] & BEGINS:
                return row
            row += step
        return -1

    # -- marks

    def mark_of(self, row: int) -> str | None:
        """The note to a marked row, which may be empty; None if the row has no mark."""
        return self.marked.get(row)

    def mark(self, event: Marked) -> None:
        """Put a mark, or take it away."""
        row = self.row_of(event.event, event.start)
        if row < 0:
            return
        if event.on:
            self.marked[row] = event.note
        else:
            self.marked.pop(row, None)
        self.marking += 1
        self._touch(row)

    # -- what is shown

    def _touch(self, row: int) -> None:
        """A row that may be shown already says something else now."""
        if self.shown and self.shown[-1] == row:
            self.changed = min(self.changed, len(self.shown) - 1)
        else:
            self.changed = min(self.changed, bisect_left(self.shown, self._top(row), key=self._top))

    def toggle(self, place: int, open: bool) -> None:
        """Open or close the group whose head is shown at ``place``."""
        group = self.groups.get(self.shown[place])
        if group is None or group.open == open:
            return
        if self.kind[group.head] == Kind.TEXT and not group.rows:
            group.rows = self._text_rows(group.head)
        group.open = open
        if open:
            self.shown[place + 1 : place + 1] = array("I", group.rows)
        else:
            del self.shown[place + 1 : place + 1 + len(group.rows)]
        self.changed = min(self.changed, place)

    @abstractmethod
    def _text_rows(self, head: int) -> Sequence[int]:
        """Rows for the lines of a message, made when it is first opened."""

    def _fold(self, head: int, rows: Sequence[int]) -> None:
        """Take the rows behind a new head out of view; they are among the last."""
        shown = self.shown
        place = bisect_left(shown, head, key=self._top)
        self.groups[head] = Group(head, rows)
        if shown[-len(rows) :] == array("I", rows):
            del shown[-len(rows) :]
        else:
            away = set(rows)
            shown[place + 1 :] = array("I", (row for row in shown[place + 1 :] if row not in away))
        self.changed = min(self.changed, place)
