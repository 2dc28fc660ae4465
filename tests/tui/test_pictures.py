"""The three pictures show every node and every edge, and no line in them says anything untrue."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest

from smtpscope.smtp.command import SMTPCommand
from smtpscope.tui.pictures import PATH, PICTURES, drawn, picture_for, ports, size_for
from smtpscope_widgets.drawing import GLYPHS, Picture, Trace, trace
from smtpscope_widgets.state_diagram import neighbour_of
from tui.diagram_states import STATES, Shown, rows_of

GOLDENS = Path(__file__).parent / "goldens"
EDGES = {
    "e01": ("NONE", "BANNER"),
    "e02": ("BANNER", "EHLO"),
    "e03": ("EHLO", "AUTH"),
    "e04": ("AUTH", "CONNECTED"),
    "e05": ("CONNECTED", "MAIL"),
    "e06": ("MAIL", "RCPT"),
    "e07": ("RCPT", "DATA"),
    "e08": ("DATA", "SEND_STREAM"),
    "e09": ("SEND_STREAM", "DOT"),
    "e10": ("DOT", "SEND_MESSAGE"),
    "e11": ("BANNER", "HELO"),
    "e12": ("EHLO", "HELO"),
    "e13": ("HELO", "CONNECTED"),
    "e14": ("EHLO", "CONNECTED"),
    "e16": ("CONNECTED", "AUTH"),
    "e18": ("SEND_MESSAGE", "MAIL"),
    "e19": ("DATA", "DOT"),
    "e21": ("RSET", "CONNECTED"),
    "e23": ("QUIT", "NONE"),
    "e25": ("CUSTOM", "BANNER"),
}
PORTS = {"e15", "e17", "e20", "e22", "e24", "e26"}  # loops, and "from any state"
DRAWN = [PICTURES["wide"], PICTURES["compact"]]
IDS = ["wide", "compact"]
EVERY = [
    (size, columns, state, ascii)
    for size, columns in (("wide", 100), ("compact", 80), ("strip", 80), ("strip", 40))
    for state in STATES
    for ascii in (False, True)
]


def _picture(size: str, columns: int, shown: Shown) -> Picture:
    return picture_for(size, columns, shown.here, last=shown.last)


def _traces(picture: Picture) -> dict[str, list[Trace]]:
    return {route.id: trace(picture, route) for route in picture.routes}


@pytest.mark.parametrize("picture", DRAWN, ids=IDS)
def test_every_edge_is_a_line_between_its_nodes_or_a_port(picture: Picture) -> None:
    ends = {route.id: tuple(box.id for box in picture.ends(route)) for route in picture.routes}
    assert ends == EDGES
    assert drawn(picture) == set(EDGES)
    assert ports(picture) == PORTS


@pytest.mark.parametrize("picture", DRAWN, ids=IDS)
def test_all_fifteen_nodes_have_a_box(picture: Picture) -> None:
    assert {box.id for box in picture.boxes} == set(SMTPCommand.__members__)
    for box, other in combinations(picture.boxes, 2):
        apart = box.right <= other.x or other.right <= box.x or box.y + box.height <= other.y
        assert apart or other.y + other.height <= box.y, (box.id, other.id)


@pytest.mark.parametrize("picture", DRAWN, ids=IDS)
def test_lines_share_cells_only_where_they_part_or_merge(picture: Picture) -> None:
    cells = {edge: [(cell.x, cell.y) for cell in traced] for edge, traced in _traces(picture).items()}
    for a, b in combinations(cells, 2):
        shared = set(cells[a]) & set(cells[b])
        if not shared:
            continue
        length = len(shared)
        parting = EDGES[a][0] == EDGES[b][0] and cells[a][:length] == cells[b][:length]
        merging = EDGES[a][1] == EDGES[b][1] and cells[a][-length:] == cells[b][-length:]
        assert parting or merging, (a, b, sorted(shared))


@pytest.mark.parametrize("picture", DRAWN, ids=IDS)
def test_no_line_runs_through_a_box_or_a_text(picture: Picture) -> None:
    names = {(box.x + 1 + i, box.slot[1] - (box.height > 1)) for box in picture.boxes for i in range(len(box.id) + 2)}
    notes = {(note.x + i, note.y) for note in picture.notes for i in range(len(note.text))}
    for route in picture.routes:
        own = set()
        for x, y, _, _ in trace(picture, route):
            box = picture.box_at(x, y)
            assert box is None or y in (box.y, box.y + box.height - 1), route.id
            assert (x, y) not in notes, route.id
            assert box is None or (x, y) not in names, route.id
            own.add((x, y))
        label = {(x, route.label_at[1]) for x in range(route.label_at[0], route.label_at[0] + len(route.label))}
        others = {cell for cell, line in picture.lines.items() if route.id not in line.edges}
        assert not label & (notes | others), route.id
        assert all(picture.box_at(*cell) is None for cell in label), route.id
    assert not notes & names


@pytest.mark.parametrize("picture", DRAWN, ids=IDS)
def test_arrowheads_touch_their_target(picture: Picture) -> None:
    steps = {"▶": (1, 0), "◀": (-1, 0), "▲": (0, -1), "▼": (0, 1)}
    for route in picture.routes:
        target = picture.ends(route)[1]
        last = trace(picture, route)[-1]
        across, down = steps[last.head]
        if picture.name == "wide" and down:
            assert last.y == (target.y if down > 0 else target.y + target.height - 1), route.id
            assert target.x < last.x < target.right - 1, route.id
        else:
            assert target.contains(last.x + across, last.y + down), route.id


def test_the_pictures_keep_within_their_sizes() -> None:
    limits = {"wide": (98, 14), "compact": (78, 8), "strip": (77, 2)}
    for name, (width, height) in limits.items():
        picture = PICTURES[name]
        assert picture.width <= width
        assert picture.height <= height
        assert max(box.right for box in picture.boxes) <= picture.width
    for node in PATH:
        assert picture_for("strip", 40, node).width <= 40


@pytest.mark.parametrize(("size", "columns", "state", "ascii"), EVERY)
async def test_every_name_is_readable_and_every_character_drawable(
    size: str, columns: int, state: str, ascii: bool
) -> None:
    shown = STATES[state]
    picture = _picture(size, columns, shown)
    rows = await rows_of(picture, shown, ascii=ascii)
    assert [len(row) for row in rows] == [picture.width] * picture.height
    text = "".join(rows)
    assert all((" " <= c <= "~") or (c in GLYPHS and not ascii) for c in text)
    for box in picture.boxes:
        assert box.id in rows[box.y][box.x : box.right]
    assert ("#" if ascii else "█") in text


@pytest.mark.parametrize("size", ["wide", "compact", "strip"])
@pytest.mark.parametrize("state", ["data_waiting", "rcpt_refused"])
@pytest.mark.parametrize("ascii", [False, True], ids=["box", "ascii"])
async def test_golden(size: str, state: str, ascii: bool) -> None:
    shown = STATES[state]
    rows = await rows_of(_picture(size, 80 if size == "strip" else 100, shown), shown, ascii=ascii)
    golden = GOLDENS / f"{size}-{state}{'-ascii' if ascii else ''}.txt"
    assert [row.rstrip() for row in rows] == golden.read_text(encoding="utf-8").splitlines()


async def test_reports_never_move_a_line() -> None:
    for size in IDS:
        picture = PICTURES[size]
        slots = {(x + i, y) for box in picture.boxes for x, y, room in [box.slot] for i in range(room)}
        notes = {(picture.jump[0] + i, picture.jump[1]) for i in range(picture.jump[2])} if picture.jump else set()
        lines = set(picture.lines) - slots - notes
        pictures = [await rows_of(picture, shown) for shown in STATES.values()]
        for x, y in lines:
            assert len({rows[y][x] for rows in pictures}) == 1


@pytest.mark.parametrize(
    ("columns", "rows", "size"),
    [
        (120, 40, "wide"),
        (100, 34, "wide"),
        (100, 33, "compact"),
        (99, 60, "compact"),
        (80, 23, "compact"),
        (78, 20, "compact"),
        (77, 40, "strip"),
        (80, 19, "strip"),
        (40, 12, "strip"),
    ],
)
def test_the_size_follows_the_terminal(columns: int, rows: int, size: str) -> None:
    assert size_for(columns, rows) == size


async def test_the_strip_tells_the_last_node_off_its_path() -> None:
    rows = await rows_of(picture_for("strip", 80, "RCPT", last="CUSTOM"), STATES["data_waiting"])
    assert "last CUSTOM✓220" in rows[1]
    for off_path in sorted(set(SMTPCommand.__members__) - set(PATH)):
        picture = picture_for("strip", 80, "NONE", last=off_path)
        assert max(box.right for box in picture.boxes) <= picture.width
    assert picture_for("strip", 80, "NONE", last="MAIL") is PICTURES["strip"]


@pytest.mark.parametrize(
    ("here", "before", "names"),
    [
        ("RCPT", "", "MAIL ▸  RCPT  ▸ DATA"),
        ("CONNECTED", "HELO", "HELO ▸  CONNECTED  ▸ MAIL"),
        ("NONE", "", "NONE  ▸ BANNER"),
        ("SEND_MESSAGE", "", "DOT  ▸  SEND_MESSAGE  ▸ MAIL"),
    ],
)
async def test_a_narrow_strip_shows_what_is_near(here: str, before: str, names: str) -> None:
    rows = await rows_of(picture_for("strip", 76, here, before), Shown(here, {}))
    assert rows[0].strip() == names


@pytest.mark.parametrize("size", ["wide", "compact", "strip"])
def test_arrow_keys_reach_every_node(size: str) -> None:
    picture = PICTURES[size]
    reached = {"NONE"}
    frontier = ["NONE"]
    while frontier:
        node = frontier.pop()
        steps = (neighbour_of(picture, node, way) for way in ("up", "down", "left", "right"))
        fresh = {step for step in steps if step} - reached
        reached |= fresh
        frontier += fresh
    assert reached == {box.id for box in picture.boxes}


@pytest.mark.parametrize("size", IDS)
@pytest.mark.parametrize(
    ("node", "way", "there"),
    [
        ("NONE", "right", "BANNER"),
        ("BANNER", "down", "HELO"),
        ("HELO", "right", "CONNECTED"),
        ("CONNECTED", "down", "MAIL"),
        ("CONNECTED", "left", "AUTH"),
        ("MAIL", "up", "CONNECTED"),
        ("QUIT", "up", "NONE"),
        ("SEND_MESSAGE", "left", "DOT"),
        ("CUSTOM", "left", "RSET"),
        ("RSET", "left", "CONNECTED"),
    ],
)
def test_arrow_keys_go_along_the_lines(size: str, node: str, way: str, there: str) -> None:
    assert neighbour_of(PICTURES[size], node, way) == there
