"""The log wrapped, moved sideways, marked and selected, as its user sees it."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.events import MouseScrollDown, MouseScrollRight, MouseScrollUp

from smtpscope_widgets.places import Place
from smtpscope_widgets.spans import Spans, broken, with_hits, without
from smtpscope_widgets.wire_log import Row, WireLog
from widgets.test_wire_log import HOSTILE, LogApp, Numbers, Rows, do, lines, said, strips

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def numbered(count: int, width: int) -> Rows:
    """Rows whose text tells each of its characters: row 3 is dddd..."""
    return Rows(said(LETTERS[row % 26] * width) for row in range(count))


class Long(Numbers):
    """Any number of rows, each of them of four lines and a half at 40 cells."""

    def row(self, index: int) -> Row:
        self.asked.add(index)
        return said(f"{index} " + "x" * 120)


# -- wrapped


async def test_a_wrapped_row_goes_on_under_its_text_and_nothing_is_lost() -> None:
    text = "".join(f"<{n}>" for n in range(30))
    app = LogApp(Rows([said("short"), said(text), said("after")]))
    async with app.run_test(size=(40, 8)):
        app.log_widget.wrap = True
        shown = lines(app.log_widget)
        assert shown[0] == " 1.000 <-  short"
        assert {line[:11] for line in shown[2:5]} == {" " * 11}
        assert "".join(line[11:] for line in shown[1:5]) == text
        assert shown[5] == ">1.000 <-  after"


async def test_wrapping_can_be_switched_off_again() -> None:
    app = LogApp(numbered(9, 100))
    async with app.run_test(size=(40, 5)) as pilot:
        log = app.log_widget
        before = lines(log)
        log.wrap = True
        assert lines(log)[-1].endswith("i")
        assert lines(log) != before
        log.wrap = False
        await pilot.pause()
        assert lines(log) == before


async def test_the_wrapped_view_follows_and_the_cursor_can_be_seen() -> None:
    rows = numbered(20, 100)  # four lines each
    app = LogApp(rows)
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.pause()
        assert (log.follow, log.cursor) == (True, 19)
        assert [line[11:12] for line in lines(log)] == list("rrsssstttt")
        rows.rows.append(said("last"))
        log.sync()
        assert (log.follow, log.cursor, lines(log)[-1]) == (True, 20, ">1.000 <-  last")
        for key, row in [("k", 19), ("k", 18), ("k", 17), ("k", 16), ("g", 0), ("j", 1), ("pagedown", 3), ("G", 20)]:
            await pilot.press(key)
            assert log.cursor == row, key
            assert [line[0] for line in lines(log)].count(">") == 1
        assert log.follow


async def test_a_row_higher_than_the_view_is_moved_through_by_lines() -> None:
    text = "".join(f"<{n:03}>" for n in range(60))  # 300 characters: eleven lines
    app = LogApp(Rows([said("first"), said(text), said("last")]))
    async with app.run_test(size=(40, 4)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.press("g")
        seen: list[str] = []
        for _ in range(30):
            seen += [line[11:] for line in lines(log)]
            assert any(line.startswith(">") for line in lines(log))
            await pilot.press("j")
        assert log.cursor == 2
        assert all(any(f"<{n:03}>" in line for line in [*seen, "".join(dict.fromkeys(seen))]) for n in range(60))
        for _ in range(30):
            await pilot.press("k")
        assert (log.cursor, log.at) == (0, Place(0))


async def test_pages_go_through_every_line_of_wrapped_rows() -> None:
    app = LogApp(numbered(26, 70))
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.press("g")
        seen = set()
        for _ in range(12):
            seen |= {line.rstrip()[-1] for line in lines(log) if line.strip()}
            await pilot.press("pagedown")
        assert seen == set(LETTERS)
        assert (log.cursor, log.follow) == (25, True)
        for _ in range(12):
            await pilot.press("pageup")
        assert log.cursor == 0


async def test_the_wheel_goes_by_lines_where_rows_wrap() -> None:
    app = LogApp(numbered(20, 100))
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.pause()
        await pilot._post_mouse_events([MouseScrollUp], log, button=0)
        assert [line[11:12] for line in lines(log)] == list("qrrrrsssst")
        assert not log.follow
        await pilot._post_mouse_events([MouseScrollDown], log, button=0)
        assert log.follow


async def test_a_million_wrapped_rows_are_never_walked() -> None:
    rows = Long(1_000_000)
    app = LogApp(rows)
    async with app.run_test(size=(60, 30)) as pilot:
        log = app.log_widget
        log.wrap = True
        for go in ["home", "pagedown", "end", "pageup", "k", "j"]:
            await pilot.pause()
            rows.asked.clear()
            await pilot.press(go)
            await pilot.pause()
            lines(log)
            assert len(rows.asked) <= 4 * 30, go
        rows.asked.clear()
        log.cursor = 500_000
        await pilot.pause()
        assert any(line.startswith(">1.000 <-  500000 ") for line in lines(log))
        log.scroll_to(y=250_000, animate=False, immediate=True)
        await pilot.pause()
        assert lines(log)[0].startswith(" 1.000 <-  250000 ")
        assert len(rows.asked) <= 300


async def test_whatever_happens_in_the_wrapped_view_it_is_full_and_the_cursor_on_a_row() -> None:
    step = st.tuples(st.sampled_from(["rows", "changed", "cursor", "top", "follow", "page", "view", "wrap", "left"]),
                     st.integers(0, 60))  # fmt: skip

    @settings(max_examples=60)
    @given(st.lists(step, max_size=12))
    def check(steps: list[tuple[str, int]]) -> None:
        rows = Long(7)
        log.wrap, log.provider = True, rows
        for what, number in steps:
            if what == "view":
                log.move_view(number - 30)
            elif what == "left":
                log.move_sideways(number - 30)
            else:
                do(log, rows, what, bool(number % 2) if what == "wrap" else number)
            assert (0 <= log.cursor < rows.count) if rows.count else log.cursor == -1
            assert log.at <= log._end
            assert not log.follow or log.at == log._end
            drawn = [strip for strip in strips(log) if strip.text.strip()]
            assert all(strip.cell_length == log.width for strip in strips(log))
            if rows.count * len(log._lines(0) if rows.count else []) >= 8:
                assert len(drawn) == 8, "no line of the view is left empty while there are rows for it"

    async with LogApp().run_test(size=(60, 8)) as pilot:
        log = pilot.app.query_one(WireLog)
        check()


@pytest.mark.parametrize("size", [(14, 3), (8, 1), (30, 2), (20, 40)])
async def test_wrapping_works_at_every_size(size: tuple[int, int]) -> None:
    app = LogApp(numbered(30, 100))
    async with app.run_test(size=(60, 10)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.resize_terminal(*size)
        await pilot.pause()
        assert log.follow
        assert all(strip.cell_length == log.width for strip in strips(log))
        await pilot.press("g", "pagedown", "k", "G")
        assert log.follow


# -- sideways


async def test_the_text_moves_sideways_under_its_columns_and_says_that_something_is_left_of_it() -> None:
    app = LogApp(Rows([said("0123456789" * 10), said("short"), said("z" * 100, foldable="closed")]))
    async with app.run_test(size=(40, 4)) as pilot:
        log = app.log_widget
        await pilot.press("g", "right")
        assert lines(log)[0] == ">1.000 <-  …" + ("9" + "0123456789" * 3)[:27] + "…"
        assert lines(log)[1] == " 1.000 <-"[:9] + "  …"
        assert lines(log)[2].endswith("… ▸")
        await pilot.press("left")
        assert lines(log)[0] == ">1.000 <-  " + ("0123456789" * 3)[:28] + "…"
        await pilot.press(*["shift+right"] * 20)
        assert lines(log)[0].endswith("789"), "no further than the longest row in view"
        await pilot.press(*["shift+left"] * 20)
        assert log.left == 0
        await pilot._post_mouse_events([MouseScrollDown], log, button=0, shift=True)
        assert log.left == 9
        await pilot._post_mouse_events([MouseScrollRight], log, button=0)
        assert log.left == 18
        assert log.top == 0


async def test_left_and_right_fold_first() -> None:
    app = LogApp(Rows([said("z" * 100, foldable="closed")]))
    async with app.run_test(size=(40, 4)) as pilot:
        await pilot.press("right")
        await pilot.pause()
        assert (len(app.heard(WireLog.FoldToggled)), app.log_widget.left) == (1, 0)
        await pilot.press("left", "shift+right")
        assert app.log_widget.left > 0


async def test_nothing_moves_where_all_is_in_view() -> None:
    app = LogApp(Rows([said("short")]))
    async with app.run_test(size=(40, 4)) as pilot:
        await pilot.press("right", "shift+right", "left")
        assert (app.log_widget.left, lines(app.log_widget)[0]) == (0, ">1.000 <-  short")


# -- marks, notes and hits


async def test_a_flag_has_a_column_once_there_is_one_and_its_note_stands_behind() -> None:
    rows = Rows([said("250 ok"), said("x" * 100)])
    app = LogApp(rows)
    async with app.run_test(size=(40, 4)):
        log = app.log_widget
        assert lines(log)[0] == " 1.000 <-  250 ok"
        rows.rows = [row._replace(flag="*", note="look at this") for row in rows.rows]
        log.refresh_rows()
        assert lines(log)[0] == " *1.000 <-  250 ok  look at this"
        assert lines(log)[1] == ">*1.000 <-  " + "x" * 13 + "…  look at this"


async def test_hits_are_told_without_colour_also_under_the_cursor() -> None:
    row = said("")._replace(spans=with_hits([("250 alice ok", "text")], [(4, 9)]))
    app = LogApp(Rows([row, row]))
    async with app.run_test(size=(40, 2)):
        away, under = ({s.text: s.style for s in strip if s.style} for strip in strips(app.log_widget))
        assert away["alice"].reverse
        assert not away["250 "].reverse
        assert under["250 "].reverse
        assert not under["alice"].reverse
        assert under["alice"].underline


@given(
    st.lists(st.tuples(st.text(st.sampled_from("ab日👍\u0301\x1b")), st.just("text"))),
    st.lists(st.integers(0, 20), max_size=6),
)
def test_hits_change_no_character(spans: Spans, ends: list[int]) -> None:
    ends = sorted(ends)
    ranges = list(zip(ends[::2], ends[1::2], strict=False))
    whole = "".join(text for text, _ in spans)
    found = with_hits(spans, ranges)
    assert "".join(text for text, _ in found) == whole
    hits = "".join(text for text, kind in found if kind == "hit")
    assert hits == "".join(whole[start:end] for start, end in ranges)


@given(st.lists(st.tuples(st.text(st.sampled_from("ab日👍\u0301é"), max_size=12), st.just("text"))), st.integers(2, 12))
def test_broken_lines_fit_and_lose_nothing(spans: Spans, width: int) -> None:
    pieces = broken(spans, width)
    assert all(sum(cell_len(text) for text, _ in piece) <= width for piece in pieces)
    assert "".join(text for piece in pieces for text, _ in piece) == "".join(text for text, _ in spans)
    rest, gone = without(spans, width)
    assert "".join(text for text, _ in spans)[gone:] == "".join(text for text, _ in rest)


# -- selecting


async def test_shift_selects_rows_and_a_move_without_it_lets_go() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(30)))
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.log_widget
        log.cursor = 10
        assert (log.selected, log.selecting) == (range(10, 11), False)
        await pilot.press("shift+down", "shift+down")
        assert (log.selected, log.selecting, log.cursor) == (range(10, 13), True, 12)
        await pilot.press("shift+up", "shift+up", "shift+up")
        assert log.selected == range(9, 11)
        assert [line[0] for line in lines(log) if line[0] != " "] == [">", "▌"]
        await pilot.press("shift+home")
        assert log.selected == range(11)
        await pilot.press("shift+end")
        assert log.selected == range(10, 30)
        await pilot.press("shift+pageup")
        assert log.selected == range(10, 21)
        await pilot.press("j")
        assert (log.selecting, log.selected) == (False, range(21, 22))
        await pilot.press("shift+pagedown")
        log.unselect()
        assert log.selected == range(29, 30)


async def test_a_selection_stays_as_rows_come() -> None:
    rows = Rows(said(f"row {i}") for i in range(5))
    app = LogApp(rows)
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("k", "shift+down")
        rows.rows.append(said("new"))
        app.log_widget.sync()
        assert app.log_widget.selected == range(3, 5)
        del rows.rows[2:]
        app.log_widget.sync()
        assert app.log_widget.selected == range(1, 2)


async def test_a_click_with_shift_selects_up_to_there() -> None:
    app = LogApp(Rows(said(f"row {i}") for i in range(5)), ascii_only=True)
    async with app.run_test(size=(40, 10)) as pilot:
        log = app.log_widget
        await pilot.click(log, offset=(15, 1))
        await pilot.click(log, offset=(15, 3), shift=True)
        assert log.selected == range(1, 4)
        assert [line[0] for line in lines(log)[:5]] == [" ", "|", "|", ">", " "]


async def test_text_dragged_over_wrapped_lines_is_the_rows_own_text() -> None:
    text = "".join(f"<{n:03}>" for n in range(30))  # 28 cells a line
    app = LogApp(Rows([said("first"), said(text)]))
    async with app.run_test(size=(40, 8)) as pilot:
        log = app.log_widget
        log.wrap = True
        await pilot.pause()
        await pilot.mouse_down(log, offset=(11, 2))
        await pilot.hover(log, offset=(16, 3))
        await pilot.mouse_up(log, offset=(16, 3))
        await pilot.pause()
        room = log.width - 11
        assert app.screen.get_selected_text() == text[room : 2 * room + 6]


async def test_text_dragged_in_a_view_moved_sideways_is_the_rows_own_text() -> None:
    text = "".join(f"<{n:03}>" for n in range(30))
    app = LogApp(Rows([said("first"), said(text)]))
    async with app.run_test(size=(40, 8)) as pilot:
        log = app.log_widget
        log.move_sideways(50)
        await pilot.mouse_down(log, offset=(12, 1))
        await pilot.hover(log, offset=(17, 1))
        await pilot.mouse_up(log, offset=(17, 1))
        await pilot.pause()
        assert app.screen.get_selected_text() == text[51:57]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:16]))
async def test_hostile_rows_are_only_ever_text_also_wrapped_and_moved(text: str) -> None:
    row = Row(text[:4], text[:2], [(text, "text"), (text, "hit")], "sent", "open", text[:1], text)
    app = LogApp(Rows([row, said(text)]))
    async with app.run_test(size=(60, 30)) as pilot:
        log = app.log_widget
        for wrap, left in [(True, 0), (False, 0), (False, 7)]:
            log.wrap = wrap
            log.move_sideways(left)
            await pilot.pause()
            for strip in strips(log):
                assert strip.text.isprintable()
                assert strip.cell_length == cell_len(strip.text) == log.width
        assert not app.pwned
