"""A recording on the screen: it says what it is, and its bar of time leads to any moment."""

from __future__ import annotations

from smtpscope_widgets.seek_bar import SeekBar
from tui.driving import Driven, driven, on_server
from tui.recordings import PROFILE, finished

NAME = "recording of 2023-11-14 22:13, read-only"


def row_text(hands: Driven) -> str:
    """The row under the cursor."""
    log = hands.app.view.log
    return "".join(text for text, _ in log.spans(hands.app.main.cursor_row))


def bar(hands: Driven) -> SeekBar:
    assert hands.app.main.seek_bar is not None
    return hands.app.main.seek_bar


async def test_the_header_says_what_it_is_and_nothing_is_sent() -> None:
    async with driven(PROFILE, finished(), recording=True) as hands:
        hands.app.recording = NAME
        hands.app.look()
        assert NAME in hands.header
        assert "●" in hands.of(bar(hands))
        await hands.press("space", "c", "f5")
        assert "this is a recording: nothing can be sent" in hands.said
        assert len(hands.app.recorder) == len(finished())


async def test_a_click_on_a_tick_goes_to_its_moment_and_arrows_on_from_there() -> None:
    async with driven(PROFILE, finished(), recording=True) as hands:
        await hands.click(bar(hands), "×")
        assert row_text(hands).startswith("550 5.1.1")
        assert "PAST" in hands.header
        assert hands.focus != "line"
        bar(hands).focus()
        await hands.press("right")
        assert row_text(hands).startswith("RCPT TO:<bob@example.org>")
        await hands.press("left", "left")
        assert row_text(hands).startswith("RCPT TO:<carol@example.org>")
        await hands.press("end")
        assert "PAST" not in hands.header
        await hands.press("home")
        assert "PAST" in hands.header


async def test_the_bar_follows_the_cursor() -> None:
    async with driven(PROFILE, finished(), recording=True) as hands:
        before = hands.of(bar(hands)).index("●")
        await hands.press("less_than_sign", "less_than_sign")
        assert hands.of(bar(hands)).index("●") < before


async def test_a_live_session_has_no_bar() -> None:
    async with on_server() as (hands, _):
        assert hands.app.main.seek_bar is None
        assert "●" not in hands.text
