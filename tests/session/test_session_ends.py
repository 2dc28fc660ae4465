"""The session when a connection ends, is dropped or does not come about; every fault is a sentence."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from servers.scripted import Peer, ScriptedServer, conversation
from session.driving import (
    DATA,
    EHLO,
    GREETING,
    MAIL,
    RCPT,
    TRANSACTION,
    C,
    Driven,
    driving,
    profile_for,
    running,
    tls_at_once,
)
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.smtp.events import Closed, Connect, Opened, Received

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
