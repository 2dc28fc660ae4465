"""TLS between the socket and the dialogue: a layer of our own on pyOpenSSL's memory BIOs (RFC 8446, RFC 5246).

Unlike asyncio's, it shows every octet of ciphertext, tells a close_notify from a cut, finishes the handshake whatever
the certificate and says all that is wrong with it. It is heavy to import, so it is imported when TLS is first used.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from enum import Enum, auto
from typing import NamedTuple, cast

from OpenSSL import SSL, crypto
from service_identity.hazmat import DNS_ID

from smtpscope.smtp.certificates import Judged, identity_of, judge
from smtpscope.smtp.tls_engine import TLSFailed, make_context
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.smtp.tls_transport import TLSTransport
from smtpscope.smtp.tls_words import Notes, seconds, why
from smtpscope.smtp.wire import last_words
from smtpscope.visible import visible_text

__all__ = ["Handshake", "TLSFailed", "TLSLayer", "TLSOptions", "TLSTransport", "make_context"]

_BLOCK = 256 * 1024  # octets of plaintext encrypted at a time
_PIECE = _BLOCK + 8 * 1024  # takes the records of one block, each of at most 16 KiB and some 22 octets of frame
_RECORD = 16 * 1024
_SHOWN = 80  # octets shown of an answer that is not TLS, and the cells for them

CLOSE_NOTIFY = "close_notify"
CUT = "FIN without close_notify"
RESET = "RST"
CLOSED_HERE = "closed here"


class Handshake(NamedTuple):
    """The facts of a finished handshake."""

    version: str
    """``TLSv1.3``."""
    cipher: str
    bits: int
    group: str
    """The key exchange's group, empty if there was none or it cannot be told."""
    chain: tuple[bytes, ...]
    """DER as the server sent it, its own certificate first."""
    judged: Judged
    target: str
    """The name that the certificate was compared with."""
    sni: str
    """The name that was sent in clear in our hello, empty for none."""
    client_certificate: str
    """``sent`` or ``not sent`` to a server that asked for one; empty where it did not."""


class _State(Enum):
    HANDSHAKE = auto()
    HELD = auto()  # finished; what came behind it waits for start_reading()
    OPEN = auto()
    CLOSED = auto()  # nothing passes any more


class TLSLayer(asyncio.Protocol):
    """The protocol of a socket's transport that is itself the transport (``.transport``) of an inner protocol.

    Give it to a new connection as its protocol, or call ``connection_made(transport)`` to slip it under a running one
    (STARTTLS). Then ``await handshake()``, note its facts, and ``start_reading()``. The inner protocol's
    ``connection_made`` is left to the caller; all else reaches it, ``eof_received`` for a close_notify and for a cut.
    A failed layer closes the connection below it.
    """

    def __init__(
        self,
        inner: asyncio.Protocol,
        context: SSL.Context,
        server_name: str,
        on_cipher: Callable[[bytes, bool], None] | None = None,
        options: TLSOptions | None = None,
    ) -> None:
        """``server_name`` is asked for in SNI and has to be the certificate's, where ``options`` have no other.

        ``on_cipher(data, outgoing)`` is called with all octets that cross the wire, at the time they do.
        """
        options = options or TLSOptions()
        self.inner = inner
        self.transport = TLSTransport(self)
        self.close_cause = ""
        """Why no more can be read: CLOSE_NOTIFY, CUT, RESET, CLOSED_HERE or a sentence; the first cause stays."""
        self._on_cipher = on_cipher
        self._target = options.target or server_name
        self._state = _State.HANDSHAKE
        self._first = b""
        self._finished: asyncio.Future[None] | None = None
        self._paused = False
        self._half_open = False
        self._held_loss: tuple[Exception | None] | None = None
        self._notes = Notes(options)
        self._ssl = SSL.Connection(context, None)
        self._ssl.set_app_data(self._notes)
        self._ssl.set_connect_state()
        sni = sni_for(server_name).encode() if options.sni is None else _ascii(options.sni)
        self._sni = self._notes.sni = sni.decode()
        if sni:
            self._ssl.set_tlsext_host_name(sni)

    # From the caller

    @property
    def engine(self) -> SSL.Connection:
        """OpenSSL's end of it, for what only it knows of the session: channel bindings."""
        return self._ssl

    async def handshake(self, timeout: float) -> Handshake:  # noqa: ASYNC109 - lateness ends the layer
        """Shake hands within ``timeout`` seconds; raises TLSFailed, and then the connection is being closed."""
        self._finished = asyncio.get_running_loop().create_future()
        if self._state is _State.HANDSHAKE:
            self._shake()
        try:
            async with asyncio.timeout(timeout):
                if self._state is _State.HANDSHAKE:
                    await self._finished
        except TimeoutError:
            self._break(f"the TLS handshake was not finished within {seconds(timeout)}{self._notes.where}")
        except asyncio.CancelledError:
            self._break("the TLS handshake was given up")
            raise
        if self._state is _State.CLOSED:
            raise TLSFailed(self.close_cause)
        return self._facts()

    def start_reading(self) -> None:
        """Let data through to the inner protocol, first what came in one piece with the handshake's end."""
        if self._state is not _State.HELD:
            return
        self._state = _State.OPEN
        if not self._paused:
            self.lower.resume_reading()
        self._read()
        if self._held_loss is not None:
            self._lose(*self._held_loss)

    def _facts(self) -> Handshake:
        certificates = self._ssl.get_peer_cert_chain() or []
        chain = tuple(crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate) for certificate in certificates)
        try:
            group = self._ssl.get_group_name()
        except NotImplementedError:  # an OpenSSL before 3.2
            group = None
        notes = self._notes
        return Handshake(
            version=self._ssl.get_protocol_version_name(),
            cipher=self._ssl.get_cipher_name() or "",
            bits=self._ssl.get_cipher_bits() or 0,
            group=group or "",
            chain=chain,
            judged=judge(chain, self._target, notes.errors),
            target=self._target,
            sni=self._sni,
            client_certificate="" if not notes.asked else "sent" if notes.options.cert else "not sent",
        )

    # From below

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take ``transport`` as what is below, and the place of its protocol."""
        self.lower = cast(asyncio.Transport, transport)
        if self.lower.get_protocol() is not self:
            self.lower.set_protocol(self)

    def data_received(self, data: bytes) -> None:
        """Ciphertext came."""
        if self._on_cipher:
            self._on_cipher(data, False)
        if self._state is _State.CLOSED:
            return
        if self._state is _State.HANDSHAKE:
            self._first += data[: _SHOWN - len(self._first)]
            if not _begins_tls(self._first):
                sent = f"{visible_text(self._first, limit=_SHOWN)}{_spoken(self._first)}"
                self._break(f"the server did not answer with TLS: it sent {sent}")
                return
        self._ssl.bio_write(data)
        if self._state is _State.OPEN:
            self._read()
        elif self._state is _State.HANDSHAKE and self._finished is not None:
            self._shake()

    def eof_received(self) -> bool:
        """The other side sent FIN; True if the inner protocol wants to go on writing after its close_notify."""
        if self._state is _State.HANDSHAKE:
            self._end(f"the server closed the connection during the TLS handshake{self._notes.where}")
        elif self._state is _State.OPEN and not self.close_cause:
            self.close_cause = CUT
            self.inner.eof_received()
        return self._half_open

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection below is gone; ``exc`` is None for one that was closed."""
        if self._state is _State.HELD:
            self._held_loss = (exc,)
        elif self._state is _State.HANDSHAKE:
            self._end(f"the server reset the connection during the TLS handshake{self._notes.where}")
            # handshake() is to raise before the inner protocol hears of the end
            asyncio.get_running_loop().call_soon(self.inner.connection_lost, exc)
        else:
            if exc is not None and (last := last_words(self.lower)):
                self.data_received(last)
            self._lose(exc)

    def pause_writing(self) -> None:
        """The buffer below is over its limit."""
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        """The buffer below has room again."""
        self.inner.resume_writing()

    # From above, by way of TLSTransport

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Encrypt and pass on all of ``data``; nothing is kept here."""
        if self._state is _State.HANDSHAKE:
            raise RuntimeError("nothing can be written before the TLS handshake is finished")
        view = memoryview(data)
        for start in range(0, len(view), _BLOCK):
            if self._state is _State.CLOSED:
                return
            try:
                self._ssl.sendall(view[start : start + _BLOCK])
            except SSL.Error as error:
                self._break(why(error, self._notes))
                return
            self._flush()

    def close(self) -> None:
        """Send close_notify behind what was written, and close."""
        if self._state is _State.CLOSED:
            return
        if self._state is not _State.HANDSHAKE:
            with contextlib.suppress(SSL.Error):
                self._ssl.shutdown()
        self._break(CLOSED_HERE)

    def abort(self) -> None:
        """Close at once: no close_notify, and what was not sent yet never is."""
        self._end(CLOSED_HERE)
        self.lower.abort()

    def pause_reading(self) -> None:
        """Let nothing more come from below."""
        self._paused = True
        self.lower.pause_reading()

    def resume_reading(self) -> None:
        """Undo pause_reading()."""
        self._paused = False
        if self._state is not _State.HELD:
            self.lower.resume_reading()

    def is_closing(self) -> bool:
        """Whether nothing can be written any more."""
        return self._state is _State.CLOSED or self.lower.is_closing()

    def is_reading(self) -> bool:
        """Whether data can reach the inner protocol."""
        return self._state is _State.OPEN and self.lower.is_reading()

    # The engine

    def _shake(self) -> None:
        try:
            self._ssl.do_handshake()
        except SSL.WantReadError:
            self._flush()
        except SSL.Error as error:
            self._break(why(error, self._notes) + self._notes.where)
        else:
            self._flush()
            self._state = _State.HELD
            self._notes.finished = True
            self.lower.pause_reading()
            self._wake()

    def _read(self) -> None:
        """Decrypt all that has come, hand it on in one piece, and act on what ended it."""
        if self.close_cause:
            return
        pieces: list[bytes] = []
        end: SSL.Error | None = None
        try:
            while True:
                pieces.append(self._ssl.recv(_RECORD))
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            end = error
        if pieces:
            self.inner.data_received(b"".join(pieces))
        if self._state is not _State.OPEN:  # the inner protocol closed
            return
        self._flush()  # an answer to a key update, or an alert
        if isinstance(end, SSL.ZeroReturnError):
            self.close_cause = CLOSE_NOTIFY
            self._half_open = bool(self.inner.eof_received())
            if not self._half_open:
                self.close()
        elif end is not None:
            self._break(why(end, self._notes))

    def _flush(self) -> None:
        """Pass on the ciphertext that OpenSSL has made."""
        while True:
            try:
                piece = self._ssl.bio_read(_PIECE)
            except SSL.WantReadError:
                return
            if not self.lower.is_closing():
                if self._on_cipher:
                    self._on_cipher(piece, True)
                self.lower.write(piece)
            if len(piece) < _PIECE:
                return

    def _break(self, cause: str) -> None:
        """End TLS from this side: let out what OpenSSL still has to say (an alert), and close."""
        self._end(cause)
        self._flush()
        self.lower.close()

    def _end(self, cause: str) -> None:
        self.close_cause = self.close_cause or cause
        self._state = _State.CLOSED
        self._wake()

    def _lose(self, exc: Exception | None) -> None:
        self._end(_cut_by(exc))
        self.inner.connection_lost(exc)

    def _wake(self) -> None:
        if self._finished is not None and not self._finished.done():
            self._finished.set_result(None)


def sni_for(server_name: str) -> str:
    """The name to send as SNI, empty for an address (RFC 6066 3)."""
    identity = identity_of(server_name)
    return identity.hostname.decode() if isinstance(identity, DNS_ID) else ""


def _ascii(name: str) -> bytes:
    """What goes out for a name that was chosen: itself, or what IDNA makes of one that is not ASCII."""
    identity = None if name.isascii() else identity_of(name)
    return identity.hostname if isinstance(identity, DNS_ID) else name.encode()


def _begins_tls(first: bytes) -> bool:
    """Whether a record can begin so: its type (20 to 24), then version 3.x (RFC 8446 5.1)."""
    return first[0] in range(20, 25) and first[1:2] in (b"", b"\x03")


def _spoken(first: bytes) -> str:
    """What an answer that is not TLS is, where that can be told."""
    if first.startswith(b"SSH-"):
        return ", which is SSH"
    if first.startswith((b"HTTP/", b"<!DOCTYPE", b"<html")):
        return ", which is HTTP"
    return ", which is SMTP in clear" if first[:3].isdigit() and first[3:4] in (b" ", b"-") else ""


def _cut_by(exc: Exception | None) -> str:
    if exc is None:
        return CUT
    if isinstance(exc, ConnectionError):
        return RESET
    return f"the connection broke: {getattr(exc, 'strerror', None) or exc}"
