"""The inspector explains the row under the cursor, in words and octet by octet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from smtpscope.secret import Secret
from smtpscope.tui.inspector import TABS
from smtpscope.visible import unescape
from tui.driving import PROFILE, answering, driven, on_server
from tui.recordings import finished, in_transaction, questioned
from tui.test_questions import TLS, starttls

WIDE, SMALL = (120, 40), (80, 23)


async def test_it_stands_beside_the_log_and_follows_the_cursor() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=WIDE) as hands:
        assert "Sent inside TLS" in hands.said
        await hands.press("k", "k")
        assert "RCPT TO:<dave@example.org>" in hands.said
        await hands.press("g")
        assert "connect to mx1.example.org:587" in hands.said


async def test_a_refusal_is_explained_in_words() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=WIDE) as hands:
        while "550 5.1.1" not in hands.said:
            await hands.press("k")
        assert "permanent · addressing · bad mailbox address" in hands.said
        assert "The mailbox does not exist at this server." in hands.said
        assert "RFC 5321 4.2.3, RFC 3463 3.2" in hands.said
        assert "first byte after 4.0 ms" in hands.said
        assert "unknown user" in hands.said


async def test_two_rows_explain_on_a_small_screen() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=SMALL) as hands:
        while "550 5.1.1" not in hands.said:
            await hands.press("k")
        assert hands.said == (
            "550 5.1.1 permanent · addressing · bad mailbox address The mailbox does not exist at this server."
        )


async def test_enter_opens_it_over_the_log_and_escape_closes_it() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=SMALL) as hands:
        before = hands.text
        await hands.press("enter")
        assert hands.focus == "inspector"
        assert not hands.app.main.log_view.display
        assert "inspector *" in hands.of(hands.app.main.rule)
        assert "[reply]" in hands.text
        assert "Sent inside TLS" in hands.inspector
        await hands.press("enter", "escape")
        assert hands.focus == "log"
        assert hands.text == before


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_arrows_go_to_the_bytes_and_back(size: tuple[int, int]) -> None:
    async with driven(PROFILE, in_transaction().recorder, size=size) as hands:
        await hands.press("3")
        assert hands.focus == "inspector"
        await hands.press("right")
        assert "[bytes]" in hands.inspector
        assert "44 41 54 41 0d 0a" in hands.inspector
        assert hands.focus == "inspector"
        await hands.press("left")
        assert "[reply]" in hands.inspector
        await hands.press("left")
        assert f"[{TABS[-1]}]" in hands.inspector, "round and round"
        await hands.press("right")
        assert "[reply]" in hands.inspector


async def test_bytes_show_where_the_reads_ended() -> None:
    recording = in_transaction().says(b"354 go", 0.1)
    recording.says(b" on\r", 0.1).says(b"\n", 0.1)
    async with driven(PROFILE, recording.recorder, size=WIDE) as hands:
        await hands.press("3", "right")
        assert "33 35 34 20 67 6f|20 6f" in hands.inspector
        assert "6e 0d|0a" in hands.inspector


async def test_no_secret_is_in_the_bytes() -> None:
    async with driven(replace(PROFILE, password=Secret("wonderland")), finished(), size=WIDE) as hands:
        await hands.press("3", "right", "2", "g")
        for _ in range(len(hands.log)):
            assert "41 47 46 73" not in hands.inspector
            assert "AGFsaWNl" not in hands.text
            assert "wonderland" not in hands.text
            await hands.press("j")
        assert "·· ·· ··" not in hands.inspector


async def test_what_is_odd_about_a_reply_is_told() -> None:
    async with on_server(answering({"EHLO": b"250-mail.test\n550 mixed\r\n"})) as (hands, _):
        await hands.press("space")
        assert "!" in hands.said
        assert "LF" in hands.said


async def test_a_folded_reply_is_whole_in_it() -> None:
    async with on_server() as (hands, _):
        await hands.press("space")
        assert hands.log[-1].endswith("+4")
        for keyword in ("PIPELINING", "SIZE 1000000", "8BITMIME", "AUTH PLAIN LOGIN CRAM-MD5"):
            assert keyword in hands.said


async def test_tabs_can_be_clicked() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=WIDE) as hands:
        at = hands.inspector.split("\n")[0].index("bytes")
        await hands.pilot.click(hands.app.main.inspector, offset=(at, 0))
        await hands.settle()
        assert "[bytes]" in hands.inspector
        assert "44 41 54 41" in hands.inspector


async def test_message_text_is_explained() -> None:
    async with driven(PROFILE, finished(), size=WIDE) as hands:
        while "message, 61 bytes" not in hands.said:
            await hands.press("k")
        assert "leading dots doubled" in hands.said


async def test_before_anything_was_said_it_says_so() -> None:
    async with driven(size=WIDE) as hands:
        assert "Nothing has been said yet." in hands.said
    async with driven(size=SMALL) as hands:
        assert "space does the next step" in hands.said


async def test_octets_are_copied_as_hex_and_as_escapes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("TMUX", raising=False)
    async with driven(PROFILE, in_transaction().says(b"250-a\t\\\xff\r\n250 b\r\n", 0.1).recorder, size=WIDE) as hands:
        hands.app.main.log_view.cursor = next(n for n, row in enumerate(hands.log) if "250-a" in row)
        await hands.settle()
        hands.app.do_hex()
        assert hands.app.clipboard == "32 35 30 2d 61 09 5c ff 0d 0a 32 35 30 20 62 0d\n0a"
        hands.app.do_escapes()
        assert hands.app.clipboard == r"250-a\x09\\\xff\r\n250 b\r\n"
        assert unescape(hands.app.clipboard) == b"250-a\t\\\xff\r\n250 b\r\n"


async def test_no_secret_is_copied_with_the_octets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with driven(replace(PROFILE, password=Secret("wonderland")), finished(), size=WIDE) as hands:
        hands.app.main.log_view.cursor = next(n for n, row in enumerate(hands.log) if "AUTH PLAIN" in row)
        await hands.settle()
        hands.app.do_hex()
        assert hands.app.clipboard.startswith("41 55 54 48 20 50 4c 41 49 4e 20 ·· ··")
        hands.app.do_escapes()
        assert hands.app.clipboard == r"AUTH PLAIN [hidden]\r\n"


async def test_a_question_stands_over_every_tab() -> None:
    async with driven(PROFILE, questioned(), size=WIDE) as hands:
        await hands.press("3")
        for _ in TABS:
            assert "2 go on, once" in hands.inspector
            await hands.press("right")


async def test_findings_lead_to_their_evidence() -> None:
    recording = in_transaction().says(b"250 unasked\n", 0.1)
    async with driven(PROFILE, recording.recorder, size=WIDE) as hands:
        assert "findings" in hands.header
        await hands.press("3")
        while "[findings]" not in hands.inspector:
            await hands.press("right")
        assert "RFC 5321" in hands.inspector
        assert "▶" in hands.inspector
        await hands.press("enter")
        assert hands.log[hands.app.main.log_view.cursor].startswith("<")


async def test_over_the_log_nothing_is_said_twice() -> None:
    async with driven(PROFILE, in_transaction().recorder, size=SMALL) as hands:
        while "550 5.1.1" not in hands.said:
            await hands.press("k")
        await hands.press("enter")
        assert hands.text.count("The mailbox does not exist at this server.") == 1
        await hands.press("escape")
        assert hands.text.count("The mailbox does not exist at this server.") == 1


@pytest.mark.parametrize("size", [WIDE, SMALL])
async def test_the_row_of_tls_says_first_what_is_asked_first(size: tuple[int, int]) -> None:
    async with on_server(starttls("good"), replace(TLS, tls_insecure=True), size=size) as (hands, _):
        await hands.press("space", "space")
        while "TLS started" not in hands.log[hands.app.main.log_view.cursor]:
            await hands.press("k")
        if size == SMALL:
            assert "TLSv1.3 · AES_256_GCM · " in hands.said
            assert " by " in hands.said
            assert " · until " in hands.said
            await hands.press("enter")
        order = ["TLS started", "CA verdict", "session", "certificate ", "issuer ", "valid", "3 and the tls tab"]
        rows = [row.strip("▏ ") for row in hands.inspector.split("\n")]
        places = [next(place for place, row in enumerate(rows) if row.startswith(words)) for words in order]
        assert places == sorted(places)


async def test_the_name_of_a_server_stands_beside_its_extensions() -> None:
    async with on_server(size=WIDE) as (hands, _):
        await hands.press("space")
        assert "extensions: the EHLO tab explains them." in hands.said
        assert "It calls itself mail.test" in hands.said
