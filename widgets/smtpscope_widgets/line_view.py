"""LineView: a prompt, a line of text with a cursor in it, and a hint, in one row; what ``WireLine`` looks like."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset
from textual.reactive import reactive
from textual.selection import Selection
from textual.strip import Strip
from textual.widget import Widget

from smtpscope_widgets.kinds import Looks
from smtpscope_widgets.line_edit import LineEdit, Row, glyphs
from smtpscope_widgets.line_recall import Cycle
from smtpscope_widgets.spans import cells, cut, wall

LOOKS = Looks({
    "prompt": "bold",
    "text": "",
    "ghost": "dim underline",
    "control": "$text-warning underline",
    "cursor": "reverse",
    "more": "dim",
    "legal": "$text-success",
    "out": "$text-warning bold",
    "impossible": "$text-error bold",
    "note": "dim",
})  # fmt: skip
"""Parts of the line, and what its hint can be."""
_ROOM = 16
"""Cells that the hint leaves to the text."""
_SHORTEST_HINT = 4
_SHORT_HINT = 14
"""Cells of a hint that even a long text does not take; on a wide line a third of it."""


class LineView(Widget):
    """The row as it is drawn."""

    ALLOW_SELECT = False
    DEFAULT_CSS = "LineView { height: 1; }"

    prompt: reactive[str] = reactive(">")
    hint: reactive[str] = reactive("")
    hint_kind: reactive[str] = reactive("note")
    """``legal``, ``out``, ``impossible`` or ``note``."""
    ascii_only: reactive[bool] = reactive(False)

    def __init__(self, *, ascii_only: bool = False, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.set_reactive(LineView.ascii_only, ascii_only)
        self._masked = False
        self._edit = LineEdit()
        self._ghost = ""
        self._ghost_key = ""
        self._cycle: Cycle | None = None
        self._scroll = 0  # cells of the text that are left of the view

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """Nothing: the text may be masked."""
        return None

    def render_line(self, y: int) -> Strip:
        """The row; only the first has anything in it."""
        width = self.size.width
        if y or not width:
            return Strip.blank(width, self.rich_style)
        row, at = self._row(), self._ghost_cursor() if self._ghost else self._edit.cursor
        total = row.columns[-1]
        lead = self._lead()
        taken = cells([(lead, "")])
        hint = self._shown_hint(width - taken - 2, total + 1)
        room = max(1, width - taken - 1 - (cells([(hint, "")]) + 1 if hint else 0))
        x, wide = row.cell(at)
        self._scroll = max(x + wide - room, min(self._scroll, x, max(0, total + 1 - room)))
        marks = "<>" if self.ascii_only else "……"
        left = marks[0] if self._scroll else " "
        right = marks[1] if total > self._scroll + room else " "
        if self.has_focus:  # where an input method opens
            self.app.cursor_position = self.content_region.offset + Offset(taken + x - self._scroll, 0)
        more, kind = self._style("more"), "note" if self._cycle else self.hint_kind
        segments = [Segment(lead[:-1], self._style("prompt")), Segment(left, more)]
        segments += [*self._text(row, at, room), Segment(right, more)]
        if hint:
            segments += [Segment(" "), Segment(hint, self._style(kind))]
        return Strip(segments).crop_extend(0, width, None).apply_style(self.rich_style)

    def _row(self) -> Row:
        mask = ("*" if self.ascii_only else "•") if self._masked else ""
        return Row(glyphs(self._ghost or self._edit.text, mask=mask, ascii_only=self.ascii_only))

    def _ghost_cursor(self) -> int:
        """Where a letter typed over the ghost would stand."""
        key = self._ghost_key
        return len(key) if key and self._ghost.casefold().startswith(key.casefold()) else 0

    def _text(self, row: Row, at: int, room: int) -> Strip:
        """What is in view of the text, and of the cell behind it that the cursor may be in."""
        base = self._style("ghost" if self._ghost else "text")
        control = base + self._style("control")
        cursor = self._style("cursor") if self.has_focus else Style.null()
        shown, column = row.between(self._scroll, self._scroll + room)
        segments = []
        for glyph in shown:
            style = control if glyph.symbol else base
            segments.append(Segment(glyph.shown, style + cursor if glyph.start == at else style))
        segments.append(Segment(" ", cursor if at == row.end else None))  # cut off if it is not in view
        return Strip(segments).crop_extend(self._scroll - column, self._scroll - column + room, None)

    def _lead(self) -> str:
        """The prompt with a blank on both sides, in a narrow line cut to half of it."""
        room = max(0, self.size.width // 2 - 2)
        return f" {''.join(text for text, _ in cut([(wall(self.prompt), '')], room, ''))} "

    def _shown_hint(self, room: int, text: int) -> str:
        """The hint, or what a completion says in its place, as far as there is room beside so many cells of text."""
        room -= max(_ROOM, min(text, room - max(_SHORT_HINT, room // 3)))
        hint = wall(self._cycle.says if self._cycle else self.hint)
        shown = cut([(hint, "")], room, "..." if self.ascii_only else "…")
        return "".join(text for text, _ in shown) if room >= _SHORTEST_HINT else ""

    def _style(self, name: str) -> Style:
        styles = LOOKS.styles(self.app)
        return styles.get(name, styles["note"])
