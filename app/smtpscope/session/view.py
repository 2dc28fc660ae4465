"""The session as a screen sees it: one fold of the events that have come, taken as far as one likes.

It keeps nothing that the events do not say, so a saved session gives the same view as a live one.
"""

from __future__ import annotations

import math
from time import perf_counter

from smtpscope.session.capabilities import Capabilities
from smtpscope.session.findings import Findings
from smtpscope.session.log import Log
from smtpscope.session.moment import Moment
from smtpscope.session.past import Past
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.session.timing import Times
from smtpscope.smtp.events import Event
from smtpscope.smtp.machine import Machine


class View:
    """Where the session stands now, the log's rows, and how it stood at any of them."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.redactor = Redactor()
        self.now = Moment()
        self.log = Log(recorder, self.redactor)
        self.taken = 0
        """How many events are folded in."""
        self.capabilities = Capabilities()
        self.times = Times()
        self.findings = Findings(self.capabilities, self.redactor)
        self._past = Past(recorder)
        self._at: tuple[tuple[int, int | None], Moment] = ((-1, None), self.now)  # the moment looked at last

    @property
    def machine(self) -> Machine:
        """Where the session stands now."""
        return self.now.machine

    def take(self, budget: float = math.inf) -> bool:
        """Fold in what has come, for about ``budget`` seconds; whether more is left."""
        stop = perf_counter() + budget
        while self.taken < len(self.recorder):
            self._apply(self.taken, self.recorder[self.taken])
            self.taken += 1
            if perf_counter() > stop:
                break
        return self.taken < len(self.recorder)

    def _apply(self, index: int, event: Event) -> None:
        self._past.keep(index, self.now)
        text_mode = self.machine.prompt == "data>"
        self.redactor.learn(event)
        answers = self.now.apply(event)
        self.capabilities.apply(index, event, self.machine, answers)
        self.times.apply(index, event, self.machine, answers)
        self.findings.apply(index, event, self.machine, answers)
        self.log.apply(index, event, self.machine, answers, text_mode)

    def at(self, row: int) -> Moment:
        """The session as it was when the log's row ``row``, and the reply that it belongs to, had come."""
        end = self.log.end_of(self.log.reply_rows(row)[-1])
        if end != self._at[0]:
            self._at = (end, self._past.at(*end))
        return self._at[1]

    def event_of(self, row: int) -> int:
        """The index of the event with which row ``row``, and the reply that it belongs to, had come."""
        return self.log.end_of(self.log.reply_rows(row)[-1])[0]

    def is_last(self, row: int) -> bool:
        """Whether nothing has come behind ``row`` and the reply that it belongs to."""
        return self.log.reply_rows(row)[-1] == len(self.log) - 1
