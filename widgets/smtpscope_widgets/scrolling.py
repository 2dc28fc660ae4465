"""Scrolling that costs little: a view whose lines become more or fewer, and that stays where it is on the screen."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView


def set_lines(view: ScrollView, lines: int) -> None:
    """There are so many lines to scroll through. Only where the scrollbar comes or goes anything is laid out anew."""
    before, height = view.virtual_size.height, view.size.height
    if height and (before > height) == (lines > height) == view.show_vertical_scrollbar:
        view.set_reactive(ScrollView.virtual_size, Size(1, lines))
        if view.show_vertical_scrollbar:
            view.vertical_scrollbar.window_virtual_size = lines
        view.scroll_y = view.validate_scroll_y(view.scroll_y)
    else:
        view.virtual_size = Size(1, lines)
