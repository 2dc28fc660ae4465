"""Pictures of boxes and lines as data, and the cells they cover.

A picture is drawn by hand: every box has its place and every route its corners. What is worked out here is only which
character a cell gets. Cells are ``(x, y)`` from the top left, all one terminal cell wide.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal, NamedTuple, TypeAlias

Point: TypeAlias = tuple[int, int]
Frame: TypeAlias = Literal["box", "brackets", "bare"]
"""Three rows with a frame; one row, name and report in brackets; or the name with its report below or behind it."""

UP, DOWN, LEFT, RIGHT = 1, 2, 4, 8
_LINES = " │││─╯╮┤─╰╭├─┴┬┼"  # indexed by the sum of the directions that a cell's line leaves in
_HEADS = {UP: "▲", DOWN: "▼", LEFT: "◀", RIGHT: "▶"}

GLYPHS = frozenset("─│╭╮╰╯├┤┬┴╎▶▼▲◀▸═║╔╗╚╝╧█▒✓✗↻·")
"""Every character beyond ASCII that a picture may show; each is one cell wide in Western locales."""

_ASCII = str.maketrans(
    "─│╭╮╰╯├┤┬┴╎▶▼▲◀▸═║╔╗╚╝╧█▒✓✗↻·▾…•↑↓┌┐└┘▔▁▏▎▍▌▋▊▉▕▂▃▄▅▆▇▀░",
    "-|++++++++:>v^<>==+++++#?+!@.v.*^v++++-_||||||#|#######.",
)
_TEXT_GLYPHS = frozenset("✓✗↻·▸")  # what a report may say: never what could pass for a frame or for "here"


class Box(NamedTuple):
    """A node's place, named by its ``id``; ``words`` say what it is while a framed box has nothing to report."""

    id: str
    x: int
    y: int
    width: int
    frame: Frame = "box"
    height: int = 3
    double: bool = False
    words: str = ""

    @property
    def right(self) -> int:
        """The first column beyond the box."""
        return self.x + self.width

    def contains(self, x: int, y: int) -> bool:
        """Whether the cell belongs to the box."""
        return self.x <= x < self.right and self.y <= y < self.y + self.height

    @property
    def slot(self) -> tuple[int, int, int]:
        """Where the report goes: column, row, cells."""
        if self.frame == "box":
            return self.x + 1, self.y + 1, self.width - 2
        inset = len(self.id) + (self.frame == "brackets")
        if self.height > 1:
            return self.x, self.y + 1, self.width
        return self.x + inset, self.y, max(0, self.width - inset - (self.frame == "brackets"))


class Route(NamedTuple):
    """An edge's way: from a cell of its source's rim over the corners to a cell of its target's rim.

    The arrowhead comes by itself: in the rim where a line comes down or up on a framed box, else before it.
    """

    id: str
    points: tuple[Point, ...]
    label: str = ""
    label_at: Point = (0, 0)
    dashed: bool = False


class Note(NamedTuple):
    """Text in the picture; with ``edges`` it stands for edges that have no line."""

    x: int
    y: int
    text: str
    edges: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Picture:
    """A diagram of ``width`` x ``height`` cells; ``jump`` (column, row, cells) is where a move without edge is told."""

    name: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    routes: tuple[Route, ...] = ()
    notes: tuple[Note, ...] = ()
    jump: tuple[int, int, int] | None = None

    @cached_property
    def by_id(self) -> dict[str, Box]:
        """The boxes by their ids."""
        return {box.id: box for box in self.boxes}

    @cached_property
    def lines(self) -> dict[Point, Line]:
        """The cells of all routes."""
        return rasterise(self)

    def box_at(self, x: int, y: int) -> Box | None:
        """The box that covers a cell."""
        return next((box for box in self.boxes if box.contains(x, y)), None)

    def ends(self, route: Route) -> tuple[Box, Box]:
        """Source and target of a route; KeyError if it begins or ends beside every box."""
        source, target = self.box_at(*route.points[0]), self.box_at(*route.points[-1])
        if source is None or target is None:
            raise KeyError(route.id)
        return source, target


class Line(NamedTuple):
    """What the routes draw in a cell, and which of them."""

    char: str
    edges: frozenset[str]


class Trace(NamedTuple):
    """One cell of one route: its directions, or its arrowhead."""

    x: int
    y: int
    bits: int
    head: str = ""


def trace(picture: Picture, route: Route) -> list[Trace]:
    """The cells that a route draws in order, the rims it does not touch left out."""
    source, target = picture.ends(route)
    path = list(_walk(route.points))
    ways = [_way(a, b) for a, b in pairwise(path)]
    cells = [
        Trace(*cell, _back(before) | after) for cell, before, after in zip(path[1:-1], ways, ways[1:], strict=False)
    ]
    if source.frame == "box" and ways[0] in (UP, DOWN):
        cells.insert(0, Trace(*path[0], LEFT | RIGHT | ways[0]))
    if target.frame == "box" and ways[-1] in (UP, DOWN):
        cells.append(Trace(*path[-1], 0, _HEADS[ways[-1]]))
    else:
        cells[-1] = cells[-1]._replace(head=_HEADS[ways[-1]])
    return cells


def rasterise(picture: Picture) -> dict[Point, Line]:
    """All routes as characters: lines that share a cell become its junction, heads win over lines."""
    bits: dict[Point, int] = {}
    edges: dict[Point, frozenset[str]] = {}
    special: dict[Point, str] = {}
    double = [box for box in picture.boxes if box.double]
    for route in picture.routes:
        for x, y, ways, head in trace(picture, route):
            bits[x, y] = bits.get((x, y), 0) | ways
            edges[x, y] = edges.get((x, y), frozenset()) | {route.id}
            if head:
                special[x, y] = head
            elif any(box.contains(x, y) for box in double):
                special[x, y] = "╧" if ways & UP else "═"
            elif route.dashed and ways == UP | DOWN:
                special[x, y] = "╎"
    for route in picture.routes:
        for x, char in enumerate(route.label, route.label_at[0]):
            special[x, route.label_at[1]] = char
            edges[x, route.label_at[1]] = frozenset({route.id})
    return {cell: Line(special.get(cell) or _LINES[bits[cell]], ids) for cell, ids in edges.items()}


def plain(text: str) -> str:
    """Text for a cell grid: whatever is not ASCII or a mark becomes ``?``, so nothing can steer the terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if (c.isascii() and c.isprintable()) or c in _TEXT_GLYPHS else "?" for c in text)


def to_ascii(text: str) -> str:
    """The picture's characters in ASCII alone."""
    return text.translate(_ASCII)


def fit(texts: Sequence[str], width: int) -> str:
    """The first text that fits, else as many words of the first as do; a number is shown whole or not at all."""
    for text in texts:
        if len(text) <= width:
            return text
    words = texts[0].split()
    while len(words) > 1 and len(" ".join(words)) > width:
        words.pop()
    rest = " ".join(words)
    if len(rest) > width and rest[0].isdigit():
        return ""
    return rest[: max(0, width)]


def _walk(points: tuple[Point, ...]) -> Iterator[Point]:
    """Every cell of a polyline with horizontal and vertical parts."""
    yield points[0]
    for (x, y), (to_x, to_y) in pairwise(points):
        if x != to_x and y != to_y:
            raise ValueError(f"a slanted line from {x},{y} to {to_x},{to_y}")
        step_x, step_y = _sign(to_x - x), _sign(to_y - y)
        while (x, y) != (to_x, to_y):
            x, y = x + step_x, y + step_y
            yield x, y


def _way(a: Point, b: Point) -> int:
    """The direction from a cell to its neighbour."""
    return {(0, -1): UP, (0, 1): DOWN, (-1, 0): LEFT, (1, 0): RIGHT}[b[0] - a[0], b[1] - a[1]]


def _back(way: int) -> int:
    """The opposite direction."""
    return {UP: DOWN, DOWN: UP, LEFT: RIGHT, RIGHT: LEFT}[way]


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)
