"""ChipRow: one row of chips that can be switched off and on, chosen with arrows or clicked, and a count behind them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

from rich.cells import cell_len
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.spans import Spans, cells, cut, to_segments, wall

_KINDS = ("on", "off", "chosen", "count", "more")


class Chip(NamedTuple):
    """What a chip says, and whether it is on."""

    text: str
    on: bool = True


class ChipRow(Widget, can_focus=True):
    """The row. What is done to a chip is said in messages; the owner then calls ``show``."""

    ALLOW_SELECT = False
    COMPONENT_CLASSES: ClassVar[set[str]] = {f"chip-row--{kind}" for kind in _KINDS}
    DEFAULT_CSS = """
    ChipRow {
        height: 1;
        & > .chip-row--on { color: $text-accent; text-style: bold; }
        & > .chip-row--off { text-style: dim; }
        & > .chip-row--chosen { text-style: reverse; }
        & > .chip-row--count { text-style: dim; }
        & > .chip-row--more { text-style: dim; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "choose(-1)", "The chip before", show=False),
        Binding("right", "choose(1)", "The next chip", show=False),
        Binding("home", "choose(-1000)", "The first chip", show=False),
        Binding("end", "choose(1000)", "The last chip", show=False),
        Binding("enter", "switch", "Off or on", show=False),
        Binding("delete,backspace", "remove", "Take away", show=False),
    ]

    class ChipMessage(Message):
        """Something about one chip of ``row``."""

        def __init__(self, row: ChipRow, chip: int) -> None:
            super().__init__()
            self.row = row
            self.chip = chip

        @property
        def control(self) -> ChipRow:
            """The row it came from."""
            return self.row

    class Toggled(ChipMessage):
        """The user wants a chip off, or on again."""

    class Removed(ChipMessage):
        """The user wants a chip gone."""

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._cut = "..." if ascii_only else "…"
        self._chips: list[Chip] = []
        self._count = ""
        self._chosen = 0
        self._scroll = 0  # cells of the chips that are left of the view

    def show(self, chips: Sequence[Chip], count: str) -> None:
        """These chips, and these words behind them."""
        self._chips, self._count = list(chips), count
        self._chosen = max(0, min(self._chosen, len(chips) - 1))
        self.refresh()

    @property
    def chosen(self) -> int:
        """The chip that keys are for."""
        return self._chosen

    @chosen.setter
    def chosen(self, chip: int) -> None:
        self._chosen = max(0, min(chip, len(self._chips) - 1))
        self.refresh()

    def action_choose(self, by: int) -> None:
        """Another chip."""
        self.chosen += by

    def action_switch(self) -> None:
        """Say that the chosen chip is to be switched."""
        if self._chips:
            self.post_message(self.Toggled(self, self._chosen))

    def action_remove(self) -> None:
        """Say that the chosen chip is to go."""
        if self._chips:
            self.post_message(self.Removed(self, self._chosen))

    def on_click(self, event: events.Click) -> None:
        """A click switches a chip."""
        for number, (start, end) in enumerate(self._places()):
            if start <= event.x + self._scroll < end:
                self.chosen = number
                self.action_switch()

    def on_focus(self) -> None:
        """The chosen chip is drawn."""
        self.refresh()

    def on_blur(self) -> None:
        """It is not drawn any more."""
        self.refresh()

    # Drawing

    def _texts(self) -> list[str]:
        return [f"[{'x' if chip.on else ' '}] {wall(chip.text)}" for chip in self._chips]

    def _places(self) -> list[tuple[int, int]]:
        """From which cell to which each chip goes."""
        places, cell = [], 1
        for text in self._texts():
            places.append((cell, cell + cell_len(text)))
            cell = places[-1][1] + 2
        return places

    def render_line(self, y: int) -> Strip:
        """The row."""
        width, base, places = self.size.width, self.rich_style, self._places()
        if y or not places:
            return Strip.blank(width, base)
        count: Spans = cut([(f"  {wall(self._count)} ", "count")], max(0, width // 2), self._cut)
        room = max(1, width - cells(count))
        start, end = places[self._chosen]
        self._scroll = max(0, min(max(self._scroll, end + 1 - room), start - 1, places[-1][1] + 1 - room))
        spans: Spans = []
        for number, (text, chip) in enumerate(zip(self._texts(), self._chips, strict=True)):
            chosen = number == self._chosen and self.has_focus
            spans += [(" " if not number else "  ", ""), (text, "chosen" if chosen else "on" if chip.on else "off")]
        styles = {kind: self.get_component_rich_style(f"chip-row--{kind}", partial=True) for kind in _KINDS}
        chips = Strip(to_segments(spans, styles)).crop_extend(self._scroll, self._scroll + room, Style.null())
        return Strip([*chips, *to_segments(count, styles)]).crop_extend(0, width, Style.null()).apply_style(base)
