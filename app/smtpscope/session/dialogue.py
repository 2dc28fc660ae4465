"""The dialogue with a server: what the user asks for, done on the transport, decided on the session's own state."""

from __future__ import annotations

import asyncio
import io
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any, BinaryIO

from smtpscope.profile import Profile, parse_local
from smtpscope.secret import Secret
from smtpscope.session import plan
from smtpscope.session.login_steps import Editing
from smtpscope.session.login_way import USUAL, Way
from smtpscope.session.peer_files import PeerFiles
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import Redactor
from smtpscope.session.works import Works
from smtpscope.smtp import dialing
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.errors import ReplyTimeout
from smtpscope.smtp.events import Connect, StartTls
from smtpscope.smtp.machine import Verdict
from smtpscope.smtp.message import sample_message
from smtpscope.smtp.reply import Reply

C = SMTPCommand

OWN_NAME_LIMIT = 2.0
"""Seconds for looking up this host's name."""

_LEVELS = {
    "none": (),
    "banner": (Connect,),
    "ehlo": (Connect, C.EHLO, C.HELO),
    "tls": (Connect, C.EHLO, C.HELO, StartTls),
    "auth": (Connect, C.EHLO, C.HELO, StartTls, C.AUTH),
}


@dataclass(slots=True)
class Done:
    """One thing that was done, so that it can be done again; connecting is not kept."""

    event: int
    """The index of the first event that it made."""
    again: Callable[[], Coroutine[Any, Any, object]]
    begins: bool = False
    """It began a transaction."""
    ends: bool = False
    """It ended a message."""
    code: int = 0
    """The code of the reply it got, 0 if none was seen."""

    @property
    def verdict(self) -> int:
        """The class of that reply."""
        return self.code // 100


class Dialogue(Works):
    """One user's dialogue with one server, over as many connections as they make."""

    def __init__(self, profile: Profile, recorder: Recorder, wake: Callable[[], None] = lambda: None) -> None:
        """``wake`` is called after each event; it must return at once."""
        super().__init__(recorder, wake, profile.timeout)
        self.profile = profile
        self.transport.listeners.append(PeerFiles(profile.tls_get_peer_cert, profile.tls_get_peer_chain, self._tell))
        self.own_name: str | None = None
        self._naming: asyncio.Task[None] | None = None
        self._done: list[Done] = []
        self._begun: list[int] = []  # the index of the first event of each connection
        self._starting: asyncio.Task[object] | None = None  # the practice server
        self._practice: Any = None
        self._ca_file: Any = None

    @property
    def ehlo_name(self) -> str:
        """What EHLO says: as asked for, this host's name if it has a dot, else our address literal."""
        return self.profile.helo or self.own_name or dialing.address_literal(self.transport.local or "127.0.0.1")

    # -- life

    def start(self) -> None:
        """Look up our own name, start the practice server if it is the one to talk to, and run on as asked for."""
        self._naming = asyncio.ensure_future(self._find_own_name())
        if self.profile.demo:
            self._starting = self._spawn(self._start_practice_server())
        self._spawn(self._run_on(_LEVELS[self.profile.auto]))

    async def _find_own_name(self) -> None:
        if self.profile.helo is None:
            self.own_name = await dialing.own_name(OWN_NAME_LIMIT)
            self.wake()

    async def _start_practice_server(self) -> None:
        from smtpscope.demo.server import PracticeServer

        server = PracticeServer(self.profile.port)
        await asyncio.get_running_loop().run_in_executor(None, server.start)
        self._practice = server
        self._ca_file = tempfile.NamedTemporaryFile(suffix=".pem")  # noqa: SIM115 - it lives as long as the session
        self._ca_file.write(server.ca_pem)
        self._ca_file.flush()
        self.profile = replace(self.profile, server=server.name, port=server.port, tls_ca_path=self._ca_file.name)
        self.wake()

    async def close(self) -> None:
        """End everything: the connection is dropped, tasks are cancelled, the practice server stops."""
        self.drop()
        if self._naming is not None:
            self._naming.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._practice is not None:
            await asyncio.get_running_loop().run_in_executor(None, self._practice.stop)
        if self._ca_file is not None:
            self._ca_file.close()

    # -- one step

    def step(self) -> None:
        """Do the next step, if there is one and no reply is owed."""
        if self._busy():
            return
        self._spawn(self._do_next())

    def _busy(self) -> bool:
        if self._question is not None or self.machine.facts.streaming:
            return True
        works = self._tasks - {self._starting}  # that of the practice server connecting waits for
        return bool(self.machine.pending) or any(not task.done() for task in works)

    async def _do_next(self) -> bool:
        """The next step; whether it was one and was not refused."""
        if self.machine.here is C.BANNER and self.profile.helo is None and self._naming is not None:
            await asyncio.wait((self._naming,))
        step = plan.next_step(self.machine, self.profile, self.ehlo_name)
        if step.step is None or step.cursor is not None:
            return False
        if isinstance(step.step, Connect):
            return await self._connect()
        if step.step is C.AUTH:
            return await self._auth(step.line.split()[1])
        if step.step is C.SEND_STREAM:
            return await self._stream(hold_dot=True)
        return await self._line(step.line.encode() + b"\r\n")

    async def _run_on(self, allowed: tuple[object, ...]) -> None:
        """Step on as long as the next step is one of ``allowed`` and nothing is refused or asked.

        A connection that ended on the way is not made anew.
        """
        while True:
            step = plan.next_step(self.machine, self.profile, self.ehlo_name).step
            kind = step if isinstance(step, SMTPCommand) else type(step)
            if step is None or kind not in allowed:
                return
            fallback, asked = self.machine.here is C.BANNER and step is C.EHLO, self._questions
            if not await self._do_next() and not (fallback and self._hello_is_next()):
                return
            if self._questions != asked:
                return
            allowed = tuple(kind for kind in allowed if kind is not Connect)

    def _hello_is_next(self) -> bool:
        return plan.next_step(self.machine, self.profile, self.ehlo_name).step is C.HELO

    def go(self, until: SMTPCommand | None = None) -> None:
        """Step on: to before DATA, a refusal or a question; with ``until``, to that node if it lies ahead."""
        if not self._busy():
            self._spawn(self._go(until))

    async def _go(self, until: SMTPCommand | None) -> None:
        seen, asked = self.machine.moved, self._questions
        while self._questions == asked:
            step = plan.next_step(self.machine, self.profile, self.ehlo_name)
            here = self.machine.here
            if step.step is None or (until is None and step.step in (C.DATA, C.QUIT)):
                return
            if until is not None and not plan.lies_ahead(here, step.step, until):
                self._tell(f"the next steps do not lead from {here.name} to {until.name}: use its own key")
                return
            if not await self._do_next() or not self.machine.facts.link:
                return
            seen = min(seen, self.machine.moved)  # a new connection counts anew
            if until is not None and any(until in move.path[1:] for move in self.machine.moves_since(seen)):
                return

    # -- what can be asked for

    def connect(self) -> None:
        """Connect and read the greeting, where there is no connection."""
        if not self.transport.connected:
            self._spawn(self._connect())

    async def _connect(self) -> bool:
        if self._starting is not None:
            await asyncio.wait((self._starting,))
        profile = self.profile
        self._begun.append(len(self.recorder))
        call = self.transport.connect(
            profile.server,
            profile.port,
            implicit_tls=profile.tls == "implicit",
            tls=replace(profile.tls_options, ca_path=profile.tls_ca_path, insecure=profile.tls_insecure),
            want_login=profile.login_wanted,
            family=profile.family,
            local_address=parse_local(profile.local_address) if profile.local_address else None,
        )
        reply = await self._patient(call)
        return reply is not None and reply.positive

    async def _patient(self, call: Coroutine[Any, Any, Any]) -> Any:
        """Await a reply; when its time is over the user says how to go on. None if none will come."""
        while True:
            try:
                return await call
            except ReplyTimeout:
                if not self.machine.pending or not self.transport.connected:
                    return None
                waited = await self._over_time()
                if waited is None:
                    return None
                call = waited

    async def _over_time(self) -> Coroutine[Any, Any, Any] | None:
        entry = self.machine.pending[0]
        name = "the greeting" if entry.kind == "BANNER" else f"the reply to {entry.verb}"
        ask = self.transport.put_question
        in_clear = entry.kind == "BANNER" and not self.machine.facts.tls
        hint = ": a port such as 465 wants TLS from the first octet on (-tlsc)" if in_clear else ""
        answer = await ask("timeout", f"{name} has not come{hint}", "wait as long again", "drop", "forget it")
        if not self.machine.pending or self.machine.pending[0] is not entry:
            return None
        if answer == 0:
            return self.transport.wait()
        if answer == 1:
            self.transport.drop()
        elif entry.kind == "DATA":
            as_354 = await ask("forget", "take the DATA that got no reply", "as refused", "as 354: send text")
            self.transport.forget(354 if as_354 else None)
        else:
            self.transport.forget()
        return None

    def send(self, data: bytes) -> None:
        """Send exactly these octets."""
        self._spawn(self._line(data))

    async def _line(self, data: bytes) -> bool:
        done = Done(len(self.recorder), again=lambda: self._line(data))
        text = self.machine.prompt == "data>"
        pending = self.transport.send_raw(data)
        done.begins = not text and data[:4].upper() == b"MAIL"
        done.ends = pending is not None and pending.kind == "DOT"
        self._done.append(done)
        if pending is None:
            return text
        reply = await self._patient(self.transport.reply_to(pending))
        if reply is not None and self.machine.facts.securing:
            await self.transport.secured()
        done.code = (reply.code or 0) if reply is not None else 0
        return reply is not None and reply.kind in (2, 3)

    def send_lines(self, lines: list[bytes]) -> None:
        """Send one after the other, each when the reply to the one before is in."""
        self._spawn(self._lines(lines))

    async def _lines(self, lines: list[bytes]) -> None:
        for line in lines:
            await self._line(line)

    def set_timeout(self, seconds: float | None) -> None:
        """Seconds for each reply from now on, 0 for no limit, None for the stages of RFC 5321."""
        self.transport.timeout = seconds

    def login(self, mechanism: str, user: str | None, password: Secret | None, way: Way = USUAL) -> None:
        """Run an AUTH exchange with these credentials, which are kept for the next time; None for those known."""
        profile = self.profile
        user, password = profile.user if user is None else user, profile.password if password is None else password
        self.profile = replace(profile, user=user, password=password)
        self._spawn(self._auth(mechanism, way))

    def know(self, user: str, password: Secret) -> None:
        """Credentials for the next login."""
        self.profile = replace(self.profile, user=user, password=password)

    def run_to_connected(self) -> None:
        """As far as a login: connect if need be, say hello, STARTTLS where wanted, AUTH."""
        if not self._busy():
            self._spawn(self._run_on(_LEVELS["auth"]))

    async def _auth(self, mechanism: str, way: Way = USUAL, editing: Editing | None = None) -> bool:
        """One login; with ``editing``, in which its steps were changed by hand, they are changed alike."""
        user, password = self.profile.user or "", self.profile.password or Secret("")
        edit = editing.again() if editing is not None else None
        if editing is None and way.steps:
            redactor = Redactor()
            redactor.know(password)
            editing = Editing(mechanism, redactor, partial(self._propose, mechanism))
            edit = editing.by_hand
        done = Done(len(self.recorder), again=lambda: self._auth(mechanism, way, editing))
        self._done.append(done)
        exchange = self.transport.command_auth(
            mechanism, user, password, initial=way.initial, authzid=way.authzid, binding=way.binding, edit=edit
        )
        reply = await self._patient(exchange)
        done.code = (reply.code or 0) if reply is not None else 0
        return reply is not None and reply.positive

    def stream(self) -> None:
        """Send the message text and hold the dot."""
        self._spawn(self._stream(hold_dot=True))

    async def _stream(self, hold_dot: bool) -> bool:
        done = Done(len(self.recorder), again=lambda: self._stream(hold_dot), ends=not hold_dot)
        with self._message() as source:
            size = source.seek(0, io.SEEK_END)
            source.seek(0)
            self._done.append(done)
            replies = await self._patient(self.transport.send_data_stream(source, size, hold_dot=hold_dot))
        if hold_dot:
            return replies is not None
        last: Reply | None = replies[-1] if isinstance(replies, list) else replies  # the one that was waited for
        done.code = (last.code or 0) if last is not None else 0
        return last is not None and last.positive

    def _message(self) -> BinaryIO:
        profile = self.profile
        if profile.data_path is not None:
            try:
                return open(profile.data_path, "rb")
            except OSError as error:
                reason = f"the message {profile.data_path} cannot be read ({error.strerror})"
                raise ValueError(f"{reason}: mend that and stream again, or drop") from error
        data = profile.data
        if data is None:
            data = sample_message(profile.mail_from or "", profile.rcpt_to, datetime.now().astimezone())
        return io.BytesIO(data)

    def send_message(self) -> None:
        """MAIL to dot in one go, with the profile's envelope."""
        self._spawn(self._send_message())

    async def _send_message(self) -> None:
        lines = [plan.mail_line(self.profile).line, *(f"RCPT TO:<{path}>" for path in self.profile.rcpt_to)]
        if self.machine.may_issue(C.SEND_MESSAGE) is not Verdict.LEGAL:
            raise ValueError("a message cannot be begun here: MAIL must be legal and no reply owed")
        if not self.profile.rcpt_to:
            raise ValueError("a message needs a recipient: give one with --to, or fill RCPT by hand")
        if not await self._line(lines[0].encode() + b"\r\n"):
            return
        for line in lines[1:]:
            await self._line(line.encode() + b"\r\n")
            if not self.machine.facts.link:
                return
        if self.machine.facts.ok:
            await self._line(b"DATA\r\n")
            if self.machine.here is C.DATA:
                await self._stream(hold_dot=False)
                return
            if not self._done[-1].verdict:  # it got no answer: nobody knows what RSET would be
                return
        if self.machine.facts.link:
            await self._line(b"RSET\r\n")

    def drop(self) -> None:
        """Close the connection now, and with it everything that was under way."""
        self.transport.drop()
        for task in self._tasks:
            if task is not self._starting:
                task.cancel()
