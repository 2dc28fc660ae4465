"""The waterfall: a bar's place and length are its time's, at every width, and a bar can be gone to."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App, ComposeResult

from smtpscope_widgets.spans import cells
from smtpscope_widgets.waterfall import Waterfall, row, scale


class B(NamedTuple):
    label: str
    start: float
    end: float
    light: float = 0.0
    kind: str = "good"
    note: str = "1 s"
    mark: str = ""
    alarm: bool = False


def lines(bars: list[B], width: int = 40, ascii_only: bool = False) -> list[str]:
    to = scale(bars, width)
    return ["".join(text for text, _ in row(bar, to, ascii_only=ascii_only)) for bar in bars]


def test_bars_lie_where_their_time_is() -> None:
    drawn = lines([B("a", 0, 10, 4), B("b", 10, 30), B("c", 30, 40, 10, "network")], 26)
    assert drawn == [
        "a ░░███                1 s",
        "b      ██████████      1 s",
        "c                ░░░░░ 1 s",
    ]


def test_a_short_step_is_still_seen_and_where_it_lies() -> None:
    drawn = lines([B("a", 0, 0.001), B("b", 0.001, 99), B("c", 99, 99.001)], 26)
    assert drawn[0] == "a ▏                    1 s"
    assert drawn[2] == "c                    ▏ 1 s"


def test_without_box_characters_there_are_hashes() -> None:
    drawn = lines([B("a", 0, 10, 4), B("b", 10, 12), B("i", 12, 12, kind="idle"), B("a long name", 12, 20)], 30, True)
    assert all(line.isascii() for line in drawn)
    assert "--###" in drawn[0].replace(" ", "")
    assert ":" in drawn[2]


def test_marks_have_a_column_and_an_alarm_stands_out() -> None:
    bars = [B("a", 0, 1, mark="4%"), B("b", 1, 99, mark="101%", alarm=True)]
    assert lines(bars)[0].endswith(" 1 s   4%")
    assert (" 101%", "bad") in row(bars[1], scale(bars, 40))
    assert (" 1 s", "bad") in row(bars[1], scale(bars, 40))


def test_a_long_label_leaves_room_for_the_bars() -> None:
    drawn = lines([B("RCPT 550 TO:<somebody.with.a.long.name@example.org>", 0, 1)], 46)
    assert drawn[0].startswith("RCPT 550 TO:<som… ███████")
    assert cells([(drawn[0], "")]) == 46


@given(
    st.lists(
        st.tuples(
            st.text(max_size=30),
            st.floats(0, 1e6),
            st.floats(0, 1e6),
            st.floats(0, 1e6),
            st.sampled_from(["good", "bad", "waiting", "network", "idle"]),
            st.text("0123456789 ms", max_size=9),
            st.text("0123456789%", max_size=5),
        ),
        max_size=8,
    ),
    st.integers(24, 120),
    st.booleans(),
)
def test_every_line_is_as_wide_as_it_may_be(given: list[tuple], width: int, ascii_only: bool) -> None:  # type: ignore[type-arg]
    bars = [B(name, start, start + length, min(light, length), *rest) for name, start, length, light, *rest in given]
    to = scale(bars, width)
    for bar in bars:
        assert cells(row(bar, to, ascii_only=ascii_only)) <= max(width, 30)


class Shown(App[None]):
    def __init__(self, bars: list[B], height: int = 8) -> None:
        super().__init__()
        self.waterfall = Waterfall()
        self.bars = bars
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.waterfall

    def on_mount(self) -> None:
        self.waterfall.show([[("words above ", "text"), ("them", "strong")]], self.bars)
        self.waterfall.focus()

    def on_waterfall_chosen(self, event: Waterfall.Chosen) -> None:
        self.chosen.append(event.bar)

    @property
    def rows(self) -> list[str]:
        return [self.waterfall.render_line(y).text.rstrip() for y in range(self.size.height)]


MANY = [B(f"step {n}", n, n + 1) for n in range(5000)]


async def test_only_what_is_in_view_is_drawn_and_the_chosen_bar_comes_into_view() -> None:
    app = Shown(MANY)
    async with app.run_test(size=(46, 8)) as pilot:
        assert app.rows[0] == "words above them"
        assert app.rows[1].startswith("step 0 ")
        app.waterfall.show([[("words", "text")]], app.bars, 4000)
        await pilot.pause()
        assert any(line.startswith("step 4000") for line in app.rows)
        app.waterfall.show([[("words", "text")]], app.bars, 2)
        await pilot.pause()
        assert app.rows[0] == "words"


async def test_the_words_stay_on_top_where_there_is_room() -> None:
    app = Shown(MANY)
    async with app.run_test(size=(46, 8)) as pilot:
        app.waterfall.show([[("one", "text")], [("two", "text")]], app.bars, 4999)
        await pilot.pause()
        assert app.rows[:2] == ["one", "two"]
        assert app.rows[-1].startswith("step 4999")
        await pilot.click(Waterfall, offset=(3, 1))
        assert app.chosen == [], "words are no bars"
        app.waterfall.show([[(f"line {n}", "text")] for n in range(20)], app.bars, 4999)
        await pilot.pause()
        assert all(row.startswith("step") for row in app.rows), "many words give way to the bars"
        await pilot.press("home", "home")
        assert app.rows[0] == "line 0"
        await pilot.press("down")
        assert app.rows[0] == "line 1"


async def test_keys_choose_and_enter_goes_there() -> None:
    app = Shown(MANY)
    async with app.run_test(size=(46, 8)) as pilot:
        await pilot.press("down", "down", "enter", "end", "enter", "home", "enter", "pagedown", "up", "enter")
        assert app.chosen == [1, 4999, 0, 6]


async def test_what_the_user_chose_stays_until_another_is_given() -> None:
    app = Shown(MANY)
    async with app.run_test(size=(46, 8)) as pilot:
        app.waterfall.show([[("words", "text")]], app.bars, 10)
        await pilot.press("down", "down")
        app.waterfall.show([[("words", "text")]], app.bars, 10)
        assert app.waterfall.chosen == 12
        app.waterfall.show([[("words", "text")]], app.bars[:5], 10)
        assert app.waterfall.chosen == 4
        app.waterfall.show([[(f"line {n}", "text")] for n in range(20)], app.bars, -1)
        await pilot.pause()
        assert app.rows[0] == "line 0", "without one the words are shown"


async def test_a_click_goes_to_its_bar() -> None:
    app = Shown(MANY)
    async with app.run_test(size=(46, 8)) as pilot:
        await pilot.click(Waterfall, offset=(3, 0))
        await pilot.click(Waterfall, offset=(3, 4))
        assert app.chosen == [3]


@pytest.mark.parametrize("width", [46, 78])
async def test_another_width_draws_other_bars(width: int) -> None:
    app = Shown([B("a", 0, 1)])
    async with app.run_test(size=(30, 8)) as pilot:
        await pilot.resize_terminal(width, 8)
        await pilot.pause()
        assert app.rows[1].count("█") == width - 6


async def test_words_are_broken_and_hostile_text_is_walled() -> None:
    app = Shown([B("a\x1b[2J", 0, 1)])
    async with app.run_test(size=(24, 8)):
        app.waterfall.show([[("one two three four five six seven", "text")]], app.bars)
        assert app.rows[0] == "one two three four five"
        assert app.rows[1] == "six seven"
        assert "\x1b" not in "".join(app.rows)
