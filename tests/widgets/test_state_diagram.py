"""The state diagram as a widget: what it draws, what it lets nobody draw, and how a node is chosen in it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from smtpscope_widgets.drawing import Box, Note, Picture, Route, fit, plain, trace
from smtpscope_widgets.state_diagram import Mark, May, NodeState, StateDiagram, neighbour_of

SQUARE = Picture(
    "square",
    40,
    9,
    (
        Box("one", 2, 1, 11, words="first"),
        Box("two", 16, 1, 11, words="second"),
        Box("three", 16, 5, 11, double=True, words="third"),
        Box("four", 29, 6, 10, "brackets", 1),
    ),
    (
        Route("across", ((12, 2), (16, 2))),
        Route("drop", ((24, 3), (24, 5)), "why", (26, 4), dashed=True),
        Route("on", ((26, 6), (29, 6))),
        Route("loop", ((18, 7), (18, 8), (7, 8), (7, 3)), " back ", (9, 8)),
    ),
    (Note(0, 0, "anywhere", frozenset({"port"})),),
    jump=(20, 8, 12),
)
HOSTILE = [
    "\x1b]0;PWNED\x07",
    "\x1b[2J\x1b[31m",
    "\x9b2J",
    "\u202egnp.exe",
    "\u2066\u200b\ufeff",
    "[/x]",
    "[@click=app.bell]x[/]",
    "a\r\nb\tc\x00\x7f\x85\u2028",
    "界界界界界界界界",
    "e\u0301\u0301\u0301 👩‍👩‍👧",
    "\udcff\udc80",
    "█here█ ╭──╮ ▶",
    "x" * 200,
]


class DiagramApp(App[None]):
    def __init__(self, *, ascii: bool = False) -> None:
        super().__init__()
        self.diagram = StateDiagram(SQUARE, ascii=ascii)
        self.chosen: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.diagram

    def on_state_diagram_node_chosen(self, message: StateDiagram.NodeChosen) -> None:
        assert message.control is self.diagram
        self.chosen.append(message.node)

    def text(self) -> list[str]:
        return [self.diagram.render_line(y).text.rstrip() for y in range(SQUARE.height)]

    def style(self, x: int, y: int) -> str:
        """Colour and attributes of a cell."""
        for segment in self.diagram.render_line(y):
            x -= cell_len(segment.text)
            if x < 0:
                return str(segment.style)
        raise IndexError(x)


async def test_it_draws_the_picture_as_given() -> None:
    app = DiagramApp()
    async with app.run_test(size=(40, 12)):
        app.set_focus(None)
        app.diagram.show(
            SQUARE,
            {
                "one": NodeState("passed", text="250 2ms"),
                "two": NodeState("refused", True, "legal", "550 1ms"),
                "three": NodeState("waiting", may="impossible", text="0.4 s"),
                "four": NodeState("passed", text="way too long", short="250"),
            },
            jump="one ▸ four",
        )
        assert app.text() == [
            "anywhere",
            "  ╭ one ────╮   ╭▸two ────╮",
            "  │✓250 2ms │──▶█✗550 1ms █",
            "  ╰────▲────╯   ╰───────┬─╯",
            "       │                ╎ why",
            "       │        ╔·three ▼═╗",
            "       │        ║ ▒0.4 s  ║─▶[four✓250]",
            "       │        ╚═════════╝",
            "       ╰─ back ───╯ one ▸ four",
        ]


async def test_a_box_with_nothing_to_report_says_what_it_is() -> None:
    app = DiagramApp()
    async with app.run_test(size=(40, 12)):
        app.diagram.show(SQUARE, {"one": NodeState(here=True), "two": NodeState("passed")})
        rows = app.text()
        assert rows[2] == "  █  first  █──▶│    ✓    │"
        assert rows[6] == "       │        ║  third  ║─▶(four    )"


async def test_ascii_keeps_every_difference() -> None:
    app = DiagramApp(ascii=True)
    marks: list[Mark] = ["", "passed", "refused", "waiting"]
    ways: list[May] = ["legal", "out_of_order", "impossible"]
    states = [NodeState(mark, here, may, "250") for mark in marks for here in (False, True) for may in ways]
    async with app.run_test(size=(40, 12)):
        seen = set()
        for state in states:
            app.diagram.show(SQUARE, {"one": state, "three": state})
            rows = app.text()
            assert all(row.isascii() for row in rows)
            seen.add("".join(row[:13] for row in rows[1:3]))
        assert len(seen) == len(states)


async def test_differences_survive_without_colour() -> None:
    """Bold, dim and reverse alone tell what may come next, what was just done, and where the cursor is."""
    app = DiagramApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.theme = "ansi-dark"
        await pilot.pause()

        def attributes(x: int, y: int) -> str:
            return " ".join(word for word in app.style(x, y).split() if word in ("bold", "dim", "reverse"))

        frames = []
        ways: list[May] = ["legal", "out_of_order", "impossible"]
        for may in ways:
            app.diagram.show(SQUARE, {"two": NodeState(may=may)})
            frames.append(attributes(17, 3))
        assert frames == ["bold", "", "dim"]
        app.diagram.show(SQUARE, {}, frozenset({"drop", "on", "port"}), "on")
        assert [attributes(13, 2), attributes(24, 4), attributes(27, 6)] == ["dim", "", "bold"]
        assert [attributes(0, 0), attributes(27, 4)] == ["", ""]
        app.diagram.focus()
        await pilot.pause()
        assert "reverse" in attributes(4, 1)
        app.set_focus(None)
        await pilot.pause()
        assert "reverse" not in attributes(4, 1)


@pytest.mark.parametrize("payload", HOSTILE, ids=ascii)
@pytest.mark.parametrize("ascii_set", [False, True])
async def test_hostile_text_stays_in_its_box(payload: str, ascii_set: bool) -> None:
    app = DiagramApp(ascii=ascii_set)
    state = NodeState("refused", text=payload, short=payload)
    async with app.run_test(size=(40, 12)) as pilot:
        app.diagram.show(SQUARE, {})
        slots = {(x + i, y) for box in SQUARE.boxes for x, y, room in [box.slot] for i in range(room)}
        slots |= {(column, 8) for column in range(20, 32)} | {(29, 6), (38, 6)}  # the jump; round brackets get square
        before = [app.diagram.render_line(y) for y in range(SQUARE.height)]
        app.diagram.show(SQUARE, dict.fromkeys(SQUARE.by_id, state), jump=payload)
        await pilot.pause()
        for y in range(SQUARE.height):
            strip = app.diagram.render_line(y)
            assert strip.text.isprintable()
            assert len(strip.text) == cell_len(strip.text) == 40
            outside = [(x, a) for x, a in enumerate(strip.text) if (x, y) not in slots]
            assert outside == [(x, a) for x, a in enumerate(before[y].text) if (x, y) not in slots]
            assert "█" not in strip.text
            assert not any(segment.style and segment.style.meta for segment in strip)


@given(st.text(), st.integers(0, 12))
def test_any_text_becomes_drawable_and_fits(text: str, room: int) -> None:
    drawable = plain(text)
    assert len(drawable) == len(text)
    assert cell_len(drawable) == len(drawable)
    assert drawable.isprintable()
    assert len(fit((drawable,), room)) <= room


@pytest.mark.parametrize(
    ("texts", "room", "shown"),
    [
        (("250 2ms", "250"), 7, "250 2ms"),
        (("250 12ms", "250"), 7, "250"),
        (("250 12ms", ""), 3, ""),
        (("2 ok 1 ✗ more",), 8, "2 ok 1 ✗"),
        (("550",), 2, ""),
        (("STARTTLS",), 5, "START"),
    ],
)
def test_a_number_is_whole_or_not_there(texts: tuple[str, ...], room: int, shown: str) -> None:
    assert fit(texts, room) == shown


async def test_arrows_walk_and_enter_chooses() -> None:
    app = DiagramApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.diagram.show(SQUARE, {"two": NodeState(here=True)})
        app.diagram.focus()
        await pilot.pause()
        assert app.diagram.selected in SQUARE.by_id
        app.diagram.selected = "one"
        walked = []
        for key in ("right", "down", "right", "left", "left", "up", "up"):
            await pilot.press(key)
            walked.append(app.diagram.selected)
        assert walked == ["two", "three", "four", "three", "one", "one", "one"]
        assert app.chosen == []
        await pilot.press("enter")
        assert app.chosen == ["one"]


async def test_the_cursor_starts_where_the_session_stands() -> None:
    app = DiagramApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.set_focus(None)
        app.diagram.selected = None
        app.diagram.show(SQUARE, {"four": NodeState(here=True)})
        await pilot.press("tab")
        assert app.diagram.selected == "four"


async def test_a_click_chooses_the_box_under_it() -> None:
    app = DiagramApp()
    async with app.run_test(size=(80, 12)) as pilot:  # centred: the picture begins in column 20
        await pilot.click(StateDiagram, offset=(20 + 2, 1))
        assert (app.chosen, app.diagram.selected) == (["one"], "one")
        await pilot.click(StateDiagram, offset=(20 + 14, 2))
        assert app.chosen == ["one"]
        await pilot.click(StateDiagram, offset=(20 + 38, 6))
        assert (app.chosen, app.diagram.selected) == (["one", "four"], "four")


async def test_it_is_centred_and_cropped_to_its_room() -> None:
    app = DiagramApp()
    async with app.run_test(size=(60, 12)) as pilot:
        app.diagram.show(SQUARE, {})
        assert app.diagram.size.height == SQUARE.height
        assert app.text()[0] == " " * 10 + "anywhere"
        await pilot.resize_terminal(20, 12)
        await pilot.pause()
        assert [len(app.diagram.render_line(y).text) for y in range(SQUARE.height)] == [20] * SQUARE.height


async def test_another_picture_takes_its_own_height() -> None:
    app = DiagramApp()
    line = Picture("line", 20, 1, (Box("one", 0, 0, 5, "brackets", 1),))
    async with app.run_test(size=(40, 12)) as pilot:
        app.diagram.selected = "three"
        app.diagram.show(line, {"one": NodeState(here=True)})
        await pilot.pause()
        assert app.diagram.size.height == 1
        assert app.diagram.render_line(0).text.strip() == "█one█"
        assert app.diagram.selected in (None, "one")


async def test_a_clock_redraws_one_row() -> None:
    app = DiagramApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.diagram.show(SQUARE, {"three": NodeState("waiting", text="0.4 s")})
        await pilot.pause()
        before = [app.diagram.render_line(y) for y in range(SQUARE.height)]
        app.diagram.show(SQUARE, {"three": NodeState("waiting", text="0.5 s")})
        after = [app.diagram.render_line(y) for y in range(SQUARE.height)]
        assert [y for y in range(SQUARE.height) if before[y] != after[y]] == [6]
        await pilot.pause()
        assert "▒0.5&#160;s" in app.export_screenshot()


def test_a_slanted_or_loose_route_is_an_error() -> None:
    with pytest.raises(ValueError, match="slanted"):
        trace(SQUARE, Route("bad", ((2, 1), (18, 5))))
    with pytest.raises(KeyError):
        trace(SQUARE, Route("bad", ((0, 0), (2, 0))))


def test_neighbours_follow_the_lines_first() -> None:
    assert neighbour_of(SQUARE, "one", "right") == "two"
    assert neighbour_of(SQUARE, "two", "down") == "three"
    assert neighbour_of(SQUARE, "three", "up") == "two"
    assert neighbour_of(SQUARE, "four", "up") == "two"  # no line there: the nearest
    assert neighbour_of(SQUARE, "one", "left") is None
