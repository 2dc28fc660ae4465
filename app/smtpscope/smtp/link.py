"""The link below the commands: connecting, TLS, octets as events, replies to whom they belong, time, the end."""

from __future__ import annotations

import asyncio
import time as wall_clock
from collections.abc import Awaitable, Callable

from smtpscope.smtp import dialing
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.errors import (
    AlreadyConnected,
    ConnectionLost,
    HandshakeFailed,
    NotConnected,
    ReplyTimeout,
    TransportError,
)
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Cipher,
    Closed,
    Connect,
    Drop,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
    StartTls,
    Step,
    TimedOut,
    Waited,
)
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.wire import Wire

STAGES = {"BANNER": 300.0, "DATA": 120.0, "DOT": 600.0, "BDAT LAST": 600.0, "QUIT": 10.0}
"""Seconds for the reply to each kind of command (RFC 5321 4.5.3.2)."""
OTHER_STAGE = 300.0
BLOCK_STAGE = 180.0
HANDSHAKE_STAGE = 60.0
GOODBYE_GRACE = 2.0
"""Seconds in which a server that said 421 may still talk before we close."""

Listener = Callable[[Event], None]
Asker = Callable[[Asked], Awaitable[int]]


async def take_the_safe_answer(question: Asked) -> int:
    """What is answered where nobody is there to ask: the first answer, which is the safe one."""
    return 0


class SMTPLink:
    """One connection at a time. Listeners get every event, in order, and must return quickly."""

    def __init__(self, *listeners: Listener, timeout: float | None = None, ask: Asker = take_the_safe_answer) -> None:
        """``timeout`` replaces all stages of RFC 5321, in seconds, 0 for none. ``ask`` decides what only users can."""
        self.listeners: list[Listener] = list(listeners)
        self.timeout = timeout
        self.ask = ask
        self.machine = Machine()
        self.host = ""
        self.peer = ""
        """The address reached."""
        self.local = ""
        """Our own address."""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._zero = 0.0
        self._wire: Wire | None = None
        self._waiters: dict[Pending, asyncio.Future[Reply]] = {}
        self._ca_path: str | None = None
        self._insecure = False
        self._tls = False
        self._layer_cause: Callable[[], str] = str
        self._securing: asyncio.Task[None] | None = None
        self._goodbye: asyncio.TimerHandle | None = None
        self._early: asyncio.Event = asyncio.Event()

    @property
    def now(self) -> float:
        """Seconds since the call of connect."""
        return self._loop.time() - self._zero if self._loop else 0.0

    @property
    def connected(self) -> bool:
        """Whether there is a link, or one is coming about."""
        return self._wire is not None

    def _emit(self, event: Event) -> list[Answer]:
        answers = self.machine.apply(event)
        for listener in self.listeners:
            listener(event)
        return answers

    async def put_question(self, kind: str, text: str, *answers: str) -> int:
        """Ask what only a user can decide, as two events; gives the answer's index. The first is the safe one."""
        question = Asked(self.now, kind, text, answers)
        self._emit(question)
        answer = await self.ask(question)
        self._emit(Answered(self.now, kind, answer))
        return answer

    # -- connecting

    async def connect(
        self,
        host: str,
        port: int = 25,
        *,
        implicit_tls: bool = False,
        ca_path: str | None = None,
        insecure: bool = False,
        want_login: bool = False,
        family: int = 0,
        local_address: tuple[str, int] | None = None,
    ) -> Reply:
        """Connect and read the greeting, which is returned whatever it says.

        ``ca_path`` is a PEM file or folder of trust anchors beside the system's; with ``insecure`` a failed verdict is
        shown and not asked about; ``family`` is 4, 6 or 0. Raises ConnectFailed, HandshakeFailed, ConnectionLost or
        ReplyTimeout.
        """
        if self._wire is not None:
            raise AlreadyConnected("there is a connection already: drop it first")
        loop = self._loop = asyncio.get_running_loop()
        self._zero = loop.time()
        self.host, self.peer, self.local = host, "", ""
        self._ca_path, self._insecure = ca_path, insecure
        self._tls, self._layer_cause, self._securing = False, str, None
        self._early.clear()
        wire = self._wire = Wire(loop, self, self._on_data)
        self._emit(Opened(0.0, host, port, implicit_tls, want_login, wall=wall_clock.time()))
        self._emit(Issued(0.0, Connect(), f"connect {host}:{port}"))
        try:
            await self._open(wire, host, port, implicit_tls, family, local_address)
        except (TransportError, OSError) as error:
            reason = error.message if isinstance(error, TransportError) else str(error)
            if self._wire is wire:
                self._emit(Failed(self.now, Connect(), reason))
                self._finish(reason)
            raise
        except asyncio.CancelledError:
            if self._wire is wire:
                self._finish("dropped", now=True)
            raise
        return await self.reply_to(self.machine.pending[-1])

    async def _open(
        self, wire: Wire, host: str, port: int, implicit_tls: bool, family: int, local: tuple[str, int] | None
    ) -> None:
        assert self._loop is not None

        def say(status: LinkStatus, detail: str) -> None:
            if self._wire is wire:
                self._emit(Link(self.now, status, detail))

        sock = await dialing.dial(host, port, family=family, local_address=local, timeout=self.timeout, say=say)
        if self._wire is not wire:
            sock.close()
            raise ConnectionLost("the connection was dropped while it was being made")
        self.peer, self.local = sock.getpeername()[0], sock.getsockname()[0]
        if implicit_tls:
            self._emit(Link(self.now, LinkStatus.SECURING, host, self.peer, self.local))
            await self._shake_hands(wire, lambda layer: self._loop.create_connection(lambda: layer, sock=sock))  # type: ignore[union-attr]
        else:
            await self._loop.create_connection(lambda: wire, sock=sock)

    def wire_made(self, wire: Wire) -> None:
        """The link is up; TLS, if wanted from the start, is done."""
        if not self.machine.facts.link:
            detail = f"connected to {self.peer} in {self.now * 1000:.0f} ms, waiting for the greeting"
            self._emit(Link(self.now, LinkStatus.CONNECTED, detail, self.peer, self.local))

    # -- TLS

    async def _shake_hands(self, wire: Wire, attach: Callable[[object], Awaitable[object]]) -> None:
        """TLS between the socket and the wire; ``attach`` puts the layer onto the socket's transport."""
        from smtpscope.smtp import tls  # heavy, and only needed now

        options = tls.TLSOptions(self._ca_path, self._insecure)
        try:
            context = tls.make_context(options)
            layer = tls.TLSLayer(wire, context, self.host, self._on_cipher)
            await attach(layer)
            facts = await layer.handshake(HANDSHAKE_STAGE if self.timeout is None else self.timeout or 1e9)
        except (tls.TLSFailed, OSError) as error:
            raise HandshakeFailed(str(error)) from error
        if self._wire is not wire:
            raise ConnectionLost("the connection was dropped during the TLS handshake")
        self._tls = True
        self._layer_cause = lambda: layer.close_cause
        self._emit(
            Secured(
                self.now, facts.version, facts.cipher, facts.bits, self.host, facts.faults, facts.chain, facts.group
            )
        )
        if facts.faults and not self._insecure:
            text = f"{self.host}: {'; '.join(facts.faults)}"
            if await self.put_question("certificate", text, "close", "go on, once") == 0:
                raise HandshakeFailed(f"closed because of the certificate: {'; '.join(facts.faults)}")
            if self._wire is not wire:
                raise ConnectionLost("the connection was lost while the question stood")
        wire.connection_made(layer.transport)
        layer.start_reading()

    async def _secure(self, wire: Wire) -> None:
        """After the STARTTLS 220: the user's word if anything came behind it, then the handshake."""
        try:
            if injected := self.machine.facts.injected:
                text = f"{len(injected)} octets came in clear behind the 220 of STARTTLS: somebody may be in the middle"
                if await self.put_question("injected", text, "drop", "discard them and go on") == 0:
                    raise HandshakeFailed("dropped because of octets in clear behind the 220 of STARTTLS")
            if self._wire is not wire or wire.transport is None:
                return
            lower = wire.transport

            async def slip_under(layer: object) -> None:
                layer.connection_made(lower)  # type: ignore[attr-defined]

            self._emit(Link(self.now, LinkStatus.SECURING, self.host, self.peer, self.local))
            await self._shake_hands(wire, slip_under)
            self._emit(Link(self.now, LinkStatus.CONNECTED, "TLS", self.peer, self.local))
        except TransportError as error:
            if self._wire is wire:
                self._emit(Failed(self.now, StartTls(), error.message))
                self._finish(error.message)
            raise

    def _on_cipher(self, data: bytes, outgoing: bool) -> None:
        self._emit(Cipher(self.now, data, outgoing))

    # -- octets

    def _on_data(self, data: bytes) -> None:
        answers = self._emit(Received(self.now, data, self._tls))
        for answer in answers:
            if answer.settled or answer.reply.code == 334:
                assert answer.pending is not None
                waiter = self._waiters.pop(answer.pending, None)
                if waiter is not None and not waiter.done():
                    waiter.set_result(answer.reply)
                if answer.pending.kind == "QUIT":
                    self._finish("said goodbye")
            elif answer.early and answer.reply.kind in (4, 5):
                self._early.set()
        facts = self.machine.facts
        if facts.securing and self._securing is None and self._wire is not None:
            self._securing = asyncio.ensure_future(self._secure(self._wire))
            self._securing.add_done_callback(self._secured)
        elif not facts.link and self._wire is not None and self._goodbye is None and answers:
            assert self._loop is not None
            cause = f"the server closed the session with {answers[-1].reply.code}"
            self._goodbye = self._loop.call_later(GOODBYE_GRACE, self._finish, cause)

    async def secured(self) -> None:
        """Until the handshake that a 220 to STARTTLS began is done. HandshakeFailed where there is no TLS."""
        if self._securing is not None:
            await asyncio.shield(self._securing)

    def _secured(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            task.exception()  # those who wait for it have it; it is an event besides

    def _write(self, data: bytes, secrets: tuple[tuple[int, int], ...] = (), issued: Issued | None = None) -> None:
        """Send exactly these octets; ``issued`` says what for."""
        wire = self._wire
        if wire is None or wire.transport is None:
            raise NotConnected("there is no connection: connect first")
        if self.machine.facts.securing:
            raise TransportError("the TLS handshake is running: nothing can be sent until it is done, only dropped")
        if issued is not None:
            self._emit(issued)
        time = self.now
        wire.write(data)
        self._emit(Sent(time, data, self._tls, secrets))

    # -- replies and time

    def stage(self, kind: str) -> float:
        """Seconds for the reply to a command of this kind, 0 for no limit."""
        return STAGES.get(kind, OTHER_STAGE) if self.timeout is None else self.timeout

    async def reply_to(self, pending: Pending, limit: float | None = None) -> Reply:
        """The reply to one owed command, within its stage's time or ``limit`` seconds. ReplyTimeout, ConnectionLost."""
        assert self._loop is not None
        future = self._waiters[pending] = self._loop.create_future()
        limit = self.stage(pending.kind) if limit is None else limit
        if not limit:
            return await future
        timer = self._loop.call_later(limit, self._expire, pending, limit)
        try:
            return await future
        finally:
            timer.cancel()

    def _expire(self, pending: Pending, limit: float) -> None:
        """The time for a reply is over: nothing is closed and nothing settled; it is still owed."""
        waiter = self._waiters.get(pending)
        if waiter is None or waiter.done() or self._loop is None:
            return
        if self.machine.pending and self.machine.pending[0] is not pending:
            self._loop.call_later(limit, self._expire, pending, limit)  # an older one is owed first
            return
        del self._waiters[pending]
        self._emit(TimedOut(self.now, limit))
        waiter.set_exception(ReplyTimeout(f"no reply to {_name(pending)} within {limit:g} s: it is still owed"))

    async def wait(self, seconds: float | None = None) -> Reply:
        """Give the oldest owed reply ``seconds`` more, or its stage's time again. Raises as a command does."""
        if not self.machine.pending:
            raise TransportError("no reply is owed")
        pending = self.machine.pending[0]
        limit = self.stage(pending.kind) if seconds is None else seconds
        self._emit(Waited(self.now, limit))
        return await self.reply_to(pending, limit)

    def forget(self, code: int | None = None) -> None:
        """Give up the oldest owed reply; a DATA's is taken as a refusal, or as 354 if ``code`` says so."""
        if not self.machine.pending:
            raise TransportError("no reply is owed")
        pending = self.machine.pending[0]
        waiter = self._waiters.pop(pending, None)
        self._emit(Forgot(self.now, code))
        if waiter is not None and not waiter.done():
            waiter.set_exception(ReplyTimeout(f"the reply to {_name(pending)} was given up"))

    # -- the end

    def drop(self) -> None:
        """Close the connection now, saying nothing. Nothing happens where there is none."""
        if self._wire is not None:
            self._emit(Issued(self.now, Drop(), "drop"))
            self._finish("dropped", now=True)

    def wire_eof(self, wire: Wire) -> None:
        """The server closed its side: what it had to say has been said."""
        if self._wire is wire:
            how = " without saying so in TLS (no close_notify)" if self._layer_cause().startswith("FIN") else ""
            where = " in the middle of a reply" if self.machine.held else ""
            self._finish(f"the server closed the connection{where}{how}")

    def wire_lost(self, wire: Wire, exc: Exception | None) -> None:
        """The link broke."""
        if self._wire is wire and (self._securing is None or self._securing.done()):
            where = " in the middle of a reply" if self.machine.held else ""
            reset = isinstance(exc, ConnectionResetError | BrokenPipeError)
            cause = "the server reset the connection" if reset else "the connection was lost"
            detail = f" ({exc.strerror})" if isinstance(exc, OSError) and exc.strerror and not reset else ""
            self._finish(f"{cause}{where}{detail}")

    def _finish(self, cause: str, now: bool = False) -> None:
        wire = self._wire
        if wire is None:
            return
        self._wire = None
        if self._goodbye is not None:
            self._goodbye.cancel()
            self._goodbye = None
        unsent = wire.wire_unsent
        self._emit(Closed(self.now, cause, unsent))
        wire.wire_shut(now)
        if self._securing is not None and not self._securing.done():
            self._securing.cancel()
        waiters, self._waiters = self._waiters, {}
        for pending, waiter in waiters.items():
            if not waiter.done():
                waiter.set_exception(ConnectionLost(f"{cause}; no reply to {_name(pending)} came"))
                waiter.exception()  # it may be that nobody waits


def _name(pending: Pending) -> str:
    return "the connection (the greeting)" if pending.kind == "BANNER" else pending.verb or pending.kind


def say_issued(step: Step, line: str, now: float) -> Issued:
    """What the user asked for, as an event; of an AUTH line only verb and mechanism are shown."""
    if step is SMTPCommand.AUTH:
        line = " ".join(line.split(None, 2)[:2])
    return Issued(now, step, line)
