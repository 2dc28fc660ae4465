"""RowWindow: rows in a window, each in a line or wrapped, moved sideways, and followed as they come.

It asks its provider only for the rows in view, also where they wrap: it stands at a place, a line of a row, and its
scrollbar goes by rows.
"""

from __future__ import annotations

from rich.style import Style
from textual import events
from textual.scroll_view import ScrollView

from smtpscope_widgets import places
from smtpscope_widgets.kinds import Looks
from smtpscope_widgets.places import FIRST, Place
from smtpscope_widgets.row_strips import NARROWEST, Line, RowStrips
from smtpscope_widgets.rows import NoRows, RowProvider
from smtpscope_widgets.scrolling import set_lines

WHEEL = 3
"""Lines, and three times as many cells, that one turn of the wheel moves."""

LOOKS = Looks({
    "time": "dim",
    "marks": "",
    "sent": "$text-primary",
    "received": "",
    "note": "italic",
    "refused": "$text-error bold",
    "divider": "dim",
    "question": "$text-accent bold underline",
    "fold": "bold",
    "control": "$text-warning underline",
    "more": "dim",
    "hidden": "dim",
    "hit": "bold reverse",
    "mark": "$text-accent bold",
    "cursor": "reverse",
    "cursor-blurred": "bold",
    "selected": "on $primary-muted",
    "badge": "bold reverse",
})  # fmt: skip
"""Kinds of rows, of what stands in them, and what a row can be."""


class RowWindow(ScrollView):
    """The window. The owner calls ``sync`` when rows may have come, and ``refresh_rows`` when rows have changed."""

    DEFAULT_CSS = """
    RowWindow {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """

    def __init__(self, provider: RowProvider | None, *, ascii_only: bool, id: str | None, classes: str | None) -> None:
        super().__init__(id=id, classes=classes)
        self._strips = RowStrips(NoRows() if provider is None else provider, self._style, ascii_only)
        self._rows = 0
        self._line = 0  # the line of the top row with which the view begins
        self._found_end = FIRST  # where the view begins when it is at the end, where rows wrap
        self._was = FIRST
        self._going = False
        self._follow = True
        self._seen = 0  # rows that have been in view at some time, counted from the first
        self._shown: tuple[object, list[Place]] = (None, [])

    def on_mount(self) -> None:
        """Show what the provider has."""
        self._take(len(self.provider))

    # What the owner says and asks

    @property
    def provider(self) -> RowProvider:
        """Where the rows come from; a new one is shown from its end."""
        return self._strips.provider

    @provider.setter
    def provider(self, provider: RowProvider) -> None:
        self._strips.provider = provider
        self._reset()
        self.refresh_rows()

    def _reset(self) -> None:
        """Nothing has been seen yet."""
        self._rows, self._seen, self._follow = 0, 0, True

    @property
    def follow(self) -> bool:
        """Whether the view stays at the end as rows come."""
        return self._follow

    @follow.setter
    def follow(self, follow: bool) -> None:
        self._follow = follow
        if follow:
            self._go(self._end)
        self.refresh()

    @property
    def top(self) -> int:
        """The first row in view."""
        return int(self.scroll_offset.y)

    @top.setter
    def top(self, row: int) -> None:
        self._go(Place(row))

    @property
    def at(self) -> Place:
        """The line with which the view begins."""
        return Place(self.top, self._line)

    @property
    def wrap(self) -> bool:
        """Whether a row that is longer than the view goes on in the next line."""
        return self._strips.wrap

    @wrap.setter
    def wrap(self, wrap: bool) -> None:
        self._strips.wrap, self._strips.left = wrap, 0
        top, follow = self.top, self._follow
        self.refresh_rows()
        if not follow:
            self._go(Place(top))

    @property
    def left(self) -> int:
        """Cells of the rows' text that are left of the view."""
        return self._strips.left

    @property
    def width(self) -> int:
        """How many cells a row has, beside the scrollbar."""
        return self.size.width - self.scrollbar_size_vertical

    @property
    def rows(self) -> int:
        """How many rows there were at the last look."""
        return self._rows

    @property
    def new_rows(self) -> int:
        """How many rows have come below the view and were never in it."""
        return max(0, self._rows - self._seen)

    def sync(self) -> None:
        """Take what has come since the last call; cheap if nothing has, at most 20 times a second."""
        if self.is_mounted and (rows := len(self.provider)) != self._rows:
            if rows < self._rows:
                self._strips.forget()
            self._take(rows)

    def refresh_rows(self, first: int = 0) -> None:
        """Rows from ``first`` on have changed, also in number."""
        self._strips.forget(first)
        if first == 0:
            self._strips.columns = (0, 0, 0)
        if self.is_mounted:
            self._take(len(self.provider))

    # The window

    def _take(self, rows: int) -> None:
        """There are so many rows, some of them perhaps new or other than before."""
        self._rows = rows
        self._measure()
        self._go(self._end if self._follow else self.at)
        self.refresh()

    def _measure(self) -> None:
        """Find where the end is; the rows there may widen the columns, and be higher then."""
        height = self.size.height
        if not self._wraps:
            set_lines(self, self._rows)
            return
        drawn = -1
        while drawn != self._strips.drawn:
            drawn = self._strips.drawn
            self._found_end = places.end(self._rows, height, self._height)
        set_lines(self, self._found_end.row + height)

    @property
    def _end(self) -> Place:
        """Where the view begins when it is at the end; Textual may know of another height before we do."""
        last = Place(self.max_scroll_y)
        return last if not self._wraps or last.row < self._found_end.row else self._found_end

    @property
    def _wraps(self) -> bool:
        """Whether rows wrap at this width."""
        return self.wrap and self.width > NARROWEST

    def _height(self, row: int) -> int:
        return len(self._lines(row)) if self._wraps else 1

    def _lines(self, row: int) -> list[Line]:
        self._take_width()
        return self._strips.lines(row)

    def _take_width(self) -> None:
        if self._strips.width != self.width:
            self._strips.width = self.width
            self._strips.forget()
            if self._wraps:
                self.call_next(self._turn)

    def _turn(self) -> None:
        """The width or the columns are others than when the end was looked for."""
        self._measure()
        self._go(self._end if self._follow else self.at)
        self.refresh()

    def _go(self, place: Place) -> None:
        """Begin the view at ``place``, or as near to it as there are lines to fill the view."""
        place = max(FIRST, min(place if self._wraps else Place(place.row), self._end))
        self._going = True
        self.scroll_to(y=min(place.row, self.max_scroll_y), animate=False, force=True, immediate=True)
        self._going = False
        self._line = place.line if self.top == place.row else 0
        self._arrived()

    def _arrived(self) -> None:
        """Let go when the view has moved up, take hold when it has come to the end."""
        before, self._was = self._was, self.at
        if self._was > before and self._was >= self._end:
            self._follow = True
        elif self._was < before and self._was < self._end:
            self._follow = False
        if self._was != before and self._wraps:
            self.refresh()
        self._look()

    def _look(self) -> None:
        """Remember which rows have been in view."""
        if self._wraps:
            last = places.forth(self.at, self.size.height - 1, self._rows, self._height).row + 1 if self._rows else 0
        else:
            last = self.top + self.size.height
        self._seen = max(min(self._seen, self._rows), min(self._rows, last))

    def _in_view(self) -> list[Place]:
        """The lines in view, from the top."""
        state = (self.at, self._rows, self.size, self.width, self._strips.drawn)
        if state != self._shown[0]:
            if self._wraps:
                shown = places.in_view(self.at, self._rows, self.size.height, self._height)
            else:
                shown = [Place(row) for row in range(self.top, min(self._rows, self.top + self.size.height))]
            self._shown = (state, shown)
        return self._shown[1]

    def move_view(self, lines: int) -> None:
        """Move the view by lines, down if they are many, up if they are negative."""
        self._go(places.moved(self.at, lines, self._rows, self._height) if self._wraps else Place(self.top + lines))

    def move_sideways(self, cells: int) -> None:
        """Move the text left or right, as far as the rows in view have any; not where rows wrap."""
        if self.wrap or not self._rows:
            return
        self._take_width()
        widest = max((self._strips.text_cells(place.row) for place in self._in_view()), default=0)
        self._move_to(max(0, min(self.left + cells, max(self.left, widest - self._strips.room))))

    def show_text(self, start: int, end: int) -> None:
        """Move the text sideways, if need be, so that its cells from ``start`` to ``end`` are in view."""
        if self.wrap or not self._rows:
            return
        self._take_width()
        room = self._strips.room
        if end < room:
            self._move_to(0)
        elif start <= self.left or end >= self.left + room:
            self._move_to(max(0, start - room // 3))

    def _move_to(self, left: int) -> None:
        if left != self.left:
            self._strips.left = left
            self._strips.forget()
            self.refresh()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """The view has moved: by us, or by the scrollbar and then to the first line of a row, or to the end."""
        super().watch_scroll_y(old_value, new_value)
        if not self._going:
            self._line = self._end.line if round(new_value) >= self._end.row else 0
            self._arrived()

    def watch_show_vertical_scrollbar(self, show: bool) -> None:
        """Textual tells a scrollbar only of scrolling that it was there for."""
        if show:
            self.vertical_scrollbar.position = self.scroll_y

    def on_resize(self, event: events.Resize) -> None:
        """Draw anew at the new size, at the end if the view was there."""
        self._strips.forget()
        self._turn()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """The wheel goes by lines where rows wrap; with shift or ctrl it moves the text."""
        self._wheel(event, 1)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """The same in the other direction."""
        self._wheel(event, -1)

    def on_mouse_scroll_right(self, event: events.MouseScrollRight) -> None:
        """A wheel that turns sideways."""
        self._wheel(event, 1, sideways=True)

    def on_mouse_scroll_left(self, event: events.MouseScrollLeft) -> None:
        """The same in the other direction."""
        self._wheel(event, -1, sideways=True)

    def _wheel(self, event: events.MouseEvent, direction: int, sideways: bool = False) -> None:
        if sideways or event.shift or event.ctrl:
            self.move_sideways(direction * 3 * WHEEL)
        elif self._wraps:
            self.move_view(direction * WHEEL)
        else:
            return
        event.stop()
        event.prevent_default()

    # Styles

    def _style(self, name: str) -> Style:
        return LOOKS.styles(self.app)[name]

    def notify_style_update(self) -> None:
        """Styles have changed: nothing drawn before is good."""
        super().notify_style_update()
        self._strips.forget_styles()
