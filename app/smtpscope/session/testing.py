"""Doing a next test: its steps one after the other, by the session's own means, and what became of it as an event.

A test that waits has no task meanwhile, only a timer: the session stays free, and dropping or stopping ends it.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING, Any

from smtpscope.session import plan
from smtpscope.session.case import Case
from smtpscope.session.causes import NEXT_TESTS
from smtpscope.session.next_tests import Do, Planned
from smtpscope.session.notes import duration
from smtpscope.session.repeat import goodbye
from smtpscope.smtp.command import C
from smtpscope.smtp.errors import ConnectFailed, ConnectionLost, ReplyTimeout, TransportError
from smtpscope.smtp.events import Told
from smtpscope.smtp.message import sample_message
from smtpscope.visible import visible_text

if TYPE_CHECKING:
    from smtpscope.session.session import Session

BOUND = 60
"""Minutes after which a test that waits gives up."""
LATER = 1.0
"""Seconds until it is looked again whether there is room for a try."""


class RunningTest:
    """One test that runs or waits."""

    def __init__(self, session: Session, test: Planned, case: Case, minute: float = 60.0) -> None:
        """``minute`` is how many seconds one takes."""
        self._session = session
        self._test = test
        self._case = case
        self._minutes = NEXT_TESTS[test.id].minutes
        self._pause = self._minutes * minute
        self._tries = 0
        self._timer: asyncio.TimerHandle | None = None
        self._stopped = False

    def start(self) -> None:
        """Begin, or begin to wait."""
        self._tell("test", f"next test: {self._test.sends}")
        if self._minutes:
            self._count_down()
        else:
            self._session._spawn(self._once())

    @property
    def waits(self) -> bool:
        """Whether it counts down."""
        return self._timer is not None

    def stop(self) -> None:
        """Wait no longer; a try that is under way is the last one."""
        self._stopped = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._tell("ended", "not tried again: stopped")

    def _tell(self, kind: str, text: str, wait: float = 0.0) -> None:
        now = self._session.transport.now
        self._session.record(Told(now, kind, text, now + wait if wait else 0.0))

    # -- one test

    async def _once(self) -> None:
        try:
            step, code = await self._all()
        except TransportError:
            self._tell("ended", "the test ends here, as said above")
            raise
        got = f"{step.words} got {code or 'no answer'}"
        if step is not self._test.steps[-1]:
            self._tell("ended", f"the test ends here: {got}")
            return
        exchange = self._case.exchange
        row = visible_text(exchange.line.rstrip(b"\r\n"), limit=60)
        if code == exchange.code:
            self._tell("ended", f"the test is done: {got}, as before")
        elif step.words == row or step.what != "line":
            self._tell("ended", f"the test is done: {got}, before it was {exchange.code or 'none'}")
        else:
            self._tell("ended", f"the test is done: {got}; {row or 'the greeting'} had got {exchange.code or 'none'}")

    async def _all(self) -> tuple[Do, int]:
        """Do the steps up to one that is refused; the last that was done, and the code it got, 0 for none."""
        steps, code = self._test.steps, 0
        try:
            for place, step in enumerate(steps):
                leaves = any(later.what == "connect" for later in steps[place + 1 :])
                if leaves:
                    await goodbye(self._session)  # connecting drops what is left
                    continue
                code = await self._do(step)
                if code // 100 not in (2, 3):
                    return step, code
        except asyncio.CancelledError:
            self._stopped = True
            self._tell("ended", "the test was dropped")
            raise
        return steps[-1], code

    async def _do(self, step: Do) -> int:
        """One step; the code it got, 0 for none."""
        session = self._session
        match step.what:
            case "connect":
                return await self._connect(step.number)
            case "login":
                with session._changed(user=step.user or session.profile.user):
                    mechanism = step.mechanism or plan.mechanism(session.machine.facts, session.profile)
                    if mechanism is None:
                        raise ValueError("the test ends here: no mechanism that smtpscope can run is offered")
                    await session._auth(mechanism)
            case "text":
                given: dict[str, Any] = (
                    {"data": small_message(session, step.number), "data_path": None} if step.number else {}
                )
                with session._changed(**given):
                    await session._stream(hold_dot=False)
            case _:
                await session._line(step.line)
        return session._done[-1].code

    async def _connect(self, port: int) -> int:
        session = self._session
        changes: dict[str, Any] = {}
        if port:
            changes = {"port": port, "tls": "implicit" if port == 465 else "none"}
        elif self._minutes and not session.profile.local_address and session.transport.local:
            changes = {"local_address": session.transport.local}  # the same client to the server
        session.transport.drop()
        with session._changed(**changes):
            await session._connect()
        machine = session.machine
        mark = machine.passed.get(C.BANNER) if machine.refusal is None else machine.refusal[1]
        return (mark.code or 0) if mark is not None else 0

    # -- again and again

    def _count_down(self) -> None:
        self._tries += 1
        most = max(1, BOUND // self._minutes)
        text = f"trying again in {self._minutes} min, try {self._tries} of at most {most}"
        self._tell("wait", text, self._pause)
        self._timer = asyncio.get_running_loop().call_later(self._pause, self._due)

    def _due(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        machine = self._session.machine
        if self._session._busy() or machine.facts.data_mode or machine.unfinished:  # the user is at something else
            self._timer = asyncio.get_running_loop().call_later(min(LATER, self._pause), self._due)
        else:
            self._session._spawn(self._try())

    async def _try(self) -> None:
        step, code = self._test.steps[-1], 0
        with suppress(ConnectFailed, ConnectionLost, ReplyTimeout):  # an event has said so; it may be better next time
            step, code = await self._all()
        after = f"{duration(time.time() - self._case.wall)} after the first try, at the {ordinal(self._tries)} retry"
        if code // 100 in (2, 3):
            self._tell("accepted", f"accepted: {step.words} got {code} {after}")
            return
        if code // 100 == 5:
            self._tell("ended", f"refused for good: {step.words} got {code} {after}")
            return
        with suppress(TransportError):
            await goodbye(self._session)
        if self._stopped:
            self._tell("ended", "not tried again: stopped")
        elif self._tries * self._minutes >= BOUND:
            self._tell("ended", f"given up after {self._tries} retries: {step.words} got {code or 'no answer'}")
        else:
            self._count_down()


def small_message(session: Session, size: int) -> bytes:
    """A test message of exactly ``size`` octets, at least as long as its header."""
    profile = session.profile
    text = sample_message(profile.mail_from or "", profile.rcpt_to[:1], datetime.now().astimezone())
    missing = max(0, size - len(text) - 2)
    lines = [b"x" * min(76, missing - start) for start in range(0, missing, 78)]
    return (text + b"\r\n".join(lines))[: size - 2].rstrip(b"\r") + b"\r\n"


def ordinal(number: int) -> str:
    """``1st``, ``2nd``, ``11th``."""
    suffix = "th" if 10 < number % 100 < 14 else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{suffix}"
