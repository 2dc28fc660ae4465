"""The session on a thread and an event loop of its own: neither a slow terminal nor a busy screen reaches its clock."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder

if TYPE_CHECKING:
    from smtpscope.session.session import Session

STOP_LIMIT = 5.0
"""Seconds that leaving waits for the thread."""


class SessionThread:
    """Starts a session elsewhere; ``call`` hands it what the user asks for."""

    def __init__(self, profile: Profile, recorder: Recorder, wake: Callable[[], None]) -> None:
        """``wake`` is called on the session's thread after each event."""
        self.profile = profile
        self.recorder = recorder
        self.session: Session | None = None
        self._wake = wake
        self._loop: asyncio.AbstractEventLoop | None = None
        self._ready = threading.Event()
        self._early: list[tuple[str, tuple[Any, ...]]] = []  # what was asked for before it was ready
        self._handing_over = threading.Lock()
        self._stop: asyncio.Event | None = None
        self._thread = threading.Thread(target=self._run, name="session", daemon=True)

    def start(self) -> None:
        """Begin; what the session needs is imported there."""
        self._thread.start()

    def call(self, method: str, *arguments: Any) -> None:
        """Have the session do ``method(*arguments)`` on its own thread, in the order of the calls."""
        with self._handing_over:
            if not self._ready.is_set():
                self._early.append((method, arguments))
            elif self._loop is not None and self.session is not None:
                with suppress(RuntimeError):  # it has ended
                    self._loop.call_soon_threadsafe(getattr(self.session, method), *arguments)

    def stop(self) -> None:
        """End the session and its thread."""
        if not self._thread.is_alive():
            return
        self._ready.wait(STOP_LIMIT)
        if self._loop is not None and self._stop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(STOP_LIMIT)

    async def settled(self) -> None:
        """Until nothing is in flight. For tests, which may not sleep."""
        await asyncio.to_thread(self._ready.wait)
        assert self._loop is not None
        assert self.session is not None
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(self._settle(self.session), self._loop))

    async def _settle(self, session: Session) -> None:
        await asyncio.sleep(0)  # what was handed over before comes first
        await session.idle()

    def _run(self) -> None:
        try:
            asyncio.run(self._main())
        finally:
            self._ready.set()

    async def _main(self) -> None:
        from smtpscope.session.session import Session

        session = self.session = Session(self.profile, self.recorder, self._tell)
        loop = self._loop = asyncio.get_running_loop()
        # What asyncio would print would be on the screen.
        loop.set_exception_handler(lambda _, context: session.fault(context.get("exception", context["message"])))
        self._stop = asyncio.Event()
        session.start()
        with self._handing_over:
            for method, arguments in self._early:
                loop.call_soon(getattr(session, method), *arguments)
            self._ready.set()
        await self._stop.wait()
        await session.close()

    def _tell(self) -> None:
        with suppress(Exception):  # a screen that fails must not end the connection
            self._wake()
