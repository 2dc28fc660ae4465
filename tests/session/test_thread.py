"""The session on a thread of its own: what is handed over is done in order, and leaving ends it, whatever goes on."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from servers import certificates
from servers.scripted import Handler, Peer, ScriptedServer, conversation
from session.driving import EHLO, GREETING, LIMIT, MAIL, RCPT, C, profile_for
from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.session import Session
from smtpscope.session.thread import SessionThread
from smtpscope.smtp.events import Asked, Closed, Failed, Sent


class Threaded:
    """A session's thread, and a way to wait for what it says."""

    def __init__(self, profile: Profile) -> None:
        self.recorder = Recorder()
        self.wakes: set[int] = set()
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self.thread = SessionThread(profile, self.recorder, self._wake)

    def _wake(self) -> None:
        self.wakes.add(threading.get_ident())
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._news.set)

    async def event(self, kind: type) -> Any:
        """Wait for the first event of one kind."""
        async with asyncio.timeout(LIMIT):
            while True:
                self._news.clear()
                for event in self.recorder:
                    if isinstance(event, kind):
                        return event
                await self._news.wait()

    async def settled(self) -> None:
        async with asyncio.timeout(LIMIT):
            await self.thread.settled()

    @property
    def session(self) -> Session:
        assert self.thread.session is not None
        return self.thread.session

    @property
    def sent(self) -> bytes:
        return b"".join(event.data for event in self.recorder if isinstance(event, Sent))


@contextlib.asynccontextmanager
async def on_a_thread(handler: Handler, *, start: bool = True, **given: Any) -> AsyncIterator[Threaded]:
    """A session on its thread, which is gone at the end."""
    async with ScriptedServer(handler, timeout=LIMIT) as server:
        threaded = Threaded(profile_for(server, **given))
        if start:
            threaded.thread.start()
        try:
            yield threaded
        finally:
            await asyncio.to_thread(threaded.thread.stop)
            assert "session" not in {thread.name for thread in threading.enumerate()}
            threaded.recorder.close()
        async with asyncio.timeout(LIMIT):
            await server.finished()


@pytest.fixture(autouse=True)
def nothing_is_printed(capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture) -> Any:
    """A word on the terminal would be on the screen; what is logged as a warning would be printed too."""
    yield
    assert capfd.readouterr() == ("", "")
    assert [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_it_runs_on_a_thread_of_its_own_and_tells_of_each_event() -> None:
    async with on_a_thread(conversation([GREETING, EHLO, MAIL]), auto="ehlo") as threaded:
        await threaded.settled()
        assert [threaded.session.machine.here] == [C.CONNECTED]
        assert len(threaded.wakes) == 1
        assert threading.get_ident() not in threaded.wakes
        threaded.thread.call("step")
        await threaded.settled()
        assert threaded.session.machine.here is C.MAIL
        assert threaded.sent == b"EHLO me.test\r\nMAIL FROM:<a@me.test>\r\n"


async def test_settled_waits_for_all_that_was_handed_over() -> None:
    async with on_a_thread(conversation([GREETING, EHLO, MAIL, RCPT])) as threaded:
        for _ in range(4):
            threaded.thread.call("step")
            await threaded.settled()
        assert threaded.session.machine.here is C.RCPT


async def test_what_is_handed_over_before_it_is_ready_is_not_lost() -> None:
    async with on_a_thread(conversation([GREETING, EHLO]), start=False) as threaded:
        threaded.thread.start()
        threaded.thread.call("connect")  # nothing has been imported yet, perhaps
        await threaded.settled()
        assert threaded.session.machine.here is C.BANNER


async def test_before_the_start_and_after_the_end_nothing_happens() -> None:
    async with on_a_thread(conversation([GREETING]), start=False) as threaded:
        threaded.thread.stop()
        threaded.thread.start()
        await threaded.settled()
        await asyncio.to_thread(threaded.thread.stop)
        threaded.thread.call("connect")
        threaded.thread.stop()
        assert len(threaded.recorder) == 0


async def test_leaving_while_the_connection_is_made() -> None:
    """Neither a TLS handshake nor a greeting that does not come holds it up."""

    async def handler(peer: Peer) -> None:
        await peer.gone()

    for tls in ("implicit", "none"):
        async with on_a_thread(handler, auto="banner", tls=tls) as threaded:
            async with asyncio.timeout(LIMIT):
                while threaded.thread.session is None or not threaded.session.transport.connected:
                    await threaded._news.wait()
            await asyncio.to_thread(threaded.thread.stop)
            assert isinstance(threaded.recorder[-1], Closed)


async def test_leaving_while_a_question_stands() -> None:
    async def handler(peer: Peer) -> None:
        await peer.starttls(certificates.server_context("expired"))
        await peer.gone()

    async with on_a_thread(handler, auto="auth", tls="implicit") as threaded:
        await threaded.event(Asked)
        await asyncio.to_thread(threaded.thread.stop)
        assert threaded.sent == b""
        assert isinstance(threaded.recorder[-1], Closed)


async def test_leaving_while_a_reply_is_owed() -> None:
    async with on_a_thread(conversation([GREETING, (b"EHLO", b"")]), auto="ehlo") as threaded:
        await threaded.event(Sent)
        await asyncio.to_thread(threaded.thread.stop)
        assert threaded.recorder[-1] == Closed(threaded.recorder[-1].time, "dropped")


async def test_leaving_while_the_practice_server_starts() -> None:
    threaded = Threaded(Profile("localhost", 0, demo=True, auto="none"))
    threaded.thread.start()
    await asyncio.to_thread(threaded.thread.stop)
    names = {thread.name for thread in threading.enumerate()}
    assert not names & {"session", "practice server"}
    threaded.recorder.close()


async def test_a_fault_is_an_event_and_no_traceback() -> None:
    async with on_a_thread(conversation([GREETING, EHLO])) as threaded:
        threaded.thread.call("connect")
        await threaded.settled()
        threaded.thread.call("send", "no octets")
        failed = await threaded.event(Failed)
        assert failed.reason.startswith("smtpscope failed at this (")
        threaded.thread.call("answer", "x")
        threaded.thread.call("drop", "too many")
        threaded.thread.call("step")
        await threaded.settled()
        assert threaded.session.machine.here is C.CONNECTED
        assert len([event for event in threaded.recorder if isinstance(event, Failed)]) == 2


async def test_a_listener_that_fails_does_not_end_the_connection() -> None:
    async with on_a_thread(conversation([GREETING, EHLO]), auto="banner") as threaded:
        await threaded.settled()

        def broken() -> None:
            raise RuntimeError("the screen is gone")

        threaded.thread._wake = broken
        threaded.thread.call("step")
        await threaded.settled()
        assert threaded.session.machine.here is C.CONNECTED
