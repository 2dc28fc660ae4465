"""Logins by hand: ``:auth`` with its words, and steps of AUTH that wait in the line."""

from __future__ import annotations

import asyncio
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
from textual.pilot import Pilot

from servers.scripted import Handler, Peer, ScriptedServer
from smtpscope.secret import Secret
from smtpscope.smtp.command import C
from smtpscope.smtp.events import Proposed
from tui.driving import OFFER, PROFILE, Driven, driven, on_server
from tui.recordings import EHLO_TLS, Recording
from tui.showing import app_on

PASSWORD = "wonderland"
KNOWN = replace(PROFILE, user="alice", password=Secret(PASSWORD))
ALICE = b"\0alice\0wonderland"
SIZES = pytest.mark.parametrize("size", [(80, 23), (120, 40)], ids=["80x23", "120x40"])


def saying(*replies: bytes, go: asyncio.Event | None = None) -> Handler:
    """A server that answers AUTH and what follows with these, and closes when ``go`` is set."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        await peer.line()
        await peer.send(OFFER)
        for reply in replies:
            await peer.line()
            await peer.send(reply)
        await (go.wait() if go is not None else peer.gone())

    return handler


def challenge(text: bytes) -> bytes:
    return b"334 " + b64encode(text) + b"\r\n"


NO = b"535 5.7.8 no\r\n"
EMPTY = challenge(b"")


@asynccontextmanager
async def by_hand(
    words: str, *replies: bytes, size: tuple[int, int] = (120, 40), go: asyncio.Event | None = None
) -> AsyncIterator[tuple[Driven, ScriptedServer]]:
    """The app after EHLO and ``:auth`` with these words."""
    async with on_server(saying(*replies, go=go), KNOWN, size=size) as (hands, server):
        await hands.press("space")
        await hands.command(f"auth {words}")
        yield hands, server


def nothing_secret(hands: Driven) -> None:
    """Neither the screen's text nor a picture of it has the password, or a form of it."""
    shown = hands.text + hands.app.export_screenshot()
    for form in (PASSWORD, b64encode(ALICE).decode(), b64encode(PASSWORD.encode()).decode(), PASSWORD.encode().hex()):
        assert form not in shown


# -- :auth


@pytest.mark.parametrize(
    ("words", "sent"),
    [
        ("plain", b"AUTH PLAIN " + b64encode(ALICE)),
        ("PLAIN authzid=root user=bob", b"AUTH PLAIN " + b64encode(b"root\0bob\0wonderland")),
        ("PLAIN initial=no", b"AUTH PLAIN\r\n" + b64encode(ALICE)),
        ("LOGIN initial=yes", b"AUTH LOGIN YWxpY2U=\r\n" + b64encode(b"wonderland")),
        ("LOGIN", b"AUTH LOGIN\r\nYWxpY2U=\r\n" + b64encode(b"wonderland")),
    ],
)
async def test_auth_logs_in_as_its_words_say(words: str, sent: bytes) -> None:
    asks = challenge(b"Password:" if words == "LOGIN initial=yes" else b"Username:")
    steps = sent.count(b"\r\n")
    replies = [EMPTY if words.startswith("PLAIN") else asks, challenge(b"Password:")][:steps]
    async with by_hand(words, *replies, b"235 2.7.0 ok\r\n") as (hands, server):
        assert server.received.endswith(b"\r\n" + sent + b"\r\n")
        assert hands.here == "CONNECTED"
        nothing_secret(hands)


async def test_auth_alone_takes_the_mechanism_that_would_be_taken() -> None:
    async with by_hand("", challenge(b"<1@x>"), b"235 2.7.0 ok\r\n") as (_, server):
        assert b"\r\nAUTH CRAM-MD5\r\n" in server.received


async def test_who_logs_in_is_asked_for_and_the_options_are_kept() -> None:
    async with on_server(saying(EMPTY, NO), PROFILE) as (hands, server):
        await hands.press("space")
        await hands.command("auth plain initial=no authzid=root user=bob")
        assert hands.line.startswith("password>")
        await hands.write(PASSWORD)
        await hands.press("enter")
        assert server.received.endswith(b"AUTH PLAIN\r\n" + b64encode(b"root\0bob\0wonderland") + b"\r\n")


async def test_external_asks_for_no_password() -> None:
    async with on_server(saying(NO), PROFILE) as (hands, server):
        await hands.press("space")
        await hands.command("auth external authzid=root")
        assert server.received.endswith(b"AUTH EXTERNAL " + b64encode(b"root") + b"\r\n")
        assert hands.app.profile.password is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("quack", "AUTH quack cannot be run here: choose one of"),
        ("plain pasword=x", "auth does not know the word pasword=: it takes MECHANISM user=NAME"),
        ("scram-sha-1-plus binding=tls", "binding= takes tls-exporter or"),
        ("scram-sha-1-plus", "a -PLUS mechanism binds the login to TLS: start TLS first"),
    ],
)
async def test_wrong_words_get_a_sentence(words: str, said: str) -> None:
    async with by_hand(words) as (hands, server):
        assert said in hands.said + " ".join(hands.log)
        assert b"AUTH" not in server.received


async def test_without_a_connection_it_says_so() -> None:
    async with on_server(profile=KNOWN, connect=False) as (hands, _):
        await hands.command("auth plain")
        assert "there is no connection: Esc, c connects" in hands.said


async def test_its_words_are_completed() -> None:
    async with on_server(saying()) as (hands, _):
        await hands.press("space", "colon")
        await hands.write("aut")
        await hands.press("tab")
        assert hands.app.main.line.value == "auth "
        await hands.press("tab")
        assert hands.app.main.line.value == "auth PLAIN", "what is offered comes first"
        await hands.press("tab", "tab")
        assert hands.app.main.line.value == "auth CRAM-MD5"
        await hands.write(" au")
        await hands.press("tab")
        assert hands.app.main.line.value == "auth CRAM-MD5 authzid="
        await hands.press("ctrl+u")
        await hands.write("auth SCRAM-SHA-1-PLUS binding=tls-u")
        await hands.press("tab")
        assert hands.app.main.line.value == "auth SCRAM-SHA-1-PLUS binding=tls-unique"


async def test_f2_on_a_filled_auth_gives_its_options() -> None:
    async with on_server(saying(NO), KNOWN) as (hands, server):
        await hands.press("space", "a", "f2")
        assert hands.app.main.line.prompt == ":"
        assert hands.app.main.line.value == "auth CRAM-MD5 "
        assert hands.footer.startswith("Enter run")
        await hands.press("ctrl+u")
        await hands.write("auth plain authzid=x")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH PLAIN " + b64encode(b"x" + ALICE) + b"\r\n")


async def test_f2_on_anything_else_says_what_it_is_for() -> None:
    async with on_server(saying()) as (hands, _):
        await hands.press("m", "f2")
        assert "only AUTH has another form" in hands.said
        assert hands.app.main.line.ghost.startswith("MAIL FROM")


# -- who logs in


async def test_another_user_is_said_and_known_from_now_on() -> None:
    async with by_hand("plain user=bob", NO, NO) as (hands, server):
        assert "bob is the user from now on" in hands.said
        await hands.command("auth plain user=bob")
        assert "from now on" not in hands.said
        assert server.received.count(b64encode(b"\0bob\0wonderland")) == 2


async def test_another_user_is_said_beside_a_step() -> None:
    async with by_hand("plain steps user=bob", NO) as (hands, _):
        assert "bob is the user from now on; Enter sends AUTH PLAIN and this with it, as base64" in " ".join(
            hands.said.split()
        )


@pytest.mark.parametrize("user", ["alice", None])
async def test_another_password_is_typed_for_the_next_login_which_is_not_begun(user: str | None) -> None:
    async with on_server(saying(NO, NO), replace(KNOWN, user=user)) as (hands, server):
        await hands.press("space")
        before = server.received
        await hands.command("password")
        if user is None:
            assert "user name for the next login" in hands.line
            await hands.write("alice")
            await hands.press("enter")
        assert hands.line.startswith("password>")
        assert "password of alice for the next login" in hands.line
        await hands.write("looking-glass")
        assert "looking-glass" not in hands.text
        await hands.press("enter")
        assert "the next login takes this password" in hands.said
        assert hands.focus == "log"
        assert server.received == before
        await hands.command("auth plain")
        assert server.received == before + b"AUTH PLAIN " + b64encode(b"\0alice\0looking-glass") + b"\r\n"
        assert "looking-glass" not in hands.text


async def test_no_password_is_asked_for_while_a_step_waits() -> None:
    async with by_hand("plain steps", NO) as (hands, _):
        await hands.press("escape")
        await hands.command("password")
        assert not hands.line.startswith("password>")
        assert "a step of AUTH waits in the line" in hands.said


# -- where AUTH does not belong

BARE = b"250 mail.test\r\n"
EARLY: dict[str, tuple[tuple[str, ...], bytes]] = {
    "before EHLO": ((), OFFER),
    "unadvertised": (("space",), BARE),
    "after HELO": (("h", "enter"), BARE),
    "twice": (("space", "a", "enter"), OFFER),
    "inside a transaction": (("space", "m", "enter"), OFFER),
}
"""Where -> the keys that lead there, and what EHLO is answered with."""


def no_wonder(hello: bytes) -> Handler:
    """A server that says yes to all but CRAM-MD5, which it lets in when it is answered."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        while line := await peer.line():
            verb = line.split()[0].upper()
            if verb == b"AUTH" and len(line.split()) == 2:
                await peer.send(challenge(b"<1@x>"))
                await peer.line()
            await peer.send(hello if verb == b"EHLO" else b"235 ok\r\n" if verb == b"AUTH" else b"250 ok\r\n")

    return handler


@pytest.mark.parametrize("way", ["a", "typed", ":auth", ":auth steps"])
@pytest.mark.parametrize("where", EARLY)
async def test_auth_where_it_does_not_belong_is_marked_and_sent(where: str, way: str) -> None:
    keys, hello = EARLY[where]
    async with on_server(no_wonder(hello), KNOWN) as (hands, server):
        await hands.press(*keys)
        before = server.received
        if way == "a":
            await hands.press("a")
        else:
            await hands.press("i" if way == "typed" else "colon")
            await hands.write("AUTH PLAIN xyz" if way == "typed" else way[1:].replace("auth", "auth plain"))
        assert hands.line.endswith("out of order")
        await hands.press("enter", *["enter"] * way.endswith("steps"))
        sent = server.received.removeprefix(before)
        assert sent.startswith(b"AUTH ")
        assert sent.count(b"AUTH ") == 1
        assert "235 ok" in hands.log[-1] + hands.log[-2] + hands.log[-3]


@pytest.mark.parametrize("words", ["plain", "plain steps"])
async def test_auth_in_the_message_text_is_impossible_and_not_sent(words: str) -> None:
    async with on_server(profile=KNOWN) as (hands, server):
        await hands.press("space", "m", "enter", "r", "enter", "d", "enter", "colon")
        await hands.write(f"auth {words}")
        assert hands.line.endswith("impossible now")
        await hands.press("enter")
        assert "in data mode this would become message text" in hands.log[-1]
        assert b"AUTH" not in server.received
        assert hands.line.startswith("data>")


# -- steps


@SIZES
async def test_a_step_is_offered_and_enter_sends_it(size: tuple[int, int]) -> None:
    async with by_hand("plain steps", b"235 2.7.0 ok\r\n", size=size) as (hands, server):
        assert hands.line.startswith(r"auth> \0alice\0{secret}")
        assert hands.line.endswith("* cancels; with AUTH")
        assert "Enter sends AUTH PLAIN and this with it, as base64" in hands.said
        assert hands.focus == "line"
        assert "F2 other form" in hands.footer
        assert b"AUTH" not in server.received
        nothing_secret(hands)
        await hands.press("enter")
        assert server.received.endswith(b"AUTH PLAIN " + b64encode(ALICE) + b"\r\n")
        assert hands.here == "CONNECTED"
        assert hands.focus == "log"
        assert hands.line.startswith(">")
        nothing_secret(hands)


@SIZES
async def test_the_authzid_of_plain_is_edited_and_the_password_stays_hidden(size: tuple[int, int]) -> None:
    async with by_hand("plain initial=no steps", EMPTY, NO, size=size) as (hands, server):
        await hands.press("right", "home")
        await hands.write("root")
        assert hands.line.startswith(r"auth> root\0alice\0{secret}")
        nothing_secret(hands)
        await hands.press("enter")
        assert server.received.endswith(b"\r\nAUTH PLAIN\r\n" + b64encode(b"root" + ALICE) + b"\r\n")
        nothing_secret(hands)
        assert r"root\0" not in hands.app.main.line.history


@pytest.mark.parametrize("initial", ["yes", "no"])
async def test_both_forms_of_login_step_by_step(initial: str) -> None:
    asks = [challenge(b"Username:")] * (initial == "no") + [challenge(b"Password:")]
    async with by_hand(f"login initial={initial} steps", *asks, b"235 2.7.0 ok\r\n") as (hands, server):
        assert hands.line.startswith("auth> alice ")
        await hands.press("enter")
        assert hands.line.startswith("auth> {secret} ")
        assert hands.focus == "line"
        await hands.press("enter")
        assert hands.here == "CONNECTED"
        nothing_secret(hands)
        assert b64encode(b"alice") + b"\r\n" + b64encode(b"wonderland") in server.received


async def test_the_user_of_scram_is_edited_and_the_proof_is_hidden() -> None:
    seen: list[bytes] = []

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        await peer.line()
        await peer.send(OFFER)
        seen.append(b64decode((await peer.line()).split()[2]))
        nonce = seen[0].rpartition(b"r=")[2]
        await peer.send(challenge(b"r=" + nonce + b"srv,s=c2FsdA==,i=4096"))
        seen.append(b64decode(await peer.line()))
        await peer.send(NO)
        await peer.gone()

    async with on_server(handler, KNOWN) as (hands, _):
        await hands.press("space")
        await hands.command("auth scram-sha-256 steps")
        line = hands.app.main.line
        assert line.ghost.startswith("n,,n=alice,r=")
        await hands.press("right", "home", *["right"] * 5, *["delete"] * 5)
        await hands.write("bob")
        await hands.press("enter")
        assert seen[0].startswith(b"n,,n=bob,r=")
        assert line.ghost.startswith("c=biws,r=")
        assert line.ghost.endswith(",p={secret}")
        await hands.press("enter")
        assert seen[1].startswith(b"c=biws,r=")
        assert seen[1].rpartition(b"p=")[2].decode() not in hands.text


async def test_a_star_cancels() -> None:
    async with by_hand("cram-md5 steps", challenge(b"<1@x>"), b"501 5.7.0 cancelled\r\n") as (hands, server):
        assert hands.app.main.line.ghost == "alice {secret}"
        await hands.write("*")
        assert hands.line.endswith("cancels AUTH")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH CRAM-MD5\r\n*\r\n")
        assert "501 5.7.0 cancelled" in hands.log[-1] + hands.log[-2]
        assert hands.focus == "log"


async def test_a_star_for_what_goes_along_with_auth_sends_nothing() -> None:
    async with by_hand("plain steps") as (hands, server):
        await hands.write("*")
        await hands.press("enter")
        assert "AUTH PLAIN was not sent: its first step was cancelled" in hands.log[-1]
        assert b"AUTH" not in server.received
        assert hands.line.startswith(">")
        assert hands.focus == "log"


@SIZES
async def test_f2_shows_what_goes_out_and_bad_base64_can_be_sent(size: tuple[int, int]) -> None:
    async with by_hand("plain initial=no steps", EMPTY, b"501 5.5.2 bad\r\n", size=size) as (hands, server):
        await hands.press("f2")
        assert hands.line.startswith("auth> {base64} ")
        assert hands.line.endswith("* cancels; as it is")
        await hands.press("right")
        await hands.write("!!")
        await hands.press("f2")
        assert hands.line.startswith(r"auth> \0alice\0{secret}")
        await hands.press("f2")
        assert hands.line.startswith("auth> {base64}!!"), "what was made of it in a form is kept"
        await hands.press("enter")
        assert server.received.endswith(b"AUTH PLAIN\r\n" + b64encode(ALICE) + b"!!\r\n")
        nothing_secret(hands)


async def test_f2_shows_the_base64_where_nothing_is_secret() -> None:
    async with by_hand("login steps", challenge(b"Username:"), NO) as (hands, server):
        await hands.press("f2")
        assert hands.app.main.line.ghost == "YWxpY2U="
        await hands.write("!")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n!\r\n")


async def test_f2_shows_the_base64_of_what_stands_there_and_that_goes_out() -> None:
    async with by_hand("login steps", challenge(b"Username:"), challenge(b"Password:"), NO) as (hands, server):
        await hands.press("ctrl+u")
        await hands.write("bob")
        await hands.press("f2")
        assert hands.app.main.line.value == "Ym9i"
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\nYm9i\r\n")
        assert "= bob" in hands.text, "a name is no secret"
        await hands.press("ctrl+u")
        await hands.write("looking-glass")
        await hands.press("f2")
        assert hands.app.main.line.value == b64encode(b"looking-glass").decode()
        await hands.press("f2", "enter")
        assert server.received.endswith(b64encode(b"looking-glass") + b"\r\n")
        assert b64encode(b"wonderland") not in server.received
        assert "looking-glass" not in hands.text, "a password typed by hand is one"


async def test_f2_shows_the_text_of_the_base64_that_stands_there() -> None:
    async with by_hand("login steps", challenge(b"Username:"), NO) as (hands, server):
        await hands.press("f2", "ctrl+u")
        await hands.write("Ym9i")
        await hands.press("f2")
        assert hands.app.main.line.value == "bob"
        await hands.write("by")
        await hands.press("f2", "enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n" + b64encode(b"bobby") + b"\r\n")


async def test_a_changed_step_with_its_secret_goes_out_from_its_base64() -> None:
    async with by_hand("plain initial=no steps", EMPTY, NO) as (hands, server):
        await hands.press("right", "home")
        await hands.write("root")
        await hands.press("f2")
        assert hands.line.startswith("auth> {base64} ")
        await hands.press("enter")
        assert server.received.endswith(b64encode(b"root" + ALICE) + b"\r\n")
        nothing_secret(hands)


@pytest.mark.parametrize("keys", [("f2",), ("f2", "f2"), ("escape", "colon", "escape", "i")])
async def test_an_emptied_step_stays_empty(keys: tuple[str, ...]) -> None:
    async with by_hand("login steps", challenge(b"Username:"), NO) as (hands, server):
        await hands.press("ctrl+u", *keys)
        assert hands.app.main.line.value == hands.app.main.line.ghost == ""
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n\r\n")


async def test_what_was_made_of_a_step_is_there_after_a_command() -> None:
    async with by_hand("login steps", challenge(b"Username:"), NO) as (hands, server):
        await hands.press("ctrl+u")
        await hands.write("bob")
        await hands.press("escape")
        await hands.command("time")
        await hands.press("i")
        assert hands.app.main.line.value == "bob"
        await hands.press("enter")
        assert server.received.endswith(b"AUTH LOGIN\r\nYm9i\r\n")


async def test_a_line_end_cannot_make_a_command_of_the_rest() -> None:
    async with by_hand("login steps", challenge(b"Username:"), NO) as (hands, server):
        await hands.press("f2")
        await hands.write(r"x\r\nRSET")
        await hands.press("enter")
        assert "a response is one line" in hands.said
        assert hands.app.main.line.value == r"x\r\nRSET"
        assert server.received.endswith(b"AUTH LOGIN\r\n")
        await hands.press("ctrl+u", "enter")
        assert server.received.endswith(b"AUTH LOGIN\r\n\r\n")


async def test_escape_leaves_the_step_where_it_is_and_nothing_else_is_sent_meanwhile() -> None:
    async with by_hand("plain steps", NO) as (hands, server):
        await hands.press("escape")
        assert hands.focus == "log"
        assert "a step of AUTH waits in the line: i, then Enter" in hands.footer
        for keys in (["m"], ["space"], ["f5"], ["s"]):
            await hands.press(*keys)
        await hands.command("auth login")
        await hands.command("repeat 2")
        assert b"AUTH" not in server.received
        assert server.connections == 1
        await hands.press("i")
        assert hands.line.startswith(r"auth> \0alice\0{secret}")
        await hands.press("enter")
        assert server.received.endswith(b"AUTH PLAIN " + b64encode(ALICE) + b"\r\n")


async def test_what_was_typed_for_the_wire_is_there_after_the_login() -> None:
    async with on_server(saying(NO), KNOWN) as (hands, server):
        await hands.press("space", "i")
        await hands.write("NOOP kept")
        await hands.press("escape")
        await hands.command("auth plain steps")
        assert hands.app.main.line.value == ""
        await hands.press("enter")
        assert hands.app.main.line.value == "NOOP kept"
        assert b"kept" not in server.received


@pytest.mark.parametrize("words", ["plain steps", "plain initial=no steps"])
async def test_the_prompt_goes_away_when_the_server_closes(words: str) -> None:
    go = asyncio.Event()
    async with by_hand(words, *([EMPTY] if "initial" in words else []), go=go) as (hands, server):
        assert hands.line.startswith("auth>")
        go.set()
        await hands.until(lambda: hands.here == "NONE")
        await hands.settle()
        assert hands.line.startswith(">")
        assert hands.app.main.line.value == hands.app.main.line.ghost == ""
        assert hands.focus == "log"
        assert b64encode(ALICE) not in server.received


async def test_the_prompt_goes_away_with_a_drop() -> None:
    async with by_hand("plain steps", go=asyncio.Event()) as (hands, _):
        await hands.press("ctrl+right_square_bracket")
        assert hands.here == "NONE"
        assert hands.line.startswith(">")
        assert hands.focus == "log"


async def test_a_replay_sends_what_was_sent_and_asks_nothing() -> None:
    async with by_hand("plain steps", NO) as (hands, server):
        await hands.press("right", "home")
        await hands.write("x")
        await hands.press("enter", "ctrl+r")
        assert server.connections == 2
        assert server.received.count(b"AUTH PLAIN " + b64encode(b"x" + ALICE)) == 2
        assert hands.line.startswith(">")


async def test_a_replay_while_a_step_waits_comes_to_that_step_again() -> None:
    async with by_hand("login steps", challenge(b"Username:"), challenge(b"Password:"), NO) as (hands, server):
        await hands.press("enter")
        assert hands.line.startswith("auth> {secret}")
        await hands.press("ctrl+r")
        assert server.connections == 2
        assert hands.line.startswith("auth> {secret}")
        assert b64encode(b"wonderland") not in server.received
        await hands.press("enter")
        assert hands.line.startswith(">")
        assert hands.received.endswith(NO)


async def test_a_recording_says_that_nothing_can_be_sent() -> None:
    events = Recording().connect().says(b"220 mail.test ESMTP\r\n", 0.01)
    events.event(Proposed(events.at, "PLAIN", "x", True))
    async with driven(events=events.recorder[:], recording=True) as hands:
        assert hands.line.startswith(">"), "what waited then does not wait now"
        await hands.command("auth plain")
        assert "this is a recording: nothing can be sent" in hands.said


@pytest.mark.parametrize("along", [True, False])
@pytest.mark.parametrize("coded", [True, False])
async def test_beside_a_long_step_there_is_room_for_the_ways_out(along: bool, coded: bool) -> None:
    words = f"xoauth2 steps user=somebody@mail.example.test initial={'yes' if along else 'no'}"
    async with by_hand(words, EMPTY, size=(80, 23)) as (hands, _):
        await hands.press(*["f2"] * coded)
        await hands.write("".join("abcdefghij" for _ in range(9)))
        assert hands.line.endswith("with AUTH" if along else "as it is" if coded else "as base64")
        assert "* cancels; " in hands.line


async def test_a_step_has_room_on_a_small_screen() -> None:
    async with by_hand("plain steps", size=(40, 12)) as (hands, _):
        assert hands.line.startswith(r"auth> \0alice\0{secret}")
        assert "* can" in hands.line


async def test_help_knows_the_steps() -> None:
    async with on_server(saying(), size=(120, 200)) as (hands, _):
        await hands.press("question_mark")
        assert "each step of ours waits in the line" in hands.text
        assert "F2" in hands.text


@pytest.mark.parametrize("coded", [False, True], ids=["text", "coded"])
@SIZES
def test_a_step_that_waits_looks(size: tuple[int, int], coded: bool, snap_compare: Callable[..., bool]) -> None:
    recording = Recording().connect().says(b"220 mx1.example.org ESMTP Postfix\r\n", 0.012)
    recording.exchange(b"EHLO client.example.net", C.EHLO, EHLO_TLS, 0.002)
    recording.send(b"AUTH PLAIN", C.AUTH, user="alice").says(b"334 \r\n", 0.004)
    app = app_on(recording.event(Proposed(recording.at, "PLAIN", r"\0alice\0{secret}")).recorder)

    async def show(pilot: Pilot[int]) -> None:
        await pilot.pause()
        app.catch_up()
        if coded:
            app.do_form()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=show)
