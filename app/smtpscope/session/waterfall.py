"""A timeline as it is shown: the words above the bars, and a bar with label and figures for each step."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smtpscope.session.notes import duration
from smtpscope.session.timing import BANNER, COMMAND, HOST, PAUSE, TEXT, TLS, Step, Timeline
from smtpscope.visible import Spans, safe

NOTABLE = 0.01
"""The share of a limit from which it is named."""


class Bar(NamedTuple):
    """One step, drawn from ``start`` to ``end`` on an axis from which the idle times are cut out, in seconds."""

    label: str
    start: float
    end: float
    light: float
    """Seconds at its beginning that are drawn light: the network's."""
    kind: str
    """``good``, ``bad``, ``waiting``, ``network``, ``idle``."""
    note: str
    mark: str
    """How much of its limit it took; empty below one per cent."""
    alarm: bool = False
    """It took at least half of its limit."""


def bars(line: Timeline, hide: Callable[[str], str] = str) -> list[Bar]:
    """A bar for each step; ``hide`` takes secrets out of a text."""
    result, at = [], 0.0
    for step in line.steps:
        length = 0.0 if step.kind == PAUSE else step.seconds
        mark = f"{step.share:.0%}" if step.share >= NOTABLE else ""
        light = step.seconds if step.kind == HOST else step.network
        note = duration(step.seconds)
        result.append(Bar(label(step, hide), at, at + length, light, _kind(step), note, mark, step.share >= 0.5))
        at += length
    return result


def label(step: Step, hide: Callable[[str], str] = str) -> str:
    """What a step is called: ``DNS``, ``banner 220``, ``RCPT 550 bob@example.org``."""
    words = [step.name, f"{step.code}" if step.code is not None else step.outcome, step.detail]
    return safe(hide(" ".join(word for word in words if word)))


def _kind(step: Step) -> str:
    if step.kind == PAUSE:
        return "idle"
    if step.outcome:
        return "waiting" if step.outcome == "waiting" else "bad"
    if step.code is not None and step.code // 100 not in (2, 3):
        return "bad"
    return "good" if step.kind in (TLS, BANNER, COMMAND) else "network"


def head(line: Timeline, *, ascii_only: bool = False) -> list[Spans]:
    """The lines above the bars: how long in all and whose it was, the three slowest, what the bars mean."""
    if not line.steps:
        return [[("No connection yet: c connects, and its times stand here.", "dim")]]
    lines = [_whole(line), _slowest(line)]
    if line.dropped:
        lines.append([(f"The first {line.dropped:,} steps are left out; these are the last.", "warn")])
    return [*lines, _legend(line, *("#-" if ascii_only else "█░"))]


def _whole(line: Timeline) -> Spans:
    spans: Spans = [("waited ", "text"), (duration(line.waited), "strong")]
    spans += [(f" of {duration(line.whole)}: server ", "text"), (duration(line.server), "strong")]
    spans += [(", network ", "text"), (duration(line.network), "strong")]
    for kind, name in ((HOST, "DNS"), (TEXT, "text")):
        if seconds := line.seconds(kind):
            spans += [(f", {name} ", "text"), (duration(seconds), "strong")]
    return spans


def _slowest(line: Timeline) -> Spans:
    spans: Spans = [("slowest: ", "text")]
    for number, step in enumerate(line.slowest):
        spans += [(", ", "text")] if number else []
        spans += [(f"{safe(step.name)} ", "text"), (duration(step.seconds), "strong")]
    return spans


def _legend(line: Timeline, full: str, light: str) -> Spans:
    spans: Spans = [(full, "good"), (" server  ", "dim"), (light, "network"), (" network", "dim")]
    if line.floor is None:
        spans.append((" (not known: no TCP connection was made)", "dim"))
    else:
        spans.append((f" (round trip {duration(line.floor)}, {line.floor_of})", "dim"))
    if any(step.share >= NOTABLE for step in line.steps):
        spans.append(("  % of the time that RFC 5321 4.5.3.2 gives", "dim"))
    return spans
