"""The state machine: events in; ``here``, ``pending``, ``facts`` and the moves taken out. Pure: no clock, no I/O.

What is pending follows from the octets that went out (``outgoing``). What is reached follows from replies only: the
server's answer is the authority. The rules are tables: ``facts`` (what is known), ``effects`` (what a reply does),
``matrix`` (what may be issued), ``edges`` (what is drawn). What a connection leaves on the picture is its ``trace``.
"""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from typing import Any, NamedTuple

from smtpscope.smtp import effects, matrix
from smtpscope.smtp.command import C, SMTPCommand
from smtpscope.smtp.edges import Mark, Move
from smtpscope.smtp.effects import Pending
from smtpscope.smtp.events import (
    Asked,
    Closed,
    Event,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Opened,
    Progress,
    Received,
    Secured,
    Sent,
    Step,
    TimedOut,
    Waited,
)
from smtpscope.smtp.facts import Facts, T
from smtpscope.smtp.matrix import Verdict
from smtpscope.smtp.outgoing import Outgoing
from smtpscope.smtp.reply import Reply, ReplyReader
from smtpscope.smtp.trace import Trace

__all__ = ["GOODBYES", "OVER", "UNASKED", "Answer", "Machine", "Mark", "Pending", "Verdict"]

GOODBYES = frozenset({421, 521, 221})
"""Codes with which a server ends the session (RFC 5321 3.8, RFC 7504); 221 is also what QUIT is answered with."""
OVER = "the session is over"
"""The note of a reply behind the server's goodbye."""
UNASKED = "nothing was asked: this reply answers no command"


class Answer(NamedTuple):
    """One reply and what it belongs to; ``pending`` None means that nothing was asked."""

    reply: Reply
    pending: Pending | None
    settled: bool
    note: str = ""
    early: bool = False
    """It came in data mode, before the dot."""
    response: Pending | None = None
    """Of a 334: what went out as a command, too early, and is the response."""


class Machine(Trace):
    """Folds the events of a session. Never raises, whatever they are; ``here`` is always one of nine rest states."""

    def __init__(self) -> None:
        self._handlers: dict[type, Callable[[Any], list[Answer] | None]] = {
            Opened: self._opened,
            Link: self._link,
            Issued: self._issued,
            Sent: self._sent,
            Received: self._received,
            Secured: self._secured,
            Progress: self._progress,
            TimedOut: self._timed_out,
            Waited: self._waited,
            Forgot: self._forgot,
            Asked: self._asked,
            Failed: self._asked,
            Closed: self._closed,
        }
        self._reset()

    def _reset(self) -> None:
        super().__init__()
        self.facts = Facts()
        self.pending: deque[Pending] = deque()
        self.early: Reply | None = None
        """A reply that came before the dot: the likely outcome if no other comes."""
        self._reader = ReplyReader()
        self._outgoing = Outgoing(self.facts, self.pending)
        self._refused_hello = False  # the last hello was an EHLO, and was refused
        self._last = 0.0  # when the last command was settled
        self._user = ""  # who is to be logged in
        self._by_hand = True  # no exchange of the transport's is under way

    @property
    def here(self) -> SMTPCommand:
        """The node that has been reached."""
        return self.facts.here

    @property
    def held(self) -> bytes:
        """Octets of a reply that has not ended yet."""
        return self._reader.held

    @property
    def asks_user(self) -> bool:
        """Whether a 334 waits for a response that no exchange of the transport's will give."""
        return self.facts.challenge is not None and self._by_hand

    def takes_step(self, along: bool) -> bool:
        """Whether a step of AUTH can go: ``along`` with AUTH itself, else as the response to a 334."""
        return self.facts.link and (along or self.facts.challenge is not None)

    @property
    def unfinished(self) -> bytes:
        """What went out of a command line that has no end yet."""
        return bytes(self._outgoing.line)

    @property
    def line_unfinished(self) -> bool:
        """Whether the message text that went out does not end in CRLF."""
        return self.facts.data_mode and bool(self.facts.texted) and not self._outgoing.tail.endswith(b"\r\n")

    @property
    def prompt(self) -> str:
        """What a typed line is now: ``>`` a command, ``data>`` message text, ``334>`` a response."""
        if self.facts.challenge is not None:
            return "334>"
        return "data>" if self.facts.data_mode and not self._outgoing.dot_pending else ">"

    def may_issue(self, step: Step) -> Verdict:
        """Whether ``step`` is legal now, out of order (sendable on purpose) or impossible."""
        return matrix.may_issue(step, self.facts, self.pending)

    def copy(self) -> Machine:
        """Another machine in the same state; of the moves it has the last."""
        state = {name: value for name, value in self.__dict__.items() if name != "_handlers"}
        twin = Machine()
        twin.__dict__.update(copy.deepcopy(state, {id(self.moves): self.moves[-1:]}))
        return twin

    def apply(self, event: Event) -> list[Answer]:
        """Take one event; gives the replies that a Received completed, each with what it answers."""
        handler = self._handlers.get(type(event))
        return (handler(event) or []) if handler else []

    # -- the link

    def _opened(self, event: Opened) -> None:
        self._reset()
        self.facts.want_login = event.want_login

    def _link(self, event: Link) -> None:
        self.facts.status = event.status
        if event.status is LinkStatus.CONNECTED and not self.facts.link and not self.facts.greeted:
            self.facts.link = True
            self.pending.append(Pending("BANNER", C.BANNER, b"", event.time))

    def _secured(self, event: Secured) -> None:
        facts = self.facts
        facts.tls = True
        if facts.securing:
            source = facts.here
            facts.securing, facts.injected = False, b""
            facts.greet_again()
            self._reader, self._outgoing = ReplyReader(), Outgoing(facts, self.pending)
            self._refused_hello = False
            self._move(event.time, source, C.CUSTOM, facts.here, edge=(1, "e25"))
            self.passed[C.BANNER] = Mark(None, event.time - self._last, "TLS")

    def _asked(self, event: Asked | Failed) -> None:
        self.facts.streaming = False  # a stream that was interrupted waits for the user's word

    def _closed(self, event: Closed) -> None:
        facts, here = self.facts, self.facts.here
        quit_sent = next((entry.sent for entry in self.pending if entry.kind == "QUIT" and facts.link), None)
        if any(effects.ends_message(facts, entry) for entry in self.pending):
            facts.done = "unknown"  # the message may have been delivered (RFC 5321 4.5.3.2.6)
        facts.link = facts.securing = facts.streaming = False
        facts.challenge = None
        facts.status = LinkStatus.DISCONNECTED
        self.pending.clear()
        if quit_sent is not None:
            self.passed[C.QUIT] = Mark(None, event.time - quit_sent, "closed")
            self._move(event.time, here, C.QUIT, C.NONE)
        elif here is not C.NONE:
            self._move(event.time, here, C.NONE)

    # -- what goes out

    def _issued(self, event: Issued) -> None:
        if event.step is C.SEND_STREAM:
            self.facts.streaming = self.facts.data_mode
        elif event.step is C.AUTH:
            self._user, self._by_hand = event.user, not event.user

    def _sent(self, event: Sent) -> None:
        facts = self.facts
        if not facts.link or facts.securing:
            return
        in_text = facts.txn is T.DATA
        if self._outgoing.feed(event.data, event.time):
            self.refusal = None
        if in_text and facts.txn is T.STREAMED:
            self._text_is_out(event.time)

    def _progress(self, event: Progress) -> None:
        facts = self.facts
        facts.streaming = facts.data_mode and not event.done
        if event.done and facts.link and facts.txn is T.DATA:
            self._text_is_out(event.time)
            self.passed[C.SEND_STREAM] = Mark(None, 0.0, f"{event.sent}")

    def _text_is_out(self, time: float) -> None:
        self.facts.txn = T.STREAMED
        self._move(time, C.DATA, C.SEND_STREAM)
        self.passed[C.SEND_STREAM] = Mark(None, 0.0, f"{self.facts.texted}")

    # -- what comes in

    def _received(self, event: Received) -> list[Answer]:
        facts, answers = self.facts, []
        if facts.securing:
            facts.injected += event.data
            return []
        replies = self._reader.feed(event.data, event.time)
        for number, reply in enumerate(replies, 1):
            answers.append(self._reply(reply))
            if facts.securing:  # this was the 220 to STARTTLS: nothing behind it is a reply
                facts.injected = b"".join(later.raw for later in replies[number:]) + self._reader.held
                self._reader = ReplyReader()
                break
        return answers

    def _reply(self, reply: Reply) -> Answer:
        facts, code = self.facts, reply.code
        if not facts.link:
            return Answer(reply, None, False, OVER)
        if code is None:
            return Answer(reply, None, False, "not a reply: it settles nothing")
        if not facts.greeted and (not self.pending or (code == 220 and self.pending[0].kind != "BANNER")):
            self.pending.appendleft(Pending("BANNER", C.BANNER, b"", reply.first))  # late, after it was given up
        pending = self.pending[0] if self.pending else None
        if _is_goodbye(code, pending):
            return self._goodbye(reply, pending)
        if pending is None:
            return self._unasked(reply)
        if reply.kind == 1:
            return Answer(reply, pending, False, "SMTP has no 1yz replies: the command stays pending")
        if pending.kind == "AUTH" and code == 334:
            return self._challenged(reply, pending)
        if effects.ends_message(facts, pending):
            return self._message_reply(reply, pending)
        return self._settle(reply, pending)

    def _challenged(self, reply: Reply, pending: Pending) -> Answer:
        """A 334: a response is wanted, unless it went out too early, as if it were a command."""
        self.facts.challenge, early = reply.text, None
        if len(self.pending) > 1:
            early = self.pending[1]
            del self.pending[1]
            self.facts.challenge = None
        self._walk(Move(reply.last, (C.AUTH, C.AUTH), ("e15",)))
        return Answer(reply, pending, False, response=early)

    def _settle(self, reply: Reply, pending: Pending) -> Answer:
        facts, source = self.facts, self.facts.here
        self.pending.popleft()
        pending.replies.append(reply)
        note = effects.effect(facts, pending, reply)
        good = reply.code == 354 if pending.kind == "DATA" else reply.kind == 2
        self._last = reply.last
        self._show(reply, pending, source, good)
        if pending.kind in ("EHLO", "HELO"):
            self._refused_hello = pending.kind == "EHLO" and not good
        elif pending.kind == "AUTH" and good:
            facts.user = self._user
        return Answer(reply, pending, True, note)

    def _show(self, reply: Reply, pending: Pending, source: SMTPCommand, good: bool) -> None:
        """What the picture has of a settled command."""
        facts, mark = self.facts, Mark(reply.code, reply.last - pending.sent)
        if pending.kind == "QUIT":
            self._end_link()
            self.passed[C.QUIT] = mark
            self._move(reply.last, source, C.QUIT, C.NONE)
        elif facts.txn is T.DATA:
            self._mark(C.DATA, mark, good=True)
            self._data_begins(reply.last, source)
        elif facts.securing:
            self._mark(C.CUSTOM, mark._replace(word="STARTTLS"), good=True)  # the move is made after the handshake
        else:
            self._mark(pending.member, mark, good)
            self._move_to(reply, pending, source, good)

    def _move_to(self, reply: Reply, pending: Pending, source: SMTPCommand, good: bool) -> None:
        """The moves of one command, which may be none, or more than one."""
        member, here, kind = pending.member, self.facts.here, pending.kind
        if good and kind == "MAIL" and source is C.EHLO:
            self._move(reply.last, C.EHLO, C.CONNECTED, C.MAIL)  # it declines the login
        elif good and kind == "HELO" and source is C.BANNER and self._refused_hello:
            self._move(reply.last, source, C.HELO, here, edge=(0, "e12"))
        elif good and kind == "XCLIENT" and here is C.BANNER:
            self._move(reply.last, source, C.CUSTOM, here, edge=(1, "e25"))
        elif good or member in (C.CUSTOM, C.DOT, C.BANNER):
            self._move(reply.last, source, member, here)

    def _message_reply(self, reply: Reply, pending: Pending) -> Answer:
        """One of the replies to the end of the message; the last one settles it."""
        facts, source = self.facts, self.facts.here
        if not effects.count_message_reply(facts, pending, reply):
            return Answer(reply, pending, False)
        self.pending.popleft()
        self._last, self.early = reply.last, None
        mark = Mark(reply.code, reply.last - pending.sent)
        self.passed[pending.member] = mark
        self._mark(C.SEND_MESSAGE, mark._replace(seconds=0.0), facts.done != "refused")
        self._move(reply.last, source, pending.member, C.SEND_MESSAGE)
        note = "" if reply.kind in (2, 4, 5) else f"{reply.code} is no answer to the dot: taken as a refusal"
        if not note and pending.kind == "BDAT LAST" and facts.done == "refused":
            note = effects.RSET_ADVISED
        return Answer(reply, pending, True, note)

    def _goodbye(self, reply: Reply, pending: Pending | None) -> Answer:
        """421, 521, or 221 to anything but QUIT: the server is closing (RFC 5321 3.8, RFC 7504)."""
        facts, source = self.facts, self.facts.here
        if pending is not None:
            self.refusal = (pending.member, Mark(reply.code, reply.last - pending.sent))
            self.pending.popleft()
            if not effects.ends_message(facts, pending):
                pending.replies.append(reply)
            elif not effects.count_message_reply(facts, pending, reply) or reply.code == 221:
                facts.done = "unknown"  # what the other recipients got is not known
        self._end_link()
        facts.challenge = None
        if source is not C.NONE:
            self._move(reply.last, source, C.NONE)
        note = "the server is closing the connection" + ("" if pending else ", unasked")
        return Answer(reply, pending, pending is not None, note)

    def _end_link(self) -> None:
        """Nothing can be said any more; the socket is closed in a moment."""
        self.facts.link = False
        self.facts.status = LinkStatus.DISCONNECTING

    def _unasked(self, reply: Reply) -> Answer:
        if self.facts.data_mode:
            self.early = reply
            return Answer(reply, None, False, "a reply before the dot: it does not settle the message", early=True)
        return Answer(reply, None, False, UNASKED)

    def _data_begins(self, time: float, source: SMTPCommand) -> None:
        """The 354 is in: text may be sent, and what was sent too early is text."""
        self.early = None
        self._move(time, source, C.DATA)
        self._outgoing.text_begins(time)
        if self.facts.txn is T.STREAMED:
            self._text_is_out(time)

    # -- time

    def _timed_out(self, event: TimedOut) -> None:
        if self.pending:
            self.pending[0].timed_out = True
            self._by_hand |= self.pending[0].kind == "AUTH"  # the exchange ends where its patience does

    def _waited(self, event: Waited) -> None:
        if self.pending:
            self.pending[0].timed_out = False

    def _forgot(self, event: Forgot) -> None:
        """The oldest owed reply is given up: its command is taken as without effect, a DATA as ``code`` says."""
        if not self.pending:
            return
        entry, facts, source = self.pending.popleft(), self.facts, self.facts.here
        if entry.kind == "AUTH":
            facts.challenge = None
        elif entry.kind == "DATA":
            effects.effect(facts, entry, Reply(b"", event.code or 550, ("",)))
            if facts.txn is T.DATA:
                self._data_begins(event.time, source)
        elif not entry.perhaps and effects.ends_message(facts, entry):
            facts.txn, facts.done = T.NONE, "unknown"
            self._move(event.time, source, entry.member, C.SEND_MESSAGE)


def _is_goodbye(code: int, pending: Pending | None) -> bool:
    """Whether the server is closing, unasked; a 221 for a greeting is only odd."""
    kind = pending.kind if pending else ""
    return code in GOODBYES and kind != "QUIT" and (code != 221 or kind != "BANNER")
