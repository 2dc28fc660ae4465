"""The same session several times on fresh connections, and what each of its steps took: median, p95, extremes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from smtpscope.session.repeat_table import count
from smtpscope.smtp.errors import TransportError
from smtpscope.smtp.events import Event, Sent, Told
from smtpscope.smtp.machine import Machine
from smtpscope.visible import safe

if TYPE_CHECKING:
    from smtpscope.session.session import Done, Session

TIMES = 10
"""How often, unless told otherwise."""
MOST = 1000
GOODBYE = 5.0
"""Seconds that the reply to QUIT may take."""

_TEXT = frozenset({"DATA", "BDAT", "BDAT LAST", "DOT"})


# -- what is repeated


@dataclass(frozen=True, slots=True)
class Plan:
    """What each run does after connecting: what was done before, in the same writes."""

    items: tuple[Done, ...]
    verbs: tuple[str, ...]
    logins: int
    messages: int

    def question(
        self, where: str, times: int, user: str, standing: bool, who: str = "repeat", what: str = "", most: bool = False
    ) -> str:
        """What is asked before: how many connections, logins and messages that makes, at ``most`` or exactly.

        ``what`` tells them apart.
        """
        up_to = "up to " if most and times > 1 else ""
        each = ", ".join([*self.verbs, *([] if self.verbs[-1:] == ("QUIT",) else ["QUIT"])])
        text = f"{who} makes {up_to}{count(times, 'connection')} to {where}{what}, each with {each}"
        if self.logins:
            logins = count(times * self.logins, "login")
            text += f"; that is {up_to}{logins} as {user or 'the same user'}: too many may lock it"
        if self.messages:
            text += f"; the message is sent {count(times * self.messages, 'time')}"
        return f"{text}; this connection is closed first" if standing else text


class Item(NamedTuple):
    """One thing that was done, and what it was on the wire."""

    done: Done
    kinds: set[str]
    """Of its commands."""
    verbs: list[str]
    data: bytes
    text: bool
    """It belongs to a message's text, or led to it."""
    response: bool
    """It answered a 334."""
    login: bool
    """The user was logged in after it."""


def items_of(session: Session) -> Iterator[Item]:
    """What was done on the newest connection that is not one of ``vary``'s."""
    begun = max((index for index in session._begun if index not in session._tries), default=0)
    stop = min((index for index in session._begun if index > begun), default=len(session.recorder))
    items = [done for done in session._done if begun <= done.event < stop]
    machine, at = Machine(), begun
    for place, item in enumerate(items):
        end = items[place + 1].event if place + 1 < len(items) else stop
        _feed(machine, (session.recorder[index] for index in range(at, item.event)))
        response = machine.facts.challenge is not None
        events = session.recorder[item.event : end]
        kinds, verbs = _feed(machine, events)
        at = end
        data = b"".join(event.data for event in events if isinstance(event, Sent))
        if data:  # else it could not be done
            text = bool(kinds & _TEXT) or machine.facts.data_mode
            yield Item(item, kinds, verbs, data, text, response, machine.facts.auth)


def plan_of(session: Session, text: bool) -> Plan:
    """What was done on the newest connection; to before DATA, or with ``text`` all of it."""
    plan = Plan((), (), 0, 0)
    for item in items_of(session):
        if item.text and not text:
            break
        plan = Plan(
            (*plan.items, item.done),
            (*plan.verbs, *item.verbs),
            plan.logins + ("AUTH" in item.kinds),
            plan.messages + bool(item.kinds & {"DOT", "BDAT LAST"}),
        )
    return plan


def _feed(machine: Machine, events: Iterable[Event]) -> tuple[set[str], list[str]]:
    """The kinds and verbs of the commands that went out in ``events``."""
    kinds: set[str] = set()
    verbs: list[str] = []
    for event in events:
        known = list(machine.pending)
        machine.apply(event)
        for pending in machine.pending if isinstance(event, Sent) else ():
            if pending not in known:
                kinds.add(pending.kind)
                verbs.append(safe(pending.verb or pending.kind))
    return kinds, verbs


# -- doing it


async def repeat(session: Session, times: int, text: bool) -> None:
    """Ask, then run ``times`` times; stops where a run differs from what was. ValueError where there is nothing."""
    if not 0 < times <= MOST:
        raise ValueError(f"repeat makes 1 to {MOST:,} connections")
    plan, profile = plan_of(session, text), session.profile
    if not session._begun:
        raise ValueError("there is nothing to repeat yet: connect first")
    where = f"{profile.server}:{profile.port}"
    question = plan.question(where, times, profile.user or "", session.machine.facts.link)
    if await session.transport.put_question("repeat", question, "no", f"make {count(times, 'connection')}") == 0:
        return
    session.record(Told(session.transport.now, "repeat", f"repeating the session, {count(times, 'run')}"))
    done, why = 0, "dropped"
    try:
        await leave(session)
        while done < times and not (why := await _run(session, plan, f"repeat {done + 1} of {times}")):
            done, why = done + 1, "dropped" if done + 1 < times else ""
    except TransportError as error:
        why = error.message
        raise
    finally:
        end = f"stopped after {count(done, 'run')} of {times}: {why}" if why else f"{count(done, 'run')} done"
        session.record(Told(session.transport.now, "repeated", f"{end}; the time tab has the figures"))


async def _run(session: Session, plan: Plan, which: str) -> str:
    """One run on a fresh connection; why it is the last one, empty if it went as before. ``which`` is told of it."""
    session.record(Told(session.transport.now, "run", which))
    if not await session._connect():
        code = session.machine.refusal[1].code if session.machine.refusal else None
        return f"the greeting is {code}" if code else "there was no greeting"
    for item in plan.items:
        before, asked = len(session._done), session._questions
        await item.again()
        new = session._done[before:]
        if item.verdict and (not new or new[-1].verdict != item.verdict):
            code = new[-1].code if new else 0
            return f"an answer is {code or 'missing'} where it was {item.code}"
        if not session.machine.facts.link and item is not plan.items[-1]:
            return "the server closed the connection"
        if session._questions != asked and not session.machine.facts.link:
            return "the question was answered so"
    await leave(session)
    return ""


async def leave(session: Session) -> None:
    """QUIT where it can be said, else just close."""
    await goodbye(session)
    session.transport.drop()


async def goodbye(session: Session) -> None:
    """QUIT, where it would be a command now; a server that does not answer it is not waited for, nor asked about."""
    machine, transport = session.machine, session.transport
    if not machine.facts.link or machine.pending or machine.prompt != ">":
        return
    before, transport.timeout = transport.timeout, 0
    try:
        async with asyncio.timeout(GOODBYE):
            await session._line(b"QUIT\r\n")
    except TimeoutError:
        pass
    finally:
        transport.timeout = before
