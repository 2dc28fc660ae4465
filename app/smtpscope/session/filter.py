"""Which rows of a log are shown: chips that the user types, each a condition, and the ids of the rows that meet all.

A chip is ``dir:in``, ``cmd:RCPT,MAIL``, ``class:5``, ``code:550,5.1.1``, ``text:words`` or words alone, ``/regular
expression/``, ``marked`` or ``finding``; ``!`` before it turns it round. Dividers are always shown. The work is done on
columns of octets, a million rows at a time.
"""

from __future__ import annotations

import re
import time
from array import array
from bisect import bisect_left
from collections.abc import Callable, Collection, Iterable, Sequence
from itertools import compress
from typing import NamedTuple

from smtpscope.session.log import Log
from smtpscope.session.rows import Kind, Names
from smtpscope.session.search import Expression, Search
from smtpscope.visible import safe

ROWS = 1 << 16
"""Rows that are looked at at once."""
KINDS = ("dir", "cmd", "class", "code", "text", "marked", "finding")
"""What stands before the colon of a chip; the last two stand alone."""
_ALONE = ("marked", "finding")
_DIRECTIONS = {
    "in": frozenset({Kind.RECEIVED, Kind.REFUSED}),
    "out": frozenset({Kind.SENT, Kind.TEXT}),
}
_DIRECTION_WORDS = {"in": "in", "received": "in", "out": "out", "sent": "out"}
_EXAMPLES = {"dir": "dir:in", "cmd": "cmd:RCPT", "class": "class:5", "code": "code:550", "text": "text:quota"}
_VALUES = {
    "class": (re.compile(r"[2-5]"), "a reply class is 2, 3, 4 or 5: class:4,5"),
    "code": (re.compile(r"[2-5][0-9]{2}|[245]\.[0-9]{1,3}\.[0-9]{1,3}"), "a code is like 550 or 5.1.1: code:550,5.1.1"),
    "cmd": (re.compile(r"[^\s:]{1,24}"), "a command is a verb: cmd:RCPT,MAIL"),
}


class Chip(NamedTuple):
    """One condition. ``values`` are alternatives; of ``re`` they are the expression, and ``i`` or nothing."""

    kind: str
    values: tuple[str, ...] = ()
    negated: bool = False
    on: bool = True

    @classmethod
    def parse(cls, text: str) -> Chip:
        """The chip that was typed; ValueError, one sentence, if it is none."""
        text = text.strip()
        negated, text = text.startswith("!"), text.removeprefix("!").strip()
        if not text:
            raise ValueError(
                "a filter needs a word: dir:in, cmd:RCPT, class:5, code:550, text, /regex/, marked, finding"
            )
        if text in _ALONE:
            return cls(text, (), negated)
        if text.startswith("/"):
            return cls("re", _expression(text), negated)
        kind, colon, rest = text.partition(":")
        kind, rest = kind.lower(), rest.strip()
        if not colon or kind not in KINDS:
            return cls("text", (text,), negated)
        if kind in _ALONE:
            raise ValueError(f"{kind} stands alone: type {kind}, or text:{safe(text)} to look for that text")
        values = [rest] if kind == "text" else [value.strip() for value in rest.split(",")]
        if not any(values):
            raise ValueError(f"{kind}: needs a value, as in {_EXAMPLES[kind]}")
        return cls(kind, tuple(_value(kind, value) for value in values if value), negated)

    @property
    def text(self) -> str:
        """The chip as it is typed."""
        turned = "!" if self.negated else ""
        if self.kind in _ALONE:
            return turned + self.kind
        if self.kind == "re":
            return f"{turned}/{self.values[0]}/{self.values[1]}"
        return f"{turned}{self.kind}:{','.join(self.values)}"

    def switched(self) -> Chip:
        """The same chip on if it was off, and off if it was on."""
        return self._replace(on=not self.on)


def _value(kind: str, value: str) -> str:
    if kind == "dir":
        if (direction := _DIRECTION_WORDS.get(value.lower())) is None:
            raise ValueError(f"a direction is in or out, not {safe(value)}: dir:in")
        return direction
    if kind == "text":
        return value
    pattern, sentence = _VALUES[kind]
    if not pattern.fullmatch(value):
        raise ValueError(sentence)
    return value.upper()


def _expression(text: str) -> tuple[str, str]:
    """``/expression/`` or ``/expression/i``; the last slash may be left out."""
    end = text.rfind("/")
    source, flags = (text[1:end], text[end + 1 :]) if end > 0 and text[end + 1 :] in ("", "i") else (text[1:], "")
    if not source:
        raise ValueError("there is nothing between the slashes: /quota|limit/")
    Expression(source)
    return source, flags


class Filter:
    """The rows of ``log`` that meet all ``chips`` that are on: their ids, in order, in ``rows``.

    ``update`` takes what has come since; with ``slow`` it is a search in all rows, and better run in a thread.
    ``findings`` gives the rows that are evidence of a finding.
    """

    def __init__(
        self, log: Log, chips: Iterable[Chip], findings: Callable[[], Collection[int]] = lambda: frozenset()
    ) -> None:
        self.log = log
        self.chips = [chip for chip in chips if chip.on]
        self.rows = array("I")
        self.changed = 0
        """The first place of ``rows`` that the last update has changed."""
        self._findings = findings
        self._done = 0
        self._state: tuple[int, int, frozenset[int]] | None = None
        self._searches: dict[Chip, Search] = {}

    @property
    def slow(self) -> bool:
        """Whether a chip looks for text."""
        return any(chip.kind in ("text", "re") for chip in self.chips)

    @property
    def too_long(self) -> bool:
        """Whether an expression was stopped because it takes too long: there may be more rows."""
        return any(search.too_long for search in self._searches.values())

    def place(self, row: int) -> int:
        """The place of ``row`` among the rows shown, or of the next one that is shown; it may be behind the last."""
        return bisect_left(self.rows, row)

    def update(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Take the rows that have come, and all again if marks or findings have changed; false if it was stopped."""
        log = self.log
        found = frozenset(self._findings()) if any(chip.kind == "finding" for chip in self.chips) else frozenset()
        state = (log.marking, log.redactor.forms, found)
        if state != self._state:
            self._done, self._searches = (
                0,
                {chip: _search(log, chip) for chip in self.chips if chip.kind in ("text", "re")},
            )
        settled = log.settled
        for search in self._searches.values():
            if not search.run(stop):
                return False
        first, end = self._done, len(log)
        kept = self.rows[: bisect_left(self.rows, first)]
        changed = len(kept)
        for begin in range(first, end, ROWS):
            if stop():
                return False
            kept.extend(self._meeting(begin, min(end, begin + ROWS), found))
            time.sleep(0)  # others may run
        self.changed, self.rows, self._state, self._done = changed, kept, state, settled
        return True

    def _meeting(self, first: int, end: int, found: frozenset[int]) -> array[int]:
        """The rows from ``first`` to ``end`` that meet all chips, and the dividers."""
        log = self.log
        mask = int.from_bytes(_translated(log.kind[first:end], _SINGLE), "little")
        for chip in self.chips:
            mask &= int.from_bytes(self._mask(chip, first, end, found), "little")
        mask |= int.from_bytes(_translated(log.kind[first:end], {Kind.DIVIDER}), "little")
        return array("I", compress(range(first, end), mask.to_bytes(end - first, "little")))

    def _mask(self, chip: Chip, first: int, end: int, found: frozenset[int]) -> bytes:
        """1 for each row from ``first`` on that meets the chip, else 0."""
        log = self.log
        match chip.kind:
            case "dir":
                kinds = {int(kind) for value in chip.values for kind in _DIRECTIONS[value]}
                mask = _translated(log.kind[first:end], kinds)
            case "cmd":
                mask = _named(log.verb[first:end], log.verbs, first, lambda name: name.upper() in chip.values)
            case "class":
                mask = _named(log.code[first:end], log.codes, first, lambda name: name[:1] in chip.values)
            case "code":
                mask = _named(
                    log.code[first:end], log.codes, first, lambda name: not {*name.split()}.isdisjoint(chip.values)
                )
            case "marked":
                mask = _of_rows(sorted(log.marked), first, end)
            case "finding":
                mask = _of_rows(sorted(found), first, end)
            case _:
                mask = _of_rows(self._searches[chip].hits, first, end)
        return mask.translate(_TURNED) if chip.negated else mask


_SINGLE = {*Kind} - {Kind.TEXT_LINE}  # the lines of an open message are not rows of their own
_TURNED = bytes([1, 0]) + bytes(254)


def _search(log: Log, chip: Chip) -> Search:
    if chip.kind == "re":
        return Search(log, chip.values[0], regex=True, ignore_case=chip.values[1] == "i")
    return Search(log, chip.values[0], ignore_case=True)


def _translated(column: bytes | bytearray, numbers: Collection[int]) -> bytes:
    """1 where a column has one of ``numbers``, else 0."""
    return bytes(column.translate(bytes(number in numbers for number in range(256))))


def _named(column: bytearray, names: Names, first: int, wanted: Callable[[str], bool]) -> bytes:
    """1 where the name that a number stands for is wanted, else 0."""
    mask = bytearray(
        _translated(column, {number for name, number in list(names.numbers.items()) if name and wanted(name)})
    )
    for row, name in list(names.others.items()):
        if first <= row < first + len(mask):
            mask[row - first] = wanted(name)
    return bytes(mask)


def _of_rows(rows: Sequence[int], first: int, end: int) -> bytes:
    """1 for each of ``rows``, which are in order, else 0."""
    mask = bytearray(end - first)
    for row in rows[bisect_left(rows, first) : bisect_left(rows, end)]:
        mask[row - first] = 1
    return bytes(mask)
