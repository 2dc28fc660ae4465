"""What is really on the wire between a client and a server."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from smtp.events_seen import Seen
from smtpscope.smtp.events import Cipher, Received, Sent


class Wiretap:
    """Passes everything on between client and server, and keeps it: what is really on the wire."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.up, self.down = bytearray(), bytearray()
        self._pumps: list[asyncio.Task[None]] = []
        self._writers: list[asyncio.StreamWriter] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, here = await asyncio.open_connection("127.0.0.1", self.target)
        self._writers = [here, writer]
        self._pumps = [
            asyncio.ensure_future(self.pump(reader, here, self.up)),
            asyncio.ensure_future(self.pump(there, writer, self.down)),
        ]

    async def pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, kept: bytearray) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                kept += data
                writer.write(data)
            writer.write_eof()

    async def ended(self) -> None:
        """Wait until both sides have closed."""
        await asyncio.gather(*self._pumps)

    async def stop(self) -> None:
        for writer in self._writers:
            writer.transport.abort()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, *(each.wait_closed() for each in self._writers), return_exceptions=True)


@contextlib.asynccontextmanager
async def tapped(target: int) -> AsyncIterator[Wiretap]:
    tap = Wiretap(target)
    server = await asyncio.start_server(tap.accept, "127.0.0.1", 0)
    async with server:
        tap.port = server.sockets[0].getsockname()[1]
        yield tap
        await tap.stop()


def events_on_the_wire(seen: Seen) -> tuple[bytes, bytes]:
    """The octets of the wire as the events have them: what was in clear, then the ciphertext."""
    up = b"".join(event.data for event in seen.of(Sent) if not event.tls)
    down = b"".join(event.data for event in seen.of(Received) if not event.tls)
    cipher = seen.of(Cipher)
    return (
        up + b"".join(event.data for event in cipher if event.outgoing),
        down + b"".join(event.data for event in cipher if not event.outgoing),
    )
