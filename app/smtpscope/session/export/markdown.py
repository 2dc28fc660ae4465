"""The session as a report in Markdown (GitHub's, for its tables)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.report import Part, Report, Step, report
from smtpscope.smtp.events import Event

_RUNS = re.compile("`+")


def write(events: list[Event], hide: Hide) -> str:
    """Headings, tables and a list of findings; foreign words stand as code, so that they mean nothing."""
    it = report(events, hide)
    lines = [f"# SMTP session{f' with {code_span(it.where)}' if it.where else ''}", "", *_findings(it)]
    for part in it.parts:
        lines += _part(part)
    return "\n".join(lines).rstrip("\n") + "\n"


def _findings(it: Report) -> list[str]:
    lines = ["## Findings", ""]
    for each in it.findings:
        lines.append(f"- **{each.severity}**: {code_span(each.text)} ({each.time}, {each.source})")
    return [*lines, *([] if it.findings else ["Nothing is wrong or notable."]), ""]


def _part(part: Part) -> list[str]:
    lines = [
        f"## {part.title}",
        "",
        *table_lines(("", ""), [(label, code_span(value)) for label, value in part.facts]),
        "",
    ]
    lines += ["### Steps", "", *table_lines(("Time", "Sent", "Reply", "Took", "Result"), map(_step, part.steps)), ""]
    if part.more:
        lines += [f"{part.more:,} more steps are not listed.", ""]
    if part.slowest:
        lines += [f"Slowest: {code_span(part.slowest)}", ""]
    for number, fields in enumerate(part.certificates):
        lines += ["### Certificate" if number == 0 else "### Issuer's certificate", ""]
        lines += [*table_lines(("", ""), [(label, code_span(value)) for label, value in fields]), ""]
    return lines


def _step(step: Step) -> tuple[str, ...]:
    result = f"**{step.result}**" if step.result not in ("ok", "") else step.result
    return f"{step.time} s", code_span(step.said), "<br>".join(map(code_span, step.reply)), step.took, result


def table_lines(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table, its cells as they are."""
    line = "| " + " | ".join(head) + " |"
    return [line, "|" + " --- |" * len(head), *("| " + " | ".join(row) + " |" for row in rows)]


def code_span(text: str) -> str:
    """Text as a code span, in which nothing has a meaning; a table's bars are escaped in it too."""
    if not text.strip():
        return ""
    fence = "`" * (1 + max((len(run) for run in _RUNS.findall(text)), default=0))
    padded = f" {text} " if text.startswith(("`", " ")) or text.endswith(("`", " ")) else text
    return f"{fence}{padded}{fence}".replace("|", "\\|")
