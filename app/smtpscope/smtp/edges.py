"""The picture: its edges, which are the moves that the protocol has in mind, what nodes say, and moves that were made.

A move without an edge is a jump.
Ids e01 to e26 are those of the design; ``port`` edges start or end at any state and are drawn as ports.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import NamedTuple

from smtpscope.smtp.command import SMTPCommand

C = SMTPCommand


class Edge(NamedTuple):
    """One move: from, to, what causes it. ``source`` None is "any state it can be asked in"."""

    id: str
    source: SMTPCommand | None
    target: SMTPCommand
    label: str
    port: bool = False


EDGES: dict[str, Edge] = {
    edge.id: edge
    for edge in (
        Edge("e01", C.NONE, C.BANNER, "220"),
        Edge("e02", C.BANNER, C.EHLO, "250"),
        Edge("e03", C.EHLO, C.AUTH, "235"),
        Edge("e04", C.AUTH, C.CONNECTED, "passes"),
        Edge("e05", C.CONNECTED, C.MAIL, "250"),
        Edge("e06", C.MAIL, C.RCPT, "250"),
        Edge("e07", C.RCPT, C.DATA, "354"),
        Edge("e08", C.DATA, C.SEND_STREAM, "last octet"),
        Edge("e09", C.SEND_STREAM, C.DOT, "reply"),
        Edge("e10", C.DOT, C.SEND_MESSAGE, "passes"),
        Edge("e11", C.BANNER, C.HELO, "250"),
        Edge("e12", C.EHLO, C.HELO, "5xx, fall back"),
        Edge("e13", C.HELO, C.CONNECTED, "passes"),
        Edge("e14", C.EHLO, C.CONNECTED, "no login"),
        Edge("e15", C.AUTH, C.AUTH, "334"),
        Edge("e16", C.CONNECTED, C.AUTH, "late login"),
        Edge("e17", C.RCPT, C.RCPT, "next"),
        Edge("e18", C.SEND_MESSAGE, C.MAIL, "next message"),
        Edge("e19", C.DATA, C.DOT, "no octets"),
        Edge("e20", None, C.RSET, "250", port=True),
        Edge("e21", C.RSET, C.CONNECTED, "passes"),
        Edge("e22", None, C.QUIT, "221", port=True),
        Edge("e23", C.QUIT, C.NONE, "closed"),
        Edge("e24", None, C.CUSTOM, "other verb, and back", port=True),
        Edge("e25", C.CUSTOM, C.BANNER, "STARTTLS, XCLIENT 220"),
        Edge("e26", None, C.NONE, "421, 521, lost, dropped", port=True),
        Edge("e27", None, C.EHLO, "EHLO again", port=True),
        Edge("e28", None, C.HELO, "HELO again", port=True),
        Edge("e29", C.CUSTOM, C.SEND_MESSAGE, "BDAT LAST", port=True),
    )
}

_FIXED = {(edge.source, edge.target): edge.id for edge in EDGES.values() if edge.source is not None}
_PORTS = {edge.target: edge.id for edge in EDGES.values() if edge.source is None}
_PASSING = frozenset({C.HELO, C.AUTH, C.RSET, C.CUSTOM, C.DOT, C.QUIT})  # nothing can be asked in them


def edge_between(source: SMTPCommand, target: SMTPCommand) -> str:
    """The id of the edge from one member to another, empty where there is none (a jump)."""
    fixed = _FIXED.get((source, target))
    if fixed or source in _PASSING:
        return fixed or ""
    return _PORTS.get(target, "")


class Mark(NamedTuple):
    """What a node of the picture says: the last reply's code, how long it took in seconds, a word instead of it."""

    code: int | None
    seconds: float
    word: str = ""


class Move(NamedTuple):
    """One move of the session through the nodes; ``edges`` are ids, empty strings where a step is a jump."""

    time: float
    path: tuple[SMTPCommand, ...]
    edges: tuple[str, ...]

    @property
    def jump(self) -> str:
        """The steps that have no edge, in words; empty if all have one."""
        steps = zip(pairwise(self.path), self.edges, strict=True)
        return ", ".join(f"{a.name} to {b.name}" for (a, b), edge in steps if not edge)


@cache
def route(nodes: tuple[SMTPCommand, ...]) -> tuple[tuple[SMTPCommand, ...], tuple[str, ...]]:
    """The nodes without repetitions, and the ids of the edges between them.

    The same node throughout is a loop onto itself, but only where a command brought it there again.
    """
    path = tuple(node for index, node in enumerate(nodes) if index == 0 or node is not nodes[index - 1])
    if len(path) == 1:
        path = path * 2 if len(nodes) > 2 else path
    back = path[0]  # CUSTOM leads back to where it came from, which is not the same as leading there
    return path, tuple("e24" if a is C.CUSTOM and b is back else edge_between(a, b) for a, b in pairwise(path))
