"""The recording: every event of the session in order, the octets exact, in memory for a while and then on disk.

Written by the session's thread and read by others, without a lock: an event counts once its last column is in.
Events of octets and plain issued steps are columns of numbers, so that a million of them stay small; they become
events again when they are read. The rest are few and stay as they are.
"""

from __future__ import annotations

import os
import tempfile
from array import array
from collections.abc import Iterator
from typing import overload

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Cipher, Event, Issued, Received, Sent, Step

KEPT = 1024 * 1024
"""Octets kept in memory; what came before them goes to a file that has no name."""

_SENT, _RECEIVED, _CIPHER, _OTHER, _ISSUED = 0, 2, 4, 6, 16  # codes; the first three with 1 for TLS or outgoing
_STEPS = tuple(SMTPCommand)
_NUMBERS: dict[Step, int] = {step: number for number, step in enumerate(_STEPS)}
_READ = 64 * 1024


class Octets:
    """Octets in one row, from zero on: the last ones in memory, those before them in a file that has no name."""

    def __init__(self, kept: int = KEPT) -> None:
        self.end = 0
        self._kept = self._room = kept
        self._tail: tuple[int, bytearray] = (0, bytearray())  # where it begins; one name, so that a reader sees both
        self._block: tuple[int, bytes] = (0, b"")  # what was read last from the file, and what is behind it
        self._file: int | None = None

    def append(self, data: bytes) -> int:
        """Take ``data``; where it begins."""
        start = self.end
        tail = self._tail[1]
        tail += data
        self.end = start + len(data)
        if len(tail) > self._room:
            self._spool()
        return start

    def _spool(self) -> None:
        start, tail = self._tail
        try:
            if self._file is None:
                with tempfile.TemporaryFile() as file:
                    self._file = os.dup(file.fileno())
            written = 0
            while written < len(tail):
                written += os.pwrite(self._file, bytes(tail[written : written + KEPT]), start + written)
        except OSError:  # where the disk takes no more the octets stay in memory
            self._room = len(tail) + self._kept
        else:
            self._tail = (self.end, bytearray())
            self._room = self._kept

    def read(self, start: int, length: int) -> bytes:
        """The ``length`` octets from ``start`` on, as far as there are any."""
        begin, tail = self._tail
        if start >= begin:
            return bytes(tail[start - begin : start - begin + length])
        stop = min(start + length, begin)
        first, block = self._block
        if not first <= start <= stop <= first + len(block):
            assert self._file is not None
            first, block = start, os.pread(self._file, min(max(stop - start, _READ), begin - start), start)
            while len(block) < stop - start:
                block += os.pread(self._file, stop - start - len(block), start + len(block))
            if len(block) <= _READ:
                self._block = (first, block)
        data = block[start - first : stop - first]
        return data if stop == start + length else data + bytes(tail[: start + length - begin])

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None


class Recorder:
    """A sequence of events. ``append`` is the session's listener; reading gives each event with its octets."""

    def __init__(self, kept: int = KEPT) -> None:
        self.wire = Octets(kept)
        """What was sent and received, in the order of the events."""
        self.aside = Octets(kept)
        """Octets of TLS records, and the lines of issued steps."""
        self.times = array("d")
        self._offsets = array("Q")
        self._lengths = array("I")
        self._codes = bytearray()
        self._others: dict[int, Event] = {}
        self._secrets: dict[int, tuple[tuple[int, int], ...]] = {}

    def __len__(self) -> int:
        return len(self._codes)

    def others(self) -> Iterator[int]:
        """The indices of the events that are neither octets nor plain issued steps, the last first."""
        place = len(self._codes)
        while (place := self._codes.rfind(_OTHER, 0, place)) >= 0:
            yield place

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """One event, or several, as they were."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        if index < 0:
            index += len(self._codes)
            if index < 0:
                raise IndexError(index)
        code = self._codes[index]
        if code == _OTHER:
            return self._others[index]
        time, start, length = self.times[index], self._offsets[index], self._lengths[index]
        if code < _CIPHER:
            made = Sent if code < _RECEIVED else Received
            return made(time, self.wire.read(start, length), bool(code & 1), self.secrets(index))
        data = self.aside.read(start, length)
        if code < _OTHER:
            return Cipher(time, data, code == _CIPHER + 1)
        return Issued(time, _STEPS[code - _ISSUED], data.decode(errors="surrogatepass"))

    def __iter__(self) -> Iterator[Event]:
        """The events in order, and those that come meanwhile."""
        index = 0
        while index < len(self._codes):
            yield self[index]
            index += 1

    def append(self, event: Event) -> None:
        """Take one event."""
        start = length = 0
        if isinstance(event, Received):
            length = len(event.data)
            start, code = self.wire.append(event.data), _RECEIVED + event.tls
            if event.secrets:
                self._secrets[len(self._codes)] = event.secrets
        elif isinstance(event, Sent):
            length = len(event.data)
            start, code = self.wire.append(event.data), _SENT + event.tls
            if event.secrets:
                self._secrets[len(self._codes)] = event.secrets
        elif isinstance(event, Cipher):
            length = len(event.data)
            start, code = self.aside.append(event.data), _CIPHER + event.outgoing
        elif isinstance(event, Issued) and not event.user and event.step in _NUMBERS:
            data = event.line.encode(errors="surrogatepass")
            length = len(data)
            start, code = self.aside.append(data), _ISSUED + _NUMBERS[event.step]
        else:
            code = _OTHER
            self._others[len(self._codes)] = event
        self.times.append(event.time)
        self._offsets.append(start)
        self._lengths.append(length)
        self._codes.append(code)  # last: the event counts now

    # -- the octets of the wire

    def is_wire(self, index: int) -> bool:
        """Whether event ``index`` is octets that were sent or received."""
        return self._codes[index] < _CIPHER

    def place(self, index: int) -> int:
        """Where in ``wire`` the octets of event ``index`` begin."""
        return self._offsets[index]

    def length(self, index: int) -> int:
        """How many octets event ``index`` has, 0 if it has none."""
        return self._lengths[index]

    def secrets(self, index: int) -> tuple[tuple[int, int], ...]:
        """The (start, end) places in event ``index`` that it says are to be hidden."""
        return self._secrets.get(index, ()) if self._secrets else ()

    def parts(self, index: int, start: int, length: int) -> Iterator[tuple[int, int, int]]:
        """Where ``length`` octets are from ``start`` in event ``index`` on, through the later events of the same
        direction: event, start in it, length of the part."""
        direction = self._codes[index] & ~1
        while length > 0 and index < len(self._codes):
            if self._codes[index] & ~1 == direction:
                here = self._lengths[index]
                if start < here:
                    taken = min(length, here - start)
                    yield index, start, taken
                    length -= taken
                start = max(0, start - here)
            index += 1

    def octets(self, index: int, start: int, length: int) -> bytes:
        """``length`` octets from ``start`` in event ``index`` on, through the later events of the same direction."""
        store = self.wire if self._codes[index] < _CIPHER else self.aside
        if start + length <= self._lengths[index]:
            return store.read(self._offsets[index] + start, length)
        parts = self.parts(index, start, length)
        return b"".join(store.read(self._offsets[at] + begin, taken) for at, begin, taken in parts)

    def close(self) -> None:
        """Let go of the files."""
        self.wire.close()
        self.aside.close()
