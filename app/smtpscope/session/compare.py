"""Two sessions side by side, step by step: what differs, and what differs first."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event
from smtpscope.visible import Spans


class Row(NamedTuple):
    """One thing that both sessions have, or one of them."""

    label: str
    a: str | None
    b: str | None
    """What each says, printable; None where it has no such thing."""
    differs: bool = False
    minor: bool = False
    """It differs by nature: a time, an id, a name that is told apart on purpose."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows in order; ``first`` is the index of the first that differs, None if none does."""

    rows: tuple[Row, ...]
    first: int | None

    @property
    def same(self) -> bool:
        """Whether nothing differs but what differs by nature."""
        return self.first is None


def compare(
    a: Recorder | Iterable[Event], b: Recorder | Iterable[Event], *, redactor: Redactor | None = None
) -> Comparison:
    """Lay two sessions side by side; their secrets are hidden, and those that ``redactor`` knows."""
    return Comparison((), None)


def comparison_lines(comparison: Comparison, width: int, names: tuple[str, str] = ("A", "B")) -> list[Spans]:
    """The table in ``width`` cells (at least 40), the first difference first."""
    return []


def comparison_text(comparison: Comparison, names: tuple[str, str] = ("A", "B"), width: int = 100) -> str:
    """The same as text, each line ending in LF, as ``smtpscope diff A B`` prints it."""
    lines = comparison_lines(comparison, width, names)
    return "".join("".join(text for text, _ in line).rstrip() + "\n" for line in lines)
