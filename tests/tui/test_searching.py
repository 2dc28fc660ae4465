"""Search in the log as its user sees it: what is found and where, and that nothing waits for it."""

from __future__ import annotations

import asyncio

import pytest

from smtpscope.tui.app import SmtpScope
from smtpscope.tui.searching import parsed
from tui.driving import Driven, answering, driven, on_server
from tui.recordings import PROFILE, Recording, finished, in_transaction


async def sought(hands: Driven) -> None:
    """Until the search has looked through all rows."""
    app = hands.app
    while app.search is not None and not app.search.whole:
        app._seek()
        if app.seeker is not None:
            await asyncio.to_thread(app.seeker.join)
        await hands.settle()
    app._seek()
    await hands.settle()


async def search(hands: Driven, text: str) -> None:
    await hands.press("slash")
    await hands.write(text)
    await hands.press("enter")
    await sought(hands)


def under_cursor(hands: Driven) -> str:
    return hands.log[hands.app.main.log_view.cursor]


def hits(hands: Driven) -> list[str]:
    """What is marked as found, in all rows."""
    rows = hands.app.rows
    return [text for place in range(len(rows)) for text, kind in rows.row(place).spans if kind == "hit"]


@pytest.mark.parametrize(
    ("typed", "meaning"),
    [
        ("rcpt", ("rcpt", False, True)),
        ("RCPT", ("RCPT", False, False)),
        ("/^5\\d\\d/", ("^5\\d\\d", True, True)),
        ("/\\S+Ok/", ("\\S+Ok", True, False)),
        ("/\\S+ok/", ("\\S+ok", True, True)),
        ("/var/spool", ("/var/spool", False, True)),
        ("//", ("//", False, True)),
    ],
)
def test_what_is_typed_says_whether_it_is_a_regular_expression_and_case_counts(
    typed: str, meaning: tuple[str, bool, bool]
) -> None:
    assert parsed(typed) == meaning


async def test_the_cursor_goes_from_hit_to_hit_and_round() -> None:
    async with driven(PROFILE, finished()) as hands:
        await search(hands, "rcpt to")
        assert under_cursor(hands).endswith("RCPT TO:<carol@example.org>")
        assert hands.focus == "log"
        assert hands.app.status == "/rcpt to  1 of 3"
        assert "went on from the first row" in hands.said
        await hands.press("n")
        assert under_cursor(hands).endswith("RCPT TO:<bob@example.org>")
        await hands.press("n")
        assert hands.app.status == "/rcpt to  3 of 3"
        await hands.press("n")
        assert hands.app.status == "/rcpt to  1 of 3"
        assert "went on from the first row" in hands.said
        await hands.press("N")
        assert hands.app.status == "/rcpt to  3 of 3"
        assert "went on from the last row" in hands.said
        await hands.press("N")
        assert under_cursor(hands).endswith("RCPT TO:<bob@example.org>")
        await hands.press("j")
        assert hands.app.status == "/rcpt to  3 hits"
        assert hits(hands) == ["RCPT TO"] * 3


async def test_escape_ends_the_search() -> None:
    async with driven(PROFILE, finished()) as hands:
        await search(hands, "bob")
        assert hits(hands)
        await hands.press("slash", "escape")
        assert hands.app.status, "Esc in the prompt only leaves it"
        await hands.press("escape")
        assert (hands.app.status, hits(hands)) == ("", [])
        await hands.press("n")
        assert "/ asks what" in hands.said


async def test_a_regular_expression_says_that_it_is_one() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("slash")
        assert hands.line.startswith("/")
        assert "plain text" in hands.line
        await hands.write("/^5.. 5")
        assert "plain text" in hands.line
        await hands.write("/")
        assert "regular expression, in any case" in hands.line
        await hands.press("enter")
        await sought(hands)
        assert "550 5.1.1" in under_cursor(hands)
        assert hits(hands) == ["550 5"]


async def test_what_is_no_regular_expression_is_told_in_a_sentence_and_stays() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("slash")
        await hands.write("/(rcpt/")
        await hands.press("enter")
        assert "no regular expression" in hands.said
        assert hands.focus == "line"
        assert hands.app.main.line.value == "/(rcpt/"
        await hands.press("left")
        await hands.write(")")
        await hands.press("enter")
        await sought(hands)
        assert hands.app.status.endswith("of 3")


async def test_an_expression_without_an_end_is_stopped_and_nothing_stands_still(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("smtpscope.session.search.PATIENCE", 0.1)
    recording = Recording().connect().says(b"220-" + b"a" * 60 + b"!\r\n220 mail.test\r\n", 0.1)
    async with driven(PROFILE, recording.recorder) as hands:
        await search(hands, "/(a|aa)+$/")
        assert "takes too long" in hands.said
        assert hands.app.status == "/(a|aa)+$  0+ hits"
        assert any("a" * 60 in row for row in hands.log)
        await hands.press("n")
        assert "takes too long" in hands.said
        await search(hands, "mail")
        assert hands.app.status == "/mail  1 of 1"


async def test_nothing_found_is_said() -> None:
    async with driven(PROFILE, finished()) as hands:
        before = hands.app.main.log_view.cursor
        await search(hands, "nowhere")
        assert "nothing found: nowhere" in hands.said
        assert hands.app.main.log_view.cursor == before
        assert hands.app.status == "/nowhere  0 hits"


async def test_an_only_hit_is_said_to_be_one() -> None:
    async with driven(PROFILE, finished()) as hands:
        await search(hands, "carol@example.org>:")
        await hands.press("n")
        assert "only hit" in hands.said


async def test_a_hit_that_is_folded_away_is_unfolded() -> None:
    async with driven(PROFILE, finished()) as hands:
        assert not any("SMTPUTF8" in row for row in hands.log)
        await search(hands, "smtputf8")
        assert under_cursor(hands).endswith("250 SMTPUTF8")
        assert hands.app.status == "/smtputf8  1 of 2"


async def test_a_hit_in_message_text_is_said_to_be_there() -> None:
    async with driven(PROFILE, finished()) as hands:
        await search(hands, "this is a test")
        assert "message" in under_cursor(hands)
        assert "in the text of this message" in hands.said
        await hands.press("right")
        assert hits(hands) == ["This is a test"]


async def test_a_secret_is_not_found() -> None:
    async with driven(PROFILE, finished()) as hands:
        for secret in ("wonderland", "AGFsaWNlAHdvbmRlcmxhbmQ="):
            await search(hands, secret)
            assert "nothing found" in hands.said
        await search(hands, "[hidden]")
        assert "AUTH PLAIN" in under_cursor(hands)


async def test_rows_that_come_later_are_found_too() -> None:
    async with on_server(answering({"NOOP": b"250 needle\r\n"})) as (hands, _):
        await search(hands, "needle")
        assert "nothing found" in hands.said
        await hands.press("o", "enter")
        await sought(hands)
        assert hands.app.status == "/needle  1 of 1"
        await hands.press("o", "enter")
        await sought(hands)
        assert hands.app.status == "/needle  2 of 2"


async def test_searches_are_recalled_and_the_wire_never_sees_them() -> None:
    async with on_server() as (hands, server):
        await hands.press("i")
        await hands.write("NOOP kept")
        await hands.press("escape")
        await search(hands, "mail.test")
        await hands.press("slash", "up")
        assert hands.app.main.line.value == "mail.test"
        await hands.press("escape", "i")
        assert hands.app.main.line.value == "NOOP kept"
        assert "mail.test" not in hands.app.main.line.past.lines
        assert server.received == b""


async def test_hostile_text_that_is_looked_for_stays_text() -> None:
    recording = Recording().connect().says(b"220 mail.test ESMTP \x1b[2J\r\n", 0.1)
    async with driven(PROFILE, recording.recorder) as hands:
        await hands.press("slash")
        hands.app.main.line.insert("\x1b]0;x\x07 [/x]")
        await hands.press("enter")
        await sought(hands)
        assert all(row.isprintable() for row in hands.rows)
        assert hands.app.status.isprintable()


async def test_an_empty_search_asks_for_nothing() -> None:
    async with driven(PROFILE, in_transaction().recorder) as hands:
        await hands.press("slash", "enter")
        assert hands.focus == "log"
        assert hands.app.search is None


async def test_leaving_does_not_wait_for_a_search() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("slash")
        await hands.write("ok")
        await hands.begin("enter", "ctrl+q")
        assert not hands.app.is_running
        assert isinstance(hands.app, SmtpScope)


async def test_what_is_found_far_to_the_right_comes_into_view() -> None:
    recording = Recording().connect()
    for number in range(3):
        recording.says(b"220-" + b"x" * 300 * number + b"needle%d" % number + b"y" * 300 + b"\r\n", 0.1)
    async with driven(PROFILE, recording.recorder, size=(100, 30)) as hands:
        await search(hands, "needle")
        for number in (0, 1, 2, 0):
            assert f"needle{number}" in hands.of(hands.app.main.log_view)
            await hands.press("n")


async def test_what_is_found_beyond_what_a_row_shows_is_said_to_be_there() -> None:
    recording = Recording().connect().says(b"220-" + b"x" * 3000 + b"needle\r\n", 0.1)
    async with driven(PROFILE, recording.recorder) as hands:
        await search(hands, "needle")
        assert "does not show" in hands.said
