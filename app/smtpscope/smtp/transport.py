"""SMTPTransport: the ISMTPTransport of the documentation, one coroutine a method, every octet an event.

A command is written when its method is awaited and its Reply comes when it comes; several may be in flight. A refusal
is a Reply. A dead link is a typed error that says what was happening. Nothing is sent that was not asked for.
Methods that take fields refuse what would break out of its line with ValueError; ``raw`` sends exactly its octets.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import BinaryIO

from smtpscope.secret import Secret
from smtpscope.smtp import dialing, sasl
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.effects import MEMBERS, Pending
from smtpscope.smtp.errors import Declined, ReplyTimeout, TransportError
from smtpscope.smtp.events import Bdat, Failed, Issued, Progress, StartTls, Step, TimedOut
from smtpscope.smtp.link import BLOCK_STAGE, SMTPLink, say_issued
from smtpscope.smtp.message import Stuffer, blocks
from smtpscope.smtp.reply import Reply

C = SMTPCommand

MOST_CHALLENGES = 10
"""Challenges of one AUTH that are answered; a server that asks for more gets ``*``."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f]")
_SECRET_LINE = re.compile(rb"\s*auth\s+\S+\s+", re.IGNORECASE)


class SMTPTransport(SMTPLink):
    """Every command of SMTPCOMMAND by hand, on one link. ``machine`` says where the session stands."""

    # -- the nine wire commands

    async def command_ehlo(self, name: str | None = None, *, lmtp: bool = False) -> Reply:
        """EHLO with ``name``, else with our address literal (RFC 5321 4.1.3); LHLO for LMTP (RFC 2033)."""
        return await self._command(C.EHLO, f"{'LHLO' if lmtp else 'EHLO'} {_field(self._ehlo_name(name))}")

    async def command_helo(self, name: str | None = None) -> Reply:
        """HELO with ``name``, else with our address literal."""
        return await self._command(C.HELO, f"HELO {_field(self._ehlo_name(name))}")

    async def command_auth(self, mechanism: str, user: str, password: str | Secret) -> Reply:
        """AUTH: the whole exchange; the reply is the server's last word, or its 501 to our ``*``.

        Over a link in clear that leaves this host, a mechanism that shows the password is asked about first; Declined
        if the answer is no. ValueError for a mechanism that cannot be run.
        """
        secret = (password.reveal() if isinstance(password, Secret) else password).encode(errors="surrogateescape")
        exchange = sasl.steps(mechanism, user, secret)
        if mechanism.upper() in sasl.CLEAR_TEXT and not self._tls and not dialing.is_loopback(self.peer):
            text = f"AUTH {mechanism.upper()} would show the password to everyone on the way: the link has no TLS"
            if await self.put_question("clear", text, "do not send it", "send it, once") == 0:
                raise Declined("AUTH was not sent: start TLS first, or choose CRAM-MD5")
        line = f"AUTH {_field(mechanism.upper())}"
        initial = next(exchange)
        data = line.encode()
        secrets: tuple[tuple[int, int], ...] = ()
        if initial is not None:
            data += b" " + (initial.encoded or b"=")
            secrets = ((len(line) + 1, len(data)),) if initial.secret else ()
        self._write(data + b"\r\n", secrets, Issued(self.now, C.AUTH, line, user))
        pending = self.machine.pending[-1]
        reply = await self.reply_to(pending)
        for _ in range(MOST_CHALLENGES):
            if reply.code != 334:
                return reply
            reply = await self._respond(pending, _next_response(exchange, reply.text))
        return await self._respond(pending, None) if reply.code == 334 else reply

    async def _respond(self, pending: Pending, response: sasl.Response | None) -> Reply:
        """Send one response, or ``*`` to cancel (RFC 4954 4)."""
        encoded = b"*" if response is None else response.encoded
        hide = response is not None and response.secret
        self._write(encoded + b"\r\n", ((0, len(encoded)),) if hide else ())
        return await self.reply_to(pending)

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

        All replies that it is owed: one; under LMTP one a recipient; under PRDR a 353, one a recipient, and one.
        """
        dot = b"\r\n.\r\n" if self.machine.line_unfinished else b".\r\n"
        self._write(dot, issued=Issued(self.now, C.DOT, "."))
        pending = self.machine.pending[-1]
        await self.reply_to(pending)
        return pending.replies

    # -- message text

    async def send_data_stream(self, stream: bytes | BinaryIO, size: int = 0, *, hold_dot: bool = False) -> list[Reply]:
        """Message text in blocks: line ends made CRLF, dots stuffed; then the dot, unless it is held.

        ``size`` is the octets of the text as given, for progress, 0 if not known. A 4yz or 5yz that comes before the
        dot stops the stream and is asked about. With the dot held, or after a stop, the list is empty.
        """
        wire = self._wire
        if wire is None or not self.machine.facts.data_mode:
            raise TransportError("message text needs the server's 354 first: send DATA")
        self._early.clear()
        size = size or (len(stream) if isinstance(stream, bytes) else 0)
        self._emit(Issued(self.now, C.SEND_STREAM, "message text"))
        stuffer, sent, source = Stuffer(), 0, blocks(stream)
        while True:
            try:
                block = next(source, b"")
            except OSError as error:
                self._emit(Failed(self.now, C.SEND_STREAM, f"the message cannot be read: {error.strerror or error}"))
                raise TransportError(f"the message cannot be read: {error.strerror or error}") from error
            piece = stuffer.feed(block) if block else stuffer.finish()
            if piece:
                self._write(piece)
                sent += len(piece)
                await self._drain()
            if not block:
                break
            self._emit(Progress(self.now, sent, size))
            await asyncio.sleep(0)  # a server that refuses early is heard between blocks
            if self._early.is_set():
                answer = await self._early_refusal()
                if answer == 2:
                    return await self.command_dot()
                if answer == 0:
                    self.drop()
                    return []
        self._emit(Progress(self.now, sent, size, done=True))
        return [] if hold_dot else await self.command_dot()

    async def _drain(self) -> None:
        """Until the kernel has it all; a server that does not read is told of, and waited for all the same."""
        wire = self._wire
        limit = BLOCK_STAGE if self.timeout is None else self.timeout
        while wire is not None and wire.wire_full is not None:
            try:
                async with asyncio.timeout(limit or None):
                    await wire.wire_drain()
            except TimeoutError:
                self._emit(TimedOut(self.now, limit))
                answer = await self.put_question(
                    "stalled", "the server has stopped reading the message", "wait on", "drop"
                )
                if answer == 1:
                    self.drop()
        if self._wire is not wire or wire is None:
            raise ReplyTimeout("the connection ended while the message was being sent")

    async def _early_refusal(self) -> int:
        """A refusal came before the dot: 0 to drop, which is safe, 1 to go on with the text, 2 for the dot."""
        self._early.clear()
        early = self.machine.early
        text = f"the server said {early.code if early else 'no'} before the dot"
        answer = await self.put_question("early", text, "drop", "go on with the text", "send the dot now")
        if answer == 1:
            self._emit(Issued(self.now, C.SEND_STREAM, "message text, on"))
        return answer

    async def bdat(self, chunk: bytes, last: bool = False) -> list[Reply]:
        """BDAT with its chunk in one write (RFC 3030); for the last one all replies owed."""
        line = f"BDAT {len(chunk)}{' LAST' if last else ''}"
        self._write(line.encode() + b"\r\n" + chunk, issued=Issued(self.now, Bdat(len(chunk), last), line))
        pending = self.machine.pending[-1]
        await self.reply_to(pending)
        return pending.replies

    # -- everything else

    async def starttls(self) -> Reply:
        """STARTTLS and, after its 220, the handshake (RFC 3207). Raises HandshakeFailed where there is no TLS."""
        reply = await self._command(StartTls(), "STARTTLS")
        await self.secured()
        return reply

    async def custom(self, line: str) -> Reply:
        """Any command line; CRLF is added."""
        verb = line.split(None, 1)[0].upper() if line.split() else ""
        return await self._command(MEMBERS.get(verb, C.CUSTOM), _field(line))

    async def raw(self, data: bytes) -> Reply | None:
        """Exactly these octets: the reply to the last line that they complete, None where they leave nothing owed."""
        pending = self.send_raw(data)
        return await self.reply_to(pending) if pending else None

    def send_raw(self, data: bytes) -> Pending | None:
        """As ``raw``, without waiting."""
        machine = self.machine
        last = machine.pending[-1] if machine.pending else None
        answered = machine.facts.challenge is not None
        secrets = self._secrets_in(data)
        issued: Issued | None = None
        if not machine.facts.data_mode:
            words = data.split(None, 1)
            verb = words[0].upper().decode("latin-1") if words else ""
            step: Step = StartTls() if verb == "STARTTLS" else MEMBERS.get(verb, C.CUSTOM)
            shown = "response" if answered else data.rstrip(b"\r\n").decode(errors="backslashreplace")
            issued = say_issued(C.AUTH if answered else step, shown, self.now)
        self._write(data, secrets, issued)
        newest = machine.pending[-1] if machine.pending else None
        if newest is last and not (answered and machine.facts.challenge is None):
            return None
        return newest

    def _secrets_in(self, data: bytes) -> tuple[tuple[int, int], ...]:
        """A response to a 334 and what follows the mechanism in an AUTH line, wherever they stand in ``data``."""
        if self.machine.facts.data_mode:
            return ()
        spans, start = [], 0
        unfinished, response = self.machine.unfinished, self.machine.facts.challenge is not None
        for line in data.splitlines(keepends=True):
            end = start + len(line.rstrip(b"\r\n"))
            whole = unfinished + line
            match = _SECRET_LINE.match(whole)
            if response and data[start:end] != b"*":
                spans.append((start, end))
            elif match and match.end() - len(unfinished) < len(line):
                spans.append((start + max(0, match.end() - len(unfinished)), end))
            start += len(line)
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
        self._emit(Issued(self.now, C.SEND_MESSAGE, "send the message"))
        mail = await self.command_mail(reverse_path)
        if not mail.positive:
            return [mail]
        replies = [await self.command_rcpt(path) for path in forward_paths]
        if not any(reply.positive for reply in replies):
            await self.command_rset()
            return replies
        data = await self.command_data()
        if data.code != 354:
            await self.command_rset()
            return [data]
        return await self.send_data_stream(stream, size)

    async def disconnect(self) -> Reply | None:
        """QUIT, then close, whatever the answer; None if none came."""
        try:
            return await self.command_quit()
        except TransportError:
            return None
        finally:
            self._finish("disconnected")

    # -- common

    async def _command(self, step: Step, line: str) -> Reply:
        machine = self.machine
        if machine.facts.data_mode and not machine.pending:
            raise TransportError("in data mode this would become message text: only the dot or drop lead out")
        self._write(line.encode() + b"\r\n", issued=Issued(self.now, step, line))
        return await self.reply_to(machine.pending[-1])

    def _ehlo_name(self, name: str | None) -> str:
        return name or dialing.address_literal(self.local or "127.0.0.1")


def _next_response(exchange: sasl.Steps, challenge: str) -> sasl.Response | None:
    """Our next step, None to cancel: the challenge is not base64, or there is nothing more to say."""
    decoded = sasl.decode_challenge(challenge)
    if decoded is None:
        return None
    try:
        return exchange.send(decoded)
    except StopIteration:
        return None


def _field(text: str) -> str:
    """Text that may stand in a command line; ValueError for what would break out of it."""
    if found := _FORBIDDEN.search(text):
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
    if any(re.search(r"\s", parameter) for parameter in parameters):
        raise ValueError("a parameter is one word, KEYWORD or KEYWORD=value")
    return " ".join((f"{verb}{path}", *map(_field, parameters)))
