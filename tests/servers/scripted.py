"""A server that does exactly what a test tells it, byte by byte, and keeps every byte of both sides."""

import asyncio
import contextlib
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Self

from servers import certificates

HOST = "127.0.0.1"
SENT_KEPT = 1 << 20
"""Octets of `ScriptedServer.sent` that are kept; a flood is counted, not stored."""
DRAIN_LIMIT = 2.0
"""Seconds that the end of a connection waits for the client to close too, so that FIN is not turned into RST."""
END_OF_DATA = b"\r\n.\r\n"

Handler = Callable[["Peer"], Awaitable[None]]


class Gone(Exception):
    """The client closed, reset or refused the connection: an ordinary end of a handler."""


class Peer:
    """The server's end of one connection.

    TLS goes through memory, so that clear and encrypted octets both stay in the test's hands.
    """

    def __init__(self, sock: socket.socket, server: "ScriptedServer"):
        self.server = server
        self._sock = sock
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._tls: ssl.SSLObject | None = None
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    async def send(self, octets: bytes, *, clear: bool = False) -> None:
        """Write the octets in one go; `clear` bypasses TLS."""
        self.server.record_sent(octets)
        if self._tls is None or clear:
            await self._write(octets)
        else:
            self._tls.write(octets)
            await self._write(self._outgoing.read())

    async def line(self) -> bytes:
        """The next line, without its line end (LF, or CR LF)."""
        return (await self.read_until(b"\n")).removesuffix(b"\n").removesuffix(b"\r")

    async def read_until(self, end: bytes) -> bytes:
        """Everything up to and including `end`."""
        searched = 0
        async with self._limit(f"{end!r}"):
            while (index := self._buffer.find(end, searched)) < 0:
                searched = max(0, len(self._buffer) - len(end) + 1)
                await self._more()
        return self._take(index + len(end))

    async def read_exactly(self, count: int) -> bytes:
        async with self._limit(f"{count} octets"):
            while len(self._buffer) < count:
                await self._more()
        return self._take(count)

    async def read_some(self) -> bytes:
        """Whatever has come or comes next, at least one octet."""
        async with self._limit("anything"):
            if not self._buffer:
                await self._more()
        return self._take(len(self._buffer))

    async def gone(self) -> None:
        """Read on, answering nothing, until the client has left; without a time limit."""
        with contextlib.suppress(Gone):
            while True:
                await self._more()

    async def starttls(self, context: ssl.SSLContext | None = None) -> None:
        """Do a handshake as the server, by default with a good certificate; Gone if it fails."""
        tls = (context or certificates.server_context()).wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._incoming.write(self._take(len(self._buffer)))
        async with self._limit("a TLS handshake"):
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await self._write(self._outgoing.read())
                    self._incoming.write(await self._read())
                except ssl.SSLError as error:
                    await self._write(self._outgoing.read())  # the alert
                    raise Gone(str(error)) from error
        await self._write(self._outgoing.read())
        self._tls = tls

    def close(self, *, close_notify: bool = True) -> None:
        """Send FIN, inside TLS with the close_notify that a good server sends before it."""
        if self._tls is not None and close_notify:
            with contextlib.suppress(ssl.SSLError):
                self._tls.unwrap()
            with contextlib.suppress(OSError):
                self._sock.send(self._outgoing.read())
        self.half_close()

    def half_close(self) -> None:
        """Send FIN as it is and stay ready to read."""
        with contextlib.suppress(OSError):
            self._sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        """Send RST."""
        with contextlib.suppress(OSError):
            self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._sock.close()

    async def finish(self, *, close_notify: bool = True) -> None:
        """End the connection, waiting a moment for the client's end of it."""
        if self._sock.fileno() >= 0:
            self.close(close_notify=close_notify)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.gone(), DRAIN_LIMIT)
            self._sock.close()

    def _take(self, count: int) -> bytes:
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken

    @contextlib.asynccontextmanager
    async def _limit(self, what: str) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.server.timeout):
                yield
        except TimeoutError:
            raise AssertionError(f"in {self.server.timeout} s the client did not send {what}") from None

    async def _more(self) -> None:
        """Add to the buffer what comes next, decrypted."""
        octets = await self._read() if self._tls is None else await self._read_tls(self._tls)
        self.server.record_received(octets)
        self._buffer += octets

    async def _read_tls(self, tls: ssl.SSLObject) -> bytes:
        while True:
            try:
                if octets := tls.read(65536):
                    return octets
                raise Gone("close_notify")
            except ssl.SSLWantReadError:
                self._incoming.write(await self._read())
            except ssl.SSLError as error:
                raise Gone(str(error)) from error

    async def _read(self) -> bytes:
        try:
            octets = await self._loop.sock_recv(self._sock, 65536)
        except OSError as error:
            raise Gone(str(error)) from error
        if not octets:
            raise Gone("end of file")
        return octets

    async def _write(self, octets: bytes) -> None:
        try:
            await self._loop.sock_sendall(self._sock, octets)
        except OSError as error:
            raise Gone(str(error)) from error


class ScriptedServer:
    """A loopback server that runs `handler` for every connection, as an async context manager.

    `timeout` bounds each wait for the client, in seconds. What a handler raises is raised at the end,
    but for Gone; a handler still running then is cancelled.
    """

    host = HOST

    def __init__(self, handler: Handler, *, timeout: float = 10.0):
        self.timeout = timeout
        self.port = 0
        self.connections = 0
        self.sent_count = 0
        self._handler = handler
        self._sent = bytearray()
        self._received = bytearray()
        self._tasks: set[asyncio.Task[None]] = set()
        self._errors: list[Exception] = []

    @property
    def sent(self) -> bytes:
        """What handlers sent, before encryption, all connections in order; the first MiB of it."""
        return bytes(self._sent)

    @property
    def received(self) -> bytes:
        """What clients sent, decrypted, all connections in order of arrival."""
        return bytes(self._received)

    @property
    def ca_pem(self) -> bytes:
        return certificates.ca_pem()

    async def finished(self) -> None:
        """Wait until every handler has come to its end; raises what one of them raised."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        self._raise_error()

    def record_sent(self, octets: bytes) -> None:
        self.sent_count += len(octets)
        self._sent += octets[: SENT_KEPT - len(self._sent)]

    def record_received(self, octets: bytes) -> None:
        self._received += octets

    async def __aenter__(self) -> Self:
        self._listener = socket.create_server((HOST, 0))
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._accepting = asyncio.create_task(self._accept())
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in (tasks := [self._accepting, *self._tasks]):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._listener.close()
        self._raise_error()

    def _raise_error(self) -> None:
        if self._errors:
            raise self._errors.pop(0)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            sock, _ = await loop.sock_accept(self._listener)
            self.connections += 1
            task = asyncio.create_task(self._serve(Peer(sock, self), sock))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, peer: Peer, sock: socket.socket) -> None:
        try:
            await self._handler(peer)
        except Gone:
            pass
        except Exception as error:
            self._errors.append(error)
            peer.reset()
        else:
            await peer.finish()
        finally:
            sock.close()


def conversation(script: Sequence[tuple[bytes | None, bytes]]) -> Handler:
    """A handler that plays (expected, reply) pairs and then waits for the client to leave.

    `expected` is what the next line has to begin with; `None` expects nothing (the greeting), `END_OF_DATA`
    a whole message. After a reply 221 or 421 at the end the server closes.
    """

    async def handler(peer: Peer) -> None:
        reply = b""
        for expected, reply in script:
            if expected == END_OF_DATA:
                await peer.read_until(END_OF_DATA)
            elif expected is not None:
                line = await peer.line()
                assert line.startswith(expected), f"expected {expected!r}, the client sent {line!r}"
            if reply:
                await peer.send(reply)
        if not reply.startswith((b"221", b"421")):
            await peer.gone()

    return handler
