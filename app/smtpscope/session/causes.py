"""What a reply most likely means, why, and what to try next: the rows of ``replies/*.toml``, best match first.

The data and how it is matched: ``docs/causes-format.md``. The files are read when the first reply is explained.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from smtpscope.session.login_way import WITHOUT_PASSWORD
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.machine import Machine
from smtpscope.smtp.reply import Reply

FOLDER = Path(__file__).with_name("replies")
FAMILIES = {
    "postfix": "Postfix",
    "exim": "Exim",
    "microsoft365": "Microsoft 365",
    "gmail": "Gmail",
    "sendmail": "Sendmail",
    "dovecot": "Dovecot",
    "qmail": "qmail",
    "stalwart": "Stalwart",
    "any": "",
    "failures": "",
}
"""The files, and whose texts are in them; of rows that match alike the earlier one counts."""

UNASKED, LOOK_ALIKE = "", "LOOKALIKE"
_TEXT_LIMIT = 4096  # characters of a reply that are looked at
_LINES_LIMIT = 64
_SPEAKS_FOR_ITSELF = 20  # characters of a match that count whatever command was answered
_STATUS = re.compile(r"([245x])\.([0-9]{1,3})\.([0-9]{1,3})(?:-([0-9]{1,3}))?", re.ASCII)
_CONDITION = re.compile(r"(tls|auth|port|login)=(true|false|[0-9]{1,5}|password|proof|token|certificate): ", re.ASCII)
_SHOWN = {
    "PLAIN": "password",
    "LOGIN": "password",
    "XOAUTH2": "token",
    "OAUTHBEARER": "token",
    "EXTERNAL": "certificate",
}
_LEADING_STATUS = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}(?:[ \t]|\Z)", re.ASCII)


@dataclass(frozen=True, slots=True)
class NextTest:
    """Something that one key runs after a reply. Title and sentence are ours and printable."""

    title: str
    """At most 44 cells, for the list behind ``!``."""
    does: str
    """What is sent, as a sentence of at most 78 cells."""
    fresh: bool = False
    """It needs a new connection; the others use the one that stands, or a new one replayed to here if it is gone."""
    minutes: int = 0
    """How long to wait before, from the same address with the same envelope, and again until it is accepted."""


_AGAIN = "then the same again"

NEXT_TESTS: dict[str, NextTest] = {
    "starttls_again": NextTest(f"STARTTLS, EHLO, {_AGAIN}", "STARTTLS, EHLO inside TLS, then the same command again."),
    "password_again": NextTest(
        "type the password again", "AUTH with the same mechanism and a password, which is asked for first."
    ),
    "auth_again": NextTest(f"AUTH, {_AGAIN}", "A login, then the same transaction up to the same command."),
    "other_mechanism": NextTest(
        "AUTH with another mechanism", "A login with the same credentials and the next mechanism that is offered."
    ),
    "other_user_form": NextTest(
        "AUTH with the other form of the name", "A login as user instead of user@domain, or the other way round."
    ),
    "full_name": NextTest(f"EHLO with a full domain name, {_AGAIN}", "EHLO with this host's full name, then the same."),
    "literal": NextTest(f"EHLO with our address, {_AGAIN}", "EHLO with our own address in brackets, then the same."),
    "helo": NextTest(f"HELO instead of EHLO, {_AGAIN}", "HELO with the same name, then the same command again."),
    "wait_1": NextTest("try again in 1 min", "The same envelope on a new connection, each minute.", True, 1),
    "wait_5": NextTest("try again in 5 min", "The same envelope on a new connection, every 5 minutes.", True, 5),
    "wait_15": NextTest("try again in 15 min", "The same envelope on a new connection, every 15 minutes.", True, 15),
    "wait_30": NextTest("try again in 30 min", "The same envelope on a new connection, every 30 minutes.", True, 30),
    "reconnect": NextTest(f"a new connection, {_AGAIN}", "The same steps once more on a new connection.", True),
    "one_by_one": NextTest(
        "a new connection, one command at a time", "The same steps, each only after the reply to the one before.", True
    ),
    "vrfy": NextTest("VRFY the same address", "VRFY with the address of the recipient."),
    "postmaster": NextTest("RCPT postmaster of the same domain", "RCPT TO:<postmaster@...> in the recipient's domain."),
    "local_postmaster": NextTest(
        "RCPT TO:<postmaster>, without a domain", "The one recipient that every server has to take (RFC 5321 4.5.1)."
    ),
    "made_up": NextTest(
        "RCPT a made-up name of the same domain", "Whether the server tells mailboxes that exist from others."
    ),
    "one_recipient": NextTest("the same with one recipient only", "RSET, then the transaction with this recipient."),
    "null_sender": NextTest("the same with MAIL FROM:<>", "RSET, then the transaction with the null reverse-path."),
    "own_sender": NextTest("the same, from the user that logged in", "RSET, then MAIL FROM with the login's address."),
    "without_param": NextTest("the same line without its parameters", "The same MAIL or RCPT, path only."),
    "rset_again": NextTest("RSET, then the same transaction", "RSET, then MAIL and RCPT as before."),
    "smaller": NextTest("the same with a message of 1 kB", "The same transaction with a message of 1,000 octets."),
    "noop": NextTest("NOOP: is the link alive?", "NOOP, which changes nothing."),
    "help": NextTest("HELP: what does it know?", "HELP, which changes nothing."),
    "port_25": NextTest("the same on port 25", "A new connection to port 25, the same steps.", True),
    "port_587": NextTest("the same on port 587", "A new connection to port 587 with STARTTLS, the same steps.", True),
    "port_465": NextTest("the same on port 465", "A new connection to port 465, TLS at once, the same steps.", True),
}  # fmt: skip
"""The id that a row of the data file gives -> the test."""


@dataclass(frozen=True, slots=True)
class Situation:
    """What was going on when a reply came, as far as rows ask for it."""

    verb: str = UNASKED
    """What was answered: BANNER, a verb, DOT, BDAT LAST; empty: nothing; LOOKALIKE: an end of data that is none."""
    tls: bool = False
    auth: bool = False
    port: int = 0
    """Of the server; 0: not known."""
    recipients: int = 0
    """Asked for in the transaction, the one answered included."""
    parameters: bool = False
    """The line answered was a MAIL or RCPT with parameters."""
    offered: frozenset[str] = frozenset()
    """The EHLO keywords in force."""
    waited: float = 0.0
    """Seconds from the command to the first octet of the reply."""
    mechanism: str = ""
    """Of the AUTH that was answered."""

    @classmethod
    def of(cls, machine: Machine, pending: Pending | None, port: int = 0, waited: float = 0.0) -> Situation:
        """The situation of a reply that answered ``pending``; ``machine`` is as the reply left it."""
        facts = machine.facts
        return cls(
            _verb(pending),
            facts.tls,
            facts.auth,
            port,
            len(facts.recipients),
            pending is not None and pending.verb in ("MAIL", "RCPT") and bool(pending.line.partition(b">")[2].strip()),
            frozenset(facts.ext),
            waited,
            _mechanism(pending),
        )


def _verb(pending: Pending | None) -> str:
    if pending is None:
        return UNASKED
    if pending.perhaps:
        return LOOK_ALIKE
    return pending.verb if pending.kind == "CUSTOM" else pending.kind


def _mechanism(pending: Pending | None) -> str:
    words = pending.line.split() if pending is not None and pending.kind == "AUTH" else []
    return words[1].decode("latin-1").upper() if len(words) > 1 else ""


@dataclass(frozen=True, slots=True)
class Cause:
    """One row of the data: what it matches, and what is to be said then. Every text but ``example`` is shown."""

    id: str
    """File and name, such as ``postfix.relay_denied``."""
    family: str
    """Whose text it is, empty where it is nobody's in particular."""
    means: str
    likely: tuple[str, ...]
    """Causes, the most likely first; ``auth=false: ...`` is one for situations of that kind only, ``login=token: ...``
    for logins that show a token (or ``password``, a ``proof`` of it, or a ``certificate``)."""
    tests: tuple[str, ...]
    """Ids of NEXT_TESTS, the most telling first."""
    source: str
    """A public page, or a file of the server's source."""
    rfc: str
    outlook: tuple[str, ...]
    """Names of the documented results of Outlook Express; those with a code in them are for that code."""
    example: str
    codes: tuple[int, ...] = ()
    statuses: tuple[tuple[str, int, int, int], ...] = ()
    """Class (a digit or x), subject, first and last detail."""
    verbs: tuple[str, ...] = ()
    tls: bool | None = None
    auth: bool | None = None
    ports: tuple[int, ...] = ()
    slow: float = 0.0
    """Seconds that the reply must have taken at least."""
    text: str = ""
    """A pattern that the reply's text must have, ignoring case."""
    unless: str = ""
    """A pattern that it must not have."""
    failure: str = ""
    """A pattern for our own sentences about what failed; such a row is never for a reply."""


@cache
def rows() -> tuple[Cause, ...]:
    """All rows, in the order of FAMILIES. Takes some 30 ms the first time; a thread may do it beforehand."""
    import tomllib  # not on the way to the first frame

    found = []
    for name, family in FAMILIES.items():
        data = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
        found += [_row(f"{name}.{key}", family, row) for key, row in data.items()]
    return tuple(found)


def _row(id: str, family: str, row: dict[str, Any]) -> Cause:
    return Cause(
        id=id,
        family=family,
        means=row["means"],
        likely=tuple(row["likely"]),
        tests=tuple(row["next"]),
        source=row["source"],
        rfc=row["rfc"],
        outlook=tuple(row["outlook"]),
        example=row["example"],
        codes=tuple(row.get("code", ())),
        statuses=tuple(_status(each) for each in row.get("status", ())),
        verbs=tuple(row.get("verb", ())),
        tls=row.get("tls"),
        auth=row.get("auth"),
        ports=tuple(row.get("port", ())),
        slow=float(row.get("slow", 0)),
        text=row.get("text", ""),
        unless=row.get("unless", ""),
        failure=row.get("failure", ""),
    )


def _status(text: str) -> tuple[str, int, int, int]:
    match = _STATUS.fullmatch(text)
    if match is None:
        raise ValueError(f"{text} is no enhanced status code, nor a range such as x.7.500-699")
    kind, subject, first, last = match.groups()
    return kind, int(subject), int(first), int(last or first)


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def find(reply: Reply, situation: Situation | None = None) -> Cause | None:
    """The row that fits a reply best, None if none does. Without a situation, rows that ask for one need a text."""
    if reply.code is None:
        return None
    text = text_of(reply)
    best, highest = None, 0
    for cause in rows():
        if not cause.failure and (rank := _rank(cause, reply, text, situation)) > highest:
            best, highest = cause, rank
    return best


def find_failure(sentence: str) -> Cause | None:
    """The row for what failed without a reply, by our own sentence about it; the first that matches."""
    return next((cause for cause in rows() if cause.failure and _pattern(cause.failure).search(sentence)), None)


def text_of(reply: Reply) -> str:
    """What rows are matched with: the lines without their enhanced status codes, as one, cut to a few thousand
    characters."""
    lines = (_LEADING_STATUS.sub("", line[:_TEXT_LIMIT], count=1) for line in reply.lines[:_LINES_LIMIT])
    return " ".join(" ".join(lines).split())[:_TEXT_LIMIT]


def _rank(cause: Cause, reply: Reply, text: str, situation: Situation | None) -> int:
    """How closely a row fits, 0 if it does not: above all by how much of the text it names."""
    assert reply.code is not None
    status = _has_status(cause, reply.enhanced)
    said = ""
    if cause.text:
        if not any(_same_kind(reply.kind, code // 100) for code in cause.codes):
            return 0
        match = _pattern(cause.text).search(text)
        if match is None:
            return 0
        said = match.group()
    elif reply.code not in cause.codes or (cause.statuses and not status):
        return 0
    if cause.unless and _pattern(cause.unless).search(text):
        return 0
    rank = _fits(cause, situation, said)
    if not rank:
        return 0
    return rank + (100 + min(len(said), 100) if said else 0) + 20 * status + 5 * (reply.code in cause.codes)


def _fits(cause: Cause, situation: Situation | None, said: str) -> int:
    """1, and 10 for each condition that the situation meets; 0 where one is not met."""
    if situation is None:
        asked = cause.verbs or cause.ports or cause.slow or cause.tls is not None or cause.auth is not None
        return 0 if asked and not said else 1
    rank = 1
    if cause.verbs:
        if situation.verb in cause.verbs:
            rank += 10
        elif len(said) < _SPEAKS_FOR_ITSELF:
            return 0
    for wanted, fact in ((cause.tls, situation.tls), (cause.auth, situation.auth)):
        if wanted is not None:
            if wanted != fact:
                return 0
            rank += 10
    for asked, met in ((cause.ports, situation.port in cause.ports), (cause.slow, situation.waited >= cause.slow)):
        if asked:
            if not met:
                return 0
            rank += 10
    return rank


def _same_kind(kind: int, other: int) -> bool:
    """Whether two first digits say alike; servers can be told to refuse for now instead of for good."""
    return kind == other or (kind in (4, 5) and other in (4, 5))


def _has_status(cause: Cause, enhanced: str | None) -> bool:
    if not cause.statuses or enhanced is None:
        return False
    kind, subject, detail = enhanced.split(".")
    return any(
        each[0] in ("x", kind) and each[1] == int(subject) and each[2] <= int(detail) <= each[3]
        for each in cause.statuses
    )


def likely_for(cause: Cause, situation: Situation | None) -> tuple[str, ...]:
    """The likely causes of a row, in order, without those that this situation rules out."""
    found = []
    for text in cause.likely:
        condition = _CONDITION.match(text)
        if condition is None or situation is None or _holds(condition[1], condition[2], situation):
            found.append(text[condition.end() :] if condition else text)
    return tuple(found)


def _holds(fact: str, value: str, situation: Situation) -> bool:
    if fact == "port":
        return situation.port in (0, int(value))
    if fact == "login":
        return not situation.mechanism or _shows(situation.mechanism) == value
    return (situation.tls if fact == "tls" else situation.auth) is (value == "true")


def _shows(mechanism: str) -> str:
    """What a login by this mechanism shows to the server: password, token, certificate, or a proof of the password."""
    proof = mechanism.startswith(("SCRAM-", "CRAM-", "DIGEST-"))
    return "proof" if proof else _SHOWN.get(mechanism, "")


def next_for(cause: Cause, situation: Situation | None) -> tuple[str, ...]:
    """The ids of the next tests of a row, without those that would change nothing in this situation."""
    return tuple(each for each in cause.tests if situation is None or _tells(each, situation))


def _tells(test: str, situation: Situation) -> bool:
    match test:
        case "starttls_again":
            return not situation.tls and (not situation.offered or "STARTTLS" in situation.offered)
        case "auth_again":
            return not situation.auth
        case "password_again":
            return situation.verb in (UNASKED, "AUTH") and situation.mechanism not in WITHOUT_PASSWORD
        case "own_sender":
            return situation.auth
        case "port_25" | "port_587" | "port_465":
            return situation.port != int(test[5:])
        case "without_param":
            return situation.parameters or situation.verb not in ("MAIL", "RCPT")
        case "one_recipient":
            return situation.recipients > 1
        case "vrfy":
            return situation.verb != "VRFY"
        case _:
            return test in NEXT_TESTS
