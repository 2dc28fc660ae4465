"""The session: the dialogue, and what was said in it said again: replayed, repeated, varied, and tests.

Lives on one event loop (a thread's of its own under a screen). Every method is called there and returns at once;
what comes of it are events. Nothing here knows a screen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from smtpscope.profile import Profile
from smtpscope.session.case import Case
from smtpscope.session.dialogue import Dialogue, Done
from smtpscope.session.next_tests import Planned
from smtpscope.session.recorder import Recorder
from smtpscope.session.repeat import TIMES, repeat
from smtpscope.session.testing import RunningTest
from smtpscope.session.vary import vary

__all__ = ["Done", "Session"]


class Session(Dialogue):
    """One user's session with one server."""

    def __init__(self, profile: Profile, recorder: Recorder, wake: Callable[[], None] = lambda: None) -> None:
        """``wake`` is called after each event; it must return at once."""
        super().__init__(profile, recorder, wake)
        self._test: RunningTest | None = None
        self._alone: asyncio.Task[object] | None = None  # a repetition or the like: nothing else is sent meanwhile
        self._tries: set[int] = set()  # of _begun, the connections that vary made

    def _spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """As ever, but while a repetition runs: it has the session for itself."""
        if self._alone is None or self._alone.done():
            return super()._spawn(work)
        work.close()
        self._tell("many connections are being made: wait for their end, or drop")
        return self._alone

    async def _connect(self) -> bool:
        if self._test is not None and self._test.waits:
            self.stop_test()  # times are counted from now on anew, and the user goes another way
        return await super()._connect()

    def drop(self) -> None:
        """Close the connection now, and with it everything that was under way."""
        self.stop_test()
        self._alone = None
        super().drop()

    # -- again

    def again(self) -> None:
        """The last transaction once more on this connection: what was done from MAIL to the end of the message."""
        start = max((done.event for done in self._done if done.begins), default=None)
        if start is None:
            self._tell("there is no transaction to send again: m begins one")
            return
        end = min((index for index in self._begun if index > start), default=len(self.recorder))
        end = min((done.event + 1 for done in self._done if done.ends and done.event > start), default=end)
        if not self._busy():
            self._spawn(self._repeat([done for done in self._done if start <= done.event < end]))

    def replay(self, event: int) -> None:
        """A new connection, and what was done on the one of event ``event``, up to it, once more.

        Stops where an answer differs.
        """
        begun = max((index for index in self._begun if index <= event), default=0)
        items = [done for done in self._done if begun <= done.event <= event]
        self.drop()
        self._spawn(self._replay(items))

    async def _replay(self, items: list[Done]) -> None:
        if await self._connect():
            await self._repeat(items)

    def repeat(self, times: int = TIMES, text: bool = False) -> None:
        """The session of the newest connection ``times`` times on fresh ones, to before DATA or with its ``text``;
        asks first."""
        if self._busy():
            self._tell("something is under way: wait for its end, or drop")
        else:
            self.stop_test()
            self._alone = self._spawn(repeat(self, times, text))

    def vary(self, thing: str, values: tuple[str, ...] = (), to: str = "") -> None:
        """The session with several values of one thing, each on a fresh connection, to a step; asks first.

        ``vary.THINGS`` can be varied, in the words that it says; ``to`` is one of ``vary.STEPS``.
        """
        if self._busy():
            self._tell("something is under way: wait for its end, or drop")
        else:
            self.stop_test()
            self._alone = self._spawn(vary(self, thing, values, to))

    @contextmanager
    def _changed(self, **changes: Any) -> Iterator[None]:
        """The profile with ``changes``, for a moment."""
        before = self.profile
        self.profile = replace(before, **changes)
        try:
            yield
        finally:
            self.profile = replace(self.profile, **{name: getattr(before, name) for name in changes})

    def run_test(self, test: Planned, case: Case, minute: float = 60.0) -> None:
        """Do a next test about ``case``; one that waits takes ``minute`` seconds for one. The one before ends."""
        self.stop_test()
        if self._busy():
            self._tell("something is under way: wait for its end, or drop")
            return
        self._test = RunningTest(self, test, case, minute)
        self._test.start()

    def stop_test(self) -> None:
        """A test that waits does so no longer; nothing is sent."""
        if self._test is not None:
            self._test.stop()
            self._test = None

    async def _repeat(self, items: list[Done]) -> None:
        for item in items:
            before = len(self._done)
            await item.again()
            if item.verdict and (len(self._done) == before or self._done[-1].verdict != item.verdict):
                return
