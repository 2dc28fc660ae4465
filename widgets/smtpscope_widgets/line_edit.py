"""One line of text being edited, and the glyphs it is drawn with. Pure: no terminal, no events.

The cursor moves by glyph: a character with the combining marks on it, or a symbol for what nobody could see.
"""

from __future__ import annotations

import re
import string
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import NamedTuple

from rich.cells import cell_len

_MARKS = 4
"""Combining marks that one character may carry; the ones after are drawn as symbols."""

# Printable by their category, yet drawn as nothing, or as a change of the width of the character before.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)


class Glyph(NamedTuple):
    """What stands for ``text[start:end]``; ``symbol`` if that cannot be shown as it is."""

    start: int
    end: int
    shown: str
    cells: int
    symbol: bool


def glyphs(text: str, *, mask: str = "", ascii_only: bool = False) -> Iterator[Glyph]:
    """The glyphs of ``text``, left to right, every character of them printable; each is ``mask`` if there is one."""
    start = 0
    while start < len(text):
        end = glyph_end(text, start + 1)
        char = text[start]
        if mask:
            yield Glyph(start, end, mask, cell_len(mask), False)
        elif _is_shown(char) and cell_len(char):
            yield Glyph(start, end, text[start:end], cell_len(char), False)
        else:
            yield Glyph(start, end, "?" if ascii_only else _symbol(char), 1, True)
        start = end


class Row:
    """Glyphs side by side, each with its first column; behind the last one is room for a cursor."""

    def __init__(self, glyphs: Iterable[Glyph]) -> None:
        self.glyphs = list(glyphs)
        self.columns = list(accumulate((glyph.cells for glyph in self.glyphs), initial=0))

    def cell(self, at: int) -> tuple[int, int]:
        """First column and width of what is drawn for the text's place ``at``."""
        index = bisect_right(self.glyphs, at, key=lambda glyph: glyph.end)
        return self.columns[index], self.glyphs[index].cells if index < len(self.glyphs) else 1

    def place(self, column: int) -> int:
        """The text's place that is drawn in ``column``, or the nearest."""
        index = bisect_right(self.columns, max(0, column)) - 1
        return self.glyphs[index].start if index < len(self.glyphs) else self.end

    def between(self, first: int, last: int) -> tuple[list[Glyph], int]:
        """The glyphs that have cells from column ``first`` up to ``last``, and the column of the first of them."""
        index = max(0, bisect_right(self.columns, first) - 1)
        return self.glyphs[index : bisect_left(self.columns, last)], self.columns[index]

    @property
    def end(self) -> int:
        """The text's length."""
        return self.glyphs[-1].end if self.glyphs else 0


def glyph_end(text: str, at: int) -> int:
    """The first place from ``at`` on that is not inside a glyph."""
    while at < len(text) and _attaches(text, at):
        at += 1
    return at


def glyph_start(text: str, at: int) -> int:
    """The last place up to ``at`` that is not inside a glyph."""
    while 0 < at < len(text) and _attaches(text, at):
        at -= 1
    return at


class LineEdit:
    """A text and a cursor in it. Every operation is total; the cursor is never inside a glyph."""

    __slots__ = ("cursor", "text")  # and no repr: it may be a password

    def __init__(self, text: str = "", cursor: int | None = None) -> None:
        self.text = ""
        self.cursor = 0
        self.set(text, cursor)

    def set(self, text: str, cursor: int | None = None) -> None:
        """Another text, with the cursor at its end unless told."""
        self.text = text
        self.move_to(len(text) if cursor is None else cursor)

    def insert(self, text: str) -> None:
        """Put ``text`` before the cursor."""
        self._replace(self.cursor, self.cursor, text)

    def move_to(self, at: int) -> None:
        """Put the cursor there, or after the glyph that is there."""
        self.cursor = glyph_end(self.text, max(0, min(at, len(self.text))))

    def left(self) -> None:
        """Move by a glyph."""
        self.cursor = self._before()

    def right(self) -> None:
        """Move by a glyph."""
        self.move_to(self.cursor + 1)

    def home(self) -> None:
        """Move before the text."""
        self.cursor = 0

    def end(self) -> None:
        """Move behind the text."""
        self.cursor = len(self.text)

    def word_left(self) -> None:
        """Move to the start of the word, or of the one before."""
        self.cursor = self._word_before()

    def word_right(self) -> None:
        """Move to the end of the word, or of the one after."""
        at = self.cursor
        while at < len(self.text) and not _in_word(self.text[at]):
            at += 1
        while at < len(self.text) and _in_word(self.text[at]):
            at += 1
        self.move_to(at)

    def backspace(self) -> None:
        """Delete the glyph before the cursor."""
        self._replace(self._before(), self.cursor)

    def delete(self) -> None:
        """Delete the glyph at the cursor."""
        self._replace(self.cursor, glyph_end(self.text, self.cursor + 1))

    def delete_word(self) -> None:
        """Delete back to the start of the word, or of the one before."""
        self._replace(self._word_before(), self.cursor)

    def delete_to_end(self) -> None:
        """Delete from the cursor on."""
        self._replace(self.cursor, len(self.text))

    def clear(self) -> None:
        """Delete everything."""
        self.set("")

    def _replace(self, start: int, end: int, text: str = "") -> None:
        self.set(self.text[:start] + text + self.text[end:], start + len(text))

    def _before(self) -> int:
        return glyph_start(self.text, max(0, self.cursor - 1))

    def _word_before(self) -> int:
        at = self.cursor
        while at and not _in_word(self.text[at - 1]):
            at -= 1
        while at and _in_word(self.text[at - 1]):
            at -= 1
        return glyph_start(self.text, at)


def _in_word(char: str) -> bool:
    return not char.isspace() and (char == "_" or char not in string.punctuation)


def _is_shown(char: str) -> bool:
    return char.isprintable() and not _INVISIBLE.match(char)


def _is_mark(char: str) -> bool:
    return not char.isascii() and cell_len(char) == 0 and _is_shown(char)


def _attaches(text: str, at: int) -> bool:
    """Whether the character at ``at`` is drawn on the one before it: a mark, and not too many on a shown character."""
    if not _is_mark(text[at]):
        return False
    for before in range(at - 1, max(-1, at - 1 - _MARKS), -1):
        if not _is_mark(text[before]):
            return _is_shown(text[before])
    return False


def _symbol(char: str) -> str:
    """A sign of one cell: Unicode's pictures of the C0 controls and DEL, else U+FFFD."""
    code = ord(char)
    return chr(0x2400 + code) if code < 0x20 else "\u2421" if code == 0x7F else "\ufffd"
