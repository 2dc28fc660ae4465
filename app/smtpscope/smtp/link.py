"""The link below the commands: connecting, TLS, octets as events and replies to whom they belong, the end."""

from __future__ import annotations

import asyncio
import time as wall_clock
from collections.abc import Awaitable, Callable
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, cast

from smtpscope.smtp import dialing
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.errors import (
    AlreadyConnected,
    ConnectFailed,
    ConnectionLost,
    HandshakeFailed,
    NotConnected,
    TransportError,
)
from smtpscope.smtp.events import (
    Cipher,
    Closed,
    Connect,
    Drop,
    Failed,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
    StartTls,
    Step,
    Told,
)
from smtpscope.smtp.machine import GOODBYES
from smtpscope.smtp.owed import Asker, Listener, OwedReplies, take_the_safe_answer
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.tls_options import TLSOptions
from smtpscope.smtp.wire import Wire

if TYPE_CHECKING:
    from OpenSSL import SSL

    from smtpscope.smtp.tls import Handshake, TLSLayer

HANDSHAKE_STAGE = 60.0
IMPLICIT_TLS_PORT = 465
"""Where a server says nothing before TLS (RFC 8314 3.3)."""
GOODBYE_GRACE = 2.0
"""Seconds in which a server that said 421 may still talk before we close."""


class SMTPLink(OwedReplies):
    """One connection at a time."""

    def __init__(self, *listeners: Listener, timeout: float | None = None, ask: Asker = take_the_safe_answer) -> None:
        super().__init__(*listeners, timeout=timeout, ask=ask)
        self.host = ""
        self.peer = ""
        """The address reached."""
        self.local = ""
        """Our own address."""
        self._layer: TLSLayer | None = None  # the newest, also while it shakes hands
        self._task: asyncio.Task[None] | None = None  # the newest: connecting, or what follows the STARTTLS 220
        self._held = False  # nothing can be sent: there is no link yet, or it is being secured
        self._greeting = Pending("BANNER", SMTPCommand.BANNER, b"", 0.0)
        self.port = 0
        self.accepted: set[tuple[str, int, bytes]] = set()
        """Server, port and certificate (DER) that the user goes on with in spite of its faults, for this run."""
        self._options = TLSOptions()
        self._context: SSL.Context | None = None  # of this connection, made when it is first needed
        self._tls = False
        self._goodbye: asyncio.TimerHandle | None = None
        self._early = False  # a refusal came before the dot, and nobody has been asked about it

    @property
    def connected(self) -> bool:
        """Whether there is a link, or one is coming about; not one on which the server has said goodbye."""
        return self._wire is not None and self._goodbye is None

    # -- connecting

    async def connect(
        self,
        host: str,
        port: int = 25,
        *,
        implicit_tls: bool = False,
        tls: TLSOptions | None = None,
        ca_path: str | None = None,
        insecure: bool = False,
        want_login: bool = False,
        family: int = 0,
        local_address: tuple[str, int] | None = None,
    ) -> Reply:
        """Connect and read the greeting, which is returned whatever it says.

        ``tls`` is for this connection's handshakes; ``ca_path`` and ``insecure`` alone may be given without it;
        ``family`` is 4, 6 or 0. Raises ConnectFailed, HandshakeFailed, ConnectionLost or
        ReplyTimeout.
        """
        if self._goodbye is not None:
            self._finish(self._cause, now=True)  # the server has said so: nobody need wait for its close
        if self._wire is not None:
            raise AlreadyConnected("there is a connection already: drop it first")
        loop = self._loop = asyncio.get_running_loop()
        self._options, self._context = tls or TLSOptions(ca_path, insecure), None
        if implicit_tls or self._options.special:
            self._prepare_tls()
        self._zero = monotonic()
        self.host, self.port, self.peer, self.local = host, port, "", ""
        self._tls, self._layer, self._early, self._held, self._cause = False, None, False, True, ""
        wire = self._wire = Wire(loop, self, self._on_data)
        self._emit(Opened(0.0, host, port, implicit_tls, want_login, wall=wall_clock.time()))
        self._emit(Issued(0.0, Connect(), f"connect {host}:{port}"))
        self._task = asyncio.ensure_future(
            self._or_give_up(wire, Connect(), lambda: self._open(wire, host, port, implicit_tls, family, local_address))
        )
        try:
            await self.secured()
        except asyncio.CancelledError:
            if self._wire is wire:
                self._finish("dropped", now=True)
            raise
        return await self.reply_to(self._greeting)

    async def _open(
        self, wire: Wire, host: str, port: int, implicit_tls: bool, family: int, local: tuple[str, int] | None
    ) -> None:
        def say(status: LinkStatus, detail: str) -> None:
            self._emit(Link(self.now, status, detail))

        if implicit_tls or self._options.special:
            self._tls_context()  # what is impossible is said before anybody is connected to
        sock, self.peer = await dialing.dial(
            host, port, family=family, local_address=local, timeout=self.timeout, say=say
        )
        self.local = sock.getsockname()[0]
        try:
            if implicit_tls:
                self._emit(Link(self.now, LinkStatus.SECURING, host, self.peer, self.local))
                await self._shake_hands(wire, lambda layer: wire.wire_loop.create_connection(lambda: layer, sock=sock))
            else:
                await wire.wire_loop.create_connection(lambda: wire, sock=sock)
        except BaseException:
            if self._layer is None and wire.transport is None:
                sock.close()  # nobody has taken it over
            raise

    def wire_made(self, wire: Wire) -> None:
        """The link is up, or secured; TLS, if wanted from the start, is done."""
        self._held = False
        if not self.machine.facts.link:
            unsecured = self.port == IMPLICIT_TLS_PORT and self._layer is None
            hint = ", though this port is for TLS from the first octet on (-tlsc)" if unsecured else ""
            detail = f"connected to {self.peer} in {self.now * 1000:.0f} ms, waiting for the greeting{hint}"
            self._emit(Link(self.now, LinkStatus.CONNECTED, detail, self.peer, self.local))
            self._greeting = self.machine.pending[-1]

    async def _or_give_up(self, wire: Wire, step: Step, work: Callable[[], Awaitable[None]]) -> None:
        """Do ``work``; where it fails there is no connection."""
        try:
            await work()
        except Exception as error:  # whatever it was: nobody may wait for a link that will not come
            reason = error.message if isinstance(error, TransportError) else str(error)
            if self._wire is wire:
                self._task = None  # this is it: there is nothing else to cancel
                self._emit(Failed(self.now, step, reason))
                self._finish(reason)
            if isinstance(error, OSError) and not isinstance(error, TransportError):  # some of ours are OSErrors, too
                raise ConnectFailed(reason) from error
            raise

    # -- TLS

    async def _shake_hands(self, wire: Wire, attach: Callable[[TLSLayer], Awaitable[object]]) -> None:
        """TLS between the socket and the wire; ``attach`` puts the layer onto the socket's transport."""
        from smtpscope.smtp import tls  # heavy, and only needed now

        options, context = self._options, self._tls_context()

        def on_cipher(data: bytes, outgoing: bool) -> None:
            if self._wire is wire or self._wire is None:  # None: it is just being closed
                self._emit(Cipher(self.now, data, outgoing))

        try:
            layer = tls.TLSLayer(wire, context, self.host, None if self._layer else on_cipher, options)
            await attach(layer)
            self._layer = layer
            facts = await layer.handshake(HANDSHAKE_STAGE if self.timeout is None else self.timeout or 1e9)
        except (tls.TLSFailed, OSError) as error:
            raise HandshakeFailed(str(error)) from error
        self._emit(_secured(self.now, facts))
        await self._judge(facts)
        self._tls, wire.wire_clear = True, False
        wire.connection_made(layer.transport)
        wire.wire_loop.call_soon(layer.start_reading)

    def _prepare_tls(self) -> None:
        """What TLS stands on takes long to load and to make: that is no part of anything that is measured."""
        with suppress(HandshakeFailed):  # it is told where it is needed
            self._tls_context()

    def _tls_context(self) -> SSL.Context:
        """As the user chose; HandshakeFailed where that cannot be."""
        from smtpscope.smtp import tls

        if self._context is None:
            try:
                self._context = tls.make_context(self._options)
            except tls.TLSFailed as error:
                raise HandshakeFailed(error.reason) from error
        return self._context

    async def _judge(self, facts: Handshake) -> None:
        """Where a verdict that counts is bad, the user's word; HandshakeFailed where that is to close."""
        judged, verify = facts.judged, self._options.verify
        counted = judged.ca if verify == "ca" else judged.name if verify == "host" else judged.faults
        place = (self.host, self.port, facts.chain[0] if facts.chain else b"")
        if not counted or self._options.insecure:
            return
        if place in self.accepted:
            self._emit(Told(self.now, "trusted", "not asked about: this certificate was accepted for this run"))
            return
        faults = "; ".join(judged.faults)
        answers = ["close", "go on, once", *(["go on for this server and this certificate"] if facts.chain else [])]
        answer = await self.put_question("certificate", f"{facts.target}: {faults}", *answers)
        if answer == 0:
            raise HandshakeFailed(f"closed because of the certificate: {faults}")
        if answer == 2:
            self.accepted.add(place)

    async def _secure(self, wire: Wire) -> None:
        """After the STARTTLS 220: the user's word if anything came behind it, then the handshake."""
        if injected := self.machine.facts.injected:
            count = f"{len(injected):,} octets" if len(injected) > 1 else "1 octet"
            text = f"{count} came in clear behind the 220 of STARTTLS: somebody may be in the middle"
            if await self.put_question("injected", text, "drop", "discard them and go on") == 0:
                raise HandshakeFailed("dropped because of octets in clear behind the 220 of STARTTLS")
        self._tls_context()  # what is impossible is said before a handshake is
        lower = wire.transport
        assert lower is not None  # else the wire is lost, and this with it

        async def slip_under(layer: TLSLayer) -> None:
            layer.connection_made(lower)

        self._emit(Link(self.now, LinkStatus.SECURING, self.host, self.peer, self.local))
        await self._shake_hands(wire, slip_under)
        self._emit(Link(self.now, LinkStatus.CONNECTED, "TLS", self.peer, self.local))

    async def secured(self) -> None:
        """Until connecting, or the handshake that a 220 to STARTTLS began, is done. Raises what became of it.

        HandshakeFailed where there is no TLS; ConnectionLost where the connection ended under it.
        """
        if (task := self._task) is not None:
            await asyncio.wait((task,))
            if task.cancelled():
                raise ConnectionLost(f"{self._cause} before the connection could be used")
            task.result()

    # -- octets

    def _on_data(self, data: bytes) -> None:
        answers, turned = self._emit(Received(self.now, data, self._tls)), False
        for answer in answers:
            pending = answer.pending
            if pending is not None and (answer.settled or (answer.reply.code == 334 and pending.kind == "AUTH")):
                self._settle(pending, answer.reply)
                if answer.response is not None:
                    self._hand_over(answer.response, pending)
                if pending.kind == "QUIT":
                    self._finish("said goodbye")
                elif pending.kind in ("DATA", "DOT"):
                    self._early, turned = False, True
            elif answer.early and answer.reply.kind in (4, 5) and self._wire is not None:
                self._early = True
                self._wire.wire_news()
        if turned:  # from commands to message text, or back
            self._settle_swallowed()
        facts, wire = self.machine.facts, self._wire
        if wire is None:
            return
        if facts.securing and not self._held:
            self._held = True
            self._task = asyncio.ensure_future(self._or_give_up(wire, StartTls(), lambda: self._secure(wire)))
            self._task.add_done_callback(_look_at)
        elif not facts.link and self._goodbye is None and answers:
            self._part(wire, next((each.reply.code for each in answers if each.reply.code in GOODBYES), None))

    def _part(self, wire: Wire, code: int | None) -> None:
        """The server has said goodbye: it may talk on for a moment, then the connection is closed."""
        self._cause = f"the server closed the session with {code}"
        self._goodbye = wire.wire_loop.call_later(GOODBYE_GRACE, self._finish, self._cause)
        wire.wire_news()

    def _usable(self) -> Wire:
        """The wire, where octets can go out now; else NotConnected, or TransportError while there is a handshake."""
        wire = self._wire
        if wire is None or wire.transport is None or wire.transport.is_closing():
            raise NotConnected("there is no connection: connect first")
        if self._held:
            raise TransportError("the TLS handshake is running: nothing can be sent until it is done, only dropped")
        if self._goodbye is not None:
            raise NotConnected(f"{self._cause}: connect again")
        return wire

    def _write(self, data: bytes, secrets: tuple[tuple[int, int], ...] = (), issued: Issued | None = None) -> None:
        """Send exactly these octets; ``issued`` says what for."""
        wire = self._usable()
        if issued is not None and isinstance(issued.step, StartTls):
            self._prepare_tls()
            issued = issued._replace(time=self.now)
        time = self.now
        wire.write(data)  # first: what it is called can be said while the server reads
        if issued is not None:
            self._emit(issued)
        self._emit(Sent(time, data, self._tls, secrets))

    # -- the end

    def drop(self) -> None:
        """Close the connection now, saying nothing. Nothing happens where there is none."""
        if self._wire is not None:
            self._emit(Issued(self.now, Drop(), "drop"))
            self._finish("dropped", now=True)

    def wire_eof(self, wire: Wire) -> None:
        """The server closed its side: what it had to say has been said."""
        if self._wire is wire:
            cut = self._layer is not None and self._layer.close_cause.startswith("FIN")
            how = " without saying so in TLS (no close_notify)" if cut else ""
            where = " in the middle of a reply" if self.machine.held else ""
            self._finish(self._cause or f"the server closed the connection{where}{how}")

    def wire_lost(self, wire: Wire, exc: Exception | None) -> None:
        """The link broke."""
        if self._wire is wire:
            where = " in the middle of a reply" if self.machine.held else ""
            reset = isinstance(exc, ConnectionResetError | BrokenPipeError)
            broken = self._layer.close_cause if self._layer and exc is None else ""  # by TLS itself
            cause = "the server reset the connection" if reset else broken or "the connection was lost"
            detail = f" ({exc.strerror})" if isinstance(exc, OSError) and exc.strerror and not reset else ""
            self._finish(self._cause or f"{cause}{where}{detail}")

    def _finish(self, cause: str, now: bool = False) -> None:
        wire = self._wire
        if wire is None:
            return
        self._wire, self._cause = None, cause
        if self._goodbye is not None:
            self._goodbye.cancel()
            self._goodbye = None
        if self._task is not None:
            self._task.cancel()
        unsent = wire.wire_unsent
        if transport := self._layer.transport if self._layer else cast(asyncio.Transport | None, wire.transport):
            transport.abort() if now or unsent else transport.close()  # what is not with the kernel now never will be
        wire.resume_writing()
        self._emit(Closed(self.now, cause, unsent))
        self._settle_all()


def _secured(time: float, facts: Handshake) -> Secured:
    return Secured(
        time,
        facts.version,
        facts.cipher,
        facts.bits,
        facts.target,
        facts.judged.faults,
        facts.chain,
        facts.group,
        facts.judged.ca,
        facts.judged.name,
        facts.sni,
        facts.client_certificate,
    )


def _look_at(task: asyncio.Task[None]) -> None:
    """Those who wait for it have what became of it; it is an event besides."""
    if not task.cancelled():
        task.exception()


def say_issued(step: Step, line: str, now: float) -> Issued:
    """What the user asked for, as an event; of an AUTH line only verb and mechanism are shown."""
    if step is SMTPCommand.AUTH:
        line = " ".join(line.split(None, 2)[:2])
    return Issued(now, step, line)
