"""What the picture says: the machine's state as node states and edges, for the widget that knows no SMTP."""

from __future__ import annotations

from typing import Literal, NamedTuple

from smtpscope.session.moment import Moment
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Bdat, Connect, Drop, Step
from smtpscope.smtp.facts import Transaction
from smtpscope.smtp.machine import Machine, Mark, Verdict
from smtpscope_widgets.state_diagram import NodeState

C = SMTPCommand

_MAY: dict[Verdict, Literal["legal", "out_of_order", "impossible"]] = {
    Verdict.LEGAL: "legal",
    Verdict.OUT_OF_ORDER: "out_of_order",
    Verdict.IMPOSSIBLE: "impossible",
}


def duration(seconds: float) -> str:
    """A time as a box has room for: ``31ms``, ``1.2s``, ``2:05``."""
    seconds = max(0.0, seconds)
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f}ms"
    return f"{seconds:.1f}s" if seconds < 99.95 else f"{seconds // 60:.0f}:{seconds % 60:02.0f}"


def size(octets: int) -> str:
    """A number of octets as a box has room for: ``264 B``, ``1.2 MB``."""
    value = float(octets)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 999.5:
            return f"{value:.0f} {unit}" if unit == "B" or value >= 99.5 else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.0f} TB"


def nodes(moment: Moment, now: float) -> dict[str, NodeState]:
    """One state for each member; ``now`` is in seconds since connect."""
    return {member.name: _node(member, moment, now) for member in C}


def _node(member: SMTPCommand, moment: Moment, now: float) -> NodeState:
    machine = moment.machine
    here = machine.here is member
    may = _may(member, machine)
    waiting = next((entry for entry in machine.pending if entry.member is member and not entry.perhaps), None)
    if waiting is not None:
        clock = duration(now - waiting.sent)
        return NodeState("waiting", here, may, _counted(member, moment) or clock, clock)
    if machine.refusal is not None and machine.refusal[0] is member:
        code = str(machine.refusal[1].code)
        count = f" {machine.facts.ok}/{machine.facts.bad}" if member is C.RCPT else ""
        return NodeState("refused", here, may, f"{code}{count}", code)
    if member is C.SEND_STREAM and machine.facts.streaming:
        progress = _progress(moment, now)
        return NodeState("waiting", here, may, progress, progress)
    facts = machine.facts
    if member is C.RCPT and facts.ok:
        refused = f" {facts.bad} ✗" if facts.bad else ""
        return NodeState("passed", here, may, f"{facts.ok} ok{refused}", f"{facts.ok}/{facts.bad}")
    mark = machine.passed.get(member)
    if mark is not None:
        return NodeState("passed", here, may, _report(member, mark), _short(mark))
    if member is C.NONE and machine.moved:
        return NodeState("passed", here, may, "closed" if here else "")
    return NodeState("", here, may)


def _may(member: SMTPCommand, machine: Machine) -> Literal["legal", "out_of_order", "impossible"]:
    step: Step = Drop() if member is C.NONE else Connect() if member is C.BANNER else member
    if member is C.CUSTOM and machine.facts.txn in (Transaction.CHUNK, Transaction.OPEN):
        bdat = machine.may_issue(Bdat(0))
        if bdat is Verdict.LEGAL:
            return "legal"
    return _MAY[machine.may_issue(step)]


def _counted(member: SMTPCommand, moment: Moment) -> str:
    """How many of several replies have come: ``1/2``."""
    entry = next((entry for entry in moment.machine.pending if entry.member is member), None)
    return f"{len(entry.replies)}/{entry.owed}" if entry is not None and entry.owed > 1 else ""


def _progress(moment: Moment, now: float) -> str:
    progress = moment.progress
    if progress is None:
        return "0 B"
    begun = next((mark.seconds for member, mark in moment.machine.passed.items() if member is C.DATA), 0.0)
    elapsed = max(0.001, now - begun)
    percent = f" {min(99, progress.sent * 100 // progress.total)}%" if progress.total else ""
    return f"{size(progress.sent)}{percent}" if elapsed else size(progress.sent)


def _report(member: SMTPCommand, mark: Mark) -> str:
    if member is C.SEND_STREAM:
        return size(int(mark.word or 0))
    if member is C.BANNER and mark.word:
        return f"{mark.word} {duration(mark.seconds)}"
    if mark.word:
        return mark.word
    return f"{mark.code} {duration(mark.seconds)}" if mark.seconds else str(mark.code or "")


def _short(mark: Mark) -> str:
    """A code where there is one."""
    return str(mark.code) if mark.code else mark.word if mark.word == "TLS" else ""


class Trail(NamedTuple):
    """The way that the session has come, for the picture: ids of edges and names of nodes, empty for none."""

    edges: frozenset[str]
    latest: str | None
    jump: str
    before: str
    """The node before the one reached last."""
    aside: str
    """The last of HELO, RSET, QUIT and CUSTOM that was passed through."""


def trail(machine: Machine) -> Trail:
    """How the session came to where it stands."""
    aside = machine.visited.name if machine.visited is not None else ""
    if not machine.moves:
        return Trail(machine.walked, None, "", "", aside)
    move = machine.moves[-1]
    latest = next((edge for edge in reversed(move.edges) if edge), None)
    return Trail(machine.walked, latest, move.jump, move.path[-2].name, aside)
