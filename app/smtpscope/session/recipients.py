"""The recipients of a transaction: how each RCPT was answered, and what became of the message for each."""

from __future__ import annotations

import re

from smtpscope.session.notes import duration
from smtpscope.session.redact import Redactor
from smtpscope.smtp.facts import Facts, Recipient, T
from smtpscope.smtp.reply import Reply
from smtpscope.visible import Spans, visible_text

SHOWN = 160
"""Cells of a foreign text that are shown."""
MOST = 2000
"""Recipients that are listed."""
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_NOTIFY = {
    "NEVER": "never a report",
    "SUCCESS": "a report when delivered",
    "FAILURE": "a report when not delivered",
    "DELAY": "a report when late",
}


def recipient_lines(facts: Facts, redactor: Redactor) -> list[Spans]:
    """The open transaction's recipients, else those of the last one: a row each, below it what was asked and said."""
    recipients, past = (facts.recipients, False) if facts.recipients else (facts.past, True)
    if not recipients:
        return [[("No RCPT has been answered in this transaction.", "dim")]]
    accepted = sum(recipient.accepted for recipient in recipients)
    which = "last transaction" if past or facts.txn is T.NONE else "open transaction"
    head = f"{accepted:,} accepted, {len(recipients) - accepted:,} refused"
    lines: list[Spans] = [[(f"{which}: ", "dim"), (head, "strong")]]
    own = any(each.final is not None and each.final != facts.verdict for each in recipients)  # LMTP, PRDR
    for recipient in recipients[:MOST]:
        lines += _recipient(recipient, own, redactor)
    if (rest := len(recipients) - MOST) > 0:
        lines.append([(f"{rest:,} more recipients are not listed", "dim")])
    if facts.verdict is not None:
        what = "the message as a whole" if own else "the message, for all who were accepted"
        lines += [[], [(f"{what}: ", "dim"), *_reply(facts.verdict, redactor)]]
    elif own and (waiting := sum(each.accepted and each.final is None for each in recipients)):
        lines += [[], [(f"{waiting:,} of them without a verdict", "warn")]]
    return lines


def _recipient(recipient: Recipient, own: bool, redactor: Redactor) -> list[Spans]:
    mark: tuple[str, str] = ("+ ", "good") if recipient.accepted else ("x ", "bad")
    lines: list[Spans] = [[mark, (f"<{_shown(recipient.path, redactor)}>", "strong")]]
    for parameter in recipient.parameters.split():
        lines[0].append((f"  {_shown(_parameter(parameter), redactor)}", "text"))
    if recipient.reply is not None:
        lines.append([("  RCPT ", "dim"), *_reply(recipient.reply, redactor), _time(recipient.seconds)])
    if own and recipient.final is not None:
        lines.append([("  final ", "dim"), *_reply(recipient.final, redactor), _time(recipient.final_seconds)])
    return lines


def _reply(reply: Reply, redactor: Redactor) -> Spans:
    code = "no code" if reply.code is None else f"{reply.code:03}"
    more = f" (+{len(reply.lines) - 1} lines)" if len(reply.lines) > 1 else ""
    kind = "good" if reply.positive else "bad"
    return [(code, kind), (f" {_shown(reply.lines[0], redactor)}{more}", "text")]


def _time(seconds: float) -> tuple[str, str]:
    return f"  {duration(seconds)}", "dim"


def _parameter(parameter: str) -> str:
    """``NOTIFY`` and ``ORCPT`` (RFC 3461 4.1, 4.2) with their meaning, everything else as it stands."""
    keyword, _, value = parameter.partition("=")
    if keyword.upper() == "NOTIFY":
        words = [_NOTIFY.get(word.upper(), "") for word in value.split(",")]
        return f"{parameter} ({', '.join(words)})" if all(words) else parameter
    if keyword.upper() == "ORCPT":
        meant = _XTEXT.sub(lambda match: chr(int(match[1], 16)), value.partition(";")[2])
        return f"{parameter} (first sent to {meant})" if meant else parameter
    return parameter


def _shown(text: str, redactor: Redactor) -> str:
    return visible_text(redactor.text(text), limit=SHOWN)
