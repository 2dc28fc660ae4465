"""What EHLO offered, each time it was asked, and what came and went with TLS and with the login."""

from __future__ import annotations

from bisect import bisect_right
from itertools import pairwise
from typing import NamedTuple

from smtpscope.session.keywords import meaning, parameters
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event, Opened, Received
from smtpscope.smtp.facts import capabilities
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.visible import Spans, visible_text

SHOWN = 200
"""Cells of a keyword with its parameters that are shown."""
KEPT = 10_000
"""Greetings that are remembered; who says hello more often than that has seen them all."""
_HELLOS = ("EHLO", "HELO")


class Hello(NamedTuple):
    """One greeting that was accepted, and what was offered with it."""

    event: int
    time: float
    connection: int
    """Numbered from 1."""
    server: tuple[str, int]
    verb: str
    name: str
    """What the server called itself."""
    tls: bool
    login: bool
    keywords: dict[str, str]
    """Keyword in capitals -> its parameters."""

    @property
    def where(self) -> str:
        """The circumstances in words."""
        return ("in TLS" if self.tls else "in clear") + (", logged in" if self.login else "")


class Capabilities:
    """Every accepted EHLO, LHLO and HELO of the session; one that says the same as the one before is not kept."""

    def __init__(self) -> None:
        self.hellos: list[Hello] = []
        self._connection = 0
        self._server = ("", 0)

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer]) -> None:
        """Take one event, after the machine has."""
        if type(event) is Received:
            for answer in answers:
                pending = answer.pending
                if pending is not None and pending.kind in _HELLOS and answer.settled and answer.reply.positive:
                    self._keep(index, answer, machine)
        elif type(event) is Opened:
            self._connection += 1
            self._server = (event.server, event.port)

    def _keep(self, index: int, answer: Answer, machine: Machine) -> None:
        facts, reply = machine.facts, answer.reply
        name = next(iter(reply.lines[0].split()), "")
        verb = answer.pending.verb if answer.pending else ""
        keywords = capabilities(reply.lines) if verb != "HELO" and reply.code == 250 else {}
        hello = Hello(index, reply.last, self._connection, self._server, verb, name, facts.tls, facts.auth, keywords)
        if self.hellos and self.hellos[-1][2:] == hello[2:]:
            return
        if len(self.hellos) < KEPT:
            self.hellos.append(hello)

    def up_to(self, event: int) -> list[Hello]:
        """The greetings of the connection that was open at an event, oldest first."""
        known = self.hellos[: bisect_right(self.hellos, event, key=lambda hello: hello.event)]
        return [hello for hello in known[-64:] if hello.connection == known[-1].connection]


def capability_lines(known: Capabilities, upto_event: int, redactor: Redactor) -> list[Spans]:
    """The last greeting up to an event, a line a keyword, and what TLS and the login changed."""
    hellos = known.up_to(upto_event)
    if not hellos:
        return [[("No EHLO has been answered yet.", "dim")]]
    last = hellos[-1]
    head = f"{last.verb} at {last.time:.3f} s, {last.where}"
    lines: list[Spans] = [[(head, "strong"), (f"  {_shown(last.name, redactor)}", "text")]]
    if not last.keywords:
        lines.append([("nothing is offered" if last.verb == "HELO" else "no keyword", "dim")])
    lines += [_keyword_line(name, given, redactor) for name, given in last.keywords.items()]
    for before, after in pairwise(hellos):
        if changes := _changes(before, after, redactor):
            lines += [[], *changes]
    return lines


def _keyword_line(name: str, given: str, redactor: Redactor) -> Spans:
    known = meaning(name)
    spans: Spans = [(_shown(f"{name} {given}".rstrip(), redactor), "strong")]
    if explained := parameters(name, given):
        spans.append((f"  {_shown(explained, redactor)}.", "text"))
    if known is None:
        return [*spans, ("  not a keyword that is known here", "dim")]
    source = known.source if known.registered else f"{known.source}, not registered"
    return [*spans, (f"  {known.sentence}", "text"), (f"  {source}", "dim")]


def _changes(before: Hello, after: Hello, redactor: Redactor) -> list[Spans]:
    """What came (+), went (-) and changed (~), where TLS or a login lies between two greetings."""
    causes = ["STARTTLS"] * (after.tls and not before.tls) + ["AUTH"] * (after.login and not before.login)
    if not causes:
        return []
    lines: list[Spans] = [[(f"after {' and '.join(causes)}", "strong"), (f"  {after.time:.3f} s", "dim")]]
    for name in [*after.keywords, *(gone for gone in before.keywords if gone not in after.keywords)]:
        old, new = before.keywords.get(name), after.keywords.get(name)
        if old is None:
            lines.append([("+ ", "good"), (_shown(f"{name} {new}".rstrip(), redactor), "text")])
        elif new is None:
            expected = name == "STARTTLS"  # it has done its work (RFC 3207 4.2)
            lines.append([("- ", "dim" if expected else "warn"), (_shown(f"{name} {old}".rstrip(), redactor), "text")])
        elif old != new:
            words = [_shown(each or "(nothing)", redactor) for each in (old, new)]
            lines.append([("~ ", "warn"), (f"{_shown(name, redactor)}  {' -> '.join(words)}", "text")])
    if len(lines) == 1:
        lines.append([("nothing changed", "dim")])
    return lines


def _shown(text: str, redactor: Redactor) -> str:
    return visible_text(redactor.text(text), limit=SHOWN)
