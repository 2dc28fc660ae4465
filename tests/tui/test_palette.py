"""The palette: everything that can be done is in it, and choosing fills and never sends."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.widgets import OptionList

from smtpscope.actions import ACTIONS
from smtpscope.smtp.command import SMTPCommand
from smtpscope.tui.palette import VERBS, normalised
from tui.driving import Driven, driven, on_server


async def offered(hands: Driven) -> list[str]:
    """The names in the palette, when they are all there."""
    palette = hands.app.screen
    assert isinstance(palette, CommandPalette)
    await hands.app.workers.wait_for_complete(palette.workers)
    await hands.settle()
    options = palette.query_one(OptionList)
    return [str(options.get_option_at_index(index).prompt) for index in range(options.option_count)]


async def search(hands: Driven, text: str) -> list[str]:
    await hands.press("ctrl+p")
    await hands.write(text)
    return await offered(hands)


async def test_it_lists_all_fifteen_members_and_every_action() -> None:
    async with driven(size=(120, 40)) as hands:
        await hands.press("ctrl+p")
        names = "\n".join(await offered(hands))
        for member in SMTPCommand:
            assert f"{member.name}  " in names
            assert member.meaning in names
        for action in ACTIONS:
            assert action.title in names, action.id


async def test_it_says_what_is_legal_now_and_the_key() -> None:
    async with on_server() as (hands, _):
        await hands.press("ctrl+p")
        rows = await offered(hands)
        of = {row.split()[0]: row for row in rows}
        assert "out of order now" in of["MAIL"]
        assert "impossible now" in of["BANNER"]
        assert "now" not in of["EHLO"].split("hello")[0].split("·")[-1]
        assert "key e" in of["EHLO"]
        assert "key ^] F8" in of["NONE"]


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("vrfy", "smtp: VRFY"),
        ("xclient", "smtp: XCLIENT"),
        ("helo", "HELO"),
        ("send_str", "SEND_STREAM"),
        ("time", "log: time format"),
        ("mail fr", "MAIL"),
        ("transcr", "copy: transcript"),
    ],
)
async def test_typing_filters(typed: str, name: str) -> None:
    async with driven() as hands:
        assert any(name in row for row in await search(hands, typed))


def test_every_verb_can_be_typed_or_chosen() -> None:
    verbs = "AUTH BDAT DATA EHLO ETRN EXPN HELO HELP LHLO MAIL NOOP QUIT RCPT RSET STARTTLS VRFY XCLIENT"
    assert sorted(VERBS) == verbs.split()
    assert {action.verb for action in ACTIONS if action.verb} - {"."} <= VERBS


@pytest.mark.parametrize(
    ("typed", "line"),
    [
        ("rcpt bob@x", "RCPT TO:<bob@x>"),
        ("rcpt to:<bob@x>", "RCPT TO:<bob@x>"),
        ("RCPT TO: <bob@x> NOTIFY=NEVER", "RCPT TO:<bob@x> NOTIFY=NEVER"),
        ("mail a@b SIZE=10", "MAIL FROM:<a@b> SIZE=10"),
        ("mail <>", "MAIL FROM:<>"),
        ("ehlo me", "EHLO me"),
        ("noop", "NOOP"),
        ("xclient ADDR=1.2.3.4", "XCLIENT ADDR=1.2.3.4"),
    ],
)
def test_a_typed_command_is_written_as_the_wire_wants_it(typed: str, line: str) -> None:
    assert normalised(typed) == line


@pytest.mark.parametrize("typed", ["quit", "QUIT", "data", "help", "rset"])
async def test_a_verb_alone_is_the_wires_and_nothing_of_ours(typed: str) -> None:
    """Who types ``quit`` and Enter wants to say goodbye, not to leave."""
    async with on_server() as (hands, server):
        await search(hands, typed)
        await hands.press("enter")
        assert hands.app.is_running
        assert hands.app.main.line.ghost == typed.upper()
        assert server.received == b""


async def test_a_line_that_starts_with_a_verb_is_offered_filled_and_not_sent() -> None:
    async with on_server() as (hands, server):
        rows = await search(hands, "rcpt bob@x")
        assert any("fill the line: RCPT TO:<bob@x>" in row for row in rows)
        await hands.press("enter")
        assert hands.over is None
        assert hands.app.main.line.ghost == "RCPT TO:<bob@x>"
        assert server.received == b""
        await hands.press("enter")
        assert server.received == b"RCPT TO:<bob@x>\r\n"


@pytest.mark.parametrize(
    ("member", "filled"),
    [
        ("NONE", "drop"),
        ("BANNER", "connect"),
        ("CONNECTED", "login"),
        ("SEND_STREAM", "stream"),
        ("SEND_MESSAGE", "send"),
        ("EHLO", "EHLO client.test"),
        ("HELO", "HELO client.test"),
        ("AUTH", "AUTH PLAIN"),
        ("MAIL", "MAIL FROM:<alice@example.org>"),
        ("RCPT", "RCPT TO:<reject@example.org>"),
        ("DATA", "DATA"),
        ("DOT", "."),
        ("RSET", "RSET"),
        ("QUIT", "QUIT"),
        ("CUSTOM", ""),
    ],
)
async def test_choosing_a_member_fills_and_does_nothing_else(member: str, filled: str) -> None:
    async with on_server() as (hands, server):
        events = len(hands.app.recorder)
        rows = await search(hands, f"{member}  ")
        assert rows[0].startswith(f"{member}  "), rows[0]
        await hands.press("enter")
        assert hands.app.main.line.ghost == filled
        assert hands.focus == "line"
        own = member in ("NONE", "BANNER", "CONNECTED", "SEND_STREAM", "SEND_MESSAGE")
        assert hands.line.startswith(":" if own else ">")
        assert server.received == b""
        assert len(hands.app.recorder) == events


async def test_escape_closes_it_and_touches_nothing() -> None:
    async with on_server() as (hands, server):
        await hands.press("ctrl+p", "escape")
        assert hands.over is None
        assert hands.focus == "log"
        assert server.received == b""


async def test_a_command_in_data_mode_is_refused_with_the_reason() -> None:
    async with on_server() as (hands, server):
        await hands.press("space", "space", "space", "space", "space")
        assert hands.here == "DATA"
        sent = server.received
        await search(hands, "rcpt bob@x")
        await hands.press("enter")
        assert "RCPT would become message text" in hands.said
        assert hands.app.main.line.ghost == ""
        assert server.received == sent


async def test_the_theme_is_chosen_in_a_palette_of_its_own() -> None:
    async with driven() as hands:
        await hands.press("colon")
        await hands.write("theme")
        await hands.press("enter")
        assert isinstance(hands.app.screen, CommandPalette)
