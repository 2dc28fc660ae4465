"""``:vary`` by keys: asked first, shown as a table when it is done, each row of which leads to its session."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servers.scripted import Peer, ScriptedServer
from smtpscope.secret import Secret
from smtpscope.smtp.events import Opened, Told
from smtpscope.tui.varying import Variation
from tui.driving import PROFILE, Driven, answering, driven, on_server

WHO: dict[str, Any] = {"login_wanted": True, "user": "alice", "password": Secret("wonderland")}
KNOWN = replace(PROFILE, **WHO)


async def choosy(peer: Peer) -> None:
    """A server that lets PLAIN in, and not CRAM-MD5."""
    verdict = b""
    await peer.send(b"220 mail.test ESMTP\r\n")
    while line := await peer.line():
        words = line.split()
        if words[0] == b"QUIT":
            await peer.send(b"221 bye\r\n")
            return
        if words[0] == b"EHLO":
            await peer.send(b"250-mail.test\r\n250 AUTH PLAIN CRAM-MD5\r\n")
        elif words[:2] == [b"AUTH", b"CRAM-MD5"]:
            await peer.send(b"334 PDFAbWFpbC50ZXN0Pg==\r\n")
            await peer.line()
            await peer.send(b"535 5.7.8 wonderland does not match\r\n")
        else:
            verdict = b"235 2.7.0 \x1b[31mwelcome\r\n" if words[0] == b"AUTH" else b"250 ok\r\n"
            await peer.send(verdict)


async def worked(hands: Driven) -> None:
    """Until what runs beside the screen is done."""
    await hands.settle()
    await hands.app.workers.wait_for_complete()
    await hands.taken()


@asynccontextmanager
async def varied(size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[Driven, ScriptedServer]]:
    """The app with the table of ``vary auth`` on it."""
    async with on_server(choosy, KNOWN, size=size) as (hands, server):
        await hands.press("space")
        await hands.command("vary auth")
        await hands.press("2")
        await worked(hands)
        yield hands, server


@pytest.mark.parametrize("size", [(120, 40), (80, 23)])
async def test_it_asks_first_and_then_shows_the_table(size: tuple[int, int]) -> None:
    async with on_server(choosy, KNOWN, size=size) as (hands, server):
        await hands.press("space")
        await hands.command("vary auth")
        assert "vary makes up to 2 connections to " in hands.said
        assert "that is up to 2 logins as alice" in hands.said
        assert server.connections == 1
        await hands.press("2")
        await worked(hands)
        assert server.connections == 3
        assert hands.over is Variation
        words = " ".join(hands.text.split())
        assert "The password is right: PLAIN is accepted, CRAM-MD5 is not set up (for this user, or at all)" in words
        assert "The first difference: AUTH, 535 5.7.8 with CRAM-MD5, 235 2.7.0 with PLAIN" in words
        assert "*! PLAIN" in words
        assert "refused AUTH: 535 5.7.8 [hidden] does not match" in hands.text
        assert "\x1b" not in hands.text
        assert "wonderland" not in hands.text


async def test_a_row_opens_its_own_session_where_it_matters() -> None:
    async with varied() as (hands, _):
        await hands.press("enter")
        assert hands.over is None
        row = hands.app.main.cursor_row
        assert "535 5.7.8" in "".join(text for text, _ in hands.app.view.log.spans(row)), "at its refusal"
        assert ":vary shows the table again" in hands.text
        assert hands.focus == "log"
        await hands.command("vary")
        await worked(hands)
        await hands.press("down", "enter")
        row = hands.app.main.cursor_row
        assert "235 2.7.0" in "".join(text for text, _ in hands.app.view.log.spans(row)), "at the first difference"
        opened = [index for index, event in enumerate(hands.app.recorder) if isinstance(event, Opened)]
        assert hands.app.view.event_of(row) > opened[2], "the second run is on the third connection"


async def test_the_last_table_comes_back() -> None:
    async with varied() as (hands, server):
        await hands.press("escape")
        assert hands.over is None
        await hands.command("vary")
        await worked(hands)
        assert hands.over is Variation
        assert server.connections == 3, "nothing is sent for it"
        events = list(hands.app.recorder)
    async with driven(events=events) as hands:
        await worked(hands)
        assert hands.over is None
        await hands.command("vary")
        await worked(hands)
        assert "The password is right: PLAIN is accepted" in hands.text, "a recording has it, too"


async def test_it_is_copied_as_markdown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    async with varied((80, 23)) as (hands, _):
        await hands.press("y")
        assert hands.over is Variation, "it stays to be looked at"
        assert "copied " in hands.rows[1]
        (copy,) = tmp_path.rglob("last-copy*")
        lines = copy.read_text().splitlines()
        assert (
            "`The password is right: PLAIN is accepted, CRAM-MD5 is not set up (for this user, or at all)" in lines[2]
        )
        assert lines[-1].startswith("| `PLAIN` |")
        assert "wonderland" not in copy.read_text()
        assert "\x1b" not in copy.read_text()


async def test_while_it_runs_the_header_says_which_and_how_to_stop_it() -> None:
    gate = asyncio.Event()
    async with on_server(answering(EHLO=gate)) as (hands, _):
        await hands.command("vary ehlo a.test,b.test")
        await hands.begin("2")
        await hands.until(lambda: b"EHLO a.test" in hands.sent)
        assert re.search(r"vary 1 of 2: a\.test, \^\] stops it, EHLO \d+", hands.header)
        await hands.begin("escape")
        assert "vary 1 of 2: a.test" in hands.header, "Escape does not stop it"
        await hands.press("ctrl+right_square_bracket")
        await worked(hands)
        assert hands.over is Variation
        assert "stopped: dropped" in " ".join(hands.text.split())
        await hands.press("escape")
        assert "stops it" not in hands.header
        gate.set()


async def test_the_table_follows_the_width() -> None:
    async with varied() as (hands, _):
        for width in (60, 40, 100):
            await hands.resize(width, 23)
            assert "CRAM-MD5" in hands.text
            assert "vary" in hands.rows[0]


async def test_without_credentials_they_are_asked_for_first() -> None:
    async with on_server(choosy) as (hands, server):
        await hands.press("space")
        await hands.command("vary auth CRAM-MD5,PLAIN")
        assert "user>" in hands.line
        await hands.write("alice")
        await hands.press("enter")
        await hands.write("wonderland")
        assert "wonderland" not in hands.text
        await hands.press("enter")
        assert "that is up to 2 logins as alice" in hands.said
        assert server.connections == 1
        await hands.press("2")
        await worked(hands)
        assert "The password is right: PLAIN is accepted" in hands.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("vary", "vary runs the session with several values of auth (AUTH mechanism), user (user name), tls"),
        ("vary ehlo a to", "and to ehlo, tls, auth, mail, rcpt, data"),
        ("vary colour", "vary knows auth, user, tls, cipher, sni, ehlo"),
    ],
)
async def test_what_can_be_varied_is_said(text: str, said: str) -> None:
    async with on_server(answering()) as (hands, server):
        await hands.command(text)
        await worked(hands)
        assert said in hands.said
        assert server.connections == 1
        assert not any(isinstance(event, Told) for event in hands.app.recorder)


async def test_the_palette_leads_to_it() -> None:
    async with on_server(answering()) as (hands, server):
        hands.app.run_id("vary")
        await worked(hands)
        assert "vary runs the session with several values of" in hands.said
        assert hands.app.main.line.value == "vary ", "what to vary is left to type, and Tab completes it"
        assert hands.focus == "line"
        assert server.connections == 1


async def test_one_that_was_not_made_leaves_the_header_to_a_test_that_waits() -> None:
    one = replace(PROFILE, rcpt_to=("bob@example.org",))
    async with on_server(answering({"RCPT": b"451 4.7.1 greylisted\r\n"}), one) as (hands, _):
        await hands.command("vary ehlo a.test")
        await hands.press("1", "space", "space", "space", "exclamation_mark")
        await hands.press(next(digit for digit in "123456789" if f"{digit} in 5 min, until accepted" in hands.said))
        assert "to the next try" in hands.header
        await hands.press("escape")


async def test_another_can_be_begun_from_the_table() -> None:
    async with varied() as (hands, _):
        await hands.press("colon")
        assert hands.over is None
        await hands.write("ehlo a.test")
        await hands.press("enter")
        assert "one for each EHLO name (a.test)" in hands.said


async def test_words_may_have_blanks_behind_their_commas_and_a_step() -> None:
    async with on_server(answering()) as (hands, _):
        await hands.command("vary ehlo a.test, b.test to rcpt")
        assert "one for each EHLO name (a.test, b.test), each with EHLO, MAIL, RCPT" in hands.said
        await hands.press("1")
        assert b"a.test" not in hands.sent


async def test_nothing_is_sent_from_the_past() -> None:
    async with varied() as (hands, server):
        await hands.press("enter")
        assert hands.app.past
        await hands.command("vary ehlo a,b")
        assert "End first" in hands.said
        assert server.connections == 3


@pytest.mark.parametrize(
    ("typed", "tabs", "line"),
    [
        ("vary e", 1, "vary ehlo "),
        ("vary auth ", 1, "vary auth PLAIN"),
        ("vary auth CRAM-MD5,", 1, "vary auth CRAM-MD5,PLAIN"),
        ("vary tls 1", 1, "vary tls 1"),
        ("vary tls t", 4, "vary tls TLSv1.3"),
        ("vary ehlo a.test t", 1, "vary ehlo a.test to "),
        ("vary auth PLAIN to ", 2, "vary auth PLAIN to mail"),
    ],
)
async def test_it_is_completed(typed: str, tabs: int, line: str) -> None:
    async with on_server(answering()) as (hands, _):
        await hands.press("space", "colon")
        await hands.write(typed)
        await hands.press(*["tab"] * tabs)
        assert hands.app.main.line.value == line
