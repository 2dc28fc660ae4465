"""Any moment of the session, made again from its events: the nearest copy of the fold, and what came after it."""

from __future__ import annotations

from smtpscope.session.moment import Moment
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Received, Sent

EVERY = 1000
"""Events between two copies of the fold, while the session is short."""
COPIES = 256
"""How many copies are kept at most; from then on every second one is let go."""
STEP = 250
"""Events between two copies of the newest stretch, and of the one that was looked at last."""


class Past:
    """Copies of a fold that can be thrown away and made again."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._every = EVERY
        self._kept: dict[int, Moment] = {0: Moment()}  # as they were before the event of that index
        self._near: dict[int, Moment] = {}
        self._late: dict[int, Moment] = {}  # of the newest stretch, which is gone back to first

    def keep(self, index: int, moment: Moment) -> None:
        """``moment`` is as it was before event ``index``: copy it, if it is time for that."""
        if index % STEP or index in self._kept:
            return
        copy = self._late[index] = moment.copy()
        if len(self._late) * STEP > self._every:
            del self._late[next(iter(self._late))]
        if index % self._every == 0:
            self._kept[index] = copy
        if len(self._kept) > COPIES:
            self._every *= 2
            self._kept = {place: kept for place, kept in self._kept.items() if not place % self._every}

    def at(self, index: int, octets: int | None = None) -> Moment:
        """The session as it was after event ``index``; of one that is octets, after its first ``octets``."""
        event = self._recorder[index]
        moment = self._before(index)
        if octets is not None and isinstance(event, Sent | Received) and octets < len(event.data):
            event = event._replace(data=event.data[:octets])
        moment.apply(event)
        return moment

    def _before(self, index: int) -> Moment:
        """The session before event ``index``, to be gone on from."""
        known = {**self._kept, **self._late}
        start = max(place for place in known if place <= index)
        near = max((place for place in self._near if place <= index), default=-1)
        if near >= start:
            moment, start = self._near[near].copy(), near
        else:
            moment = known[start].copy()
            self._near = {}
        for place in range(start, index):
            if place % STEP == 0 and place not in self._near:
                self._near[place] = moment.copy()
            moment.apply(self._recorder[place])
        return moment
