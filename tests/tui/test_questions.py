"""What only the user can decide: a row, a text and numbered answers; only a digit answers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from servers import certificates
from servers.scripted import END_OF_DATA, Handler, Peer, ScriptedServer
from smtpscope.secret import Secret
from smtpscope.smtp.events import Asked
from smtpscope.tui.screens import Help
from tui.driving import OFFER, PROFILE, Driven, answering, driven, on_server
from tui.recordings import questioned

TLS_OFFER = b"250-mail.test\r\n250 STARTTLS\r\n"
SMALL, WIDE = (80, 23), (120, 40)
SIZES = pytest.mark.parametrize("size", [SMALL, WIDE, (40, 12)], ids=["80x23", "120x40", "40x12"])
TLS = replace(PROFILE, tls="starttls")


def starttls(kind: str = "untrusted", injected: bytes = b"") -> Handler:
    """A server with a certificate of that kind, and octets behind its 220."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(TLS_OFFER)
        await peer.line()
        await peer.send(b"220 2.0.0 go\r\n" + injected)
        await peer.starttls(certificates.server_context(kind))
        await answering({"BANNER": b""})(peer)

    return handler


def early(peer_has: asyncio.Event | None = None) -> Handler:
    """A server that refuses a long message before the dot."""

    async def handler(peer: Peer) -> None:
        for reply in (b"220 mail.test\r\n", OFFER, b"250 ok\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
            await peer.send(reply)
            if not reply.startswith(b"354"):
                await peer.line()
        await peer.read_exactly(100_000)
        await peer.send(b"552 5.3.4 too big\r\n")
        await peer.read_until(END_OF_DATA)
        await peer.send(b"250 2.0.0 taken all the same\r\n")
        await peer.gone()

    return handler


LONG = replace(PROFILE, data=b"x" * 70 + b"\r\n" + (b"y" * 70 + b"\r\n") * 500_000)


@asynccontextmanager
async def asked(kind: str, size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[Driven, ScriptedServer]]:
    """The app with a question of that kind standing."""
    if kind in ("certificate", "injected"):
        handler = starttls() if kind == "certificate" else starttls("good", b"250 evil\r\n")
        async with on_server(handler, TLS, size=size) as (hands, server):
            await hands.press("space")
            await hands.begin("space")
            await standing(hands)
            yield hands, server
    elif kind in ("timeout", "forget"):
        verb = "NOOP" if kind == "timeout" else "DATA"
        silent = answering({verb: b""})
        async with on_server(silent, size=size) as (hands, server):
            await hands.press("space", "o" if kind == "timeout" else "d")
            hands.app.call("set_timeout", 0.05)  # not before: what is answered may take its time
            await hands.begin("enter")
            await standing(hands)
            if kind == "forget":
                await hands.begin("3")
                await hands.until(lambda: hands.app.question is not None and hands.app.question.kind == "forget")
            yield hands, server
    elif kind == "early":
        async with on_server(early(), LONG, size=size) as (hands, server):
            await hands.press("space", "space", "space", "space", "space")
            assert hands.here == "DATA"
            await hands.begin("space")
            await standing(hands)
            yield hands, server
    else:
        assert kind == "leave"
        async with on_server(size=size) as (hands, server):
            await hands.press("space", "space", "space", "space", "space", "space")
            assert hands.here == "SEND_STREAM"
            await hands.press("ctrl+q")
            yield hands, server


async def standing(hands: Driven) -> None:
    await hands.until(lambda: hands.app.question is not None)


ANSWERS = {
    "certificate": ("1 close", "2 go on, once"),
    "injected": ("1 drop", "2 discard them and go on"),
    "timeout": ("1 wait as long again", "2 drop", "3 forget it"),
    "forget": ("1 as refused", "2 as 354: send text"),
    "early": ("1 drop", "2 go on with the text", "3 send the dot now"),
    "leave": ("1 stay", "2 leave"),
}
TEXTS = {
    "certificate": "127.0.0.1: ",
    "injected": "10 octets came in clear behind the 220 of STARTTLS",
    "timeout": "the reply to NOOP has not come",
    "forget": "take the DATA that got no reply",
    "early": "the server said 552 before the dot",
    "leave": "a message is half sent",
}


@SIZES
@pytest.mark.parametrize("kind", ANSWERS)
async def test_text_and_answers_stand_in_sight_whatever_the_size(kind: str, size: tuple[int, int]) -> None:
    async with asked(kind, size) as (hands, _):
        assert TEXTS[kind] in hands.said
        for answer in ANSWERS[kind]:
            assert answer in hands.said
        if size == WIDE:
            assert TEXTS[kind][:30] in hands.inspector.split("\n")[1], "it stands above everything else"
        row = next(row for row in hands.log[::-1] if TEXTS[kind] in row)
        assert row.startswith("===")
        assert "a question stands" in hands.header or size == (40, 12) or kind == "leave"
        await hands.begin("1")


@pytest.mark.parametrize("kind", ANSWERS)
async def test_nothing_but_a_digit_answers(kind: str) -> None:
    async with asked(kind) as (hands, _):
        question = hands.app.question
        events = len(hands.app.recorder)
        sent = hands.sent
        await hands.begin("space", "f5", "enter", "f6", "y", "9", "space")
        assert hands.app.question is question
        assert hands.sent == sent
        assert len(hands.app.recorder) == events
        await hands.begin("1")


@pytest.mark.parametrize("kind", ANSWERS)
async def test_escape_lays_it_aside_and_the_digits_are_panes_again(kind: str) -> None:
    async with asked(kind) as (hands, _):
        await hands.begin("escape")
        assert hands.app.question is None
        await hands.begin("1")
        assert hands.focus == "picture"
        assert hands.app.is_running
        events = len(hands.app.recorder)
        await hands.begin("ctrl+q" if kind == "leave" else "question_mark")
        assert hands.over is None
        assert ANSWERS[kind][1] in hands.said
        assert len(hands.app.recorder) == events
        await hands.begin("1")


async def test_a_question_before_help() -> None:
    """While it stands in sight ``?`` is help as ever."""
    async with asked("timeout") as (hands, _):
        await hands.begin("question_mark")
        assert hands.over is Help
        await hands.begin("escape")
        assert ANSWERS["timeout"][0] in hands.said
        await hands.begin("2")


async def test_nothing_is_sent_while_it_stands_and_a_typed_line_stays() -> None:
    async with asked("timeout") as (hands, server):
        await hands.begin("i")
        await hands.write_on("RSET")
        await hands.begin("enter")
        assert hands.app.main.line.value == "RSET"
        assert "RSET" not in hands.sent.decode()
        assert "a question stands" in hands.said
        await hands.begin("escape")
        assert hands.focus == "log"
        await hands.press("2")
        assert server.received == b"EHLO client.test\r\nNOOP\r\n"


async def test_another_digit_says_what_can_be_answered() -> None:
    async with asked("timeout") as (hands, _):
        await hands.begin("7")
        assert "answer with 1 to 3" in hands.said
        assert ANSWERS["timeout"][2] in hands.said
        await hands.begin("2")


# -- what the answers do


async def test_a_bad_certificate_closes_or_goes_on_once() -> None:
    async with asked("certificate") as (hands, _):
        await hands.press("1")
        assert hands.here == "NONE"
        assert "certificate" in hands.header
        assert "c connects again" in hands.header
    async with asked("certificate") as (hands, server):
        await hands.press("2")
        assert hands.here == "BANNER"
        assert "✗" in hands.header
        assert "certificate" in hands.header
        await hands.press("space")
        assert "✗" in hands.header
        assert server.received.endswith(b"EHLO client.test\r\n")


async def test_octets_behind_the_220_are_shown_and_discarded() -> None:
    trusting = replace(TLS, tls_insecure=True)
    async with on_server(starttls("good", b"250 evil\r\n"), trusting) as (hands, _):
        await hands.press("space")
        await hands.begin("space")
        await standing(hands)
        assert any("250 evil" in row for row in hands.log)
        await hands.press("2")
        assert hands.here == "BANNER"
        assert "TLS1.3" in hands.header


async def test_a_late_reply_is_taken_after_all() -> None:
    reply = asyncio.Event()
    async with on_server(answering(NOOP=reply)) as (hands, _):
        await hands.press("o")
        hands.app.call("set_timeout", 0.05)  # not before: connecting may take its time
        await hands.begin("enter")
        await standing(hands)
        assert any("no reply within 0.05 s" in row for row in hands.log)
        assert "waiting" in hands.header or "question" in hands.header
        reply.set()
        await hands.until(lambda: b"250 2.0.0 Ok" in hands.received)
        await hands.begin("1")
        await hands.settle()
        assert hands.app.question is None
        assert not hands.app.view.machine.pending
        assert hands.here == "BANNER"


@pytest.mark.parametrize(("digit", "here"), [("1", "RCPT"), ("2", "DATA")])
async def test_a_data_without_an_answer_is_forgotten_as_the_user_says(digit: str, here: str) -> None:
    async with on_server(answering({"DATA": b""}), replace(PROFILE, timeout=0.2)) as (hands, _):
        await hands.press("space", "space", "space", "space", "d")
        await hands.begin("enter")
        await standing(hands)
        await hands.begin("3")
        await hands.until(lambda: hands.app.question is not None and hands.app.question.kind == "forget")
        await hands.press(digit)
        assert hands.here == here
        assert hands.line.startswith("data>" if here == "DATA" else ">")


async def test_after_an_early_refusal_the_dot_can_go_out_at_once() -> None:
    async with asked("early") as (hands, _):
        await hands.begin("3")
        await hands.until(lambda: hands.here == "SEND_MESSAGE")
        assert hands.sent.endswith(b"\r\n.\r\n")
        assert len(hands.sent) < len(LONG.data or b"")


async def test_leaving_with_a_half_sent_message_is_asked() -> None:
    async with asked("leave") as (hands, _):
        await hands.press("1")
        assert hands.app.is_running
        assert hands.here == "SEND_STREAM"
        assert "half sent" not in hands.said
        await hands.press("ctrl+q", "2")
        assert not hands.app.is_running


async def test_leaving_is_not_asked_otherwise() -> None:
    async with on_server() as (hands, _):
        await hands.press("space", "space", "space", "space", "space")
        assert hands.here == "DATA"
        await hands.press("ctrl+q")
        assert not hands.app.is_running


async def test_leaving_is_asked_in_sight_even_from_help() -> None:
    async with on_server() as (hands, _):
        await hands.press("space", "space", "space", "space", "space", "space", "question_mark", "ctrl+q")
        assert hands.over is None
        assert "half sent" in hands.said
        await hands.press("1")
        assert hands.app.is_running


async def test_auth_in_clear_is_asked() -> None:
    """Only off the loopback; here as a recording of such a session."""
    from smtpscope.smtp.events import Asked
    from tui.recordings import EHLO_TLS, C, Recording

    recording = Recording().connect().says(b"220 mx1.example.org\r\n", 0.01).exchange(b"EHLO me", C.EHLO, EHLO_TLS)
    text = "AUTH PLAIN would show the password to everyone on the way: the link has no TLS"
    recording.event(Asked(recording.at, "clear", text, ("do not send it", "send it, once")))
    async with driven(replace(PROFILE, password=Secret("x")), recording.recorder) as hands:
        assert text in hands.said
        assert "1 do not send it" in hands.said


async def test_the_end_of_the_connection_takes_the_question_with_it() -> None:
    async with asked("timeout") as (hands, _):
        await hands.press("ctrl+right_square_bracket")
        assert hands.app.question is None
        assert "1 wait" not in hands.said
        assert hands.here == "NONE"


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x23", "120x40"])
async def test_a_reply_in_clear_behind_the_220_of_starttls_is_explained_as_never_used(size: tuple[int, int]) -> None:
    """It looks like any other, and what it says was not done."""
    async with asked("injected", size) as (hands, _):
        await hands.press("escape")
        while "250 evil" not in hands.log[hands.app.main.cursor_row]:
            await hands.press("k")
        assert "Never used: it came in clear behind the 220 of STARTTLS" in hands.said
        assert "success" not in hands.said
        await hands.press("k")
        assert "220" in hands.said
        assert "Never used" not in hands.said


@pytest.mark.parametrize("size", [(40, 12), SMALL, WIDE], ids=["40x12", "80x23", "120x40"])
async def test_a_long_question_is_cut_and_its_answers_are_not(size: tuple[int, int]) -> None:
    """Whoever runs the server chooses how long a certificate's names are."""
    names = ", ".join(f"{letter * 60}.example.test" for letter in "abcdefgh")
    answers = ("close", "go on, once", "go on for this server and this certificate")
    events = [*questioned()[:-1], Asked(9.0, "certificate", f"mx: the certificate is for {names} " * 3, answers)]
    async with driven(PROFILE, events, size=size) as hands:
        await hands.take()
        shown = " ".join(hands.text.replace("▏", " ").split())
        assert "1 close 2 go on, once" in shown
        assert "3 go on for this server and this certificate" in shown
        assert "mx: the certificate is for" in shown
        assert "…" in hands.text


# -- once, laid out for the room there is, and with numbers only while digits answer


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x23", "120x40"])
@pytest.mark.parametrize("kind", ANSWERS)
async def test_a_question_stands_on_the_screen_once(kind: str, size: tuple[int, int]) -> None:
    async with asked(kind, size) as (hands, _):
        assert hands.said.count(TEXTS[kind]) == 1
        assert hands.text.count(ANSWERS[kind][0]) == 1, "its numbers are not in the log too"
        await hands.begin("enter")
        assert " ".join(hands.inspector.replace("▏", " ").split()).count(TEXTS[kind]) == 1
        assert hands.text.count(ANSWERS[kind][0]) == 1
        await hands.begin("1")


async def test_over_the_log_the_inspector_lays_it_out_for_its_own_width() -> None:
    """It had none while it was hidden."""
    async with asked("certificate", SMALL) as (hands, _):
        await hands.begin("enter")
        assert not hands.app.main.explanation.display
        assert " 1 close   2 go on, once   3 go on for this server and this certificate" in hands.inspector
        await hands.begin("1")


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x23", "120x40"])
async def test_laid_aside_its_numbers_are_gone_until_it_is_brought_back(size: tuple[int, int]) -> None:
    async with asked("certificate", size) as (hands, _):
        await hands.begin("escape")
        assert "laid aside: ? brings it back" in hands.said
        assert TEXTS["certificate"] in hands.said
        assert "1 close" not in hands.text
        await hands.begin("question_mark")
        assert "1 close" in hands.said
        assert "laid aside" not in hands.text
        await hands.press("1")
        await hands.until(lambda: hands.here == "NONE")
        assert "laid aside" not in hands.said


@pytest.mark.parametrize("size", [SMALL, WIDE], ids=["80x23", "120x40"])
async def test_a_bad_certificate_comes_with_the_ways_on(size: tuple[int, int]) -> None:
    async with asked("certificate", size) as (hands, _):
        assert "--tls-ca-path FILE trusts a private CA" in hands.said
        assert ":pem FILE saves it" in hands.said
        await hands.begin("enter")
        while "[tls]" not in hands.inspector:
            await hands.begin("right")
        assert "CA verdict" in hands.inspector
        assert "1 close" in hands.inspector
        await hands.begin("1")


async def test_an_old_question_tells_what_could_be_answered_without_numbers() -> None:
    async with asked("certificate") as (hands, _):
        await hands.press("1")
        while "127.0.0.1: the " not in hands.log[hands.app.main.log_view.cursor]:
            await hands.press("k")
        assert "the answers were: close; go on, once" in hands.said
        assert "1 close" not in hands.text


async def test_closing_for_the_certificate_is_told_in_one_row() -> None:
    async with asked("certificate") as (hands, _):
        await hands.press("1")
        await hands.until(lambda: hands.here == "NONE")
        assert sum("closed because of the certificate" in row for row in hands.log) == 1
        assert "closed because of the certificate; c connects again" in hands.header


@pytest.mark.parametrize("kind", ["certificate", "timeout", "leave"])
async def test_the_footer_of_a_question_lists_only_what_works(kind: str) -> None:
    async with asked(kind, (200, 40)) as (hands, _):
        assert "a number answers the question" in hands.footer
        for words in (" EHLO", " NOOP", " QUIT", " go ", " line ", " later"):
            assert words not in f"{hands.footer} ", words
        assert "palette" in hands.footer
        await hands.begin("escape")
        if kind != "leave":
            assert " EHLO" not in hands.footer
            await hands.begin("i")
            assert "Enter send" not in hands.footer
            await hands.begin("escape", "question_mark")
        await hands.begin("1")
