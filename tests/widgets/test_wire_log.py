"""The log as its user sees it: what is drawn, where the cursor and the view are, and what hostile rows can do."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.events import MouseScrollDown, MouseScrollUp
from textual.message import Message
from textual.pilot import Pilot
from textual.strip import Strip

from smtpscope_widgets.spans import Spans, cut, wall
from smtpscope_widgets.wire_log import Row, WireLog

HOSTILE = [
    "\x1b]0;PWNED\x07",
    "\x1b[2J\x1b[6n",
    "\x1b[?1049l",
    "\x9b31m",
    "\x9d52;c;cm0=\x9c",
    "nul \x00 del \x7f so \x0e si \x0f bs \x08 vt \x0b",
    "line\x85break\u2028and\u2029paragraph\r\n",
    "bidi \u202eevil\u202c \u2066x\u2069 \u200f\u061c",
    "zero\u200bwidth\ufeff\u200d\xad",
    "tab\there",
    "surrogate \ud800 \udcff",
    "no [/x]",
    "[@click=app.pwn]click[/] [@click=app.pwn]",
    "[link=http://x",
    "[bold]b[/bold] [internal] \\[x] trailing \\",
    "日本語 " * 30,
    "👩\u200d👩 ❤\ufe0f " * 20,
    "\u0301" * 500,
    "",
]


class Rows:
    """A growing list of rows, which remembers what it was asked for."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        self.rows = list(rows)
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return len(self.rows)

    def row(self, index: int) -> Row:
        self.asked.add(index)
        return self.rows[index]


class Numbers:
    """Any number of rows without holding one; a log that walks them is caught by ``asked``."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return self.count

    def row(self, index: int) -> Row:
        assert 0 <= index < self.count
        self.asked.add(index)
        return said(f"row {index}", time=f"{index / 1000:.3f}")


def said(text: str, time: str = "1.000", kind: str = "received", foldable: str = "") -> Row:
    return Row(time, "<-", [(text, "text")], kind, foldable)


class LogApp(App[None]):
    """A log and what it said."""

    CSS = "WireLog { height: 1fr; }"

    def __init__(self, provider: Rows | Numbers | None = None, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.log_widget = WireLog(provider, ascii_only=ascii_only)
        self.said: list[Message] = []
        self.pwned = False

    def compose(self) -> ComposeResult:
        yield self.log_widget

    def on_wire_log_cursor_moved(self, message: WireLog.CursorMoved) -> None:
        self.said.append(message)

    def on_wire_log_row_chosen(self, message: WireLog.RowChosen) -> None:
        self.said.append(message)

    def on_wire_log_fold_toggled(self, message: WireLog.FoldToggled) -> None:
        self.said.append(message)

    def action_pwn(self) -> None:
        self.pwned = True

    def heard(self, kind: type[WireLog.RowMessage]) -> list[int]:
        return [message.row for message in self.said if isinstance(message, kind)]


def strips(log: WireLog) -> list[Strip]:
    return [log.render_line(y) for y in range(log.size.height)]


def lines(log: WireLog) -> list[str]:
    return [strip.text.rstrip() for strip in strips(log)]


async def wheel(pilot: Pilot[None], log: WireLog, up: bool, times: int = 1) -> None:
    """Turn the wheel over the log."""
    for _ in range(times):
        event = MouseScrollUp if up else MouseScrollDown
        log.post_message(event(log, 1, 1, 0, -1 if up else 1, 0, False, False, False))
    await pilot.pause()


async def test_rows_stand_in_columns_and_the_cursor_has_a_shape() -> None:
    rows = [
        Row("0.100", "->", [("EHLO me", "text"), ("\\r", "control")], "sent"),
        Row("10.250", "<~", [("250 mail.test", "text")], "received"),
        Row("", "", [("reconnected", "text")], "divider"),
    ]
    app = LogApp(Rows(rows))
    async with app.run_test(size=(40, 4)):
        assert lines(app.log_widget) == [
            "  0.100 ->  EHLO me\\r",
            " 10.250 <~  250 mail.test",
            ">           reconnected ────────────────",
            "",
        ]


async def test_a_long_row_is_cut_before_its_fold_mark() -> None:
    app = LogApp(Rows([said("x" * 100, foldable="closed"), said("y" * 100), said("z" * 100, foldable="open")]))
    async with app.run_test(size=(30, 3)):
        shown = lines(app.log_widget)
        assert [line[9:] for line in shown] == ["  " + "x" * 16 + "… ▸", "  " + "y" * 18 + "…", "  " + "z" * 16 + "… ▾"]


async def test_ascii_only_has_no_other_characters() -> None:
    rows = Rows([said("x" * 100, foldable="closed"), said("d", kind="divider"), said("z", foldable="open")] * 5)
    app = LogApp(rows, ascii_only=True)
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.press("k", "k")
        rows.rows.append(said("new"))
        app.log_widget.sync()
        assert all(line.isascii() for line in lines(app.log_widget))
        assert lines(app.log_widget)[-1].endswith("1 new v")
        assert lines(app.log_widget)[0].endswith("... >")


async def test_another_theme_has_other_colours_for_the_rows_that_are_there() -> None:
    app = LogApp(Rows([said("MAIL FROM:<a@b>", kind="sent"), said("no", kind="refused"), said("250 ok")]))

    def colours() -> list[object]:
        """Of two kinds' own text, which no theme leaves to the widget."""
        own = [
            segment
            for strip in strips(app.log_widget)[:2]
            for segment in strip
            if segment.text in ("MAIL FROM:<a@b>", "no")
        ]
        return [segment.style.color for segment in own if segment.style]

    async with app.run_test(size=(40, 6)) as pilot:
        dark = colours()
        app.theme = "textual-light"
        await pilot.pause()
        assert [one == other for one, other in zip(dark, colours(), strict=True)] == [False, False]


async def test_a_log_follows_until_the_user_moves_up_and_says_what_is_new() -> None:
    rows = Rows(said(f"row {i}") for i in range(20))
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        assert (log.follow, log.cursor, log.top) == (True, 19, 15)
        rows.rows.append(said("one more"))
        log.sync()
        assert (log.follow, log.cursor, log.top) == (True, 20, 16)

        await pilot.press("k")
        assert (log.follow, log.cursor) == (False, 19)
        rows.rows += [said("new")] * 1234
        log.sync()
        assert (log.cursor, log.top, log.new_rows) == (19, 16, 1234)
        assert lines(log)[-1].endswith(" 1,234 new ▼")
        assert all(strip.cell_length == log.width for strip in strips(log))

        await pilot.press("G")
        assert (log.follow, log.cursor, log.new_rows) == (True, 1254, 0)
        assert "▼" not in lines(log)[-1]


async def test_the_cursor_on_the_last_row_stays_there_while_the_wheel_looks_back() -> None:
    rows = Rows(said(f"row {i}") for i in range(50))
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        await wheel(pilot, log, up=True, times=3)
        looked_at = log.top
        assert looked_at < 45
        assert (log.follow, log.cursor) == (False, 49)
        rows.rows.append(said("new"))
        log.sync()
        assert (log.top, log.cursor, log.new_rows) == (looked_at, 50, 1)
        await wheel(pilot, log, up=False, times=20)
        assert (log.follow, log.top, log.new_rows) == (True, 46, 0)


async def test_a_cursor_on_an_old_row_stays_on_it_while_the_view_follows() -> None:
    rows = Rows(said(f"row {i}") for i in range(50))
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        log.cursor = 3
        await wheel(pilot, log, up=False, times=50)
        assert (log.follow, log.cursor) == (True, 3)
        rows.rows.append(said("new"))
        log.sync()
        assert (log.top, log.cursor) == (46, 3)


async def test_the_badge_goes_back_to_now_by_mouse() -> None:
    rows = Rows(said(f"row {i}") for i in range(20))
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        await pilot.press("home")
        rows.rows.append(said("new"))
        log.sync()
        await pilot.click(log, offset=(56, 4))
        assert (log.follow, log.cursor) == (True, 20)


async def test_rows_that_fit_are_not_called_new() -> None:
    rows = Rows([said("a"), said("b")])
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.press("up")
        rows.rows.append(said("c"))
        app.log_widget.sync()
        assert app.log_widget.new_rows == 0
        assert "new" not in lines(app.log_widget)[-1]


async def test_keys_move_the_cursor_and_every_move_is_told() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(30)))
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        for key, row in [
            ("g", 0), ("j", 1), ("down", 2), ("k", 1), ("up", 0), ("up", 0), ("pagedown", 4), ("pagedown", 8),
            ("pageup", 4), ("end", 29), ("j", 29), ("home", 0), ("G", 29),
        ]:  # fmt: skip
            await pilot.press(key)
            assert log.cursor == row, key
            assert log.top <= row < log.top + 5
            assert [y for y, line in enumerate(lines(log)) if line[0] == ">"] == [row - log.top]
        await pilot.pause()
        assert app.heard(WireLog.CursorMoved)[-1] == 29


async def test_setting_the_cursor_shows_the_row_and_keeps_in_bounds() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(30)))
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        await pilot.pause()
        app.said.clear()
        log.cursor = 7
        assert (log.cursor, log.top, log.follow) == (7, 7, False)
        log.cursor = -5
        assert log.cursor == 0
        log.cursor = 99
        assert (log.cursor, log.top, log.follow) == (29, 25, True)
        await pilot.pause()
        assert app.heard(WireLog.CursorMoved) == [29]  # nobody needs the ones between


async def test_a_log_without_rows() -> None:
    app = LogApp()
    async with app.run_test(size=(20, 3)) as pilot:
        await pilot.press("j", "k", "G", "g", "pageup", "pagedown", "left", "right", "enter")
        await pilot.click(app.log_widget, offset=(3, 1))
        log = app.log_widget
        assert (log.cursor, log.follow, app.said, lines(log)) == (-1, True, [], ["", "", ""])
        log.provider = Rows([said("first")])
        assert (log.cursor, lines(log)[0]) == (0, ">1.000 <-  first")


async def test_enter_and_double_click_choose_a_row_and_a_click_moves_to_it() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(4)))
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.press("enter")
        await pilot.click(app.log_widget, offset=(12, 1))
        assert app.log_widget.cursor == 1
        await pilot.click(app.log_widget, offset=(12, 2), times=2)
        await pilot.click(app.log_widget, offset=(12, 4))
        assert app.log_widget.cursor == 2
        assert app.heard(WireLog.RowChosen) == [3, 2]


async def test_arrows_and_the_fold_mark_ask_for_folding() -> None:
    app = LogApp(Rows([said("250 mail.test  +12", foldable="closed"), said("message", foldable="open"), said("x")]))
    async with app.run_test(size=(60, 5)) as pilot:
        await pilot.press("left", "right")  # nothing to fold here
        await pilot.press("k", "right", "left", "k", "left", "right")
        mark = lines(app.log_widget)[0].index("▸")
        await pilot.click(app.log_widget, offset=(mark, 0))
        await pilot.click(app.log_widget, offset=(mark - 4, 0))
        await pilot.pause()
        folds = [(m.row, m.open) for m in app.said if isinstance(m, WireLog.FoldToggled)]
        assert folds == [(1, False), (0, True), (0, True)]


async def test_unfolding_the_last_row_keeps_the_cursor_on_it() -> None:
    head = said("250 mail.test  +12", foldable="closed")
    rows = Rows([*(said(f"row {i}") for i in range(9)), head])
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        rows.rows[9:] = [head._replace(foldable="open"), *(said(f"250-{i}") for i in range(12))]
        log.refresh_rows(9)
        assert (log.cursor, log.follow) == (9, False)
        assert lines(log)[-1].startswith(">1.000 <-  250 mail.test  +12 ▾")
        rows.rows[9:] = [head]
        log.refresh_rows(9)
        assert (log.cursor, log.follow, log.top) == (9, True, 5)
        rows.rows.append(said("after"))
        log.sync()
        await pilot.pause()
        assert (log.cursor, log.top) == (10, 6)


async def test_changed_rows_are_drawn_anew_and_fewer_rows_are_fine() -> None:
    rows = Rows(said(f"row {i}") for i in range(9))
    app = LogApp(rows)
    async with app.run_test(size=(60, 5)) as pilot:
        log = app.log_widget
        lines(log)
        rows.rows[6] = said("250-partial")
        log.refresh_rows(6)
        assert "250-partial" in lines(log)[2]
        await pilot.press("k")
        del rows.rows[3:]
        log.refresh_rows(3)
        await pilot.pause()
        assert (log.cursor, log.top) == (2, 0)
        assert lines(log)[2:] == [">1.000 <-  row 2", "", ""]
        rows.rows.clear()
        log.sync()
        assert (log.cursor, lines(log)) == (-1, [""] * 5)


async def test_the_end_stays_in_view_when_the_size_changes() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(100)))
    async with app.run_test(size=(60, 10)) as pilot:
        for size in [(60, 4), (30, 20), (8, 1), (60, 10)]:
            await pilot.resize_terminal(*size)
            await pilot.pause()
            log = app.log_widget
            assert log.follow
            assert log.top == 100 - size[1]
            assert all(strip.cell_length == log.width for strip in strips(log))


async def test_a_million_rows_are_never_walked() -> None:
    rows = Numbers(1_000_000)
    app = LogApp(rows)
    async with app.run_test(size=(100, 30)) as pilot:
        log = app.log_widget
        for go in ["home", "pagedown", "end", "pageup"]:
            await pilot.pause()
            rows.asked.clear()
            await pilot.press(go)
            await pilot.pause()
            lines(log)
            assert len(rows.asked) <= 3 * 30, go
        assert "row 999" in lines(log)[0]
        rows.asked.clear()
        rows.count += 1_000_000
        log.sync()
        log.cursor = 1_500_000
        await pilot.pause()
        assert lines(log)[-1].startswith(">1500.000 <-  row 1500000")
        log.text_select_all()
        app.screen.text_select_all()
        selected = app.screen.get_selected_text()
        assert selected is not None
        assert len(selected.splitlines()) == 30
        assert len(rows.asked) <= 3 * 30


def do(log: WireLog, rows: Numbers, what: str, number: int) -> None:
    """One of the things that can happen to a log, or that its user does."""
    if what == "rows":
        rows.count = number
        log.sync()
    elif what == "changed":
        rows.count = number
        log.refresh_rows(number // 2)
    elif what == "page":
        log.action_page(1 if number % 2 else -1)
    else:
        setattr(log, what, number)


async def test_whatever_happens_the_cursor_is_on_a_row_and_following_is_being_at_the_end() -> None:
    step = st.tuples(st.sampled_from(["rows", "changed", "cursor", "top", "follow", "page"]), st.integers(0, 60))

    @given(st.lists(step, max_size=20))
    def check(steps: list[tuple[str, int]]) -> None:
        rows = Numbers(7)
        log.provider = rows
        for what, number in steps:
            do(log, rows, what, number)
            assert (0 <= log.cursor < rows.count) if rows.count else log.cursor == -1
            assert 0 <= log.top <= log.max_scroll_y
            assert not log.follow or log.top == log.max_scroll_y
            assert 0 <= log.new_rows <= max(0, rows.count - log.top - log.size.height)
            assert all(strip.cell_length == log.width for strip in strips(log))

    async with LogApp().run_test(size=(60, 5)) as pilot:
        log = pilot.app.query_one(WireLog)
        check()


async def test_selected_rows_are_copied_whole_and_keep_the_cursor() -> None:
    app = LogApp(Rows([said("first"), said("x" * 100), said("third"), said("fourth")]))
    async with app.run_test(size=(40, 5)) as pilot:
        log = app.log_widget
        await pilot.mouse_down(log, offset=(11, 0))
        await pilot.hover(log, offset=(16, 2))
        await pilot.mouse_up(log, offset=(16, 2))
        await pilot.pause()
        assert app.screen.get_selected_text() == "first\n1.000 <-  " + "x" * 100 + "\n1.000 <-  third"
        assert log.cursor == 3
        plain = log.rich_style.bgcolor
        marked = [{s.style.bgcolor != plain for s in strip if s.style} for strip in strips(log)]
        assert marked == [{True, False}, {True}, {True, False}, {False}, {False}]
        await pilot.click(log, offset=(5, 1))
        assert log.cursor == 1


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:16]))
async def test_hostile_rows_are_only_ever_text(text: str) -> None:
    rows = [Row(text[:4], text[:2], [(text, "text"), (text, "control"), (text, text)], kind) for kind in ("sent", text)]
    app = LogApp(Rows([*rows, said(text, foldable="closed"), said(text, kind="divider")]))
    async with app.run_test(size=(70, 6)) as pilot:
        log = app.log_widget
        for y, strip in enumerate(strips(log)):
            assert strip.text.isprintable()
            assert strip.cell_length == cell_len(strip.text) == log.width
            for segment in strip:
                assert segment.style is not None
                assert segment.style.link is None
                assert set(segment.style.meta) <= {"offset"}
            await pilot.click(log, offset=(14, y))
        assert not app.pwned
        assert not any(char in app.export_screenshot() for char in "\x00\x1b\x9b\u202e\u200b")


async def test_wide_characters_keep_the_columns() -> None:
    app = LogApp(Rows([said("日本語" * 30, foldable="closed"), said("a" + "日本語" * 30, foldable="closed")]))
    async with app.run_test(size=(40, 2)):
        assert [cell_len(line) for line in lines(app.log_widget)] == [40, 40]
        assert all(line.endswith("… ▸") for line in lines(app.log_widget))


@given(
    st.lists(st.tuples(st.text(st.sampled_from("ab日👍\u0301\u1161\ufe0f\u200d\x1b\ud800")), st.just("text"))),
    st.integers(-3, 12),
)
def test_a_cut_fits_and_a_text_that_fits_is_left_alone(spans: Spans, width: int) -> None:
    shown = cut(spans, width)
    whole = "".join(wall(text) for text, _ in spans)
    if sum(cell_len(wall(text)) for text, _ in spans) <= width:
        assert shown == spans
    else:
        assert sum(cell_len(wall(text)) for text, _ in shown) <= max(0, width)
        kept = "".join(wall(text) for text, kind in shown if kind != "more")
        assert whole.startswith(kept.rstrip(" "))
