"""TextRows: a few rows of spans, such as a header or a footer; drawn only when they say something new."""

from __future__ import annotations

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.kinds import TEXT
from smtpscope_widgets.spans import Spans, cut, to_segments


class TextRows(Widget):
    """Rows of spans, each cut to the width."""

    DEFAULT_CSS = "TextRows { height: 1; }"

    class Clicked(Message):
        """A click on a row, by column and row."""

        def __init__(self, rows: TextRows, x: int, y: int) -> None:
            super().__init__()
            self.rows = rows
            self.x = x
            self.y = y

        @property
        def control(self) -> TextRows:
            """The widget it was made on."""
            return self.rows

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cut = "..." if ascii_only else "…"
        self._rows: list[Spans] = []

    def show(self, rows: list[Spans]) -> None:
        """Say this."""
        if rows != self._rows:
            self._rows = [list(row) for row in rows]
            self.refresh()

    @property
    def text(self) -> str:
        """What it says, without styles."""
        return "\n".join("".join(text for text, _ in row) for row in self._rows)

    def render_line(self, y: int) -> Strip:
        """One row."""
        width, base = self.size.width, self.rich_style
        if y >= len(self._rows):
            return Strip.blank(width, base)
        strip = Strip(to_segments(cut(self._rows[y], width, self._cut), TEXT.styles(self.app)))
        return strip.crop_extend(0, width, Style.null()).apply_style(base)

    def on_click(self, event: events.Click) -> None:
        """Say where."""
        self.post_message(self.Clicked(self, event.x, event.y))
