"""A handshake that fails says after which message it did, and what either side had to say about it."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
from OpenSSL import SSL

from smtp.tls_peer import LIMIT, Handler, Inner, Peer, Trust, connect, serving, until_closed
from smtpscope.smtp.tls import TLSFailed, TLSLayer, make_context
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.smtp.tls_words import Notes, seconds, why


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


def answering(*pieces: bytes) -> Handler:
    """A server that answers our hello so, and then says nothing more."""

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(b"".join(pieces))
        writer.write_eof()
        await until_closed(reader)

    return handler


def alert(level: int, number: int) -> bytes:
    """A record with one alert in clear: level 1 is a warning, 2 the end."""
    return bytes([21, 3, 3, 0, 2, level, number])


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (
            alert(1, 112),
            "the server closed the connection during the TLS handshake, after our ClientHello; "
            "it had warned us with alert 112, unrecognized_name",
        ),
        (
            alert(1, 112) + b"\x16\x03\x03\xff\xff" + bytes(99),
            "the server sent a record longer than TLS permits, after our ClientHello; "
            "it had warned us with alert 112, unrecognized_name; we sent alert 22, record_overflow",
        ),
        (
            alert(1, 90) + alert(2, 40),
            "the server broke off TLS: it shares no cipher, group or signature with us (alert 40, handshake_failure), "
            "after our ClientHello; it had warned us with alert 90, user_canceled",
        ),
        (alert(1, 0), "the server ended TLS in the middle of the handshake (close_notify), after our ClientHello"),
        (alert(2, 0), "the server ended TLS in the middle of the handshake (close_notify), after our ClientHello"),
    ],
)
async def test_a_warning_is_no_cause_and_a_goodbye_is_one(trust: Trust, answer: bytes, sentence: str) -> None:
    async with serving(answering(answer)) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        await inner.lost()
    assert failed.value.reason == sentence


@pytest.mark.parametrize(
    ("sni", "words"),
    [
        ("mail.test", "it knows no host by the name that we asked for, mail.test"),
        ("", "it wants to be asked for a host by name (SNI), and we sent none"),
    ],
)
async def test_an_unknown_name_is_named_and_none_is_told_as_none(trust: Trust, sni: str, words: str) -> None:
    async with serving(answering(alert(2, 112))) as port:
        inner = Inner()
        layer = TLSLayer(inner, trust.client, "127.0.0.1", options=TLSOptions(sni=sni))
        await asyncio.get_running_loop().create_connection(lambda: layer, "127.0.0.1", port)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        await inner.lost()
    assert failed.value.reason.startswith(f"the server broke off TLS: {words} (alert 112, unrecognized_name)")


async def test_a_server_that_wants_to_renegotiate_is_told_as_that(trust: Trust, tmp_path: Path) -> None:
    """In TLS 1.2 a HelloRequest; OpenSSL's server gives up where it is refused."""
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.set_max_proto_version(SSL.TLS1_2_VERSION)
    leaf = tmp_path / "leaf.pem"
    trust.ca.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(leaf))
    context.use_certificate_chain_file(str(leaf))
    context.use_privatekey_file(str(leaf))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        engine = SSL.Connection(context, None)
        engine.set_accept_state()

        async def run(step: Callable[[], object]) -> None:
            while True:
                again = False
                try:
                    step()
                except SSL.WantReadError:
                    again = True
                finally:
                    with contextlib.suppress(SSL.WantReadError):
                        writer.write(engine.bio_read(65536))
                if not again:
                    return
                engine.bio_write(await reader.read(65536))

        await run(engine.do_handshake)
        engine.renegotiate()
        await run(engine.do_handshake)  # the HelloRequest is out: for OpenSSL that is the end of this step
        with pytest.raises(SSL.Error):
            await run(lambda: engine.recv(1))
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        await inner.lost()
    assert layer.close_cause == (
        "the server broke off TLS: it wanted to negotiate anew, which is refused here (alert 40, handshake_failure)"
    )


def test_one_second_is_one() -> None:
    assert seconds(1) == "1 second"
    assert seconds(0.5) == "0.5 seconds"


def test_a_key_that_is_too_small_is_told_with_the_way_out() -> None:
    said = why(SSL.Error([("SSL routines", "", "dh key too small")]), Notes())
    assert said == (
        "the server's Diffie-Hellman key is too weak: --tls-cipher 'DEFAULT:@SECLEVEL=0' takes weak keys, to look at it"
    )


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
