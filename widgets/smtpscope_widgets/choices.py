"""Choices: a list under headings, of which one row may be chosen, with keys that its owner passes on or by a click."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.segment import Segment
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.kinds import TEXT
from smtpscope_widgets.spans import Spans, cells, cut, to_segments


class Choice(NamedTuple):
    """One row; ``heading`` rows cannot be chosen, and without spans are a blank."""

    spans: Spans
    heading: bool = False


class Choices(Widget):
    """Rows, one of them under the cursor or none; what is longer than the widget is scrolled."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {"choices--cursor"}
    DEFAULT_CSS = """
    Choices {
        & > .choices--cursor { background: $panel; text-style: bold; }
    }
    """

    class Chosen(Message):
        """A click on a row that can be chosen, by its index."""

        def __init__(self, choices: Choices, index: int) -> None:
            super().__init__()
            self.choices = choices
            self.index = index

        @property
        def control(self) -> Choices:
            """The list it was made on."""
            return self.choices

    def __init__(self, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._ascii_only = ascii_only
        self._rows: Sequence[Choice] = ()
        self._cursor = -1
        self._top = 0

    @property
    def cursor(self) -> int:
        """The index of the row under the cursor, -1 for none."""
        return self._cursor

    def show(self, rows: Sequence[Choice], cursor: int = -1) -> None:
        """These rows, from the top."""
        self._rows, self._top = rows, 0
        self._put(cursor)

    def move(self, by: int) -> None:
        """Go ``by`` rows that can be chosen further, as far as there are any; up from the first is to none."""
        places = [place for place, row in enumerate(self._rows) if not row.heading]
        at = places.index(self._cursor) + by if self._cursor in places else by - 1 if by > 0 else -1
        self._put(places[min(at, len(places) - 1)] if places and at >= 0 else -1)

    def first(self) -> int:
        """The first row that can be chosen, -1 if there is none."""
        return next((place for place, row in enumerate(self._rows) if not row.heading), -1)

    @property
    def page(self) -> int:
        """How many rows a page has."""
        return max(1, self.size.height - 1)

    def _put(self, cursor: int) -> None:
        self._cursor = cursor
        self._scroll()
        self.refresh()

    def _scroll(self) -> None:
        """The cursor is in view, with the headings right above it."""
        height = self.size.height or len(self._rows)  # without a size yet nothing is scrolled
        first = max(0, self._cursor)
        while first and self._rows[first - 1].heading:
            first -= 1
        self._top = max(self._cursor - height + 1, min(self._top, first))
        self._top = max(0, min(self._top, len(self._rows) - height))

    def on_resize(self) -> None:
        """Another height."""
        self._scroll()
        self.refresh()

    def on_mouse_scroll_down(self) -> None:
        """Three rows on."""
        self._top = max(0, min(self._top + 3, len(self._rows) - self.size.height))
        self.refresh()

    def on_mouse_scroll_up(self) -> None:
        """Three rows back."""
        self._top = max(0, self._top - 3)
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Choose the row."""
        index = self._top + event.y
        if index < len(self._rows) and not self._rows[index].heading:
            self._put(index)
            self.post_message(self.Chosen(self, index))

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, index = self.size.width, self._top + y
        if index >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row, mark = self._rows[index], "..." if self._ascii_only else "…"
        styles = TEXT.styles(self.app)
        if row.heading and not row.spans:
            return Strip.blank(width, self.rich_style)
        if row.heading:
            dash = "-" if self._ascii_only else "─"
            spans = cut([(f"{dash} ", "dim"), *row.spans, (" ", "dim")], width, mark)
            spans = [*spans, (dash * (width - cells(spans)), "dim")]
            return Strip(to_segments(spans, styles)).apply_style(self.rich_style)
        here = index == self._cursor
        pointer = (">" if self._ascii_only else "▸") if here else " "
        segments = [Segment(f" {pointer} ", styles["key"])]
        segments += to_segments(cut(row.spans, width - 4, mark), styles)
        strip = Strip(segments).crop_extend(0, width, None)
        if here:
            strip = strip.apply_style(self.get_component_rich_style("choices--cursor", partial=True))
        return strip.apply_style(self.rich_style)
