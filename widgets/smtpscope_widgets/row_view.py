"""RowView: a window of rows, drawn line by line, of which text can be selected by mouse."""

from __future__ import annotations

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Offset, Region
from textual.selection import Selection
from textual.strip import Strip

from smtpscope_widgets.places import Place
from smtpscope_widgets.row_strips import Line, cell_of
from smtpscope_widgets.row_window import LOOKS, RowWindow

_FAR = 1 << 30  # a column beyond every line


class RowView(RowWindow):
    """The rows in the window as they look. A character of a row is counted from its first, in view or not."""

    ALLOW_SELECT = True
    _base = Style.null()
    _drawn_in: dict[str, Style] | None = None

    # Selecting text

    def text_select_all(self) -> None:
        """Nothing: a double click opens a row, and a million rows are not selected by accident."""

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        """The selected rows only, whole where the view had to cut them."""
        start, end = self._ends(selection)
        lines: list[str] = []
        for index in range(max(0, start.y), min(end.y + 1, self._rows)):
            text = self._strips.text(index)
            if index == end.y and end.x < self._drawn_to(index):
                text = text[: end.x]
            lines.append(text[max(1, start.x if index == start.y else 0) :])  # the first cell is the cursor's
        return ("\n".join(lines), "\n") if lines else None

    def _drawn_to(self, row: int) -> int:
        """How many characters of a row are drawn; all that follow are cut off."""
        last = self._lines(row)[-1]
        return last.before + len(last.strip.crop(last.lead).text.rstrip())

    def selection_updated(self, selection: Selection | None) -> None:
        """Draw the selection."""
        self.refresh()

    def _ends(self, selection: Selection) -> tuple[Offset, Offset]:
        """Where a selection starts and ends; one that reaches into another widget starts or ends with the view."""
        shown = self._in_view()
        bottom = shown[-1].row if shown else -1
        return selection.start or Offset(0, self.top), selection.end or Offset(_FAR, bottom)

    def _dragged(self) -> bool:
        selection = self.text_selection
        return selection is not None and selection.start != selection.end

    # Drawing

    def render_lines(self, crop: Region) -> list[Strip]:
        """Some lines; what they stand on is worked out once for all of them."""
        self._base, looks = self.rich_style, LOOKS.styles(self.app)
        if looks is not self._drawn_in:  # another theme
            self._drawn_in = looks
            self._strips.forget_styles()
        return super().render_lines(crop)

    def render_line(self, y: int) -> Strip:
        """One line of the view."""
        base, shown = self._base, self._in_view()
        if y >= len(shown):
            return Strip.blank(self.width, base)
        place = shown[y]
        lines = self._lines(place.row)
        if self._strips.widened:  # the lines above are drawn in narrower columns
            self._strips.widened = False
            self.call_next(self._turn)
        line = lines[min(place.line, len(lines) - 1)]
        strip = self._decorated(line.strip, place, y)
        strip = self._selected(strip, line, place).apply_style(base)
        if line.before == line.lead:  # the whole row from its first character on
            return strip.apply_offsets(0, place.row)
        lead, text = strip.crop(0, line.lead), strip.crop(line.lead)
        before = 0 if not place.line else line.before - len(lead.text)
        return Strip.join([lead.apply_offsets(before, place.row), text.apply_offsets(line.before, place.row)])

    def _decorated(self, strip: Strip, place: Place, y: int) -> Strip:
        """A line with what is not its row's own, such as a cursor."""
        return strip

    def _selected(self, strip: Strip, line: Line, place: Place) -> Strip:
        """The strip with the selected part of it marked."""
        if (selection := self.text_selection) is None:
            return strip
        start, end = self._ends(selection)
        if not start.y <= place.row <= end.y:
            return strip
        first = cell_of(line, not place.line, start.x) if place.row == start.y else 0
        last = cell_of(line, not place.line, end.x) if place.row == end.y else strip.cell_length
        style = self.screen.get_component_rich_style("screen--selection")
        middle = Segment.apply_style(strip.crop(first, last), post_style=style)
        return Strip([*strip.crop(0, first), *middle, *strip.crop(last)], strip.cell_length)
