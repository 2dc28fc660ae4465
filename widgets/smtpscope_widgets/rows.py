"""What a log is made of: rows, and who gives them."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from smtpscope_widgets.spans import Spans


class Row(NamedTuple):
    """A row of the log. ``kind`` names its style (``sent``, ``received``, ``note``, ``refused``, ``divider`` ...)."""

    time: str
    marks: str
    """Direction and TLS, one cell a character, such as ``->`` or ``<~``."""
    spans: Spans
    """Its text; the kind ``hit`` is what a search has found in it."""
    kind: str
    foldable: str = ""
    """``closed`` or ``open`` for the first row of a group that folds, else empty."""
    flag: str = ""
    """A mark of the user's, one cell, before everything else; empty for none."""
    note: str = ""
    """The user's words about the row, shown behind its text however long that is."""


class RowProvider(Protocol):
    """Where rows come from: a length that may change, and a row by its index, asked for rows in view."""

    def __len__(self) -> int: ...

    def row(self, index: int, /) -> Row:
        """The row to draw at ``index``."""
        ...


class NoRows:
    """The provider of an empty log."""

    def __len__(self) -> int:
        return 0

    def row(self, index: int, /) -> Row:
        """There is none."""
        raise IndexError(index)
