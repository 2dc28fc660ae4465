"""The log's rows as the widget takes them: a row of the session's log, made when it comes into view."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from smtpscope.session.filter import Filter
from smtpscope.session.log import Kind, Log, Spans
from smtpscope.session.search import Found
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

Finder = Callable[[str], Iterable[Found]]
"""What a search looks for, in a text; TimeoutError where it would take too long."""


class LogRows:
    """A row provider on a log: its places are those of the rows shown, or of those that a filter lets through."""

    def __init__(self, log: Log) -> None:
        self.log = log
        self.time = TIMES[0]
        self.finder: Finder | None = None
        """Finds what a search looks for: it is shown in the rows."""
        self._filter: Filter | None = None
        self._taken: tuple[int, ...] = ()  # what the filter was up to date with
        self._changed = 0  # the first of its places that has changed since that was asked

    @property
    def filter(self) -> Filter | None:
        """What is shown of the rows; None for all that are not folded away."""
        return self._filter

    @filter.setter
    def filter(self, filter: Filter | None) -> None:
        self._filter, self._taken, self._changed = filter, (), 0

    @property
    def stale(self) -> bool:
        """Whether rows have come, changed or been marked since this was asked the last time."""
        log = self.log
        state = (len(log), log.settled, log.marking, log.redactor.forms)
        if state == self._taken:
            return False
        self._taken = state
        return True

    def __len__(self) -> int:
        if self._filter is not None and not self._filter.slow and self.stale:
            self._filter.update()
            self._changed = min(self._changed, self._filter.changed)
        return len(self.ids)

    @property
    def ids(self) -> Sequence[int]:
        """The ids of the rows, in the order of their places."""
        return self.log.shown if self._filter is None else self._filter.rows

    def id(self, place: int) -> int:
        """The id of the row at a place, -1 for none."""
        ids = self.ids
        return ids[place] if 0 <= place < len(ids) else -1

    def place(self, row: int) -> int:
        """The place of a row; of one that a filter keeps away the nearest. A row that is folded away is unfolded."""
        if self._filter is None:
            return self.log.place(row)
        rows, at = self._filter.rows, self._filter.place(row)
        if at == len(rows) or (at > 0 and row - rows[at - 1] < rows[at] - row):
            at -= 1
        return max(0, at)

    def changed_from(self, place: int) -> int:
        """The first place here that has changed since this was asked, if ``place`` is that of all rows shown."""
        if self._filter is None:
            return place
        count = len(self)
        row = self.log.shown[place] if place < len(self.log.shown) else len(self.log)
        changed, self._changed = min(self._changed, self._filter.place(row)), count
        return changed

    def row(self, index: int, /) -> Row:
        """The row at a place."""
        return self.made(self.id(index))

    def made(self, row: int) -> Row:
        """The row of an id."""
        log = self.log
        group = log.groups.get(row) if self._filter is None else None
        fold = "" if group is None else "open" if group.open else "closed"
        spans = log.spans(row, whole=self._filter is not None)
        if self.finder is not None:
            spans = with_hits(spans, self._hits(self.finder, spans))
        note = log.mark_of(row)
        flag = "" if note is None else "*"
        return Row(
            log.clock(row, self.time), log.marks(row), spans, _KINDS[Kind(log.kind[row])], fold, flag, note or ""
        )

    def _hits(self, finder: Finder, spans: Spans) -> list[tuple[int, int]]:
        """Where something is found in what a row says; what takes too long is not looked for any more."""
        text = "".join(text for text, _ in spans)
        try:
            return [(match.start(), match.end()) for match in finder(text) if match.end() > match.start()]
        except TimeoutError:
            self.finder = None
            return []

    def text(self, row: int) -> str:
        """The row of an id as one line: time, direction and TLS, what it says, the user's note."""
        made = self.made(row)
        note = f"  * {made.note}".rstrip() if made.flag else ""
        return wall(f"{made.time:>9} {made.marks:<3}  {''.join(text for text, _ in made.spans)}{note}")
