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

Span: TypeAlias = tuple[str, str]
Spans: TypeAlias = list[Span]


def wall(text: str) -> str:
    """``text`` with U+FFFD in the place of every character that is not printable."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else "\ufffd" for char in text)


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


def fitting(text: str, room: int) -> int:
    """How many characters of ``text``, from the first, fit into ``room`` cells."""
    if text.isascii():
        return min(len(text), max(0, room))
    least, most = 0, len(text)
    while least < most:
        middle = (least + most + 1) // 2
        if cell_len(text[:middle]) <= room:
            least = middle
        else:
            most = middle - 1
    return least


def without(spans: Spans, room: int) -> tuple[Spans, int]:
    """Spans without what fits into their first ``room`` cells, and how many characters that is."""
    gone = 0
    for place, (text, kind) in enumerate(spans):
        text = wall(text)
        count = fitting(text, room)
        gone += count
        if count < len(text):
            return [(text[count:], kind), *spans[place + 1 :]], gone
        room -= cell_len(text)
    return [], gone


def broken(spans: Spans, width: int) -> list[Spans]:
    """Spans as lines of at most ``width`` cells (2 at least), broken wherever one is full; nothing is lost."""
    lines: list[Spans] = [[]]
    room = width
    for text, kind in spans:
        text = wall(text)
        while (size := cell_len(text)) > room:
            count = fitting(text, room)
            if not count and room == width:
                count = 1  # a cluster that no line has room for
            if count:
                lines[-1].append((text[:count], kind))
            lines.append([])
            text, room = text[count:], width
        if text:
            lines[-1].append((text, kind))
            room -= size
    return lines


def with_hits(spans: Spans, hits: Iterable[tuple[int, int]]) -> Spans:
    """Spans in which the (start, end) places of their whole text are of kind ``hit``; the places are in order."""
    result: Spans = []
    begin = 0
    ranges = list(hits)
    for text, kind in spans:
        last, end = 0, begin + len(text)
        for start, stop in ranges:
            if (first := max(start, begin)) < (behind := min(stop, end)):
                result += [(text[last : first - begin], kind), (text[first - begin : behind - begin], "hit")]
                last = behind - begin
        result.append((text[last:], kind))
        begin = end
    return [span for span in result if span[0]]


def wrapped(spans: Spans, width: int) -> list[Spans]:
    """Spans as lines of at most ``width`` cells, broken at blanks, and within a word that no line has room for."""
    lines: list[Spans] = [[]]
    room = width
    for text, kind in spans:
        for word in re.findall(r" *[^ ]+| +$", wall(text)):
            size = cell_len(word)
            if size > room and lines[-1] and (size <= width or room < width // 2):
                lines.append([])
                word, room = word.lstrip(" "), width
                size = cell_len(word)
            if size > room:
                lines[-1:] = broken([*lines[-1], (word, kind)], width)
                room = width - cells(lines[-1])
                continue
            if lines[-1] and lines[-1][-1][1] == kind:
                word = lines[-1].pop()[0] + word
            lines[-1].append((word, kind))
            room -= size
    return lines
