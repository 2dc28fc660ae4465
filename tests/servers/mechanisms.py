"""A server of every mechanism that Postfix and Dovecot lack: aiosmtpd, with scramp as SCRAM's other side.

TLS is taken off in front of it, by OpenSSL, which can say what a login is bound to.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import contextlib
import hashlib
import json
from functools import partial
from typing import Any, Literal, Self

from aiosmtpd.smtp import MISSING, SMTP, AuthResult
from OpenSSL import SSL, crypto
from scramp import ScramException, ScramMechanism  # type: ignore[import-untyped]
from scramp.core import CbName  # type: ignore[import-untyped]

from servers import certificates

HOST = "127.0.0.1"
USER, PASSWORD = "alice", "wonderland"
TOKEN = "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg"
REFUSAL = {"status": "401", "schemes": "bearer", "scope": "https://mail.test/"}
SCRAM = tuple(f"SCRAM-SHA-{size}{plus}" for size in ("1", "256", "512") for plus in ("", "-PLUS"))

# It refuses tls-exporter because Python's ssl cannot export; the octets that it is given here can be of any kind.
CbName.SUPPORTED_TYPES |= {"tls-exporter"}
CbName.UNSUPPORTED_TYPES = frozenset()

Proof = Literal["challenge", "reply", "wrong", "none"]


class SaslServer:
    """On a clear port and on one with TLS from the start, as an async context manager.

    ``proof`` is where SCRAM's server puts its signature: into a 334 or the 235; or a wrong one, or none.
    """

    host = HOST

    def __init__(self, proof: Proof = "challenge", plus: bool = True, tls_1_2: bool = False) -> None:
        self.proof = proof
        self.answers: list[bytes] = []
        """What the client said to the challenges of refused tokens."""
        self.identities: list[bytes] = []
        """Of EXTERNAL and ANONYMOUS."""
        self._bindings: dict[int, dict[str, bytes]] = {}
        self._context = SSL.Context(SSL.TLS_SERVER_METHOD)
        certificates.authority().issue_cert(*certificates.NAMES).configure_cert(self._context)
        if tls_1_2:
            self._context.set_max_proto_version(SSL.TLS1_2_VERSION)
        for name in SCRAM:
            if plus or not name.endswith("-PLUS"):
                setattr(self, f"auth_{name.replace('-', '__')}", partial(self._scram, name))

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        options: dict[str, Any] = {"auth_require_tls": False, "authenticator": _authenticate, "hostname": "mail.test"}
        self._clear = await loop.create_server(lambda: SMTP(self, loop=loop, **options), HOST, 0)
        self._secure = await asyncio.start_server(self._take_tls_off, HOST, 0)
        self.port, self.tls_port = (each.sockets[0].getsockname()[1] for each in (self._clear, self._secure))
        self._tasks: set[asyncio.Task[None]] = set()
        return self

    async def __aexit__(self, *_: object) -> None:
        for server in (self._secure, self._clear):
            server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- TLS

    async def _take_tls_off(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        engine = SSL.Connection(self._context, None)
        engine.set_accept_state()
        inner: asyncio.StreamWriter | None = None
        with contextlib.suppress(OSError, SSL.Error):
            await _shake_hands(engine, reader, writer)
            inner_reader, inner = await asyncio.open_connection(HOST, self.port)
            self._bindings[inner.get_extra_info("sockname")[1]] = bindings(engine)
            back = asyncio.create_task(_encrypt(engine, inner_reader, writer))
            await _decrypt(engine, reader, inner)
            inner.close()
            await back
        if inner is not None:
            inner.close()
        writer.close()

    # -- mechanisms, as aiosmtpd finds them

    async def _scram(self, name: str, server: SMTP, args: list[str]) -> AuthResult:
        first = await _initial(server, args)
        if first is None:
            return AuthResult(success=False)
        mechanism = ScramMechanism(name)
        known = mechanism.make_auth_info(PASSWORD)
        kind = first.split(b",")[0].decode().removeprefix("p=")
        assert server.transport is not None
        bound = self._bindings.get(server.transport.get_extra_info("peername")[1], {}).get(kind)
        side = mechanism.make_server(lambda _: known, channel_binding=(kind, bound) if bound else None)
        try:
            side.set_client_first(first.decode())
            answer = await server.challenge_auth(side.get_server_first())
            if not isinstance(answer, bytes):
                return AuthResult(success=False)
            side.set_client_final(answer.decode())
        except ScramException:
            answer = await server.challenge_auth(side.get_server_final())
            return AuthResult(success=False, handled=answer is MISSING)
        return await self._prove(server, side.get_server_final())

    async def _prove(self, server: SMTP, verdict: str) -> AuthResult:
        match self.proof:
            case "none":
                return AuthResult(success=True)
            case "reply":
                word = base64.b64encode(verdict.encode()).decode()
                return AuthResult(success=True, message=f"235 2.7.0 {word} welcome")
            case "wrong":
                verdict = "v=" + base64.b64encode(bytes(32)).decode()
        answer = await server.challenge_auth(verdict)
        return AuthResult(success=answer == b"", handled=answer is MISSING)

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        return await self._bearer(server, args, f"user={USER}\x01auth=Bearer {TOKEN}\x01\x01")

    async def auth_OAUTHBEARER(self, server: SMTP, args: list[str]) -> AuthResult:
        where = f"host=localhost\x01port={self.port}"
        return await self._bearer(server, args, f"n,a={USER},\x01{where}\x01auth=Bearer {TOKEN}\x01\x01")

    async def _bearer(self, server: SMTP, args: list[str], expected: str) -> AuthResult:
        said = await _initial(server, args)
        if said is None or said == expected.encode():
            return AuthResult(success=said is not None)
        answer = await server.challenge_auth(json.dumps(REFUSAL))
        assert isinstance(answer, bytes)
        self.answers.append(answer)
        return AuthResult(success=False, handled=False)

    async def auth_EXTERNAL(self, server: SMTP, args: list[str]) -> AuthResult:
        return await self._identity(server, args)

    async def auth_ANONYMOUS(self, server: SMTP, args: list[str]) -> AuthResult:
        return await self._identity(server, args)

    async def _identity(self, server: SMTP, args: list[str]) -> AuthResult:
        said = await _initial(server, args)
        if said is not None:
            self.identities.append(said)
        return AuthResult(success=said is not None)


def _authenticate(server: SMTP, session: object, envelope: object, mechanism: str, login: Any) -> AuthResult:
    return AuthResult(success=(login.login, login.password) == (USER.encode(), PASSWORD.encode()), handled=False)


async def _initial(server: SMTP, args: list[str]) -> bytes | None:
    """The initial response, asked for if it did not come along; None if it is no base64, which has been said."""
    if len(args) == 1:
        said = await server.challenge_auth("")
        return said if isinstance(said, bytes) else None
    if args[1] == "=":
        return b""
    try:
        return base64.b64decode(args[1], validate=True)
    except binascii.Error:
        await server.push("501 5.5.2 Can't decode base64")
        return None


def bindings(engine: SSL.Connection) -> dict[str, bytes]:
    """What this end of the session knows (RFC 5929, RFC 9266)."""
    certificate = engine.get_certificate()
    assert certificate is not None
    der = crypto.dump_certificate(crypto.FILETYPE_ASN1, certificate)
    found = {
        "tls-exporter": engine.export_keying_material(b"EXPORTER-Channel-Binding", 32, b""),
        "tls-server-end-point": hashlib.sha256(der).digest(),  # it is signed with SHA-256
    }
    if engine.get_protocol_version_name() == "TLSv1.2" and (finished := engine.get_peer_finished()):
        found["tls-unique"] = finished
    return found


async def _shake_hands(engine: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            engine.do_handshake()
        except SSL.WantReadError:
            _flush(engine, writer)
            data = await reader.read(65536)
            if not data:
                raise ConnectionResetError("the client left") from None
            engine.bio_write(data)
        else:
            _flush(engine, writer)
            return


async def _encrypt(engine: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        engine.sendall(data)
        _flush(engine, writer)
    with contextlib.suppress(SSL.Error):
        engine.shutdown()
        _flush(engine, writer)
    writer.close()


async def _decrypt(engine: SSL.Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while True:
        try:
            writer.write(engine.recv(65536))
        except SSL.WantReadError:
            if not (data := await reader.read(65536)):
                return
            engine.bio_write(data)
        except SSL.ZeroReturnError:
            return


def _flush(engine: SSL.Connection, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(SSL.WantReadError):
        while True:
            writer.write(engine.bio_read(65536))
