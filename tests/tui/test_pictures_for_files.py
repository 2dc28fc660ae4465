"""What is for the screen alone is in no picture that is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from session.test_reveal import PLAIN, log_of, run, said
from smtpscope.tui.screenshot import screen_svg
from smtpscope_widgets.page import Page
from tui.showing import app_on, text_of

SHAPE = "The password that was used: "


@pytest.mark.parametrize("size", [(120, 40), (80, 23)])
async def test_the_shape_of_a_password_is_on_the_screen_and_in_no_picture(
    size: tuple[int, int], tmp_path: Path
) -> None:
    recorder = log_of(*PLAIN).recorder
    app = app_on(recorder)
    async with app.run_test(size=size) as pilot:
        app.catch_up()
        await pilot.pause()
        assert "! The password that was used:" in text_of(app)
        await pilot.press("enter")  # over the log where there is no room beside it
        await pilot.pause()
        app.catch_up()
        await pilot.pause()
        page = app.main.query_one(Page)
        assert SHAPE + "11 characters" in " ".join(page.text.split())
        assert "password that was used" in text_of(app)
        app.export_as("svg", tmp_path / "screen.svg")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert SHAPE + "11 characters" in " ".join(page.text.split()), "it is back"
    svg = (tmp_path / "screen.svg").read_text().replace("&#160;", " ")
    assert "credentials were not accepted" in svg
    assert "password that was used" not in svg
    assert "characters" not in svg


def test_nor_in_one_that_is_made_without_a_terminal() -> None:
    recorder = log_of(*run(b"CRAM-MD5"), said(b"535 5.7.8 no"), *PLAIN).recorder
    svg = screen_svg(recorder).replace("&#160;", " ")
    assert "credentials were not accepted" in svg
    assert "password that was used" not in svg
