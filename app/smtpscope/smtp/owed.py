"""Replies that are owed, and the time they may take; events to all who listen, and questions to the user."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic

from smtpscope.smtp.effects import Pending
from smtpscope.smtp.errors import ConnectionLost, ReplyTimeout, TransportError
from smtpscope.smtp.events import Answered, Asked, Event, Forgot, TimedOut, Waited
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.stages import stage_of
from smtpscope.smtp.wire import Wire

NEVER = float("inf")
Listener = Callable[[Event], None]
Asker = Callable[[Asked], Awaitable[int]]


async def take_the_safe_answer(question: Asked) -> int:
    """What is answered where nobody is there to ask: the first answer, which is the safe one."""
    return 0


class Waiter:
    """Somebody who waits for a reply, ``limit`` seconds long, until ``due`` on the clock of ``now``."""

    __slots__ = ("due", "future", "limit")

    def __init__(self, future: asyncio.Future[Reply], limit: float) -> None:
        self.future = future
        self.limit = limit
        self.due = monotonic() + limit if limit else NEVER


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
        self._waiters: dict[Pending, list[Waiter]] = {}
        self._alarm: asyncio.TimerHandle | None = None  # one for all waiters: most replies come long before it
        self._alarm_due = NEVER
        self._asking = asyncio.Lock()

    @property
    def now(self) -> float:
        """Seconds since the call of connect."""
        return monotonic() - self._zero if self._loop else 0.0

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
                try:
                    answer = await self.ask(question)
                except asyncio.CancelledError:  # nobody waits for the answer any more
                    if self._wire is wire:
                        self._emit(Answered(self.now, kind, 0))
                    raise
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
        waiter = Waiter(self._loop.create_future(), stage_of(pending.kind, self.timeout) if limit is None else limit)
        self._waiters.setdefault(pending, []).append(waiter)
        if waiter.due < self._alarm_due:
            self._set_alarm(self._loop, waiter.due)
        return await waiter.future

    def _set_alarm(self, loop: asyncio.AbstractEventLoop, due: float) -> None:
        self._stop_alarm()
        if due < NEVER:
            self._alarm, self._alarm_due = loop.call_at(due, self._ring, loop), due

    def _stop_alarm(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        self._alarm, self._alarm_due = None, NEVER

    def _ring(self, loop: asyncio.AbstractEventLoop) -> None:
        """Somebody's time may be over; then see when the next one's is."""
        for pending, waiters in list(self._waiters.items()):
            for waiter in waiters:
                if waiter.due <= monotonic() and not waiter.future.done():
                    self._expire(pending, waiter)
        waiting = [each.due for waiters in self._waiters.values() for each in waiters if not each.future.done()]
        self._set_alarm(loop, min(waiting, default=NEVER))

    def _expire(self, pending: Pending, waiter: Waiter) -> None:
        """The time for a reply is over: nothing is closed and nothing settled; it is still owed."""
        oldest = self.machine.pending[0] if self.machine.pending else pending
        if oldest is not pending and self._attended(oldest):
            waiter.due += waiter.limit  # an older one is owed first
            return
        self._emit(TimedOut(self.now, waiter.limit))
        reason = f"no reply to {_name(pending)} within {waiter.limit:g} s: it is still owed"
        waiter.future.set_exception(ReplyTimeout(reason))

    def _attended(self, pending: Pending) -> bool:
        """Whether somebody waits for this reply, or is being asked about what to do."""
        return self._asking.locked() or any(not each.future.done() for each in self._waiters.get(pending, ()))

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
            future = waiter.future
            if future.done():
                continue
            if isinstance(outcome, Reply):
                future.set_result(outcome)
            else:
                future.set_exception(outcome)
                future.exception()  # it may be that nobody looks

    def _hand_over(self, response: Pending, auth: Pending) -> None:
        """What seemed a command is a response: who waits for its reply waits for that of AUTH, which comes next."""
        if waiters := self._waiters.pop(response, None):
            self._waiters.setdefault(auth, []).extend(waiters)

    def _settle_swallowed(self) -> None:
        """Lines behind a DATA became message text with its 354: no reply will come, and nobody need wait for one."""
        for pending in [each for each in self._waiters if each not in self.machine.pending]:
            self._settle(pending, TransportError(f"{_name(pending)} became message text: it gets no reply"))

    def _settle_all(self) -> None:
        """The connection is over: no reply will come any more."""
        self._stop_alarm()
        for pending in list(self._waiters):
            self._settle(pending, ConnectionLost(f"{self._cause}; no reply to {_name(pending)} came"))


def _name(pending: Pending) -> str:
    return "the connection (the greeting)" if pending.kind == "BANNER" else pending.verb or pending.kind
