"""A handshake that fails says after which message it did, and what either side had to say about it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest
from OpenSSL import SSL

from smtp.tls_peer import LIMIT, Peer, Trust, connect, serving, until_closed
from smtpscope.smtp.tls import TLSFailed
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.smtp.tls_words import Notes, why


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


def records(flight: bytes) -> list[bytes]:
    """Octets as TLS records."""
    found = []
    while flight:
        length = 5 + int.from_bytes(flight[3:5])
        found.append(flight[:length])
        flight = flight[length:]
    return found


@pytest.mark.parametrize(
    ("version", "kept", "last"),
    [
        (ssl.TLSVersion.TLSv1_2, 0, "our ClientHello"),
        (ssl.TLSVersion.TLSv1_2, 1, "the ServerHello"),
        (ssl.TLSVersion.TLSv1_2, 2, "the server's Certificate"),
        (ssl.TLSVersion.TLSv1_2, 3, "the ServerKeyExchange"),
        (ssl.TLSVersion.TLSv1_2, 4, "our Finished"),
        (ssl.TLSVersion.TLSv1_3, 1, "the ServerHello"),
        (ssl.TLSVersion.TLSv1_3, 3, "the EncryptedExtensions"),
        (ssl.TLSVersion.TLSv1_3, 4, "the server's Certificate"),
        (ssl.TLSVersion.TLSv1_3, 5, "the server's CertificateVerify"),
    ],
)
async def test_a_server_that_leaves_is_told_with_the_last_message(
    trust: Trust, version: ssl.TLSVersion, kept: int, last: str
) -> None:
    """Each record of the server's first flight has one message; in TLS 1.3 the second is no handshake's."""
    context = trust.server()
    context.maximum_version = version

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        peer.incoming.write(await reader.read(65536))
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        flight = records(peer.outgoing.read())
        assert len(flight) >= kept
        writer.write(b"".join(flight[:kept]))
        writer.write_eof()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        await inner.lost()
    assert failed.value.reason == f"the server closed the connection during the TLS handshake, after {last}"


async def test_a_server_that_falls_silent_is_told_with_the_last_message(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed, match=r"not finished within 0\.05 seconds, after our ClientHello$"):
            await layer.handshake(0.05)
        await inner.lost()


async def test_what_is_wrong_in_the_servers_message_is_told_with_our_alert(trust: Trust) -> None:
    context = trust.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        peer.incoming.write(await reader.read(65536))
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        flight = records(peer.outgoing.read())
        writer.write(flight[0] + flight[2])  # no Certificate
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        await inner.lost()
    assert failed.value.reason == (
        "the server sent a message out of turn, after the ServerHello; we sent alert 10, unexpected_message"
    )


def test_every_alert_is_a_sentence_with_its_number() -> None:
    for alert in range(256):
        said = why(SSL.Error([]), Notes(alert=alert))
        assert said.startswith(tuple(f"the server broke off TLS: {word} " for word in ("it", "our", "a")))
        assert f"(alert {alert}" in said
        assert "{" not in said


@pytest.mark.parametrize(
    ("asked", "cert", "words"),
    [
        (True, None, "it wants a client certificate"),
        (True, "cert.pem", "it does not like our certificate"),
        (False, None, "it does not like our certificate"),
    ],
)
def test_an_alert_about_a_certificate_we_did_not_give_means_that(asked: bool, cert: str | None, words: str) -> None:
    notes = Notes(TLSOptions(cert=cert), alert=42, asked=asked)
    assert why(SSL.Error([]), notes) == f"the server broke off TLS: {words} (alert 42, bad_certificate)"


async def test_ciphers_that_no_version_has_are_a_sentence(trust: Trust, tmp_path: Path) -> None:
    from smtp.tls_peer import Inner
    from smtpscope.smtp.tls import TLSLayer, make_context

    options = TLSOptions(protocols=("tlsv1",), cipher="ECDHE-RSA-AES128-GCM-SHA256")

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    async with serving(handler) as port:
        inner = Inner()
        layer = TLSLayer(inner, make_context(options), "localhost", options=options)
        await asyncio.get_running_loop().create_connection(lambda: layer, "127.0.0.1", port)
        with pytest.raises(TLSFailed, match=r"^no cipher chosen here can be used with TLS 1\.0$"):
            await layer.handshake(LIMIT)
        await inner.lost()
