"""The filter as its user sees it: which rows are shown, what its chips say, where the cursor goes."""

from __future__ import annotations

import asyncio

import pytest

from servers.scripted import Peer
from smtpscope_widgets.chip_row import ChipRow
from tui.driving import Driven, answering, driven, on_server
from tui.recordings import PROFILE, finished


async def sifted(hands: Driven) -> None:
    """Until the filter has been through all rows."""
    if hands.app.sifter is not None:
        await asyncio.to_thread(hands.app.sifter.join)
    await hands.settle()


async def filtered(hands: Driven, *chips: str) -> None:
    for chip in chips:
        await hands.press("f")
        await hands.write(chip)
        await hands.press("enter")
        await sifted(hands)


def chips(hands: Driven) -> str:
    """What the row of chips says, empty if there is none."""
    rows = hands.app.main.query(ChipRow)
    return hands.of(rows.first()) if rows else ""


def met(hands: Driven) -> list[str]:
    """The rows but for dividers, which are always there."""
    return [row for row in hands.log if not row.startswith((" connect", " closed", "=== connect to"))]


def under_cursor(hands: Driven) -> str:
    return hands.log[hands.app.main.log_view.cursor]


@pytest.mark.parametrize(
    ("chip", "shown"),
    [
        ("class:5", ["550 5.1.1"]),
        ("cmd:RCPT", ["carol", "carol", "bob", "250 2.1.5", "dave", "250 2.1.5"]),
        ("code:5.1.1", ["550 5.1.1"]),
        ("carol", ["RCPT TO:<carol", "550 5.1.1"]),
        ("/^DATA$/", ["DATA"]),
    ],
)
async def test_a_chip_shows_the_rows_that_meet_it(chip: str, shown: list[str]) -> None:
    async with driven(PROFILE, finished()) as hands:
        total = len(hands.app.view.log)
        await filtered(hands, chip)
        rows = met(hands)
        assert len(rows) == len(shown)
        assert all(part in row for part, row in zip(shown, rows, strict=True))
        assert f"{len(hands.log)} of {total} rows" in chips(hands)
        assert hands.focus == "log"


async def test_chips_stand_above_the_log_only_while_there_are_any() -> None:
    async with driven(PROFILE, finished(), size=(80, 23)) as hands:
        assert chips(hands) == ""
        height = hands.app.main.log_view.size.height
        await filtered(hands, "dir:in", "!class:2")
        assert chips(hands).startswith(" [x] dir:in  [x] !class:2")
        assert hands.app.main.log_view.size.height == height - 1
        await hands.press("f", "enter")
        await hands.press("delete", "delete")
        assert chips(hands) == ""
        assert hands.focus == "log"
        assert hands.app.main.log_view.size.height == height


async def test_a_chip_is_switched_off_and_on_with_keys_and_by_mouse() -> None:
    async with driven(PROFILE, finished()) as hands:
        everything = len(hands.log)
        await filtered(hands, "class:5", "dir:in")
        few = len(hands.log)
        await hands.press("f", "enter")
        assert isinstance(hands.app.focused, ChipRow)
        await hands.press("enter")
        assert chips(hands).startswith(" [ ] class:5  [x] dir:in")
        await hands.press("right", "enter")
        assert len(hands.log) == everything
        assert f"all {len(hands.app.view.log)} rows" in chips(hands)
        await hands.press("home", "enter", "escape")
        assert hands.focus == "log"
        assert len(hands.log) == few
        await hands.click(hands.app.main.query_one(ChipRow), "class:5")
        assert len(hands.log) == everything


async def test_the_cursor_stays_on_its_row_or_goes_to_the_nearest_and_comes_back() -> None:
    async with driven(PROFILE, finished()) as hands:
        log = hands.app.view.log
        refused = next(place for place, row in enumerate(hands.log) if "550 5.1.1" in row)
        hands.app.main.log_view.cursor = refused
        await filtered(hands, "cmd:RCPT")
        assert "550 5.1.1" in under_cursor(hands)
        await filtered(hands, "dave")
        assert "dave" in under_cursor(hands)
        await hands.press("f", "enter", "delete", "delete")
        assert hands.app.rows.id(hands.app.main.log_view.cursor) == next(
            row for row in range(len(log)) if b"dave" in log.octets(row)
        )


async def test_at_the_end_it_stays_at_the_end() -> None:
    async with driven(PROFILE, finished()) as hands:
        await filtered(hands, "class:5")
        assert hands.app.main.log_view.follow
        await hands.press("f", "enter", "delete")
        assert hands.app.main.log_view.follow
        assert hands.app.main.log_view.cursor == len(hands.log) - 1


@pytest.mark.parametrize("chip", ["class:5", "nothing"])
async def test_rows_that_come_later_appear_if_they_meet_it(chip: str) -> None:
    replies = {"NOOP": [b"250 fine\r\n", b"550 nothing of the kind\r\n"]}
    async with on_server(answering(replies)) as (hands, _):
        await filtered(hands, chip)
        before = len(hands.log)
        await hands.press("o", "enter")
        hands.app._sift_on()
        await sifted(hands)
        assert len(hands.log) == before
        await hands.press("o", "enter")
        hands.app._sift_on()
        await sifted(hands)
        assert len(hands.log) == before + 1
        assert hands.log[-1].endswith("550 nothing of the kind")


async def test_only_marked_rows_and_findings_can_be_shown() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("g", "j", "j", "j", "j")
        marked = under_cursor(hands)
        await hands.press("*", "escape")
        await filtered(hands, "marked")
        assert met(hands) == [marked]
        await hands.press("*")
        assert marked not in hands.log


async def test_what_is_no_chip_is_told_in_a_sentence_and_stays() -> None:
    async with driven(PROFILE, finished()) as hands:
        await filtered(hands, "class:9")
        assert "2, 3, 4 or 5" in hands.said
        assert hands.app.main.line.value == "class:9"
        assert hands.focus == "line"
        await hands.press("backspace")
        await hands.write("5")
        await hands.press("enter")
        assert "class:5" in chips(hands)


async def test_tab_completes_kinds_and_what_this_session_has() -> None:
    async with driven(PROFILE, finished()) as hands:
        line = hands.app.main.line
        await hands.press("f")
        await hands.write("cl")
        await hands.press("tab")
        assert line.value == "class:"
        await hands.press("ctrl+u")
        await hands.write("!cmd:EHLO,rc")
        await hands.press("tab")
        assert line.value == "!cmd:EHLO,RCPT"
        await hands.press("ctrl+u")
        await hands.write("code:5.")
        await hands.press("tab")
        assert line.value == "code:5.1.1"
        assert "rows with code:5.1.1" in hands.line


async def test_the_screen_is_of_the_row_that_the_filter_shows() -> None:
    async with driven(PROFILE, finished()) as hands:
        await filtered(hands, "class:5")
        assert "closed: said goodbye" in hands.inspector
        await hands.press("k")
        assert "550 5.1.1" in hands.inspector
        assert "PAST" in hands.header
        await hands.press("end")
        assert "PAST" not in hands.header


async def test_a_search_goes_through_the_rows_that_are_shown() -> None:
    async with driven(PROFILE, finished()) as hands:
        await filtered(hands, "dir:out")
        await hands.press("slash")
        await hands.write("carol")
        await hands.press("enter")
        assert hands.app.seeker is not None
        await asyncio.to_thread(hands.app.seeker.join)
        await hands.settle()
        assert under_cursor(hands).endswith("RCPT TO:<carol@example.org>")
        await hands.press("n")
        assert under_cursor(hands).endswith("RCPT TO:<carol@example.org>")
        await hands.press("f")
        await hands.write("!carol")
        await hands.press("enter")
        await sifted(hands)
        await hands.press("n")
        assert "nothing found among the rows that the filter shows" in hands.said


async def test_the_wire_line_keeps_its_text_and_sends_nothing() -> None:
    async with on_server() as (hands, server):
        await hands.press("i")
        await hands.write("NOOP kept")
        await hands.press("escape")
        await filtered(hands, "class:2")
        await hands.press("i")
        assert hands.app.main.line.value == "NOOP kept"
        assert server.received == b""


async def test_what_changes_is_drawn_anew_in_a_filtered_log_too() -> None:
    gate = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        await peer.line()
        await peer.send(b"550-first\r\n")
        await gate.wait()
        await peer.send(b"550 second\r\n")
        await peer.line()

    async with on_server(handler) as (hands, _):
        await filtered(hands, "dir:in")
        await hands.begin("o", "enter")
        await hands.until(lambda: any("550-first" in row for row in hands.log))
        assert any("<-   550-first" in row for row in hands.of(hands.app.main.log_view).split("\n"))
        gate.set()
        await hands.settle()
        drawn = hands.of(hands.app.main.log_view).split("\n")
        assert any("<**  550-first" in row for row in drawn)
        assert any("<**  550 second" in row for row in drawn)


async def test_rows_that_lose_their_mark_go_and_the_others_are_drawn_in_their_places() -> None:
    async with driven(PROFILE, finished()) as hands:
        await hands.press("g")
        for _ in range(4):
            await hands.press("j", "j", "*", "escape")
        await filtered(hands, "marked")
        before = met(hands)
        assert len(before) == 4
        await hands.press("g", "j", "*")
        drawn = [row.lstrip(">* ") for row in hands.of(hands.app.main.log_view).split("\n")]
        for row in met(hands):
            assert sum(row.split(" ")[-1] in each for each in drawn) >= 1
        assert len(met(hands)) == 3
        assert sum(bool(row) for row in drawn) == len(hands.log)
