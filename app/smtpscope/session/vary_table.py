"""What came of varying one thing: its runs as a fold of the events, and the table of their replies and times.

A variation lies between two ``Told``, ``vary`` and ``varied``; a ``value`` stands before the connection of each run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import NamedTuple

from smtpscope.session.compare import outcome
from smtpscope.session.exchanges import Connection, Exchange, connections
from smtpscope.session.export.hiding import Hide
from smtpscope.session.notes import duration
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event, Failed, Link, Opened, Told
from smtpscope.smtp.facts import capabilities
from smtpscope.visible import Spans

THINGS = {
    "auth": "AUTH mechanism",
    "user": "user name",
    "tls": "TLS version",
    "cipher": "cipher",
    "sni": "server name (SNI)",
    "ehlo": "EHLO name",
}
"""What can be varied, as it is asked for, with its name."""
LOGINS = ("auth", "user")
TLS = ("tls", "cipher", "sni")

_CELLS = 200
"""Cells of the longest text that is shown of a value or an answer."""
_STEPS = 40
"""Steps of a run that are shown."""
_LABELS = {"CONNECT": "connect", "BANNER": "greeting", "UNASKED": "unasked"}


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
    server = next((each.connection.opened.server for each in runs if each.connection is not None), "")
    return Varied(thing, (*runs, *rest), server, ended)


def _run(value: str, events: Sequence[Event], start: int) -> Run:
    opened = next((place for place, event in enumerate(events) if isinstance(event, Opened)), None)
    if opened is None:
        return Run(value)
    failed = [event.reason for event in events if isinstance(event, Failed)]
    links = [event for event in events if isinstance(event, Link)]
    unreached = bool(links) and not any(link.peer for link in links)
    return Run(value, start + opened, connections(events)[0], failed[-1] if failed else "", unreached)


# -- the table


class Line(NamedTuple):
    """A line of the table, and the event that it leads to, -1 for none."""

    spans: Spans
    event: int = -1


class _Cell(NamedTuple):
    label: str
    said: str
    took: float | None
    fact: object
    """What counts when runs are compared: the answer, and not its words, times or what was varied itself."""


def table(varied: Varied, redactor: Redactor | None = None, width: int = 80) -> list[Line]:
    """The conclusion, the first difference, and for each value its outcome and the replies and times of its steps."""
    made = varied.made
    hide = Hide(redactor)
    title = f"{THINGS[varied.thing]}: {len(made)} of {len(varied.runs)} tried on fresh connections"
    lines = [Line([(title, "strong"), (f" to {hide.shown(varied.server, 60)}" if varied.server else "", "text")])]
    if varied.ended:
        words = hide.shown(varied.ended)
        lines += [Line([]), Line([(f"{words[:1].upper()}{words[1:]}.", "strong")])]
    cells = [_cells(run, hide) for run in made]
    places = [_difference(cells[0], each) for each in cells]
    lines += [*_first(made, cells, places, hide), Line([])]
    name = min(max((len(hide.shown(run.value, _CELLS)) for run in varied.runs), default=0), width // 3)
    first = _first_of(places)
    for number, run in enumerate(made):
        lines += [_head(run, number == first, places[number], cells[number], name, hide)]
        lines += _steps(cells[number], places[number], width)
    for run in varied.runs[len(made) :]:
        lines.append(Line([(f"   {hide.shown(run.value, _CELLS):<{name}}  not tried", "dim")]))
    return lines


def _head(run: Run, first: bool, place: int | None, cells: list[_Cell], name: int, hide: Hide) -> Line:
    """Value, time and outcome of a run."""
    mark = "" if place is None else "*!" if first else "!"
    assert run.connection is not None
    words = outcome(run.connection, hide)
    took = sum(cell.took or 0.0 for cell in cells)
    value = (f"{hide.shown(run.value, _CELLS):<{name}}", "strong")
    kind = "text" if place is None else "bad"
    return Line([(f"{mark:<3}", "bad"), value, (f"  {duration(took):>7}  ", "dim"), (words, kind)], run.event)


def _steps(cells: list[_Cell], place: int | None, width: int) -> list[Line]:
    """Reply and time of each step of a run, as many beside each other as there is room for."""
    lines: list[Spans] = [[("     ", "text")]]
    room = width - 5
    for number, cell in enumerate(cells[:_STEPS]):
        differs = number == place
        words = f"{'! ' * differs}{cell.label} {cell.said}".rstrip()
        time = f" {duration(cell.took)}" if cell.took is not None else ""
        if len(lines[-1]) > 1:
            if len(words) + len(time) + 3 > room:
                lines.append([("     ", "text")])
                room = width - 5
            else:
                words = f"   {words}"
        lines[-1] += [(words, "bad" if differs else "text"), (time, "dim")]
        room -= len(words) + len(time)
    return [Line(spans) for spans in lines]


def _first(runs: Sequence[Run], cells: list[list[_Cell]], places: list[int | None], hide: Hide) -> list[Line]:
    number = _first_of(places)
    if number is None:
        return [Line([("Nothing differs.", "good")])] if len(runs) > 1 else []
    place = places[number] or 0
    said = []
    for run, each in ((runs[0], cells[0]), (runs[number], cells[number])):
        cell = each[place] if place < len(each) else None
        said.append(f"{cell.said or 'done' if cell else 'nothing'} with {hide.shown(run.value, _CELLS)}")
    longest = max(cells[0], cells[number], key=len)
    return [Line([("The first difference: ", "strong"), (f"{longest[place].label}, {', '.join(said)}", "bad")])]


def _first_of(places: list[int | None]) -> int | None:
    """The run with the earliest difference."""
    found = [(place, number) for number, place in enumerate(places) if place is not None]
    return min(found)[1] if found else None


def _difference(a: list[_Cell], b: list[_Cell]) -> int | None:
    for place, (left, right) in enumerate(zip_longest(a, b)):
        if left is None or right is None or (left.label, left.fact) != (right.label, right.fact):
            return place
    return None


def _cells(run: Run, hide: Hide) -> list[_Cell]:
    assert run.connection is not None
    return [_cell(each, hide) for each in run.connection.exchanges if each.kind not in ("QUIT", "FAILED")]


def _cell(each: Exchange, hide: Hide) -> _Cell:
    label, done = _LABELS.get(each.kind) or hide.shown(each.verb, 20), each.secured
    if each.kind == "TLS" and done is not None:
        verdict = "bad" if done.faults else "good"
        said = hide.shown(f"{done.version.removeprefix('TLS')}, {done.cipher}, {verdict} certificate", 100)
        return _Cell(label, said, each.took, (done.chain[:1], done.faults))
    if each.kind == "TLS":
        return _Cell(label, "failed", each.took, "failed")
    said = code(each) if each.kind != "CONNECT" else "" if each.good else "failed"
    reply = each.reply
    offers = frozenset(capabilities(reply.lines)) if each.kind == "EHLO" and reply and reply.positive else None
    return _Cell(label, said, each.took, (said, offers))


def code(exchange: Exchange) -> str:
    """The last reply's code, with the enhanced one."""
    reply = exchange.reply
    return " ".join(filter(None, (str(reply.code or "none"), reply.enhanced))) if reply is not None else "no reply"
