"""How the kinds of text look that rows, pages and lists are made of, in the colours of the theme in force.

Not by component classes: each widget would style each kind anew, which was a tenth of a start.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from rich.style import Style
from textual.app import App
from textual.color import Color

_LOOKS = {
    "dim": ("", Style(dim=True)),
    "strong": ("", Style(bold=True)),
    "good": ("text-success", Style(bold=True)),
    "bad": ("text-error", Style(bold=True)),
    "warn": ("text-warning", Style(bold=True)),
    "key": ("text-accent", Style(bold=True)),
    "question": ("text-accent", Style(bold=True, reverse=True)),
    "control": ("text-warning", Style(underline=True)),
    "more": ("", Style(dim=True)),
    "hidden": ("", Style(dim=True)),
    "code": ("", Style(bold=True)),
    "fault": ("text-error", Style(bold=True)),
}
"""By kind: the theme's variable for its colour, empty for the widget's own, and what else it is."""


def text_styles(app: App[Any]) -> dict[str, Style]:
    """A style for each kind, without a background; ``text`` and what is not here is plain."""
    return _styles(tuple(app.theme_variables[name] if name else "" for name, _ in _LOOKS.values()))


@lru_cache(maxsize=8)
def _styles(colors: tuple[str, ...]) -> dict[str, Style]:
    paints = (Style.from_color(Color.parse(color).rich_color) if color else Style.null() for color in colors)
    return {kind: paint + look for paint, (kind, (_, look)) in zip(paints, _LOOKS.items(), strict=True)}
