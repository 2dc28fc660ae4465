"""The wire: aiosmtplib's SMTPProtocol, extended so that no octet is dropped and nothing is decided.

As it comes it throws away what nobody asked for, hands a second reply in one segment to the next command, and closes by
itself. Here octets go up as they come; what they mean is the link's business.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable
from typing import Protocol, cast

from aiosmtplib.protocol import SMTPProtocol

READ = 64 * 1024
"""Octets read at once, into one buffer: the new one that asyncio makes for each read costs more than the read."""
LAST_WORDS = 64 * 1024
"""Octets that are still read when the link has broken."""


class Owner(Protocol):
    """Who hears of what the wire brings."""

    def wire_made(self, wire: Wire) -> None:
        """The link is up, before any octet has come."""

    def wire_eof(self, wire: Wire) -> None:
        """The server will send no more."""

    def wire_lost(self, wire: Wire, exc: Exception | None) -> None:
        """The link is gone."""


class Wire(SMTPProtocol, asyncio.BufferedProtocol):
    """Octets up and down, and when the kernel has them. Own names begin with ``wire_``: the base has the others."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: Owner, on_data: Callable[[bytes], None]) -> None:
        super().__init__(loop)
        self.wire_loop = loop
        self.wire_owner = owner
        self.wire_on_data = on_data
        self.wire_full: asyncio.Future[None] | None = None
        self.wire_left = 0
        self.wire_clear = True
        """Whether what the socket has is for us, and not for TLS below us."""
        self.wire_buffer = memoryview(bytearray(READ))

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take what is below: a socket's transport, or TLS on it. "All octets out" is true when it is said."""
        self.transport = transport
        cast(asyncio.Transport, transport).set_write_buffer_limits(0)
        self.wire_owner.wire_made(self)

    def get_buffer(self, sizehint: int) -> memoryview:
        """Where the next read goes."""
        return self.wire_buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Hand up octets exactly as one read gave them."""
        self.wire_on_data(self.wire_buffer[:nbytes].tobytes())

    def data_received(self, data: bytes) -> None:
        """The same, out of TLS."""
        self.wire_on_data(data)

    def eof_received(self) -> bool:
        """Say so; what is closed then is decided above."""
        self.wire_owner.wire_eof(self)
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Say so, and let nobody wait for the kernel any more."""
        if exc is not None and self.wire_clear and self.transport is not None and (last := last_words(self.transport)):
            self.wire_on_data(last)
        self.transport = None
        self.wire_owner.wire_lost(self, exc)
        self.resume_writing()

    def pause_writing(self) -> None:
        """The kernel did not take all of it."""
        if self.wire_full is None:
            self.wire_full = self.wire_loop.create_future()

    def resume_writing(self) -> None:
        """The kernel has all of it."""
        full, self.wire_full, self.wire_left = self.wire_full, None, 0
        if full is not None and not full.done():
            full.set_result(None)

    def write(self, data: bytes) -> None:
        """Send exactly these octets."""
        transport = cast(asyncio.Transport, self.transport)
        transport.write(data)
        if self.wire_full is not None:
            self.wire_left = transport.get_write_buffer_size()

    async def wire_drain(self) -> None:
        """Wait until the kernel has everything that was written, the link is gone, or there is other news."""
        if self.wire_full is not None:
            await asyncio.shield(self.wire_full)

    def wire_news(self) -> None:
        """Wake who waits for the kernel: something else is to be seen to."""
        if self.wire_full is not None:
            full, self.wire_full = self.wire_full, self.wire_loop.create_future()
            if not full.done():
                full.set_result(None)

    @property
    def wire_unsent(self) -> int:
        """Octets that the kernel has not taken; once the link is gone, that it had not at the last write."""
        return cast(asyncio.Transport, self.transport).get_write_buffer_size() if self.transport else self.wire_left


def last_words(transport: asyncio.BaseTransport) -> bytes:
    """What had come when a write failed: asyncio would close the socket over a refusal that is still to be read."""
    words = bytearray()
    with contextlib.suppress(OSError):
        copy: socket.socket = transport.get_extra_info("socket").dup()
        with copy:
            copy.setblocking(False)
            while len(words) < LAST_WORDS and (data := copy.recv(LAST_WORDS)):
                words += data
    return bytes(words)
