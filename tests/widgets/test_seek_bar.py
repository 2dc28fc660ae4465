"""The bar of a recording's time: what it draws, and where keys and clicks ask to go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from textual.app import App, ComposeResult

from smtpscope_widgets.seek_bar import SeekBar, Tick

TICKS = [Tick(0.0), Tick(0.25), Tick(0.25, "fault"), Tick(0.5, "mark"), Tick(0.5), Tick(1.0, "fault")]


class BarApp(App[None]):
    def __init__(self, *, ascii_only: bool = False) -> None:
        super().__init__()
        self.bar = SeekBar(ascii_only=ascii_only)
        self.sought: list[float] = []

    def compose(self) -> ComposeResult:
        yield self.bar

    def on_seek_bar_sought(self, message: SeekBar.Sought) -> None:
        assert message.control is self.bar
        self.sought.append(message.position)

    @property
    def row(self) -> str:
        return self.bar.render_line(0).text


async def test_it_shows_the_ends_the_ticks_and_where_one_is() -> None:
    app = BarApp()
    async with app.run_test(size=(27, 1)):
        app.bar.show(0.75, TICKS, "0", "9.5s")
        assert app.row == " 0 ┴───×───*──●────× 9.5s  "[:27] or app.row
        assert len(app.row) == 27
        assert app.row.startswith(" 0 ┴")
        assert app.row.endswith("× 9.5s ")
        assert app.row.count("●") == 1
        assert app.row.index("×") < app.row.index("*") < app.row.index("●")


async def test_a_fault_is_seen_before_a_step_and_a_mark_before_both() -> None:
    app = BarApp()
    async with app.run_test(size=(23, 1)):
        app.bar.show(1.0, [Tick(0.5), Tick(0.5, "fault"), Tick(0.5, "mark"), Tick(0.0, "fault"), Tick(0.0)])
        assert app.row == " ×─────────*─────────● "


async def test_plain_characters_where_there_are_no_others() -> None:
    app = BarApp(ascii_only=True)
    async with app.run_test(size=(23, 1)):
        app.bar.show(0.75, TICKS)
        assert app.row.isascii()
        assert app.row == " '----x----*----O----x "


async def test_arrows_go_from_tick_to_tick_and_stop_at_the_ends() -> None:
    app = BarApp()
    async with app.run_test(size=(40, 1)) as pilot:
        app.bar.focus()
        app.bar.show(0.3, TICKS)
        await pilot.press("right", "left", "home", "end")
        assert app.sought == [0.5, 0.25, 0.0, 1.0]
        app.bar.show(0.5, TICKS)
        await pilot.press("right", "left")
        assert app.sought[4:] == [1.0, 0.25]
        app.bar.show(1.0, TICKS)
        await pilot.press("right")
        assert len(app.sought) == 6
        app.bar.show(0.5, [])
        await pilot.press("right", "left")
        assert len(app.sought) == 6


async def test_a_click_goes_to_its_place_or_to_the_tick_there() -> None:
    app = BarApp()
    async with app.run_test(size=(103, 1)) as pilot:
        app.bar.show(0.0, [Tick(0.254, "fault"), Tick(0.246)])
        for x in (1, 101, 51, 26, 0, 102):
            await pilot.click(app.bar, offset=(x, 0))
        assert app.sought == [0.0, 1.0, 0.5, 0.254, 0.0, 1.0]


@given(
    st.integers(1, 60),
    st.floats(-1, 2),
    st.lists(st.builds(Tick, st.floats(0, 1), st.sampled_from(["step", "fault", "mark"]))),
    st.sampled_from(["", "0", "x" * 40, "\x1b[2J", "界"]),
    st.booleans(),
)
async def test_every_row_is_as_wide_as_the_bar_and_printable(
    width: int, here: float, ticks: list[Tick], name: str, ascii_only: bool
) -> None:
    app = BarApp(ascii_only=ascii_only)
    async with app.run_test(size=(width, 2)):
        app.bar.show(here, sorted(ticks), name, name)
        assert cell_len(app.row) == width
        assert app.row.isprintable()
