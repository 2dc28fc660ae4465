"""The log's rows as the widget takes them: a row of the session's log, made when it comes into view."""

from __future__ import annotations

from smtpscope.session.log import Kind, Log
from smtpscope_widgets.rows import Row

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
    """A row provider on a log."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.time = TIMES[0]

    def __len__(self) -> int:
        return len(self.log.shown)

    def row(self, index: int, /) -> Row:
        """The row at place ``index`` of those shown."""
        log = self.log
        row = log.shown[index]
        group = log.groups.get(row)
        fold = "" if group is None else "open" if group.open else "closed"
        return Row(log.clock(row, self.time), log.marks(row), log.spans(row), _KINDS[Kind(log.kind[row])], fold)
