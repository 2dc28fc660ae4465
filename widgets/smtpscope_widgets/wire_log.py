"""WireLog: a log of any length, drawn from a row provider that is asked only for the rows in view.

Two things stay where they are as rows come: a view that is at the end (``follow``), and a cursor that is on the last
row. Both let go when the user moves up, and take hold again at the end.
"""

from __future__ import annotations

from typing import ClassVar

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip

from smtpscope_widgets import places
from smtpscope_widgets.places import Place
from smtpscope_widgets.row_view import RowView
from smtpscope_widgets.rows import Row, RowProvider

__all__ = ["Row", "RowProvider", "WireLog"]

_BRIGHT = Style(dim=False)
_HIT_UNDER_CURSOR = Style(reverse=False, underline=True)
STEP = 8
"""Cells that an arrow moves the text."""


class WireLog(RowView, can_focus=True):
    """The log: a cursor in the window, rows that are selected from it on, and groups that fold."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row, and follow", show=False),
        Binding("right", "right", "Unfold, or see what is right of the view", show=False),
        Binding("left", "left", "Fold, or see what is left of the view", show=False),
        Binding("shift+right", "sideways(1)", "Half a view to the right", show=False),
        Binding("shift+left", "sideways(-1)", "Half a view to the left", show=False),
        Binding("shift+up", "select('move', -1)", "Select up", show=False),
        Binding("shift+down", "select('move', 1)", "Select down", show=False),
        Binding("shift+pageup", "select('page', -1)", "Select a page up", show=False),
        Binding("shift+pagedown", "select('page', 1)", "Select a page down", show=False),
        Binding("shift+home", "select('first')", "Select to the first row", show=False),
        Binding("shift+end", "select('last')", "Select to the last row", show=False),
        Binding("enter", "choose", "Open", show=False),
    ]

    class RowMessage(Message):
        """Something about one row of ``log``."""

        def __init__(self, log: WireLog, row: int) -> None:
            super().__init__()
            self.log = log
            self.row = row

        @property
        def control(self) -> WireLog:
            """The log it came from."""
            return self.log

    class CursorMoved(RowMessage):
        """The cursor is on another row now, by the user, by its owner or by new rows."""

        def can_replace(self, message: Message) -> bool:
            """Only the last one counts."""
            return isinstance(message, WireLog.CursorMoved) and message.log is self.log

    class RowChosen(RowMessage):
        """Enter or a double click on a row."""

    class FoldToggled(RowMessage):
        """The user wants a foldable row open or closed; the provider changes, then ``refresh_rows`` is called."""

        def __init__(self, log: WireLog, row: int, open: bool) -> None:
            super().__init__(log, row)
            self.open = open

    def __init__(
        self,
        provider: RowProvider | None = None,
        *,
        ascii_only: bool = False,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(provider, ascii_only=ascii_only, id=id, classes=classes)
        self._new, self._bar = ("v", "|") if ascii_only else ("▼", "▌")
        self._cursor = -1
        self._anchor = -1  # where the selection began, -1 for none

    # What the owner says and asks

    @property
    def cursor(self) -> int:
        """The cursor's row, -1 if there are none. Setting it shows the row."""
        return self._cursor

    @cursor.setter
    def cursor(self, row: int) -> None:
        row = max(0, min(row, self._rows - 1)) if self._rows else -1
        self._follow = row == self._rows - 1
        self._place_cursor(row)
        self._show_row(row)

    @property
    def selected(self) -> range:
        """The rows that are selected: the cursor's alone, if no others were."""
        if self._cursor < 0:
            return range(0)
        anchor = self._cursor if self._anchor < 0 else self._anchor
        return range(min(anchor, self._cursor), max(anchor, self._cursor) + 1)

    @property
    def selecting(self) -> bool:
        """Whether rows were selected with keys, or text by mouse."""
        return self._anchor >= 0 or self.text_selection is not None

    def unselect(self) -> None:
        """Select the cursor's row alone, and no text."""
        if self.text_selection is not None:
            self.screen.clear_selection()
        if self._anchor >= 0:
            self._anchor = -1
            self.post_message(self.CursorMoved(self, self._cursor))
            self.refresh()

    def _reset(self) -> None:
        super()._reset()
        self._cursor = self._anchor = -1

    # Cursor and view

    def _take(self, rows: int) -> None:
        was_last = self._cursor == self._rows - 1
        self._rows = rows
        self._anchor = min(self._anchor, rows - 1)
        if (was_last and rows and self._anchor < 0 and not self._is_open(self._cursor)) or self._cursor >= rows:
            self._place_cursor(rows - 1)
        elif self._follow and self._cursor >= 0 and was_last:
            self._follow = False  # a group opened under the cursor on the last row: its first line stays in view
        self._measure()
        if self._cursor == rows - 1 and self.at >= self._end:
            self._follow = True
        super()._take(rows)

    def _is_open(self, row: int) -> bool:
        return 0 <= row < self._rows and self.provider.row(row).foldable == "open"

    def _place_cursor(self, row: int) -> None:
        if row != self._cursor:
            self._cursor = row
            self.post_message(self.CursorMoved(self, row))
            self.refresh()

    def _show_row(self, row: int) -> None:
        """Bring a row into view, whole; of one that is higher than the view the side that it was come to from."""
        if row < 0:
            return
        height, lines = max(1, self.size.height), self._height(row)
        above, below = Place(row) < self.at, Place(row, lines - 1) > self._last_in_view()
        if below and not above:
            self._go(Place(row) if lines > height else places.back(Place(row, lines - 1), height - 1, self._height))
        elif above and not below:
            self._go(Place(row, max(0, lines - height)))

    def _last_in_view(self) -> Place:
        shown = self._in_view()
        return shown[-1] if shown else Place(-1)

    def on_focus(self) -> None:
        """The cursor is drawn differently with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is drawn differently without the focus."""
        self.refresh()

    # Keys

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows; a row that goes on outside the view is moved through by lines first."""
        self.unselect()
        self._step(rows)

    def _step(self, rows: int) -> None:
        if self._wraps and self._cursor >= 0 and self._height(self._cursor) > self.size.height:
            last = Place(self._cursor, self._height(self._cursor) - 1)
            if (rows > 0 and last > self._last_in_view()) or (rows < 0 and Place(self._cursor) < self.at):
                self.move_view(rows)
                return
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor and the view by pages, one line less than the height each."""
        self.unselect()
        self._page(pages)

    def _page(self, pages: int) -> None:
        lines = max(1, self.size.height - 1)
        if not self._wraps:
            self.top += pages * lines
            self.cursor += pages * lines
            return
        shown = [place.row for place in self._in_view()]
        line = shown.index(self._cursor) if self._cursor in shown else 0
        before = self.at
        self.move_view(pages * lines)
        shown = [place.row for place in self._in_view()]
        if self.at == before:
            self.cursor = self._rows - 1 if pages > 0 else 0
        elif shown:
            self._place_cursor(shown[min(line, len(shown) - 1)])  # a part of it is in view: that is enough

    def action_first(self) -> None:
        """Go to the first row."""
        self.unselect()
        self.cursor = 0

    def action_last(self) -> None:
        """Go to the last row and follow."""
        self.unselect()
        self.cursor = self._rows - 1
        self.follow = True

    def action_select(self, how: str, by: int = 0) -> None:
        """Move the cursor, and select the rows from where it was."""
        if self._cursor < 0:
            return
        if self._anchor < 0:
            self._anchor = self._cursor
        if how == "move":
            self.cursor += by
        elif how == "page":
            self._page(by)
        else:
            self.cursor = 0 if how == "first" else self._rows - 1
        self.refresh()

    def action_right(self) -> None:
        """Unfold the cursor's row; where there is nothing to unfold, move the text."""
        if not self.action_fold(True):
            self.move_sideways(STEP)

    def action_left(self) -> None:
        """Fold the cursor's row; where there is nothing to fold, move the text."""
        if not self.action_fold(False):
            self.move_sideways(-STEP)

    def action_sideways(self, halves: int) -> None:
        """Move the text by half a view."""
        self.move_sideways(halves * max(1, self._strips.room // 2))

    def action_fold(self, open: bool) -> bool:
        """Ask for the cursor's row to be opened or closed; whether it can be."""
        can = self._rows > 0 and self.provider.row(self._cursor).foldable == ("closed" if open else "open")
        if can:
            self.post_message(self.FoldToggled(self, self._cursor, open))
        return can

    def action_choose(self) -> None:
        """Say that the cursor's row was chosen."""
        if self._rows:
            self.post_message(self.RowChosen(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, folds on the fold mark, goes to the end on the badge; a double click chooses.

        With shift it selects the rows up to there.
        """
        at = event.get_content_offset(self)
        if at is None or self._dragged():
            return
        badge, shown = self._badge(), self._in_view()
        if badge and at.y == self.size.height - 1 and at.x >= self.width - cell_len(badge):
            self.action_last()
        elif at.y < len(shown):
            place = shown[at.y]
            if event.shift and self._cursor >= 0:
                self._anchor = self._cursor if self._anchor < 0 else self._anchor
            else:
                self.unselect()
            self.cursor = place.row
            fold = self._lines(place.row)[place.line].fold
            if 0 <= fold <= at.x < fold + 2:
                self.action_fold(self.provider.row(place.row).foldable == "closed")
            elif event.chain == 2:
                self.action_choose()

    # Drawing

    def _decorated(self, strip: Strip, place: Place, y: int) -> Strip:
        """A line with the cursor, the mark of a selected row, and the badge."""
        if place.row == self._cursor:
            strip = self._with_cursor(strip, not y or self._in_view()[y - 1].row != place.row)
        elif self._anchor >= 0 and place.row in self.selected:
            style = self._style("selected")
            strip = Strip([Segment(self._bar, style), *strip.crop(1)], strip.cell_length).apply_style(style)
        badge = self._badge()
        if badge and y == self.size.height - 1:
            room = self.width - cell_len(badge)
            strip = Strip([*strip.crop(0, room), Segment(badge, self._style("badge"))], self.width)
        return strip

    def _with_cursor(self, strip: Strip, first: bool) -> Strip:
        """The strip with the cursor's shape; with the focus a bar of one colour, whatever the row's colours are."""
        style = self._style("cursor" if self.has_focus else "cursor-blurred")
        segments = [Segment(">" if first else " ", style), *strip.crop(1)]
        if self.has_focus:
            segments = [Segment(text, self._in_bar(own) if own else own) for text, own, _ in segments]
        return Strip(segments, strip.cell_length).apply_style(style)

    @staticmethod
    def _in_bar(style: Style) -> Style:
        """A style in the cursor's bar, where what is reversed elsewhere has to be told in another way."""
        return style.without_color + (_BRIGHT + _HIT_UNDER_CURSOR if style.reverse else _BRIGHT)

    def _badge(self) -> str:
        """What stands in the corner while rows have come that were never in view."""
        new = 0 if self._follow else self.new_rows
        badge = f" {new:,} new {self._new} "
        return badge if new and cell_len(badge) < self.width else ""
