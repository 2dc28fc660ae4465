"""What the session asks its user: time is over, a certificate is not good, a refusal came before the dot."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path
from typing import Any

import pytest

from servers import certificates
from servers.scripted import Peer
from session.driving import (
    GREETING,
    LOGIN,
    SOON,
    C,
    driving,
    one_by_one,
    tls_at_once,
    to_data,
)
from smtpscope.smtp.errors import ConnectionLost
from smtpscope.smtp.events import Answered, Asked, Closed, Connect, Forgot, Progress, Received, TimedOut, Waited
from smtpscope.smtp.facts import Transaction

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
        assert question.text == (
            "the greeting has not come: a port such as 465 wants TLS from the first octet on (-tlsc)"
        )
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
