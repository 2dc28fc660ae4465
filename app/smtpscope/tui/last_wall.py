"""The last wall: what no other has stopped does not reach the terminal, in a frame or in the report of a fault."""

from __future__ import annotations

import traceback
from pathlib import Path

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from smtpscope_widgets.drawing import to_ascii
from smtpscope_widgets.spans import wall


class LastWall(LineFilter):
    """Nothing unprintable reaches the terminal, whichever widget it comes from; in ASCII mode nothing but ASCII."""

    def __init__(self, ascii_only: bool) -> None:
        super().__init__()
        self._ascii_only = ascii_only

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what slipped through; the cells stay as many."""
        return [Segment(self._safe(text), style, control) for text, style, control in segments]

    def _safe(self, text: str) -> str:
        safe = wall(text)
        if self._ascii_only and not safe.isascii():
            safe = "".join(c if c.isascii() else "?" * cell_len(c) for c in to_ascii(safe))
        return safe if safe == text else set_cell_size(safe, cell_len(text))


def fault(error: BaseException | None) -> str:
    """What is told of an exception that nobody caught: what it is, and which of our lines it came through."""
    frames = traceback.extract_tb(error.__traceback__ if error is not None else None)
    ours = [f"{Path(each.filename).name}:{each.lineno}" for each in frames if "smtpscope" in each.filename]
    where = ", ".join(ours[-3:]) or "a place unknown"
    return f"This is a fault of smtpscope, which ends here: {type(error).__name__} at {where}: {error}"
