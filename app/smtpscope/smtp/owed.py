"""Replies that are owed, and the time they may take; events to all who listen, and questions to the user."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from smtpscope.smtp.effects import Pending
from smtpscope.smtp.errors import ConnectionLost, ReplyTimeout, TransportError
from smtpscope.smtp.events import Answered, Asked, Event, Forgot, TimedOut, Waited
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.stages import stage_of
from smtpscope.smtp.wire import Wire

Listener = Callable[[Event], None]
Asker = Callable[[Asked], Awaitable[int]]


async def take_the_safe_answer(question: Asked) -> int:
    """What is answered where nobody is there to ask: the first answer, which is the safe one."""
    return 0


class OwedReplies:
    """Who waits for which reply. Listeners get every event, in order, and must return quickly."""

    def __init__(self, *listeners: Listener, timeout: float | None = None, ask: Asker = take_the_safe_answer) -> None:
        """``timeout`` replaces all stages of RFC 5321, in seconds, 0 for none. ``ask`` decides what only users can."""
        self.listeners: list[Listener] = list(listeners)
        self.timeout = timeout
        self.ask = ask
        self.machine = Machine()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._zero = 0.0
        self._wire: Wire | None = None
        self._cause = ""  # why the connection ended, or is about to
        self._waiters: dict[Pending, list[asyncio.Future[Reply]]] = {}
        self._asking = asyncio.Lock()

    @property
    def now(self) -> float:
        """Seconds since the call of connect."""
        return self._loop.time() - self._zero if self._loop else 0.0

    def _emit(self, event: Event) -> list[Answer]:
        answers = self.machine.apply(event)
        for listener in self.listeners:
            listener(event)
        return answers

    async def put_question(self, kind: str, text: str, *answers: str) -> int:
        """Ask what only a user can decide, as two events; gives the answer's index. The first is the safe one.

        One question stands at a time: an answer must never go to another one. ConnectionLost if the connection ended
        meanwhile: the answer is for no other.
        """
        wire = self._wire
        async with self._asking:
            if self._wire is wire:
                question = Asked(self.now, kind, text, answers)
                self._emit(question)
                answer = await self.ask(question)
                if self._wire is wire:
                    self._emit(Answered(self.now, kind, answer))
                    return answer
        raise ConnectionLost("the connection ended while the question stood")

    async def reply_to(self, pending: Pending, limit: float | None = None) -> Reply:
        """The reply to one owed command, within its stage's time or ``limit`` seconds. ReplyTimeout, ConnectionLost."""
        assert self._loop is not None
        if pending not in self.machine.pending:
            if pending.replies:
                return pending.replies[-1]
            raise ConnectionLost(f"{self._cause or 'it was given up'}; no reply to {_name(pending)} came")
        future: asyncio.Future[Reply] = self._loop.create_future()
        self._waiters.setdefault(pending, []).append(future)
        limit = stage_of(pending.kind, self.timeout) if limit is None else limit
        if not limit:
            return await future
        timer = self._loop.call_later(limit, self._expire, pending, future, limit)
        try:
            return await future
        finally:
            timer.cancel()

    def _expire(self, pending: Pending, future: asyncio.Future[Reply], limit: float) -> None:
        """The time for a reply is over: nothing is closed and nothing settled; it is still owed."""
        if future.done() or self._loop is None:
            return
        oldest = self.machine.pending[0] if self.machine.pending else pending
        if oldest is not pending and self._attended(oldest):
            self._loop.call_later(limit, self._expire, pending, future, limit)  # an older one is owed first
            return
        self._emit(TimedOut(self.now, limit))
        future.set_exception(ReplyTimeout(f"no reply to {_name(pending)} within {limit:g} s: it is still owed"))

    def _attended(self, pending: Pending) -> bool:
        """Whether somebody waits for this reply, or is being asked about what to do."""
        return self._asking.locked() or any(not each.done() for each in self._waiters.get(pending, ()))

    async def wait(self, seconds: float | None = None) -> Reply:
        """Give the oldest owed reply ``seconds`` more, or its stage's time again. Raises as a command does."""
        if not self.machine.pending:
            raise TransportError("no reply is owed")
        pending = self.machine.pending[0]
        limit = stage_of(pending.kind, self.timeout) if seconds is None else seconds
        self._emit(Waited(self.now, limit))
        return await self.reply_to(pending, limit)

    def forget(self, code: int | None = None) -> None:
        """Give up the oldest owed reply; a DATA's is taken as a refusal, or as 354 if ``code`` says so."""
        if not self.machine.pending:
            raise TransportError("no reply is owed")
        pending = self.machine.pending[0]
        self._emit(Forgot(self.now, code))
        self._settle(pending, ReplyTimeout(f"the reply to {_name(pending)} was given up"))
        self._settle_swallowed()

    def _settle(self, pending: Pending, outcome: Reply | TransportError) -> None:
        """Tell those who wait for it, if there are any, what became of it."""
        for waiter in self._waiters.pop(pending, ()):
            if waiter.done():
                continue
            if isinstance(outcome, Reply):
                waiter.set_result(outcome)
            else:
                waiter.set_exception(outcome)
                waiter.exception()  # it may be that nobody looks

    def _settle_swallowed(self) -> None:
        """Lines behind a DATA became message text with its 354: no reply will come, and nobody need wait for one."""
        for pending in [each for each in self._waiters if each not in self.machine.pending]:
            self._settle(pending, TransportError(f"{_name(pending)} became message text: it gets no reply"))

    def _settle_all(self) -> None:
        """The connection is over: no reply will come any more."""
        for pending in list(self._waiters):
            self._settle(pending, ConnectionLost(f"{self._cause}; no reply to {_name(pending)} came"))


def _name(pending: Pending) -> str:
    return "the connection (the greeting)" if pending.kind == "BANNER" else pending.verb or pending.kind
