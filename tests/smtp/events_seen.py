"""A transport on a scripted server, with every event kept: what a test of the transport stands on."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from servers.scripted import Handler, Peer, ScriptedServer, conversation
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Answered, Asked, Closed, Event, Failed, Received, Sent
from smtpscope.smtp.machine import Machine
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.transport import SMTPTransport

C = SMTPCommand
T = TypeVar("T")
LIMIT = 60.0
"""Seconds; only a hang takes that long."""

Script = Handler | Sequence[tuple[bytes | None, bytes]]


class Seen:
    """A listener that keeps all events and can be waited on."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._news = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._news.set()

    def of(self, kind: type[T]) -> list[T]:
        """All events of one kind."""
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def sent(self) -> bytes:
        """All octets that went out, TLS taken off."""
        return b"".join(event.data for event in self.of(Sent))

    @property
    def received(self) -> bytes:
        """All octets that came in, TLS taken off."""
        return b"".join(event.data for event in self.of(Received))

    @property
    def hidden(self) -> bytes:
        """All octets that went out and are marked as secret."""
        return b"|".join(event.data[start:end] for event in self.of(Sent) for start, end in event.secrets)

    @property
    def ends(self) -> list[str]:
        """The reasons and causes of what went wrong or ended, in order."""
        return [
            event.reason if isinstance(event, Failed) else event.cause
            for event in self.events
            if isinstance(event, Failed | Closed)
        ]

    @property
    def questions(self) -> list[tuple[str, int | None]]:
        """Each question's kind, and the answer's index if there was one."""
        answers = {id(asked): None for asked in self.of(Asked)}
        found: list[tuple[str, int | None]] = []
        for event in self.events:
            if isinstance(event, Asked):
                found.append((event.kind, answers[id(event)]))
            elif isinstance(event, Answered):
                found[-1] = (event.kind, event.answer)
        return found

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until ``done()`` is true after some event."""
        async with asyncio.timeout(LIMIT):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def first(self, kind: type[T], number: int = 1) -> T:
        """Wait for the first event of one kind, or for a later one by number."""
        await self.until(lambda: len(self.of(kind)) >= number)
        return self.of(kind)[number - 1]

    async def receives(self, octets: bytes) -> None:
        """Wait until these octets have come."""
        await self.until(lambda: octets in self.received)


class Answerer:
    """A user who gives prepared answers, and does not give the others at all."""

    def __init__(self, *answers: int) -> None:
        self.answers = list(answers)

    async def __call__(self, question: Asked) -> int:
        if self.answers:
            return self.answers.pop(0)
        never: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        return await never


@dataclass
class Talk:
    """A connection: the server's end, our end, and what was seen."""

    server: ScriptedServer
    transport: SMTPTransport
    seen: Seen
    greeting: Reply | None = None

    @property
    def machine(self) -> Machine:
        return self.transport.machine

    def here(self) -> SMTPCommand:
        return self.transport.machine.here

    async def connect(self, **options: Any) -> Reply:
        return await self.transport.connect("127.0.0.1", self.server.port, **options)

    async def over(self) -> Closed:
        """Wait for the end of the connection on both sides."""
        closed = await self.seen.first(Closed)
        async with asyncio.timeout(LIMIT):
            await self.server.finished()
        return closed


@contextlib.asynccontextmanager
async def talking(
    script: Script,
    *answers: int,
    timeout: float | None = LIMIT,
    connect: bool = True,
    same: bool = True,
    **options: Any,
) -> AsyncIterator[Talk]:
    """Connect to a server that plays ``script``, and drop at the end what is still there.

    ``answers`` are the user's to questions; ``timeout`` is that of replies once there is a greeting. At the end the
    events have to be what was on the wire, both ways, unless ``same`` is false (RST loses octets).
    """
    seen = Seen()
    handler = conversation(script) if isinstance(script, Sequence) else script
    async with ScriptedServer(handler, timeout=LIMIT) as server:
        transport = SMTPTransport(seen, timeout=LIMIT, ask=Answerer(*answers))
        talk = Talk(server, transport, seen)
        async with asyncio.timeout(LIMIT):
            if connect:
                talk.greeting = await talk.connect(**options)
            transport.timeout = timeout
            yield talk
            transport.drop()
            await server.finished()
        if same:
            assert seen.sent == server.received
            assert seen.received == server.sent
        assert not transport._waiters


GREETING: tuple[None, bytes] = (None, b"220 mail.test ESMTP\r\n")
EHLO = (
    b"EHLO",
    b"250-mail.test\r\n250-PIPELINING\r\n250-CHUNKING\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n",
)
MAIL = (b"MAIL", b"250 2.1.0 Ok\r\n")
RCPT = (b"RCPT", b"250 2.1.5 Ok\r\n")
DATA = (b"DATA", b"354 Go on\r\n")
QUIT = (b"QUIT", b"221 2.0.0 Bye\r\n")


async def to_data(talk: Talk, recipients: int = 1, hello: str = "EHLO") -> None:
    """From the greeting to the 354."""
    await talk.transport.command_ehlo("me.test", lmtp=hello == "LHLO")
    await talk.transport.command_mail("a@me.test")
    for number in range(recipients):
        await talk.transport.command_rcpt(f"r{number}@mail.test")
    assert (await talk.transport.command_data()).code == 354
    assert talk.here() is C.DATA


async def greet_to_data(peer: Peer, recipients: int = 1, hello: bytes = b"EHLO") -> None:
    """The server's side of ``to_data``."""
    await peer.send(b"220 mail.test\r\n")
    assert (await peer.line()).startswith(hello)
    await peer.send(b"250 mail.test\r\n")
    for _ in range(1 + recipients):
        await peer.line()
        await peer.send(b"250 ok\r\n")
    assert await peer.line() == b"DATA"
    await peer.send(b"354 go\r\n")
