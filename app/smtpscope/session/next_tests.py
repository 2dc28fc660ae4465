"""What can be tried next after a reply: which tests make sense now, and what each would send, step by step.

Pure: the session does the steps (``testing``), and the screen shows the same ones before, so that nothing is sent that
was not said. What led to a reply is made again from what was accepted: greeting, TLS, login, then its transaction.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterable
from typing import NamedTuple, TypeAlias

from smtpscope.profile import MECHANISMS, Profile
from smtpscope.session.case import Case, Exchange
from smtpscope.session.causes import NEXT_TESTS, find, find_failure, next_for
from smtpscope.session.login_way import WITHOUT_PASSWORD
from smtpscope.smtp.effects import path_of
from smtpscope.smtp.facts import T
from smtpscope.smtp.machine import Machine
from smtpscope.visible import safe, visible_text

MOST = 9
"""Tests that are offered at once: each has a digit."""
SMALL = 1000
"""Octets of the small message."""

_SETTING_UP = ("EHLO", "HELO", "STARTTLS", "XCLIENT", "AUTH")
_ENDS_TRANSACTION = ("EHLO", "HELO", "STARTTLS", "XCLIENT", "RSET", "DOT", "BDAT LAST")
_ANY = ("rset_again", "reconnect", "noop", "help")
_PORTS = {"port_25": 25, "port_587": 587, "port_465": 465}


class Do(NamedTuple):
    """One step of a test."""

    what: str
    """``connect``, ``drop``, ``line``, ``login`` or ``text`` (the message and its dot)."""
    line: bytes = b""
    """The command with its ending."""
    mechanism: str = ""
    """Of a login; the best one that is offered then, where it is empty."""
    user: str = ""
    """Of a login, where it is another one than the profile's."""
    asks: bool = False
    """Of a login: its password is asked for before."""
    number: int = 0
    """The port to connect to, 0 for the same; the octets of the text, 0 for the profile's message."""
    new: bool = False
    """It is what the test is about, not what leads there."""

    @property
    def words(self) -> str:
        """What is sent, in full; printable."""
        match self.what:
            case "connect":
                return f"connect to port {self.number}" if self.number else "connect"
            case "login":
                other = f"as {safe(self.user)}" if self.user else "with another password" if self.asks else ""
                return " ".join(filter(None, ("AUTH", self.mechanism, other)))
            case "text":
                return f"{self.number:,} bytes of text and the dot" if self.number else "the message and the dot"
        return visible_text(self.line.rstrip(b"\r\n"), limit=60) if self.what == "line" else self.what

    @property
    def verb(self) -> str:
        """The same in a word."""
        return self.words.partition(" ")[0] if self.what in ("line", "login") else self.words


Steps: TypeAlias = list[Do]


class Planned(NamedTuple):
    """One test that makes sense now."""

    id: str
    sends: str
    """What it sends, in a line; printable, but secrets may stand in it."""
    steps: tuple[Do, ...] = ()
    fill: str = ""
    """Where the user has to say something first: what the line is filled with instead."""

    @property
    def logs_in(self) -> bool:
        """Whether it takes credentials."""
        return any(step.what == "login" for step in self.steps)

    @property
    def asks(self) -> bool:
        """Whether another password is asked for before."""
        return any(step.asks for step in self.steps)


# -- which tests make sense


def which(
    ids: Iterable[str], case: Case, now: Machine, profile: Profile, full: str | None = None, local: str = ""
) -> list[Planned]:
    """Those of the tests that make sense now, each with what it would send, at most nine.

    ``full`` is this host's full name if it is known, ``local`` our own address.
    """
    plan, found = _Plan(case, now, profile, full, local), list[Planned]()
    for id in ids:
        test = plan.test(id)
        if test is not None and not any(test.sends == other.sends for other in found):
            found.append(test)
    return found[:MOST]


def offered(
    case: Case, now: Machine, profile: Profile, full: str | None = None, local: str = "", failure: str = ""
) -> list[Planned]:
    """The tests for a reply as the causes have them; for ``failure``, our sentence about what failed, where it is one.

    A refusal that the causes know nothing about has a few of its own.
    """
    situation = case.situation
    cause = find_failure(failure) if failure else find(case.reply, situation) if case.reply is not None else None
    ids: tuple[str, ...] = next_for(cause, situation) if cause is not None else ()
    if not ids and not case.exchange.accepted:
        ids = _ANY
    return which(ids, case, now, profile, full, local)


class _Plan:
    """The steps of each test, for one case and the state of things now."""

    def __init__(self, case: Case, now: Machine, profile: Profile, full: str | None, local: str) -> None:
        self.case, self.facts, self.profile = case, now.facts, profile
        self.standing = now.facts.link
        self.ready = self.standing and not now.pending and now.prompt == ">" and not now.facts.securing
        self.tls = now.facts.tls if self.standing else case.tls
        self.ext = now.facts.ext if self.standing and now.facts.hello else case.ext
        self.in_transaction = self.standing and now.facts.txn is not T.NONE
        hello = [each for each in (*case.before, case.exchange) if each.kind in ("EHLO", "HELO")]
        self.name = _argument(hello[-1].line) if hello else profile.helo or full or f"[{local or '127.0.0.1'}]"
        names = (profile.helo, full)
        self.full = next((name for name in names if name and "." in name and name[0] != "[" and name != self.name), "")
        self.local = local
        self.transaction = _transaction(case.before)

    def test(self, id: str) -> Planned | None:
        """One test; None where it makes no sense."""
        if id not in NEXT_TESTS:
            return None
        if id == "full_name" and not self.full:
            return None if not self.ready else Planned(id, "EHLO with a full domain name: fills the line", fill="EHLO ")
        steps = self._steps(id)
        if not steps or any(step.what == "line" and step.line.upper().startswith(b"BDAT") for step in steps):
            return None
        return Planned(id, _sends(steps, NEXT_TESTS[id].minutes), tuple(steps))

    def _steps(self, id: str) -> Steps:
        if id in _PORTS:
            return self._other_port(_PORTS[id])
        if NEXT_TESTS[id].fresh:
            return self._leave() + self._afresh() + self._again()
        begin = self._begin()
        rest = _TESTS[id](self)
        return [] if begin is None or not rest else _without_repeats(begin + rest)

    # -- where the steps begin

    def _begin(self) -> Steps | None:
        """To where the row's command can go out: on the connection that stands, or a new one. None where neither."""
        if not self.standing:
            return self._afresh()
        if not self.ready:
            return None
        return [] if self.facts.hello or self.case.exchange.kind in _SETTING_UP else [self._hello()]

    def _afresh(self) -> Steps:
        """A new connection as the row's was."""
        return [Do("connect"), *(_do(each) for each in self.case.before if each.kind in _SETTING_UP and each.accepted)]

    def _leave(self) -> Steps:
        if not self.standing:
            return []
        return [_line("QUIT")] if self.ready else [Do("drop")]

    def _hello(self, name: str = "", verb: str = "EHLO", new: bool = False) -> Do:
        return _line(f"{verb} {name or self.name}", new=new)

    def _reset(self) -> Steps:
        return [_line("RSET")] if self.in_transaction else []

    # -- what is done again

    def _again(
        self, mail: bytes | None = None, last: bytes | None = None, rcpts: int | None = None, text: int = 0
    ) -> Steps:
        """The row's transaction from MAIL on and the row's command, with what is changed: the MAIL line, the row's
        line, how many recipients, how much text."""
        exchange, steps = self.case.exchange, list[Do]()
        if exchange.kind in ("BANNER", "AUTH", "QUIT"):
            return [_do(exchange)] if exchange.kind == "AUTH" else []
        if exchange.kind in ("RCPT", "DATA", "DOT"):
            recipients = [each for each in self.transaction if each.kind == "RCPT"][:rcpts]
            for each in self.transaction:
                if each.kind == "RCPT" and each not in recipients:
                    continue
                steps.append(_line(mail, new=True) if mail is not None and each.kind == "MAIL" else _do(each))
        if exchange.kind == "MAIL" and mail is not None:
            last = mail
        if exchange.kind == "DOT":
            return [*steps, Do("text", number=text)]
        if exchange.kind == "DATA" and text:
            return [*steps, _do(exchange), Do("text", number=text)]
        return [*steps, _line(last, new=True) if last is not None else _do(exchange)]

    def _row_again(self, last: bytes | None = None) -> Steps:
        """The row's command in the transaction that is open, else the whole of it."""
        if self.in_transaction and self.facts.txn is T.OPEN and self.case.exchange.kind in ("RCPT", "DATA"):
            return [_line(last, new=True) if last is not None else _do(self.case.exchange)]
        return self._reset() + self._again(last=last)

    def _recipient(self, path: str) -> Steps:
        """RCPT with another path, in the open transaction or one with the same MAIL."""
        rcpt = _line(f"RCPT TO:<{path}>", new=True)
        if self.in_transaction and self.facts.txn is T.OPEN:
            return [rcpt]
        mail = [_do(each) for each in self.transaction[:1]]
        return [*self._reset(), *mail, rcpt] if mail else []

    @property
    def _path(self) -> str:
        """The recipient that the row is about."""
        rcpts = [each for each in (*self.transaction, self.case.exchange) if each.kind == "RCPT"]
        return path_of(rcpts[-1].line.rstrip()) if rcpts else ""

    @property
    def _domain(self) -> str:
        return self._path.rpartition("@")[2] if "@" in self._path else ""

    # -- the tests

    def starttls_again(self) -> Steps:
        if self.tls or "STARTTLS" not in self.ext:
            return []
        return [_line("STARTTLS", new=True), self._hello(), *self._again()]

    def password_again(self) -> Steps:
        tried = self.case.exchange
        mechanism = _argument(tried.line).upper() if tried.kind == "AUTH" else ""
        if mechanism not in MECHANISMS or mechanism in WITHOUT_PASSWORD or (self.facts.auth and self.standing):
            return []
        return [*self._reset(), Do("login", mechanism=mechanism, asks=True, new=True)]

    def auth_again(self) -> Steps:
        if self.facts.auth and self.standing:
            return []
        rest = [] if self.case.exchange.kind == "AUTH" else self._again()
        offered = self._mechanisms()
        if offered:
            return [*self._reset(), Do("login", mechanism=offered[0], new=True), *rest]
        if self.tls or "STARTTLS" not in self.ext:
            return []
        return [_line("STARTTLS", new=True), self._hello(), Do("login", new=True), *rest]

    def _mechanisms(self) -> list[str]:
        from smtpscope.smtp import sasl  # not before it is needed: a start is quicker without

        wanted = self.profile.auth or sasl.BEST
        return [name for name in wanted if sasl.choose(self.ext.get("AUTH", ""), (name,), self.tls)]

    def other_mechanism(self) -> Steps:
        from smtpscope.smtp import sasl

        said = (*self.case.before, self.case.exchange)
        tried = [_argument(each.line).upper() for each in said if each.kind == "AUTH"]
        offered = self.ext.get("AUTH", "")
        left = [name for name in sasl.BEST if name not in tried and sasl.choose(offered, (name,), self.tls)]
        return [*self._reset(), Do("login", mechanism=left[0], new=True)] if left and tried else []

    def other_user_form(self) -> Steps:
        user, (mechanism, *_) = self.profile.user or "", [*self._mechanisms(), ""]
        domain = (self.profile.mail_from or "").rpartition("@")[2]
        other = user.rpartition("@")[0] if "@" in user else f"{user}@{domain}" if user and domain else ""
        if not (other and mechanism):
            return []
        tried = self.case.exchange
        if tried.kind == "AUTH" and _argument(tried.line).upper() in MECHANISMS:
            mechanism = _argument(tried.line).upper()
        return [*self._reset(), Do("login", mechanism=mechanism, user=other, new=True)]

    def _as(self, name: str, verb: str = "EHLO") -> Steps:
        hello = self._hello(name, verb, new=True)
        return [hello] if self.case.exchange.kind in ("EHLO", "HELO") else [hello, *self._again()]

    def full_name(self) -> Steps:
        return self._as(self.full)

    def literal(self) -> Steps:
        name = f"[{'IPv6:' if ':' in self.local else ''}{self.local}]"
        return self._as(name) if self.local and name != self.name else []

    def helo(self) -> Steps:
        return self._as(self.name, "HELO") if self.facts.hello != "HELO" else []

    def vrfy(self) -> Steps:
        return [_line(f"VRFY {self._path}", new=True)] if self._path else []

    def postmaster(self) -> Steps:
        return self._recipient(f"postmaster@{self._domain}") if self._domain else []

    def local_postmaster(self) -> Steps:
        return self._recipient("postmaster")

    def made_up(self) -> Steps:
        return self._recipient(f"no-such-user-{secrets.token_hex(3)}@{self._domain}") if self._domain else []

    def one_recipient(self) -> Steps:
        recipients = [each for each in self.transaction if each.kind == "RCPT"]
        alone = self.case.exchange.kind == "RCPT"
        return self._reset() + self._again(rcpts=0 if alone else 1) if len(recipients) + alone > 1 else []

    def null_sender(self) -> Steps:
        return self._from("")

    def own_sender(self) -> Steps:
        user, domain = self.facts.user or self.profile.user or "", (self.profile.mail_from or "").rpartition("@")[2]
        own = user if "@" in user else f"{user}@{domain}" if user and domain else ""
        return self._from(own) if own else []

    def _from(self, path: str) -> Steps:
        """The transaction with another reverse-path."""
        exchange = self.case.exchange
        mail = next((each for each in (*self.transaction, exchange) if each.kind == "MAIL"), None)
        if mail is None or path_of(mail.line.rstrip()) == path:
            return []
        return self._reset() + self._again(mail=b"MAIL FROM:<%s>\r\n" % path.encode())

    def without_param(self) -> Steps:
        exchange = self.case.exchange
        bare = re.sub(rb">[^>]*$", b">\r\n", exchange.line)
        return self._row_again(bare) if exchange.kind in ("MAIL", "RCPT") and bare != exchange.line else []

    def rset_again(self) -> Steps:
        return [_line("RSET", new=True), *self._again()]

    def smaller(self) -> Steps:
        exchange = self.case.exchange
        if exchange.kind == "MAIL" and (match := re.search(rb" SIZE=\d+", exchange.line, re.IGNORECASE)):
            line = exchange.line[: match.start()] + b" SIZE=%d" % SMALL + exchange.line[match.end() :]
            return self._reset() + self._again(last=line)
        return self._reset() + self._again(text=SMALL) if exchange.kind in ("DATA", "DOT") else []

    def noop(self) -> Steps:
        return [_line("NOOP", new=True)] if self.ready else []

    def help(self) -> Steps:
        return [_line("HELP", new=True)]

    def _other_port(self, port: int) -> Steps:
        if port == self.case.port:
            return []
        steps = [*self._leave(), Do("connect", number=port, new=True), self._hello()]
        if port == 587:
            steps += [_line("STARTTLS"), self._hello()]
        steps += [_do(each) for each in self.case.before if each.kind == "AUTH" and each.accepted]
        return steps + (self._again() if self.case.exchange.kind not in _SETTING_UP else [])


_TESTS: dict[str, Callable[[_Plan], Steps]] = {
    id: getattr(_Plan, id) for id, test in NEXT_TESTS.items() if not test.fresh
}


def _transaction(before: tuple[Exchange, ...]) -> list[Exchange]:
    """What was accepted in the transaction that was open after ``before``, MAIL first."""
    found: list[Exchange] = []
    for each in before:
        if each.kind == "MAIL" and each.accepted:
            found = [each]
        elif each.kind in _ENDS_TRANSACTION and (each.accepted or each.kind == "DOT"):
            found = []
        elif each.kind in ("RCPT", "DATA", "BDAT") and each.accepted and found:
            found.append(each)
    return found


def _line(line: str | bytes, new: bool = False) -> Do:
    return Do("line", line if isinstance(line, bytes) else line.encode() + b"\r\n", new=new)


def _do(each: Exchange) -> Do:
    return Do("login", mechanism=_argument(each.line).upper()) if each.kind == "AUTH" else Do("line", each.line)


def _argument(line: bytes) -> str:
    words = line.split(None, 1)
    return words[1].strip().decode(errors="backslashreplace") if len(words) > 1 else ""


def _without_repeats(steps: Steps) -> Steps:
    """One EHLO of two that follow each other does it."""
    return [
        step for place, step in enumerate(steps) if not place or step.line != steps[place - 1].line or not step.line
    ]


def _sends(steps: Steps, minutes: int) -> str:
    """What is new and the last in full, of what leads there the verbs; what only is done again is not told twice."""
    words = [step.words if step.new or step is steps[-1] else step.verb for step in steps]
    afresh = next((place for place, step in enumerate(steps) if step.what == "connect"), -1)
    if afresh >= 0 and len(words) > afresh + 3 and not any(step.new for step in steps):
        words = [*words[: afresh + 1], f"the same to {words[-1]}"]
    return f"in {minutes} min, until accepted: {', '.join(words[afresh:])}" if minutes else ", ".join(words)
