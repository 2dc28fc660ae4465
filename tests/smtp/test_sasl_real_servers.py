"""Logins at Postfix with Cyrus SASL and at Dovecot, with every mechanism that both know."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from servers import dovecot as dovecot_server
from servers.dovecot import Dovecot
from servers.postfix import Postfix
from servers.scripted import Peer, ScriptedServer
from smtp.events_seen import LIMIT, Seen
from smtpscope.smtp.sasl import MECHANISMS
from smtpscope.smtp.transport import SMTPTransport

BOTH = ("PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
PROVED = ("DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
"""Those in which the server proves itself, which is an empty response more."""


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def transport(seen: Seen) -> AsyncIterator[SMTPTransport]:
    async with asyncio.timeout(LIMIT):
        transport = SMTPTransport(seen, timeout=LIMIT)
        yield transport
        transport.drop()


async def log_in(transport: SMTPTransport, port: int, mechanism: str, user: str, initial: bool | None) -> int | None:
    await transport.connect("localhost", port, family=4)
    await transport.command_ehlo("me.test")
    assert set(transport.machine.facts.ext["AUTH"].split()) == set(BOTH) <= set(MECHANISMS)
    reply = await transport.command_auth(mechanism, user, "wonderland", initial=initial)
    return reply.code


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", BOTH)
@pytest.mark.parametrize("initial", [None, True, False])
@pytest.mark.parametrize("user", ["alice", "alice@mail.test"])
async def test_a_login_at_postfix(
    postfix: Postfix, transport: SMTPTransport, seen: Seen, mechanism: str, initial: bool | None, user: str
) -> None:
    assert await log_in(transport, postfix.port, mechanism, user, initial) == 235
    assert seen.sent.endswith(b"\r\n\r\n") is (mechanism in PROVED)
    assert transport.machine.facts.mechanism == mechanism
    assert seen.ends == []


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", BOTH)
@pytest.mark.parametrize("implicit", [True, False])
async def test_a_login_at_postfix_inside_tls(
    postfix: Postfix, transport: SMTPTransport, seen: Seen, mechanism: str, implicit: bool
) -> None:
    """Where SCRAM says that it could be bound, which Postfix does not offer."""
    port = postfix.smtps_port if implicit else postfix.port
    await transport.connect("localhost", port, implicit_tls=implicit, ca_path=str(postfix.ca_path), family=4)
    await transport.command_ehlo("me.test")
    if not implicit:
        await transport.starttls()
        await transport.command_ehlo("me.test")
    assert (await transport.command_auth(mechanism, "alice", "wonderland")).code == 235
    if mechanism.startswith("SCRAM"):
        assert b"AUTH " + mechanism.encode() + b" eSws" in seen.sent  # y,,


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", BOTH)
async def test_a_wrong_password_at_postfix(postfix: Postfix, transport: SMTPTransport, mechanism: str) -> None:
    await transport.connect("localhost", postfix.port, family=4)
    await transport.command_ehlo("me.test")
    assert (await transport.command_auth(mechanism, "alice", "wrong")).code == 535
    assert (await transport.command_auth(mechanism, "alice", "wonderland")).code == 235


@pytest.mark.postfix
async def test_as_whom_to_act_at_postfix(postfix: Postfix, transport: SMTPTransport) -> None:
    """Cyrus lets nobody act for another who is not set up for it: so it has read both names."""
    await transport.connect("localhost", postfix.port, family=4)
    await transport.command_ehlo("me.test")
    for mechanism in ("PLAIN", "SCRAM-SHA-256"):
        login = ("alice@mail.test", "wonderland")
        assert (await transport.command_auth(mechanism, *login, authzid="bob@mail.test")).code == 535
    assert (await transport.command_auth("PLAIN", *login, authzid="alice@mail.test")).code == 235


@pytest.mark.postfix
async def test_a_login_at_the_wrong_time_is_sent_and_answered(postfix: Postfix, transport: SMTPTransport) -> None:
    """Before EHLO, inside a transaction and twice: what comes of it is the server's to say."""
    await transport.connect("localhost", postfix.port, family=4)
    early = await transport.command_auth("PLAIN", "alice", "wrong")
    assert early.code == 535
    await transport.command_ehlo("me.test")
    await transport.command_mail("alice@mail.test")
    assert (await transport.command_auth("SCRAM-SHA-1", "alice", "wonderland")).code == 503
    await transport.command_rset()
    assert (await transport.command_auth("EXTERNAL", "alice", "")).code == 535
    assert (await transport.command_auth("SCRAM-SHA-1", "alice", "wonderland")).code == 235
    assert (await transport.command_auth("SCRAM-SHA-1", "alice", "wonderland")).code == 503


# -- Dovecot


@pytest.mark.dovecot
async def test_logins_at_dovecot() -> None:
    if not dovecot_server.available():
        raise RuntimeError(f"Dovecot cannot run here: {dovecot_server.HOW_TO_GET_IT}.")
    taken = asyncio.Semaphore(0)

    async def relay(peer: Peer) -> None:
        """Where Dovecot takes those who have logged in."""
        taken.release()
        await peer.send(b"220 relay.test ESMTP\r\n")
        while await peer.line() != b"QUIT":
            await peer.send(b"250 relay.test\r\n")
        await peer.send(b"221 bye\r\n")

    async with ScriptedServer(relay, timeout=LIMIT) as behind, asyncio.timeout(2 * LIMIT):
        with Dovecot(behind.port) as dovecot:
            for mechanism in BOTH:
                seen = Seen()
                transport = SMTPTransport(seen, timeout=LIMIT)
                assert await log_in(transport, dovecot.port, mechanism, "alice", None) == 235
                assert seen.sent.endswith(b"\r\n\r\n") is (mechanism in PROVED)
                await taken.acquire()
                transport.drop()
            transport = SMTPTransport(timeout=LIMIT)
            await transport.connect("localhost", dovecot.port, family=4, insecure=True)
            await transport.command_ehlo("me.test")
            await transport.starttls()
            await transport.command_ehlo("me.test")
            assert (await transport.command_auth("SCRAM-SHA-256", "alice", "wrong")).code == 535
            assert (await transport.command_auth("SCRAM-SHA-256", "alice", "wonderland")).code == 235
            await taken.acquire()
            transport.drop()
        await behind.finished()
