"""Vary: it says what it will do, each value gets a fresh connection, table and sentence say what differs."""

from __future__ import annotations

import asyncio
import base64
import ssl
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from servers.postfix import Postfix
from servers.scripted import Handler, Peer
from session.driving import LOGIN, Driven, driving, running
from session.serving import serving
from smtpscope.demo.server import PracticeServer
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.redact import Redactor
from smtpscope.session.vary_runs import THINGS, Varied, begin_text, newest
from smtpscope.session.vary_table import markdown, table
from smtpscope.session.vary_values import completions
from smtpscope.session.vary_words import conclusion
from smtpscope.smtp.command import C
from smtpscope.smtp.events import Asked, Closed, Event, Failed, Link, LinkStatus, Opened, Received, Sent, Told
from smtpscope.visible import visible_text

OFFER = b"250-mail.test\r\n250 AUTH CRAM-MD5 PLAIN LOGIN\r\n"
WRONG = b"535 5.7.8 authentication failed\r\n"


def logins(verdicts: Mapping[str, bytes], connections: list[str] | None = None, offer: bytes = OFFER) -> Handler:
    """A server that lets each mechanism in, or not."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test ESMTP\r\n")
        while line := (await peer.line()).decode():
            verb, _, rest = line.partition(" ")
            if verb == "EHLO":
                await peer.send(offer)
            elif verb == "AUTH":
                mechanism, _, initial = rest.partition(" ")
                if connections is not None:
                    connections.append(mechanism)
                verdict = verdicts.get(mechanism, b"504 5.5.4 no such mechanism\r\n")
                for challenge in [] if initial or verdict[:3] == b"504" else _challenges(mechanism):
                    await peer.send(b"334 " + base64.b64encode(challenge) + b"\r\n")
                    await peer.line()
                await peer.send(verdict)
                if verdict.startswith(b"421"):
                    return
            elif verb == "QUIT":
                await peer.send(b"221 bye\r\n")
                return
            else:
                await peer.send(b"250 ok\r\n")

    return handler


def _challenges(mechanism: str) -> list[bytes]:
    return [b"Username:", b"Password:"] if mechanism == "LOGIN" else [b"<1@mail.test>"]


async def vary(driven: Driven, thing: str, values: Sequence[str] = (), to: str = "") -> str:
    """Vary, saying yes to everything; the first question."""
    driven.session.vary(thing, tuple(values), to)
    question = await driven.asked("vary")
    await driven.answer(2)
    while driven.question is not None:
        await driven.answer(2)
    return question.text


def varied(driven: Driven) -> Varied:
    found = newest(driven.recorder)
    assert found is not None
    return found


def said(driven: Driven) -> str:
    """How it ended."""
    return driven.of(Told)[-1].text


def shown(driven: Driven) -> list[str]:
    lines = table(varied(driven), Redactor())
    return ["".join(text for text, _ in line.spans).rstrip() for line in lines]


# -- mechanisms


@pytest.mark.parametrize("by_hand", [False, True])
async def test_a_token_goes_out_as_a_token_only(by_hand: bool) -> None:
    offer = b"250-mail.test\r\n250 AUTH CRAM-MD5 PLAIN LOGIN XOAUTH2 OAUTHBEARER\r\n"
    tried: list[str] = []
    handler = logins({"XOAUTH2": WRONG, "OAUTHBEARER": WRONG, "PLAIN": WRONG}, tried, offer)
    wanted = () if by_hand else ("XOAUTH2",)
    async with driving(handler, auto="ehlo", **{**LOGIN, "auth": wanted, "password": Secret("ya29.token")}) as driven:
        if by_hand:
            driven.session.login("XOAUTH2", "alice", Secret("ya29.token"))
            await driven.idle()
            tried.clear()
        question = await vary(driven, "auth")
        assert "(OAUTHBEARER, XOAUTH2)" in question
        assert "is used as" not in question
        assert tried == ["OAUTHBEARER", "XOAUTH2"]
        assert said(driven).startswith("user or token is wrong")


async def test_a_token_that_is_to_go_out_as_a_password_is_told_before() -> None:
    async with driving(logins({}), auto="ehlo", **LOGIN, auth=("XOAUTH2",)) as driven:
        driven.session.vary("auth", ("PLAIN", "XOAUTH2"))
        assert "; the token is used as a password with PLAIN;" in (await driven.asked("vary")).text
    async with driving(logins({}), auto="ehlo", **LOGIN) as driven:
        driven.session.vary("auth", ("PLAIN", "XOAUTH2"))
        assert "; the password is used as a token with XOAUTH2;" in (await driven.asked("vary")).text


async def test_it_says_first_what_it_makes_and_no_means_nothing() -> None:
    async with driving(logins({}), auto="ehlo", **LOGIN) as driven:
        driven.session.vary("auth")
        question = await driven.asked("vary")
        port = driven.session.profile.port
        assert question.text == (
            f"vary makes up to 3 connections to 127.0.0.1:{port}, one for each AUTH mechanism "
            "(CRAM-MD5, PLAIN, LOGIN), each with EHLO, AUTH, QUIT; that is up to 3 logins as alice: "
            "too many may lock it; this connection is closed first; it stops at the first login that is accepted"
        )
        assert question.answers == ("no", "make them")
        await driven.answer(1)
        assert driven.sent == ["EHLO me.test"]
        assert driven.here is C.EHLO
        assert newest(driven.recorder) is None


async def test_the_password_is_right_and_one_mechanism_is_not_set_up() -> None:
    tried: list[str] = []
    async with driving(logins({"CRAM-MD5": WRONG, "PLAIN": b"235 ok\r\n"}, tried), auto="ehlo", **LOGIN) as driven:
        await vary(driven, "auth")
        assert tried == ["CRAM-MD5", "PLAIN"], "it stops at the first that is let in"
        words = "the password is right: PLAIN is accepted, CRAM-MD5 is not set up (for this user, or at all)"
        assert said(driven) == f"{words}; stopped: a login was accepted"
        lines = shown(driven)
        assert (
            lines[0]
            == f"AUTH mechanism: 2 of 3 tried on fresh connections to 127.0.0.1 port {driven.session.profile.port}"
        )
        assert "The first difference: AUTH, 535 5.7.8 with CRAM-MD5, 235 with PLAIN" in lines
        row = next(line for line in lines if line.startswith("*! PLAIN"))
        assert row.endswith("logged in")
        at = lines.index(row)
        assert "greeting 220 " in lines[at + 1]
        assert "! AUTH 235 " in lines[at + 2], "the step that differs is marked"
        before = next(line for line in lines if "AUTH 535" in line)
        assert before.index("AUTH") == lines[at + 2].index("AUTH"), "what belongs together stands in a column"
        assert lines[at + 1].endswith("ms")
        assert lines[-1] == "     LOGIN     not tried"
        assert all(driven.recorder[run.event].server == "127.0.0.1" for run in varied(driven).made)  # type: ignore
        assert driven.sent.count("QUIT") == 3, "the first connection, and that of each run"
        assert len(driven.of(Opened)) == len(driven.of(Closed)) == 3
        assert "wonderland" not in "\n".join([*lines, *driven.lines])
        pasted = markdown(varied(driven)).splitlines()
        assert pasted[2] == f"`T{words[1:]}; stopped: a login was accepted.`"
        assert pasted[6].startswith("| AUTH mechanism | time | outcome | step 1 | step 2 |")
        assert pasted[8].startswith("| `CRAM-MD5` | ")
        assert "`refused AUTH: 535 5.7.8 authentication failed` | `connect " in pasted[8]
        assert "| **`AUTH 235 " in pasted[9]
        assert pasted[10] == "| `LOGIN` |  | not tried |  |  |  |  |"
        assert len({line.count("|") for line in pasted[6:]}) == 1, "each row has all columns"


async def test_three_refused_logins_and_it_asks_again() -> None:
    tried: list[str] = []
    replies = dict.fromkeys(("SCRAM-SHA-1", "CRAM-MD5", "PLAIN", "LOGIN"), WRONG)
    async with driving(logins(replies, tried), auto="ehlo", **LOGIN) as driven:
        driven.session.vary("auth", ("CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2"))
        await driven.asked("vary")
        await driven.answer(2)
        again = await driven.asked("vary")
        assert again.text == "3 logins were not accepted: more may lock the account"
        assert again.answers[0] == "stop"
        await driven.answer(1)
        assert tried == ["CRAM-MD5", "PLAIN", "LOGIN"]
        words = "user or password is wrong, or the account is locked: every mechanism says so (535 5.7.8)"
        assert said(driven) == f"{words}; stopped: no more logins"
        assert [each.kind for each in driven.of(Asked)] == ["vary", "vary"]


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ({"CRAM-MD5": WRONG}, "or the account is locked, or CRAM-MD5 is not set up: CRAM-MD5 says so (535 5.7.8)"),
        ({"CRAM-MD5": WRONG, "PLAIN": b"504 no\r\n"}, "CRAM-MD5 says so (535 5.7.8); the server does not know PLAIN"),
        ({"PLAIN": b"538 5.7.11 TLS\r\n", "CRAM-MD5": b"454 4.7.0 later\r\n"}, "PLAIN is refused without TLS"),
        ({"CRAM-MD5": b"454 4.7.0 later\r\n"}, "the server cannot check logins now (454 4.7.0): try later"),
        ({"CRAM-MD5": b"235 ok\r\n"}, "the password is right: CRAM-MD5 is accepted"),
        ({"PLAIN": WRONG, "LOGIN": b"535 no\r\n"}, "every mechanism says so (535 5.7.8, 535)"),
        ({"XOAUTH2": b"235 ok\r\n"}, "the token is right: XOAUTH2 is accepted"),
        ({"XOAUTH2": WRONG, "PLAIN": WRONG}, "PLAIN says so (535 5.7.8); XOAUTH2 is not offered, and refused (535"),
        ({"PLAIN": b"503 5.5.1 not enabled\r\n"}, "the server takes no login here (503 5.5.1)"),
    ],
)  # fmt: skip
async def test_conclusions_of_mechanisms(verdicts: dict[str, bytes], words: str) -> None:
    async with driving(logins(verdicts), auto="ehlo", **LOGIN) as driven:
        await vary(driven, "auth", [*verdicts])
        assert words in said(driven)


async def test_a_server_that_does_not_prove_itself_is_not_believed() -> None:
    offer = b"250-mail.test\r\n250 AUTH SCRAM-SHA-1\r\n"
    handler = serving({"EHLO": offer, "AUTH": b"235 come in\r\n"})
    async with driving(handler, auto="ehlo", **LOGIN) as driven:
        await vary(driven, "auth")
        assert "SCRAM-SHA-1 was accepted without a proof" in said(driven)
        assert "the password is right" not in said(driven)


async def test_a_421_stops_it() -> None:
    tried: list[str] = []
    async with driving(logins({"CRAM-MD5": b"421 4.7.0 too many\r\n"}, tried), auto="ehlo", **LOGIN) as driven:
        await vary(driven, "auth")
        assert tried == ["CRAM-MD5"]
        assert said(driven).endswith("; stopped: the server said 421")


async def test_a_refused_connection_stops_it() -> None:
    left = [2]

    async def few(peer: Peer) -> None:
        left[0] -= 1
        if not left[0]:
            peer.server._listener.close()
            peer.server._accepting.cancel()
        await logins(dict.fromkeys(("CRAM-MD5", "PLAIN"), WRONG))(peer)

    async with driving(few, auto="ehlo", **LOGIN) as driven:
        await vary(driven, "auth")
        assert said(driven).endswith("; stopped: there was no connection")
        assert len(driven.of(Opened)) == 3
        assert any("refused the connection" in line for line in shown(driven))


async def test_a_drop_stops_it_and_nothing_else_is_sent_meanwhile() -> None:
    gate = asyncio.Event()
    gate.set()
    async with driving(serving({}, MAIL=gate), auto="ehlo") as driven:
        await driven.do("send", b"MAIL FROM:<a@b>\r\n")
        gate.clear()
        driven.session.vary("ehlo", ("a.test", "b.test"))
        await driven.asked("vary")
        driven.session.answer(1)
        await driven.until(lambda: driven.sent.count("MAIL FROM:<a@b>") == 2)
        before = driven.wire
        driven.session.send(b"NOOP\r\n")
        assert driven.failures[-1] == "many connections are being made: wait for their end, or drop"
        assert driven.wire == before
        await driven.do("drop")
        assert said(driven) == "a.test came to no end: dropped; stopped: dropped", "which says nothing of the name"
        assert [run.connection is not None for run in varied(driven).runs] == [True, False]
        gate.set()
        await driven.do("connect")
        assert driven.here is C.BANNER, "afterwards the session is free"


async def test_a_drop_takes_the_question_away_also_where_there_is_no_connection() -> None:
    async with driving(serving()) as driven:
        driven.session.vary("ehlo", ("a.test",))
        await driven.asked("vary")
        driven.session.drop()
        await driven.until(lambda: driven.question is None)  # else it would stand for ever: nobody waits for an answer
        assert not driven.sent
        await driven.do("connect")
        assert driven.here is C.BANNER


async def test_a_drop_while_it_asks_again_ends_it() -> None:
    async with driving(logins(dict.fromkeys(("CRAM-MD5", "PLAIN", "LOGIN"), WRONG)), **LOGIN) as driven:
        driven.session.vary("auth", ("CRAM-MD5", "PLAIN", "LOGIN", "XOAUTH2"))
        await driven.asked("vary")
        await driven.answer(2)
        await driven.asked("vary")
        driven.session.drop()
        await driven.until(lambda: driven.question is None and newest(driven.recorder).ended)  # type: ignore[union-attr]
        assert said(driven).endswith("; stopped: dropped")


async def test_a_server_that_does_not_answer_quit_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpscope.session.repeat.GOODBYE", 0.05)
    gate = asyncio.Event()
    async with driving(serving(QUIT=gate), auto="ehlo") as driven:
        await vary(driven, "ehlo", ["a.test", "b.test"])
        assert [each.kind for each in driven.of(Asked)] == ["vary"], "nobody is asked about a goodbye"
        assert len(varied(driven).made) == 2
        assert "makes no difference: a.test and b.test are accepted" in said(driven)
        assert "dropped" not in said(driven)
        gate.set()


async def test_the_password_is_never_said_in_clear_unasked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtpscope.smtp.dialing.is_loopback", lambda address: False)
    async with driving(logins({"CRAM-MD5": WRONG, "PLAIN": b"235 ok\r\n"}), auto="ehlo", **LOGIN) as driven:
        driven.session.vary("auth", ("CRAM-MD5", "PLAIN"))
        await driven.asked("vary")
        await driven.answer(2)
        await driven.asked("clear")
        await driven.answer(1)
        assert not any(line.startswith("AUTH PLAIN") for line in driven.sent)
        assert "the password is right" not in said(driven)


async def test_a_certificate_is_asked_about_once_and_no_ends_it() -> None:
    async with driving(by_name([]), auto="ehlo", **LOGIN) as driven:
        await driven.do("send", b"STARTTLS\r\n")
        await driven.answer(2)  # go on, once
        driven.session.vary("auth", ("PLAIN", "LOGIN"))
        question = await driven.asked("vary")
        assert "each with EHLO, STARTTLS, EHLO, AUTH, QUIT" in question.text, "what was said before TLS is void in it"
        await driven.answer(2)
        await driven.asked("certificate")
        await driven.answer(1)
        assert said(driven).endswith("; stopped: as you answered")
        assert [run.connection is not None for run in varied(driven).runs] == [True, False]
        before = [each.kind for each in driven.of(Asked)].count("certificate")
        driven.session.vary("auth", ("PLAIN", "LOGIN"))
        await driven.asked("vary")
        await driven.answer(2)
        await driven.asked("certificate")
        await driven.answer(3)  # for this server and this certificate
        assert [run.connection is not None for run in varied(driven).runs] == [True, True]
        assert [each.kind for each in driven.of(Asked)].count("certificate") == before + 1


@pytest.mark.parametrize(
    ("offer", "given", "each"),
    [
        (b"250-hi\r\n250-STARTTLS\r\n250 AUTH PLAIN\r\n", {}, "EHLO, STARTTLS, EHLO, AUTH, QUIT"),
        (b"250-hi\r\n250 AUTH PLAIN\r\n", {}, "EHLO, AUTH, QUIT"),
        (b"250-hi\r\n250 AUTH PLAIN\r\n", {"tls": "starttls"}, "EHLO, STARTTLS, EHLO, AUTH, QUIT"),
    ],
)
async def test_a_login_goes_where_the_next_step_would_go(offer: bytes, given: dict[str, Any], each: str) -> None:
    async with driving(serving({"EHLO": offer}), auto="ehlo", **LOGIN, **given) as driven:
        driven.session.vary("auth")
        question = await driven.asked("vary")
        assert f"each with {each};" in question.text


async def test_mechanisms_that_are_offered_in_tls_only_are_not_known_before_it() -> None:
    async with driving(serving({"EHLO": b"250-hi\r\n250 STARTTLS\r\n"}), auto="ehlo", **LOGIN) as driven:
        await driven.do("vary", "auth")
        assert driven.failures[-1].endswith("is offered here: STARTTLS and EHLO first, or name mechanisms")


# -- what is replayed


async def test_a_login_goes_where_it_was_and_what_came_behind_comes_again() -> None:
    async with driving(logins({"CRAM-MD5": WRONG, "PLAIN": b"235 ok\r\n"}), auto="ehlo", **LOGIN) as driven:
        await driven.do("send", b"NOOP\r\n")
        await driven.do("login", "CRAM-MD5", "alice", Secret("wonderland"))
        await driven.do("send", b"MAIL FROM:<x@y>\r\n")
        before = len(driven.sent)
        question = await vary(driven, "auth", ["PLAIN"])
        assert "each with EHLO, NOOP, AUTH, MAIL, QUIT; that is 1 login as alice" in question
        assert driven.sent[before:] == [
            "QUIT", "EHLO me.test", "NOOP", "AUTH PLAIN [hidden]", "MAIL FROM:<x@y>", "QUIT",
        ]  # fmt: skip


async def test_a_login_typed_by_hand_is_replaced_with_its_responses() -> None:
    async with driving(logins({"LOGIN": b"235 ok\r\n", "PLAIN": b"235 ok\r\n"}), auto="ehlo", **LOGIN) as driven:
        for line in (b"AUTH LOGIN\r\n", b"YWxpY2U=\r\n", b"d29uZGVybGFuZA==\r\n", b"MAIL FROM:<x@y>\r\n"):
            await driven.do("send", line)
        question = await vary(driven, "auth", ["PLAIN"])
        assert "each with EHLO, AUTH, MAIL, QUIT" in question
        question = await vary(driven, "ehlo", ["a.test"])
        assert "each with EHLO, AUTH, MAIL, QUIT; that is 1 login as alice" in question, (
            "this one succeeded: it is kept"
        )
        assert driven.wire.count(b"AUTH LOGIN\r\nYWxpY2U=\r\nd29uZGVybGFuZA==\r\n") == 2


async def test_a_login_that_was_refused_is_not_tried_again_for_something_else() -> None:
    async with driving(logins({"PLAIN": WRONG}), auto="ehlo", **LOGIN) as driven:
        await driven.do("login", "PLAIN", "alice", Secret("wonderland"))
        question = await vary(driven, "ehlo", ["a.test", "b.test"])
        assert "login" not in question
        assert driven.sent.count("AUTH PLAIN [hidden]") == 1


async def test_the_last_run_is_not_what_the_next_variation_repeats() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("go")
        await vary(driven, "ehlo", ["a.test"], "ehlo")
        question = await vary(driven, "ehlo", ["b.test"])
        assert "each with EHLO, MAIL, RCPT, QUIT" in question
        assert driven.sent[-4:] == ["EHLO b.test", "MAIL FROM:<a@me.test>", "RCPT TO:<b@mail.test>", "QUIT"]


@pytest.mark.parametrize(
    ("to", "each"),
    [
        ("ehlo", "EHLO, QUIT"), ("tls", "EHLO, QUIT"), ("auth", "EHLO, QUIT"), ("mail", "EHLO, MAIL, QUIT"),
        ("rcpt", "EHLO, MAIL, RCPT, QUIT"), ("data", "EHLO, MAIL, RCPT, QUIT"), ("", "EHLO, QUIT"),
    ],
)  # fmt: skip
async def test_it_goes_as_far_as_it_is_told_to(to: str, each: str) -> None:
    async with driving(serving()) as driven:
        assert f"each with {each}" in await vary(driven, "ehlo", ["a.test", "b.test"], to)
        assert "DATA" not in driven.sent


async def test_data_is_never_sent() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("go", C.DOT)
        await vary(driven, "ehlo", ["a.test", "b.test"], "data")
        assert driven.sent.count("DATA") == 1


# -- user names


@pytest.mark.parametrize(
    ("user", "right", "words"),
    [
        ("alice", "alice@me.test", "the password is right, and the user name is alice@me.test, and alice is refused"),
        ("alice@me.test", "alice", "the password is right, and the user name is alice, and alice@me.test is refused"),
        ("alice", "bob", "no form of the user name is accepted with AUTH PLAIN (535 5.7.8): the password is wrong, or"),
    ],
)
async def test_forms_of_the_user_name(user: str, right: str, words: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        while line := (await peer.line()).decode():
            given = base64.b64decode(line.split()[-1]).split(b"\0")[1].decode() if line[:4] == "AUTH" else ""
            login = b"235 ok\r\n" if given == right else WRONG
            reply = {"EHLO": OFFER, "AUTH": login, "QUIT": b"221 bye\r\n"}.get(line[:4], b"250 ok\r\n")
            await peer.send(reply)
            if line == "QUIT":
                return

    secret: dict[str, Any] = {**LOGIN, "user": user, "auth": ("PLAIN",)}
    async with driving(handler, auto="ehlo", **secret) as driven:
        question = await vary(driven, "user")
        assert "each with EHLO, AUTH PLAIN, QUIT; that is up to 2 logins as " in question
        assert words in said(driven)
        assert driven.session.profile.user == user, "what was varied is as before"


async def test_where_no_user_name_is_accepted_the_mechanism_may_be_why() -> None:
    async with driving(logins({"CRAM-MD5": WRONG}), auto="ehlo", **LOGIN) as driven:
        question = await vary(driven, "user")
        assert "each with EHLO, AUTH CRAM-MD5, QUIT" in question
        assert said(driven) == (
            "no form of the user name is accepted with AUTH CRAM-MD5 (535 5.7.8): the password is wrong, "
            "or the account is locked, or CRAM-MD5 is not set up"
        )


# -- the EHLO name


def choosy(full: bytes, literal: bytes, at: str) -> Handler:
    """A server that has something against EHLO names, and says so at a verb."""

    async def handler(peer: Peer) -> None:
        name = b""
        await peer.send(b"220 hi\r\n")
        while line := await peer.line():
            verb, _, rest = line.partition(b" ")
            name = rest if verb == b"EHLO" else name
            reply = b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n"
            if verb.decode() == at:
                reply = literal if name.startswith(b"[") else reply if b"." in name else full
            await peer.send(reply)
            if verb == b"QUIT":
                return

    return handler


OK, NO = b"250 ok\r\n", b"504 5.5.2 need fully-qualified hostname\r\n"
LATER = b"450 4.7.1 too many connections\r\n"


@pytest.mark.parametrize(
    ("handler", "words"),
    [
        (choosy(NO, OK, "RCPT"), "the server wants a full domain name: localhost gets 504 5.5.2 to RCPT"),
        (choosy(NO, NO, "EHLO"), "the server wants a full domain name and takes no address literal: "),
        (choosy(OK, NO, "MAIL"), "the server takes no address literal: [127.0.0.1] gets 504 5.5.2 to MAIL"),
        (choosy(OK, OK, "EHLO"), "the EHLO name makes no difference: me.test, [127.0.0.1] and localhost are accepted"),
        (
            choosy(LATER, OK, "RCPT"),
            "makes no difference: me.test and [127.0.0.1] are accepted; localhost gets 450 4.7.1 "
            "to RCPT, which may pass and need not come of the name",
        ),
        (serving({"RCPT": b"550 5.1.1 no\r\n"}), "makes no difference: with each there is 550 5.1.1 to RCPT"),
    ],
)
async def test_conclusions_of_ehlo_names(handler: Handler, words: str) -> None:
    async with driving(handler) as driven:
        question = await vary(driven, "ehlo", ["me.test", "[literal]", "localhost"], "rcpt")
        assert "one for each EHLO name (me.test, [127.0.0.1], localhost)" in question
        assert [line for line in driven.sent if line.startswith("EHLO")] == [
            "EHLO me.test", "EHLO [127.0.0.1]", "EHLO localhost",
        ]  # fmt: skip
        assert words in said(driven)


@pytest.mark.parametrize(
    ("replies", "why"),
    [
        ({"BANNER": [b"220 hi\r\n", b"220 hi\r\n", b"554 5.7.1 no more\r\n"]}, "c.test was not said: 554 5.7.1 to the"),
        ({"BANNER": [b"220 hi\r\n", b"220 hi\r\n", b"421 4.7.0 later\r\n"]}, "c.test was not said: 421 4.7.0 to the"),
    ],
)
async def test_a_name_that_was_not_said_is_judged_by_nobody(replies: dict[str, Sequence[bytes]], why: str) -> None:
    async with driving(serving(replies)) as driven:
        await vary(driven, "ehlo", ["a.test", "b.test", "c.test"], "rcpt")
        assert said(driven).startswith("the EHLO name makes no difference: a.test and b.test are accepted; ")
        assert why in said(driven)


async def test_a_name_for_which_there_was_no_connection_is_judged_by_nobody() -> None:
    async def once(peer: Peer) -> None:
        peer.server._listener.close()
        peer.server._accepting.cancel()
        await serving()(peer)

    async with driving(once) as driven:
        await vary(driven, "ehlo", ["a.test", "b.test", "c.test"], "rcpt")
        assert said(driven) == (
            "a.test is accepted; b.test was not said: there was no connection; stopped: there was no connection"
        )


async def test_what_is_not_offered_to_each_name_is_said() -> None:
    offers = [b"250-hi\r\n250-SIZE 1000\r\n250 PIPELINING\r\n", b"250-hi\r\n250 SIZE 1000\r\n"]
    async with driving(serving({"EHLO": offers})) as driven:
        await vary(driven, "ehlo", ["a.test", "b.test"])
        assert said(driven) == (
            "the EHLO name makes no difference: a.test and b.test are accepted as far as this went, and many servers "
            "judge the name no sooner than at RCPT; not each is offered PIPELINING"
        )
        assert "The first difference: EHLO, 250 offering PIPELINING with a.test, 250 with b.test" in shown(driven)


async def test_the_same_mechanisms_in_another_order_are_no_difference() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        while line := await peer.line():
            order = b"PLAIN CRAM-MD5" if peer.server.connections % 2 else b"CRAM-MD5 PLAIN"
            await peer.send(b"250-hi\r\n250 AUTH " + order + b"\r\n" if line[:4] == b"EHLO" else b"221 bye\r\n")
            if line == b"QUIT":
                return

    async with driving(handler) as driven:
        await vary(driven, "ehlo", ["a.test", "b.test"], "ehlo")
        assert "Nothing differs but the times." in shown(driven)


async def test_where_ehlo_is_not_known_helo_has_the_name() -> None:
    async with driving(serving({"EHLO": b"502 5.5.1 no\r\n"}), auto="ehlo") as driven:
        assert driven.sent == ["EHLO me.test", "HELO me.test"]
        await vary(driven, "ehlo", ["a.test", "b.test"], "mail")
        assert driven.sent[-4:] == ["EHLO b.test", "HELO b.test", "MAIL FROM:<a@me.test>", "QUIT"]


# -- what cannot be


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("colour", ()), "vary knows auth, user"),
        (("auth", (), "nowhere"), "to ehlo, tls, auth"),
        (("auth", ("GSSAPI",)), "AUTH GSSAPI cannot be run here: choose from"),
        (("auth", ("PLAIN",), "ehlo"), "the AUTH mechanism comes after ehlo: write to auth, or further"),
        (("tls", ("1.4",)), "1.4 is no TLS version: choose from TLSv1, TLSv1.1, TLSv1.2, TLSv1.3"),
        (("sni", ()), "name the server names"),
        (("ehlo", ("a b",)), "is one word"),
        (("ehlo", ("a\r\nRSET",)), "control character"),
        (("ehlo", tuple(f"a{n}" for n in range(21))), "20 values at most"),
    ],
)
async def test_what_cannot_be_varied_is_said(arguments: tuple[Any, ...], why: str) -> None:
    async with driving(serving(), auto="ehlo", **LOGIN) as driven:
        await driven.do("vary", *arguments)
        assert why in driven.failures[-1]
        assert driven.question is None


async def test_without_a_password_nothing_is_tried() -> None:
    async with driving(serving(), auto="ehlo") as driven:
        await driven.do("vary", "auth", ("PLAIN",))
        assert "a login needs user and password" in driven.failures[-1]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", [f"{thing} " for thing in THINGS]),
        ("s", ["sni "]),
        ("colour x", []),
        ("auth ", ["auth LOGIN", "auth PLAIN"]),
        ("auth pl", ["auth PLAIN"]),
        ("auth LOGIN,", ["auth LOGIN,PLAIN"]),
        ("auth LOGIN, p", ["auth LOGIN, PLAIN"]),
        ("auth to ", ["auth to auth", "auth to mail", "auth to rcpt", "auth to data"]),
        ("auth LOGIN t", ["auth LOGIN to "]),
        ("user a,b to d", ["user a,b to data"]),
        ("tls TLSv1.2,tlsv1.3,", ["tls TLSv1.2,tlsv1.3,TLSv1", "tls TLSv1.2,tlsv1.3,TLSv1.1"]),
        ("tls to e", []),
        ("ehlo [", ["ehlo [literal]"]),
        ("ehlo a to ehlo ", []),
    ],
)
def test_what_can_be_typed_is_completed(text: str, found: list[str]) -> None:
    given = completions(text, ["login", "X-OTHER", "plain"])
    assert given[: len(found)] == found
    if not text.startswith("auth") or "to" in text:
        assert given == found


@given(st.text(max_size=30))
def test_what_is_completed_goes_on_with_what_was_typed(text: str) -> None:
    for thing in THINGS:
        for each in completions(f"{thing} {text}", ["PLAIN"]):
            assert each.upper().startswith(f"{thing} {text}".upper())


# -- the table as a fold


def told(kind: str, text: str) -> Told:
    return Told(0.0, kind, text)


def test_a_variation_that_runs_is_shown_as_far_as_it_is() -> None:
    events: list[Event] = [
        told("vary", begin_text("ehlo", ("a.test", "b.test"))),
        told("value", "vary 1 of 2: a.test"),
        Opened(0.0, "mail.test", 25),
        Link(0.1, LinkStatus.CONNECTED, "", "192.0.2.1", "192.0.2.2"),
        Received(0.2, b"220 hi\r\n"),
        Sent(0.3, b"EHLO a.test\r\n"),
    ]
    found = newest(events)
    assert found is not None
    assert [run.value for run in found.made] == ["a.test"]
    text = ["".join(text for text, _ in line.spans) for line in table(found)]
    assert any("EHLO no reply" in line for line in text)
    assert text[-1].endswith("b.test  not tried")


def test_of_several_variations_it_is_the_last() -> None:
    events: list[Event] = [
        told("vary", "vary tls: TLSv1.2"), told("varied", "x"), told("vary", "vary sni: a"), told("varied", "y"),
    ]  # fmt: skip
    found = newest(events)
    assert found is not None
    assert (found.thing, found.ended, found.made) == ("sni", "y", ())
    assert conclusion(found) == "nothing was tried"
    assert table(found)


words = st.text(max_size=20)
any_event = st.one_of(
    st.builds(Told, st.just(0.0), st.sampled_from(["vary", "value", "varied", "repeat"]), words),
    st.builds(lambda thing, text: told("vary", f"vary {thing}: {text}"), st.sampled_from([*THINGS]), words),
    st.builds(Opened, st.just(0.0), words, st.just(25)),
    st.builds(Received, st.just(0.1), st.sampled_from([b"220 \x1b[31m\r\n", b"535 no\r\n", b"235 ok\r\n", b"\0"])),
    st.builds(Sent, st.just(0.1), st.sampled_from([b"EHLO a\r\n", b"AUTH PLAIN YQ==\r\n", b"\xff", b"QUIT\r\n"])),
    st.builds(lambda text: Failed(0.1, None, text), words),
    st.builds(lambda text: Closed(0.1, text), words),
)  # fmt: skip


@given(st.lists(any_event, max_size=25))
def test_whatever_a_recording_holds_the_table_can_be_shown(events: list[Event]) -> None:
    found = newest(events)
    if found is None:
        return
    conclusion(found)
    for line in table(found, width=40):
        for text, _ in line.spans:
            assert text == visible_text(text), "nothing unprintable comes through"
    pasted = markdown(found).splitlines()
    assert all(line == visible_text(line) for line in pasted)
    rows = [line for line in pasted if line.startswith("|")]
    assert len({line.replace("\\|", "").count("|") for line in rows}) == 1, "nothing foreign makes a column"


# -- real servers


async def test_on_the_practice_server() -> None:
    server = PracticeServer()
    await asyncio.to_thread(server.start)
    try:
        profile = Profile("127.0.0.1", server.port, helo="me.test", auto="ehlo", timeout=10.0, **LOGIN)
        async with running(profile) as driven:
            await driven.do("send", b"STARTTLS\r\n")
            if driven.question is not None:
                await driven.answer(3)  # go on for this server and this certificate
            await driven.do("send", b"EHLO me.test\r\n")
            await vary(driven, "auth")
            assert said(driven) == "the password is right: CRAM-MD5 is accepted; stopped: a login was accepted"
            driven.session.know("alice", Secret("looking-glass"))
            await vary(driven, "auth")
            assert said(driven).startswith(
                "user or password is wrong, or the account is locked: every mechanism says so"
            )
    finally:
        await asyncio.to_thread(server.stop)


@pytest.fixture
def profile(postfix: Postfix, tmp_path: Path) -> Profile:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    return Profile(
        "localhost", postfix.port, helo="me.test", mail_from="a@me.test", rcpt_to=("b@mail.test",), tls="starttls",
        tls_ca_path=str(tmp_path / "ca.pem"), family=4, auto="auth", **LOGIN,
    )  # fmt: skip


@pytest.mark.postfix
async def test_mechanisms_on_postfix(profile: Profile) -> None:
    async with running(profile) as driven:
        question = await vary(driven, "auth", ["LOGIN", "PLAIN"])
        assert "each with EHLO, STARTTLS, EHLO, AUTH, QUIT; that is up to 2 logins as alice" in question
        assert said(driven) == "the password is right: LOGIN is accepted; stopped: a login was accepted"
        driven.session.know("alice", Secret("looking-glass"))
        await vary(driven, "auth", ["CRAM-MD5", "PLAIN", "LOGIN"])
        assert said(driven) == (
            "user or password is wrong, or the account is locked: every mechanism says so (535 5.7.8)"
        )
        assert len(varied(driven).made) == 3


@pytest.mark.postfix
async def test_tls_on_postfix(profile: Profile) -> None:
    async with running(profile) as driven:
        question = await vary(driven, "tls", ["1.2", "tlsv1_3"])
        assert "TLS version (TLSv1.2, TLSv1.3), each with EHLO, STARTTLS, EHLO, QUIT" in question
        assert "login" not in question
        assert said(driven) == "the server speaks TLSv1.2 and TLSv1.3"
        await vary(driven, "cipher", ["kRSA", "ECDHE+AESGCM", "TLS_AES_128_GCM_SHA256", "no-such"])
        assert said(driven) == (
            "the server takes only ECDHE+AESGCM and TLS_AES_128_GCM_SHA256: with kRSA the handshake fails; "
            "that kRSA is refused is as it should be (RFC 9325 4.1); "
            "with no-such there was none: OpenSSL knows no cipher by no-such: "
            "--tls-cipher takes its names, joined by colons"
        )
        assert any("TLS failed" in line for line in shown(driven))
        assert "TLSv1.3" not in "".join(line for line in shown(driven) if "ECDHE+AESGCM" in line)
        await vary(driven, "sni", ["localhost", "none"])
        whose = "that of localhost, mail.test, IP:127.0.0.1 (good)"
        assert said(driven) == f"the certificate is the same with localhost and none: {whose}"
        assert driven.session.profile == profile, "what was varied is as before"


@pytest.mark.postfix
async def test_implicit_tls_on_postfix(profile: Profile, postfix: Postfix) -> None:
    async with running(replace(profile, port=postfix.smtps_port, tls="implicit", auto="none")) as driven:
        question = await vary(driven, "tls", ["1.3", "1.2"], "ehlo")
        assert "each with EHLO, QUIT" in question
        assert said(driven) == "the server speaks TLSv1.3 and TLSv1.2"
        await vary(driven, "cipher", ["kRSA", "TLS_AES_128_GCM_SHA256"])
        assert said(driven) == (
            "the server takes only TLS_AES_128_GCM_SHA256: with kRSA the handshake fails; "
            "that kRSA is refused is as it should be (RFC 9325 4.1)"
        )


# -- TLS of other servers


def by_name(names: Sequence[str], newest_version: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Handler:
    """A server that has a certificate for each name, and one for all others."""
    contexts = {name: ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for name in ("other.test", *names)}
    for name, context in contexts.items():
        certificates.authority().issue_cert(name).configure_cert(context)
    first = contexts["other.test"]
    first.maximum_version = newest_version

    def choose(connection: ssl.SSLObject, name: str | None, _: object) -> None:
        connection.context = contexts.get(name or "", first)

    first.sni_callback = choose

    return securing(first)


def securing(context: ssl.SSLContext) -> Handler:
    """A server that can STARTTLS and no more."""

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        while line := await peer.line():
            if line == b"QUIT":
                await peer.send(b"221 bye\r\n")
                return
            await peer.send(b"220 go\r\n" if line == b"STARTTLS" else b"250-hi\r\n250 STARTTLS\r\n")
            if line == b"STARTTLS":
                await peer.starttls(context)

    return handler


async def test_the_certificate_depends_on_the_name(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    async with driving(by_name(["mail.test"]), tls_ca_path=str(tmp_path / "ca.pem")) as driven:
        question = await vary(driven, "sni", ["mail.test", "none", "www.test"])
        assert "each with EHLO, STARTTLS, EHLO, QUIT" in question, "what it needs is put in"
        assert said(driven) == (
            "the certificate depends on the name asked for: mail.test gets that of mail.test (good), "
            "none and www.test get that of other.test (bad)"
        )
        assert len(driven.of(Asked)) == 1, "nothing is said behind the handshake: nobody need be asked"
        lines = shown(driven)
        assert any(
            line.startswith("The first difference: TLS, a good certificate with mail.test, a bad certif")
            for line in lines
        )


async def test_the_same_bad_certificate_is_no_difference(tmp_path: Path) -> None:
    """With TLSv1 our side has to let weak keys pass, and finds less fault with the very same certificate."""
    key = rsa.generate_private_key(65537, 1024)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mail.test")])
    now = datetime.now(UTC)
    made = x509.CertificateBuilder(name, name, key.public_key(), 1, now, now + timedelta(1)).sign(key, SHA256())
    (tmp_path / "weak.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.load_cert_chain(tmp_path / "weak.pem")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.TLSv1
    async with driving(securing(context)) as driven:
        await vary(driven, "tls", ["TLSv1", "TLSv1.2"])
        assert "Each went the same way to its end." in shown(driven)


async def test_the_server_speaks_only_one_version() -> None:
    async with driving(by_name([], ssl.TLSVersion.TLSv1_2)) as driven:
        await vary(driven, "tls", ["TLSv1.2", "TLSv1.3"])
        assert said(driven) == "the server speaks only TLSv1.2: with TLSv1.3 the handshake fails"
        assert any(
            line == "The first difference: TLS, a bad certificate with TLSv1.2, failed with TLSv1.3"
            for line in shown(driven)
        )


async def test_obsolete_versions_are_named_as_such() -> None:
    def versions(old: bool) -> Handler:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificates.authority().issue_cert("mail.test").configure_cert(context)
        if old:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)
                context.minimum_version = ssl.TLSVersion.TLSv1
            context.set_ciphers("ALL:@SECLEVEL=0")

        async def handler(peer: Peer) -> None:
            await peer.send(b"220 hi\r\n")
            while line := await peer.line():
                await peer.send(b"220 go\r\n" if line == b"STARTTLS" else b"250-hi\r\n250 STARTTLS\r\n")
                if line == b"STARTTLS":
                    await peer.starttls(context)

        return handler

    async with driving(versions(old=True)) as driven:
        await vary(driven, "tls")
        assert said(driven) == (
            "the server speaks TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3; TLSv1 and TLSv1.1 should be refused (RFC 8996)"
        )
        assert "Each went the same way to its end." in shown(driven)
    async with driving(versions(old=False)) as driven:
        await vary(driven, "tls")
        assert said(driven) == (
            "the server speaks only TLSv1.2 and TLSv1.3: with TLSv1 and TLSv1.1 the handshake fails; "
            "that TLSv1 and TLSv1.1 are refused is as it should be (RFC 8996)"
        )


async def test_a_handshake_that_was_dropped_says_nothing_of_the_server() -> None:
    async def silent(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(b"250-hi\r\n250 STARTTLS\r\n")
        await peer.line()
        await peer.send(b"220 go\r\n")
        await peer.gone()

    async with driving(silent) as driven:
        driven.session.vary("tls", ("1.2", "1.3"))
        await driven.asked("vary")
        driven.session.answer(1)
        await driven.until(lambda: any(link.status is LinkStatus.SECURING for link in driven.of(Link)))
        await driven.do("drop")
        assert said(driven) == "there was no handshake: dropped; stopped: dropped"


async def test_where_there_is_no_tls_that_is_said() -> None:
    async with driving(serving({"STARTTLS": b"502 5.5.1 no\r\n"})) as driven:
        await vary(driven, "tls", ["1.2", "1.3"])
        assert said(driven) == "there was no handshake: 502 5.5.1 to STARTTLS"
