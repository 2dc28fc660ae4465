"""Interleaved rounds: on a busy machine only what ran side by side can be compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median


def order(names: Sequence[str], number: int) -> list[str]:
    """The names in another order each round, so that none is always first."""
    turn = number % len(names)
    return [*names[turn:], *names[:turn]]


def ratios(seconds: Mapping[str, Sequence[float]], name: str, other: str) -> list[float]:
    """How often ``other``'s time ``name`` took, round by round."""
    return [one / two for one, two in zip(seconds[name], seconds[other], strict=True)]


def report(seconds: Mapping[str, Sequence[float]], name: str, limits: Mapping[str, float], unit: float = 1e-3) -> bool:
    """Print medians (in ``unit`` seconds) and ratios; whether each ratio is within its limit."""
    words = {1e-3: "ms", 1e-6: "us"}[unit]
    for each, times in seconds.items():
        print(f"  {each:<34} median {median(times) / unit:8.1f} {words}, best {min(times) / unit:8.1f} {words}")
    within = True
    for other, limit in limits.items():
        ratio = median(ratios(seconds, name, other))
        good = ratio <= limit
        within &= good
        print(f"  {name} / {other}: {ratio:.2f} (at most {limit:g}: {'yes' if good else 'NO'})")
    return within
