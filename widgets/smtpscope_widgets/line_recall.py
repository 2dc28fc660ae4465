"""What a line recalls from its history, and what completes it. Pure: no terminal, no events."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile


@dataclass(slots=True)
class Walk:
    """A walk through the lines of a history that begin as the draft does, in any case; it starts at the draft."""

    lines: list[str]
    at: int
    draft: str
    covered_by: str
    """The ghost that covers the draft, which is not what the lines begin with then."""

    @classmethod
    def over(cls, history: Sequence[str], draft: str, ghost: str) -> Walk:
        """A walk over ``history`` (oldest first), of equal lines the last."""
        begin = "" if ghost else draft.casefold()
        found = (line for line in reversed(history) if line != draft and line.casefold().startswith(begin))
        lines = list(dict.fromkeys(found))[::-1]
        return cls(lines, len(lines), draft, ghost)

    def step(self, by: int) -> bool:
        """Go to another line; False if there is none."""
        if not 0 <= self.at + by <= len(self.lines):
            return False
        self.at += by
        return True

    @property
    def text(self) -> str:
        """The line it is at."""
        return self.draft if self.at == len(self.lines) else self.lines[self.at]

    @property
    def ghost(self) -> str:
        """The ghost to be shown there."""
        return self.covered_by if self.at == len(self.lines) else ""


@dataclass(slots=True)
class Cycle:
    """The candidates of a completion: first what they have in common, then one after the other, round and round."""

    candidates: list[str]
    head: str
    """What stands before the cursor now."""
    tail: str
    """What stands behind it."""
    at: int = -1

    @classmethod
    def of(cls, candidates: Iterable[str], before: str, tail: str) -> Cycle | None:
        """A cycle over what may stand in the place of ``before``; None if there is nothing."""
        found = list(dict.fromkeys(candidates))
        if not found:
            return None
        common = "".join(chars[0] for chars in takewhile(lambda chars: len(set(chars)) == 1, zip(*found, strict=False)))
        longer = len(common) > len(before) and common.casefold().startswith(before.casefold())
        cycle = cls(found, common if longer else before, tail)
        if not longer:
            cycle.step(1)
        return cycle

    def step(self, by: int) -> None:
        """Show the next candidate, or the one before."""
        self.at = (self.at + by if self.at >= 0 or by > 0 else -1) % len(self.candidates)
        self.head = self.candidates[self.at]

    @property
    def says(self) -> str:
        """How many candidates there are, and which one is shown."""
        return (
            f"{self.at + 1}/{len(self.candidates)} candidates" if self.at >= 0 else f"{len(self.candidates)} candidates"
        )
