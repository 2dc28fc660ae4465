"""TextRows: a few rows of spans, such as a header or a footer; drawn only when they say something new."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.spans import Spans, cut, to_segments

_KINDS = ("dim", "strong", "good", "bad", "warn", "key", "question", "control", "more", "hidden")


class TextRows(Widget):
    """Rows of spans, each cut to the width. Kinds are those of the component classes; ``text`` is plain."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"text-rows--{kind}" for kind in _KINDS}
    DEFAULT_CSS = """
    TextRows {
        height: 1;
        & > .text-rows--dim { text-style: dim; }
        & > .text-rows--strong { text-style: bold; }
        & > .text-rows--good { color: $text-success; text-style: bold; }
        & > .text-rows--bad { color: $text-error; text-style: bold; }
        & > .text-rows--warn { color: $text-warning; text-style: bold; }
        & > .text-rows--key { color: $text-accent; text-style: bold; }
        & > .text-rows--question { color: $text-accent; text-style: bold reverse; }
        & > .text-rows--control { color: $text-warning; text-style: underline; }
        & > .text-rows--more { text-style: dim; }
        & > .text-rows--hidden { text-style: dim; }
    }
    """

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
        styles = {kind: self.get_component_rich_style(f"text-rows--{kind}", partial=True) for kind in _KINDS}
        strip = Strip(to_segments(cut(self._rows[y], width, self._cut), styles))
        return strip.crop_extend(0, width, Style.null()).apply_style(base)

    def on_click(self, event: events.Click) -> None:
        """Say where."""
        self.post_message(self.Clicked(self, event.x, event.y))
