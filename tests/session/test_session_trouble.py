"""The session when things go wrong: time, questions, the end of a connection, faults as sentences."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servers import certificates
from servers.scripted import Peer, ScriptedServer, conversation
from session.driving import (
    DATA,
    EHLO,
    GREETING,
    LOGIN,
    MAIL,
    RCPT,
    TRANSACTION,
    C,
    Driven,
    driving,
    profile_for,
    running,
)
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.smtp.errors import ConnectionLost
from smtpscope.smtp.events import Answered, Asked, Closed, Connect, Forgot, Opened, Progress, Received, TimedOut, Waited
from smtpscope.smtp.facts import Transaction

SOON = 0.05
"""Seconds after which replies that a test wants to be late are late."""


Gated = tuple[Callable[[Peer], Awaitable[None]], asyncio.Event]


def one_by_one(*replies: bytes | None, greeting: bytes = b"220 hi\r\n") -> Gated:
    """A server that answers each line with the next reply; where that is empty once the event is set; None never."""
    go = asyncio.Event()

    async def handler(peer: Peer) -> None:
        if not greeting:
            await go.wait()
        await peer.send(greeting or b"220 at last\r\n")
        for reply in replies:
            await peer.line()
            if reply is None:
                break
            if not reply:
                await go.wait()
            await peer.send(reply or b"250 at last\r\n")
        await peer.gone()

    return handler, go


# -- time


async def test_a_late_reply_is_asked_about_and_nothing_is_settled() -> None:
    handler, _ = one_by_one(b"250 hi\r\n", None)
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        question = await driven.asked("timeout")
        assert question.text == "the reply to MAIL has not come"
        assert question.answers == ("wait as long again", "drop", "forget it")
        assert [entry.kind for entry in driven.session.machine.pending] == ["MAIL"]
        assert not driven.of(Closed)
        await driven.do("step")
        await driven.do("go")
        assert driven.sent == ["EHLO me.test", "MAIL FROM:<a@me.test>"]  # space never answers, nor sends


async def test_waiting_longer_brings_the_reply() -> None:
    handler, go = one_by_one(b"250 hi\r\n", b"")
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        await driven.asked("timeout")
        driven.session.answer(0)
        await driven.until(lambda: len(driven.of(TimedOut)) == 2)
        await driven.asked("timeout")
        driven.session.set_timeout(20.0)
        driven.session.answer(0)
        go.set()
        await driven.until(lambda: driven.here is C.MAIL)
        await driven.idle()
        assert [event.seconds for event in driven.of(Waited)] == [SOON, 20.0]
        assert driven.failures == []


async def test_the_reply_may_come_while_the_question_stands() -> None:
    handler, go = one_by_one(b"250 hi\r\n", b"", b"250 two\r\n")
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        await driven.asked("timeout")
        go.set()
        await driven.until(lambda: driven.here is C.MAIL)
        await driven.answer(1)
        await driven.do("step")
        assert driven.here is C.RCPT
        assert driven.failures == []


async def test_dropping_after_a_time_out() -> None:
    handler, _ = one_by_one(b"250 hi\r\n", None)
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        await driven.asked("timeout")
        await driven.answer(2)
        assert [event.cause for event in driven.of(Closed)] == ["dropped"]
        assert driven.here is C.NONE
        assert driven.next.step == Connect()
        assert driven.failures == []


async def test_forgetting_lets_the_session_go_on_and_a_late_reply_is_unasked() -> None:
    handler, go = one_by_one(b"250 hi\r\n", b"", b"250 noop\r\n")
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        await driven.asked("timeout")
        await driven.answer(3)
        assert driven.of(Forgot)
        assert driven.here is C.CONNECTED
        assert not driven.session.machine.pending
        go.set()
        await driven.until(lambda: b"at last" in b"".join(event.data for event in driven.of(Received)))
        assert driven.here is C.CONNECTED
        await driven.do("send", b"NOOP\r\n")
        assert driven.lines[-1] == "<-  250 noop"


@pytest.mark.parametrize(("number", "here"), [(1, C.RCPT), (2, C.DATA)])
async def test_forgetting_a_data_asks_as_what(number: int, here: C) -> None:
    handler, _ = one_by_one(b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", None)
    async with driving(handler, auto="ehlo") as driven:
        await driven.do("go")
        driven.session.set_timeout(SOON)
        driven.session.step()
        await driven.asked("timeout")
        driven.session.answer(2)
        question = await driven.asked("forget")
        assert question.answers == ("as refused", "as 354: send text")
        await driven.answer(number)
        assert driven.here is here
        assert driven.session.machine.facts.txn is (Transaction.OPEN if number == 1 else Transaction.DATA)


async def test_a_greeting_that_does_not_come() -> None:
    handler, go = one_by_one(b"250 hi\r\n", greeting=b"")
    async with driving(handler, timeout=SOON) as driven:
        driven.session.connect()
        question = await driven.asked("timeout")
        assert question.text == "the greeting has not come"
        driven.session.set_timeout(20.0)
        driven.session.answer(0)
        go.set()
        await driven.until(lambda: driven.here is C.BANNER)
        await driven.idle()
        await driven.do("step")
        assert driven.here is C.CONNECTED


async def test_a_late_verdict_on_a_message_ends_it_all_the_same() -> None:
    go = asyncio.Event()

    async def with_message(peer: Peer) -> None:
        await to_data(peer)
        await peer.read_until(b"\r\n.\r\n")
        await go.wait()
        await peer.send(b"250 queued\r\n")
        await peer.gone()

    async with driving(with_message, auto="ehlo", timeout=SOON * 4) as driven:
        driven.session.send_message()
        await driven.asked("timeout")
        driven.session.set_timeout(20.0)
        driven.session.answer(0)
        go.set()
        await driven.until(lambda: driven.here is C.SEND_MESSAGE)
        await driven.idle()
        assert driven.failures == []
        assert driven.session.machine.facts.done == "accepted"


async def test_a_late_challenge_is_the_users_to_answer() -> None:
    """The exchange has ended with its patience: what is typed then is a response, and masked."""
    go = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(b"250-hi\r\n250 AUTH LOGIN\r\n")
        await peer.line()
        await go.wait()
        for reply in (b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 ok\r\n"):
            await peer.send(reply)
            if reply[:3] == b"334":
                await peer.line()
        await peer.gone()

    async with driving(handler, auto="ehlo", **LOGIN) as driven:
        driven.session.set_timeout(SOON)
        driven.session.step()
        await driven.asked("timeout")
        assert not driven.session.machine.asks_user
        driven.session.set_timeout(20.0)
        driven.session.answer(0)
        go.set()
        await driven.until(lambda: driven.session.machine.facts.challenge)
        await driven.idle()
        for response in (b"YWxpY2U=\r\n", b"d29uZGVybGFuZA==\r\n"):
            assert driven.session.machine.asks_user
            await driven.do("send", response)
        assert driven.here is C.CONNECTED
        assert driven.session.machine.facts.auth
        assert driven.sent[-2:] == ["[hidden]", "[hidden]"]
        assert driven.failures == []


async def test_one_question_stands_at_a_time() -> None:
    """An answer must never go to another question than the one that is shown."""
    async with driving([GREETING], auto="banner") as driven:
        put = driven.session.transport.put_question
        first = asyncio.ensure_future(put("first", "may I", "no", "yes"))
        second = asyncio.ensure_future(put("second", "shall I", "no", "yes"))
        await driven.asked("first")
        assert len(driven.of(Asked)) == 1
        driven.session.answer(1)
        await driven.asked("second")
        assert await first == 1
        await driven.do("drop")
        with pytest.raises(ConnectionLost):
            await second
        assert driven.question is None


async def test_no_other_number_is_an_answer() -> None:
    handler, _ = one_by_one(b"250 hi\r\n", None)
    async with driving(handler, auto="ehlo", timeout=SOON) as driven:
        driven.session.step()
        await driven.asked("timeout")
        for index in (-1, 3, 8):
            driven.session.answer(index)
        await driven.idle()
        assert driven.question is not None
        await driven.answer(2)
        driven.session.answer(0)  # nothing stands any more
        assert len(driven.of(Answered)) <= 1


async def test_a_question_ends_what_runs_on_by_itself() -> None:
    for method in ("go", None):
        handler, go = one_by_one(b"", b"250 two\r\n")
        async with driving(handler, auto="none" if method else "banner", timeout=20.0) as driven:
            if method:
                await driven.do("step")
            driven.session.set_timeout(SOON)
            (driven.session.go if method else driven.session.run_to_connected)()
            await driven.asked("timeout")
            driven.session.set_timeout(20.0)
            driven.session.answer(0)
            go.set()
            await driven.until(lambda: driven.here is C.CONNECTED)
            await driven.idle()
            assert driven.sent == ["EHLO me.test"]


# -- certificates


async def tls_at_once(peer: Peer, kind: str = "expired") -> None:
    await peer.starttls(certificates.server_context(kind))
    await peer.send(b"220 secret\r\n")
    for _ in range(2):
        await peer.line()
        await peer.send(b"250 ok\r\n")
    await peer.gone()


async def starttls(peer: Peer) -> None:
    await peer.send(b"220 hi\r\n")
    await peer.line()
    await peer.send(b"250-hi\r\n250 STARTTLS\r\n")
    await peer.line()
    await peer.send(b"220 go\r\n")
    await peer.starttls(certificates.server_context("expired"))
    await peer.line()
    await peer.send(b"250-hi\r\n250 AUTH PLAIN\r\n")
    await peer.gone()


@pytest.mark.parametrize("given", [{"tls": "implicit"}, {"tls": "starttls"}], ids=["implicit", "starttls"])
async def test_a_bad_certificate_is_asked_about_before_anything_is_sent(given: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    handler = tls_at_once if given["tls"] == "implicit" else starttls
    async with driving(handler, auto="auth", tls_ca_path=str(tmp_path / "ca.pem"), **given, **LOGIN) as driven:
        question = await driven.asked("certificate")
        assert "expired" in question.text
        before = driven.wire
        await driven.do("step")
        assert driven.wire == before
        await driven.answer(1)
        assert driven.here is C.NONE
        assert driven.wire == before
        assert len(driven.failures) == 1
        assert driven.failures[0].startswith("closed because of the certificate: ")


@pytest.mark.parametrize("given", [{"tls": "implicit"}, {"tls": "starttls"}], ids=["implicit", "starttls"])
async def test_going_on_in_spite_of_it_is_one_step_and_no_run(given: Any, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())
    handler = tls_at_once if given["tls"] == "implicit" else starttls
    async with driving(handler, auto="auth", tls_ca_path=str(tmp_path / "ca.pem"), **given, **LOGIN) as driven:
        await driven.asked("certificate")
        before = driven.wire
        await driven.answer(2)
        assert driven.here is C.BANNER
        assert driven.wire == before
        await driven.do("step")
        assert driven.here in (C.EHLO, C.CONNECTED)
        assert driven.failures == []


async def test_insecure_is_not_asked() -> None:
    async with driving(tls_at_once, auto="ehlo", tls="implicit", tls_insecure=True) as driven:
        assert driven.question is None
        assert driven.here is C.CONNECTED


async def test_a_connection_that_ends_while_a_question_stands_takes_it_along() -> None:
    go = asyncio.Event()

    async def leaves(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await go.wait()
        peer.reset()

    async with driving(leaves, timeout=20.0) as driven:
        await driven.do("connect")
        driven.session.set_timeout(SOON)
        driven.session.step()
        await driven.asked("timeout")
        go.set()
        await driven.over()
        assert [driven.here] == [C.NONE]
        assert driven.question is None
        assert not driven.of(Answered)
        assert driven.next.step == Connect()
        go.clear()
        await driven.do("step")
        assert driven.here is C.BANNER


# -- message text


async def to_data(peer: Peer) -> None:
    await peer.send(b"220 hi\r\n")
    for reply in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        await peer.line()
        await peer.send(reply)


BIG = b"x" * 78 + b"\r\n"


@pytest.mark.parametrize(("number", "here"), [(1, C.NONE), (2, C.SEND_MESSAGE), (3, C.SEND_MESSAGE)])
async def test_a_refusal_before_the_dot_is_asked_about(number: int, here: C, tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(BIG * 100_000)

    async def handler(peer: Peer) -> None:
        await to_data(peer)
        await peer.read_some()
        await peer.send(b"552 too big\r\n")
        await peer.read_until(b"\r\n.\r\n")
        await peer.send(b"554 as I said\r\n")
        await peer.gone()

    async with driving(handler, auto="ehlo", data=None, data_path=str(message)) as driven:
        driven.session.send_message()
        question = await driven.asked("early")
        assert question.answers == ("drop", "go on with the text", "send the dot now")
        await driven.answer(number)
        assert driven.here is here
        if number > 1:
            assert driven.session.machine.facts.done == "refused"
            whole = driven.of(Progress)[-1].sent == message.stat().st_size
            assert whole == (number == 2)
        assert driven.failures == ([] if number == 2 else driven.failures)


async def test_space_does_nothing_while_a_message_is_on_its_way_and_drop_ends_it(tmp_path: Path) -> None:
    message = tmp_path / "message"
    message.write_bytes(BIG * 200_000)
    over = asyncio.Event()

    async def handler(peer: Peer) -> None:
        peer._sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)  # else the kernel would take it all
        await to_data(peer)
        await over.wait()
        peer.reset()

    async with driving(handler, auto="ehlo", data=None, data_path=str(message), timeout=20.0) as driven:
        await driven.do("go", C.DATA)
        driven.session.step()
        await driven.until(lambda: b"x" * 78 in driven.wire)
        head = len(driven.wire.partition(b"DATA\r\n")[0]) + len(b"DATA\r\n")
        await driven.until(lambda: len(driven.wire) - head > max(event.sent for event in driven.of(Progress)))  # full
        driven.session.step()
        driven.session.go()
        driven.session.again()
        driven.session.drop()
        await driven.idle()
        assert driven.here is C.NONE
        (closed,) = driven.of(Closed)
        assert closed.cause == "dropped"
        assert closed.unsent > 0
        over.set()


@pytest.mark.parametrize("name", ["missing", "."])
async def test_a_message_that_cannot_be_read(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    async with driving([GREETING, EHLO, *TRANSACTION], auto="ehlo", data=None, data_path=str(path)) as driven:
        await driven.do("go", C.SEND_STREAM)
        assert [driven.here] == [C.DATA]
        assert len(driven.failures) == 1
        assert driven.failures[0].startswith(f"the message {path} cannot be read (")
        assert driven.failures[0].endswith(": mend that and stream again, or drop")
        path = tmp_path / "mended"
        path.write_bytes(b"hi\r\n")
        driven.session.profile = replace(driven.session.profile, data_path=str(path))
        await driven.do("step")
        await driven.do("step")
        assert driven.here is C.SEND_MESSAGE


# -- the end of a connection


@pytest.mark.parametrize("at", range(6))
async def test_a_421_at_any_time_is_the_end_and_the_envelope_stays(at: int) -> None:
    connections = 0

    async def handler(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        replies = [b"220 hi\r\n", b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n", b"250 queued\r\n"]
        for index, reply in enumerate(replies):
            if index == 5:
                await peer.read_until(b"\r\n.\r\n")
            elif index:
                await peer.line()
            await peer.send(b"421 enough\r\n" if index == at and connections == 1 else reply)
        await peer.gone()

    async with driving(handler) as driven:
        steps = at + (1 if at < 5 else 2)
        for _ in range(steps):
            await driven.do("step")
        assert [driven.here] == [C.NONE]
        assert driven.next.step == Connect()
        first = driven.sent
        await driven.do("step")  # at once: nobody need wait for the server's close
        assert driven.here is C.BANNER
        for _ in range(steps - 1):
            await driven.do("step")
        assert driven.sent == first * 2
        assert [event.cause for event in driven.of(Closed)] == ["the server closed the session with 421"]
        assert driven.failures == []


@pytest.mark.parametrize(
    ("rest", "cause"),
    [
        (b"", "the server closed the connection"),
        (b"250-mail.test\r\n250 AU", "the server closed the connection in the middle of a reply"),
    ],
)
async def test_a_server_that_closes_without_a_word(rest: bytes, cause: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        await peer.line()
        await peer.send(rest)

    async with driving(handler, auto="auth") as driven:
        await driven.over()
        assert driven.here is C.NONE
        assert [event.cause for event in driven.of(Closed)] == [cause]
        assert driven.failures == []
        assert driven.next.step == Connect()


DROPS: dict[str, tuple[Any, dict[str, Any], list[str]]] = {
    "before connecting": ([GREETING], {}, []),
    "while the greeting is owed": ([], {}, ["connect"]),
    "during a TLS handshake": ([], {"tls": "implicit"}, ["connect"]),
    "at the banner": ([GREETING], {"auto": "banner"}, []),
    "while a reply is owed": ([GREETING, (b"EHLO", b"")], {"auto": "banner"}, ["step"]),
    "in the middle of go": ([GREETING, EHLO, (b"MAIL", b"")], {}, ["go"]),
    "in message text": ([GREETING, EHLO, MAIL, RCPT, DATA], {"auto": "ehlo"}, ["go", "step"]),
}


@pytest.mark.parametrize("when", DROPS)
async def test_drop_at_any_time(when: str) -> None:
    script, given, methods = DROPS[when]

    async def handler(peer: Peer) -> None:
        if script:
            await conversation(script)(peer)
        else:
            await peer.gone()

    async with driving(handler, **given) as driven:
        for method in methods[:-1]:
            await driven.do(method)
        for method in methods[-1:]:
            getattr(driven.session, method)()
            if method == "connect":
                await driven.until(lambda: driven.session.machine.facts.status.name in ("CONNECTED", "SECURING"))
            elif driven.session.machine.here is not C.RCPT:
                await driven.until(lambda: driven.session.machine.pending)
        driven.session.drop()
        driven.session.drop()
        await driven.idle()
        assert driven.here is C.NONE
        assert driven.question is None
        assert [event.cause for event in driven.of(Closed)] == ["dropped"] * len(driven.of(Opened))
        assert driven.failures == []
        assert not driven.session._tasks


async def test_drop_while_a_question_stands() -> None:
    async with driving(tls_at_once, auto="auth", tls="implicit") as driven:
        await driven.asked("certificate")
        driven.session.drop()
        await driven.idle()
        assert driven.here is C.NONE
        assert [event.cause for event in driven.of(Closed)] == ["dropped"]
        await driven.do("step")
        await driven.asked("certificate")


async def test_a_drop_does_not_break_the_look_up_of_our_own_name() -> None:
    """The name may still be looked up when the first connection is dropped; the next one must not stumble over it."""
    gate = asyncio.Event()
    async with driving([GREETING, EHLO], helo=None, auto="banner") as driven:
        naming = driven.session._naming
        assert naming is not None
        await asyncio.wait((naming,))

        async def slow() -> None:
            await gate.wait()

        driven.session._naming = asyncio.ensure_future(slow())
        driven.session.step()
        await asyncio.wait((asyncio.ensure_future(asyncio.sleep(0)),))
        await driven.do("drop")
        await driven.do("connect")
        driven.session.step()
        gate.set()
        await driven.idle()
        assert driven.here is C.CONNECTED


async def test_ehlo_says_our_address_where_we_have_no_name() -> None:
    async with driving([GREETING, EHLO], helo=None, auto="banner") as driven:
        driven.session.own_name = None
        await driven.do("step")
        assert driven.sent == ["EHLO [127.0.0.1]"]
        await driven.do("drop")
        driven.session.own_name = "host.me.test"
        await driven.do("step")
        await driven.do("step")
        assert driven.sent[-1] == "EHLO host.me.test"


# -- faults are sentences


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


FAULTS: dict[str, tuple[Callable[[Profile], Profile], str]] = {
    "unknown host": (lambda p: replace(p, server="no-such-host.invalid"), "cannot find the host no-such-host.invalid"),
    "refused port": (lambda p: replace(p, port=free_port()), "refused the connection"),
    "another's address": (lambda p: replace(p, local_address="192.0.2.1"), "cannot connect from 192.0.2.1"),
    "no address of the family": (lambda p: replace(p, family=6), "with an IPv6 address"),
    "no trust anchors": (lambda p: replace(p, tls="implicit", tls_ca_path="/no/such/file"), "/no/such/file"),
    "no TLS there": (lambda p: replace(p, tls="implicit"), "TLS"),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_where_no_connection_comes_about_one_sentence_says_why(fault: str) -> None:
    change, words = FAULTS[fault]

    async with ScriptedServer(conversation([GREETING])) as server, running(change(profile_for(server))) as driven:
        driven.session.connect()
        await driven.idle()
        assert driven.here is C.NONE
        (reason,) = driven.failures
        assert words in reason
        assert reason.isprintable()
        assert [event.cause for event in driven.of(Closed)] == [reason]
        assert driven.next.step == Connect()
        assert not driven.of(Received) or fault == "no TLS there"


async def test_what_cannot_be_done_without_a_connection_says_so() -> None:
    async with driving([GREETING]) as driven:
        for method, *arguments in (
            ("send", b"NOOP\r\n"),
            ("login", "PLAIN", "alice", Secret("wonderland")),
            ("stream",),
        ):
            before = len(driven.failures)
            await driven.do(method, *arguments)
            assert driven.failures[before:] == ["there is no connection: connect first"]
        await driven.do("send_message")
        assert len(driven.failures) == 4
        assert driven.sent == []


async def test_text_needs_a_354_and_a_message_a_recipient() -> None:
    async with driving([GREETING, EHLO], auto="ehlo", rcpt_to=()) as driven:
        await driven.do("stream")
        await driven.do("send_message")
        assert driven.failures == [
            "message text needs the server's 354 first: send DATA",
            "a message needs a recipient: give one with --to, or fill RCPT by hand",
        ]
        assert driven.sent == ["EHLO me.test"]


async def test_a_mechanism_that_cannot_be_run() -> None:
    async with driving([GREETING, EHLO], auto="ehlo") as driven:
        await driven.do("login", "GSSAPI", "alice", Secret("wonderland"))
        assert driven.failures[0].startswith("AUTH GSSAPI cannot be run here")
        assert driven.sent == ["EHLO me.test"]


async def test_a_message_in_one_go_cleans_up_where_it_is_refused() -> None:
    rset = (b"RSET", b"250 ok\r\n")
    refused_data = [MAIL, RCPT, (b"DATA", b"451 no\r\n"), rset]
    refused_rcpt = [MAIL, (b"RCPT", b"550 no\r\n"), rset]
    refused_mail = [(b"MAIL", b"550 no\r\n")]
    async with driving([GREETING, EHLO, *refused_data, *refused_rcpt, *refused_mail], auto="ehlo") as driven:
        for _ in range(3):
            await driven.do("send_message")
            assert driven.here is C.CONNECTED
        verbs = " ".join(line.split()[0] for line in driven.sent[1:])
        assert verbs == "MAIL RCPT DATA RSET MAIL RCPT RSET MAIL"
        assert driven.failures == []


async def test_a_fault_of_ours_is_a_sentence_too() -> None:
    async with driving([GREETING]) as driven:
        driven.session.fault(KeyError("x"))
        assert driven.failures == ["smtpscope failed at this (KeyError: 'x'): the session goes on"]
        await driven.do("step")
        assert driven.here is C.BANNER


async def test_the_practice_server_tells_why_it_cannot_start() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        profile = Profile("localhost", taken.getsockname()[1], demo=True, auto="none")
        async with running(profile) as driven:
            assert len(driven.failures) == 1
            assert driven.failures[0].startswith("The practice server cannot listen on 127.0.0.1 port ")


async def test_connecting_waits_for_the_practice_server() -> None:
    driven = Driven(Profile("localhost", 0, helo="me.test", demo=True, auto="none", family=4))
    driven.session.start()
    driven.session.drop()
    driven.session.connect()
    await driven.idle()
    try:
        assert driven.here is C.BANNER
        assert driven.failures == []
    finally:
        await driven.session.close()
        driven.recorder.close()
