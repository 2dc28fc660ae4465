"""The log's rows as the widget takes them: a row of the session's log, made when it comes into view."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence

from smtpscope.session.log import Kind, Log, Spans
from smtpscope_widgets.rows import Row
from smtpscope_widgets.spans import wall, with_hits

_KINDS = {
    Kind.SENT: "sent",
    Kind.RECEIVED: "received",
    Kind.REFUSED: "refused",
    Kind.NOTE: "note",
    Kind.FAULT: "refused",
    Kind.DIVIDER: "divider",
    Kind.QUESTION: "question",
    Kind.TEXT: "sent",
    Kind.TEXT_LINE: "sent",
    Kind.DECODED: "note",
}
TIMES = ("connect", "before", "wall")
"""The time formats, in the order in which they are gone through."""


class LogRows:
    """A row provider on a log: its places are those of the rows shown, or of those that a filter lets through."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.time = TIMES[0]
        self.pattern: re.Pattern[str] | None = None
        """What a search looks for: it is shown in the rows."""
        self.filtered: Sequence[int] | None = None
        """Ids of rows, in order; None for all that are not folded away."""

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the rows, in the order of their places."""
        return self.log.shown if self.filtered is None else self.filtered

    def id(self, place: int) -> int:
        """The id of the row at a place, -1 for none."""
        ids = self.ids
        return ids[place] if 0 <= place < len(ids) else -1

    def place(self, row: int) -> int:
        """The place of a row; of one that a filter keeps away the nearest. A row that is folded away is unfolded."""
        if self.filtered is None:
            return self.log.place(row)
        at = bisect_left(self.filtered, row)
        if at == len(self.filtered) or (at > 0 and row - self.filtered[at - 1] < self.filtered[at] - row):
            at -= 1
        return max(0, at)

    def changed_from(self, place: int) -> int:
        """The place here of what stands at ``place`` of all rows shown."""
        if self.filtered is None or place >= len(self.log.shown):
            return place
        return bisect_left(self.filtered, self.log.shown[place])

    def row(self, index: int, /) -> Row:
        """The row at a place."""
        return self.made(self.id(index))

    def made(self, row: int) -> Row:
        """The row of an id."""
        log = self.log
        group = log.groups.get(row) if self.filtered is None else None
        fold = "" if group is None else "open" if group.open else "closed"
        spans = log.spans(row, whole=self.filtered is not None)
        if self.pattern is not None:
            spans = with_hits(spans, hits(self.pattern, spans))
        note = log.mark_of(row)
        flag = "" if note is None else "*"
        return Row(
            log.clock(row, self.time), log.marks(row), spans, _KINDS[Kind(log.kind[row])], fold, flag, note or ""
        )

    def text(self, row: int) -> str:
        """The row of an id as one line: time, direction and TLS, what it says, the user's note."""
        made = self.made(row)
        note = f"  * {made.note}".rstrip() if made.flag else ""
        return wall(f"{made.time:>9} {made.marks:<3}  {''.join(text for text, _ in made.spans)}{note}")


def hits(pattern: re.Pattern[str], spans: Spans) -> list[tuple[int, int]]:
    """Where a pattern finds something in what a row says."""
    text = "".join(text for text, _ in spans)
    return [match.span() for match in pattern.finditer(text) if match.end() > match.start()]
