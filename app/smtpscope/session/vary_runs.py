"""What came of varying one thing: its runs, as a fold of the events.

A variation lies between two ``Told``, ``vary`` and ``varied``; a ``value`` stands before the connection of each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice

from smtpscope.session.exchanges import Connection, Exchange, connections
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Answered, Event, Failed, Link, Opened, Received, Secured, Told
from smtpscope.smtp.facts import capabilities

THINGS = {
    "auth": "AUTH mechanism",
    "user": "user name",
    "tls": "TLS version",
    "cipher": "cipher family",
    "sni": "server name (SNI)",
    "ehlo": "EHLO name",
}
"""What can be varied, as it is asked for, with its name."""
LOGINS = ("auth", "user")
TLS = ("tls", "cipher", "sni")

_RECENT = 200
"""Events beside those of the wire that a run makes at most until it is told what it is."""


@dataclass(frozen=True, slots=True)
class Run:
    """One value; without a connection it was not tried."""

    value: str
    event: int = -1
    """Where its connection begins."""
    connection: Connection | None = None
    failed: str = ""
    """The last thing that could not be done, raw."""
    unreached: bool = False
    """There was no connection: nobody listens, or the host was not found."""
    declined: bool = False
    """The user did not want to go on with this certificate, or after octets in clear."""
    events: Sequence[Event] = field(default=(), repr=False, compare=False)
    """All of the run; the first is ``start`` of the session."""
    start: int = 0

    @property
    def login(self) -> Exchange | None:
        """The login, where one went out."""
        return next(reversed(self.of("AUTH")), None)

    @property
    def handshake(self) -> Exchange | None:
        """The last one that began."""
        return next(reversed(self.of("TLS")), None)

    @property
    def refused(self) -> Exchange | None:
        """The first refusal."""
        each = self.connection.exchanges if self.connection is not None else ()
        return next((one for one in each if one.replies and not one.good and one.kind != "UNASKED"), None)

    @property
    def offered(self) -> dict[str, str]:
        """What EHLO offered last, before a login if there was one; empty if it offered nothing."""
        each = self.connection.exchanges if self.connection is not None else ()
        end = next((place for place, one in enumerate(each) if one.kind == "AUTH"), len(each))
        return next((found for one in reversed(each[:end]) if (found := offers(one)) is not None), {})

    def event_at(self, time: float) -> int:
        """The first answer or failure that came at ``time``, seconds, or later; where the run begins if none did."""
        told = (place for place, each in enumerate(self.events) if isinstance(each, Received | Failed | Secured))
        return next((self.start + place for place in told if self.events[place].time >= time), self.event)

    def of(self, kind: str) -> list[Exchange]:
        """All of one kind, in order."""
        return self.connection.of(kind) if self.connection is not None else []


@dataclass(frozen=True, slots=True)
class Varied:
    """One variation."""

    thing: str
    """Of THINGS."""
    runs: tuple[Run, ...]
    """In order, first those that were made."""
    server: str = ""
    ended: str = ""
    """What was said at its end, empty while it runs."""

    @property
    def made(self) -> tuple[Run, ...]:
        """The runs that were tried."""
        return tuple(run for run in self.runs if run.connection is not None)


def begin_text(thing: str, values: Sequence[str]) -> str:
    """What is told when it begins, and is understood by ``newest``."""
    return f"vary {thing}: {', '.join(values)}"


def newest(events: Recorder | Sequence[Event]) -> Varied | None:
    """The last variation of a session, also one that still runs; None if there is none."""
    told: list[tuple[int, Told]] = []
    for index in events.others() if isinstance(events, Recorder) else range(len(events) - 1, -1, -1):
        event = events[index]
        if isinstance(event, Told):
            told.insert(0, (index, event))
            if event.kind == "vary":
                return _folded(events, told)
    return None


def _folded(events: Recorder | Sequence[Event], told: list[tuple[int, Told]]) -> Varied | None:
    """The variation that the first of ``told`` begins."""
    head, _, text = told[0][1].text.partition(": ")
    thing, values = head.removeprefix("vary "), text.split(", ")
    if thing not in THINGS:
        return None
    end, ended = next(((index, each.text) for index, each in told if each.kind == "varied"), (len(events), ""))
    places = [index for index, each in told if each.kind == "value" and index < end][: len(values)]
    begun = zip(values, places, [*places[1:], end], strict=False)
    runs = [_run(value, list(events[begin:stop]), begin) for value, begin, stop in begun]
    rest = [Run(value) for value in values[len(places) :]]
    opened = next((each.connection.opened for each in runs if each.connection is not None), None)
    server = f"{opened.server} port {opened.port}" if opened is not None else ""
    return Varied(thing, (*runs, *rest), server, ended)


def progress(events: Recorder) -> str:
    """What is told of the run under way, empty if none is."""
    for index in islice(events.others(), _RECENT):
        event = events[index]
        if isinstance(event, Told) and event.kind in ("value", "varied"):
            return event.text if event.kind == "value" else ""
    return ""


def _run(value: str, events: Sequence[Event], start: int) -> Run:
    opened = next((place for place, event in enumerate(events) if isinstance(event, Opened)), None)
    if opened is None:
        return Run(value)
    failed = [event.reason for event in events if isinstance(event, Failed)]
    links = [event for event in events if isinstance(event, Link)]
    unreached = bool(links) and not any(link.peer for link in links)
    declined = any(
        isinstance(event, Answered) and event.kind in ("certificate", "injected") and not event.answer
        for event in events
    )
    return Run(
        value, start + opened, connections(events)[0], failed[-1] if failed else "", unreached, declined, events, start
    )


def offers(each: Exchange) -> dict[str, str] | None:
    """The keywords of an EHLO that was accepted, None for anything else; the order of mechanisms says nothing."""
    reply = each.reply
    if each.kind != "EHLO" or reply is None or not reply.positive:
        return None
    found = capabilities(reply.lines)
    return {name: " ".join(sorted(rest.split())) if name == "AUTH" else rest for name, rest in found.items()}


def code(exchange: Exchange) -> str:
    """The last reply's code, with the enhanced one."""
    reply = exchange.reply
    return " ".join(filter(None, (str(reply.code or "none"), reply.enhanced))) if reply is not None else "no reply"
