"""The server's side of every SASL mechanism, as far as its client can tell; it takes any proof for good."""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import b64encode
from collections.abc import Generator

Exchange = Generator[bytes, bytes, bytes]
"""Yields challenges and takes responses, both decoded; returns what stands with success."""

NONCE = b"0123456789-of-the-server"
SALT = b"salt of the server"
ITERATIONS = 4096
_HASHES = {"SCRAM-SHA-1": "sha1", "SCRAM-SHA-256": "sha256", "SCRAM-SHA-512": "sha512"}


def exchange(mechanism: str, initial: bytes | None, password: bytes, refuse: bool) -> Exchange:
    """One login; with ``refuse`` the server shows nothing of its own knowledge."""
    if mechanism.startswith("SCRAM-"):
        return _scram(_HASHES[mechanism.removesuffix("-PLUS")], initial, password, refuse)
    match mechanism:
        case "DIGEST-MD5":
            return _digest_md5(password, refuse)
        case "CRAM-MD5":
            return _asking([b"<17@mail.test>"])
        case "LOGIN":
            return _asking([b"Username:"] * (initial is None) + [b"Password:"])
        case "XOAUTH2" | "OAUTHBEARER" if refuse:
            return _asking([b""] * (initial is None) + [b'{"status":"401","schemes":"bearer"}'])
    return _asking([b""] * (initial is None))


def _asking(challenges: list[bytes]) -> Exchange:
    for challenge in challenges:  # noqa: UP028 (a list takes no responses)
        yield challenge
    return b""


def _scram(name: str, initial: bytes | None, password: bytes, refuse: bool) -> Exchange:
    """RFC 5802 3."""
    first = (yield b"") if initial is None else initial
    bare = first.split(b",", 2)[2]
    nonce = bare.rpartition(b"r=")[2] + NONCE
    ours = b"r=%b,s=%b,i=%d" % (nonce, b64encode(SALT), ITERATIONS)
    final = yield ours
    if refuse:
        return b""
    salted = hashlib.pbkdf2_hmac(name, password, SALT, ITERATIONS)
    spoken = b",".join((bare, ours, final.rpartition(b",p=")[0]))
    yield b"v=" + b64encode(hmac.digest(hmac.digest(salted, b"Server Key", name), spoken, name))
    return b""


def _digest_md5(password: bytes, refuse: bool) -> Exchange:
    """RFC 2831 2.1."""
    said = yield b'realm="mail.test",nonce="%b",qop="auth",charset=utf-8,algorithm=md5-sess' % NONCE
    if refuse:
        return b""
    given = {name: value.strip(b'"') for name, value in re.findall(rb'([a-z-]+)=("[^"]*"|[^,]*)', said)}
    word = password.decode().encode("latin-1")  # where it can be: 2.1.2.1
    inner = hashlib.md5(b":".join((given[b"username"], given[b"realm"], word))).digest()
    key = hashlib.md5(b":".join((inner, NONCE, given[b"cnonce"]))).hexdigest()
    what = hashlib.md5(b":" + given[b"digest-uri"]).hexdigest()
    parts = (key.encode(), NONCE, b"00000001", given[b"cnonce"], b"auth", what.encode())
    yield b"rspauth=" + hashlib.md5(b":".join(parts)).hexdigest().encode()
    return b""
