"""The line as its user types, pastes, recalls and completes in it; what a mask hides; and what hostile text can do."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

import pytest
from rich.cells import cell_len
from rich.segment import Segment
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Static

from smtpscope_widgets.line_view import LOOKS
from smtpscope_widgets.wire_line import WireLine

HOSTILE = [
    "\x1b]0;PWNED\x07",
    "\x1b[2J\x1b[6n",
    "\x9b31m \x9d52;c;cm0=\x9c",
    "nul \x00 del \x7f so \x0e si \x0f bs \x08 vt \x0b tab\t",
    "line\x85break\u2028and\u2029paragraph",
    "bidi \u202eevil\u202c \u2066x\u2069 \u200f\u061c",
    "zero\u200bwidth\ufeff\u200d\xad",
    "surrogate \ud800 \udcff",
    "no [/x] [link=http://x [@click=app.pwn]click[/] \\[x] trailing \\",
    "日本語 " * 30,
    "👩\u200d👩 ❤\ufe0f 👍\U0001f3fd " * 20,
    "\u0301" * 500,
    "e" + "\u0301" * 500,
]


class LineApp(App[None]):
    """A line, something else to focus, and what the app has heard."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e,q,space,full_stop,1", "heard('letter')"),
        Binding("f5,ctrl+p,f8,alt+x", "heard('function')"),
        Binding("ctrl+q", "heard('ctrl+q')", priority=True),
    ]

    ENABLE_COMMAND_PALETTE = False

    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.line = WireLine(ascii_only=ascii_only)
        self.said: list[Message] = []
        self.actions: list[str] = []

    def compose(self) -> ComposeResult:
        yield self.line
        yield (other := Static("other"))
        other.can_focus = True

    def on_mount(self) -> None:
        self.line.focus()

    def action_heard(self, what: str) -> None:
        self.actions.append(what)

    def on_wire_line_submitted(self, message: WireLine.Submitted) -> None:
        self.said.append(message)

    def on_wire_line_changed(self, message: WireLine.Changed) -> None:
        self.said.append(message)

    def on_wire_line_pasted(self, message: WireLine.Pasted) -> None:
        self.said.append(message)

    def on_wire_line_cancelled(self, message: WireLine.Cancelled) -> None:
        self.said.append(message)

    @property
    def sent(self) -> list[tuple[str, bool]]:
        return [(said.text, said.filled) for said in self.said if isinstance(said, WireLine.Submitted)]

    @property
    def pasted(self) -> list[tuple[tuple[str, ...], str]]:
        return [(said.lines, said.text) for said in self.said if isinstance(said, WireLine.Pasted)]

    @property
    def cancelled(self) -> int:
        return sum(isinstance(said, WireLine.Cancelled) for said in self.said)

    @property
    def last(self) -> str:
        """The text of the last Changed."""
        return [said.text for said in self.said if isinstance(said, WireLine.Changed)][-1]


def shown(line: WireLine) -> str:
    return line.render_line(0).text


def styled(line: WireLine, name: str) -> str:
    """The text that is drawn with every attribute of a component's style."""
    style = LOOKS.styles(line.app)[name]
    attributes = [name for name in ("dim", "underline", "reverse", "bold", "italic") if getattr(style, name)]

    def has(segment: Segment) -> bool:
        return segment.style is not None and all(getattr(segment.style, name) for name in attributes)

    return "".join(segment.text for segment in line.render_line(0) if has(segment))


def cursor_column(line: WireLine) -> int:
    """The first column drawn in reverse."""
    column = 0
    for text, style, _ in line.render_line(0):
        if style and style.reverse:
            return column
        column += cell_len(text)
    return -1


async def type_text(pilot: Pilot[None], text: str) -> None:
    """Type it; the keys by their characters."""
    for char in text:
        pilot.app.post_message(events.Key(char, char))
    await pilot.pause()


async def paste(pilot: Pilot[None], text: str) -> None:
    pilot.app.post_message(events.Paste(text))
    await pilot.pause()


# Drawing


async def test_prompt_text_cursor_and_hint_stand_in_one_row() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.hint, app.line.hint_kind = "legal now", "legal"
        await type_text(pilot, "NOOP")
        assert app.line.size == (40, 1)
        assert shown(app.line) == " > NOOP" + " " * 24 + "legal now"
        assert cursor_column(app.line) == 7
        app.line.prompt = "data>"
        assert shown(app.line).startswith(" data> NOOP ")


@pytest.mark.parametrize("kind", ["legal", "out", "impossible", "note", "no such kind"])
async def test_a_hint_of_any_kind_is_drawn(kind: str) -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)):
        app.line.hint, app.line.hint_kind = "the hint", kind
        assert "the hint" in styled(app.line, kind if " " not in kind else "note")


async def test_a_hint_leaves_room_for_the_text_and_goes_where_there_is_none() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.hint = "QUIT would be text, and so would be everything"
        assert shown(app.line).endswith(" QUIT would be text…")
        await type_text(pilot, "0123456789abcdefghij")
        assert shown(app.line) == " > 0123456789abcdefghij   QUIT would be…"
        await type_text(pilot, "klm")
        assert shown(app.line) == " >…3456789abcdefghijklm   QUIT would be…"
        app.line.set("")
        await pilot.resize_terminal(22, 3)
        assert shown(app.line).strip() == ">"
        await type_text(pilot, "0123456789abcdef")
        assert shown(app.line) == " > 0123456789abcdef   "


async def test_the_cursor_is_drawn_only_with_the_focus_and_is_where_an_input_method_opens() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await type_text(pilot, "日本x")
        await pilot.press("left")
        assert cursor_column(app.line) == 7
        assert app.cursor_position == (7, 0)
        app.line.screen.set_focus(None)
        await pilot.pause()
        assert cursor_column(app.line) == -1
        assert shown(app.line).strip() == "> 日本x"


async def test_a_long_text_scrolls_and_says_so() -> None:
    app = LineApp()
    async with app.run_test(size=(20, 3)) as pilot:
        await type_text(pilot, "abcdefghijklmnopqrstuvwxyz")
        assert shown(app.line) == " >…lmnopqrstuvwxyz  "
        await pilot.press("home")
        assert shown(app.line) == " > abcdefghijklmnop…"
        await pilot.press("end", *["left"] * 20)
        assert shown(app.line) == " >…ghijklmnopqrstuv…"
        app.line.ascii_only = True
        assert shown(app.line) == " ><ghijklmnopqrstuv>"
        await pilot.press("end", "ctrl+w")
        assert shown(app.line).rstrip() == " >"


@pytest.mark.parametrize("width", [4, 7, 20, 60])
async def test_any_text_is_drawn_in_printable_characters_with_the_cursor_in_view(width: int) -> None:
    app = LineApp()
    async with app.run_test(size=(width, 3)):
        for text in [*HOSTILE, "RCPT TO:<bob@example.org>" * 3]:
            app.line.prompt, app.line.hint = text[:3] + ">", text
            for at in [*range(min(len(text), 60)), len(text), None]:
                app.line.fill(text, cursor=at)
                row = app.line.render_line(0)
                assert row.cell_length == sum(cell_len(part.text) for part in row) == width
                assert all(part.text.isprintable() and not part.control for part in row)
                assert "\u200d" not in row.text
                assert 0 <= cursor_column(app.line) < width
                assert (app.line.value, app.line.ghost) == (text, text if at is None else "")


async def test_what_nobody_could_see_is_a_symbol_and_the_value_keeps_it() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        await paste(pilot, "a\x1b[2J\x00\x7f\x85\u202e\ufe0f\udcffz")
        assert shown(app.line).strip() == "> a␛[2J␀␡\ufffd\ufffd\ufffd\ufffdz"
        assert styled(app.line, "control") == "␛␀␡\ufffd\ufffd\ufffd\ufffd"
        assert app.line.value == "a\x1b[2J\x00\x7f\x85\u202e\ufe0f\udcffz"
        app.line.ascii_only = True
        assert shown(app.line).strip() == "> a?[2J??????z"


async def test_a_character_and_its_marks_are_one_step_and_go_together() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await paste(pilot, "xe\u0301日y")
        columns = []
        for _ in range(5):
            columns.append(cursor_column(app.line))
            await pilot.press("left")
        assert columns == [8, 7, 5, 4, 3]
        await pilot.press("right", "delete")
        assert app.line.value == "x日y"
        await pilot.press("right", "backspace")
        assert app.line.value == "xy"


# Typing


@pytest.mark.parametrize(
    ("keys", "text", "cursor"),
    [
        ("left left X", "one two.thrXee", 12),
        ("home X", "Xone two.three", 1),
        ("home end X", "one two.threeX", 14),
        ("backspace backspace", "one two.thr", 11),
        ("ctrl+h", "one two.thre", 12),
        ("home delete", "ne two.three", 0),
        ("delete", "one two.three", 13),
        ("home backspace left", "one two.three", 0),
        ("ctrl+left ctrl+left", "one two.three", 4),
        ("home ctrl+right ctrl+right ctrl+right ctrl+right", "one two.three", 13),
        ("home ctrl+right ctrl+right", "one two.three", 7),
        ("ctrl+w", "one two.", 8),
        ("ctrl+w ctrl+w", "one ", 4),
        ("ctrl+left ctrl+k", "one two.", 8),
        ("left ctrl+u", "", 0),
    ],
)
async def test_the_keys_that_edit(keys: str, text: str, cursor: int) -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.set("one two.three")
        await pilot.press(*keys.split())
        assert (app.line.value, app.line.cursor) == (text, cursor)
        assert cursor_column(app.line) == 3 + cursor


async def test_a_click_moves_the_cursor() -> None:
    app = LineApp()
    async with app.run_test(size=(20, 3)) as pilot:
        app.line.set("a日本z")
        cursors = []
        for column in (0, 3, 4, 5, 6, 8, 9, 19):
            await pilot.click(WireLine, offset=(column, 0))
            cursors.append(app.line.cursor)
        assert cursors == [0, 0, 1, 1, 2, 3, 4, 4]
        app.line.set("abcdefghijklmnopqrstuvwxyz")
        shown(app.line)
        await pilot.click(WireLine, offset=(3, 0))
        assert app.line.cursor == 11  # of what is in view


async def test_every_printable_key_is_text_and_the_others_are_the_apps() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.press("e", "q", "space", "full_stop", "1", "E", "left_square_bracket", "ü")
        assert app.line.value == "eq .1E[ü"
        assert app.actions == []
        await pilot.press("f5", "ctrl+p", "f8", "ctrl+q")
        app.post_message(events.Key("alt+x", "x"))  # as Textual reads Esc and x in one packet
        await pilot.pause()
        assert app.actions == ["function", "function", "function", "ctrl+q", "function"]
        assert app.line.value == "eq .1E[ü"
        assert not {"e", "q", "space"} & set(app.screen.active_bindings)


async def test_keys_in_a_burst_keep_their_order() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        for key in ("a", "b", "backspace", "c", "home", "d", "enter", "x"):
            app.post_message(events.Key(key, key if len(key) == 1 else None))
        await pilot.pause()
        assert app.sent == [("dac", False)]
        assert app.line.value == "x"


async def test_every_change_is_said_once() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.press("a", "left", "right", "delete", "backspace")
        app.line.clear()
        await pilot.pause()
        app.line.fill("NOOP")
        await pilot.pause()
        assert [said.text for said in app.said if isinstance(said, WireLine.Changed)] == ["a", "", "NOOP"]


# Enter and Esc


async def test_enter_sends_the_text_as_it_is_and_leaves_the_line_empty() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.press("enter")
        await paste(pilot, " raw \\r\\n\x00 ")
        await pilot.press("home", "enter", "enter")
        assert app.sent == [(" raw \\r\\n\x00 ", False)]
        assert (app.line.value, app.last) == ("", "")


async def test_where_it_is_allowed_enter_sends_an_empty_line() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.allow_empty = True
        await pilot.press("enter")
        assert app.sent == [("", False)]


async def test_esc_keeps_the_text() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.press("a", "escape")
        assert (app.cancelled, app.line.value) == (1, "a")


# Ghosts


async def test_a_ghost_is_told_from_text_and_enter_takes_and_sends_it() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.fill("EHLO me.test", key="e")
        assert styled(app.line, "ghost").strip() == "EHLO me.test"
        assert cursor_column(app.line) == 4
        assert (app.line.ghost, app.line.value) == ("EHLO me.test", "")
        await pilot.press("enter")
        assert app.sent == [("EHLO me.test", True)]
        assert (app.line.ghost, app.line.value, app.last) == ("", "", "")


@pytest.mark.parametrize("key", ["right", "end"])
async def test_a_ghost_that_was_taken_is_filled_until_it_is_edited(key: str) -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        for keys in ([], ["left"], ["x", "backspace"], ["x"]):
            app.line.fill("AUTH PLAIN", key="a")
            await pilot.press(key)
            assert (app.line.value, app.line.cursor, app.line.ghost) == ("AUTH PLAIN", 10, "")
            assert styled(app.line, "ghost") == ""
            await pilot.press(*keys, "enter")
        assert app.sent == [
            ("AUTH PLAIN", True),
            ("AUTH PLAIN", True),
            ("AUTH PLAIN", False),
            ("AUTH PLAINx", False),
        ]


async def test_other_moves_take_a_ghost_too() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        cursors = []
        for key in ("home", "left", "ctrl+left", "tab"):
            app.line.fill("RCPT TO:<bob>")
            await pilot.press(key)
            assert app.line.value == "RCPT TO:<bob>"
            cursors.append(app.line.cursor)
        assert cursors == [0, 12, 9, 13]
        app.line.fill("RCPT TO:<bob>")
        await pilot.click(WireLine, offset=(3 + 9, 0))
        assert (app.line.value, app.line.cursor) == ("RCPT TO:<bob>", 9)


@pytest.mark.parametrize(
    ("ghost", "key", "typed", "text"),
    [
        ("EHLO me.test", "e", "hlo foo", "ehlo foo"),
        ("NOOP", "x", "client", "xclient"),
        ("DATA", "", "noop", "noop"),
    ],
)
async def test_a_letter_typed_over_a_ghost_comes_after_its_key(ghost: str, key: str, typed: str, text: str) -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.fill(ghost, key=key)
        await type_text(pilot, typed)
        await pilot.press("enter")
        assert app.sent == [(text, False)]


@pytest.mark.parametrize("key", ["backspace", "delete", "escape", "ctrl+u", "ctrl+w"])
async def test_a_ghost_is_cleared_and_what_it_covered_is_there_again(key: str) -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        await type_text(pilot, "RCPT TO:<x")
        app.line.fill("NOOP", key="x")
        assert shown(app.line).strip() == "> NOOP"
        await pilot.press(key)
        assert (app.line.ghost, app.line.value, app.cancelled) == ("", "RCPT TO:<x", 0)
        app.line.fill("NOOP", key="x")
        await pilot.press("enter")
        assert app.sent == [("NOOP", True)]
        assert app.line.value == "RCPT TO:<x"


async def test_where_an_argument_is_missing_the_text_is_there_to_go_on_with() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.fill("MAIL FROM:<>", cursor=11)
        assert app.line.ghost == ""
        await pilot.press("enter")
        app.line.fill("MAIL FROM:<>", cursor=11)
        await type_text(pilot, "a@b")
        await pilot.press("enter")
        assert app.sent == [("MAIL FROM:<>", True), ("MAIL FROM:<a@b>", False)]


# History


async def test_up_and_down_walk_the_history_and_come_back_to_what_was_typed() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.history = ["NOOP", "EHLO a", "RCPT TO:<b>", "EHLO b", "EHLO a", "QUIT"]
        seen = []
        for key in ("down", "up", "up", "up", "up", "up", "up", "down"):
            await pilot.press(key)
            seen.append(app.line.value)
        assert seen == ["", "QUIT", "EHLO a", "EHLO b", "RCPT TO:<b>", "NOOP", "NOOP", "RCPT TO:<b>"]
        await pilot.press("ctrl+u")
        await type_text(pilot, "eh")
        seen = []
        for key in ("up", "up", "up", "left", "down", "down", "down"):
            await pilot.press(key)
            seen.append(app.line.value)
        assert seen == ["EHLO a", "EHLO b", "EHLO b", "EHLO b", "EHLO a", "eh", "eh"]


async def test_a_recalled_line_that_is_edited_is_a_new_draft() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.history = ["EHLO a", "EHLO b"]
        await pilot.press("up", "backspace", "up", "up", "down", "down", "down")
        assert app.line.value == "EHLO "
        await pilot.press("ctrl+u", "up", "enter")
        app.line.history = ["NOOP"]
        await pilot.press("up", "enter")
        assert app.sent == [("EHLO b", False), ("NOOP", False)]


async def test_a_walk_away_from_a_ghost_comes_back_to_it() -> None:
    app = LineApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.line.history = ["QUIT"]
        app.line.fill("NOOP")
        await pilot.press("up")
        assert (app.line.value, app.line.ghost) == ("QUIT", "")
        await pilot.press("down", "enter")
        assert app.sent == [("NOOP", True)]


# Completion


def completer(*lines: str) -> Callable[[str], Sequence[str]]:
    return lambda text: [line for line in lines if line.casefold().startswith(text.casefold())]


async def test_tab_completes_as_far_as_is_certain_then_goes_round() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.hint = "legal now"
        app.line.complete = completer("RCPT TO:<al@x>", "RCPT TO:<bob@x>", "RSET", "RCPT TO:<al@x>")
        await pilot.press("r", "c", "tab")
        assert (app.line.value, app.line.cursor) == ("RCPT TO:<", 9)
        assert shown(app.line).endswith(" 2 candidates")
        seen = []
        for key in ("tab", "tab", "tab", "shift+tab"):
            await pilot.press(key)
            seen.append((app.line.value, shown(app.line)[-14:]))
        al, bob = ("RCPT TO:<al@x>", "1/2 candidates"), ("RCPT TO:<bob@x>", "2/2 candidates")
        assert seen == [al, bob, al, bob]
        await pilot.press("backspace")
        assert shown(app.line).endswith("legal now")
        await pilot.press("ctrl+u", "r", "tab")
        assert app.line.value == "RCPT TO:<al@x>"
        await pilot.press("shift+tab")
        assert app.line.value == "RSET"
        assert app.line.has_focus


async def test_the_only_candidate_is_taken_and_tab_goes_on_from_there() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.complete = lambda text: {"EH": ["EHLO "], "EHLO ": ["EHLO me"]}.get(text, [])
        await pilot.press("E", "H", "Z", "left", "tab")
        assert (app.line.value, app.line.cursor) == ("EHLO Z", 5)
        await pilot.press("tab")
        assert (app.line.value, app.line.cursor) == ("EHLO meZ", 7)


async def test_tab_never_leaves_the_line() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        await pilot.press("z", "tab")
        app.line.complete = completer("NOOP")
        await pilot.press("tab")
        assert (app.line.value, app.line.has_focus) == ("z", True)


# Paste and bursts


@pytest.mark.parametrize("end", ["", "\n", "\r", "\r\n"])
async def test_a_pasted_line_goes_in_at_the_cursor_and_is_not_sent(end: str) -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.fill("RCPT TO:<>", cursor=9)
        await paste(pilot, "bob@x" + end)
        assert (app.line.value, app.line.cursor) == ("RCPT TO:<bob@x>", 14)
        assert app.sent == []
        assert app.pasted == []


async def test_several_pasted_lines_are_said_whole_and_the_draft_is_kept() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        await type_text(pilot, "draft")
        text = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\n\nDATA\rx\x0b\x0c\x1c\x85\u2028y\r\n"
        await paste(pilot, text)
        lines = ("MAIL FROM:<a@b>", "RCPT TO:<c@d>", "", "DATA", "x\x0b\x0c\x1c\x85\u2028y")
        assert app.pasted == [(lines, text)]
        assert (app.line.value, app.sent) == ("draft", [])
        await paste(pilot, "\n\n")
        assert app.pasted[1:] == [(("", ""), "\n\n")]


async def test_a_paste_over_a_ghost_replaces_it() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.fill("EHLO me", key="e")
        await paste(pilot, "NOOP")
        assert (app.line.value, app.line.ghost) == ("NOOP", "")
        app.line.fill("EHLO me", key="e")
        await paste(pilot, "NOOP\nQUIT\n")
        assert app.line.ghost == "EHLO me"
        await paste(pilot, "")
        assert app.line.ghost == "EHLO me"


async def test_a_burst_of_keys_over_a_ghost_comes_after_its_key() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.fill("EHLO me", key="e")
        app.line.insert("hlo foo")
        assert app.line.value == "ehlo foo"
        app.line.fill("EHLO me", key="e")
        app.line.insert("hlo foo\rQUIT\r")
        await pilot.pause()
        assert app.line.value == "e"
        assert app.pasted == [(("hlo foo", "QUIT"), "hlo foo\rQUIT\r")]
        app.line.insert("")
        assert (app.line.value, app.sent) == ("e", [])


# Masks


async def test_a_mask_shows_one_sign_a_character_and_nothing_else() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.prompt, app.line.masked = "password>", True
        await type_text(pilot, "wonder")
        await paste(pilot, "日\x1b")
        assert shown(app.line).strip() == "password> ••••••••"
        app.line.ascii_only = True
        assert shown(app.line).strip() == "password> ********"
        await pilot.press("left", "backspace", "home", "X", "enter")
        assert app.sent == [("Xwonder\x1b", False)]


async def test_a_masked_text_is_in_no_repr_history_completion_selection_or_screenshot() -> None:
    asked: list[str] = []
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.masked = True
        app.line.history = ["wonderland"]

        def complete(text: str) -> Sequence[str]:
            asked.append(text)
            return ["wonderland"]

        app.line.complete = complete
        await type_text(pilot, "wonderful")
        await pilot.press("up", "tab", "down")
        assert app.line.value == "wonderful"
        app.line.text_select_all()
        assert not app.screen.get_selected_text()
        assert "wonder" not in app.export_screenshot()
        assert "wonder" not in repr(app.line) + repr(vars(app.line)["_edit"])
        await paste(pilot, "wonder\nland")
        await pilot.press("enter")
        assert asked == []
        assert {type(said) for said in app.said} == {WireLine.Submitted, WireLine.Changed, WireLine.Pasted}
        assert "wonder" not in repr(app.said)


async def test_under_a_mask_words_have_no_ends() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.masked = True
        await type_text(pilot, "two words")
        await pilot.press("ctrl+left")
        assert app.line.cursor == 0
        await pilot.press("ctrl+right")
        assert app.line.cursor == 9
        await pilot.press("ctrl+w")
        assert app.line.value == ""


async def test_taking_the_mask_off_shows_nothing() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.line.masked = True
        await type_text(pilot, "secret")
        app.line.masked = False
        await pilot.pause()
        assert (app.line.value, shown(app.line).strip(), app.last) == ("", ">", "")
        await pilot.press("up", "down", "tab", "escape")
        assert shown(app.line).strip() == ">"


async def test_a_message_that_is_not_masked_says_what_it_is_about() -> None:
    app = LineApp()
    async with app.run_test(size=(60, 3)) as pilot:
        await pilot.press("x", "enter")
        assert "text='x'" in repr(app.said)
