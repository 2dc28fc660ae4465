"""What a connection leaves on the picture: the moves it made, the edges it passed, what the nodes say."""

from __future__ import annotations

from smtpscope.smtp.command import C, SMTPCommand
from smtpscope.smtp.edges import EDGES, Mark, Move, route

_ASIDE = frozenset({C.HELO, C.RSET, C.QUIT, C.CUSTOM})
_MOVES = 512
"""How many of the last moves of a connection are kept, at least."""


class Trace:
    """The moves of one connection through the nodes of the picture; the machine, which follows events, makes them."""

    def __init__(self) -> None:
        self.moves: list[Move] = []
        """The last moves of this connection, in order."""
        self.moved = 0
        """How many there have been in all."""
        self.walked: frozenset[str] = frozenset()
        """The edges that have been passed on this connection."""
        self.visited: SMTPCommand | None = None
        """The last of HELO, RSET, QUIT and CUSTOM that was passed through."""
        self.passed: dict[SMTPCommand, Mark] = {}
        """Nodes that have been reached on this connection."""
        self.refusal: tuple[SMTPCommand, Mark] | None = None
        """The last command's refusal, until the next command."""

    def moves_since(self, moved: int) -> list[Move]:
        """The moves after the first ``moved`` of this connection, as far as they are kept."""
        return self.moves[max(0, len(self.moves) - (self.moved - moved)) :] if self.moved > moved else []

    def _mark(self, member: SMTPCommand, mark: Mark, good: bool) -> None:
        """A node says what a reply made of it."""
        if good:
            self.passed[member] = mark
            self.refusal = None
        else:
            self.refusal = (member, mark)

    def _move(self, time: float, *nodes: SMTPCommand, edge: tuple[int, str] | None = None) -> None:
        """From node to node; ``edge`` is the number and id of the one step that the nodes alone do not tell."""
        path, edges = route(nodes)
        if not edges:
            return
        if edge is not None:
            edges = (*edges[: edge[0]], edge[1], *edges[edge[0] + 1 :])
        if C.CONNECTED in path[1:]:
            self.passed[C.CONNECTED] = Mark(None, 0.0, "ready")
        self._walk(Move(time, path, edges))

    def _walk(self, move: Move) -> None:
        again = bool(self.moves) and self.moves[-1][1:] == move[1:]
        self.moves.append(move)
        self.moved += 1
        if len(self.moves) > 2 * _MOVES:
            del self.moves[:_MOVES]
        if again:
            return  # what it passes has been passed
        if not self.walked.issuperset(move.edges):
            self.walked |= {edge for edge in move.edges if edge in EDGES}
        self.visited = next((node for node in reversed(move.path) if node in _ASIDE), self.visited)
