"""Rows as strips: columns, then the text, cut to the view, moved sideways, or wrapped.

Only the last ones are kept: a few screens.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual.cache import LRUCache
from textual.strip import Strip

from smtpscope_widgets.rows import Row, RowProvider
from smtpscope_widgets.spans import Spans, broken, cells, cut, to_segments, wall, without

ROW_KINDS = ("sent", "received", "note", "refused", "divider", "question")
SPAN_KINDS = ("time", "marks", "fold", "control", "more", "hidden", "hit", "mark")
KEPT = 256
"""Rows that are kept drawn: a few screens; more only gives the garbage collector more to walk."""
NARROWEST = 12
"""Cells of text below which nothing is wrapped: a row would fill the view."""
_PLAIN = Style(underline=False)


class Line(NamedTuple):
    """A line of a row as it is drawn, without cursor, selection and base style."""

    strip: Strip
    lead: int
    """Cells before the row's text."""
    before: int
    """Characters of the row that stand before this line's text: columns, and text left of it or in lines above."""
    fold: int
    """The cell where its fold mark begins, -1 if it has none."""


class RowStrips:
    """Draws the rows of a provider. What is set here holds for rows drawn from then on: ``forget`` those before."""

    def __init__(self, provider: RowProvider, style: Callable[[str], Style], ascii_only: bool) -> None:
        """``style`` gives the style of a kind."""
        self.provider = provider
        self.width = 0
        self.left = 0
        """Cells of the text that are left of the view; 0 where rows wrap."""
        self.wrap = False
        self.columns: tuple[int, ...] = (0, 0, 0)
        """Widths of flag, time and marks: the widest seen so far."""
        self.widened = False
        """Whether the columns have become wider since the owner set it back."""
        self.drawn = 0
        """Counts how often rows were forgotten."""
        self._style = style
        self._cut, self._rule, self._more = ("...", "-", "<") if ascii_only else ("…", "─", "…")
        self._folds = {"closed": ">", "open": "v"} if ascii_only else {"closed": "▸", "open": "▾"}
        self._made_styles: dict[str, dict[str, Style]] = {}
        self._lines: LRUCache[int, list[Line]] = LRUCache(KEPT)

    def forget(self, first: int = 0) -> None:
        """Rows from ``first`` on are to be drawn anew."""
        self.drawn += 1
        if first == 0:
            self._lines.clear()
            return
        for index in list(self._lines.keys()):
            if index >= first:
                self._lines.discard(index)

    def forget_styles(self) -> None:
        """Other colours: nothing drawn before is good."""
        self._made_styles.clear()
        self.forget()

    def lines(self, index: int) -> list[Line]:
        """A row as it is drawn, one line at least, each as wide as the view."""
        if (lines := self._lines.get(index)) is None:
            lines = self._lines[index] = self._drawn(self.provider.row(index))
        return lines

    def text(self, index: int) -> str:
        """A row whole, as it would be drawn without a cut."""
        row = self.provider.row(index)
        return "".join(wall(text) for text, _ in [*self._lead(row), *row.spans, *_note(row)])

    def text_cells(self, index: int) -> int:
        """How many cells the text of a row takes, without what stands in front."""
        row = self.provider.row(index)
        return cells([*row.spans, *_note(row)])

    @property
    def room(self) -> int:
        """Cells for the text, behind the columns as wide as they are now."""
        return self.width - (1 + sum(self.columns) + 3)

    def _lead(self, row: Row) -> Spans:
        """What stands before a row's text: the cursor's cell, flag, time, marks; in columns as wide as the widest."""
        flag, time, marks = wall(row.flag), wall(row.time), wall(row.marks)
        widths = (len(flag), len(time), len(marks))
        columns = self.columns
        if any(width > column for width, column in zip(widths, columns, strict=True)):
            self.columns = columns = (
                max(widths[0], columns[0]),
                max(widths[1], columns[1]),
                max(widths[2], columns[2]),
            )
            self.widened = True
            self.forget()
        return [
            (" ", "time"),
            (flag.ljust(columns[0]), "mark"),
            (time.rjust(columns[1]) + " ", "time"),
            (marks.ljust(columns[2]) + "  ", "marks"),
        ]

    def _drawn(self, row: Row) -> list[Line]:
        lead = self._lead(row)
        fold: Spans = [(f" {self._folds[row.foldable]}", "fold")] if row.foldable else []
        taken, chars = cells(lead), sum(len(text) for text, _ in lead)
        room, styles = self.width - taken, self._styles(row)
        if self.wrap and room >= NARROWEST:
            pieces = broken([*row.spans, *_note(row), *fold], room)
            starts = [0]
            for piece in pieces:
                starts.append(starts[-1] + sum(len(text) for text, _ in piece))
        else:
            piece, start = self._window(row, room - cells(fold))
            pieces, starts = [[*piece, *fold]], [start]
        if row.kind == "divider" and (rest := room - cells(pieces[-1]) - 1) > 0:
            pieces[-1] = [*pieces[-1], (" " + self._rule * rest, "text")]
        lines: list[Line] = []
        for number, piece in enumerate(pieces):
            front: Spans = lead if not number else [(" " * taken, "time")]
            strip = Strip(to_segments([*front, *piece], styles)).crop_extend(0, self.width, Style.null())
            mark = min(self.width, taken + cells(piece)) - 2 if fold and number == len(pieces) - 1 else -1
            lines.append(Line(strip, taken, chars + starts[number], mark))
        return lines

    def _window(self, row: Row, room: int) -> tuple[Spans, int]:
        """What is in view of a row's text in one line, and how many characters are left of it."""
        note = cut(_note(row), max(0, room // 2), self._cut)
        spans, gone = row.spans, 0
        if self.left and spans:
            spans, gone = without(spans, self.left + 1)
            spans, gone = [(self._more, "more"), *spans], gone - 1
        return [*cut(spans, room - cells(note), self._cut), *note], gone

    def _styles(self, row: Row) -> dict[str, Style]:
        kind = row.kind if row.kind in ROW_KINDS else ""
        if (styles := self._made_styles.get(kind)) is None:
            styles = self._made_styles[kind] = self._make_styles(kind)
        return styles

    def _make_styles(self, row_kind: str) -> dict[str, Style]:
        own = self._style(row_kind) if row_kind else Style.null()
        styles = {kind: own + self._style(kind) for kind in SPAN_KINDS}
        plain = {"time": self._style("time"), "marks": styles["marks"] + _PLAIN, "mark": self._style("mark")}
        return styles | {"text": own} | plain


def _note(row: Row) -> Spans:
    return [(f"  {row.note}", "mark")] if row.note else []


def cell_of(line: Line, first: bool, char: int) -> int:
    """The cell of a line at which character ``char`` of its row is drawn, or where it would be, within the line."""
    text = line.strip.text
    if first and char <= line.before and (before := cell_len(text[:char])) < line.lead:
        return before
    shown = line.strip.crop(line.lead).text
    return line.lead + cell_len(shown[: max(0, char - line.before)])
