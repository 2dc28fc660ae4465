"""Text in kinds: what a widget is given to show, and how it is drawn.

A span is ``(text, kind)``; a widget maps kinds to styles. Text is never markup, and the last wall stands here: what
is not printable is drawn as U+FFFD, whatever the giver did or forgot.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import TypeAlias

from rich.cells import cell_len, split_text
from rich.segment import Segment
from rich.style import Style
from textual.content import Content

Span: TypeAlias = tuple[str, str]
Spans: TypeAlias = list[Span]

STYLES: Mapping[str, str] = {"control": "$text-warning underline", "more": "dim", "hidden": "dim"}
"""Textual styles of the kinds that any text may have."""


def wall(text: str) -> str:
    """``text`` with U+FFFD in the place of every character that is not printable."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


def to_content(spans: Iterable[Span], styles: Mapping[str, str] = STYLES) -> Content:
    """Spans as Content for any Textual widget; a kind without a style is drawn plain."""
    return Content.assemble(*((wall(text), styles.get(kind, "")) for text, kind in spans))


def to_segments(spans: Iterable[Span], styles: Mapping[str, Style]) -> list[Segment]:
    """Spans as Segments for a Strip; a kind without a style is drawn plain."""
    return [Segment(wall(text), styles.get(kind, Style.null())) for text, kind in spans]


def cells(spans: Iterable[Span]) -> int:
    """How many terminal cells the spans take as they are drawn."""
    return sum(cell_len(wall(text)) for text, _ in spans)


def cut(spans: Spans, width: int, mark: str = "…") -> Spans:
    """Spans of at most ``width`` cells, ending in ``mark`` (kind ``more``) where something was cut."""
    if cells(spans) <= width:
        return spans
    if width < cell_len(mark):
        return [(mark[: max(0, width)], "more")]
    room = width - cell_len(mark)
    kept: Spans = []
    for text, kind in spans:
        text = wall(text)
        if (size := cell_len(text)) > room:
            kept.append((split_text(text, room)[0], kind))
            break
        kept.append((text, kind))
        room -= size
    return [*kept, (mark, "more")]


def wrapped(spans: Spans, width: int) -> list[Spans]:
    """Spans as lines of at most ``width`` cells, broken at blanks; a word that is longer is left whole."""
    lines: list[Spans] = [[]]
    room = width
    for text, kind in spans:
        for word in re.findall(r" *[^ ]+| +$", wall(text)):
            size = cell_len(word)
            if size > room and lines[-1]:
                lines.append([])
                word, room = word.lstrip(" "), width
                size = cell_len(word)
            lines[-1].append((word, kind))
            room -= size
    return lines
