"""The findings tab: a line a finding, worst first, and where each line's evidence is."""

from __future__ import annotations

from collections.abc import Sequence

from smtpscope.session.findings.rule import Finding, Severity
from smtpscope.session.redact import Redactor
from smtpscope.visible import Spans

_MARKS = {
    Severity.DANGER: ("!! danger", "bad"),
    Severity.FAULT: ("!  fault", "warn"),
    Severity.NOTE: ("-  note", "dim"),
}
"""How bad in shape and word, and the kind of span."""


def findings_lines(found: Sequence[Finding], upto_event: int, redactor: Redactor) -> list[Spans]:
    """What was found up to an event, as it was then; one line that says so where there is nothing."""
    known = _up_to(found, upto_event)
    if not known:
        return [[("Nothing is wrong or notable so far.", "dim")]]
    return [_line(finding, finding.count(upto_event), redactor) for finding in known]


def evidence(found: Sequence[Finding], upto_event: int, line: int) -> tuple[int, int] | None:
    """The event and the octet of it with which the row begins that shows what line ``line``, from 0, is about."""
    known = _up_to(found, upto_event)
    return (known[line].event, known[line].start) if 0 <= line < len(known) else None


def summary(found: Sequence[Finding], upto_event: int | None = None) -> str:
    """How many findings there are, ``2 findings``; empty for none."""
    count = len(found if upto_event is None else _up_to(found, upto_event))
    return f"{count} finding{'' if count == 1 else 's'}" if count else ""


def _up_to(found: Sequence[Finding], event: int) -> list[Finding]:
    return [finding for finding in found if finding.seen[0] <= event]


def _line(finding: Finding, count: int, redactor: Redactor) -> Spans:
    mark, kind = _MARKS[finding.severity]
    more = f", and {count - 1:,} more" if count > 1 else ""
    return [
        (f"{mark}  ", kind),
        (f"{redactor.text(finding.text)}{more}.", "text"),
        (f"  {finding.time:.3f} s, {finding.source}", "dim"),
    ]
