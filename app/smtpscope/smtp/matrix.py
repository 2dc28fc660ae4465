"""What may be issued from where: the design's table, row by row, and the cases in which an L becomes a W.

L legal, W out of order (sendable on purpose, a 5yz is expected), X cannot be sent as a command.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from smtpscope.smtp.command import C, SMTPCommand
from smtpscope.smtp.effects import Pending, assume_success
from smtpscope.smtp.events import Bdat, Connect, Drop, LinkStatus, StartTls, Step
from smtpscope.smtp.facts import Facts, T


class Verdict(Enum):
    """Whether a step may be issued now."""

    LEGAL = "legal"
    OUT_OF_ORDER = "out of order"
    IMPOSSIBLE = "impossible"


COLUMNS = tuple(
    "Connect EHLO HELO AUTH MAIL RCPT DATA STREAM DOT RSET QUIT CUSTOM STARTTLS BDAT Drop".split()  # noqa: SIM905 - one line, as the table's head
)
MATRIX: dict[str, str] = {
    "NONE":                      "L X X X X X X X X X X X X X X",
    "NONE, connecting":          "X X X X X X X X X X X X X X L",
    "BANNER":                    "X L L W W W W X W L L L W W L",
    "BANNER, refused":           "X W W W W W W X W W L W W W L",
    "EHLO":                      "X L L L L W W X W L L L L W L",
    "CONNECTED, after EHLO":     "X L L L L W W X W L L L L W L",
    "CONNECTED, after HELO":     "X L L W L W W X W L L L W W L",
    "MAIL":                      "X L L W W L W X W L L L W W L",
    "RCPT":                      "X L L W W L L X W L L L W L L",
    "RCPT, BDAT begun":          "X L L W W W W X W L L L W L L",
    "RCPT, BDAT chunk refused":  "X L L W W W W X W L L L W W L",
    "DATA":                      "X X X X X X X L L X X X X X L",
    "SEND_STREAM":               "X X X X X X X L L X X X X X L",
    "SEND_MESSAGE":              "X L L L L W W X W L L L L W L",
    "a reply owed":              "X W W W W W W X W W W W W W L",
    "TLS handshake":             "X X X X X X X X X X X X X X L",
}  # fmt: skip
_VERDICTS = {"L": Verdict.LEGAL, "W": Verdict.OUT_OF_ORDER, "X": Verdict.IMPOSSIBLE}
_TABLE = {
    row: dict(zip(COLUMNS, (_VERDICTS[cell] for cell in cells.split()), strict=True)) for row, cells in MATRIX.items()
}
_COLUMN = {C.SEND_STREAM: "STREAM", C.NONE: "Drop", C.BANNER: "Connect"}

_ANYWHERE_IN_A_GROUP = frozenset({"RSET", "MAIL", "RCPT", "BDAT", "BDAT LAST", "DOT"})


def row_of(facts: Facts, pending: Sequence[Pending]) -> str:
    """The matrix row that the facts and the owed replies are in."""
    if facts.securing:
        return "TLS handshake"
    if not facts.link:
        connecting = facts.status in (LinkStatus.FINDINGHOST, LinkStatus.CONNECTING, LinkStatus.SECURING)
        return "NONE, connecting" if connecting else "NONE"
    if pending or not facts.greeted:
        return "a reply owed"
    return _rest_row(facts)


def _rest_row(facts: Facts) -> str:
    here = facts.here
    if here is C.BANNER and facts.refused:
        return "BANNER, refused"
    if here is C.CONNECTED:
        return "CONNECTED, after HELO" if facts.hello == "HELO" else "CONNECTED, after EHLO"
    if facts.txn is T.CHUNK:
        return "RCPT, BDAT begun"
    if facts.txn is T.BROKEN:
        return "RCPT, BDAT chunk refused"
    return here.name


def may_issue(step: Step, facts: Facts, pending: Sequence[Pending]) -> Verdict:
    """Whether ``step`` may be issued with these facts and these replies owed."""
    if step is C.CONNECTED:
        return _login(facts, pending)
    if step is C.SEND_MESSAGE:
        legal = may_issue(C.MAIL, facts, pending) is Verdict.LEGAL and not pending
        return Verdict.LEGAL if legal else Verdict.IMPOSSIBLE
    column = _column(step)
    owed = [entry for entry in pending if not entry.perhaps]
    row = row_of(facts, owed)
    if row in ("DATA", "SEND_STREAM") and facts.streaming and column in ("STREAM", "DOT"):
        return Verdict.IMPOSSIBLE  # the text is still going out
    verdict = _TABLE[row][column]
    if row == "a reply owed" and verdict is Verdict.OUT_OF_ORDER:
        return _pipelined(step, column, facts, owed)
    if verdict is Verdict.LEGAL and _not_offered(step, facts):
        return Verdict.OUT_OF_ORDER
    return verdict


def _column(step: Step) -> str:
    if isinstance(step, SMTPCommand):
        return _COLUMN.get(step, step.name)
    return {Connect: "Connect", Drop: "Drop", StartTls: "STARTTLS", Bdat: "BDAT"}[type(step)]


def _not_offered(step: Step, facts: Facts) -> bool:
    """The cases in which what the table calls legal lacks what it needs."""
    if step is C.AUTH:
        return facts.auth or "AUTH" not in facts.ext
    if isinstance(step, StartTls):
        return facts.tls or "STARTTLS" not in facts.ext
    if isinstance(step, Bdat):
        return "CHUNKING" not in facts.ext
    return step is C.DATA and facts.binarymime


def _login(facts: Facts, pending: Sequence[Pending]) -> Verdict:
    """Running on to CONNECTED: from NONE it connects first, and says hello where that is still to be done."""
    if not facts.link:
        return _TABLE[row_of(facts, pending)]["Connect"]
    if pending or facts.auth or facts.data_mode or facts.securing or facts.refused or not facts.greeted:
        return Verdict.IMPOSSIBLE
    return Verdict.LEGAL if facts.here is C.BANNER else may_issue(C.AUTH, facts, pending)


def _pipelined(step: Step, column: str, facts: Facts, pending: Sequence[Pending]) -> Verdict:
    """RFC 2920 3.1: legal behind owed replies if PIPELINING is offered, each owed one may stand inside a group,
    and the step would be legal once they have all succeeded."""
    if "PIPELINING" not in facts.ext or any(entry.kind not in _ANYWHERE_IN_A_GROUP for entry in pending):
        return Verdict.OUT_OF_ORDER
    then = assume_success(facts, pending)
    if then is None or _TABLE[_rest_row(then)][column] is not Verdict.LEGAL or _not_offered(step, then):
        return Verdict.OUT_OF_ORDER
    return Verdict.LEGAL
