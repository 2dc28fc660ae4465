"""The line: what a letter fills, what Enter sends to the last octet, and what is asked in it."""

from __future__ import annotations

import asyncio
import base64
from dataclasses import replace
from pathlib import Path

import pytest

from servers.scripted import Peer
from smtpscope.secret import Secret
from smtpscope.tui.history import History
from smtpscope.tui.screens import Pasted
from tui.driving import OFFER, PROFILE, Driven, answering, driven, on_server

LOGIN = replace(PROFILE, login_wanted=True, user="alice", password=Secret("wonderland"))
FILLED = {
    "e": "EHLO client.test",
    "h": "HELO client.test",
    "t": "STARTTLS",
    "a": "AUTH CRAM-MD5",
    "m": "MAIL FROM:<alice@example.org>",
    "r": "RCPT TO:<reject@example.org>",
    "d": "DATA",
    "x": "RSET",
    "o": "NOOP",
    "v": "VRFY reject@example.org",
    "q": "QUIT",
    ".": ".",
    "s": "stream",
}


@pytest.mark.parametrize(("key", "filled"), FILLED.items())
async def test_a_letter_fills_and_sends_nothing(key: str, filled: str) -> None:
    async with on_server() as (hands, server):
        await hands.press("space")
        sent = server.received
        await hands.press(key)
        assert hands.app.main.line.ghost == filled
        assert hands.app.main.line.value == ""
        assert filled in hands.line
        assert hands.focus == "line"
        assert server.received == sent


@pytest.mark.parametrize("key", "ehmdxovq.")
async def test_enter_sends_what_was_filled_and_the_focus_goes_back(key: str) -> None:
    async with on_server(answering({"QUIT": b"250 no\r\n", ".": b"500 no\r\n"})) as (hands, server):
        await hands.press("1", key)
        assert server.received == b""
        await hands.press("enter")
        assert server.received == FILLED[key].encode() + b"\r\n"
        assert hands.focus == "picture"
        assert hands.app.main.line.ghost == ""


async def test_right_takes_the_filled_text_for_editing() -> None:
    async with on_server() as (hands, server):
        await hands.press("m", "right", "left")
        await hands.write("x")
        await hands.press("enter")
        assert server.received == b"MAIL FROM:<alice@example.orgx>\r\n"


@pytest.mark.parametrize("text", ["ehlo foo", "NOOP", "mail from:<>", "quack"])
async def test_typing_by_habit_just_works(text: str) -> None:
    """The first letter fills, the next one keeps it and replaces the rest; capitals open the line with ``i``."""
    async with on_server() as (hands, server):
        await hands.press(*([] if text[0].islower() else ["i"]))
        await hands.write(text)
        await hands.press("enter")
        assert server.received == text.encode() + b"\r\n"


async def test_escape_leaves_and_never_touches_the_wire() -> None:
    async with on_server() as (hands, server):
        await hands.press("1", "e", "escape")
        assert hands.app.main.line.ghost == ""
        await hands.press("escape")
        assert hands.focus == "picture"
        await hands.press("escape", "escape", "escape")
        assert hands.focus == "log"
        assert server.received == b""
        assert hands.here == "BANNER"


@pytest.mark.parametrize("way", [["i"], ["tab"], ["4"]])
async def test_i_tab_and_4_open_the_line(way: list[str]) -> None:
    async with on_server() as (hands, _):
        await hands.press(*way)
        assert hands.focus == "line"
        assert hands.line.startswith(">")


async def test_empty_enter_does_nothing() -> None:
    async with on_server() as (hands, server):
        await hands.press("i", "enter")
        assert server.received == b""
        assert hands.focus == "line"


async def test_letters_space_and_digits_are_text_in_the_line() -> None:
    async with on_server() as (hands, server):
        await hands.press("i")
        await hands.write("q p 1?:Y")
        assert hands.app.main.line.value == "q p 1?:Y"
        assert server.received == b""
        assert hands.app.screen is hands.app.main


async def test_the_last_use_is_filled_again() -> None:
    async with on_server() as (hands, _):
        await hands.press("i")
        await hands.write("VRFY carol")
        await hands.press("enter", "v")
        assert hands.app.main.line.ghost == "VRFY carol"


async def test_a_missing_argument_has_the_cursor_where_it_belongs() -> None:
    bare = replace(PROFILE, mail_from=None, rcpt_to=())
    async with on_server(profile=bare) as (hands, server):
        await hands.press("space", "space")
        assert hands.focus == "line"
        assert server.received == b"EHLO client.test\r\n"
        await hands.write("carol@example.org")
        await hands.press("enter")
        assert server.received.endswith(b"MAIL FROM:<carol@example.org>\r\n")
        await hands.press("r")
        await hands.write("bob@x")
        await hands.press("enter")
        assert server.received.endswith(b"RCPT TO:<bob@x>\r\n")


async def test_the_line_says_whether_it_is_legal_now() -> None:
    async with on_server() as (hands, _):
        await hands.press("e")
        assert hands.line.endswith("legal now")
        await hands.press("escape", "escape", "r")
        assert hands.line.endswith("out of order")
        await hands.press("escape", "escape", "a")
        assert hands.line.endswith("F2: its options  out of order")
    async with driven() as hands:
        await hands.press("e")
        assert hands.line.endswith("impossible now")


# -- exact octets


@pytest.mark.parametrize(("presses", "end"), [(0, b"\r\n"), (1, b"\n"), (2, b"\r"), (3, b""), (4, b"\r\n")])
async def test_f3_chooses_what_ends_the_line(presses: int, end: bytes) -> None:
    async def silent(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.gone()

    async with on_server(silent) as (hands, server):
        await hands.press(*["f3"] * presses, "i")
        await hands.write("NOOP a")
        await hands.begin("enter")
        await hands.until(lambda: hands.sent == b"NOOP a" + end)
        await hands.press("ctrl+right_square_bracket")
        await server.finished()
        assert server.received == b"NOOP a" + end


async def test_escapes_go_out_as_octets() -> None:
    typed, octets = r"NOOP \r\n\0\x00\xFf\x7f\\ \q \xZ é", b"NOOP \r\n\0\x00\xff\x7f\\ \\q \\xZ \xc3\xa9\r\n"

    async def silent(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.gone()

    async with on_server(silent) as (hands, server):
        await hands.press("i")
        await hands.write(typed)
        await hands.begin("enter")
        await hands.until(lambda: hands.sent == octets)
        await hands.press("f8")
        await server.finished()
        assert server.received == octets


async def test_the_line_ending_is_told() -> None:
    async with on_server() as (hands, _):
        await hands.press("f3")
        assert "end in LF" in hands.said
        await hands.press("o")
        assert "ends in LF" in hands.line


# -- in data mode


async def in_data(hands: Driven, *, recipients: int = 2) -> None:
    await hands.press("space", "space", *["space"] * recipients, "space")
    assert hands.here == "DATA"


async def test_data_mode_takes_text_as_typed_and_a_lone_dot_ends_it() -> None:
    async with on_server() as (hands, server):
        await in_data(hands)
        begin = len(server.received)
        await hands.press("i")
        assert hands.line.startswith("data>")
        assert "QUIT would be text" in hands.line
        for text in ("Subject: x", "", ".dot", "..two", "QUIT"):
            await hands.write(text)
            await hands.press("enter")
            assert hands.focus == "line", "text goes on"
        assert hands.here == "DATA"
        await hands.write(".")
        await hands.press("enter")
        assert server.received[begin:] == b"Subject: x\r\n\r\n.dot\r\n..two\r\nQUIT\r\n.\r\n"
        assert hands.here == "SEND_MESSAGE"
        assert hands.line.startswith(">")
        assert hands.focus == "log"


@pytest.mark.parametrize(("key", "verb"), [("e", "EHLO"), ("q", "QUIT"), ("x", "RSET"), ("m", "MAIL"), ("o", "NOOP")])
async def test_in_data_mode_letters_say_why_not(key: str, verb: str) -> None:
    async with on_server() as (hands, server):
        await in_data(hands)
        sent = server.received
        await hands.press(key)
        assert f"{verb} would become message text" in hands.said
        assert hands.focus == "log"
        assert hands.app.main.line.ghost == ""
        await hands.press("enter")
        assert server.received == sent


async def test_s_streams_the_message_with_the_dot_held() -> None:
    async with on_server() as (hands, server):
        await in_data(hands)
        begin = len(server.received)
        await hands.press("s")
        assert hands.line.startswith(": stream")
        assert len(server.received) == begin
        await hands.press("enter")
        assert hands.here == "SEND_STREAM"
        await hands.press(".", "enter")
        assert server.received[begin:] == b"Subject: hi\r\n\r\nhi\r\n..dot\r\n.\r\n"
        assert hands.here == "SEND_MESSAGE"


async def test_the_filled_dot_ends_the_message_also_behind_text_without_a_line_end() -> None:
    async with on_server() as (hands, server):
        await in_data(hands)
        begin = len(server.received)
        await hands.press("f3", "f3", "f3", "i")
        await hands.write("no end")
        await hands.press("enter", "escape", "f3", ".", "enter")
        assert server.received[begin:] == b"no end\r\n.\r\n"
        assert hands.here == "SEND_MESSAGE"


async def test_s_says_what_it_needs_outside_of_data() -> None:
    async with on_server() as (hands, server):
        await hands.press("s", "enter")
        assert "354" in hands.said
        assert server.received == b""


# -- logins

AUTH = {"EHLO": OFFER, "AUTH": b"334 UGFzc3dvcmQ6\r\n", "RESPONSE": b"235 2.7.0 ok\r\n"}


async def test_auth_as_filled_runs_the_exchange() -> None:
    async with on_server(answering({"AUTH": b"235 2.7.0 ok\r\n"}), replace(LOGIN, auth=("PLAIN",))) as (hands, server):
        await hands.press("space", "a")
        assert hands.app.main.line.ghost == "AUTH PLAIN"
        await hands.press("enter")
        token = base64.b64encode(b"\0alice\0wonderland")
        assert server.received.endswith(b"AUTH PLAIN " + token + b"\r\n")
        assert hands.here == "CONNECTED"
        assert "alice" in hands.header
        for secret in ("wonderland", token.decode()):
            assert secret not in hands.text


async def test_an_exchange_of_the_transport_shows_no_334_prompt() -> None:
    second = asyncio.Event()
    async with on_server(answering(AUTH, RESPONSE=second), replace(LOGIN, auth=("LOGIN",))) as (hands, _):
        await hands.press("space", "a")
        await hands.begin("enter")
        await hands.until(lambda: b"334" in hands.received)
        await hands.begin("i")
        assert hands.line.startswith(">")
        second.set()
        await hands.begin()


async def test_auth_without_credentials_asks_user_then_password() -> None:
    async with on_server(answering({"AUTH": b"235 2.7.0 ok\r\n"})) as (hands, server):
        await hands.press("space", "a", "right", "left", "right")
        await hands.press("escape", "escape")
        await hands.press("i", "ctrl+u", "escape", "a", "enter")
        assert hands.line.startswith("user>")
        assert "user name for AUTH CRAM-MD5" in hands.line
        sent = server.received
        await hands.write("alice")
        await hands.press("enter")
        assert hands.line.startswith("password>")
        await hands.write("wonderland")
        assert "wonderland" not in hands.text
        assert "••••••••••" in hands.line
        assert server.received == sent
        await hands.press("enter")
        assert b"AUTH CRAM-MD5\r\n" in server.received
        assert hands.here == "CONNECTED"
        assert hands.focus == "log"
        assert "wonderland" not in hands.text


@pytest.mark.parametrize("steps", [0, 1])
async def test_escape_leaves_the_credentials_unasked(steps: int) -> None:
    async with on_server() as (hands, server):
        await hands.press("space", "a", "enter")
        if steps:
            await hands.write("alice")
            await hands.press("enter")
        sent = server.received
        await hands.write("secret")
        await hands.press("escape")
        assert hands.focus == "log"
        await hands.press("i")
        assert hands.line.startswith(">")
        assert hands.app.main.line.value == ""
        assert server.received == sent


async def test_a_command_chosen_while_a_password_is_asked_is_no_password() -> None:
    async with on_server(answering({"AUTH": b"235 2.7.0 ok\r\n"})) as (hands, server):
        await hands.press("space", "a", "enter")
        await hands.write("alice")
        await hands.press("enter", "ctrl+p")
        await hands.write("noop")
        await hands.press("enter")
        assert hands.line.startswith("> NOOP")
        await hands.press("enter")
        assert server.received.endswith(b"NOOP\r\n")


async def test_edited_auth_goes_out_as_it_stands_and_the_334_asks() -> None:
    async with on_server(answering(AUTH), LOGIN) as (hands, server):
        await hands.press("space", "a", "right")
        await hands.press("ctrl+u")
        await hands.write("AUTH LOGIN")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n")
        assert hands.focus == "line"
        assert hands.line.startswith("334>")
        assert "* cancels" in hands.line
        await hands.write("d29uZGVybGFuZA==")
        assert "d29uZGVybGFuZA" not in hands.text
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\nd29uZGVybGFuZA==\r\n")
        assert hands.line.startswith(">")
        assert "d29uZGVybGFuZA" not in hands.text
        assert hands.app.main.line.history == ["AUTH LOGIN"]


async def test_a_star_cancels_at_the_334_prompt() -> None:
    async with on_server(answering({**AUTH, "RESPONSE": b"501 5.0.0 cancelled\r\n"})) as (hands, server):
        await hands.press("space", "i")
        await hands.write("AUTH LOGIN")
        await hands.press("enter")
        await hands.write("*")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n*\r\n")
        assert hands.line.startswith(">")


async def test_an_empty_response_is_a_response() -> None:
    async with on_server(answering(AUTH)) as (hands, server):
        await hands.press("space", "i")
        await hands.write("AUTH LOGIN")
        await hands.press("enter", "enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n\r\n")


async def test_while_a_334_waits_letters_say_why_not() -> None:
    async with on_server(answering(AUTH)) as (hands, server):
        await hands.press("space", "i")
        await hands.write("AUTH LOGIN")
        await hands.press("enter", "escape", "q")
        assert "waits for a response" in hands.said
        assert hands.app.main.line.ghost == ""
        assert server.received.endswith(b"AUTH LOGIN\r\n")


# -- pastes


async def test_a_pasted_line_goes_into_the_line_wherever_the_focus_is() -> None:
    async with on_server() as (hands, server):
        await hands.paste("NOOP pasted\n")
        assert hands.focus == "line"
        assert hands.app.main.line.value == "NOOP pasted"
        assert server.received == b""


@pytest.mark.parametrize(
    ("key", "octets"), [("1", b"NOOP a\r\nNOOP b\r\n"), ("2", b"NOOP a\r\nNOOP b\r\n"), ("3", b""), ("escape", b"")]
)
async def test_several_pasted_lines_open_as_a_list(key: str, octets: bytes) -> None:
    async with on_server() as (hands, server):
        await hands.press("i")
        await hands.paste("NOOP a\r\nNOOP b\n")
        assert hands.over is Pasted
        assert "2 lines" in hands.text
        assert server.received == b""
        await hands.press(key)
        assert hands.over is None
        assert server.received == octets
        assert hands.app.main.line.value == ("" if octets else r"NOOP a\r\nNOOP b")


@pytest.mark.parametrize("size", [(40, 12), (80, 23)], ids=["40x12", "80x23"])
async def test_what_can_be_done_with_pasted_lines_is_in_sight_at_any_size(size: tuple[int, int]) -> None:
    async with driven(size=size) as hands:
        await hands.paste("NOOP a\nNOOP b")
        for words in ("NOOP a", "NOOP b", "1 send line by line", "2 send in one write", "3 keep them in the line"):
            assert words in hands.text


async def test_line_by_line_waits_for_each_reply_and_one_write_does_not() -> None:
    for key, together in (("1", False), ("2", True)):
        first = asyncio.Event()
        async with on_server(answering(NOOP=first)) as (hands, server):
            await hands.paste("NOOP\nRSET\n")
            await hands.begin(key)
            await hands.until_sent(b"NOOP\r\n")
            assert (b"RSET" in hands.sent) == together
            first.set()
            await hands.settle()
            assert server.received == b"NOOP\r\nRSET\r\n"


async def test_pasted_lines_go_behind_what_was_typed_and_lose_nothing_of_it() -> None:
    async with on_server() as (hands, server):
        await hands.press("i")
        await hands.write("NOOP ")
        await hands.paste("a\nNOOP b")
        await hands.press("3")
        assert hands.app.main.line.value == r"NOOP a\r\nNOOP b"
        await hands.press("enter")
        assert server.received == b"NOOP a\r\nNOOP b\r\n"


async def test_lines_pasted_without_a_connection_are_kept() -> None:
    async with driven() as hands:
        await hands.paste("NOOP a\nNOOP b")
        await hands.press("1")
        assert hands.app.main.line.value == r"NOOP a\r\nNOOP b"
        assert "no connection" in hands.said


async def test_a_paste_under_a_mask_stays_under_it_and_is_not_sent() -> None:
    async with on_server() as (hands, server):
        await hands.press("space", "a", "enter")
        await hands.write("alice")
        await hands.press("enter")
        await hands.paste("secret1\nsecret2\n")
        assert "secret" not in hands.text
        sent = server.received
        await hands.press("1")
        assert server.received == sent
        assert "secret" not in hands.text


async def test_a_password_pasted_with_its_line_end_is_the_password() -> None:
    async with on_server(answering({"AUTH": b"235 2.7.0 ok\r\n"}), replace(PROFILE, auth=("PLAIN",))) as (
        hands,
        server,
    ):
        await hands.press("space", "a", "enter")
        await hands.write("alice")
        await hands.press("enter")
        await hands.paste("wonderland\n")
        await hands.press("enter")
        assert base64.b64encode(b"\0alice\0wonderland") in server.received


# -- history and completion


async def test_lines_are_history_but_no_secret_is(tmp_path: Path) -> None:
    history = History(tmp_path / "history")
    async with driven(history=history) as hands:
        await hands.press("i", "up")
        assert hands.app.main.line.value == ""
    async with on_server() as (hands, _):
        await hands.press("i")
        await hands.write("NOOP one")
        await hands.press("enter", "i")
        await hands.write("AUTH PLAIN AGEAYg==")
        await hands.press("enter", "i", "up")
        assert hands.app.main.line.value == "AUTH PLAIN"
        await hands.press("up")
        assert hands.app.main.line.value == "NOOP one"


async def test_tab_completes_verbs_parameters_and_addresses() -> None:
    async with on_server() as (hands, _):
        await hands.press("space", "i")
        await hands.write("ma")
        await hands.press("tab")
        assert hands.app.main.line.value == "MAIL FROM:<"
        await hands.press("tab")
        assert hands.app.main.line.value.startswith("MAIL FROM:<")
        await hands.press("ctrl+u")
        await hands.write("MAIL FROM:<al")
        await hands.press("tab")
        assert hands.app.main.line.value == "MAIL FROM:<alice@example.org>"
        await hands.write(" bo")
        await hands.press("tab")
        assert hands.app.main.line.value.startswith("MAIL FROM:<alice@example.org> BODY=")
        await hands.press("ctrl+u")
        await hands.write("AUTH cr")
        await hands.press("tab")
        assert hands.app.main.line.value == "AUTH CRAM-MD5"


async def test_a_line_without_a_connection_stays_and_says_the_way_out() -> None:
    async with driven() as hands:
        await hands.press("i")
        await hands.write("NOOP typed")
        await hands.press("enter")
        assert hands.app.main.line.value == "NOOP typed"
        assert "c connects" in hands.said


async def test_a_ghost_without_a_connection_stays_a_ghost() -> None:
    async with driven() as hands:
        await hands.press("e", "enter")
        assert hands.app.main.line.ghost == "EHLO client.test"
        assert hands.sent == b""
