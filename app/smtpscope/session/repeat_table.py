"""What came of a repetition: a table of its steps, median, p95 and extremes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from smtpscope.session.notes import duration
from smtpscope.session.timing import PAUSE, WAITING, Timeline
from smtpscope.visible import Spans, safe


def count(number: int, what: str) -> str:
    """``1 login``, ``20 logins``."""
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def repeat_lines(runs: Sequence[Timeline], width: int = 46) -> list[Spans]:
    """A table: each step by its place in the session, how often it was done, and what it took."""
    rows = _rows(runs)
    if not rows:
        return []
    from statistics import median  # which brings fractions and decimals: not for the first frame

    name = max(8, min(max(len(label) for label, _ in rows), width - 4 - 4 * 8))
    head = f"{'step':<{name}} {'n':>3} {'min':>7} {'median':>7} {'p95':>7} {'max':>7}"
    lines: list[Spans] = [[(f"{count(len(runs), 'run')} on fresh connections", "strong")], [(head, "dim")]]
    slowest = max(median(seconds) for _, seconds in rows[:-1]) if len(rows) > 1 else 0.0
    for label, seconds in rows:
        figures = (min(seconds), median(seconds), percentile(seconds, 0.95), max(seconds))
        low, middle, high, top = (f"{duration(figure):>7}" for figure in figures)
        kind = "strong" if figures[1] == slowest or label == "all" else "text"
        text = f"{label[:name]:<{name}} {len(seconds):>3} {low} "
        lines.append([(text, kind), (f"{middle} {high}", "strong"), (f" {top}", kind)])
    return lines


def _rows(runs: Sequence[Timeline]) -> list[tuple[str, list[float]]]:
    """Name and seconds of each step, and of all; steps that have not ended are no figures."""
    found: dict[tuple[str, int], list[float]] = {}
    whole: list[float] = []
    for run in runs:
        seen: dict[str, int] = {}
        for step in run.steps:
            if step.kind == PAUSE or step.outcome == WAITING:
                continue
            seen[step.name] = seen.get(step.name, 0) + 1
            found.setdefault((step.name, seen[step.name]), []).append(step.seconds)
        if run.steps:
            whole.append(run.waited)
    several = {name for name, number in found if number > 1}
    rows = [(safe(f"{name} {number}" if name in several else name), each) for (name, number), each in found.items()]
    return [*rows, ("all", whole)] if rows else []


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest of the values that at least ``share`` of them do not exceed."""
    ordered = sorted(values)
    return ordered[max(1, math.ceil(share * len(ordered))) - 1]
