"""How kinds of text look, in the colours of the theme in force.

Not by component classes: each widget would style each of its kinds anew, twice, which was a fifth of a start.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.style import Style
from textual.app import App
from textual.color import Color


class Looks:
    """A look for each kind, as in ``bold $text-error on $panel``: Rich's words, and colours that the theme names."""

    def __init__(self, looks: Mapping[str, str]) -> None:
        self._looks = {kind: look.split() for kind, look in looks.items()}
        self._names = sorted({word[1:] for words in self._looks.values() for word in words if word[0] == "$"})
        self._colors: list[str] | None = None
        self._styles: dict[str, Style] = {}

    def styles(self, app: App[Any]) -> dict[str, Style]:
        """A style for each kind; the same object as long as the theme has the same colours."""
        variables = app.theme_variables
        colors = [variables[name] for name in self._names]
        if colors != self._colors:
            self._colors = colors
            self._styles = {kind: _made(words, variables) for kind, words in self._looks.items()}
        return self._styles


def _made(words: list[str], variables: Mapping[str, str]) -> Style:
    style, behind = Style.null(), False
    for word in words:
        if word == "on":
            behind = True
        elif word[0] == "$":
            color = Color.parse(variables[word[1:]].split()[0]).rich_color  # how opaque it is may stand behind it
            style += Style.from_color(bgcolor=color) if behind else Style.from_color(color)
        else:
            style += Style.parse(word)
    return style


TEXT = Looks({
    "dim": "dim",
    "strong": "bold",
    "good": "$text-success bold",
    "bad": "$text-error bold",
    "warn": "$text-warning bold",
    "key": "$text-accent bold",
    "question": "$text-accent bold reverse",
    "control": "$text-warning underline",
    "more": "dim",
    "hidden": "dim",
    "code": "bold",
    "fault": "$text-error bold",
})  # fmt: skip
"""What rows, pages and lists are made of; ``text``, and what is not here, is plain."""
