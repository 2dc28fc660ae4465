"""The cursor on an old row: the whole screen is at that moment, and nothing can be sent from it."""

from __future__ import annotations

import pytest

from smtpscope.smtp.events import Received
from tui.driving import Driven, driven, on_server
from tui.recordings import PROFILE, finished, in_transaction, questioned


async def to_row(hands: Driven, text: str) -> None:
    """Put the cursor on the last row that says ``text``."""
    place = max(number for number, row in enumerate(hands.log) if text in row)
    hands.app.main.log_view.cursor = place
    await hands.settle()


@pytest.mark.parametrize("size", [(80, 23), (120, 40)])
async def test_the_whole_screen_is_at_the_row(size: tuple[int, int]) -> None:
    async with driven(PROFILE, finished(), size=size) as hands:
        assert "PAST" not in hands.header
        now = hands.here
        await to_row(hands, "MAIL FROM")
        assert " PAST 4." in hands.header
        assert hands.here == "CONNECTED"
        assert "alice" in hands.header
        await to_row(hands, "EHLO")
        assert "TLS1.3 ✓" in hands.header
        assert "alice" not in hands.header, "nobody had logged in then"
        await to_row(hands, "STARTTLS")
        assert "no TLS" in hands.header
        await hands.press("end")
        assert "PAST" not in hands.header
        assert hands.here == now


async def test_nothing_is_sent_from_the_past() -> None:
    async with on_server() as (hands, server):
        await hands.press("space", "space")
        before, rows = hands.sent, hands.app.main.log_view.size.height
        await hands.press("g")
        for key in ("m", "e", "q", "i", "f5", "f6", "s"):
            await hands.press(key)
            assert "End first" in hands.said, key
            assert hands.focus == "log"
        at = hands.app.main.log_view.cursor
        await hands.press("space")
        assert hands.app.main.log_view.cursor == min(at + rows - 1, len(hands.log) - 1)
        assert hands.sent == before
        del server


async def test_a_line_that_was_being_typed_waits_for_the_present() -> None:
    async with on_server() as (hands, _):
        await hands.press("i")
        await hands.write("NOOP")
        before = hands.sent
        hands.app.main.log_view.cursor = 0
        await hands.settle()
        await hands.press("enter")
        assert hands.sent == before
        assert "NOOP" in hands.line
        assert "End first" in hands.said


async def test_escape_comes_back() -> None:
    async with driven(PROFILE, in_transaction().recorder) as hands:
        await hands.press("g")
        assert "PAST" in hands.header
        await hands.press("escape")
        assert "PAST" not in hands.header


async def test_the_session_goes_on_underneath_and_is_counted() -> None:
    recording = in_transaction()
    async with driven(PROFILE, recording.recorder) as hands:
        await hands.press("g")
        assert "new row" not in hands.header
        hands.app.recorder.append(Received(recording.at + 1, b"421 bye\r\n"))
        await hands.take()
        assert "new row" in hands.header
        assert hands.here == "NONE"
        assert hands.app.main.log_view.cursor == 0
        await hands.press("end")
        assert "421 bye" in hands.text


async def test_a_question_waits_for_the_present() -> None:
    async with driven(PROFILE, questioned()) as hands:
        asked = hands.said
        await hands.press("g")
        assert "a question stands" in hands.header
        assert asked not in hands.said
        await hands.press("end")
        assert hands.said == asked


async def test_replay_returns_first() -> None:
    async with on_server() as (hands, _):
        await hands.press("space")
        await to_row(hands, "220 ")
        assert "^r replays to here" in hands.footer
        await hands.press("ctrl+r")
        assert "PAST" not in hands.header
        assert hands.received.count(b"220 ") == 2


async def test_a_long_reply_that_is_unfolded_is_still_the_present() -> None:
    async with on_server() as (hands, _):
        await hands.press("space", "right")
        assert "PAST" not in hands.header


async def test_exchanges_are_gone_through() -> None:
    async with driven(PROFILE, finished()) as hands:
        seen = []
        for _ in range(40):
            await hands.press("less_than_sign")
            seen.append(hands.log[hands.app.main.log_view.cursor].split(":")[0])
        order = list(dict.fromkeys(seen))
        assert [row for row in order if "RCPT" in row or "MAIL" in row][-2:] == [" ~> RCPT TO", " ~> MAIL FROM"]
        assert "250" not in " ".join(order), "an exchange begins with what was sent"
        before = hands.app.main.log_view.cursor
        await hands.press("greater_than_sign")
        assert hands.app.main.log_view.cursor > before
        await hands.press(*["greater_than_sign"] * 40)
        assert "PAST" not in hands.header


async def test_the_moment_is_that_of_the_row_also_in_a_filtered_log() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("f")
        await hands.write("cmd:MAIL")
        await hands.press("enter")
        await hands.until(lambda: "MAIL FROM" in hands.log[0] or "MAIL FROM" in hands.log[1])
        await hands.press("g")
        await to_row(hands, "MAIL FROM")
        assert "PAST 4." in hands.header
        assert hands.here == "CONNECTED"
