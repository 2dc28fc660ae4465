"""Another theme changes all that is on the screen, at once."""

from __future__ import annotations

import re

from tui.recordings import in_transaction
from tui.showing import app_on


async def picture(first: str, then: str) -> str:
    """The screen as an SVG, without what differs from picture to picture."""
    app = app_on(in_transaction().recorder)
    app.theme = first
    async with app.run_test(size=(120, 40)) as pilot:
        app.catch_up()
        await pilot.press("a")
        await pilot.pause()
        app.theme = then
        await pilot.pause()
        app.catch_up()
        await pilot.pause()
        return re.sub(r"terminal-\d+", "terminal", app.export_screenshot())


async def test_a_theme_chosen_later_looks_as_one_chosen_first() -> None:
    chosen = await picture("textual-light", "textual-light")
    assert await picture("smtpscope", "textual-light") == chosen
    assert await picture("smtpscope", "smtpscope") != chosen
