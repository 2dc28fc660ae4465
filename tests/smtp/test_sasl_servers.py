"""Logins at servers of every mechanism: what is bound, what is proved, and what a refusal gets out of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from servers.mechanisms import PASSWORD, SCRAM, TOKEN, USER, SaslServer
from smtp.events_seen import LIMIT, Seen
from smtpscope.smtp.errors import NotProved
from smtpscope.smtp.events import Received
from smtpscope.smtp.sasl import MECHANISMS, choose, decode_challenge
from smtpscope.smtp.transport import SMTPTransport

PLUS = [name for name in SCRAM if name.endswith("-PLUS")]
BARE = [name for name in SCRAM if not name.endswith("-PLUS")]


@contextlib.asynccontextmanager
async def at(server: SaslServer, ca: Path | None = None) -> AsyncIterator[tuple[SMTPTransport, Seen]]:
    """Connected and greeted, with TLS where there is a CA to judge it by."""
    seen = Seen()
    transport = SMTPTransport(seen, timeout=LIMIT)
    async with asyncio.timeout(LIMIT), server:
        port = server.port if ca is None else server.tls_port
        await transport.connect(
            "localhost", port, implicit_tls=ca is not None, ca_path=str(ca) if ca else None, family=4
        )
        await transport.command_ehlo("me.test")
        yield transport, seen
        await transport.command_quit()


@pytest.fixture
def ca(tmp_path: Path, ca_pem: bytes) -> Path:
    path = tmp_path / "ca.pem"
    path.write_bytes(ca_pem)
    return path


def challenges(seen: Seen) -> list[bytes]:
    """What the server has asked, decoded."""
    lines = b"".join(event.data for event in seen.of(Received)).split(b"\r\n")
    return [decode_challenge(line[4:].decode()) or b"" for line in lines if line.startswith(b"334")]


@pytest.mark.parametrize("mechanism", BARE)
@pytest.mark.parametrize("initial", [None, False])
async def test_scram_over_a_link_in_clear(mechanism: str, initial: bool | None) -> None:
    async with at(SaslServer(plus=False)) as (transport, seen):
        assert (await transport.command_auth(mechanism, USER, "wrong", initial=initial)).code == 535
        assert challenges(seen)[-1] == b"e=invalid-proof"
        assert (await transport.command_auth(mechanism, USER, PASSWORD, initial=initial)).code == 235
        assert challenges(seen)[-1].startswith(b"v=")
        assert transport.machine.facts.mechanism == mechanism
        assert not seen.ends
        for hidden in seen.hidden.split(b"|"):  # a proof can be guessed at; nothing else is hidden
            assert b",p=" in (decode_challenge(hidden.decode()) or b"")


@pytest.mark.parametrize("mechanism", PLUS)
@pytest.mark.parametrize(
    ("binding", "tls_1_2"),
    [
        ("", False),
        ("", True),
        ("tls-exporter", False),
        ("tls-exporter", True),
        ("tls-unique", True),
        ("tls-server-end-point", False),
        ("tls-server-end-point", True),
    ],
)
async def test_scram_is_bound_to_tls(ca: Path, mechanism: str, binding: str, tls_1_2: bool) -> None:
    async with at(SaslServer(tls_1_2=tls_1_2), ca) as (transport, seen):
        assert (await transport.command_auth(mechanism, USER, PASSWORD, binding=binding)).code == 235
        kind = binding or ("tls-unique" if tls_1_2 else "tls-exporter")
        word = seen.sent.split(b"AUTH ")[1].split()[1].decode()
        assert (decode_challenge(word) or b"").startswith(f"p={kind},,n={USER},r=".encode())


async def test_somebody_in_the_middle_breaks_the_binding(ca: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where TLS ends at one and begins anew: both ends have a session, and it is not the same."""
    monkeypatch.setattr("servers.mechanisms.bindings", lambda engine: {"tls-exporter": bytes(32)})
    async with at(SaslServer(), ca) as (transport, seen):
        assert (await transport.command_auth("SCRAM-SHA-256-PLUS", USER, PASSWORD)).code == 535
        assert challenges(seen)[-1] == b"e=channel-bindings-dont-match"


async def test_tls_1_3_has_no_tls_unique(ca: Path) -> None:
    async with at(SaslServer(), ca) as (transport, seen):
        with pytest.raises(ValueError, match=r"TLS 1\.3 has no tls-unique .*choose tls-exporter"):
            await transport.command_auth("SCRAM-SHA-1-PLUS", USER, PASSWORD, binding="tls-unique")
        with pytest.raises(ValueError, match="choose one of tls-exporter, tls-unique, tls-server-end-point"):
            await transport.command_auth("SCRAM-SHA-1-PLUS", USER, PASSWORD, binding="x")
        assert b"AUTH" not in seen.sent


@pytest.mark.parametrize(("plus", "flag"), [(False, b"y,,"), (True, b"n,,")])
async def test_an_unbound_login_says_whether_it_could_be_bound(ca: Path, plus: bool, flag: bytes) -> None:
    """``y`` only where no -PLUS is offered: so a server finds out that its offer was taken away on the way."""
    async with at(SaslServer(plus=plus), ca) as (transport, seen):
        assert (await transport.command_auth("SCRAM-SHA-256", USER, PASSWORD)).code == 235
        word = seen.sent.split(b"AUTH SCRAM-SHA-256 ")[1].split()[0].decode()
        assert (decode_challenge(word) or b"").startswith(flag)


# -- the server's proof


async def test_a_proof_in_the_reply_proper_is_one() -> None:
    async with at(SaslServer("reply", plus=False)) as (transport, _):
        assert (await transport.command_auth("SCRAM-SHA-256", USER, PASSWORD)).code == 235


async def test_a_wrong_proof_is_said_and_the_login_cancelled() -> None:
    async with at(SaslServer("wrong", plus=False)) as (transport, seen):
        assert (await transport.command_auth("SCRAM-SHA-256", USER, PASSWORD)).code == 501
        assert seen.sent.endswith(b"\r\n*\r\n")
        reason = "the server's signature is wrong: it does not know the password"
        assert seen.ends == [f"AUTH SCRAM-SHA-256 was cancelled: {reason}"]
        assert not transport.machine.facts.auth


async def test_a_success_without_a_proof_is_not_believed() -> None:
    async with at(SaslServer("none", plus=False)) as (transport, _):
        with pytest.raises(NotProved, match="has not shown that it knows the password: do not trust this server"):
            await transport.command_auth("SCRAM-SHA-256", USER, PASSWORD)
        assert transport.machine.facts.auth  # the server says so


# -- tokens, and those without a password


@pytest.mark.parametrize("mechanism", ["XOAUTH2", "OAUTHBEARER"])
@pytest.mark.parametrize("initial", [None, False])
async def test_a_token_and_the_refusal_of_one(mechanism: str, initial: bool | None) -> None:
    async with at(SaslServer()) as (transport, seen):
        reply = await transport.command_auth(mechanism, USER, "expired", initial=initial)
        assert reply.code == 535
        assert b'"status": "401"' in challenges(seen)[-1]
        reply = await transport.command_auth(mechanism, USER, TOKEN, initial=initial)
        assert reply.code == 235
        assert transport.machine.facts.mechanism == mechanism
        assert TOKEN not in repr([event for event in seen.events if type(event).__name__ != "Sent"])


@pytest.mark.parametrize(("mechanism", "reaction"), [("XOAUTH2", b""), ("OAUTHBEARER", b"\x01")])
async def test_the_refusal_of_a_token_is_acknowledged(mechanism: str, reaction: bytes) -> None:
    server = SaslServer()
    async with at(server) as (transport, _):
        await transport.command_auth(mechanism, USER, "expired")
        assert server.answers == [reaction]


@pytest.mark.parametrize(
    ("mechanism", "user", "said"),
    [("EXTERNAL", "", b""), ("EXTERNAL", "bob", b"bob"), ("ANONYMOUS", "me@here.test", b"me@here.test")],
)
@pytest.mark.parametrize("initial", [None, False])
async def test_an_identity_without_a_password(mechanism: str, user: str, said: bytes, initial: bool | None) -> None:
    server = SaslServer()
    async with at(server) as (transport, seen):
        assert (await transport.command_auth(mechanism, user, "", initial=initial)).code == 235
        assert server.identities == [said]
        assert seen.hidden == b""
        if not said and initial is None:
            assert seen.sent.endswith(b"AUTH EXTERNAL =\r\n")  # RFC 4954 4


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
@pytest.mark.parametrize("initial", [None, True, False])
async def test_with_the_first_response_along_or_asked_for(mechanism: str, initial: bool | None) -> None:
    async with at(SaslServer()) as (transport, seen):
        assert (await transport.command_auth(mechanism, USER, "wrong", initial=initial)).code == 535
        assert (await transport.command_auth(mechanism, USER, PASSWORD, initial=initial)).code == 235
        along = initial is not False and (mechanism == "PLAIN" or initial is True)
        assert (f"AUTH {mechanism}\r\n".encode() in seen.sent) is not along


async def test_the_best_that_is_offered_is_one_that_works(ca: Path) -> None:
    async with at(SaslServer(), ca) as (transport, _):
        chosen = choose(transport.machine.facts.ext["AUTH"], tls=True)
        assert chosen == MECHANISMS[0] == "SCRAM-SHA-512-PLUS"
        assert (await transport.command_auth(chosen, USER, PASSWORD)).code == 235
