"""The fold: events in, findings out. What is usual costs next to nothing, however long the session."""

from __future__ import annotations

from array import array
from bisect import insort
from collections.abc import Sequence
from typing import Any, TypeVar

from smtpscope.session.capabilities import Capabilities
from smtpscope.session.findings.events import (
    CLOSED_RULES,
    FAILED_RULES,
    RECEIVED_RULES,
    SECURED_RULES,
    SENT_RULES,
    TIMED_OUT_RULES,
)
from smtpscope.session.findings.login import LOGIN_FAILED_RULES, LOGIN_SENT_RULES, learn
from smtpscope.session.findings.replies import first_word, is_name, rules_for, usual
from smtpscope.session.findings.rule import Finding, Rule, Seen
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Closed, Event, Failed, Opened, Received, Secured, Sent, TimedOut
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.visible import visible_text

T = TypeVar("T")

SENTENCES = 5
"""Different sentences of one rule that are listed; what comes later counts as more of the last one."""
LONGEST = 300
"""Cells of a sentence."""
_RULES: dict[type, tuple[Rule[Any], ...]] = {
    Secured: SECURED_RULES,
    Failed: FAILED_RULES + LOGIN_FAILED_RULES,
    TimedOut: TIMED_OUT_RULES,
    Closed: CLOSED_RULES,
}


class Findings:
    """Everything that was found so far, in ``found``, worst first and then in order of time."""

    def __init__(self, capabilities: Capabilities, redactor: Redactor) -> None:
        """``capabilities`` must have had each event before it comes here."""
        self.found: list[Finding] = []
        self.event, self.start = array("I"), array("I")
        """Where the rows begin of everything that was seen, in order, also of what is only counted in ``found``."""
        self._redactor = redactor
        self._seen = Seen(capabilities, redactor)
        self._of_rule: dict[str, dict[str, Finding]] = {}
        self._begun: tuple[int, int] | None = None  # where the octets begin that are no whole reply yet
        self._before = 0  # how many of them came in earlier events

    def apply(self, index: int, event: Event, machine: Machine, answers: list[Answer]) -> None:
        """Take one event, after the machine has."""
        if isinstance(event, Received):
            self._received(index, event, machine, answers)
        elif isinstance(event, Sent):
            self._seen.secured = -1.0
            if event.secrets or not machine.facts.greeted:
                self._seen.login_line = len(event.data)
                self._judge(SENT_RULES + LOGIN_SENT_RULES, event, machine, index, (index, 0), event.time)
        elif isinstance(event, Opened):
            self._seen.greeted_as, self._seen.greeted = "", False
            self._seen.logged_in, self._seen.secured = False, -1.0
            self._begun, self._before = None, 0
        elif rules := _RULES.get(type(event)):
            if isinstance(event, Secured):
                self._seen.logged_in, self._seen.secured = False, event.time
            self._judge(rules, event, machine, index, (index, 0), event.time)

    def _received(self, index: int, event: Received, machine: Machine, answers: list[Answer]) -> None:
        at, octets = 0, len(event.data)
        for answer in answers:
            begun = self._begun or (index, at)
            at += len(answer.reply.raw) - self._before
            self._begun, self._before = None, 0
            if self._seen.secured >= 0 or not usual(answer, machine):
                self._judge(rules_for(answer), answer, machine, index, begun, answer.reply.last)
                self._learn(answer)
        if at < octets or machine.facts.injected:
            self._judge(RECEIVED_RULES, event, machine, index, (index, at), event.time)
            if machine.facts.injected:
                return  # it is no part of a reply
            self._begun = self._begun or (index, at)
            self._before += octets - at

    def _learn(self, answer: Answer) -> None:
        learn(answer, self._seen)
        if answer.settled and answer.pending is not None and answer.pending.kind == "BANNER":
            name = first_word(answer.reply.lines[0])
            self._seen.greeted, self._seen.greeted_as = True, name if is_name(name) else ""

    def _judge(
        self, rules: Sequence[Rule[T]], what: T, machine: Machine, index: int, begun: tuple[int, int], time: float
    ) -> None:
        for rule in rules:
            for sentence in rule.check(what, machine, self._seen):
                self._say(rule, sentence, index, begun, time)

    def _say(self, rule: Rule[Any], sentence: str, index: int, begun: tuple[int, int], time: float) -> None:
        self.event.append(begun[0])
        self.start.append(begun[1])
        known = self._of_rule.setdefault(rule.id, {})
        finding = known.get(sentence)
        if finding is None and len(known) >= SENTENCES:
            finding = next(reversed(known.values()))
        if finding is not None:
            finding.seen.append(index)
            return
        text = visible_text(self._redactor.text(sentence), limit=LONGEST)
        finding = Finding(rule.id, rule.severity, text, *begun, time, rule.source, array("L", [index]))
        known[sentence] = finding
        insort(self.found, finding, key=lambda each: (each.severity, each.seen[0]))
