"""AUTH on the wire: exact octets, exactly the secret ones hidden, and servers that ask for too much."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers.scripted import Peer
from smtp.events_seen import EHLO, GREETING, C, Talk, greet_to_data, talking
from smtpscope.secret import Secret
from smtpscope.smtp import dialing
from smtpscope.smtp.errors import ConnectionLost, Declined, NotConnected, ReplyTimeout
from smtpscope.smtp.events import Asked, Issued, Sent
from smtpscope.smtp.sasl import MECHANISMS, Response

USER, PASSWORD = "alice", "wonderland"
USER64, PASSWORD64, PLAIN64 = b"YWxpY2U=", b"d29uZGVybGFuZA==", b"AGFsaWNlAHdvbmRlcmxhbmQ="
CHALLENGE = b"<1896.697170952@mail.test>"
CRAM64 = base64.b64encode(
    USER.encode() + b" " + hmac.new(PASSWORD.encode(), CHALLENGE, hashlib.md5).hexdigest().encode()
)
WELCOME = b"235 2.7.0 welcome\r\n"

Script = Sequence[tuple[bytes | None, bytes]]


def no_secret_is_shown(talk: Talk) -> None:
    """No octet of a secret stands outside of a span, nor in any other event's text."""
    shown = b""
    for event in talk.seen.events:
        if isinstance(event, Sent):
            data = bytearray(event.data)
            for start, end in event.secrets:
                data[start:end] = b"*" * (end - start)
            shown += bytes(data)
        else:
            shown += repr(event).encode()
    shown += repr([(entry.line, entry.verb) for entry in talk.machine.pending]).encode()
    for secret in (PASSWORD64, PLAIN64, CRAM64, PASSWORD.encode()):
        assert secret not in shown


EXCHANGES: dict[str, tuple[str, Script, bytes, bytes]] = {
    "PLAIN": ("plain", [(b"AUTH PLAIN ", WELCOME)], b"AUTH PLAIN " + PLAIN64 + b"\r\n", PLAIN64),
    "LOGIN": (
        "LOGIN",
        [(b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), (USER64, b"334 UGFzc3dvcmQ6\r\n"), (PASSWORD64, WELCOME)],
        b"AUTH LOGIN\r\n" + USER64 + b"\r\n" + PASSWORD64 + b"\r\n",
        PASSWORD64,
    ),
    "LOGIN, prompts swapped": (
        "LOGIN",
        [(b"AUTH LOGIN", b"334 UGFzc3dvcmQ6\r\n"), (PASSWORD64, b"334 VXNlcm5hbWU6\r\n"), (USER64, WELCOME)],
        b"AUTH LOGIN\r\n" + PASSWORD64 + b"\r\n" + USER64 + b"\r\n",
        PASSWORD64,
    ),
    "CRAM-MD5": (
        "CRAM-MD5",
        [(b"AUTH CRAM-MD5", b"334 " + base64.b64encode(CHALLENGE) + b"\r\n"), (CRAM64, WELCOME)],
        b"AUTH CRAM-MD5\r\n" + CRAM64 + b"\r\n",
        CRAM64,
    ),
}


@pytest.mark.parametrize("name", EXCHANGES)
async def test_each_mechanism_is_exact_on_the_wire_and_hides_its_secrets_and_no_more(name: str) -> None:
    mechanism, script, wire, hidden = EXCHANGES[name]
    async with talking([GREETING, EHLO, *script], want_login=True) as talk:
        await talk.transport.command_ehlo("me.test")
        assert talk.here() is C.EHLO
        reply = await talk.transport.command_auth(mechanism, USER, Secret(PASSWORD))
        assert (reply.code, reply.text) == (235, "2.7.0 welcome")
        assert talk.server.received == b"EHLO me.test\r\n" + wire
        assert talk.seen.hidden == hidden
        no_secret_is_shown(talk)
        facts = talk.machine.facts
        assert (facts.auth, facts.user, facts.mechanism) == (True, USER, mechanism.upper())
        issued = talk.seen.of(Issued)[-1]
        assert (issued.step, issued.line, issued.user) == (C.AUTH, f"AUTH {mechanism.upper()}", USER)
        assert talk.here() is C.CONNECTED


async def test_a_password_of_any_octets_goes_out_as_it_is() -> None:
    octets = b"\xff\xfe w\xc3\xb6rter"
    expected = base64.b64encode(b"\0alice\0" + octets)
    async with talking([GREETING, (b"AUTH PLAIN " + expected, WELCOME)]) as talk:
        assert (await talk.transport.command_auth("PLAIN", USER, Secret(octets))).code == 235
        assert talk.seen.hidden == expected


async def test_a_refused_login_is_a_reply_and_the_session_goes_on() -> None:
    async with talking([GREETING, EHLO, (b"AUTH", b"535 5.7.8 no\r\n"), (b"NOOP", b"250 ok\r\n")]) as talk:
        await talk.transport.command_ehlo("me.test")
        assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD)).code == 535
        assert talk.machine.facts.auth_refused
        assert (await talk.transport.custom("NOOP")).code == 250


async def test_a_mechanism_that_cannot_be_run_sends_nothing() -> None:
    async with talking([GREETING]) as talk:
        events = len(talk.seen.events)
        with pytest.raises(ValueError, match="cannot be run here"):
            await talk.transport.command_auth("GSSAPI", USER, PASSWORD)
        with pytest.raises(ValueError, match="start TLS first"):
            await talk.transport.command_auth("SCRAM-SHA-256-PLUS", USER, PASSWORD)
        with pytest.raises(ValueError, match="NUL"):
            await talk.transport.command_auth("PLAIN", "a\0b", PASSWORD)
        assert len(talk.seen.events) == events


@pytest.mark.parametrize("challenge", [b"334 !!!not base64!!!", b"334 Username:", b"334-VXNlcg==\r\n334 VXNlcm5hbWU6"])
async def test_a_challenge_that_is_no_base64_is_cancelled_and_said(challenge: bytes) -> None:
    script = [GREETING, (b"AUTH CRAM-MD5", challenge + b"\r\n"), (b"*", b"501 5.7.0 cancelled\r\n")]
    async with talking(script) as talk:
        assert (await talk.transport.command_auth("CRAM-MD5", USER, PASSWORD)).code == 501
        assert talk.server.received == b"AUTH CRAM-MD5\r\n*\r\n"
        assert talk.seen.hidden == b""
        assert talk.seen.ends == ["AUTH CRAM-MD5 was cancelled: the challenge is not base64"]


@pytest.mark.parametrize("prompts", [(b"VXNlcm5hbWU6", b"UGFzc3dvcmQ6"), (b"VXNlciBOYW1lAA==", b"UGFzc3dvcmQA")])
@pytest.mark.parametrize("swapped", [False, True])
async def test_login_is_run_whatever_the_prompts_are(prompts: tuple[bytes, bytes], swapped: bool) -> None:
    ask_name, ask_key = prompts
    script = [(b"AUTH LOGIN", ask_name), (USER64, ask_key), (PASSWORD64, b"")]
    if swapped:
        script = [(b"AUTH LOGIN", ask_key), (PASSWORD64, ask_name), (USER64, b"")]
    played = [(line, b"334 " + prompt + b"\r\n" if prompt else WELCOME) for line, prompt in script]
    async with talking([GREETING, *played]) as talk:
        assert (await talk.transport.command_auth("LOGIN", USER, PASSWORD)).code == 235
        assert talk.seen.hidden == PASSWORD64


async def test_prompts_in_clear_are_prompts() -> None:
    """RFC 4954 4 wants base64; what is only said to people need not stop us."""
    script = [
        GREETING,
        (b"AUTH LOGIN", b"334 Username:\r\n"),
        (USER64, b"334 your password?\r\n"),
        (PASSWORD64, b"535 no\r\n"),
        (b"AUTH PLAIN", b"334 go ahead\r\n"),
        (PLAIN64, WELCOME),
    ]
    async with talking(script) as talk:
        assert (await talk.transport.command_auth("LOGIN", USER, PASSWORD)).code == 535
        assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD, initial=False)).code == 235
        assert talk.seen.hidden == PASSWORD64 + b"|" + PLAIN64
        assert talk.seen.ends == []


@pytest.mark.parametrize("mechanism", MECHANISMS)
@pytest.mark.parametrize(
    "payload", [b"", b"\xff\xfe", b"\x1b[2J", b"QQ==" * 5000, b"Zm9v", b"bj0xLHI9MixpPTEscz0=", b"bm9uY2U9Ig=="]
)
async def test_no_challenge_does_more_than_end_a_login(mechanism: str, payload: bytes) -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        for _ in range(4):
            line = await peer.line()
            await peer.send(b"501 cancelled\r\n" if line == b"*" else b"334 " + payload + b"\r\n")

    async with talking(handler) as talk:
        if mechanism.endswith("-PLUS"):
            with pytest.raises(ValueError, match="start TLS first"):
                await talk.transport.command_auth(mechanism, USER, PASSWORD)
        else:
            assert (await talk.transport.command_auth(mechanism, USER, PASSWORD)).code == 501
            assert talk.server.received.endswith(b"\r\n*\r\n")
            assert not talk.machine.facts.auth
            assert len(talk.seen.ends) == 1
            no_secret_is_shown(talk)


async def test_endless_challenges_are_cancelled_once_and_the_rest_is_the_users() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        while await peer.line() != b"QUIT":
            await peer.send(b"334 QnVHZ1liVWdHeQ==\r\n")

    async with talking(handler) as talk:
        assert (await talk.transport.command_auth("LOGIN", USER, PASSWORD)).code == 334
        assert talk.server.received == b"AUTH LOGIN\r\n" + USER64 + b"\r\n" + PASSWORD64 + b"\r\n*\r\n"
        assert talk.machine.prompt == "334>"
        assert talk.seen.hidden == PASSWORD64


async def test_a_challenge_after_the_last_step_is_cancelled() -> None:
    script = [GREETING, (b"AUTH PLAIN", b"334 \r\n"), (b"*", b"501 cancelled\r\n")]
    async with talking(script) as talk:
        assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD)).code == 501


async def test_a_verdict_that_comes_along_with_a_challenge_ends_the_exchange() -> None:
    """No response is sent behind it: the server would take the password for a command."""
    async with talking([GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n235 welcome\r\n")]) as talk:
        reply = await talk.transport.command_auth("LOGIN", USER, PASSWORD)
        assert reply.code == 235
        assert talk.server.received == b"AUTH LOGIN\r\n"


@pytest.mark.parametrize("goodbye", [b"421 bye\r\n", b"334 VXNlcm5hbWU6\r\n421 bye\r\n"])
async def test_a_goodbye_ends_the_exchange(goodbye: bytes) -> None:
    async with talking([GREETING, (b"AUTH LOGIN", goodbye)]) as talk:
        reply = await talk.transport.command_auth("LOGIN", USER, PASSWORD)
        assert reply.code == 421
        assert talk.here() is C.NONE
        assert talk.seen.hidden == b""


async def test_a_login_that_is_given_up_under_way_ends() -> None:
    async with talking([GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n")], timeout=0.05) as talk:
        with pytest.raises(ReplyTimeout, match="no reply to AUTH within"):
            await talk.transport.command_auth("LOGIN", USER, PASSWORD)
        talk.transport.forget()
        assert not talk.machine.pending


# -- a password in clear


async def test_a_password_is_not_shown_on_a_link_in_clear_that_leaves_this_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dialing, "is_loopback", lambda address: False)
    async with talking([GREETING, EHLO], 0) as talk:
        await talk.transport.command_ehlo("me.test")
        with pytest.raises(Declined, match="AUTH was not sent: start TLS first, or choose CRAM-MD5"):
            await talk.transport.command_auth("LOGIN", USER, PASSWORD)
        question = talk.seen.of(Asked)[0]
        assert question.kind == "clear"
        assert question.text == "AUTH LOGIN would show the password to everyone on the way: the link has no TLS"
        assert question.answers == ("do not send it", "send it, once")
        assert talk.server.received == b"EHLO me.test\r\n"


async def test_it_is_shown_once_if_the_user_says_so_and_asked_about_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "is_loopback", lambda address: False)
    refused = (b"AUTH PLAIN", b"535 no\r\n")
    async with talking([GREETING, refused, refused], 1, 1) as talk:
        await talk.transport.command_auth("PLAIN", USER, PASSWORD)
        await talk.transport.command_auth("PLAIN", USER, PASSWORD)
        assert talk.seen.questions == [("clear", 1), ("clear", 1)]


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
async def test_a_token_is_a_password(monkeypatch: pytest.MonkeyPatch, mechanism: str) -> None:
    monkeypatch.setattr(dialing, "is_loopback", lambda address: False)
    async with talking([GREETING], 0) as talk:
        with pytest.raises(Declined, match=r"^AUTH was not sent: start TLS first$"):
            await talk.transport.command_auth(mechanism, USER, "token")
        question = talk.seen.of(Asked)[0]
        assert question.text == f"AUTH {mechanism} would show the token to everyone on the way: the link has no TLS"


async def test_no_question_for_what_shows_no_password(monkeypatch: pytest.MonkeyPatch) -> None:
    mechanisms = (b"PLAIN", b"CRAM-MD5", b"EXTERNAL", b"ANONYMOUS")
    async with talking([GREETING, *((b"AUTH " + each, b"504 no\r\n") for each in mechanisms)]) as talk:
        await talk.transport.command_auth("PLAIN", USER, PASSWORD)  # on this host
        monkeypatch.setattr(dialing, "is_loopback", lambda address: False)
        await talk.transport.command_auth("CRAM-MD5", USER, PASSWORD)
        for mechanism in ("EXTERNAL", "ANONYMOUS"):
            await talk.transport.command_auth(mechanism, USER, "")
        assert talk.seen.questions == []


async def test_no_question_inside_tls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "is_loopback", lambda address: False)

    async def handler(peer: Peer) -> None:
        await peer.starttls()
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(WELCOME)
        await peer.gone()

    async with talking(handler, implicit_tls=True, insecure=True) as talk:
        assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD)).code == 235
        assert talk.seen.questions == []


async def test_the_word_for_one_connection_is_not_taken_for_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dialing, "is_loopback", lambda address: False)
    answer: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def ask(question: Asked) -> int:
        return await answer

    async with talking([GREETING]) as talk:
        talk.transport.ask = ask
        login = asyncio.ensure_future(talk.transport.command_auth("PLAIN", USER, PASSWORD))
        await talk.seen.first(Asked)
        talk.transport.drop()
        await talk.connect()
        answer.set_result(1)
        with pytest.raises(ConnectionLost):
            await login
        assert talk.seen.sent == b""


async def test_a_password_is_not_kept_for_want_of_a_connection() -> None:
    async with talking([GREETING]) as talk:
        talk.transport.drop()
        with pytest.raises((NotConnected, Declined)):
            await talk.transport.command_auth("CRAM-MD5", USER, PASSWORD)
        no_secret_is_shown(talk)


# -- steps that are changed before they go


class Hand:
    """A user who looks at each step and sends another one in its place, or the same."""

    def __init__(self, *lines: bytes | None) -> None:
        self.lines = list(lines)
        self.shown: list[tuple[bytes | None, bytes]] = []

    async def __call__(self, response: Response, challenge: bytes | None) -> Response:
        self.shown.append((challenge, response.encoded))
        line = self.lines.pop(0)
        return response if line is None else Response(line, line.startswith(b"!"))


async def test_each_step_is_shown_to_the_user_before_it_goes() -> None:
    script = [
        GREETING,
        (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        (USER64, b"334 UGFzc3dvcmQ6\r\n"),
        (PASSWORD64, WELCOME),
    ]
    hand = Hand(None, None)
    async with talking(script) as talk:
        assert (await talk.transport.command_auth("LOGIN", USER, PASSWORD, edit=hand)).code == 235
        assert hand.shown == [(b"Username:", USER64), (b"Password:", PASSWORD64)]
        assert talk.seen.hidden == PASSWORD64


async def test_a_changed_step_goes_out_as_it_was_changed_and_is_hidden_where_that_is_said() -> None:
    script = [GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), (b"Ym9i", b"334 UGFzc3dvcmQ6\r\n")]
    async with talking([*script, (b"!bad base64", b"501 5.5.2 what?\r\n")]) as talk:
        reply = await talk.transport.command_auth("LOGIN", USER, PASSWORD, edit=Hand(b"Ym9i", b"!bad base64"))
        assert reply.code == 501
        assert talk.seen.hidden == b"!bad base64"


async def test_the_initial_response_can_be_changed_too() -> None:
    async with talking([GREETING, (b"AUTH PLAIN eA==", b"535 no\r\n"), (b"AUTH PLAIN =", b"535 no\r\n")]) as talk:
        hand = Hand(b"eA==", b"")
        for _ in range(2):
            assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD, edit=hand)).code == 535
        assert hand.shown == [(None, PLAIN64)] * 2
        assert talk.server.received == b"AUTH PLAIN eA==\r\nAUTH PLAIN =\r\n"


async def test_a_step_can_be_a_star() -> None:
    script = [GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), (b"*", b"501 5.7.0 cancelled\r\n")]
    async with talking(script) as talk:
        reply = await talk.transport.command_auth("LOGIN", USER, PASSWORD, edit=Hand(b"*"))
        assert reply.code == 501
        assert talk.seen.hidden == b""
        assert talk.seen.ends == []


async def test_a_line_end_in_a_changed_step_does_not_make_a_command_of_the_rest() -> None:
    async with talking([GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n")]) as talk:
        with pytest.raises(ValueError, match="line end"):
            await talk.transport.command_auth("LOGIN", USER, PASSWORD, edit=Hand(b"eA==\r\nRSET"))
        assert talk.server.received == b"AUTH LOGIN\r\n"
        assert talk.machine.prompt == "334>"


async def test_without_the_initial_response_plain_waits_for_its_334() -> None:
    script = [GREETING, (b"AUTH PLAIN", b"334 \r\n"), (PLAIN64, WELCOME)]
    async with talking(script) as talk:
        assert (await talk.transport.command_auth("PLAIN", USER, PASSWORD, initial=False)).code == 235
        assert talk.server.received == b"AUTH PLAIN\r\n" + PLAIN64 + b"\r\n"
        assert talk.seen.hidden == PLAIN64
        no_secret_is_shown(talk)


# -- typed by hand


async def typed(*pieces: bytes) -> Talk:
    """Send these writes one after the other, to a server that says nothing."""
    async with talking([GREETING]) as talk:
        for piece in pieces:
            talk.transport.send_raw(piece)
        no_secret_is_shown(talk)
    assert talk.server.received == b"".join(pieces)
    return talk


LINE = b"AUTH PLAIN " + PLAIN64 + b"\r\n"


@pytest.mark.parametrize("cut", range(1, len(LINE)))
async def test_a_typed_auth_line_hides_its_secret_wherever_it_is_cut(cut: int) -> None:
    talk = await typed(LINE[:cut], LINE[cut:])
    assert talk.seen.hidden.replace(b"|", b"") == PLAIN64


async def test_a_typed_auth_line_in_single_octets() -> None:
    talk = await typed(*(bytes([octet]) for octet in LINE))
    assert talk.seen.hidden.replace(b"|", b"") == PLAIN64


@pytest.mark.parametrize(
    "line", [b"auth plain " + PLAIN64 + b"\r\n", b" AUTH\tPLAIN  " + PLAIN64 + b"\n", b"AUTH X\r" + PLAIN64 + b"\r\n"]
)
async def test_a_typed_auth_line_in_other_clothes(line: bytes) -> None:
    assert (await typed(line)).seen.hidden == PLAIN64


async def test_an_auth_line_among_others_hides_its_secret_alone() -> None:
    talk = await typed(b"NOOP\r\n" + LINE + b"RSET\r\nVRFY bob\r\n")
    assert talk.seen.hidden == PLAIN64
    assert talk.seen.of(Issued)[-2].line.split() == ["NOOP", "AUTH", "PLAIN", "RSET", "VRFY", "bob"]


async def test_typed_responses_are_hidden_whole_and_also_in_pieces() -> None:
    script = [
        GREETING,
        (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        (USER64, b"334 UGFzc3dvcmQ6\r\n"),
        (PASSWORD64, WELCOME),
    ]
    async with talking(script) as talk:
        await talk.transport.raw(b"AUTH LOGIN\r\n")
        reply = await talk.transport.raw(USER64 + b"\r\n")
        assert reply is not None
        assert reply.code == 334
        assert await talk.transport.raw(PASSWORD64[:5]) is None
        reply = await talk.transport.raw(PASSWORD64[5:] + b"\r\n")
        assert reply is not None
        assert reply.code == 235
        assert talk.seen.hidden == USER64 + b"|" + PASSWORD64[:5] + b"|" + PASSWORD64[5:]
        assert [event.line for event in talk.seen.of(Issued)][1:] == ["AUTH LOGIN", "response", "response", "response"]
        no_secret_is_shown(talk)


async def test_a_typed_star_is_no_secret() -> None:
    script = [GREETING, (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"), (b"*", b"501 no\r\n")]
    async with talking(script) as talk:
        await talk.transport.raw(b"AUTH LOGIN\r\n")
        await talk.transport.raw(b"*\r\n")
        assert talk.seen.hidden == b""


async def test_a_whole_login_pasted_at_once_hides_its_responses() -> None:
    """They go out ahead of their 334; a command behind them is not hidden."""
    async with talking([GREETING]) as talk:
        talk.transport.send_raw(b"AUTH LOGIN\r\n" + USER64 + b"\r\n" + PASSWORD64 + b"\r\nQUIT\r\n")
        assert talk.seen.hidden == USER64 + b"|" + PASSWORD64


async def test_a_response_ahead_of_its_334_is_hidden() -> None:
    async with talking([GREETING]) as talk:
        talk.transport.send_raw(b"AUTH LOGIN\r\n")
        talk.transport.send_raw(PASSWORD64 + b"\r\n")
        talk.transport.send_raw(b"NOOP\r\n")
        assert talk.seen.hidden == PASSWORD64


async def test_a_custom_auth_line_hides_its_secret_as_a_raw_one() -> None:
    async with talking([GREETING, (b"AUTH PLAIN", WELCOME)]) as talk:
        assert (await talk.transport.custom("AUTH PLAIN " + PLAIN64.decode())).code == 235
        assert talk.seen.hidden == PLAIN64
        no_secret_is_shown(talk)


async def test_a_custom_line_under_a_334_is_a_response() -> None:
    script = [GREETING, (b"AUTH LOGIN", b"334 UGFzc3dvcmQ6\r\n"), (PASSWORD64, WELCOME)]
    async with talking(script) as talk:
        assert (await talk.transport.custom("AUTH LOGIN")).code == 334
        assert (await talk.transport.custom(PASSWORD64.decode())).code == 235
        assert talk.seen.hidden == PASSWORD64
        no_secret_is_shown(talk)


async def test_message_text_is_no_secret_but_what_comes_behind_its_end_may_be() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.gone()

    async with talking(handler) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.command_mail("a@b")
        await talk.transport.command_rcpt("c@d")
        await talk.transport.command_data()
        talk.transport.send_raw(b"AUTH is hard work\r\n")
        talk.transport.send_raw(b"AUTH is hard work\r\n.\r\n" + LINE)
        assert talk.seen.hidden == PLAIN64
        talk.transport.send_raw(LINE)
        assert talk.seen.hidden == PLAIN64 + b"|" + PLAIN64


@given(
    st.lists(
        st.sampled_from([b"AUTH PLAIN ", PLAIN64, b"\r\n", b"\n", b"\r", b" ", b"NOOP", b"x", b"AUTH"]), max_size=12
    )
)
async def test_no_spelling_of_an_auth_line_shows_its_secret(words: list[bytes]) -> None:
    """Whatever is written, in whatever pieces: behind AUTH and a mechanism nothing of the same line is shown."""
    async with talking([GREETING], same=False) as talk:
        for word in words:
            talk.transport.send_raw(word)
        shown = bytearray()
        for event in talk.seen.of(Sent):
            data = bytearray(event.data)
            for start, end in event.secrets:
                data[start:end] = b"\0" * (end - start)
            shown += data
        for line in bytes(shown).split(b"\n"):
            parts = line.split(None, 2)
            if len(parts) == 3 and parts[0].upper() == b"AUTH":
                assert not parts[2].strip(b"\0\r ")
