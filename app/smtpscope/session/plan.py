"""The next step, and what a verb's key fills the line with: pure functions of machine and profile.

The session decides with them on its own state; the screen shows what they say of its copy.
"""

from __future__ import annotations

from typing import NamedTuple

from smtpscope.profile import Profile
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Connect, StartTls, Step
from smtpscope.smtp.facts import Facts, Transaction
from smtpscope.smtp.machine import Machine

C, T = SMTPCommand, Transaction

USUAL = "PLAIN"
"""The mechanism that is filled in where the server has named none."""

_ROAD = (
    C.NONE, C.BANNER, C.EHLO, C.AUTH, C.CONNECTED, C.MAIL, C.RCPT, C.DATA, C.SEND_STREAM, C.DOT, C.SEND_MESSAGE, C.QUIT,
)  # fmt: skip


class NextStep(NamedTuple):
    """What space does now. Without ``step`` there is none, and ``label`` says what can be chosen."""

    step: Step | None
    label: str
    line: str = ""
    """The command line, where the step is one."""
    cursor: int | None = None
    """Where an argument is missing: the place in ``line`` where it belongs."""


class Filled(NamedTuple):
    """A line filled by a verb's key, and where the cursor belongs if an argument is missing."""

    line: str
    cursor: int | None = None


def wants_tls(profile: Profile) -> bool:
    """Whether STARTTLS is a step on the way: asked for, or credentials must not go in clear."""
    return profile.tls == "starttls" or profile.auto == "tls" or profile.login_wanted


def mechanism(facts: Facts, profile: Profile) -> str | None:
    """The mechanism to log in with: the first wanted one that is offered and can be run."""
    from smtpscope.smtp.sasl import choose  # not before it is needed: a start is quicker without

    return choose(facts.ext.get("AUTH", ""), profile.auth, facts.tls)


def mail_line(profile: Profile) -> Filled:
    """MAIL FROM with the profile's reverse-path, or room for one."""
    if profile.mail_from is None:
        return Filled("MAIL FROM:<>", len("MAIL FROM:<"))
    return Filled(f"MAIL FROM:<{profile.mail_from}>")


def rcpt_line(facts: Facts, profile: Profile) -> Filled:
    """RCPT TO with the next forward-path that this transaction has not seen, the last one if all have been sent."""
    if not profile.rcpt_to:
        return Filled("RCPT TO:<>", len("RCPT TO:<"))
    return Filled(f"RCPT TO:<{_unsent(facts, profile) or profile.rcpt_to[-1]}>")


def _unsent(facts: Facts, profile: Profile) -> str | None:
    seen = [recipient.path for recipient in facts.recipients] if facts.txn is not T.NONE else []
    for path in profile.rcpt_to:
        if path in seen:
            seen.remove(path)
        else:
            return path
    return None


def next_step(machine: Machine, profile: Profile, ehlo_name: str) -> NextStep:
    """What space does in this state."""
    facts, here = machine.facts, machine.here
    if facts.challenge is not None:
        return NextStep(None, "the server waits for a response: type it, or * to cancel")
    if facts.securing:
        return NextStep(None, "the TLS handshake is running")
    if machine.pending:
        entry = machine.pending[0]
        return NextStep(None, "waiting for the greeting" if entry.kind == "BANNER" else f"waiting for {entry.verb}")
    if here is C.NONE:
        if facts.link or facts.status.name in ("FINDINGHOST", "CONNECTING", "SECURING"):
            return NextStep(None, "waiting for the connection")
        where = "the practice server" if profile.demo else f"{profile.server}:{profile.port}"
        return NextStep(Connect(), f"connect to {where}")
    if (
        machine.refusal is not None
        and not _goes_on_in_clear(facts, profile)
        and (step := _after_refusal(machine, ehlo_name)) is not None
    ):
        return step
    return _forward(facts, here, profile, ehlo_name)


def _goes_on_in_clear(facts: Facts, profile: Profile) -> bool:
    """Whether TLS was refused to somebody who has made up his mind about that, with ``-tlso``."""
    return profile.tls_optional == "any" and facts.tls_refused


def lies_ahead(here: SMTPCommand, step: Step | None, node: SMTPCommand) -> bool:
    """Whether next steps, of which ``step`` is the first, can lead from ``here`` to ``node``."""
    if node is C.NONE:
        return here is not C.NONE
    start = C.NONE if isinstance(step, StartTls) else here  # TLS leads back to BANNER
    return node in _ROAD and _ROAD.index(node) > _ROAD.index(start)


def _after_refusal(machine: Machine, ehlo_name: str) -> NextStep | None:
    """What a refusal leads to; None where one goes on as if nothing had been."""
    assert machine.refusal is not None
    member, mark = machine.refusal
    if member is C.BANNER:
        return NextStep(C.QUIT, "QUIT", "QUIT")
    if member is C.EHLO and machine.here is C.BANNER and mark.code in (500, 502, 504, 550):
        return NextStep(C.HELO, f"HELO {ehlo_name}", f"HELO {ehlo_name}")
    out_of_place = machine.facts.auth or not machine.facts.hello  # of AUTH: what comes next is what came next before
    if member in (C.RCPT, C.SEND_MESSAGE) or (member is C.AUTH and out_of_place):
        return None
    choices = {
        C.AUTH: _after_auth(machine.facts, mark.code or 0),
        C.EHLO: "EHLO was refused: e with another name, h HELO, q QUIT",
        C.HELO: "HELO was refused: h with another name, q QUIT",
        C.MAIL: "MAIL was refused: m again, a AUTH, x RSET, q QUIT",
        C.DATA: "DATA was refused: r RCPT, x RSET, q QUIT",
    }
    what = "the last command" if member is C.CUSTOM else member.name
    return NextStep(None, choices.get(member, f"{what} was refused: choose what comes next, or q QUIT"))


def _after_auth(facts: Facts, code: int) -> str:
    """What can be chosen after an AUTH that did not log in."""
    if facts.txn is not T.NONE:
        return "AUTH was refused inside a transaction: x RSET, then a; r RCPT, q QUIT"
    what = "cancelled" if facts.cancelled else "refused for now" if code // 100 == 4 else "refused"
    return f"AUTH was {what}: a again, m MAIL without login, q QUIT"


def _forward(facts: Facts, here: SMTPCommand, profile: Profile, ehlo_name: str) -> NextStep:
    if here is C.BANNER:
        return NextStep(C.EHLO, f"EHLO {ehlo_name}", f"EHLO {ehlo_name}")
    if here in (C.EHLO, C.CONNECTED):
        return _before_mail(facts, profile)
    if here in (C.MAIL, C.RCPT):
        return _in_transaction(facts, profile)
    if here is C.DATA:
        return NextStep(C.SEND_STREAM, "send the message text, dot held", ": stream")
    if here is C.SEND_STREAM:
        return NextStep(C.DOT, "the dot", ".")
    return NextStep(C.QUIT, "QUIT", "QUIT")


def _before_mail(facts: Facts, profile: Profile) -> NextStep:
    if not facts.tls and wants_tls(profile) and not _goes_on_in_clear(facts, profile):
        if "STARTTLS" in facts.ext:
            return NextStep(StartTls(), "STARTTLS", "STARTTLS")
        if profile.tls == "starttls" and not profile.tls_optional:
            return NextStep(None, "STARTTLS is not offered: t sends it anyway, m MAIL in clear, q QUIT")
    if profile.login_wanted and not facts.auth and not facts.auth_refused and facts.want_login:
        chosen = mechanism(facts, profile)
        if chosen is None:
            offered = facts.ext.get("AUTH")
            what = f"only AUTH {offered} is offered" if offered else "AUTH is not offered"
            return NextStep(None, f"{what}: a sends it anyway, m MAIL without login, q QUIT")
        return NextStep(C.AUTH, f"AUTH {chosen}", f"AUTH {chosen}")
    filled = mail_line(profile)
    return NextStep(C.MAIL, filled.line, filled.line, filled.cursor)


def _in_transaction(facts: Facts, profile: Profile) -> NextStep:
    if facts.txn in (T.CHUNK, T.BROKEN):
        return NextStep(None, "a BDAT transaction: send the next chunk, x RSET, q QUIT")
    if not profile.rcpt_to and not facts.recipients:
        filled = rcpt_line(facts, profile)
        return NextStep(C.RCPT, filled.line, filled.line, filled.cursor)
    unsent = _unsent(facts, profile)
    if unsent is not None:
        return NextStep(C.RCPT, f"RCPT TO:<{unsent}>", f"RCPT TO:<{unsent}>")
    if not facts.ok:
        return NextStep(C.RSET, "RSET: no recipient was accepted", "RSET")
    return NextStep(C.DATA, "DATA", "DATA")


def filled(verb: str, machine: Machine, profile: Profile, ehlo_name: str) -> Filled:
    """What a verb's key or its palette entry fills the line with, as the profile has it."""
    facts = machine.facts
    match verb:
        case "EHLO" | "HELO":
            return Filled(f"{verb} {ehlo_name}")
        case "AUTH":
            return Filled(f"AUTH {mechanism(facts, profile) or (profile.auth or (USUAL,))[0]}")
        case "MAIL":
            return mail_line(profile)
        case "RCPT":
            return rcpt_line(facts, profile)
        case "VRFY" | "EXPN":
            return Filled(f"{verb} {profile.rcpt_to[0]}" if profile.rcpt_to else f"{verb} ")
        case "DOT":
            return Filled(".")
        case "BDAT":
            return Filled("BDAT 0 LAST", len("BDAT "))
    return Filled(verb)
