"""What the inspector's tabs say of a row and its moment: folds of the session, as paragraphs, octets and bars."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

from smtpscope.secret import Secret
from smtpscope.session.capabilities import capability_lines
from smtpscope.session.findings import evidence, findings_lines
from smtpscope.session.log import Kind, Log, Spans
from smtpscope.session.login_fields import login_lines
from smtpscope.session.recipients import recipient_lines
from smtpscope.session.repeat_table import repeat_lines
from smtpscope.session.reveal import shape_lines
from smtpscope.session.view import View
from smtpscope.session.waterfall import Bar, bars, head
from smtpscope.smtp.events import Asked, Failed, Link, Received, Secured, Sent
from smtpscope.smtp.reply import Reply, ReplyReader
from smtpscope.tui.header import Shown
from smtpscope.visible import safe, visible_text
from smtpscope_widgets.page import Paragraph

if TYPE_CHECKING:
    from smtpscope.session.causes import Situation
    from smtpscope.session.known_certificates import Known

LIMIT = 256 * 1024
"""Octets of one row that the inspector shows."""
ASIDE = "laid aside: ? brings it back"
"""A question that waits."""
UNUSED = "Never used: it came in clear behind the 220 of STARTTLS, where TLS begins. Somebody may be in the middle."
LINES = 200
"""Lines of one reply that it shows."""


class Look(NamedTuple):
    """What is looked at: a row of the log (an id, -1 for none) and the moment that is shown."""

    view: View
    shown: Shown
    row: int
    tests: Callable[[int], Sequence[str] | None] = lambda row: None
    """The ids of the tests that can be run at a row, in the order of their digits."""
    given: Secret | None = None
    """The password that was given for this run."""
    earlier: Mapping[Secured, Known | None] = {}
    """What servers had shown before these handshakes."""
    kept: bool = False
    """It goes into a picture that is kept: what is for the screen alone is left out."""
    question: Asked | None = None
    """The question that waits for its answer, in sight or not."""
    aside: bool = False
    """It was laid aside."""

    def state(self, tab: str) -> tuple[object, ...]:
        """What the tab depends on: while it is the same, nothing need be shown anew."""
        log, row = self.view.log, self.row
        said = (log.length[row], log.text.get(row), log.kind[row]) if row >= 0 else ()
        whole = () if tab in ("reply", "bytes") else (self.event, round(self.shown.now))
        return (row, tab, self.kept, self.question, self.aside, len(self.rows), *said, log.redactor.forms, *whole)

    @property
    def event(self) -> int:
        """The index of the last event of the moment, -1 before the first."""
        return self.view.event_of(self.row) if self.shown.past else self.view.taken - 1

    @property
    def situation(self) -> Situation:
        """What was going on when the reply came that the row belongs to."""
        from smtpscope.session.causes import Situation  # not before it is needed: a start is quicker without

        moment = self.shown.moment
        return Situation.of(moment.machine, moment.answered, moment.opened.port if moment.opened else 0)

    @property
    def asked(self) -> Asked | None:
        """The question that waits, if the row is where it was asked."""
        log, row, question = self.view.log, self.row, self.question
        if question is None or row < 0 or log.kind[row] != Kind.QUESTION:
            return None
        later = Kind.QUESTION in log.kind[row + 1 :]
        return None if later else question

    @property
    def secured(self) -> Secured | None:
        """The handshake whose end the row tells."""
        log, row = self.view.log, self.row
        event = self.view.recorder[log.event[row]] if row >= 0 and log.kind[row] in (Kind.NOTE, Kind.FAULT) else None
        return event if isinstance(event, Secured) else None

    @property
    def wall(self) -> float:
        """The time of the row, in seconds since the Unix epoch; 0 where that is not known."""
        opened = self.shown.moment.opened
        return opened.wall + self.view.log.time[self.row] if opened and opened.wall and self.row >= 0 else 0.0

    @property
    def unused(self) -> bool:
        """Whether the row came in clear where TLS was to begin."""
        log, row, facts = self.view.log, self.row, self.shown.moment.machine.facts
        return facts.securing and row >= 0 and bool(facts.injected) and log.octets(row, LIMIT) in facts.injected

    @property
    def rows(self) -> list[int]:
        """The row, or all rows of the reply that it belongs to."""
        log = self.view.log
        received = self.row >= 0 and log.kind[self.row] in (Kind.RECEIVED, Kind.REFUSED)
        return log.reply_rows(self.row) if received else [self.row] if self.row >= 0 else []


@cache
def pages() -> Mapping[str, Callable[[Look], list[Paragraph]]]:
    """The tabs that are paragraphs, by name, in their order."""
    return {"reply": reply_page, "tls": tls_page, "EHLO": ehlo_page, "rcpt": rcpt_page, "findings": findings_page}


def reply_of(log: Log, row: int) -> Reply | None:
    """The reply that a received row belongs to, made from its octets again; None where they are no whole reply."""
    if row < 0 or log.kind[row] not in (Kind.RECEIVED, Kind.REFUSED):
        return None
    reader, replies = ReplyReader(), []
    for each in log.reply_rows(row):
        replies += reader.feed(log.octets(each, LIMIT), log.time[each])
    return replies[-1] if replies else None


# -- reply


def reply_page(look: Look) -> list[Paragraph]:
    """What the row is and means."""
    if look.row < 0:
        return [Paragraph([("Nothing has been said yet.", "dim")])]
    return [Paragraph(spans) for spans in _explained(look)]


def _explained(look: Look) -> list[Spans]:
    from smtpscope.session.explain import failure_lines, reply_lines  # not before it is needed

    log = look.view.log
    if log.kind[look.row] == Kind.DECODED:  # it belongs to the row above it
        look = look._replace(row=log.first[look.row])
    row, rows = look.row, look.rows
    kind = Kind(log.kind[row])
    if kind in (Kind.RECEIVED, Kind.REFUSED):
        reply = reply_of(log, row)
        if look.unused:
            return [
                [(UNUSED, "bad")],
                [("RFC 3207 6", "dim")],
                [],
                *(log.spans(each, whole=True) for each in rows[:LINES]),
            ]
        if reply is not None:
            asked = log.asked[rows[0]]
            lines = [log.spans(each, whole=True) for each in rows[:LINES]]
            sent = asked if asked >= 0 else None
            explained = reply_lines(reply, sent, look.situation, look.tests(row), beside(look))
            return [*explained, [], *lines]
        return [[("A line of a reply that has not ended.", "text")], [], log.spans(row)]
    if kind is Kind.TEXT:
        return [
            [("Message text, lines ended with CRLF and leading dots doubled (RFC 5321 4.5.2).", "text")],
            log.spans(row),
        ]
    if kind in (Kind.SENT, Kind.TEXT_LINE):
        data = log.octets(row)[-2:] if log.length[row] <= LIMIT else b""
        ending = "CRLF" if data.endswith(b"\r\n") else "LF" if data.endswith(b"\n") else "nothing"
        return [
            [("Sent", "strong"), (" inside TLS" if log.tls[row] else " in clear", "text")],
            [(f"{log.length[row]:,} octets, the line ends in {ending}", "dim")],
            *([[], *step] if (step := _step(look)) else []),
            [],
            log.spans(row),
        ]
    words = log.text.get(row, "")
    if kind is Kind.QUESTION:
        return [*question_page(look), *failure_lines(words, look.tests(row))]
    if look.secured is not None:
        return [*_session(look), *failure_lines(words, look.tests(row)), *_handshake(look)]
    return [[(safe(words), "text")], *failure_lines(words, look.tests(row)), *_handshake(look)]


def question_page(look: Look) -> list[Spans]:
    """What there is to say of a question beside itself where it is in sight above; else the question."""
    from smtpscope.session.explain import question_lines  # not before it is needed

    asked, log = look.asked, look.view.log
    if asked is not None and not look.aside and not look.shown.past:
        return question_lines(asked) or [[("Nothing goes on before it is answered.", "dim")]]
    text: Spans = [(safe(log.text.get(look.row, "")), "text")]
    if asked is not None:
        return [text, [(ASIDE if look.aside else "it stands: End goes to it", "dim")], *question_lines(asked)]
    event = look.view.recorder[log.event[look.row]]
    answers = "; ".join(event.answers) if isinstance(event, Asked) else ""
    return [text, [(f"the answers were: {safe(look.view.redactor.text(answers))}", "dim")]] if answers else [text]


def _session(look: Look) -> list[Spans]:
    """What a handshake came to, in brief."""
    secured = look.secured
    if secured is None:
        return []
    from smtpscope.session.tls_report import in_brief  # not before it is needed

    brief = in_brief(secured, look.wall, look.view.redactor)
    return [[("TLS started", "strong")], *brief, [("3 and the tls tab (left, right) have all of it", "dim")]]


def _handshake(look: Look) -> list[Spans]:
    """The records of the handshake that the row begins or ends."""
    recorder, index = look.view.recorder, look.view.log.event[look.row]
    if not isinstance(recorder[index], Link | Secured | Failed):
        return []
    from smtpscope.session.tls_records import handshake_lines  # not before it is needed

    lines = handshake_lines(recorder, index)
    return [[], *lines] if lines else []


def beside(look: Look) -> list[Spans]:
    """What this session itself tells of a reply to a login, or to EHLO."""
    return [*_named(look), *_step(look), *([] if look.kept else shape_lines(look.view.log, look.rows[0], look.given))]


def _named(look: Look) -> list[Spans]:
    """The name that a server gives itself in its reply to EHLO or HELO (RFC 5321 4.1.1.1)."""
    log, row = look.view.log, look.rows[0]
    if log.code[row] != log.codes.numbers.get("250") or look.situation.verb not in ("EHLO", "HELO"):
        return []
    words = log.octets(row, LIMIT)[4:].split(None, 1)
    name = look.view.redactor.text(words[0].decode("latin-1")) if words else ""
    return [[("It calls itself ", "text"), (visible_text(name, limit=60), "strong")]] if name else []


def _step(look: Look) -> list[Spans]:
    """The fields of a login's step, and what they mean."""
    return login_lines(look.view.log, look.row, look.view.redactor, look.shown.moment.opened)


# -- what the session comes to


def tls_page(look: Look) -> list[Paragraph]:
    """The handshake, both verdicts and the certificates."""
    from smtpscope.session.tls_report import tls_lines  # not before it is needed: a start is quicker without

    moment, secured = look.shown.moment, look.shown.moment.secured
    wall = moment.opened.wall + secured.time if moment.opened and secured else 0.0
    earlier = look.earlier.get(secured) if secured is not None else None
    return [Paragraph(spans) for spans in tls_lines(secured, wall, earlier, look.view.redactor)]


def ehlo_page(look: Look) -> list[Paragraph]:
    """The extensions that the server offers, and what TLS and AUTH changed in them."""
    view = look.view
    return [Paragraph(spans) for spans in capability_lines(view.capabilities, look.event, view.redactor)]


def rcpt_page(look: Look) -> list[Paragraph]:
    """A row a recipient."""
    return [Paragraph(spans) for spans in recipient_lines(look.shown.moment.machine.facts, look.view.redactor)]


def findings_page(look: Look) -> list[Paragraph]:
    """What is wrong or notable, worst first; each leads to its evidence."""
    found, last, redactor = look.view.findings.found, look.event, look.view.redactor
    lines = findings_lines(found, last, redactor)
    return [Paragraph(spans, evidence(found, last, number)) for number, spans in enumerate(lines)]


# -- bytes


def bytes_of(look: Look) -> tuple[bytes, list[int], list[tuple[int, int]]]:
    """The octets of the row, or of its whole reply; where reads or writes meet; what is hidden."""
    log = look.view.log
    data, hidden = b"", []
    for each in look.rows:
        octets = log.octets(each, LIMIT)
        hidden += [(len(data) + start, len(data) + end) for start, end in log.hidden(each, octets)]
        data += octets
    return (data, _boundaries(log, look.rows), hidden) if data or look.row < 0 else _cipher_of(look)


def _cipher_of(look: Look) -> tuple[bytes, list[int], list[tuple[int, int]]]:
    """The same of a handshake that the row begins or ends: both directions as they crossed the wire."""
    from smtpscope.session.tls_records import handshake_of  # not before it is needed

    pieces = [event.data for event in handshake_of(look.view.recorder, look.view.log.event[look.row])]
    ends = [*accumulate(map(len, pieces))]
    return b"".join(pieces)[:LIMIT], [end for end in ends[:-1] if end < LIMIT], []


def _boundaries(log: Log, rows: list[int]) -> list[int]:
    """Where one read or write ended and the next began, as offsets in the octets of ``rows``."""
    result, at = [], 0
    for row in rows:
        index, start, rest = log.event[row], log.start[row], log.length[row]
        kind = type(log.recorder[index])
        if start == 0 and at:
            result.append(at)
        while rest > 0 and index < len(log.recorder):
            event = log.recorder[index]
            if isinstance(event, kind) and isinstance(event, Sent | Received):
                taken = min(rest, len(event.data) - start)
                at, rest, start = at + taken, rest - taken, 0
                if rest > 0:
                    result.append(at)
            index += 1
            if at > LIMIT:
                return result
    return result


# -- time


def steps_of(look: Look, ascii_only: bool) -> tuple[list[Spans], Sequence[Bar], list[int], int]:
    """Words and bars for the connection of the moment, the event of each bar, and the bar of the row."""
    times, last = look.view.times, look.event
    line = times.at(last, look.shown.now)
    table = repeat_lines(times.runs(last))
    words = [*table, *([[]] if table else []), *head(line, ascii_only=ascii_only)]
    at = look.view.log.event[look.row] if look.row >= 0 else last
    events = [step.event for step in line.steps]
    return words, bars(line, look.view.redactor.text), events, -1 if table else line.at(at)
