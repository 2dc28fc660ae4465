"""The list under headings: what is shown, where the cursor goes, what a click chooses."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.app import App, ComposeResult

from smtpscope_widgets.choices import Choice, Choices


class Shown(App[None]):
    CSS = "Choices { height: 1fr; }"

    def __init__(self, rows: Iterable[Choice], ascii_only: bool = False) -> None:
        super().__init__()
        self.choices = Choices(ascii_only=ascii_only)
        self.choices.show(list(rows))
        self.chosen: list[int] = []

    def compose(self) -> ComposeResult:
        yield self.choices

    def on_choices_chosen(self, event: Choices.Chosen) -> None:
        self.chosen.append(event.index)

    @property
    def text(self) -> list[str]:
        return [self.choices.render_line(y).text.rstrip() for y in range(self.choices.size.height)]


def heading(text: str) -> Choice:
    return Choice([(text, "dim")], heading=True)


def row(text: str) -> Choice:
    return Choice([(text, "text")])


LIST = [heading("one"), row("a"), row("b"), Choice([], heading=True), heading("two"), row("c")]


async def test_the_cursor_goes_from_row_to_row_and_to_none_above_the_first() -> None:
    app = Shown(LIST)
    async with app.run_test(size=(20, 6)) as pilot:
        places = []
        for by in (1, 1, 1, 1, -1, -1, -1, -1, 10, -10):
            app.choices.move(by)
            places.append(app.choices.cursor)
        await pilot.pause()
        assert places == [1, 2, 5, 5, 2, 1, -1, -1, 5, -1]
        assert app.text == ["─ one ──────────────", "   a", "   b", "", "─ two ──────────────", "   c"]
        app.choices.move(2)
        assert app.text[2] == " ▸ b"


async def test_what_is_longer_is_scrolled_so_that_cursor_and_heading_are_seen() -> None:
    app = Shown([heading("all"), *(row(f"{number}") for number in range(20))])
    async with app.run_test(size=(20, 4)) as pilot:
        app.choices.move(8)
        assert app.text == ["   4", "   5", "   6", " ▸ 7"]
        app.choices.move(-7)
        assert app.text[:2] == ["─ all ──────────────", " ▸ 0"]
        await pilot._post_mouse_events([events.MouseScrollDown], app.choices)
        assert app.text[0] == "   2"
        await pilot.resize_terminal(20, 2)
        assert app.text == ["─ all ──────────────", " ▸ 0"]


async def test_a_click_chooses_a_row_and_no_heading() -> None:
    app = Shown(LIST)
    async with app.run_test(size=(20, 8)) as pilot:
        for y in range(8):
            await pilot.click(Choices, offset=(5, y))
        assert app.chosen == [1, 2, 5]
        assert app.choices.cursor == 5


async def test_rows_are_safe_and_cut_and_plain_where_they_have_to_be() -> None:
    app = Shown([heading("a\x1b[2J"), row("[/markup] \x07 [@click=app.quit]x[/]" + "long " * 10)], ascii_only=True)
    async with app.run_test(size=(30, 3)):
        app.choices.move(1)
        assert app.text[0].startswith("- a\ufffd[2J --")
        assert app.text[1].startswith(" > [/markup] \ufffd [@click=")
        assert app.text[1].endswith("...")


@given(st.lists(st.booleans(), max_size=12), st.lists(st.integers(-5, 5), max_size=8))
def test_the_cursor_is_always_on_a_row_or_nowhere(headings: list[bool], moves: list[int]) -> None:
    choices = Choices()
    choices.show([Choice([("x", "text")], heading=each) for each in headings])
    for by in moves:
        choices.move(by)
        assert choices.cursor == -1 or not headings[choices.cursor]
        assert choices.cursor >= 0 or by <= 0 or all(headings)
