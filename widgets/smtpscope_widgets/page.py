"""Page: paragraphs wrapped to the width, some of which can be chosen."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip

from smtpscope_widgets.kinds import TEXT
from smtpscope_widgets.scrolling import set_lines
from smtpscope_widgets.spans import Spans, to_segments, wall, wrapped


class Paragraph(NamedTuple):
    """Spans, and what is behind them if they can be chosen: anything but None."""

    spans: Spans
    target: object = None


class _Line(NamedTuple):
    spans: Spans
    paragraph: int


class Page(ScrollView, can_focus=True):
    """Up and down go from one paragraph that can be chosen to the next, or scroll where there is none."""

    ALLOW_SELECT = True
    DEFAULT_CSS = """
    Page {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(False)", "Top", show=False),
        Binding("end", "edge(True)", "Bottom", show=False),
        Binding("enter", "choose", "Choose", show=False),
    ]

    _base = Style.null()

    class Chosen(Message):
        """Enter or a click on a paragraph that can be chosen."""

        def __init__(self, page: Page, target: object) -> None:
            super().__init__()
            self.page = page
            self.target = target

        @property
        def control(self) -> Page:
            """The page it is on."""
            return self.page

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cursor_mark = ">" if ascii_only else "▶"
        self._paragraphs: list[Paragraph] = []
        self._lines: list[_Line] = []
        self._chosen = -1

    def show(self, paragraphs: Sequence[Paragraph], *, top: bool = True) -> None:
        """Say this, from its beginning if ``top``, else from where the view is."""
        same = [each.target for each in paragraphs] == [each.target for each in self._paragraphs]
        self._paragraphs = list(paragraphs)
        if top or not same:
            self._chosen = next((place for place, each in enumerate(paragraphs) if each.target is not None), -1)
        self._wrap()
        if top:
            self.scroll_to(y=0, animate=False, force=True)
        self.refresh()

    @property
    def text(self) -> str:
        """What it says as it is drawn, a line of the page a line."""
        lines = []
        for spans, place in self._lines:
            lead = "" if self._paragraphs[place].target is None else "  "
            lines.append(lead + "".join(wall(text) for text, _ in spans))
        return "\n".join(lines)

    def _wrap(self) -> None:
        self._lines = self._wrapped(self.size.width)
        if len(self._lines) > self.size.height:  # the scrollbar, which may not be there yet, takes a column away
            self._lines = self._wrapped(self.size.width - self.styles.scrollbar_size_vertical)
        set_lines(self, len(self._lines))

    def _wrapped(self, width: int) -> list[_Line]:
        return [
            _Line(line, place)
            for place, (spans, target) in enumerate(self._paragraphs)
            for line in wrapped(spans, max(2, width) - (2 if target is not None else 0))
        ]

    def on_resize(self, event: events.Resize) -> None:
        """Other lines for another width."""
        self._wrap()
        self.refresh()

    def on_focus(self) -> None:
        """The cursor is drawn with the focus only."""
        self.refresh()

    def on_blur(self) -> None:
        """The cursor is drawn with the focus only."""
        self.refresh()

    def render_lines(self, crop: Region) -> list[Strip]:
        """Some lines; what they stand on is worked out once for all of them."""
        self._base = self.rich_style
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the view."""
        width, base, index = self.size.width, self._base, self.scroll_offset.y + y
        if index >= len(self._lines):
            return Strip.blank(width, base)
        spans, place = self._lines[index]
        styles = TEXT.styles(self.app)
        segments = to_segments(spans, styles)
        if self._paragraphs[place].target is not None:
            first = index == 0 or self._lines[index - 1].paragraph != place
            mark = self._cursor_mark if first and place == self._chosen and self.has_focus else " "
            segments = [Segment(f"{mark} ", styles["strong"]), *segments]
        strip = Strip(segments).crop_extend(0, width, Style.null())
        if (selection := self.text_selection) is not None and (span := selection.get_span(index)) is not None:
            text = strip.text
            start, end = cell_len(text[: span[0]]), width if span[1] < 0 else cell_len(text[: span[1]])
            style = self.screen.get_component_rich_style("screen--selection")
            strip = Strip.join([strip.crop(0, start), strip.crop(start, end).apply_style(style), strip.crop(end)])
        return strip.apply_style(base).apply_offsets(0, index)

    # -- selecting text

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """What is selected, a line of the page a line."""
        return selection.extract(self.text), "\n"

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw it."""
        self.refresh()

    # -- moving

    def action_move(self, step: int) -> None:
        """To another paragraph that can be chosen, or by a line."""
        places = [place for place, each in enumerate(self._paragraphs) if each.target is not None]
        further = [place for place in places if (place > self._chosen if step > 0 else place < self._chosen)]
        if not further:
            self.scroll_to(y=self.scroll_offset.y + step, animate=False, force=True)
            return
        self._chosen = further[0] if step > 0 else further[-1]
        first = next(number for number, line in enumerate(self._lines) if line.paragraph == self._chosen)
        last = max(number for number, line in enumerate(self._lines) if line.paragraph == self._chosen)
        top, height = self.scroll_offset.y, max(1, self.size.height)
        if not top <= first <= last < top + height:
            self.scroll_to(y=first if first < top else max(0, last - height + 1), animate=False, force=True)
        self.refresh()

    def action_page(self, pages: int) -> None:
        """Scroll by pages, one line less than the height each."""
        self.scroll_to(y=self.scroll_offset.y + pages * max(1, self.size.height - 1), animate=False, force=True)

    def action_edge(self, end: bool) -> None:
        """Scroll to the first or the last line."""
        self.scroll_to(y=self.max_scroll_y if end else 0, animate=False, force=True)

    def action_choose(self) -> None:
        """Choose the paragraph that the cursor is on."""
        if 0 <= self._chosen < len(self._paragraphs):
            self.post_message(self.Chosen(self, self._paragraphs[self._chosen].target))

    def on_click(self, event: events.Click) -> None:
        """A click chooses."""
        at = event.get_content_offset(self)
        index = -1 if at is None else self.scroll_offset.y + at.y
        if 0 <= index < len(self._lines):
            place = self._lines[index].paragraph
            if self._paragraphs[place].target is not None:
                self._chosen = place
                self.action_choose()
