"""What is found in whole sessions with real servers, and in ends that only a real TLS can have."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from servers import certificates
from servers.postfix import Postfix
from servers.scripted import Peer, ScriptedServer
from session.driving import LIMIT, Driven, driving, running
from session.finding import Folded
from smtpscope.demo.server import PracticeServer
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.smtp.events import Closed

MESSAGE = b"From: <alice@mail.test>\r\nTo: <bob@mail.test>\r\nSubject: findings\r\n\r\nhi\r\n"


def profile(port: int, ca_path: Path, **given: Any) -> Profile:
    settings: dict[str, Any] = {
        "helo": "me.test",
        "mail_from": "alice@mail.test",
        "rcpt_to": ("bob@mail.test",),
        "data": MESSAGE,
        "auto": "none",
        "timeout": LIMIT,
        "tls": "starttls",
        "tls_ca_path": str(ca_path),
        "login_wanted": True,
        "family": 4,
    }
    return Profile("localhost", port, **{**settings, **given})


async def whole_session(profile: Profile) -> Driven:
    """From connecting to QUIT, by the next step each time."""
    async with running(profile) as driven:
        for _ in range(12):
            if driven.of(Closed):
                break
            await driven.do("step")
        assert [event.cause for event in driven.of(Closed)] == ["said goodbye"]
        assert driven.session.machine.facts.mechanism
        return driven


class TlsOnlyPostfix(Postfix):
    """Postfix that offers AUTH in TLS only."""

    def _write_configuration(self) -> None:
        super()._write_configuration()
        with (self.folder / "conf" / "main.cf").open("a") as file:
            file.write("smtpd_tls_auth_only = yes\n")


ALICE = {"user": "alice@mail.test", "password": Secret("wonderland")}


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", ["PLAIN", "CRAM-MD5"])
async def test_a_healthy_session_with_postfix_has_one_finding(postfix: Postfix, mechanism: str) -> None:
    driven = await whole_session(profile(postfix.port, postfix.ca_path, auth=(mechanism,), **ALICE))
    assert Folded(driven.recorder).rules == ["auth-in-clear"]


@pytest.mark.postfix
async def test_a_healthy_session_with_postfix_that_offers_auth_in_tls_only_has_none() -> None:
    server = TlsOnlyPostfix()
    await asyncio.to_thread(server.start)
    try:
        driven = await whole_session(profile(server.port, server.ca_path, **ALICE))
    finally:
        await asyncio.to_thread(server.stop)
    assert Folded(driven.recorder).sentences == []


@pytest.fixture
def practice() -> Iterator[PracticeServer]:
    with PracticeServer() as server:
        yield server


async def test_a_session_with_the_practice_server_is_clean(practice: PracticeServer, tmp_path: Path) -> None:
    ca_path = tmp_path / "ca.pem"
    ca_path.write_bytes(practice.ca_pem)
    user, password = practice.account
    driven = await whole_session(profile(practice.port, ca_path, user=user, password=Secret(password)))
    assert Folded(driven.recorder).sentences == []


@pytest.mark.parametrize("announced", [True, False])
async def test_an_end_of_tls_that_is_not_announced_is_found(announced: bool) -> None:
    async def handler(peer: Peer) -> None:
        await peer.starttls(certificates.server_context("expired"))
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250 mail.test\r\n")
        peer.close(close_notify=announced)

    async with driving(handler, tls="implicit", tls_insecure=True) as driven:
        await driven.do("step")
        await driven.do("step")
        await driven.over()
        rules = Folded(driven.recorder).rules
    assert [rule for rule in rules if rule not in ("certificate", "certificate-name")] == (
        ["no-goodbye"] if announced else ["no-goodbye", "tls-cut"]
    )
    assert "certificate" in rules


@pytest.mark.parametrize("again", [b"250 STARTTLS\r\n", b"250 SIZE 1\r\n"])
async def test_stripping_is_found_on_the_second_connection(again: bytes) -> None:
    connections = 0

    async def handler(peer: Peer) -> None:
        nonlocal connections
        connections += 1
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250-mail.test\r\n" + (b"250 STARTTLS\r\n" if connections == 1 else again))
        await peer.gone()

    async with ScriptedServer(handler, timeout=LIMIT) as server:
        async with running(Profile("127.0.0.1", server.port, helo="me.test", auto="ehlo", timeout=LIMIT)) as driven:
            await driven.do("drop")
            await driven.do("connect")
            await driven.do("step")
            sentences = Folded(driven.recorder).sentences
        async with asyncio.timeout(LIMIT):
            await server.finished()
    assert sentences == (
        []
        if b"STARTTLS" in again
        else ["STARTTLS was offered on an earlier connection and is missing: somebody may strip it"]
    )


async def test_a_starttls_that_leads_nowhere_is_found() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 mail.test\r\n")
        await peer.line()
        await peer.send(b"250-mail.test\r\n250 STARTTLS\r\n")
        await peer.line()
        await peer.send(b"220 go\r\n")
        await peer.read_some()
        await peer.send(b"454 not today\r\n")
        await peer.gone()

    async with driving(handler, tls="starttls") as driven:
        for _ in range(3):
            await driven.do("step")
        await driven.over()
        result = Folded(driven.recorder)
    assert result.rules[:2] == ["injected", "handshake-failed"]
    assert result.sentences[0] == (
        "octets came in clear where TLS was to begin: a server that has none, or somebody in the middle"
    )
    assert result.sentences[1].startswith(
        "STARTTLS was accepted, but there is no TLS: the server did not answer with TLS"
    )
