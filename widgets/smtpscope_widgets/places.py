"""Where a view stands in rows of different heights, counted from the rows in view alone: no sums over all rows.

A place is a row and one of its lines. A million rows that wrap are scrolled through by walking a few of them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

Height = Callable[[int], int]
"""How many lines a row has, at least 1."""


class Place(NamedTuple):
    """A line of a row, both from 0."""

    row: int
    line: int = 0


FIRST = Place(0)


def end(rows: int, height: int, of: Height) -> Place:
    """Where a view of ``height`` lines begins that shows the last line of the last row at its bottom."""
    return back(Place(rows), height, of) if rows else FIRST


def back(place: Place, lines: int, of: Height) -> Place:
    """So many lines before ``place``, or the first line of all."""
    row, line = place
    while lines > line and row > 0:
        lines -= line
        row -= 1
        line = of(row)
    return Place(row, max(0, line - lines))


def forth(place: Place, lines: int, rows: int, of: Height) -> Place:
    """So many lines behind ``place``, or the last line of all."""
    row, line = place[0], place.line + lines
    while row < rows and line >= (height := of(row)):
        if row == rows - 1:
            return Place(row, height - 1)
        line -= height
        row += 1
    return Place(row, line)


def moved(place: Place, lines: int, rows: int, of: Height) -> Place:
    """``lines`` behind ``place``, or before it if they are negative."""
    return forth(place, lines, rows, of) if lines >= 0 else back(place, -lines, of)


def in_view(place: Place, rows: int, height: int, of: Height) -> list[Place]:
    """The lines that a view of ``height`` lines shows from ``place`` on."""
    found: list[Place] = []
    row, line = place
    while row < rows and len(found) < height:
        found += [Place(row, each) for each in range(line, of(row))]
        row, line = row + 1, 0
    return found[:height]
