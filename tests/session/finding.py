"""A conversation as a screen folds it: redactor, machine, capabilities, findings."""

from __future__ import annotations

from collections.abc import Iterable

from smtp.playbook import Playbook
from smtpscope.session.capabilities import Capabilities
from smtpscope.session.findings import Findings
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Event
from smtpscope.smtp.machine import Machine
from smtpscope.visible import Spans


class Folded:
    """All folds of some events."""

    def __init__(self, events: Iterable[Event] = ()) -> None:
        self.redactor = Redactor()
        self.machine = Machine()
        self.capabilities = Capabilities()
        self.findings = Findings(self.capabilities, self.redactor)
        self.count = 0
        for event in events:
            self.take(event)

    def take(self, event: Event) -> None:
        """One more event."""
        self.redactor.learn(event)
        answers = self.machine.apply(event)
        self.capabilities.apply(self.count, event, self.machine, answers)
        self.findings.apply(self.count, event, self.machine, answers)
        self.count += 1

    @property
    def rules(self) -> list[str]:
        """The ids of what was found, worst first."""
        return [finding.rule for finding in self.findings.found]

    @property
    def sentences(self) -> list[str]:
        """What was found."""
        return [finding.text for finding in self.findings.found]


def folded(play: Playbook) -> Folded:
    """A playbook's events, folded."""
    return Folded(play.events)


def texts(lines: list[Spans]) -> list[str]:
    """Lines without the kinds of their spans."""
    return ["".join(text for text, _ in line) for line in lines]
