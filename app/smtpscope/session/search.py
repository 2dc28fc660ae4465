"""Search in all rows of a log: what was typed, as it stands or as a regular expression, found in what rows show.

It reads the recording in chunks, so that another thread can run it and the screen goes on in between. A match lies
within one row; ``^`` and ``$`` are the row's begin and end, its line end is no part of it. Where something is hidden
the search sees what the screen shows instead. An expression that would go back and forth in a row without end, as
``(a|aa)+$`` does, is stopped.
"""

from __future__ import annotations

import re
import time
import warnings
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from functools import partial
from itertools import accumulate, compress
from typing import Protocol

from smtpscope.session.log import Log
from smtpscope.session.redact import hide
from smtpscope.session.rows import Kind
from smtpscope.visible import octets

CHUNK = 256 * 1024
"""Octets that are looked through at once."""
ROWS = 8192
"""Rows of a chunk, at most."""
LONGEST = 1024 * 1024
"""Octets of one line that are looked through."""
PATIENCE, MOMENT = 3.0, 0.03
"""Seconds of work that an expression may take for one chunk, and without letting others run."""
TOO_LONG = "this expression takes too long and was stopped: alternatives that overlap, as in (a|aa)+, may be why"
_DENSE = 256  # hits in a chunk from which its lines are taken one by one
_CROSSING = 16  # matches beyond a line's end, each of which may be long
# Of these a match in the middle of the octets may differ from one in the row alone: what they see does not end there.
_LOOKS_AROUND = re.compile(r"\(\?|\\[AZ]|[*+?}]\+")
# In what these match, capitals are but small letters' other half.
_BLIND = re.compile(r"(?:[^\\\[(]|\((?!\?)|\\[dwsb\W_])*")


class Found(Protocol):
    """A match."""

    def start(self) -> int:
        """Where it begins."""

    def end(self) -> int:
        """Where it ends."""


class Expression:
    """What the user typed as a regular expression for octets; ValueError, one sentence, if it is none.

    TimeoutError where it would take too long.
    """

    def __init__(self, text: str, ignore_case: bool = False) -> None:
        import regex  # takes a moment, and most searches are for words

        source, flags = octets(text), re.MULTILINE | (re.IGNORECASE if ignore_case else 0)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # what may mean something else some day means now what it says
                re.compile(source, flags)  # it is these that are known, not all that the other library takes
                pattern = regex.compile(source, int(flags))
        except (re.error, regex.error, ValueError, OverflowError, RecursionError) as error:
            raise ValueError(f"this is no regular expression: {error}") from None
        self._quickly = partial(pattern.search, timeout=MOMENT)
        self.search: Callable[..., Found | None] = partial(pattern.search, concurrent=True, timeout=PATIENCE)
        """Takes octets, and where to begin. Others may run meanwhile."""

    def in_line(self, line: bytes) -> bool:
        """Whether a line has it: usually said at once, and then it costs too much to let others run."""
        try:
            return self._quickly(line) is not None
        except TimeoutError:
            return self.search(line) is not None


class Words:
    """What the user typed, as it stands."""

    def __init__(self, text: str) -> None:
        self.search: Callable[..., Found | None] = re.compile(re.escape(octets(text))).search
        self.in_line = self.search


class Search:
    """Ids of the rows that have it, in order, in ``hits``; ``run`` goes on with it, from any one thread.

    ``text`` is what the user typed. ValueError, one sentence, if it is no regular expression or empty.
    Ignoring case holds for ASCII letters.
    """

    def __init__(self, log: Log, text: str, *, regex: bool = False, ignore_case: bool = False) -> None:
        if not text:
            raise ValueError("there is nothing to search for: type some text")
        self.log = log
        self.text = text
        self.hits = array("I")
        self.too_long = False
        """It was stopped, with rows left that nobody has looked through."""
        self._done = 0
        """Rows that have been looked through and will not change any more."""
        self._forms = 0
        self._regex = regex
        self._alone = bool(_LOOKS_AROUND.search(text)) if regex else "\n" in text or "\r" in text
        self._small = ignore_case and (not regex or bool(_BLIND.fullmatch(text)))
        source = text.lower() if self._small else text
        self._wanted = Expression(source, ignore_case and not self._small) if regex else Words(source)

    @property
    def count(self) -> int:
        """How many rows have been found so far."""
        return len(self.hits)

    @property
    def whole(self) -> bool:
        """Whether every row that there is has been looked through, or none will be any more."""
        return self.too_long or self._done >= self.log.settled

    def next(self, row: int) -> int:
        """The first hit behind ``row``, from the end on the first of all; -1 if there is none."""
        hits = self.hits
        if not hits:
            return -1
        place = bisect_right(hits, row)
        return hits[place if place < len(hits) else 0]

    def previous(self, row: int) -> int:
        """The last hit before ``row``, from the begin on the last of all; -1 if there is none."""
        hits = self.hits
        return hits[bisect_left(hits, row) - 1] if hits else -1

    def number(self, row: int) -> int:
        """Which hit ``row`` is, from 1; 0 if it is none."""
        place = bisect_left(self.hits, row)
        return place + 1 if place < len(self.hits) and self.hits[place] == row else 0

    # -- looking through the rows

    def run(self, stop: Callable[[], bool] = lambda: False) -> bool:
        """Look through the rows that there are, until ``stop`` says so; false then. Some may be left: ``too_long``."""
        try:
            return self.too_long or self._run(stop)
        except TimeoutError:
            self.too_long = True
            return True

    def _run(self, stop: Callable[[], bool]) -> bool:
        log = self.log
        if log.redactor.forms != self._forms:  # what was found before may be hidden now
            self._forms, self._done = log.redactor.forms, 0
        settled, rows = log.settled, len(log)
        del self.hits[bisect_left(self.hits, self._done) :]  # of rows that could still change
        breaks, words = log.breaks[:], array("I", sorted(row for row in list(log.text) if row >= self._done))
        for first, end in _chunks(log, breaks, self._done, rows):
            if stop():
                return False
            found = self._found_in(first, end)
            said = words[bisect_left(words, first) : bisect_left(words, end)]
            if said and log.kind[first] != Kind.TEXT_LINE:
                found = sorted({*found, *(row for row in said if self._in(octets(log.text[row])))})
            self.hits.extend(found)
            self._done = max(self._done, min(end, settled))
            time.sleep(0)  # others may run
        return True

    def _found_in(self, first: int, end: int) -> list[int]:
        """The rows of one chunk whose octets have it."""
        log = self.log
        if log.kind[first] == Kind.TEXT_LINE:
            return []
        if first in log.pieces:
            return [first] if self._in_one(first) else []
        lengths = log.length[first:end]
        size = sum(lengths)
        if not size:
            return []
        begin = next(row for row, length in enumerate(lengths, first) if length)
        if size > CHUNK and end - begin == 1:
            return [begin] if self._in_one(begin) else []
        data = log.recorder.wire.read(log.recorder.place(log.event[begin]) + log.start[begin], size)
        found = None if self._alone else self._few(data, first, lengths)
        if found is None:
            found = self._many(data, first, lengths)
        return self._as_shown(found, data, first, lengths)

    def _few(self, data: bytes, first: int, lengths: array[int]) -> list[int] | None:
        """Go from match to match; None if there are too many for that."""
        text = data.lower() if self._small else data
        if self._regex:
            text = text.replace(b"\r\n", b"\n\n")  # so that $ is before it
        match = self._wanted.search(text)
        if match is None:
            return []
        found: list[int] = []
        crossing = 0
        starts = list(accumulate(lengths, initial=0))
        while match is not None:
            row = bisect_right(starts, match.start()) - 1
            if row >= len(lengths) or not lengths[row]:
                break  # behind the last line
            begin, stop = starts[row], starts[row + 1]
            end = max(begin, stop - (2 if text[stop - 2 : stop] in (b"\r\n", b"\n\n") else 1))
            crossing += match.end() > end
            if match.start() <= end and (match.end() <= end or self._wanted.search(text[begin:end])):
                found.append(first + row)
            if len(found) > _DENSE or crossing > _CROSSING:
                return None
            match = self._wanted.search(text, stop) if stop < len(text) else None
        return found

    def _many(self, data: bytes, first: int, lengths: array[int]) -> list[int]:
        """Take each line for itself."""
        text = data.lower() if self._small else data
        lines = text.replace(b"\r\n", b"\n").split(b"\n")
        rows = compress(range(first, first + len(lengths)), lengths)
        return list(compress(rows, map(self._wanted.in_line, lines)))

    def _as_shown(self, found: list[int], data: bytes, first: int, lengths: array[int]) -> list[int]:
        """Look again at rows with something hidden in them, as they are shown."""
        log = self.log
        doubtful = {row for row in list(log.secret) if first <= row < first + len(lengths)}
        if log.redactor.forms and (hidden := log.redactor.spans(data)):
            starts = list(accumulate(lengths, initial=0))
            doubtful.update(first + bisect_right(starts, begin) - 1 for begin, _ in hidden)
        if not doubtful:
            return found
        return sorted({*found} - doubtful | {row for row in doubtful if self._in_one(row)})

    def _in_one(self, row: int) -> bool:
        """Whether one row has it, as it is shown."""
        log = self.log
        if log.kind[row] == Kind.TEXT:
            return any(self._in_lines(data) for data in self._message(row))
        data = _without_end(log.octets(row, LONGEST))
        return self._in(hide(data, log.hidden(row, data)))

    def _message(self, row: int) -> Iterator[bytes]:
        """The lines of a message text, some at a time."""
        log, held = self.log, b""
        for event, start, length in log.recorder.parts(log.event[row], log.start[row], log.length[row]):
            data = held + log.recorder.octets(event, start, length)
            end = data.rfind(b"\n") + 1
            held = data[end:][:LONGEST]
            if end:
                yield hide(data[:end], log.redactor.spans(data[:end]))
            time.sleep(0)
        if held:
            yield hide(held, log.redactor.spans(held))

    def _in_lines(self, data: bytes) -> bool:
        text = data.replace(b"\r\n", b"\n")
        if not self._alone and not self._in(text):
            return False
        return any(self._in(line) for line in text.removesuffix(b"\n").split(b"\n"))

    def _in(self, data: bytes) -> bool:
        return self._wanted.search(data.lower() if self._small else data) is not None


def _chunks(log: Log, breaks: array[int], first: int, end: int) -> Iterator[tuple[int, int]]:
    """The rows from ``first`` to ``end`` in pieces whose octets are in one piece and not too many."""
    place = bisect_right(breaks, first)
    while first < end:
        limit = breaks[place] if place < len(breaks) else end
        stop = min(limit, end, first + ROWS)
        lengths = log.length[first:stop]
        if sum(lengths) > CHUNK:
            stop = first + max(1, bisect_right(list(accumulate(lengths)), CHUNK))
        yield first, stop
        first = stop
        place += place < len(breaks) and stop == breaks[place]


def _without_end(data: bytes) -> bytes:
    return data[:-2] if data.endswith(b"\r\n") else data.removesuffix(b"\n")
