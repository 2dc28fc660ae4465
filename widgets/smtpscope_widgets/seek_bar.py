"""SeekBar: one row from a beginning to an end, with ticks and where one is; a click or an arrow goes elsewhere."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.spans import wall

_KINDS = ("track", "step", "fault", "mark")
"""What a cell may hold; where several ticks fall into one, the last of these is seen."""
_SIGNS = {"track": "─", "step": "┴", "fault": "×", "mark": "*"}
_ASCII = {"track": "-", "step": "'", "fault": "x", "mark": "*"}


class Tick(NamedTuple):
    """A place from 0 to 1 and what is there: a step, a fault or a mark."""

    position: float
    kind: str = "step"


class SeekBar(Widget, can_focus=True):
    """Shows where one is. Left and right ask for the next tick, Home and End for the ends, a click for its place."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"seek-bar--{name}" for name in (*_KINDS, "here", "words")}
    DEFAULT_CSS = """
    SeekBar {
        height: 1;
        & > .seek-bar--track { text-style: dim; }
        & > .seek-bar--step { color: $foreground; }
        & > .seek-bar--fault { color: $text-error; text-style: bold; }
        & > .seek-bar--mark { color: $text-accent; text-style: bold; }
        & > .seek-bar--here { color: $warning; text-style: bold reverse; }
        & > .seek-bar--words { text-style: dim; }
        &:focus > .seek-bar--words { color: $text-accent; text-style: bold; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "step(-1)", "Earlier", show=False),
        Binding("right", "step(1)", "Later", show=False),
        Binding("home", "seek(0.0)", "Beginning", show=False),
        Binding("end", "seek(1.0)", "End", show=False),
    ]

    class Sought(Message):
        """Somebody wants to be at ``position``, from 0 to 1."""

        def __init__(self, bar: SeekBar, position: float) -> None:
            super().__init__()
            self.bar = bar
            self.position = position

        @property
        def control(self) -> SeekBar:
            """The bar it was asked on."""
            return self.bar

    def __init__(self, *, ascii_only: bool = False, id: str | None = None) -> None:
        super().__init__(id=id)
        self._signs = _ASCII if ascii_only else _SIGNS
        self._here_sign = "O" if ascii_only else "●"
        self._here = 0.0
        self._ticks: list[Tick] = []
        self._left = self._right = ""

    def show(self, here: float, ticks: Sequence[Tick], left: str = "", right: str = "") -> None:
        """Be at ``here``, from 0 to 1, with these ticks, in order; ``left`` and ``right`` name the ends."""
        given = (here, list(ticks), wall(left), wall(right))
        if given != (self._here, self._ticks, self._left, self._right):
            self._here, self._ticks, self._left, self._right = given
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The row."""
        if y:
            return Strip.blank(self.size.width, self.rich_style)
        styles = {
            name: self.get_component_rich_style(f"seek-bar--{name}", partial=True)
            for name in (*_KINDS, "here", "words")
        }
        cells, here = self._cells(), self._cell(self._here)
        segments = [Segment(f" {self._left} " if self._left else " ", styles["words"])] if self._left_room else []
        for cell, kind in enumerate(cells):
            sign, name = (self._here_sign, "here") if cell == here else (self._signs[kind], kind)
            segments.append(Segment(sign, styles[name]))
        if self._left_room:
            segments.append(Segment(f" {self._right} " if self._right else " ", styles["words"]))
        return Strip(segments).adjust_cell_length(self.size.width, Style.null()).apply_style(self.rich_style)

    # -- where things are

    @property
    def _words_room(self) -> int:
        """Cells that the names of both ends take, with the blanks around them."""
        return sum(cell_len(words) + 2 if words else 1 for words in (self._left, self._right))

    @property
    def _left_room(self) -> int:
        """The first cell of the track; 0 where there is no room for the names."""
        if self._words_room > self.size.width // 2:
            return 0
        return cell_len(self._left) + 2 if self._left else 1

    @property
    def _length(self) -> int:
        """Cells of the track."""
        return max(1, self.size.width - (self._words_room if self._left_room else 0))

    def _cell(self, position: float) -> int:
        """The cell of the track for a position."""
        return round(min(1.0, max(0.0, position)) * (self._length - 1))

    def _cells(self) -> list[str]:
        """What each cell of the track holds."""
        cells = ["track"] * self._length
        for tick in self._ticks:
            cell = self._cell(tick.position)
            cells[cell] = max(cells[cell], tick.kind, key=_KINDS.index)
        return cells

    # -- going elsewhere

    def action_step(self, step: int) -> None:
        """The next tick of another place, or the one before."""
        places = [tick.position for tick in self._ticks]
        at = bisect_right(places, self._here) if step > 0 else bisect_left(places, self._here) - 1
        if 0 <= at < len(places):
            self.post_message(self.Sought(self, places[at]))

    def action_seek(self, position: float) -> None:
        """A place."""
        self.post_message(self.Sought(self, position))

    def on_click(self, event: events.Click) -> None:
        """The place under the pointer; the tick there, if there is one."""
        cell = min(self._length - 1, max(0, event.x - self._left_room))
        there = [tick for tick in self._ticks if self._cell(tick.position) == cell]
        if there:
            position = max(there, key=lambda tick: _KINDS.index(tick.kind)).position
        else:
            position = cell / max(1, self._length - 1)
        self.post_message(self.Sought(self, position))
