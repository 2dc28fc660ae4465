"""The rules about logins: what AUTH is answered with, beside what any reply is judged by."""

from __future__ import annotations

import re

from smtpscope.session.findings.rule import Rule, Said, Seen, Severity, word
from smtpscope.smtp.events import Failed, Sent
from smtpscope.smtp.facts import T
from smtpscope.smtp.machine import Answer, Machine

LONGEST_LINE = 12_288
"""Octets of a line in a login that a server has to take, and that nobody may send more of (RFC 4954 4)."""
_DANGER, _FAULT, _NOTE = Severity.DANGER, Severity.FAULT, Severity.NOTE
_TOO_LONG = re.compile(r"line (?:is )?too long|5\.5\.6", re.IGNORECASE)
_UNPROVED = re.compile(r"AUTH \S+ (?:succeeded, but |was cancelled: the server's (?:signature|rspauth|nonce) )")


def _mechanism(answer: Answer) -> str:
    """Of an AUTH that is settled; empty for anything else."""
    pending = answer.pending
    words = pending.line.split() if pending is not None and pending.kind == "AUTH" and answer.settled else []
    return words[1].decode("latin-1").upper() if len(words) > 1 else ""


def _offered(machine: Machine) -> list[str]:
    return machine.facts.ext.get("AUTH", "").upper().split()


def offered_and_unknown(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """What EHLO offers is there."""
    mechanism = _mechanism(answer)
    if answer.reply.code != 504 or not mechanism or mechanism not in _offered(machine):
        return ()
    return (f"AUTH {word(mechanism)} is offered, and refused with 504 as one that the server does not have",)


def unoffered_and_taken(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A mechanism that EHLO does not name works all the same."""
    mechanism = _mechanism(answer)
    if not mechanism or not answer.reply.positive or not machine.facts.ext or mechanism in _offered(machine):
        return ()
    return (f"AUTH {word(mechanism)} is accepted, though EHLO does not offer it",)


def second_login(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """After a login there is no other in the same session."""
    if not _mechanism(answer) or not answer.reply.positive or not seen.logged_in:
        return ()
    return ("a second AUTH is accepted; it has to be refused with 503",)


def login_in_transaction(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """Between MAIL and the end of the transaction there is no login."""
    if not _mechanism(answer) or not answer.reply.positive or machine.facts.txn is T.NONE:
        return ()
    return ("AUTH is accepted inside a transaction; it has to be refused with 503",)


def line_refused(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A token makes a long line, which a server has to take."""
    refused = answer.reply.code in (500, 501) and _TOO_LONG.search(answer.reply.text)
    if not _mechanism(answer) or not refused or not 0 < seen.login_line <= LONGEST_LINE:
        return ()
    return (
        f"a line of {seen.login_line:,} octets in a login is refused as too long; {LONGEST_LINE:,} have to be taken",
    )


def other_mechanism_works(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """One mechanism is refused and another accepted: the difference lies in the server."""
    mechanism = _mechanism(answer)
    refused = [name for name in seen.refused_logins if name != mechanism]
    if not mechanism or not answer.reply.positive or not refused:
        return ()
    return (
        f"AUTH {word(mechanism)} is accepted, and AUTH {word(refused[-1])} was refused: if user and password were the "
        f"same, {word(refused[-1])} is not set up for this user",
    )


def long_line(event: Sent, machine: Machine, seen: Seen) -> Said:
    """A line of ours in a login."""
    if len(event.data) <= LONGEST_LINE or not any(entry.kind == "AUTH" for entry in machine.pending):
        return ()
    return (f"a line of ours in a login has {len(event.data):,} octets; a server need not take more than 12,288",)


def unproved(event: Failed, machine: Machine, seen: Seen) -> Said:
    """The server has not shown that it knows the password, as the mechanism has it do, or shows that it does not."""
    return (event.reason,) if _UNPROVED.match(event.reason) else ()


def learn(answer: Answer, seen: Seen) -> None:
    """What later logins are judged by."""
    mechanism = _mechanism(answer)
    if mechanism and answer.reply.positive:
        seen.logged_in = True
    elif mechanism and answer.reply.code == 535:
        seen.refused_logins.append(mechanism)


LOGIN_RULES: tuple[Rule[Answer], ...] = (
    Rule("offered-and-unknown", _FAULT, "RFC 4954 4", offered_and_unknown),
    Rule("second-login", _FAULT, "RFC 4954 4", second_login),
    Rule("login-in-transaction", _FAULT, "RFC 4954 4", login_in_transaction),
    Rule("login-line-refused", _FAULT, "RFC 4954 4", line_refused),
    Rule("unoffered-and-taken", _NOTE, "RFC 4954 4", unoffered_and_taken),
    Rule("other-mechanism-works", _NOTE, "RFC 4954 6", other_mechanism_works),
)
LOGIN_SENT_RULES: tuple[Rule[Sent], ...] = (Rule("login-line-long", _FAULT, "RFC 4954 4", long_line),)
LOGIN_FAILED_RULES: tuple[Rule[Failed], ...] = (Rule("server-unproved", _DANGER, "RFC 5802 3", unproved),)
