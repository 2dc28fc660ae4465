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
from textual.cache import LRUCache
from textual.geometry import Offset, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from smtpscope_widgets.rows import NoRows, Row, RowProvider
from smtpscope_widgets.spans import Spans, cells, cut, to_segments, wall

__all__ = ["Row", "RowProvider", "WireLog"]

_ROW_KINDS = ("sent", "received", "note", "refused", "divider", "question")
_SPAN_KINDS = ("time", "marks", "fold", "control", "more", "hidden")
_STATES = ("cursor", "cursor-blurred", "badge")
_BRIGHT = Style(dim=False)
_PLAIN = Style(underline=False)
_FAR = 1 << 30  # a column beyond every line
_STRIPS = 256  # a few screens; more only gives the garbage collector more to walk


class WireLog(ScrollView, can_focus=True):
    """The log. The owner calls ``sync`` when rows may have come, and ``refresh_rows`` when rows have changed."""

    ALLOW_SELECT = True
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"wire-log--{kind}" for kind in (*_ROW_KINDS, *_SPAN_KINDS, *_STATES)}
    DEFAULT_CSS = """
    WireLog {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .wire-log--time { text-style: dim; }
        & > .wire-log--sent { color: $text-primary; }
        & > .wire-log--note { text-style: italic; }
        & > .wire-log--refused { color: $text-error; text-style: bold; }
        & > .wire-log--divider { text-style: dim; }
        & > .wire-log--question { color: $text-accent; text-style: bold underline; }
        & > .wire-log--fold { text-style: bold; }
        & > .wire-log--control { color: $text-warning; text-style: underline; }
        & > .wire-log--more { text-style: dim; }
        & > .wire-log--hidden { text-style: dim; }
        & > .wire-log--cursor { text-style: reverse; }
        & > .wire-log--cursor-blurred { text-style: bold; }
        & > .wire-log--badge { text-style: bold reverse; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home,g", "first", "First row", show=False),
        Binding("end,G", "last", "Last row, and follow", show=False),
        Binding("right", "fold(True)", "Unfold", show=False),
        Binding("left", "fold(False)", "Fold", show=False),
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
        super().__init__(id=id, classes=classes)
        self._provider: RowProvider = NoRows() if provider is None else provider
        self._cut, self._new, self._rule = ("...", "v", "-") if ascii_only else ("…", "▼", "─")
        self._folds = {"closed": ">", "open": "v"} if ascii_only else {"closed": "▸", "open": "▾"}
        self._rows = 0
        self._cursor = -1
        self._follow = True
        self._seen = 0  # rows that have been in view at some time, counted from the first
        self._columns = (0, 0)  # widths of time and marks: the widest in view so far
        self._strips: LRUCache[int, Strip] = LRUCache(_STRIPS)

    def on_mount(self) -> None:
        """Show what the provider has."""
        self._take(len(self._provider))

    # What the owner says and asks

    @property
    def provider(self) -> RowProvider:
        """Where the rows come from; a new one is shown from its end."""
        return self._provider

    @provider.setter
    def provider(self, provider: RowProvider) -> None:
        self._provider = provider
        self._rows, self._cursor, self._seen, self._follow = 0, -1, 0, True
        self.refresh_rows()

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
    def follow(self) -> bool:
        """Whether the view stays at the end as rows come."""
        return self._follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self._follow = follow
        if follow:
            self.top = self._rows
        self.refresh()

    @property
    def top(self) -> int:
        """The first row in view."""
        return int(self.scroll_offset.y)

    @top.setter
    def top(self, row: int) -> None:
        self.scroll_to(y=max(0, min(row, self.max_scroll_y)), animate=False, force=True, immediate=True)

    @property
    def width(self) -> int:
        """How many cells a row has, beside the scrollbar."""
        return self.size.width - self.scrollbar_size_vertical

    @property
    def new_rows(self) -> int:
        """How many rows have come below the view and were never in it."""
        return max(0, self._rows - self._seen)

    def sync(self) -> None:
        """Take what has come since the last call; cheap if nothing has, at most 20 times a second."""
        if self.is_mounted and (rows := len(self._provider)) != self._rows:
            if rows < self._rows:
                self._strips.clear()
            self._take(rows)

    def refresh_rows(self, first: int = 0) -> None:
        """Rows from ``first`` on have changed, also in number."""
        for index in list(self._strips.keys()):
            if index >= first:
                self._strips.discard(index)
        if first == 0:
            self._columns = (0, 0)
        if self.is_mounted:
            self._take(len(self._provider))

    def _take(self, rows: int) -> None:
        was_last = self._cursor == self._rows - 1
        self._rows = rows
        self.virtual_size = Size(1, rows)
        if (was_last and rows and not self._is_open(self._cursor)) or self._cursor >= rows:
            self._place_cursor(rows - 1)
        elif self._follow and self._cursor >= 0 and was_last:
            self._follow = False  # a group opened under the cursor on the last row: its first line stays in view
        if self._cursor == rows - 1 and self.top >= self.max_scroll_y:
            self._follow = True
        self.top = self.max_scroll_y if self._follow else self.top
        self._look()
        self.refresh()

    def _is_open(self, row: int) -> bool:
        return 0 <= row < self._rows and self._provider.row(row).foldable == "open"

    # Cursor and view

    def _place_cursor(self, row: int) -> None:
        if row != self._cursor:
            self._cursor = row
            self.post_message(self.CursorMoved(self, row))
            self.refresh()

    def _show_row(self, row: int) -> None:
        height = max(1, self.size.height)
        if row < self.top:
            self.top = row
        elif row >= self.top + height:
            self.top = row - height + 1

    def _look(self) -> None:
        """Remember which rows have been in view."""
        self._seen = max(min(self._seen, self._rows), min(self._rows, self.top + self.size.height))

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """Let go when the view moves up, take hold when it comes to the end."""
        super().watch_scroll_y(old_value, new_value)
        if new_value > old_value and round(new_value) >= self.max_scroll_y:
            self._follow = True
        elif new_value < old_value and round(new_value) < self.max_scroll_y:
            self._follow = False
        self._look()

    def watch_show_vertical_scrollbar(self, show: bool) -> None:
        """Textual tells a scrollbar only of scrolling that it was there for."""
        if show:
            self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self, event: events.Resize) -> None:
        """Draw anew at the new size, at the end if the view was there."""
        self._strips.clear()
        if self._follow:
            self.top = self.max_scroll_y
        self._look()

    def on_focus(self) -> None:
        """The cursor is drawn differently with the focus."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is drawn differently without the focus."""
        self.refresh()

    def action_move(self, rows: int) -> None:
        """Move the cursor by rows."""
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        """Move the cursor and the view by pages, one row less than the height each."""
        rows = pages * max(1, self.size.height - 1)
        self.top += rows
        self.cursor += rows

    def action_first(self) -> None:
        """Go to the first row."""
        self.cursor = 0

    def action_last(self) -> None:
        """Go to the last row and follow."""
        self.cursor = self._rows - 1
        self.follow = True

    def action_fold(self, open: bool) -> None:
        """Ask for the cursor's row to be opened or closed."""
        if self._rows and self._provider.row(self._cursor).foldable == ("closed" if open else "open"):
            self.post_message(self.FoldToggled(self, self._cursor, open))

    def action_choose(self) -> None:
        """Say that the cursor's row was chosen."""
        if self._rows:
            self.post_message(self.RowChosen(self, self._cursor))

    def on_click(self, event: events.Click) -> None:
        """A click moves the cursor, folds on the fold mark, goes to the end on the badge; a double click chooses."""
        at = event.get_content_offset(self)
        if at is None or self._dragged():
            return
        badge = self._badge()
        if badge and at.y == self.size.height - 1 and at.x >= self.width - cell_len(badge):
            self.action_last()
        elif (row := self.top + at.y) < self._rows:
            self.cursor = row
            shown = self._provider.row(row)
            end = cells(self._line(shown))
            if shown.foldable and end - 2 <= at.x < end:
                self.action_fold(shown.foldable == "closed")
            elif event.chain == 2:
                self.action_choose()

    # Selecting text

    def text_select_all(self) -> None:
        """Nothing: a double click opens a row, and a million rows are not selected by accident."""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected rows only, whole where the view had to cut them."""
        start, end = self._ends(selection)
        lines: list[str] = []
        for index in range(max(0, start.y), min(end.y + 1, self._rows)):
            row = self._provider.row(index)
            shown = sum(len(text) for text, _ in self._line(row))
            text = "".join(wall(text) for text, _ in [*self._lead(row), *row.spans])
            if index == end.y and end.x < shown:
                text = text[: end.x]
            lines.append(text[max(1, start.x if index == start.y else 0) :])  # the first cell is the cursor's
        return ("\n".join(lines), "\n") if lines else None

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.refresh()

    def _ends(self, selection: Selection) -> tuple[Offset, Offset]:
        """Where a selection starts and ends; one that reaches into another widget starts or ends with the view."""
        bottom = min(self._rows, self.top + self.size.height) - 1
        return selection.start or Offset(0, self.top), selection.end or Offset(_FAR, bottom)

    def _dragged(self) -> bool:
        selection = self.text_selection
        return selection is not None and selection.start != selection.end

    # Drawing

    def notify_style_update(self) -> None:
        """Styles have changed: nothing drawn before is good."""
        super().notify_style_update()
        self._strips.clear()

    def render_line(self, y: int) -> Strip:
        """One row of the view."""
        width, index, base = self.width, self.top + y, self.rich_style
        if index >= self._rows:
            return Strip.blank(width, base)
        strip = self._strip(index, width)
        if index == self._cursor:
            strip = self._with_cursor(strip)
        strip = self._selected(strip, index).apply_style(base).apply_offsets(0, index)
        badge = self._badge()
        if badge and y == self.size.height - 1:
            room = width - cell_len(badge)
            strip = Strip([*strip.crop(0, room), Segment(badge, base + self._style("badge"))], width)
        return strip

    def _with_cursor(self, strip: Strip) -> Strip:
        """The strip with the cursor's shape; with the focus a bar of one colour, whatever the row's colours are."""
        style = self._style("cursor" if self.has_focus else "cursor-blurred")
        segments = [Segment(">", style), *strip.crop(1)]
        if self.has_focus:
            segments = [Segment(text, own.without_color + _BRIGHT if own else own) for text, own, _ in segments]
        return Strip(segments, strip.cell_length).apply_style(style)

    def _badge(self) -> str:
        """What stands in the corner while rows have come that were never in view."""
        new = 0 if self._follow else self.new_rows
        badge = f" {new:,} new {self._new} "
        return badge if new and cell_len(badge) < self.width else ""

    def _style(self, name: str) -> Style:
        return self.get_component_rich_style(f"wire-log--{name}", partial=True)

    def _strip(self, index: int, width: int) -> Strip:
        """A row as wide as the view, without cursor, selection and base style."""
        if (strip := self._strips.get(index)) is not None and strip.cell_length == width:
            return strip
        row = self._provider.row(index)
        own = self._style(row.kind) if row.kind in _ROW_KINDS else Style.null()
        styles = {kind: own + self._style(kind) for kind in _SPAN_KINDS}
        styles |= {"text": own, "time": self._style("time"), "marks": styles["marks"] + _PLAIN}
        strip = Strip(to_segments(self._line(row), styles)).crop_extend(0, width, Style.null())
        self._strips[index] = strip
        return strip

    def _lead(self, row: Row) -> Spans:
        """What stands before a row's text: the cursor's cell, time, marks; in columns as wide as the widest so far."""
        time, marks = wall(row.time), wall(row.marks)
        columns = (max(self._columns[0], len(time)), max(self._columns[1], len(marks)))
        if columns != self._columns:
            self._columns = columns
            self._strips.clear()
            self.refresh()
        return [(" ", "time"), (time.rjust(columns[0]) + " ", "time"), (marks.ljust(columns[1]) + "  ", "marks")]

    def _line(self, row: Row) -> Spans:
        """A row as it is drawn: cut to the view, with its fold mark."""
        lead = self._lead(row)
        fold: Spans = [(f" {self._folds[row.foldable]}", "fold")] if row.foldable else []
        room = self.width - cells(lead) - cells(fold)
        line = cut(row.spans, room, self._cut)
        if row.kind == "divider" and (rest := room - cells(line) - 1) > 0:
            line = [*line, (" " + self._rule * rest, "text")]
        return [*lead, *line, *fold]

    def _selected(self, strip: Strip, index: int) -> Strip:
        """The strip with the selected part of it marked."""
        if (selection := self.text_selection) is None:
            return strip
        start, end = self._ends(selection)
        if not start.y <= index <= end.y:
            return strip
        text = strip.text
        first = cell_len(text[: start.x]) if index == start.y else 0
        last = cell_len(text[: end.x]) if index == end.y else strip.cell_length
        style = self.screen.get_component_rich_style("screen--selection")
        middle = Segment.apply_style(strip.crop(first, last), post_style=style)
        return Strip([*strip.crop(0, first), *middle, *strip.crop(last)], strip.cell_length)
