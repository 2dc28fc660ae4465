"""SMTPTransport: the ISMTPTransport of the documentation, one coroutine a method, every octet an event.

A command is written when its method is awaited and its Reply comes when it comes; several may be in flight. A refusal
is a Reply. A dead link is a typed error that says what was happening. Nothing is sent that was not asked for.
Methods that take fields refuse what would break out of its line with ValueError; ``raw`` sends exactly its octets.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import BinaryIO

from smtpscope.smtp import dialing, stages
from smtpscope.smtp.command import C
from smtpscope.smtp.effects import MEMBERS, Pending
from smtpscope.smtp.errors import ConnectionLost, TransportError
from smtpscope.smtp.events import Bdat, Failed, Issued, Progress, StartTls, Step, TimedOut
from smtpscope.smtp.link import say_issued
from smtpscope.smtp.login import NOTHING_OWED, SMTPLogin
from smtpscope.smtp.matrix import Verdict
from smtpscope.smtp.message import Stuffer, blocks
from smtpscope.smtp.reply import Reply
from smtpscope.smtp.typed_login import looks_like_response, secret_from
from smtpscope.smtp.wire import Wire

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_LINES = re.compile(rb"[^\n]*\n|[^\n]+")
_VERBS = frozenset(MEMBERS) | {"STARTTLS", "BDAT", "NOOP", "HELP", "VRFY", "EXPN", "XCLIENT", "ETRN"}


class SMTPTransport(SMTPLogin):
    """Every command of SMTPCOMMAND by hand, on one link. ``machine`` says where the session stands."""

    _after_auth = False
    """Whether the last command that was typed is AUTH."""

    # -- the wire commands; AUTH is in ``login``

    async def command_ehlo(self, name: str | None = None, *, lmtp: bool = False) -> Reply:
        """EHLO with ``name``, else with our address literal (RFC 5321 4.1.3); LHLO for LMTP (RFC 2033)."""
        return await self._command(C.EHLO, f"{'LHLO' if lmtp else 'EHLO'} {_field(self._ehlo_name(name))}")

    async def command_helo(self, name: str | None = None) -> Reply:
        """HELO with ``name``, else with our address literal."""
        return await self._command(C.HELO, f"HELO {_field(self._ehlo_name(name))}")

    async def command_mail(self, reverse_path: str, *parameters: str) -> Reply:
        """MAIL FROM with the reverse-path (brackets or not, empty for the null one) and ESMTP parameters."""
        return await self._command(C.MAIL, _line("MAIL FROM:", _path(reverse_path), parameters))

    async def command_rcpt(self, forward_path: str, *parameters: str) -> Reply:
        """RCPT TO with one forward-path and ESMTP parameters."""
        return await self._command(C.RCPT, _line("RCPT TO:", _path(forward_path), parameters))

    async def command_rset(self) -> Reply:
        """RSET: drop the mail transaction."""
        return await self._command(C.RSET, "RSET")

    async def command_quit(self) -> Reply:
        """QUIT; the link is closed when its reply is in."""
        return await self._command(C.QUIT, "QUIT")

    async def command_data(self) -> Reply:
        """DATA; after a 354 the message text may be sent."""
        return await self._command(C.DATA, "DATA")

    async def command_dot(self) -> list[Reply]:
        """The lone dot, with a CRLF before it only where the text did not end in one.

        All replies that it is owed: one; under LMTP one a recipient; under PRDR one a recipient and one for the whole,
        behind a 353 that is not among them.
        """
        machine = self.machine
        if machine.facts.streaming:
            raise TransportError("the message text is still on its way: the dot comes after it")
        unfinished = machine.prompt == "data>" and machine.line_unfinished
        self._write(b"\r\n.\r\n" if unfinished else b".\r\n", issued=Issued(self.now, C.DOT, "."))
        pending = self._newest()
        self._settle_swallowed()
        await self.reply_to(pending)
        return pending.replies

    # -- message text

    async def send_data_stream(self, stream: bytes | BinaryIO, size: int = 0, *, hold_dot: bool = False) -> list[Reply]:
        """Message text in blocks: line ends made CRLF, dots stuffed; then the dot, unless it is held.

        ``size`` is the octets of the text as given, for progress, 0 if not known. A 4yz or 5yz that comes before the
        dot stops the stream and is asked about. With the dot held the list is empty. TransportError where the text
        cannot be read: what went out, went out. ConnectionLost where the link ended or was dropped on the way.
        """
        machine = self.machine
        if self._wire is not None and machine.prompt != "data>":
            raise TransportError("message text needs the server's 354 first: send DATA")
        if machine.facts.streaming:
            raise TransportError("message text is on its way already")
        wire = self._usable()
        self._emit(Issued(self.now, C.SEND_STREAM, "message text"))
        try:
            finished = await self._stream(wire, stream, size)
        except BaseException as error:  # the user may stop it too: a stream that has ended must not look alive
            if self._wire is wire and machine.facts.link:
                reason = error.message if isinstance(error, TransportError) else "the message text was cut off"
                self._emit(Failed(self.now, C.SEND_STREAM, f"{reason}: send the dot as it is, or drop"))
            raise
        return [] if finished and hold_dot else await self.command_dot()

    async def _stream(self, wire: Wire, stream: bytes | BinaryIO, size: int) -> bool:
        """All blocks; false where the user wants the dot before the end of the text."""
        size = size or (len(stream) if isinstance(stream, bytes) else 0)
        stuffer, sent, source = Stuffer(not self.machine.line_unfinished), 0, blocks(stream)
        while True:
            if self._early and await self._all_out(wire):
                return False
            try:
                block = next(source, b"")
            except (OSError, ValueError) as error:  # ValueError: it is closed
                raise TransportError(f"the message cannot be read ({_words(error)})") from error
            piece = stuffer.feed(block) if block else stuffer.finish()
            if piece:
                self._write(piece)
                sent += len(piece)
            if await self._all_out(wire):
                return False
            self._emit(Progress(self.now, sent, size, done=not block))
            if not block:
                return True
            await asyncio.sleep(0)  # a server that refuses early is heard between blocks
            self._still(wire)

    async def _all_out(self, wire: Wire) -> bool:
        """Until the kernel has it all; true where the server refuses before that and the user wants the dot now."""
        while True:
            await self._drain(wire)
            if not self._early:
                return False
            if await self._early_refusal():
                return True

    async def _drain(self, wire: Wire) -> None:
        """Until the kernel has it all or the server refuses; one that does not read is asked about."""
        while wire.wire_full is not None and not self._early:
            limit = stages.BLOCK if self.timeout is None else self.timeout
            try:
                async with asyncio.timeout(limit or None):
                    await wire.wire_drain()
            except TimeoutError:
                self._emit(TimedOut(self.now, limit))
                text = "the server has stopped reading the message"
                if await self.put_question("stalled", text, "wait on", "drop") == 1:
                    self.drop()
                else:
                    self._emit(Issued(self.now, C.SEND_STREAM, "message text, on"))
            self._still(wire)

    def _still(self, wire: Wire) -> None:
        """ConnectionLost if the link has ended, or is about to, under the message."""
        if self._wire is not wire or not self.machine.facts.link:
            raise ConnectionLost(f"{self._cause}; the message was not sent to its end")

    async def _early_refusal(self) -> bool:
        """A refusal came before the dot: whether the dot is to go out now. ConnectionLost for the safe answer."""
        wire, early, self._early = self._usable(), self.machine.early, False
        text = f"the server said {early.code if early else 'no'} before the dot"
        answer = await self.put_question("early", text, "drop", "go on with the text", "send the dot now")
        if answer == 0:
            self.drop()
            self._still(wire)
        if answer == 1:
            self._emit(Issued(self.now, C.SEND_STREAM, "message text, on"))
        return answer == 2

    async def bdat(self, chunk: bytes, last: bool = False) -> list[Reply]:
        """BDAT with its chunk in one write (RFC 3030); for the last one all replies owed."""
        line = f"BDAT {len(chunk)}{' LAST' if last else ''}"
        pending = self._send(line.encode() + b"\r\n" + chunk, Issued(self.now, Bdat(len(chunk), last), line))
        await self.reply_to(pending)
        return pending.replies

    # -- everything else

    async def starttls(self) -> Reply:
        """STARTTLS and, after its 220, the handshake (RFC 3207). Raises HandshakeFailed where there is no TLS."""
        reply = await self._command(StartTls(), "STARTTLS")
        await self.secured()
        return reply

    async def custom(self, line: str) -> Reply:
        """Any command line; CRLF is added. After a 220 to STARTTLS comes the handshake here, too."""
        machine, words = self.machine, line.split(None, 1)
        verb = words[0].upper() if words else ""
        if not (machine.pending or machine.unfinished or verb in ("AUTH", "STARTTLS")):
            return await self._command(MEMBERS.get(verb, C.CUSTOM), _field(line))
        self._no_text()
        reply = await self.raw(_field(line).encode() + b"\r\n")
        if reply is None:
            raise TransportError(NOTHING_OWED)
        return reply

    async def raw(self, data: bytes) -> Reply | None:
        """Exactly these octets: the reply to the last line that they complete, None where they leave nothing owed."""
        pending = self.send_raw(data)
        if pending is None:
            return None
        reply = await self.reply_to(pending)
        if pending.kind == "STARTTLS":
            await self.secured()
        return reply

    def send_raw(self, data: bytes) -> Pending | None:
        """As ``raw``, without waiting."""
        if not data:
            return None
        machine = self.machine
        if machine.facts.streaming:
            raise TransportError("the message text is still on its way: nothing can come between")
        last = machine.pending[-1] if machine.pending else None
        answered = machine.facts.challenge is not None
        secrets = self._secrets_in(data)
        issued: Issued | None = None
        if not machine.facts.data_mode:
            words = (machine.unfinished + data).split(None, 1)
            verb = words[0].upper().decode("latin-1") if words else ""
            step: Step = StartTls() if verb == "STARTTLS" else MEMBERS.get(verb, C.CUSTOM)
            shown = "response" if answered else _without(data, secrets)
            issued = say_issued(C.AUTH if answered else step, shown, self.now)
        self._write(data, secrets, issued)
        newest = machine.pending[-1] if machine.pending else None
        if newest is last and not (answered and machine.facts.challenge is None):
            return None
        return newest

    def _secrets_in(self, data: bytes) -> tuple[tuple[int, int], ...]:
        """What must not be shown of octets that go out as they are: the response to a 334, what follows the mechanism
        in an AUTH line, and what goes out while an AUTH is owed and is no command: a response, ahead of its 334. Where
        AUTH was refused, what looks like a response as long as no command is sent.
        """
        machine, spans, start = self.machine, [], 0
        unfinished, response = machine.unfinished, machine.facts.challenge is not None
        logging_in = any(entry.kind == "AUTH" for entry in machine.pending)
        if machine.prompt == "data>":
            start = len(data) if (end := data.find(b"\r\n.\r\n")) < 0 else end + 5
        for match in _LINES.finditer(data, start):
            start, end = match.start(), match.start() + len(match.group().rstrip(b"\r\n"))
            whole = unfinished + data[start:end]
            verb = whole.split(None, 1)[0].upper().decode("latin-1") if whole.split() else ""
            refused = self._after_auth and not machine.facts.auth and looks_like_response(whole)
            if response or (verb not in _VERBS and (logging_in or refused)):
                if whole != b"*":
                    spans.append((start, end))
            elif (secret := secret_from(whole)) is not None:
                spans.append((max(start, start + secret - len(unfinished)), end))
                self._after_auth = True
            elif verb in _VERBS:
                self._after_auth = verb == "AUTH"
            logging_in = logging_in or verb == "AUTH"
            unfinished, response = b"", False
        return tuple(span for span in spans if span[0] < span[1])

    async def send_message(
        self, reverse_path: str, forward_paths: Sequence[str], stream: bytes | BinaryIO, size: int = 0
    ) -> list[Reply]:
        """MAIL to dot in one call. The replies to what ended it: MAIL's, all refused RCPTs', DATA's or the dot's.

        Where no recipient or no DATA is accepted, RSET follows. ValueError without a recipient.
        """
        if not forward_paths:
            raise ValueError("a message needs a recipient")
        for path in (reverse_path, *forward_paths):
            _path(path)  # nothing is sent if one of them cannot be
        self._usable()
        if self.machine.may_issue(C.SEND_MESSAGE) is Verdict.IMPOSSIBLE:
            raise TransportError("a message can be sent where MAIL is the next thing to say, and no reply is owed")
        self._emit(Issued(self.now, C.SEND_MESSAGE, "send the message"))
        mail = await self.command_mail(reverse_path)
        if not mail.positive:
            return [mail]
        replies = []
        for path in forward_paths:
            replies.append(await self.command_rcpt(path))
            if not self.machine.facts.link:  # 421: there is nobody to talk to any more
                return replies
        if any(reply.positive for reply in replies):
            replies = [await self.command_data()]
            if self.machine.here is C.DATA:
                return await self.send_data_stream(stream, size)
        if self.machine.facts.link:
            await self.command_rset()
        return replies

    async def disconnect(self) -> Reply | None:
        """QUIT, then close, whatever the answer; None if none came."""
        try:
            return await self.command_quit()
        except TransportError:
            return None
        finally:
            self._finish("disconnected")

    # -- common

    def _command(self, step: Step, line: str) -> Awaitable[Reply]:
        return self.reply_to(self._send(line.encode() + b"\r\n", Issued(self.now, step, line)))

    def _ehlo_name(self, name: str | None) -> str:
        return name or dialing.address_literal(self.local or "127.0.0.1")


def _without(data: bytes, secrets: tuple[tuple[int, int], ...]) -> str:
    """Octets as text to be shown: without their secrets and their last line end."""
    kept, start = b"", 0
    for secret, end in secrets:
        kept, start = kept + data[start:secret], end
    return (kept + data[start:]).rstrip(b"\r\n").decode(errors="backslashreplace")


def _words(error: Exception) -> str:
    words = str(getattr(error, "strerror", None) or error).rstrip(".")
    return words[:1].lower() + words[1:]


def _field(text: str) -> str:
    """Text that may stand in a command line; ValueError for what would break out of it."""
    if not text.isprintable() and (found := _FORBIDDEN.search(text)):
        raise ValueError(f"a control character (U+{ord(found.group()):04X}) cannot stand in a command: send it raw")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("this text is not valid Unicode: send it raw") from None
    return text


def _path(path: str) -> str:
    """One reverse-path or forward-path in one pair of brackets."""
    bare = path[1:-1] if path.startswith("<") and path.endswith(">") else path
    quoted = re.sub(r'"(?:\\.|[^"\\])*"', "", bare)
    if re.search(r"[<>\s]", quoted):
        raise ValueError("an address with brackets or blanks would break out of its own: send it raw")
    return f"<{_field(bare)}>"


def _line(verb: str, path: str, parameters: Sequence[str]) -> str:
    if any(re.search(r"\s|^\Z", parameter) for parameter in parameters):
        raise ValueError("a parameter is one word, KEYWORD or KEYWORD=value")
    return " ".join((f"{verb}{path}", *map(_field, parameters)))
