"""Where the time of one connection went: its steps one after the other, and how much of each was the network's.

A step is what somebody waited for: the name server, the TCP and the TLS handshake, the greeting, the reply to a
command, a block of message text until the kernel took it. They never overlap: of commands that went out together each
has the time since the reply to the one before. Between them nothing was owed; that is ``idle`` and nobody's fault.
"""

from __future__ import annotations

import sys
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from smtpscope.smtp.effects import Pending, path_of
from smtpscope.smtp.events import (
    Cipher,
    Closed,
    Event,
    Failed,
    Forgot,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    Told,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.stages import BLOCK, stage_of

KEPT = 5000
"""Steps that are kept, the last ones."""
IDLE = 10.0
"""Seconds without anything owed that are a step of their own; less is how people type."""

WAITING = "waiting"
"""The outcome of a step that goes on."""

HOST, TCP, TLS, BANNER, COMMAND, TEXT, PAUSE = "host", "tcp", "tls", "banner", "command", "text", "idle"
"""Kinds of steps."""


class Step(NamedTuple):
    """One thing that was waited for. Times are seconds since connect."""

    kind: str
    name: str
    """``DNS``, ``TCP``, ``TLS``, ``banner``, a verb, ``text``, ``idle``; a verb is as foreign as what was typed."""
    start: float
    end: float
    event: int
    """The index of the event that ended it."""
    detail: str = ""
    """The path of MAIL and RCPT, else what the line said behind its verb, an address or a size; foreign, and secrets
    may stand in it."""
    code: int | None = None
    outcome: str = ""
    """``waiting`` while it goes on, ``no answer`` or ``failed`` where that was its end."""
    trips: int = 0
    """How often the network had to be crossed, there and back."""
    network: float = 0.0
    """Seconds of it that the network took, as far as the floor tells."""
    limit: float = 0.0
    """Seconds that RFC 5321 4.5.3.2 gives it, 0 where it names none."""

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(0.0, self.end - self.start)

    @property
    def server(self) -> float:
        """Seconds of it that the server took."""
        return self.seconds - self.network if self.kind in (TLS, BANNER, COMMAND) else 0.0

    @property
    def share(self) -> float:
        """How much of its limit it took, 1.0 being all."""
        return self.seconds / self.limit if self.limit else 0.0


class Timeline(NamedTuple):
    """The steps of one connection in order, and the network's round trip."""

    steps: tuple[Step, ...] = ()
    dropped: int = 0
    """Steps before these that are not kept."""
    floor: float | None = None
    """Seconds of the fastest TCP handshake or NOOP: what the network takes at least. None before there is one."""
    floor_of: str = ""

    def seconds(self, *kinds: str) -> float:
        """How long the steps of these kinds took, all of them where none is named."""
        return sum(step.seconds for step in self.steps if not kinds or step.kind in kinds)

    @property
    def waited(self) -> float:
        """Seconds in which something was waited for."""
        return self.seconds() - self.seconds(PAUSE)

    @property
    def whole(self) -> float:
        """Seconds from the first step to the last."""
        return self.steps[-1].end - self.steps[0].start if self.steps else 0.0

    @property
    def network(self) -> float:
        """Seconds that the network took, message text aside: how much of that is the server's reading is not known."""
        return sum(step.network for step in self.steps if step.kind != TEXT)

    @property
    def server(self) -> float:
        """Seconds that the server took."""
        return sum(step.server for step in self.steps)

    @property
    def slowest(self) -> list[Step]:
        """The three steps that took longest, the longest first."""
        steps = [step for step in self.steps if step.kind != PAUSE]
        return sorted(steps, key=lambda step: -step.seconds)[:3]

    def at(self, event: int) -> int:
        """The place of the step that an event belongs to, -1 where there are no steps."""
        return min(bisect_left(self.steps, event, key=lambda step: step.event), len(self.steps) - 1)


def timeline(events: Iterable[Event], now: float | None = None, first: int = 0) -> Timeline:
    """The timeline of the newest connection in ``events``; ``now`` is how far a step that goes on has come.

    ``first`` is the index of the first of the events.
    """
    machine, fold = Machine(), Timing()
    for index, event in enumerate(events, first):
        fold.apply(index, event, machine, machine.apply(event))
    return fold.timeline(now)


class Times:
    """The timings of all connections of a session, and of those that a repetition made; a fold."""

    def __init__(self) -> None:
        self._begun: list[int] = [0]
        self._ended: list[Timeline] = []  # of all connections but the newest
        self._newest = Timing()
        self._runs: list[tuple[int, int]] = []  # of each repetition, the first event and the one behind the last

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer]) -> None:
        """Take one event, after the machine has."""
        if isinstance(event, Opened):
            self._begun.append(index)
            self._ended.append(self._newest.timeline())
            self._newest = Timing()
        elif isinstance(event, Told):
            if event.kind == "repeat":
                self._runs.append((index, sys.maxsize))
            elif event.kind == "repeated" and self._runs:
                self._runs[-1] = (self._runs[-1][0], index + 1)
        self._newest.apply(index, event, machine, answers)

    def at(self, event: int, now: float | None = None) -> Timeline:
        """The timeline of the connection that event ``event`` belongs to, as it was then; ``now`` is its time."""
        place = bisect_right(self._begun, event) - 1
        line = self._ended[place] if 0 <= place < len(self._ended) else self._newest.timeline(now)
        there = bisect_right(line.steps, event, key=lambda step: step.event)
        steps, later = line.steps[:there], line.steps[there : there + 1]
        if later and now is not None and later[0].start <= now:  # it went on then
            end = min(now, later[0].end)
            steps = (*steps, later[0]._replace(end=end, code=None, outcome=WAITING, network=0.0))
        return line._replace(steps=steps)

    def runs(self, event: int) -> list[Timeline]:
        """The timelines of the repetition that event ``event`` belongs to; empty where it belongs to none."""
        start, end = next((run for run in self._runs if run[0] <= event < run[1]), (0, 0))
        lines = [*self._ended, self._newest.timeline()]
        return [line for begun, line in zip(self._begun, lines, strict=True) if start < begun < end]


class Timing:
    """The fold of one connection: takes events after the machine has."""

    def __init__(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._steps: deque[Step] = deque(maxlen=KEPT)
        self._count = 0
        self._floor: tuple[float, str] | None = None  # the quickest round trip, and of what
        self._phase: Step | None = None  # of the link: finding the host, TCP, TLS
        self._flights = 0  # how often the handshake turned from us to the server
        self._outgoing = False
        self._owed: Pending | None = None
        self._asked = 0.0  # when the server was last asked, or answered something that was sent before
        self._challenged = False  # a 334 has come in the login that is owed
        self._ours = False  # and waits for our response
        self._block: tuple[float, int] | None = None  # message text on its way: since when, how much
        self._last = 0.0

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer]) -> None:
        """Take one event; ``answers`` are what the machine gave for it."""
        self._last = event.time
        if isinstance(event, Received):
            for answer in answers:
                self._answered(index, answer)
        elif isinstance(event, Sent):
            if machine.facts.streaming:
                self._block = (event.time, len(event.data))
            elif self._ours:
                self._asked, self._ours = event.time, False
        elif isinstance(event, Progress):
            self._block_taken(index, event)
        elif isinstance(event, Cipher):
            self._crossed(event)
        else:
            self._between(index, event)
        self._owed = machine.pending[0] if machine.pending else None

    def timeline(self, now: float | None = None) -> Timeline:
        """What has been so far; a step that goes on ends ``now``, or with the last event."""
        floor, source = self._floor or (0.0, "")
        steps = [*self._steps, *self._going_on(self._last if now is None else now)]
        shared = tuple(step._replace(network=_network(step, floor)) for step in steps)
        return Timeline(shared, self._count - len(self._steps), floor if source else None, source)

    def _going_on(self, now: float) -> list[Step]:
        step = None
        if self._phase is not None:
            step = self._phase._replace(end=now)
        elif self._owed is not None and not self._ours:
            step = self._wait(self._owed, len(self._steps), now)
        elif self._block is not None:
            step = Step(TEXT, "text", self._block[0], now, 0, f"{self._block[1]:,} bytes", limit=BLOCK)
        if step is None:
            return []
        last = self._steps[-1] if self._steps else None
        step = step._replace(event=last.event + 1 if last else 0, outcome=WAITING)
        return [_behind(last, step)]

    def _add(self, step: Step) -> None:
        before = self._steps[-1] if self._steps else None
        step = _behind(before, step)
        if before is not None and step.start - before.end >= IDLE:
            self._count += 1
            self._steps.append(Step(PAUSE, "idle", before.end, step.start, before.event))
        self._count += 1
        self._steps.append(step)

    # -- the link

    def _between(self, index: int, event: Event) -> None:
        match event:
            case Opened():
                self._forget()
            case Link(status=LinkStatus.FINDINGHOST):
                self._phase = Step(HOST, "DNS", event.time, event.time, index, event.detail)
            case Link(status=LinkStatus.CONNECTING):
                self._end_phase(index - 1, event.time, failed=self._in_phase(TCP))
                self._phase = Step(TCP, "TCP", event.time, event.time, index, event.detail, trips=1)
            case Link(status=LinkStatus.SECURING):
                self._end_phase(index - 1, event.time)
                self._phase = Step(TLS, "TLS", event.time, event.time, index)
                self._flights, self._outgoing = 0, False
            case Secured():
                if self._phase is not None:
                    self._phase = self._phase._replace(detail=event.version, trips=max(1, self._flights))
                self._end_phase(index, event.time)
            case Link(status=LinkStatus.CONNECTED):
                self._end_phase(index, event.time)
            case Failed() | Closed():
                self._end_phase(index, event.time, failed=True)
                if isinstance(event, Closed) and self._owed is not None:
                    self._add(self._wait(self._owed, index, event.time, outcome="no answer"))
                self._block = None
            case Forgot() if self._owed is not None:
                self._add(self._wait(self._owed, index, event.time, outcome="no answer"))
                self._asked, self._challenged, self._ours = event.time, False, False

    def _in_phase(self, kind: str) -> bool:
        return self._phase is not None and self._phase.kind == kind

    def _crossed(self, event: Cipher) -> None:
        """Octets of TLS: the handshake is waited for from our first ones on, and each turn is a round trip."""
        if event.outgoing and not self._outgoing and not self._flights and self._in_phase(TLS) and self._phase:
            self._phase = self._phase._replace(start=event.time)
        self._flights += self._outgoing and not event.outgoing
        self._outgoing = event.outgoing

    def _end_phase(self, index: int, time: float, failed: bool = False) -> None:
        step, self._phase = self._phase, None
        if step is None:
            return
        step = step._replace(end=time, event=index, outcome="failed" if failed else "")
        if step.kind == TCP and not failed:
            self._round_trip(step.seconds, "TCP")
        self._add(step)

    def _round_trip(self, seconds: float, source: str) -> None:
        self._floor = min(self._floor or (seconds, source), (seconds, source))

    # -- what was owed

    def _answered(self, index: int, answer: Answer) -> None:
        pending, reply = answer.pending, answer.reply
        if pending is None or reply.code is None:
            return
        step = self._wait(pending, index, reply.last, reply.code)
        self._add(step)
        if pending.verb == "NOOP" and step.trips:
            self._round_trip(step.seconds, "NOOP")
        self._asked = reply.last
        self._challenged = self._ours = pending.kind == "AUTH" and not answer.settled

    def _wait(self, pending: Pending, index: int, end: float, code: int | None = None, outcome: str = "") -> Step:
        """The step of a reply that is owed: since it was asked for, or since the answer before it."""
        start, limit = max(pending.sent, self._asked), stage_of(pending.kind, None)
        if pending.kind == "BANNER":
            return Step(BANNER, "banner", start, end, index, "", code, outcome, 1, 0.0, limit)
        if pending.kind in ("MAIL", "RCPT"):
            detail = path_of(pending.line) or "<>"
        else:
            detail = b"".join(pending.line.split(None, 1)[1:]).decode(errors="backslashreplace")
        queued = start > pending.sent and not self._challenged
        if self._challenged:
            detail = "response"
        name = pending.verb or pending.kind
        return Step(COMMAND, name, start, end, index, detail, code, outcome, 0 if queued else 1, 0.0, limit)

    def _block_taken(self, index: int, event: Progress) -> None:
        if self._block is None:
            return
        start, size = self._block
        self._block = None
        self._add(Step(TEXT, "text", start, event.time, index, f"{size:,} bytes", limit=BLOCK))


def _behind(before: Step | None, step: Step) -> Step:
    """``step`` without what belongs to the one ``before`` it, whatever the events say."""
    start = step.start if before is None or before.end <= step.start else before.end
    return step if start == step.start <= step.end else step._replace(start=start, end=max(start, step.end))


def _network(step: Step, floor: float) -> float:
    """The network's part of a step: all of it where only the network is waited for, else the floor for each trip."""
    if step.kind in (TCP, TEXT):
        return step.seconds
    return min(step.seconds, step.trips * floor)
