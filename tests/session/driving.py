"""A session on a scripted server: driven as a screen drives it, looked at by its events."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any, TypeVar

from servers import certificates
from servers.scripted import Handler, Peer, ScriptedServer, conversation
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session import plan
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.session.session import Session
from smtpscope.session.transcript import transcript
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Answered, Asked, Closed, Failed, Opened, Sent

C = SMTPCommand
T = TypeVar("T")
LIMIT = 20.0
"""Seconds; only a hang takes that long."""

Script = Handler | Sequence[tuple[bytes | None, bytes]]

GREETING: tuple[None, bytes] = (None, b"220 mail.test ESMTP\r\n")
EHLO = (b"EHLO", b"250-mail.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n")
AUTH = (b"AUTH PLAIN", b"235 2.7.0 ok\r\n")
MAIL = (b"MAIL", b"250 2.1.0 Ok\r\n")
RCPT = (b"RCPT", b"250 2.1.5 Ok\r\n")
DATA = (b"DATA", b"354 Go on\r\n")
DOT = (b"\r\n.\r\n", b"250 2.0.0 queued\r\n")
QUIT = (b"QUIT", b"221 2.0.0 Bye\r\n")
TRANSACTION = [MAIL, RCPT, DATA, DOT]

LOGIN: dict[str, Any] = {"login_wanted": True, "user": "alice", "password": Secret("wonderland")}


class Driven:
    """A session, its recording, and the server if it has one."""

    def __init__(self, profile: Profile) -> None:
        self.recorder = Recorder()
        self._news = asyncio.Event()
        self.session = Session(profile, self.recorder, self._news.set)

    def of(self, kind: type[T]) -> list[T]:
        """All events of one kind."""
        return [event for event in self.recorder if isinstance(event, kind)]

    async def until(self, done: Callable[[], object]) -> None:
        """Wait until ``done()`` is true after something has happened."""
        async with asyncio.timeout(LIMIT):
            while not done():
                self._news.clear()
                await self._news.wait()

    async def idle(self) -> None:
        """Wait until nothing is in flight."""
        async with asyncio.timeout(LIMIT):
            await self.session.idle()

    async def over(self) -> None:
        """Wait for the end of the newest connection, and for what follows from it."""
        await self.until(lambda: len(self.of(Closed)) == len(self.of(Opened)) > 0)
        await self.idle()

    async def asked(self, kind: str) -> Asked:
        """Wait for a question of this kind to stand."""
        await self.until(lambda: self.question is not None and self.question.kind == kind)
        await self.idle()
        assert self.question is not None
        return self.question

    async def answer(self, number: int) -> None:
        """Give the answer of this number, from 1, and wait for what follows."""
        self.session.answer(number - 1)
        await self.until(lambda: self.question is None)
        await self.idle()

    async def do(self, method: str, *arguments: object) -> None:
        """Ask the session for something and wait for the end of it."""
        getattr(self.session, method)(*arguments)
        await self.idle()

    @property
    def question(self) -> Asked | None:
        """What stands to be answered."""
        standing: Asked | None = None
        for event in self.recorder:
            if isinstance(event, Asked):
                standing = event
            elif isinstance(event, Answered | Closed):
                standing = None
        return standing

    @property
    def here(self) -> SMTPCommand:
        """The node that has been reached."""
        return self.session.machine.here

    @property
    def next(self) -> plan.NextStep:
        """What space would do."""
        return plan.next_step(self.session.machine, self.session.profile, self.session.ehlo_name)

    @property
    def sent(self) -> list[str]:
        """The lines that went out, secrets hidden."""
        return [line[4:] for line in self.lines if line.startswith((" -> ", " ~> "))]

    @property
    def wire(self) -> bytes:
        """All octets that went out, TLS taken off."""
        return b"".join(event.data for event in self.of(Sent))

    @property
    def failures(self) -> list[str]:
        """The sentences of what could not be done."""
        return [event.reason for event in self.of(Failed)]

    @property
    def lines(self) -> list[str]:
        """The transcript."""
        return transcript(self.recorder, redact=Redactor()).split("\n")[:-1]


def profile_for(server: ScriptedServer, **given: Any) -> Profile:
    """A profile with an envelope of one recipient and a message of one line, at NONE."""
    settings: dict[str, Any] = {
        "helo": "me.test",
        "mail_from": "a@me.test",
        "rcpt_to": ("b@mail.test",),
        "data": b"Subject: hi\r\n\r\nhi\r\n",
        "auto": "none",
        "timeout": 10.0,
    }
    return Profile("127.0.0.1", server.port, **{**settings, **given})


@contextlib.asynccontextmanager
async def driving(script: Script | None, **given: Any) -> AsyncIterator[Driven]:
    """A session that has started, on a server that plays ``script`` at each connection; ended with the block."""
    handler = conversation(script or []) if not callable(script) else script
    async with ScriptedServer(handler, timeout=LIMIT) as server:
        async with running(profile_for(server, **given)) as driven:
            yield driven
        async with asyncio.timeout(LIMIT):
            await server.finished()


@contextlib.asynccontextmanager
async def running(profile: Profile) -> AsyncIterator[Driven]:
    """A session that has started; ended with the block."""
    driven = Driven(profile)
    driven.session.start()
    try:
        await driven.idle()
        yield driven
    finally:
        async with asyncio.timeout(LIMIT):
            await driven.session.close()
        driven.recorder.close()


# -- servers that several tests talk to

SOON = 0.05
"""Seconds after which replies that a test wants to be late are late."""


Gated = tuple[Callable[[Peer], Awaitable[None]], asyncio.Event]


def one_by_one(*replies: bytes | None, greeting: bytes = b"220 hi\r\n") -> Gated:
    """A server that answers each line with the next reply; where that is empty once the event is set; None never."""
    go = asyncio.Event()

    async def handler(peer: Peer) -> None:
        if not greeting:
            await go.wait()
        await peer.send(greeting or b"220 at last\r\n")
        for reply in replies:
            await peer.line()
            if reply is None:
                break
            if not reply:
                await go.wait()
            await peer.send(reply or b"250 at last\r\n")
        await peer.gone()

    return handler, go


async def tls_at_once(peer: Peer) -> None:
    """TLS from the start, with a certificate that is no longer good."""
    await peer.starttls(certificates.server_context("expired"))
    await peer.send(b"220 secret\r\n")
    for _ in range(2):
        await peer.line()
        await peer.send(b"250 ok\r\n")
    await peer.gone()


async def to_data(peer: Peer) -> None:
    """From the greeting to the 354."""
    await peer.send(b"220 hi\r\n")
    for reply in (b"250 hi\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        await peer.line()
        await peer.send(reply)
