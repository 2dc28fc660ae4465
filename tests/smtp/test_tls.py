from __future__ import annotations

import asyncio
import hashlib
import random
import ssl

import pytest

from smtp.tls_peer import LIMIT, Inner, Peer, Trust, connect, reset, serving, until_closed
from smtpscope.smtp.tls import CLOSE_NOTIFY, CLOSED_HERE, CUT, RESET, TLSLayer


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Trust:
    return Trust(tmp_path_factory.mktemp("trust"))


async def _echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()


# Data


async def test_sixteen_mebibytes_come_back_equal(trust: Trust) -> None:
    payload = random.Random(2).randbytes(16 * 2**20)
    server = await asyncio.start_server(_echo, "127.0.0.1", 0, ssl=trust.server())
    async with server:
        layer, inner = await connect(server.sockets[0].getsockname()[1], trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        for start in range(0, len(payload), 2**20):
            layer.transport.write(payload[start : start + 2**20])
        await inner.until(lambda: len(inner.data) == len(payload))
        layer.transport.close()
        await inner.lost()
    assert hashlib.sha256(inner.data).digest() == hashlib.sha256(payload).digest()


async def test_a_reader_that_stalls_pauses_us_and_nothing_is_lost(trust: Trust) -> None:
    go_on = asyncio.Event()
    arrived = 0

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal arrived
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        await go_on.wait()
        while data := await peer.read():
            arrived += len(data)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        layer.transport.set_write_buffer_limits(0)
        written = 0
        while "pause" not in inner.events:
            layer.transport.write(bytes(256 * 1024))
            written += 256 * 1024
        assert layer.transport.get_write_buffer_size() > 0
        go_on.set()
        await inner.until(lambda: "resume" in inner.events)
        assert layer.transport.get_write_buffer_size() == 0
        layer.transport.close()
        await inner.lost()
    assert arrived == written


async def test_a_paused_reader_gets_nothing_and_then_all(trust: Trust) -> None:
    payload = bytes(4 * 2**20)
    drained = asyncio.Event()

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        peer.write(payload)
        peer.write(await peer.read())
        drained.set()
        await peer.read()

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.transport.pause_reading()
        layer.start_reading()
        assert not layer.transport.is_reading()
        layer.transport.write(b"go on")
        await drained.wait()
        assert inner.events == []
        layer.transport.resume_reading()
        await inner.until(lambda: len(inner.data) == len(payload) + 5)
        layer.transport.close()
        await inner.lost()


async def test_data_in_one_segment_with_finished_waits_for_start_reading(trust: Trust) -> None:
    context = trust.server()
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # there the server's Finished is the last message

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, context)
        await peer.handshake(flush=False)
        peer.tls.write(b"220 first\r\n")
        peer.tls.write(b"220 second\r\n")
        peer.close_notify()
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        facts = await layer.handshake(LIMIT)
        assert (facts.version, inner.events) == ("TLSv1.2", [])
        layer.start_reading()
        assert inner.data == b"220 first\r\n220 second\r\n"
        assert inner.events == ["data", "eof"]
        await inner.lost()
    assert layer.close_cause == CLOSE_NOTIFY


async def test_a_loss_behind_the_handshake_is_told_after_start_reading(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await Peer(reader, writer, trust.server()).handshake()

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.connection_lost(ConnectionResetError())
        assert inner.events == []
        layer.start_reading()
    assert inner.events == ["lost"]
    assert layer.close_cause == RESET
    layer.lower.abort()


async def test_every_octet_of_ciphertext_is_shown_as_it_crosses(trust: Trust) -> None:
    seen: dict[bool, int] = {True: 0, False: 0}
    peers: list[Peer] = []

    def on_cipher(data: bytes, outgoing: bool) -> None:
        seen[outgoing] += len(data)

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        peers.append(peer)
        await peer.handshake()
        peer.write(await peer.read_exactly(600_000))
        assert await peer.read() == b""

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client, on_cipher=on_cipher)
        await layer.handshake(LIMIT)
        layer.start_reading()
        layer.transport.write(bytes(600_000))
        await inner.until(lambda: len(inner.data) == 600_000)
        layer.transport.close()
        await inner.lost()
    assert (seen[True], seen[False]) == (peers[0].received, peers[0].sent)


# The end


async def _end_with_close_notify(peer: Peer) -> None:
    peer.close_notify()


async def _end_with_fin(peer: Peer) -> None:
    peer.writer.write_eof()


async def _end_with_reset(peer: Peer) -> None:
    reset(peer.writer)


async def _end_with_rubbish(peer: Peer) -> None:
    peer.writer.write(b"500 in clear\r\n")


@pytest.mark.parametrize(
    ("end", "cause", "events"),
    [
        (_end_with_close_notify, CLOSE_NOTIFY, ["data", "eof", "lost"]),
        (_end_with_fin, CUT, ["data", "eof", "lost"]),
        (_end_with_reset, RESET, ["data", "lost"]),
        (_end_with_rubbish, "the server went on with something that is not TLS", ["data", "lost"]),
    ],
)
async def test_each_end_has_its_own_cause(trust: Trust, end, cause: str, events: list[str]) -> None:  # type: ignore[no-untyped-def]
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        peer.write(b"220 hello\r\n")
        await peer.read_exactly(4)  # the client has read what came before
        await end(peer)
        await until_closed(reader)

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        await inner.until(lambda: bool(inner.data))
        layer.transport.write(b"NOOP")
        await inner.lost()
        layer.transport.write(b"too late, and no harm")
    assert layer.close_cause == cause
    assert inner.events == events
    assert layer.transport.is_closing()


async def test_our_close_sends_all_and_then_close_notify(trust: Trust) -> None:
    got: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        peer.write(b"220 go\r\n")
        got.append(await peer.read_exactly(2**20))
        got.append(await peer.read())  # raises on a cut

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        await inner.until(lambda: bool(inner.data))  # closing on unread octets would be an RST
        layer.transport.write(bytes(2**20))
        layer.transport.close()
        await inner.lost()
    assert [len(data) for data in got] == [2**20, 0]
    assert layer.close_cause == CLOSED_HERE


async def test_abort_sends_no_close_notify(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        with pytest.raises((ssl.SSLEOFError, ConnectionError)):
            await peer.read()

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client)
        await layer.handshake(LIMIT)
        layer.start_reading()
        layer.transport.abort()
        await inner.lost()
    assert inner.events == ["lost"]


async def test_we_may_go_on_writing_after_a_close_notify(trust: Trust) -> None:
    got: list[bytes] = []

    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer = Peer(reader, writer, trust.server())
        await peer.handshake()
        peer.close_notify()
        got.append(await peer.read_exactly(6))

    async with serving(handler) as port:
        layer, inner = await connect(port, trust.client, half_open=True)
        await layer.handshake(LIMIT)
        layer.start_reading()
        await inner.until(lambda: "eof" in inner.events)
        layer.transport.write(b"QUIT\r\n")
        layer.transport.close()
        await inner.lost()
    assert got == [b"QUIT\r\n"]
    assert layer.close_cause == CLOSE_NOTIFY


# Twice


async def test_tls_inside_tls(trust: Trust) -> None:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(2):
            assert await reader.readexactly(8) == b"STARTTLS"
            writer.write(b"220")
            await writer.start_tls(trust.server())
        await _echo(reader, writer)

    payload = random.Random(3).randbytes(2**20)
    async with serving(handler) as port:
        inner = Inner()
        transport: asyncio.Transport
        transport, _ = await asyncio.get_running_loop().create_connection(lambda: inner, "127.0.0.1", port)
        layers: list[TLSLayer] = []
        for count in (1, 2):
            transport.write(b"STARTTLS")
            await inner.until(lambda count=count: inner.data == b"220" * count)  # type: ignore[misc]
            layer = TLSLayer(inner, trust.client, "localhost")
            layer.connection_made(transport)
            assert (await layer.handshake(LIMIT)).judged.faults == ()
            layer.start_reading()
            layers.append(layer)
            transport = layer.transport
        transport.write(payload)
        await inner.until(lambda: len(inner.data) == 6 + len(payload))
        transport.close()
        await inner.lost()
    assert inner.data[6:] == payload
    assert inner.events.count("lost") == 1
    assert [layer.close_cause for layer in layers] == [CLOSED_HERE, CLOSED_HERE]
