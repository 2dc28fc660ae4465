"""The row of chips as its user sees it."""

from __future__ import annotations

import pytest
from rich.cells import cell_len
from textual.app import App, ComposeResult
from textual.message import Message

from smtpscope_widgets.chip_row import Chip, ChipRow
from widgets.test_wire_log import HOSTILE


class ChipApp(App[None]):
    def __init__(self, *chips: Chip, count: str = "3 of 9 rows", ascii_only: bool = False) -> None:
        super().__init__()
        self.row = ChipRow(ascii_only=ascii_only)
        self.chips, self.count = chips, count
        self.said: list[Message] = []

    def compose(self) -> ComposeResult:
        yield self.row

    def on_mount(self) -> None:
        self.row.show(self.chips, self.count)

    def on_chip_row_toggled(self, event: ChipRow.Toggled) -> None:
        self.said.append(event)

    def on_chip_row_removed(self, event: ChipRow.Removed) -> None:
        self.said.append(event)

    @property
    def heard(self) -> list[tuple[str, int]]:
        return [(type(each).__name__, each.chip) for each in self.said if isinstance(each, ChipRow.ChipMessage)]

    @property
    def text(self) -> str:
        return self.row.render_line(0).text


async def test_chips_say_whether_they_are_on_and_the_count_is_at_the_end() -> None:
    async with ChipApp(Chip("class:5"), Chip("!dir:in", False)).run_test(size=(60, 3)) as pilot:
        app = pilot.app
        assert isinstance(app, ChipApp)
        assert app.text == " [x] class:5  [ ] !dir:in".ljust(60 - 14) + "  3 of 9 rows "


async def test_arrows_choose_and_keys_act_on_what_is_chosen() -> None:
    app = ChipApp(Chip("a"), Chip("b"), Chip("c"))
    async with app.run_test(size=(60, 3)) as pilot:
        await pilot.press(
            "tab", "enter", "right", "delete", "right", "right", "enter", "left", "backspace", "home", "enter"
        )
        await pilot.pause()
        assert app.heard == [("Toggled", 0), ("Removed", 1), ("Toggled", 2), ("Removed", 1), ("Toggled", 0)]
        await pilot.click(app.row, offset=(8, 0))
        assert app.heard[-1] == ("Toggled", 1)
        app.row.show([Chip("a")], "")
        await pilot.press("delete")
        assert app.heard[-1] == ("Removed", 0)
        app.row.show([], "")
        await pilot.press("delete", "enter", "right")
        assert len(app.heard) == 7


async def test_the_chosen_chip_is_in_view_however_many_there_are() -> None:
    app = ChipApp(*(Chip(f"text:number{n}") for n in range(20)), count="a long count of many rows")
    async with app.run_test(size=(50, 3)) as pilot:
        await pilot.press("tab")
        for n in range(20):
            assert f"number{n}" in app.text
            assert cell_len(app.text) == 50
            await pilot.press("right")
        await pilot.press("home")
        assert "number0" in app.text
        await pilot.click(app.row, offset=(3, 0))
        assert app.heard == [("Toggled", 0)]


async def test_the_chosen_chip_is_told_without_colour_and_only_with_the_focus() -> None:
    app = ChipApp(Chip("a"), Chip("b"), ascii_only=True)
    async with app.run_test(size=(50, 3)) as pilot:
        app.set_focus(None)
        await pilot.pause()
        assert not any(segment.style and segment.style.reverse for segment in app.row.render_line(0))
        await pilot.press("tab", "right")
        assert [s.text for s in app.row.render_line(0) if s.style and s.style.reverse] == ["[x] b"]
        assert app.text.isascii()


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:16]))
async def test_hostile_chips_are_only_ever_text(text: str) -> None:
    app = ChipApp(Chip(text), Chip(text, False), count=text)
    async with app.run_test(size=(70, 3)) as pilot:
        await pilot.press("tab", "right", "enter")
        assert app.text.isprintable()
        assert cell_len(app.text) == 70
