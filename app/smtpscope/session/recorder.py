"""The recording: every event of the session in order, the octets exact, in memory for a while and then on disk.

Written by the session's thread and read by the screen's, without a lock: an event counts once it is in the list.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from typing import overload

from smtpscope.smtp.events import Cipher, Event, Received, Sent

_OCTETS = (Sent, Received, Cipher)
KEPT = 1024 * 1024
"""Octets kept in memory; what comes later goes to a file that has no name."""


class Recorder:
    """A sequence of events. ``append`` is the session's listener; reading gives each event with its octets."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: list[Event] = []
        self._room = kept
        self._spooled: dict[int, tuple[int, int]] = {}
        self._file: int | None = None
        self._end = 0

    def __len__(self) -> int:
        return len(self._events)

    @overload
    def __getitem__(self, index: int) -> Event: ...
    @overload
    def __getitem__(self, index: slice) -> list[Event]: ...
    def __getitem__(self, index: int | slice) -> Event | list[Event]:
        """One event, or several, as they were."""
        if isinstance(index, slice):
            return [self[position] for position in range(*index.indices(len(self)))]
        event = self._events[index]
        place = self._spooled.get(index if index >= 0 else len(self._events) + index)
        if place is None or not isinstance(event, _OCTETS):
            return event
        assert self._file is not None
        return event._replace(data=os.pread(self._file, place[1], place[0]))

    def __iter__(self) -> Iterator[Event]:
        """The events in order, and those that come meanwhile."""
        index = 0
        while index < len(self._events):
            yield self[index]
            index += 1

    def append(self, event: Event) -> None:
        """Take one event."""
        if isinstance(event, _OCTETS):
            self._room -= len(event.data)
            if self._room < 0:
                with suppress(OSError):  # where the disk takes no more the octets stay in memory
                    event = self._spool(event)
        self._events.append(event)

    def _spool(self, event: Sent | Received | Cipher) -> Event:
        if self._file is None:
            with tempfile.TemporaryFile() as file:
                self._file = os.dup(file.fileno())
        view = memoryview(event.data)
        while view:
            written = os.pwrite(self._file, view, self._end + len(event.data) - len(view))
            view = view[written:]
        self._spooled[len(self._events)] = (self._end, len(event.data))
        self._end += len(event.data)
        return event._replace(data=b"")

    def octets(self, index: int, start: int, length: int) -> bytes:
        """``length`` octets from ``start`` in event ``index`` on, through the later events of the same direction."""
        kind = type(self._events[index])
        pieces, missing = [], length
        while missing > 0 and index < len(self._events):
            if type(self._events[index]) is kind:
                event = self[index]
                assert isinstance(event, _OCTETS)
                piece = event.data[start : start + missing]
                pieces.append(piece)
                missing -= len(piece)
                start = max(0, start - len(event.data))
            index += 1
        return b"".join(pieces)

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
