"""What runs in a session: works of the user's, their failures as sentences, what waits for his word, and when all is
quiet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

from smtpscope.session.login_steps import Waiting, Word
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.errors import ConnectFailed, ConnectionLost, HandshakeFailed, ReplyTimeout, TransportError
from smtpscope.smtp.events import Asked, Closed, Event, Failed, Proposed, Received
from smtpscope.smtp.machine import Machine
from smtpscope.smtp.transport import SMTPTransport


class Works:
    """A transport that is recorded, the tasks that use it, and what stands before the user: a question, or a step."""

    def __init__(self, recorder: Recorder, wake: Callable[[], None], timeout: float | None) -> None:
        self.recorder = recorder
        self.wake = wake
        self.transport = SMTPTransport(self.record, timeout=timeout, ask=self._ask)
        self._tasks: set[asyncio.Task[object]] = set()
        self._idle: asyncio.Event = asyncio.Event()
        self._question: Asked | None = None
        self._answer: asyncio.Future[int] | None = None
        self._questions = 0  # asked so far
        self._word: asyncio.Future[Word | None] | None = None  # on the step of AUTH that waits
        self._along = False  # it goes along with AUTH itself
        self._idle.set()

    @property
    def machine(self) -> Machine:
        """Where the session stands."""
        return self.transport.machine

    async def idle(self) -> None:
        """Until nothing is in flight: no task runs but those that wait for the user."""
        await self._idle.wait()

    def record(self, event: Event) -> None:
        """Add one event to the session."""
        self.recorder.append(event)
        if isinstance(event, Closed | Received):
            self._let_step_go()
        if isinstance(event, Closed):
            self.answer(0)  # nothing is left to decide
            self._look_idle()
        self.wake()

    # -- works

    def _spawn(self, work: Coroutine[Any, Any, object]) -> asyncio.Task[object]:
        """Run ``work`` with its failures as events: a dead link has said so, and nothing else may end the session."""
        task: asyncio.Task[object] = asyncio.ensure_future(self._guarded(work))
        self._tasks.add(task)
        self._look_idle()
        task.add_done_callback(self._ended)
        task.add_done_callback(lambda _: work.close())  # it may have been cancelled before it began
        return task

    async def _guarded(self, work: Coroutine[Any, Any, object]) -> object:
        try:
            return await work
        except (ConnectFailed, HandshakeFailed, ConnectionLost, ReplyTimeout):
            pass  # an event has said so
        except TransportError as error:
            last = self.recorder[-1] if len(self.recorder) else None
            if not (isinstance(last, Failed) and last.step is not None and last.reason.startswith(error.message)):
                self._tell(error.message)  # else the transport has just said so
        except (OSError, ValueError) as error:
            self._tell(getattr(error, "strerror", None) or str(error))
        except Exception as error:  # a fault of ours must not end the session
            self.fault(error)
        return None

    def _tell(self, reason: str) -> None:
        """Something could not be done: ``reason`` is one sentence."""
        self.record(Failed(self.transport.now, None, reason))

    def fault(self, error: object) -> None:
        """A fault of ours, an exception or words, is told in a sentence as well, and the session goes on."""
        what = f"{type(error).__name__}: {error}" if isinstance(error, BaseException) else error
        self._tell(f"smtpscope failed at this ({what}): the session goes on")

    def _ended(self, task: asyncio.Task[object]) -> None:
        self._tasks.discard(task)
        self._look_idle()
        if not self._tasks:
            self.wake()

    def _look_idle(self) -> None:
        """Nothing is in flight where no task runs, or where one waits for the user."""
        if not self._tasks or any(each is not None and not each.done() for each in (self._answer, self._word)):
            self._idle.set()
        else:
            self._idle.clear()

    # -- questions

    async def _ask(self, question: Asked) -> int:
        """Wait for the user's word. If the connection ends first, the safe answer is given."""
        self._question, self._answer = question, asyncio.get_running_loop().create_future()
        self._questions += 1
        self._look_idle()
        try:
            return await self._answer
        finally:
            self._question = self._answer = None
            self._look_idle()

    def answer(self, index: int) -> None:
        """The user's word on the standing question: an answer's index, from 0; no other number is one."""
        if self._question is None or self._answer is None or self._answer.done():
            return
        if 0 <= index < len(self._question.answers):
            self._answer.set_result(index)
            self._look_idle()

    # -- steps of AUTH

    async def _propose(self, mechanism: str, step: Waiting, along: bool) -> Word | None:
        """Wait for the user's word on a step; None if the server waits for none any more. ConnectionLost.

        TransportError if another step waits.
        """
        if self._word is not None:
            raise TransportError("a step of another AUTH waits: send it or cancel it first")
        self._word, self._along = asyncio.get_running_loop().create_future(), along
        self.record(Proposed(self.transport.now, mechanism, step.text, along))
        self._look_idle()
        try:
            word = await self._word
        finally:
            self._word = None
            self._look_idle()
        if word is None and not self.machine.facts.link:
            raise ConnectionLost("the connection ended while a step of AUTH waited")
        return word

    def _let_step_go(self) -> None:
        """Wait for no word on a step that can go nowhere: the connection has ended, or AUTH was answered."""
        if self._word is not None and not self._word.done() and not self.machine.takes_step(self._along):
            self._word.set_result(None)
            self._look_idle()

    def respond(self, text: str, line: str | None = None) -> None:
        """The user's word on the step of AUTH that waits, as in ``login_steps.Word``; ``*`` cancels."""
        if self._word is None or self._word.done():
            self._tell("no step of AUTH waits any more: nothing was sent")
        else:
            self._word.set_result(Word(text, line))
            self._look_idle()
