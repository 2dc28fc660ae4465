"""The servers that tests stand on do what they say."""

import asyncio
import smtplib
import ssl

import pytest

from servers import certificates, hostile
from servers.postfix import Postfix
from servers.scripted import END_OF_DATA, SENT_KEPT, Peer, ScriptedServer, conversation

CASES = hostile.load().values()


async def test_a_conversation_is_played_and_every_octet_kept() -> None:
    script = [
        (None, b"220 hi\r\n"),
        (b"EHLO", b"250 hi\r\n"),
        (b"DATA", b"354 go\r\n"),
        (END_OF_DATA, b"250 ok\r\n"),
        (b"QUIT", b"221 bye\r\n"),
    ]
    async with ScriptedServer(conversation(script)) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"EHLO me\r\nDATA\r\nbare\nlf\r\n.\r\nQUIT\r\n")
        assert await reader.read() == b"220 hi\r\n250 hi\r\n354 go\r\n250 ok\r\n221 bye\r\n" == server.sent
        writer.close()
        await server.finished()
        assert server.received == b"EHLO me\r\nDATA\r\nbare\nlf\r\n.\r\nQUIT\r\n"


async def say(line: bytes, server: ScriptedServer) -> None:
    """Send a line and wait until the server has had enough."""
    async with server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(line)
        with pytest.raises(ConnectionResetError):
            await reader.read()
        writer.close()


async def test_what_a_script_did_not_expect_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="expected b'EHLO', the client sent b'HELO me'"):
        await say(b"HELO me\r\n", ScriptedServer(conversation([(b"EHLO", b"250 hi\r\n")])))


async def test_a_client_that_says_nothing_fails_the_test() -> None:
    with pytest.raises(AssertionError, match=r"in 0.05 s the client did not send b'\\n'"):
        await say(b"", ScriptedServer(conversation([(b"EHLO", b"")]), timeout=0.05))


async def test_starttls_with_a_certificate_that_clients_can_verify() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 go\r\n")
        await peer.starttls()
        await peer.send(b"250 " + await peer.line() + b"\r\n")

    async with ScriptedServer(handler) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        assert await reader.readline() == b"220 go\r\n"
        await writer.start_tls(ssl.create_default_context(cadata=server.ca_pem.decode()), server_hostname="localhost")
        writer.write(b"secret\r\n")
        assert await reader.readline() == b"250 secret\r\n"
        writer.close()
        await server.finished()
        assert server.received == b"secret\r\n"


async def ended(handler_end: str) -> bytes | type[Exception]:
    """What a client reads after the server's `close`, `reset` or `half_close`."""

    async def handler(peer: Peer) -> None:
        assert await peer.line() == b"go"
        getattr(peer, handler_end)()
        assert await peer.line() == b"still there"

    async with ScriptedServer(handler) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"go\r\n")
        try:
            read = await reader.read()
            writer.write(b"still there\r\n")
            writer.close()
            await server.finished()
            return read
        except ConnectionResetError as error:
            return type(error)
        finally:
            writer.close()


async def test_close_and_half_close_send_fin_and_reset_sends_rst() -> None:
    assert await ended("close") == b""
    assert await ended("half_close") == b""
    assert await ended("reset") is ConnectionResetError


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("expired", "expired"),
        ("notyet", "not yet valid"),
        ("wrongname", "Hostname mismatch"),
        ("untrusted", "unable to get local issuer|self-signed"),
        ("selfsigned", "self-signed"),
        ("old", "protocol version|alert"),
    ],
)
async def test_every_bad_certificate_is_refused_for_its_own_reason(kind: str, reason: str) -> None:
    async def handler(peer: Peer) -> None:
        await peer.starttls(certificates.server_context(kind))

    async with ScriptedServer(handler) as server:
        with pytest.raises(ssl.SSLError, match=reason):
            await asyncio.open_connection(
                server.host, server.port, ssl=certificates.client_context(), server_hostname="localhost"
            )


async def met(case: hostile.Case) -> tuple[bytes, bytes]:
    """Send what the case's `drive` says, up to TLS; returns what came back and what the server says it sent."""
    async with hostile.playing(case) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        for line in case.drive:
            if line == "__TLS":
                break
            if not line.startswith("__WAIT"):
                writer.write(hostile.unescape(line))
        writer.write_eof()
        read = bytearray()
        try:
            while octets := await reader.read(1 << 20):
                read += octets
        except ConnectionResetError:
            pass
        writer.close()
        await server.finished()
        return bytes(read[:SENT_KEPT]), server.sent


@pytest.mark.parametrize("group", sorted({case.group for case in CASES}))
async def test_every_hostile_case_plays(group: str) -> None:
    cases = [case for case in CASES if case.group == group]
    for case, (read, sent) in zip(cases, await asyncio.gather(*map(met, cases)), strict=True):
        if case.speaks_first:
            first = hostile.unescape(str(next(iter(case.script[0].values()))))
            assert sent.startswith(first), case.id
        resets = any(step.get("close") == "rst" for step in case.script)
        assert sent.startswith(read) if resets else sent == read, case.id


async def test_a_fast_play_shortens_the_pauses_and_a_silent_server_says_nothing() -> None:
    silent = hostile.load()["banner-silence"]
    assert not silent.speaks_first
    assert await met(silent) == (b"", b"")


async def test_a_hostile_server_inside_tls_can_write_outside_of_it() -> None:
    async with hostile.playing(hostile.load()["tls-raw-plaintext-inside"]) as server:
        reader, writer = await asyncio.open_connection(server.host, server.port)
        writer.write(b"EHLO c.test\r\nSTARTTLS\r\n")
        while not (await reader.readline()).startswith(b"220 2"):
            pass
        await writer.start_tls(certificates.client_context(), server_hostname="localhost")
        writer.write(b"EHLO c.test\r\nNOOP\r\n")
        with pytest.raises(ssl.SSLError):
            await reader.read()
        writer.transport.abort()


@pytest.mark.postfix
def test_postfix_takes_mail_over_verified_tls_after_auth(postfix: Postfix) -> None:
    context = ssl.create_default_context(cafile=str(postfix.ca_path))
    with smtplib.SMTP("localhost", postfix.port, timeout=20) as smtp:
        smtp.starttls(context=context)
        smtp.login(*postfix.account)
        refused = smtp.sendmail(
            "alice@mail.test", ["reject@mail.test", "greylist@mail.test", "bob@mail.test"], "Subject: 4711\r\n\r\n.tea"
        )
    assert {address: code for address, (code, _) in refused.items()} == {
        "reject@mail.test": 550,
        "greylist@mail.test": 451,
    }
    assert postfix.delivered(b"Subject: 4711").endswith(b"\n\n.tea\n")


@pytest.mark.postfix
def test_postfix_has_a_port_with_implicit_tls(postfix: Postfix) -> None:
    context = ssl.create_default_context(cafile=str(postfix.ca_path))
    with smtplib.SMTP_SSL("localhost", postfix.smtps_port, timeout=20, context=context) as smtp:
        assert smtp.noop()[0] == 250
