"""The other side of TLS tests: certificates of every fault, and servers whose every segment is the test's choice."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from smtpscope.smtp.tls import TLSLayer, TLSOptions, make_context

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
T = TypeVar("T")
LIMIT = 20.0  # seconds; only a hang takes that long


class Identity:
    """A certificate and its key; issued by ``issuer``, else by itself."""

    def __init__(
        self,
        common_name: str = "localhost",
        names: list[x509.GeneralName] | None = None,
        issuer: Identity | None = None,
        valid: tuple[int, int] = (-1, 30),
        authority: bool = False,
    ) -> None:
        """``valid`` is from and until, in days from now; ``names`` are subject alternative names, None for none."""
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(self.subject)
            .issuer_name(issuer.subject if issuer else self.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + timedelta(days=valid[0]))
            .not_valid_after(now + timedelta(days=valid[1], seconds=-60))
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
        )
        if names is not None:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        self.certificate = builder.sign(issuer.key if issuer else self.key, hashes.SHA256())

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    def server_context(self, folder: Path, issuers: tuple[Identity, ...] = ()) -> ssl.SSLContext:
        """A server's context that shows this certificate and those of ``issuers``."""
        file = folder / f"server-{id(self)}.pem"
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(key + self.pem + b"".join(issuer.pem for issuer in issuers))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context


def dns(*names: str) -> list[x509.GeneralName]:
    return [x509.DNSName(name) for name in names]


class Peer:
    """The server's side of one TLS connection by hand, on the standard library's engine."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, context: ssl.SSLContext) -> None:
        self.reader, self.writer = reader, writer
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_side=True)
        self.received = self.sent = 0
        """Octets of ciphertext that crossed the socket."""

    async def handshake(self, flush: bool = True) -> None:
        """Shake hands; with ``flush=False`` the last flight waits for the next push()."""
        await self._run(self.tls.do_handshake)
        if flush:
            self.push()

    async def read(self) -> bytes:
        """Plaintext as one record gave it; empty on a close_notify."""
        return await self._run(lambda: self.tls.read(65536))

    async def read_exactly(self, count: int) -> bytes:
        data = bytearray()
        while len(data) < count and (piece := await self.read()):
            data += piece
        return bytes(data)

    def write(self, data: bytes) -> None:
        self.tls.write(data)
        self.push()

    def close_notify(self) -> None:
        with contextlib.suppress(ssl.SSLWantReadError):
            self.tls.unwrap()
        self.push()

    def push(self) -> None:
        """Write all ciphertext there is as one piece."""
        data = self.outgoing.read()
        self.sent += len(data)
        self.writer.write(data)

    async def _run(self, step: Callable[[], T]) -> T:
        while True:
            try:
                return step()
            except ssl.SSLZeroReturnError:
                return b""  # type: ignore[return-value]
            except ssl.SSLWantReadError:
                self.push()
                data = await self.reader.read(65536)
                if data:
                    self.received += len(data)
                    self.incoming.write(data)
                else:
                    self.incoming.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """End the connection with RST."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@contextlib.asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[int]:
    """A server on loopback for one connection; gives its port, and raises at the end what ``handler`` raised."""
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await handler(reader, writer)
        except Exception as error:
            done.set_exception(error)
        else:
            done.set_result(None)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        async with asyncio.timeout(LIMIT):
            yield server.sockets[0].getsockname()[1]
            await done


class Trust:
    """A CA that the client trusts, and contexts for both sides."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ca = trustme.CA()
        self.ca_path = folder / "ca.pem"
        self.ca.cert_pem.write_to_path(str(self.ca_path))
        self.client = make_context(TLSOptions(ca_path=str(self.ca_path)))

    def server(self, *names: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ca.issue_cert(*(names or ("localhost", "127.0.0.1"))).configure_cert(context)
        return context


async def until_closed(reader: asyncio.StreamReader) -> None:
    with contextlib.suppress(ConnectionError):
        while await reader.read(65536):
            pass


class Inner(asyncio.Protocol):
    """The inner protocol of a layer: keeps what it is told."""

    def __init__(self, half_open: bool = False) -> None:
        self.events: list[str] = []
        self.data = bytearray()
        self.half_open = half_open
        self._news = asyncio.Event()

    def data_received(self, data: bytes) -> None:
        self.data += data
        self._tell("data")

    def eof_received(self) -> bool:
        self._tell("eof")
        return self.half_open

    def connection_lost(self, exc: Exception | None) -> None:
        self._tell("lost")

    def pause_writing(self) -> None:
        self._tell("pause")

    def resume_writing(self) -> None:
        self._tell("resume")

    def _tell(self, event: str) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, done: Callable[[], bool]) -> None:
        """Wait until ``done()`` is true after some event."""
        async with asyncio.timeout(LIMIT):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def lost(self) -> None:
        await self.until(lambda: "lost" in self.events)


async def connect(
    port: int,
    context: SSL.Context,
    server_name: str = "localhost",
    on_cipher: Callable[[bytes, bool], None] | None = None,
    half_open: bool = False,
) -> tuple[TLSLayer, Inner]:
    """A layer on a new connection, no handshake yet."""
    inner = Inner(half_open)
    layer = TLSLayer(inner, context, server_name, on_cipher)
    await asyncio.get_running_loop().create_connection(lambda: layer, "127.0.0.1", port)
    return layer, inner
