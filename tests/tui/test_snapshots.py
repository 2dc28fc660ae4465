"""The main screen as SVG in states that can occur, and as text in more sizes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot

from smtpscope.tui.inspector import TABS
from tui.recordings import STATES
from tui.showing import app_on, text_of

GOLDENS = Path(__file__).parent / "goldens"
SIZES = ((40, 12), (80, 23), (120, 40), (200, 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("state", ["in_transaction", "questioned"])
def test_looks(state: str, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    assert snap_compare(app_on(STATES[state]()), terminal_size=size)


@pytest.mark.parametrize("size", SIZES[1:3], ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_recording_looked_back_on(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    app = app_on(STATES["finished"](), live=False)

    async def look_back(pilot: Pilot[int]) -> None:
        await pilot.pause()
        app.catch_up()
        for _ in range(6):
            app.do_earlier()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=look_back)


@pytest.mark.parametrize("size", SIZES[1:3], ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("tab", TABS)
def test_tabs_look(tab: str, size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    app = app_on(STATES["finished"]())

    async def open_tab(pilot: Pilot[int]) -> None:
        await pilot.pause()
        app.catch_up()
        app.main.log_view.cursor = next(at for at in range(len(app.rows)) if "550" in app.rows.text(app.rows.id(at)))
        app.do_pane_inspector()
        app.main.inspector.choose(tab)
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=open_tab)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize(("state", "ascii_only"), [*((state, False) for state in STATES), ("in_transaction", True)])
async def test_says(state: str, size: tuple[int, int], ascii_only: bool, pytestconfig: pytest.Config) -> None:
    app = app_on(STATES[state](), ascii_only=ascii_only)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.catch_up()
        await pilot.pause()
        text = text_of(app)
    assert not ascii_only or text.isascii()
    golden = GOLDENS / f"screen-{state}-{size[0]}x{size[1]}{'-ascii' if ascii_only else ''}.txt"
    if pytestconfig.getoption("update_snapshots"):
        golden.write_text(text + "\n")
    assert text + "\n" == golden.read_text()
