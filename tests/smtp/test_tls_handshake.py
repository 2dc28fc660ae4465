from __future__ import annotations

import asyncio
import contextlib
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given, settings
from hypothesis import strategies as st
from OpenSSL import SSL, crypto

from smtp.tls_peer import LIMIT, Identity, Peer, Trust, connect, dns, reset, serving, until_closed
from smtpscope.smtp.tls import CLOSED_HERE, TLSFailed, TLSLayer, TLSOptions, make_context


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


# The verdict


@pytest.mark.parametrize(("server_name", "sni"), [("localhost", "localhost"), ("127.0.0.1", None)])
async def test_a_good_certificate_is_verified_by_ca_path(trust: Trust, server_name: str, sni: str | None) -> None:
    asked: list[str | None] = []
    context = trust.server()
    context.sni_callback = lambda _socket, name, _context: asked.append(name)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        await peer.handshake()
        peer.write(await peer.read())
        assert await peer.read() == b""

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client, server_name)
        facts = await layer.handshake(LIMIT)
        layer.start_reading()
        layer.transport.write(b"EHLO me\r\n")
        await inner.until(lambda: bool(inner.data))
        layer.transport.close()
        await inner.lost()
    assert facts.judged.faults == ()
    assert facts.version == "TLSv1.3"
    assert facts.cipher.startswith("TLS_")
    assert facts.bits >= 128
    assert facts.group
    assert x509.load_der_x509_certificate(facts.chain[0]).issuer == _root(trust).subject
    assert inner.data == b"EHLO me\r\n"
    assert asked == [sni]


def _root(trust: Trust) -> x509.Certificate:
    return x509.load_pem_x509_certificate(trust.ca.cert_pem.bytes())


_ROOT = Identity("Test Root", authority=True)
_MIDDLE = Identity("Test Middle", issuer=_ROOT, authority=True)
_OLD_MIDDLE = Identity("Old Middle", issuer=_ROOT, authority=True, valid=(-30, -2))
_FOREIGN = Identity("Foreign Root", authority=True)


@pytest.mark.parametrize(
    ("server", "issuers", "faults"),
    [
        (Identity(names=dns("localhost"), issuer=_MIDDLE), (_MIDDLE,), []),
        (Identity(names=dns("localhost"), issuer=_ROOT, valid=(-9, -3)), (), ["the certificate expired 3 days ago"]),
        (Identity(names=dns("localhost"), issuer=_ROOT, valid=(5, 9)), (), ["the certificate is not valid before "]),
        (
            Identity(names=dns("elsewhere.test"), issuer=_ROOT),
            (),
            ["the certificate is for elsewhere.test, not for localhost"],
        ),
        (
            Identity(names=dns("localhost")),
            (),
            ["the certificate is self-signed: nobody known here vouches for it"],
        ),
        (
            Identity(names=dns("localhost"), issuer=_FOREIGN),
            (),
            ["the issuer is not known here: CN=Foreign Root"],
        ),
        (
            Identity(names=dns("localhost"), issuer=_FOREIGN),
            (_FOREIGN,),
            ["the issuer is not known here: CN=Foreign Root"],
        ),
        (
            Identity(names=dns("localhost"), issuer=_MIDDLE),
            (),
            ["the issuer is not known here: CN=Test Middle"],
        ),
        (
            Identity(names=dns("localhost"), issuer=_OLD_MIDDLE),
            (_OLD_MIDDLE,),
            ["the issuer's certificate (CN=Old Middle) expired 2 days ago"],
        ),
        (
            Identity(names=dns("elsewhere.test"), issuer=_FOREIGN, valid=(-9, -1)),
            (),
            [
                "the issuer is not known here: CN=Foreign Root",
                "the certificate expired 1 day ago",
                "the certificate is for elsewhere.test, not for localhost",
            ],
        ),
    ],
    ids=[
        "good through a middle one",
        "expired",
        "not yet",
        "wrong name",
        "self-signed",
        "unknown issuer",
        "unknown root sent",
        "missing middle",
        "expired middle",
        "all at once",
    ],
)
async def test_all_faults_come_out_of_one_handshake_in_words(
    tmp_path: Path, server: Identity, issuers: tuple[Identity, ...], faults: list[str]
) -> None:
    (tmp_path / "ca.pem").write_bytes(_ROOT.pem)
    client = make_context(TLSOptions(ca_path=str(tmp_path / "ca.pem")))

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, server.server_context(tmp_path, issuers))
        await peer.handshake()
        await peer.read()

    async with serving(handler) as port:
        layer, inner = await connect(port, client)
        facts = await layer.handshake(LIMIT)
        layer.start_reading()
        layer.transport.close()
        await inner.lost()
    assert [fault[: len(words)] for fault, words in zip(facts.judged.faults, faults, strict=True)] == faults
    assert facts.chain == (server.der, *(issuer.der for issuer in issuers))


def test_a_ca_path_may_be_a_folder_and_one_that_holds_nothing_is_said(trust: Trust, tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "mine.pem").write_bytes(trust.ca.cert_pem.bytes())
    context = make_context(TLSOptions(ca_path=str(folder)))
    _verify(context, _root(trust))
    (folder / "broken.crt").write_text("no certificate")  # beside good ones it does no harm
    _verify(make_context(TLSOptions(ca_path=str(folder))), _root(trust))
    (folder / "mine.pem").unlink()
    (tmp_path / "empty").mkdir()
    for path in (folder, tmp_path / "missing.pem", tmp_path / "empty"):
        with pytest.raises(TLSFailed, match=r"no certificates can be read from .*: PEM is wanted, a file or a folder"):
            make_context(TLSOptions(ca_path=str(path)))
    (tmp_path / "empty" / "0a1b2c3d.0").touch()  # as openssl rehash names them: looked into when they are needed
    make_context(TLSOptions(ca_path=str(tmp_path / "empty")))


def test_without_roots_of_the_system_certifis_are_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import certifi

    (tmp_path / "empty.pem").touch()
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "empty.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "empty"))
    _verify(make_context(TLSOptions()), x509.load_pem_x509_certificate(Path(certifi.where()).read_bytes()))


def _verify(context: SSL.Context, root: x509.Certificate) -> None:
    """Raises X509StoreContextError where ``context`` does not trust ``root``."""
    store = context.get_cert_store()
    assert store is not None
    crypto.X509StoreContext(store, crypto.X509.from_cryptography(root)).verify_certificate()


# A handshake that fails


def _hello_of_tls_1_0() -> bytes:
    hello = b"\x03\x01" + bytes(32) + b"\x00" + b"\x00\x2f" + b"\x00"
    message = b"\x02" + len(hello).to_bytes(3) + hello
    return b"\x16\x03\x01" + len(message).to_bytes(2) + message


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"220 mx ESMTP\r\n", r"the server did not answer with TLS: it sent 220 mx ESMTP\r\n, which is SMTP in clear"),
        (b"SSH-2.0-x\r\n", r"the server did not answer with TLS: it sent SSH-2.0-x\r\n, which is SSH"),
        (b"HTTP/1.1 400\r\n", r"the server did not answer with TLS: it sent HTTP/1.1 400\r\n, which is HTTP"),
        (b"\x1b]0;title\x07", r"the server did not answer with TLS: it sent \x1b]0;title\x07"),
        (b"\x16", "the server closed the connection during the TLS handshake"),
        (b"", "the server closed the connection during the TLS handshake, after our ClientHello"),
        (
            _hello_of_tls_1_0(),
            "the server chose a TLS version older than 1.2, after our ClientHello; we sent alert 70, protocol_version",
        ),
        (b"\x15\x03\x03\x00\x02\x02\x28", "the server broke off TLS: it shares no cipher, group or signature with us"),
        (b"\x15\x03\x03\x00\x02\x02\xfe", "the server broke off TLS: it gave no reason known here (alert 254)"),
        (b"\x16\x03\x03\x00\x04\x02\x00\x00\x00", "the server's TLS is not as it should be ("),
    ],
)
async def test_an_answer_that_is_no_handshake_is_told_in_words(trust: Trust, answer: bytes, reason: str) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        writer.write(answer)
        writer.write_eof()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        assert "lost" not in inner.events
        layer.transport.write(b"nothing happens")
        layer.transport.close()
        await inner.lost()
    assert failed.value.reason.startswith(reason)
    assert layer.close_cause == failed.value.reason


async def test_a_greeting_in_clear_before_our_hello_is_told_too(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mx ESMTP\r\n")
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await inner.lost()  # the layer ends as soon as it knows
        with pytest.raises(TLSFailed, match="220 mx ESMTP"):
            await layer.handshake(LIMIT)


async def test_a_reset_in_the_handshake(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        reset(writer)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed, match="the server reset the connection during the TLS handshake"):
            await layer.handshake(LIMIT)
        assert inner.events == []
        await inner.lost()


async def test_a_server_that_says_nothing_is_given_up_in_time(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed, match=r"the TLS handshake was not finished within 0\.05 seconds"):
            await layer.handshake(0.05)
        await inner.lost()


async def test_a_handshake_can_be_cancelled_and_leaves_no_connection(trust: Trust) -> None:
    hello = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(65536)
        hello.set()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        task = asyncio.create_task(layer.handshake(LIMIT))
        await hello.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await inner.lost()


@settings(max_examples=60, deadline=None)
@given(
    version=st.sampled_from([ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3]),
    damage=st.lists(st.tuples(st.integers(0, 900), st.integers(0, 255)), min_size=1, max_size=3),
    cut=st.integers(1, 2000),
)
def test_a_damaged_flight_is_always_a_sentence(
    trust: Trust, version: ssl.TLSVersion, damage: list[tuple[int, int]], cut: int
) -> None:
    context = trust.server()
    context.maximum_version = version

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        peer.incoming.write(await reader.read(65536))
        with pytest.raises(ssl.SSLWantReadError):
            peer.tls.do_handshake()
        flight = bytearray(peer.outgoing.read())
        for place, octet in damage:
            flight[place % len(flight)] = octet
        writer.write(flight[:cut])
        writer.write_eof()
        await until_closed(reader)

    async def shake() -> TLSLayer:
        async with serving(handler) as port:
            layer, inner = await connect(port, trust.client)
            with contextlib.suppress(TLSFailed):  # a byte that was drawn as it is does no damage
                await layer.handshake(LIMIT)
            layer.start_reading()
            await inner.lost()
        return layer

    cause = asyncio.run(shake()).close_cause
    assert cause.isprintable()
    assert len(cause.split()) > 2


def _old(context: ssl.SSLContext) -> None:
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="deprecated"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")


def _ciphers_for_another_key(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers("ECDHE-RSA-AES128-GCM-SHA256")  # the certificate's key is not RSA


def _asks_for_ours(context: ssl.SSLContext) -> None:
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED


@pytest.mark.parametrize(
    ("arrange", "reason"),
    [
        (
            _old,
            "it speaks no TLS version that we offer (1.2 and 1.3) (alert 70, protocol_version), after our ClientHello",
        ),
        (
            _ciphers_for_another_key,
            "it shares no cipher, group or signature with us (alert 40, handshake_failure), after our ClientHello",
        ),
        (_asks_for_ours, "it wants a client certificate (alert 40, handshake_failure), after our Finished"),
    ],
)
async def test_a_server_that_cannot_agree_with_us(trust: Trust, arrange, reason: str) -> None:  # type: ignore[no-untyped-def]
    context = trust.server()
    arrange(context)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        with pytest.raises(ssl.SSLError):
            await peer.handshake()
        peer.push()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(TLSFailed) as failed:
            await layer.handshake(LIMIT)
        await inner.lost()
    assert failed.value.reason.startswith("the server broke off TLS: " + reason)


async def test_a_client_certificate_missed_after_the_handshake(trust: Trust) -> None:
    context = trust.server()
    context.verify_mode = ssl.CERT_REQUIRED

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        with pytest.raises(ssl.SSLError):
            await peer.handshake()
        peer.push()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)  # in TLS 1.3 the server's refusal comes later
        layer.start_reading()
        await inner.lost()
    assert layer.close_cause == (
        "the server broke off TLS: it wants a client certificate (alert 116, certificate_required)"
    )


async def test_nothing_can_be_written_before_the_handshake(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        assert await reader.read(65536) == b""

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        with pytest.raises(RuntimeError):
            layer.transport.write(b"EHLO me\r\n")
        layer.transport.close()
        await inner.lost()
    with pytest.raises(TLSFailed, match=CLOSED_HERE):
        await layer.handshake(LIMIT)
