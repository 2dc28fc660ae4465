"""HexView: bytes as hex and text, with the places where one read or write ended and the next began."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtpscope_widgets.spans import Spans, to_segments

_KINDS = ("offset", "byte", "boundary", "hidden", "text", "control")


class HexView(ScrollView, can_focus=True):
    """Offset, hex, text; 16 bytes a line, 8 or 4 where it is narrow. Draws only the lines in view."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"hex-view--{kind}" for kind in _KINDS}
    DEFAULT_CSS = """
    HexView {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .hex-view--offset { text-style: dim; }
        & > .hex-view--boundary { color: $text-accent; text-style: bold; }
        & > .hex-view--hidden { text-style: dim; }
        & > .hex-view--control { color: $text-warning; text-style: dim; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(False)", "First byte", show=False),
        Binding("end", "edge(True)", "Last byte", show=False),
    ]

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._dots = ("**", "*") if ascii_only else ("··", "•")
        self._data = b""
        self._boundaries: frozenset[int] = frozenset()
        self._hidden: list[tuple[int, int]] = []
        self.bytes_per_line = 16
        """As many as the present width has room for: 16, 8 or 4."""

    def show(self, data: bytes, boundaries: Sequence[int] = (), hidden: Sequence[tuple[int, int]] = ()) -> None:
        """Show ``data`` from its beginning.

        ``boundaries`` are offsets: a mark stands before that byte. The bytes of the ``hidden`` spans, (start, end),
        are never drawn.
        """
        self._data = data
        self._boundaries = frozenset(boundaries)
        self._hidden = sorted(hidden)
        self._measure()
        self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    def render_line(self, y: int) -> Strip:
        """One line of the view."""
        width, base = self.size.width, self.rich_style
        start = (self.scroll_offset.y + y) * self.bytes_per_line
        if start >= len(self._data):
            return Strip.blank(width, base)
        styles = {kind: self.get_component_rich_style(f"hex-view--{kind}", partial=True) for kind in _KINDS}
        strip = Strip(to_segments(self._line(start), styles))
        return strip.crop_extend(0, width, Style.null()).apply_style(base)

    def on_resize(self, event: events.Resize) -> None:
        """Keep the first byte in view where it is when the lines become longer or shorter."""
        top = self.scroll_offset.y * self.bytes_per_line
        self._measure()
        self.scroll_to(y=top // self.bytes_per_line, animate=False, force=True)

    def action_move(self, lines: int) -> None:
        """Scroll by lines."""
        self.scroll_to(y=self.scroll_offset.y + lines, animate=False, force=True)

    def action_page(self, pages: int) -> None:
        """Scroll by pages, one line less than the height each."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_edge(self, end: bool) -> None:
        """Scroll to the first or the last byte."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False, force=True)

    def _measure(self) -> None:
        self.bytes_per_line = next((count for count in (16, 8) if self._line_width(count) <= self.size.width - 1), 4)
        self.virtual_size = Size(1, -(-len(self._data) // self.bytes_per_line))

    def _digits(self) -> int:
        return max(4, len(f"{len(self._data):x}"))

    def _line_width(self, count: int) -> int:
        # offset, space, mark and two digits a byte, a last mark, space, text
        return self._digits() + 1 + 3 * count + 2 + count

    def _line(self, start: int) -> Spans:
        """The line whose first byte is at ``start``, as spans."""
        count = self.bytes_per_line
        end = min(start + count, len(self._data))
        spans: Spans = [(f"{start:0{self._digits()}x} ", "offset")]
        text: Spans = []
        hidden = self._hidden_between(start, end)
        for at in range(start, end):
            byte = self._data[at]
            spans.append(self._mark(at))
            if at in hidden:
                spans.append((self._dots[0], "hidden"))
                text.append((self._dots[1], "hidden"))
            else:
                spans.append((f"{byte:02x}", "byte"))
                text.append((chr(byte), "text") if 0x20 <= byte < 0x7F else (".", "control"))
        # The end of the data may be a boundary too; the end of a line shows as the mark before the next.
        spans.append(self._mark(end) if end == len(self._data) else (" ", "byte"))
        return [*spans, (" " * (3 * (start + count - end) + 1), "byte"), *text]

    def _mark(self, at: int) -> tuple[str, str]:
        return ("|", "boundary") if at in self._boundaries else (" ", "byte")

    def _hidden_between(self, start: int, end: int) -> set[int]:
        return {at for first, last in self._hidden for at in range(max(first, start), min(last, end))}
