"""A comparison of two sessions, and how it is laid out: the first difference first, then all of it side by side."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from smtpscope.visible import Spans

NARROWEST = 40
"""Cells that the table takes at least."""

_LEGEND = "!  differs   ~  differs by nature   <  only in A   >  only in B   =  as in A"


class Row(NamedTuple):
    """One thing that both sessions have, or one of them."""

    label: str
    a: str | None
    b: str | None
    """What each says, printable; None where it has no such thing."""
    differs: bool = False
    minor: bool = False
    """It differs by nature: a time, an id, a name that is told apart on purpose."""
    step: bool = False
    """It begins a step; the rows behind it belong to it."""

    @property
    def mark(self) -> str:
        """What stands before it, in shape and not in colour alone."""
        if not self.differs and not self.minor:
            return " "
        if self.a is None or self.b is None:
            return ">" if self.a is None else "<"
        return "!" if self.differs else "~"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows in order; ``first`` is the index of the first that differs, None if none does."""

    rows: tuple[Row, ...]
    first: int | None
    outcomes: tuple[str, str] = ("", "")
    """How each session ended, as a short sentence, printable."""

    @property
    def same(self) -> bool:
        """Whether nothing differs but what differs by nature."""
        return self.first is None

    @property
    def first_step(self) -> str:
        """The label of the step that the first difference is of."""
        until = self.rows[: (self.first or 0) + 1]
        return next((row.label for row in reversed(until) if row.step), "")


def comparison_lines(comparison: Comparison, width: int, names: tuple[str, str] = ("A", "B")) -> list[Spans]:
    """The table in ``width`` cells, the first difference first; ``names`` are the sessions', printable.

    Kinds: ``strong``, ``dim``, ``bad`` (differs), ``warn`` (differs by nature), ``good`` and ``text``.
    """
    width = max(width, NARROWEST)
    lines = []
    for letter, name, outcome in zip("AB", names, comparison.outcomes, strict=True):
        title = f"  {name}" if name != letter else ""
        lines += _hanging([(letter, "strong"), (title, "strong"), (f"  {outcome}" * bool(outcome), "text")], width)
    lines += [[], *_first(comparison, width), []]
    if comparison.rows:
        lines += _hanging([(_LEGEND, "dim")], width)
    for index, row in enumerate(comparison.rows):
        if row.step and index:
            lines.append([])
        lines += _row(row, width, index == comparison.first)
    return lines


def comparison_text(comparison: Comparison, names: tuple[str, str] = ("A", "B"), width: int = 100) -> str:
    """The same as text, each line ending in LF."""
    lines = comparison_lines(comparison, width, names)
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)


def _first(comparison: Comparison, width: int) -> list[Spans]:
    if comparison.first is None:
        return _hanging([("Nothing differs but what differs by nature.", "good")], width)
    row, step = comparison.rows[comparison.first], comparison.first_step
    what = step if row.step or not step else f"{step}: {row.label.strip()}"
    lines = _hanging([("The first difference: ", "strong"), (what or row.label, "bad")], width)
    for letter, said in (("A", row.a), ("B", row.b)):
        lines += _hanging([(f"  {letter}  ", "strong"), (said if said is not None else "nothing of it", "bad")], width)
    return lines


def _row(row: Row, width: int, first: bool) -> list[Spans]:
    """The lines of one row: mark, label and two columns."""
    label = 22 if width >= 90 else 14
    column = (width - 3 - label - 2) // 2
    kind = "bad" if row.differs else "warn" if row.minor else "text" if row.step else "dim"
    alike = row.a == row.b and row.a is not None
    texts = (row.label, row.a if row.a is not None else "-", "=" if alike and row.a else row.b or "-" * (row.b is None))
    widths = (label, column, column)
    cells = [list(_wrapped(text, size)) for text, size in zip(texts, widths, strict=True)]
    lines: list[Spans] = []
    for index in range(max(map(len, cells))):
        mark = ("*" if first else "") + row.mark if index == 0 else ""
        pieces = [cell[index] if index < len(cell) else "" for cell in cells]
        padded = [piece + " " * (size - _cells(piece)) for piece, size in zip(pieces, widths, strict=True)]
        lines.append(
            [
                (f"{mark:<3}", "bad" if row.differs else "warn"),
                (padded[0], "strong" if row.step else kind),
                (f" {padded[1]} ", kind),
                (pieces[2], "dim" if alike else kind),
            ]
        )
    return lines


def _hanging(spans: Spans, width: int) -> list[Spans]:
    """One paragraph; the lines behind the first are indented."""
    lines: list[Spans] = [[]]
    room = width
    for text, kind in spans:
        while text:
            piece, text = _taken(text, room)
            lines[-1].append((piece, kind))
            room -= _cells(piece)
            if text:
                lines.append([("     ", kind)])
                room, text = width - 5, text.lstrip(" ")
    return lines


def _wrapped(text: str, width: int) -> Iterator[str]:
    """Pieces of at most ``width`` cells; at least one."""
    while True:
        piece, text = _taken(text, width)
        yield piece
        indented = piece.startswith("  ")
        text = text.lstrip(" ")
        if not text:
            return
        if indented:
            text = f"  {text}"


def _taken(text: str, width: int) -> tuple[str, str]:
    """The beginning of ``text`` that fits, cut at its last blank if there is one in the later half, and the rest."""
    if _cells(text) <= width:
        return text, ""
    used = fitting = 0
    while (used := used + _cells(text[fitting])) <= width:
        fitting += 1
    fitting = max(1, fitting)
    blank = text.rfind(" ", fitting // 2, fitting + 1)
    end = blank if blank > 0 and text[:blank].strip() else fitting
    return text[:end], text[end:]


def _cells(text: str) -> int:
    """Terminal cells that printable text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.category(char)[0] == "M" else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )
