"""The session as a line of time: where rows lie on it, which are worth a tick, and what a recording is called."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from smtpscope.session.log import Log
from smtpscope.session.rows import BEGINS, BEHIND, Kind
from smtpscope.tui.picture_state import duration
from smtpscope_widgets.seek_bar import Tick

if TYPE_CHECKING:
    from smtpscope.session.schema import Header

PIECES = 256
"""Into how many pieces the time is cut; a piece has one tick of a kind at most."""

_FAULTS = re.compile(b"[" + re.escape(bytes([Kind.REFUSED, Kind.FAULT])) + b"]")
_BEGINNINGS = re.compile(b"[" + re.escape(bytes(flags for flags in range(256) if flags & BEGINS)) + b"]")


class Seek:
    """A log by time: positions from 0, its first row, to 1, its last. Connections follow each other by the wall clock.

    It looks for ticks anew only when there are more rows or other marks.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._rows: dict[float, int] = {}  # by the position of a tick
        self._ticks: list[Tick] = []
        self._seen = (-1, -1)

    def moment(self, row: int) -> float:
        """When a row was, in seconds since the Unix epoch."""
        return self._log.wall(row) + self._log.time[row]

    @property
    def length(self) -> float:
        """Seconds from the first row to the last."""
        shown = self._log.shown
        return max(0.0, self.moment(shown[-1]) - self.moment(shown[0])) if len(shown) else 0.0

    def position(self, row: int) -> float:
        """Where a row lies."""
        length = self.length
        return min(1.0, max(0.0, (self.moment(row) - self.moment(self._log.shown[0])) / length)) if length else 0.0

    def row(self, position: float) -> int:
        """The last row that was there by ``position``, or the row of the tick there; -1 if there is no row at all."""
        shown = self._log.shown
        if position >= 1.0 or not len(shown):
            return shown[-1] if len(shown) else -1
        if position in self._rows:
            return self._rows[position]
        return shown[max(0, bisect_right(shown, position, key=self.position) - 1)]

    @property
    def ends(self) -> tuple[str, str]:
        """What the beginning and the end are called."""
        return ("0", duration(self.length)) if self.length else ("", "")

    def ticks(self) -> list[Tick]:
        """Where exchanges begin, what was refused or failed, and what the user has marked; in order."""
        log = self._log
        if self._seen != (len(log), log.marking):
            self._seen = (len(log), log.marking)
            found = [*((row, "step") for row in self._firsts(log.flags, _BEGINNINGS))]
            found += ((row, "fault") for row in self._firsts(log.kind, _FAULTS))
            found += ((row, "mark") for row in log.marked)
            placed = [(Tick(self.position(row), kind), row) for row, kind in found]
            self._rows = {tick.position: row for tick, row in placed}
            self._ticks = sorted(tick for tick, _ in placed)
        return self._ticks

    def _firsts(self, column: bytearray, wanted: re.Pattern[bytes]) -> Iterator[int]:
        """The first row of each piece of time whose value in ``column`` is wanted."""
        log, row = self._log, 0
        for _ in range(PIECES):
            found = wanted.search(column, row)
            if found is None or not self.length:
                return
            row = found.start()
            yield row
            end = (int(self.position(row) * PIECES) + 1) / PIECES
            place = bisect_left(log.shown, end, key=self.position)
            while place < len(log.shown) and log.flags[log.shown[place]] & BEHIND:  # its id is not in order
                place += 1
            if place == len(log.shown):
                return
            row = max(row + 1, log.shown[place])


def called(header: Header | None) -> str:
    """What a recording is, for the header of the screen: ``recording of 2026-11-22 10:31, read-only``."""
    if header is None:
        return "recording, read-only"
    return f"recording of {datetime.fromtimestamp(header.started):%Y-%m-%d %H:%M}, read-only"
