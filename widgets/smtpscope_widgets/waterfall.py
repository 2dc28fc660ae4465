"""Waterfall: steps one below the other, each a bar where it lies in time, with its label and figures."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple, Protocol

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from smtpscope_widgets.spans import Spans, cells, cut, to_segments, wrapped

_KINDS = ("dim", "strong", "warn", "good", "bad", "waiting", "network", "idle", "chosen")
_EIGHTHS = "▏▎▍▌▋▊▉█"
_LEAST = 6
"""Cells that are left for the bars, however narrow it is."""


class Bar(Protocol):
    """One step from ``start`` to ``end``, of which the first ``light`` are drawn light; all in one unit.

    ``kind`` is ``good``, ``bad``, ``waiting``, ``network`` or ``idle`` (a mark, no bar); ``mark`` a figure behind the
    note, which stands out with ``alarm``.
    """

    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def start(self) -> float: ...  # noqa: D102
    @property
    def end(self) -> float: ...  # noqa: D102
    @property
    def light(self) -> float: ...  # noqa: D102
    @property
    def kind(self) -> str: ...  # noqa: D102
    @property
    def note(self) -> str: ...  # noqa: D102
    @property
    def mark(self) -> str: ...  # noqa: D102
    @property
    def alarm(self) -> bool: ...  # noqa: D102


class Scale(NamedTuple):
    """How the columns are shared: cells of the label, the bars, the note and the mark, and the axis."""

    label: int
    bars: int
    note: int
    mark: int
    start: float
    length: float


def scale(bars: Sequence[Bar], width: int) -> Scale:
    """The columns for ``bars`` in ``width`` cells; labels get what they need, at most a third."""
    note = max((cell_len(bar.note) for bar in bars), default=0)
    mark = max((cell_len(bar.mark) for bar in bars), default=0)
    rest = width - note - 2 - (mark + 1 if mark else 0)
    label = min(max((cell_len(bar.label) for bar in bars), default=0), max(8, width * 3 // 8), max(1, rest - _LEAST))
    start = min((bar.start for bar in bars), default=0.0)
    length = max((bar.end for bar in bars), default=0.0) - start
    return Scale(label, max(_LEAST, rest - label), note, mark, start, length)


def row(bar: Bar, to: Scale, *, ascii_only: bool = False) -> Spans:
    """One line: label, bar, note, mark."""
    ellipsis = "..." if ascii_only else "…"
    name = cut([(bar.label, "idle" if bar.kind == "idle" else "text")], to.label, ellipsis)
    spans: Spans = [*name, (" " * (to.label - cells(name) + 1), "text"), *_drawn(bar, to, ascii_only)]
    spans.append((f" {bar.note:>{to.note}}", "idle" if bar.kind == "idle" else "bad" if bar.alarm else "text"))
    if to.mark:
        spans.append((f" {bar.mark:>{to.mark}}", "bad" if bar.alarm else "dim"))
    return spans


def _drawn(bar: Bar, to: Scale, ascii_only: bool) -> Spans:
    """The bar in its place: light cells, full cells, an eighth of a cell at least."""
    unit = to.bars / to.length if to.length > 0 else 0.0
    start = max(0, min(int((bar.start - to.start) * unit), to.bars - 1))
    if bar.kind == "idle":
        return _padded([(":" if ascii_only else "┊", "idle")], start, to.bars)
    eighths = max(1, min(round((bar.end - bar.start) * unit * 8), (to.bars - start) * 8))
    whole, part = divmod(eighths, 8)
    mostly_light = bar.light * 2 >= bar.end - bar.start > 0
    if ascii_only or bar.light >= bar.end - bar.start > 0:  # no parts of cells
        whole, part = (max(1, whole + (part >= 4)), 0) if ascii_only or whole else (0, part)
    light = min(whole, round(bar.light * unit))
    if whole == 1 and mostly_light:
        light = 1
    spans: Spans = [("-" * light if ascii_only else "░" * light, "network")]
    spans.append((("#" if ascii_only else "█") * (whole - light), bar.kind))
    if part:
        spans.append((_EIGHTHS[part - 1], "network" if not whole and mostly_light else bar.kind))
    return _padded([span for span in spans if span[0]], start, to.bars)


def _padded(spans: Spans, start: int, width: int) -> Spans:
    return [(" " * start, "text"), *spans, (" " * (width - start - cells(spans)), "text")]


class Waterfall(ScrollView, can_focus=True):
    """Bars under a few lines of words; draws only the lines in view. One bar is chosen, and can be gone to."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"waterfall--{kind}" for kind in _KINDS}
    DEFAULT_CSS = """
    Waterfall {
        overflow-x: hidden;
        scrollbar-size-vertical: 1;
        & > .waterfall--dim { text-style: dim; }
        & > .waterfall--strong { text-style: bold; }
        & > .waterfall--warn { color: $text-warning; }
        & > .waterfall--good { color: $text-accent; }
        & > .waterfall--bad { color: $text-error; }
        & > .waterfall--waiting { color: $text-warning; }
        & > .waterfall--network { text-style: dim; }
        & > .waterfall--idle { text-style: dim; }
        & > .waterfall--chosen { text-style: bold; background: $panel; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up", "move(-1)", "Up", show=False),
        Binding("down", "move(1)", "Down", show=False),
        Binding("pageup", "page(-1)", "Page up", show=False),
        Binding("pagedown", "page(1)", "Page down", show=False),
        Binding("home", "edge(False)", "First bar", show=False),
        Binding("end", "edge(True)", "Last bar", show=False),
        Binding("enter", "choose", "Go there", show=False),
    ]

    class Chosen(Message):
        """A bar was chosen to be gone to, by Enter or a click."""

        def __init__(self, waterfall: Waterfall, bar: int) -> None:
            super().__init__()
            self.waterfall = waterfall
            self.bar = bar

        @property
        def control(self) -> Waterfall:
            """The widget it was made on."""
            return self.waterfall

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._ascii = ascii_only
        self._words: list[Spans] = []
        self._head: list[Spans] = []  # the same, broken into lines
        self._bars: Sequence[Bar] = ()
        self._scale = scale((), 40)
        self._width = 0
        self._given = -1  # what was last given as chosen
        self.chosen = -1
        """The place of the bar that is marked, -1 for none."""

    def show(self, head: list[Spans], bars: Sequence[Bar], chosen: int = -1) -> None:
        """Show these. Another ``chosen`` than before comes into view, with -1 the first words; what the user chose
        since stays while it is the same."""
        self._words, self._bars = head, bars
        self._measure()
        chosen = min(chosen, len(bars) - 1)
        if chosen != self._given:
            self.chosen = self._given = chosen
            self._bring_into_view()
        self.chosen = min(self.chosen, len(bars) - 1)
        self.refresh()

    @property
    def text(self) -> str:
        """All lines, without styles."""
        return "\n".join("".join(text for text, _ in self._line(y)) for y in range(self.virtual_size.height))

    def render_line(self, y: int) -> Strip:
        """One line of the view."""
        width, base = self.size.width, self.rich_style
        at = y if y < self._pinned else self.scroll_offset.y + y
        if at >= self.virtual_size.height:
            return Strip.blank(width, base)
        styles = {kind: self.get_component_rich_style(f"waterfall--{kind}", partial=True) for kind in _KINDS}
        strip = Strip(to_segments(self._line(at), styles)).crop_extend(0, width, Style.null())
        if self.chosen >= 0 and at == len(self._head) + self.chosen:
            strip = strip.apply_style(styles["chosen"])
        return strip.apply_style(base)

    def _line(self, at: int) -> Spans:
        if at < len(self._head):
            return self._head[at]
        return row(self._bars[at - len(self._head)], self._scale, ascii_only=self._ascii)

    def _measure(self) -> None:
        self._width = max(20, self.scrollable_content_region.width or self.size.width)
        self._head = [line for words in self._words for line in wrapped(words, self._width)]
        self._scale = scale(self._bars, self._width)
        self.virtual_size = Size(1, len(self._head) + len(self._bars))

    @property
    def _pinned(self) -> int:
        """Lines of words that stay on top while the bars scroll: all, where they leave the bars half of the height."""
        return len(self._head) if len(self._head) * 2 <= self.size.height else 0

    def _bring_into_view(self) -> None:
        """The chosen bar, with the first ones the words above them; the words where none is."""
        at, height, top = len(self._head) + self.chosen, max(1, self.size.height), self.scroll_offset.y
        if self.chosen < 0:
            self.scroll_to(y=0, animate=False, force=True)
        elif not top + self._pinned <= at < top + height:
            middle = at - (self._pinned + height) // 2
            self.scroll_to(y=0 if at < height else middle, animate=False, force=True)

    def on_resize(self, event: events.Resize) -> None:
        """Another width, other bars."""
        self._measure()
        self._bring_into_view()
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        """Go to the bar that was clicked."""
        bar = self.scroll_offset.y + event.y - len(self._head)
        if event.y >= self._pinned and 0 <= bar < len(self._bars):
            self.chosen = bar
            self.action_choose()

    def action_choose(self) -> None:
        """Go to the chosen bar."""
        self.refresh()
        if self.chosen >= 0:
            self.post_message(self.Chosen(self, self.chosen))

    def action_move(self, bars: int) -> None:
        """Choose another bar; above the first one, and below words that fill the view, scroll through the words."""
        top = self.scroll_offset.y
        if (bars < 0 and self.chosen <= 0) or (bars > 0 and top + self.size.height <= len(self._head)):
            self.scroll_to(y=top + bars, animate=False, force=True)
            return
        self.chosen = max(min(0, len(self._bars) - 1), min(self.chosen + bars, len(self._bars) - 1))
        self._bring_into_view()
        self.refresh()

    def action_page(self, pages: int) -> None:
        """Choose a bar a screen further."""
        self.action_move(pages * max(1, self.size.height - 1))

    def action_edge(self, end: bool) -> None:
        """Choose the first or the last bar."""
        self.action_move(len(self._bars) if end else -len(self._bars) - 1)
