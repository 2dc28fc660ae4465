"""The state diagram of a session in three sizes: one description of the nodes, every line drawn by hand.

Automatic routing shares lanes where it misleads, so each edge's way is data. Edge ids are those of the machine,
``e01`` to ``e26``; columns and rows count from the top left of the picture.
"""

from __future__ import annotations

from functools import lru_cache

from smtpscope.smtp.command import SMTPCommand
from smtpscope_widgets.drawing import Box, Note, Picture, Point, Route

WORDS = {
    SMTPCommand.NONE: "no session",
    SMTPCommand.BANNER: "greeted",
    SMTPCommand.EHLO: "hello",
    SMTPCommand.HELO: "old hello",
    SMTPCommand.AUTH: "login",
    SMTPCommand.CONNECTED: "ready",
    SMTPCommand.RSET: "undo mail",
    SMTPCommand.QUIT: "goodbye",
    SMTPCommand.CUSTOM: "other verb",
    SMTPCommand.MAIL: "sender",
    SMTPCommand.RCPT: "recipients",
    SMTPCommand.DATA: "text next",
    SMTPCommand.SEND_STREAM: "text out",
    SMTPCommand.DOT: "end of text",
    SMTPCommand.SEND_MESSAGE: "answered",
}
DATA_MODE = frozenset({SMTPCommand.DATA, SMTPCommand.SEND_STREAM})
PATH = ("NONE", "BANNER", "EHLO", "AUTH", "CONNECTED", "MAIL", "RCPT", "DATA", "SEND_STREAM", "DOT", "SEND_MESSAGE")
"""The nodes that the strip shows, in the order of a plain session."""

Place = tuple[int, int, int]  # column, row, cells


def size_for(columns: int, rows: int) -> str:
    """Which picture a terminal of this size gets."""
    if rows >= 34 and columns >= 100:
        return "wide"
    return "compact" if rows >= 20 and columns >= 78 else "strip"


@lru_cache(maxsize=64)
def picture_for(size: str, columns: int, here: str = "NONE", before: str = "", last: str = "") -> Picture:
    """The picture of a size.

    A strip tells the ``last`` node off its path. Under 77 columns there are only ``here``, the node ``before`` (the
    path's own unless given) and the next.
    """
    if size != "strip":
        return PICTURES[size]
    return _strip(last if last not in PATH else "") if columns >= 77 else _near(here, before)


def drawn(picture: Picture) -> frozenset[str]:
    """The edges that have a line."""
    return frozenset(route.id for route in picture.routes)


def ports(picture: Picture) -> frozenset[str]:
    """The edges that a note stands for."""
    return frozenset(edge for note in picture.notes for edge in note.edges)


def _box(name: str, place: Place, frame: str) -> Box:
    node = SMTPCommand[name]
    x, y, width = place
    double = node in DATA_MODE
    if frame == "box":
        return Box(name, x, y, width, double=double, words=WORDS[node])
    return Box(name, x, y, width, "brackets", 1, double)


def _across(edge: str, boxes: dict[str, Box], source: str, target: str) -> Route:
    """A straight line from box to box in a row."""
    a, b = boxes[source], boxes[target]
    y = a.slot[1]
    return Route(edge, ((a.right - 1, y), (b.x, y)) if a.x < b.x else ((a.x, y), (b.right - 1, y)))


def _rows(boxes: dict[str, Box]) -> tuple[Route, ...]:
    """The edges between neighbours, alike in both sizes."""
    pairs = {
        "e01": ("NONE", "BANNER"),
        "e02": ("BANNER", "EHLO"),
        "e03": ("EHLO", "AUTH"),
        "e04": ("AUTH", "CONNECTED"),
        "e21": ("RSET", "CONNECTED"),
        "e06": ("MAIL", "RCPT"),
        "e07": ("RCPT", "DATA"),
        "e08": ("DATA", "SEND_STREAM"),
        "e09": ("SEND_STREAM", "DOT"),
        "e10": ("DOT", "SEND_MESSAGE"),
    }
    return tuple(_across(edge, boxes, source, target) for edge, (source, target) in pairs.items())


def _route(edge: str, points: str, label: str = "", label_at: Point = (0, 0), dashed: bool = False) -> Route:
    """A route from ``"x,y x,y ..."``."""
    corners = (point.split(",") for point in points.split())
    return Route(edge, tuple((int(x), int(y)) for x, y in corners), label, label_at, dashed)


def _port(x: int, y: int, text: str, *edges: str) -> Note:
    return Note(x, y, text, frozenset(edges))


def _wide() -> Picture:
    places: dict[str, Place] = {
        "NONE": (0, 1, 12),
        "BANNER": (14, 1, 12),
        "EHLO": (28, 1, 12),
        "AUTH": (42, 1, 12),
        "CONNECTED": (56, 1, 13),
        "RSET": (71, 1, 11),
        "CUSTOM": (84, 1, 14),
        "QUIT": (0, 5, 12),
        "HELO": (24, 5, 12),
        "MAIL": (0, 10, 12),
        "RCPT": (14, 10, 14),
        "DATA": (30, 10, 13),
        "SEND_STREAM": (45, 10, 18),
        "DOT": (65, 10, 13),
        "SEND_MESSAGE": (80, 10, 18),
    }
    boxes = {name: _box(name, place, "box") for name, place in places.items()}
    routes = (
        *_rows(boxes),
        _route("e25", "95,1 95,0 23,0 23,1", " STARTTLS 220 + handshake, XCLIENT 220: greet again ", (34, 0)),
        _route("e23", "9,5 9,3"),
        _route("e11", "17,3 17,6 24,6"),
        _route("e12", "31,3 31,5", "5xx", (33, 4), dashed=True),
        _route("e13", "35,6 62,6 62,3", " HELO 250 ", (41, 6)),
        _route("e14", "37,3 37,5 62,5 62,3", " no login ", (41, 5)),
        _route("e16", "58,3 58,4 44,4 44,3", " late login ", (46, 4)),
        _route("e05", "66,3 66,8 8,8 8,10", " MAIL 250 ", (30, 8)),
        _route("e19", "40,10 40,9 74,9 74,10", " no bytes ", (52, 9)),
        _route("e18", "89,12 89,13 8,13 8,12", " next message: MAIL 250 ", (36, 13)),
    )
    notes = (
        _port(1, 0, "421 lost drop", "e26"),
        _port(9, 1, "▼", "e26"),
        _port(47, 3, "↻ 334", "e15"),
        _port(20, 12, "↻ next", "e17"),
        _port(76, 3, "any*", "e20"),
        _port(6, 7, "any*", "e22"),
        _port(90, 3, "any* ↻", "e24"),
        _port(33, 3, "any*"),
        _port(30, 7, "any*"),
        _port(69, 4, "* in session and not in"),
        _port(69, 5, "  ═ data mode ═, which takes"),
        _port(69, 6, "  only text and the dot"),
        _port(69, 7, "BDAT LAST ▸ SEND_MESSAGE"),
        _port(69, 8, "RSET ▸ BANNER or EHLO too"),
    )
    return Picture("wide", 98, 14, tuple(boxes.values()), routes, notes, jump=(69, 8, 29))


def _compact() -> Picture:
    places: dict[str, Place] = {
        "NONE": (0, 1, 6),
        "BANNER": (7, 1, 12),
        "EHLO": (20, 1, 10),
        "AUTH": (31, 1, 10),
        "CONNECTED": (42, 1, 12),
        "RSET": (55, 1, 10),
        "CUSTOM": (66, 1, 12),
        "QUIT": (0, 3, 10),
        "HELO": (13, 3, 10),
        "MAIL": (0, 6, 10),
        "RCPT": (11, 6, 10),
        "DATA": (22, 6, 10),
        "SEND_STREAM": (33, 6, 17),
        "DOT": (51, 6, 8),
        "SEND_MESSAGE": (60, 6, 18),
    }
    boxes = {name: _box(name, place, "brackets") for name, place in places.items()}
    routes = (
        *_rows(boxes),
        _route("e25", "72,1 72,0 17,0 17,1", " STARTTLS, XCLIENT: greet again ", (29, 0)),
        _route("e23", "2,3 2,1"),
        _route("e11", "11,1 11,3 13,3"),
        _route("e12", "21,1 21,3", "5xx", (23, 2), dashed=True),
        _route("e13", "22,3 45,3 45,1"),
        _route("e14", "27,1 27,3 45,3 45,1", " no login ", (31, 3)),
        _route("e16", "43,1 43,2 36,2 36,1", " late ", (37, 2)),
        _route("e05", "47,1 47,4 2,4 2,6", " MAIL 250 ", (20, 4)),
        _route("e19", "28,6 28,5 54,5 54,6", " no bytes ", (36, 5)),
        _route("e18", "68,6 68,7 4,7 4,6", " next message: MAIL 250 ", (24, 7)),
    )
    notes = (
        _port(0, 0, "▼ 421 lost drop", "e26"),
        _port(31, 2, "↻334", "e15"),
        _port(12, 5, "↻ next", "e17"),
        _port(49, 2, "▸"),
        _port(51, 2, "EHLO HELO"),
        _port(61, 2, "RSET", "e20"),
        _port(66, 2, "QUIT", "e22"),
        _port(71, 2, "CUSTOM", "e24"),
        _port(51, 3, "in session, outside ║data║"),
        _port(51, 4, "RSET ▸ BANNER or EHLO too"),
        _port(60, 5, "BDAT LAST ▼"),
    )
    return Picture("compact", 78, 8, tuple(boxes.values()), routes, notes, jump=(49, 4, 29))


@lru_cache(maxsize=8)
def _strip(last: str) -> Picture:
    """Names over reports; ``last`` stands where SEND_STREAM and DOT report: it cannot be while they run."""
    boxes = []
    x = 0
    for name in PATH:
        hidden = last and name in ("SEND_STREAM", "DOT")
        boxes.append(Box(name, x, 0, len(name), "bare", 1 if hidden else 2))
        x += len(name) + (3 if name == "CONNECTED" else 1)
    notes = [_port(32, 0, "│")]
    if last:
        boxes.append(Box(last, 54, 1, len(last) + 4, "bare", 1))
        notes.append(_port(49, 1, "last"))
    return Picture("strip", 77, 2, tuple(boxes), notes=tuple(notes))


def _near(here: str, before: str) -> Picture:
    """The node before, where the session stands, and the next on the path; at most 40 cells."""
    at = PATH.index(here) if here in PATH else 0
    after = PATH[at + 1] if at + 1 < len(PATH) else "MAIL"
    boxes: list[Box] = []
    notes = []
    x = 1
    for name in (before or (PATH[at - 1] if at else ""), here, after):
        if boxes:
            notes.append(_port(x + 1 + (boxes[-1].id == here), 0, "▸"))
            x += 4
        if name:
            boxes.append(Box(name, x, 0, max(len(name), 4), "bare", 2))
            x = boxes[-1].right
    return Picture("near", x + 1, 2, tuple(boxes), notes=tuple(notes))


PICTURES = {"wide": _wide(), "compact": _compact(), "strip": _strip("")}
