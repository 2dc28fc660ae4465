"""The practice server: a well-behaved mail server on the loopback interface, on a thread of its own."""

import asyncio
import hashlib
import hmac
import logging
import os
import re
import secrets
import signal
import socket
import ssl
import sys
import threading
import weakref
from collections import deque
from pathlib import Path
from types import FrameType
from typing import NamedTuple, Self

import aiosmtpd.smtp
import trustme
from aiosmtpd.smtp import MISSING, SMTP, AuthResult, Envelope, LoginPassword, Session

from smtpscope.demo.recipients import (
    ACCEPTED,
    ACCOUNT,
    FILLED_RECIPIENTS,
    PRACTICE_RECIPIENTS,
    SENDER,
    PracticeRecipient,
)

HOST = "127.0.0.1"
NAME = "localhost"
SIZE_LIMIT = 10 * 1024 * 1024
MESSAGES_KEPT = 100
IDLE_LIMIT = 24 * 3600.0
"""Seconds of silence after which a connection is closed: nobody who practises is thrown out."""
CA_FILE = "smtpscope-demo-ca.pem"

# Whoever tries verbs out sends many unknown ones; aiosmtpd would hang up at the fifth.
aiosmtpd.smtp.BOGUS_LIMIT = 10_000

ENHANCED_STATUS_CODES = {
    "454": "4.7.0",
    "500": "5.5.2",
    "501": "5.5.4",
    "502": "5.5.1",
    "503": "5.5.1",
    "552": "5.3.4",
    "555": "5.5.4",
}
"""What RFC 3463 gives for the reply codes that aiosmtpd sends without an enhanced status code."""


class Message(NamedTuple):
    """An accepted message: its queue id, envelope and content with CRLF line ends, dots unstuffed."""

    queue_id: str
    reverse_path: str
    forward_paths: tuple[str, ...]
    content: bytes


def with_enhanced_code(reply: str) -> str:
    """Return a reply of aiosmtpd with an enhanced status code, and without a client's unknown verb in its text."""
    if reply == "220 Ready to start TLS":
        return "220 2.0.0 Ready to start TLS"
    code, text = reply[:3], reply[4:]
    status = ENHANCED_STATUS_CODES.get(code)
    if status is None or re.match(r"[245]\.\d+\.\d+ ", text):
        return reply
    if text.startswith("Error: command "):
        text = "Error: command not recognized"
    return f"{code} {status} {text}"


class Connection(SMTP):
    """One client's session, with the replies a good server gives."""

    AuthLoginUsernameChallenge = "Username:"
    AuthLoginPasswordChallenge = "Password:"

    async def push(self, status: str | bytes) -> None:
        """Send one reply; a 421 closes the connection after it."""
        reply = with_enhanced_code(status).encode("utf-8", "replace") if isinstance(status, str) else status
        await super().push(reply)
        if reply.startswith(b"421"):
            assert self.transport is not None
            assert self._handler_coroutine is not None
            self.transport.close()
            self._handler_coroutine.cancel()

    async def smtp_STARTTLS(self, arg: str) -> None:
        """Start TLS, once."""
        assert self.session is not None
        if self.session.ssl is not None:
            await self.push("503 5.5.1 TLS is already active")
        else:
            await super().smtp_STARTTLS(arg)

    async def smtp_AUTH(self, arg: str) -> None:
        """Authenticate; mechanism names are the same in any case (RFC 4954 section 4)."""
        mechanism, space, rest = (arg or "").partition(" ")
        await super().smtp_AUTH(mechanism.upper() + space + rest)

    async def smtp_HELP(self, arg: str) -> None:
        """Say what there is to try."""
        verbs = " ".join(sorted(self._smtp_methods))
        recipients = " ".join(f"{recipient.local_part}@" for recipient in PRACTICE_RECIPIENTS)
        await self.push(f"214-2.0.0 Commands: {verbs}\r\n214 2.0.0 Recipients to try: {recipients}")


class Behaviour:
    """What aiosmtpd asks for each command: the answers of the practice server, shared by all its connections."""

    def __init__(self, messages: deque[Message]):
        self.messages = messages
        self.seen: set[str] = set()

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Announce the enhanced status codes too."""
        session.host_name = hostname
        return [*responses[:-1], "250-ENHANCEDSTATUSCODES", responses[-1]]

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept every reverse-path."""
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Ok"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Answer as the table of practice recipients says; accept everybody else."""
        if address == "<>":  # aiosmtpd's name for the null path, which only MAIL may have
            return "501 5.1.3 Bad recipient address syntax"
        recipient = self._practice_recipient(address)
        reply = recipient.reply if recipient else ACCEPTED
        if recipient and recipient.delay:
            await asyncio.sleep(recipient.delay)
        if reply == ACCEPTED:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
        return reply

    def _practice_recipient(self, address: str) -> PracticeRecipient | None:
        local_part = address.rpartition("@")[0].strip('"').lower()
        recipient = next((each for each in PRACTICE_RECIPIENTS if each.local_part == local_part), None)
        if recipient and recipient.once:
            if address.lower() in self.seen:
                return None
            self.seen.add(address.lower())
        return recipient

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message and name it."""
        assert envelope.mail_from is not None
        assert isinstance(envelope.content, bytes)
        queue_id = secrets.token_hex(5).upper()
        self.messages.append(Message(queue_id, envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content))
        return f"250 2.0.0 Ok: queued as {queue_id}"

    async def handle_RSET(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Agree."""
        return "250 2.0.0 Ok"

    async def handle_NOOP(self, server: SMTP, session: Session, envelope: Envelope, arg: str) -> str:
        """Agree."""
        return "250 2.0.0 Ok"

    async def handle_VRFY(self, server: SMTP, session: Session, envelope: Envelope, address: str) -> str:
        """Neither confirm nor deny (RFC 5321 section 7.3)."""
        return "252 2.0.0 Cannot VRFY user, but will accept message and attempt delivery"

    async def handle_QUIT(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Say goodbye."""
        return "221 2.0.0 Bye"

    async def handle_exception(self, error: Exception) -> str:
        """Answer what aiosmtpd stumbles over: input that its parsers do not foresee."""
        return "501 5.5.2 Syntax error"

    async def auth_CRAM__MD5(self, server: SMTP, args: list[str]) -> AuthResult:
        """Challenge with a unique string, expect its keyed digest (RFC 2195)."""
        challenge = f"<{secrets.token_hex(8)}@{NAME}>".encode()
        answer = await server.challenge_auth(challenge)
        if answer is MISSING:
            return AuthResult(success=False)  # already answered
        user, password = ACCOUNT
        digest = hmac.new(password.encode(), challenge, hashlib.md5).hexdigest()
        return AuthResult(success=answer == f"{user} {digest}".encode(), handled=False)


def authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, credentials: object) -> AuthResult:
    """Judge the credentials of PLAIN and LOGIN."""
    user, password = ACCOUNT
    return AuthResult(success=credentials == LoginPassword(user.encode(), password.encode()), handled=False)


class PracticeServer:
    """The practice server, from `start` to `stop`, or as a context manager.

    `port` 0 takes a free one; after `start` it is the real one, and `ca_pem` is the CA a client has to trust.
    """

    name = NAME
    account = ACCOUNT

    def __init__(self, port: int = 0):
        self.port = port
        self.ca_pem = b""
        self.messages: deque[Message] = deque(maxlen=MESSAGES_KEPT)
        """The newest accepted messages, oldest first."""
        self._connections: weakref.WeakSet[Connection] = weakref.WeakSet()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Listen, then serve on a thread; raises OSError, its text a sentence, if the port cannot be had."""
        listener = self._listen()
        authority = trustme.CA(organization_name="smtpscope practice CA")
        self.ca_pem = authority.cert_pem.bytes()
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert(NAME, HOST, "::1", common_name=NAME).configure_cert(tls)
        logging.getLogger("mail.log").disabled = True
        logging.getLogger("asyncio").addFilter(self._not_ours)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._thread = threading.Thread(target=self._run, args=(listener, tls), name="practice server", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Drop all connections and stop listening; nothing if it does not run."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        logging.getLogger("asyncio").removeFilter(self._not_ours)
        self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _not_ours(self, record: logging.LogRecord) -> bool:
        """Keep what asyncio says about clients' misbehaviour on our thread off the terminal."""
        return self._thread is None or record.thread != self._thread.ident

    def _listen(self) -> socket.socket:
        sentence = f"The practice server cannot listen on {HOST} port {self.port}: "
        if self.port not in range(65536):
            raise OSError(sentence + "there is no such port.")
        try:
            listener = socket.create_server((HOST, self.port))
        except OSError as error:
            raise OSError(sentence + f"{os.strerror(error.errno or 0)}.") from error
        self.port = listener.getsockname()[1]
        return listener

    def _run(self, listener: socket.socket, tls: ssl.SSLContext) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve(listener, tls))

    async def _serve(self, listener: socket.socket, tls: ssl.SSLContext) -> None:
        self._loop.set_exception_handler(lambda loop, context: None)
        behaviour = Behaviour(self.messages)

        def connection() -> Connection:
            made = Connection(
                behaviour,
                hostname=NAME,
                ident="ESMTP smtpscope practice server",
                data_size_limit=SIZE_LIMIT,
                enable_SMTPUTF8=True,
                tls_context=tls,
                authenticator=authenticate,
                timeout=IDLE_LIMIT,
                loop=self._loop,
            )
            self._connections.add(made)
            return made

        server = await self._loop.create_server(connection, sock=listener)
        await self._stopping.wait()
        server.close()
        for each in list(self._connections):
            if isinstance(each.transport, asyncio.WriteTransport):
                each.transport.abort()


def serve_only(port: int) -> int:
    """Run the practice server alone until SIGINT or SIGTERM; returns the exit code.

    Writes its CA into the current folder and prints the command that reaches it.
    """
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        stopped.set()

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with PracticeServer(port) as server:
            _write_ca(server.ca_pem)
            sys.stdout.write(client_command(server.port) + "\n")
            sys.stdout.flush()
            stopped.wait()
    except OSError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return 0


def _write_ca(ca_pem: bytes) -> None:
    try:
        Path(CA_FILE).write_bytes(ca_pem)
    except OSError as error:
        raise OSError(f"Cannot write {CA_FILE} into the current folder: {error.strerror}.") from error


def client_command(port: int) -> str:
    """The command that reaches the practice server on `port`, its CA in the current folder."""
    user, password = ACCOUNT
    recipients = " ".join(f"-t {address}" for address in FILLED_RECIPIENTS)
    credentials = f"-au {user} -ap {password}"
    return f"smtpscope {NAME}:{port} -tls --tls-ca-path {CA_FILE} {credentials} -f {SENDER} {recipients}"
