"""A variation as a table of replies and times, for the screen and to be pasted elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from smtpscope.session.compare import outcome
from smtpscope.session.exchanges import Exchange
from smtpscope.session.export.hiding import Hide
from smtpscope.session.notes import duration
from smtpscope.session.redact import Redactor
from smtpscope.session.vary_runs import LOGINS, THINGS, TLS, Run, Varied, code, offers
from smtpscope.smtp.events import Failed
from smtpscope.visible import Spans, visible_text

_CELLS = 200
"""Cells of the longest text that is shown of a value or an answer."""
_STEPS = 40
"""Steps of a run that are shown."""
_GAP = 1
"""Cells between two steps; a step has two more before it, for the mark of a difference."""
_TIME = 7
"""Cells of a time, with a blank before it."""
_LABELS = {"CONNECT": "connect", "BANNER": "greeting", "UNASKED": "unasked"}


class Line(NamedTuple):
    """A line of the table, and the event that it leads to, -1 for none."""

    spans: Spans
    event: int = -1


def table(varied: Varied, redactor: Redactor | None = None, width: int = 80) -> list[Line]:
    """The conclusion, the first difference, and for each value its outcome and the replies and times of its steps."""
    it = _Table(varied, Hide(redactor))
    lines = [Line([(it.title, "strong")])]
    lines += [Line([]), Line([(it.conclusion, "strong")])] if it.conclusion else []
    lines += [Line([(it.first, "text" if it.earliest is None else "warn")])] if it.first else []
    lines += [Line([])]
    name = min(max(map(len, it.values), default=0), width // 3)
    for number in range(len(varied.made)):
        lines += [Line(it.head(number, name), it.leads(number)), *map(Line, it.steps(number, width))]
    for value in it.values[len(varied.made) :]:
        lines.append(Line([(f"     {value:<{name}}  not tried", "dim")]))
    return lines


def markdown(varied: Varied, redactor: Redactor | None = None) -> str:
    """The same to be pasted elsewhere: a table of GitHub's Markdown, in which nothing foreign has a meaning."""
    from smtpscope.session.export.markdown import code_span, table_lines

    it = _Table(varied, Hide(redactor))
    rows = []
    for number, cells in enumerate(it.cells):
        steps = [code_span(f"{cell.words} {cell.time}".rstrip()) for cell in cells[:_STEPS]]
        place = it.places[number]
        if place is not None and place < len(steps):
            steps[place] = f"**{steps[place]}**"
        rows.append((code_span(it.values[number]), it.took(number), code_span(it.outcome(number)), *steps))
    rows += [(code_span(value), "", "not tried") for value in it.values[len(it.cells) :]]
    most = max(map(len, rows), default=3)
    head = (THINGS[varied.thing], "time", "outcome", *(f"step {number}" for number in range(1, most - 2)))
    said = [code_span(words) for words in (it.title, it.conclusion, it.first) if words]
    rows = [row + ("",) * (most - len(row)) for row in rows]
    return "\n\n".join([*said, "\n".join(table_lines(head, rows))]) + "\n"


class _Cell(NamedTuple):
    """One step of a run."""

    label: str
    said: str
    took: float | None
    asked: float
    """When, in seconds of its session."""
    fact: object
    """What counts when runs are compared: the answer, and not its words, times or what was varied itself."""
    brief: str
    """The answer in fewer words."""
    offers: dict[str, str] | None = None
    """Of an EHLO that was accepted, by keyword as it is shown."""

    @property
    def words(self) -> str:
        """What was done, and what was answered."""
        told = self.said.startswith("TLSv")  # the version says what it is
        return self.said if told else f"{self.label} {self.said}".rstrip()

    @property
    def time(self) -> str:
        """What it took, as it is shown."""
        return duration(self.took) if self.took is not None else ""


class _Table:
    """What is shown of a variation, secrets hidden."""

    def __init__(self, varied: Varied, hide: Hide) -> None:
        self._varied, self._hide = varied, hide
        self.values = [hide.shown(run.value, _CELLS) for run in varied.runs]
        self.cells = [_cells(run, hide) for run in varied.made]
        self.places = [_difference(self.cells[0], each) for each in self.cells]
        """For each run the step in which it differs from the first one, None if none does."""
        differing = [(place, number) for number, place in enumerate(self.places) if place is not None]
        self.earliest = min(differing)[1] if differing else None
        """The run that differs first."""

    @property
    def title(self) -> str:
        """What was tried."""
        varied = self._varied
        where = f" to {self._hide.shown(varied.server, 60)}" if varied.server else ""
        return f"{THINGS[varied.thing]}: {len(varied.made)} of {len(varied.runs)} tried on fresh connections{where}"

    @property
    def conclusion(self) -> str:
        """A sentence; empty while it runs."""
        words = visible_text(self._varied.ended)
        return f"{words[:1].upper()}{words[1:]}." if words else ""

    @property
    def first(self) -> str:
        """The first difference, with both answers; empty where there is but one run."""
        number = self.earliest
        if number is None:
            same = (
                "Each went the same way to its end." if self._varied.thing in TLS else "Nothing differs but the times."
            )
            return same if len(self.cells) > 1 else ""
        place = self.places[number] or 0
        a, b = (each[place] if place < len(each) else None for each in (self.cells[0], self.cells[number]))
        label = next(cell.label for cell in (a, b) if cell is not None)
        made = self._varied.made
        left = f"{_brief(a, b, made[0])} with {self.values[0]}"
        return f"The first difference: {label}, {left}, {_brief(b, a, made[number])} with {self.values[number]}"

    def head(self, number: int, name: int) -> Spans:
        """Value, time and outcome of a run; ``name`` cells for the value."""
        run = self._varied.made[number]
        mark = "" if self.places[number] is None else "*!" if number == self.earliest else "!"
        kind = "bad" if run.refused or run.failed else "good" if self._varied.thing in LOGINS else "text"
        value = (f"{self.values[number]:<{name}}", "strong")
        return [(f"{mark:<3}", "warn"), value, (f"  {self.took(number):>7}  ", "dim"), (self.outcome(number), kind)]

    def took(self, number: int) -> str:
        """What all steps of a run took."""
        return duration(sum(cell.took or 0.0 for cell in self.cells[number]))

    def outcome(self, number: int) -> str:
        """How a run ended."""
        run = self._varied.made[number]
        assert run.connection is not None
        proved = self._varied.thing in LOGINS and run.login is not None and run.login.good
        return "logged in" if proved and not (run.refused or run.failed) else outcome(run.connection, self._hide)

    def leads(self, number: int) -> int:
        """The event to begin with in a run's own session: its refusal or failure, else where it differs first."""
        run, place, cells = self._varied.made[number], self.places[number], self.cells[number]
        refused = run.refused.reply if run.refused is not None else None
        if refused is not None:
            return run.event_at(refused.last)
        if run.failed:
            return next(run.start + at for at, each in enumerate(run.events) if isinstance(each, Failed))
        return run.event_at(cells[place].asked) if place is not None and place < len(cells) else run.event

    def steps(self, number: int, width: int) -> list[Spans]:
        """Reply and time of each step of a run, in columns that all runs share, as many beside each other as fit."""
        lines: list[Spans] = []
        room = 0
        for column, cell in enumerate(self.cells[number][:_STEPS]):
            wide = max(len(each[column].words) for each in self.cells if column < len(each))
            needed = 2 + wide + _TIME
            if lines and needed + _GAP <= room:
                lines[-1].append((" " * _GAP, "text"))
                room -= needed + _GAP
            else:
                lines.append([("   ", "text")])
                room = width - 3 - needed
            differs = column == self.places[number]
            words = f"{'!' if differs else ' '} {cell.words:<{wide}}"
            lines[-1] += [(words, "warn" if differs else "text"), (f"{cell.time:>{_TIME}}", "dim")]
        return lines


def _brief(cell: _Cell | None, other: _Cell | None, run: Run) -> str:
    """What a step came to, told from what it came to in another run."""
    if cell is None:
        return "no connection" if run.unreached else "nothing"
    if other is None or other.label != cell.label or other.brief != cell.brief:
        return cell.brief
    if cell.offers is not None and other.offers is not None:
        more = [keyword for keyword, rest in cell.offers.items() if other.offers.get(keyword) != rest]
        return f"{cell.brief} offering {_few(more)}" if more else cell.brief
    return f"{cell.brief} of its own"


def _few(words: Sequence[str]) -> str:
    return ", ".join([*words[:3], *([f"and {len(words) - 3} more"] if len(words) > 3 else [])])


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
        verdict = f"{'bad' if done.faults else 'good'} certificate"
        said = hide.shown(f"{done.version}, {done.cipher}, {verdict.removesuffix('ificate')}", 100)
        return _Cell(label, said, each.took, each.time, (done.chain[:1], verdict), f"a {verdict}")
    if each.kind == "TLS":
        return _Cell(label, "failed", each.took, each.time, "failed", "failed")
    offered = offers(each)
    shown = {hide.shown(keyword, 20): rest for keyword, rest in offered.items()} if offered is not None else None
    said = code(each) if each.kind != "CONNECT" else "" if each.good else "failed"
    return _Cell(label, said, each.took, each.time, (said, offered), said or "done", shown)
