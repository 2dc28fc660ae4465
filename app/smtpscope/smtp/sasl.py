"""SASL as a debugger needs it: each step of each mechanism on its own, and which octets of it are secret.

PLAIN (RFC 4616), LOGIN (as servers do it) and CRAM-MD5 (RFC 2195) in the frame of RFC 4954, encoded by aiosmtplib.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from typing import NamedTuple

from aiosmtplib.auth import auth_crammd5_verify, auth_login_encode, auth_plain_encode

MECHANISMS = ("CRAM-MD5", "PLAIN", "LOGIN")
"""What we can do, the best first."""
CLEAR_TEXT = frozenset({"PLAIN", "LOGIN"})
"""Mechanisms that give the password to whoever reads along."""


class Response(NamedTuple):
    """One client step: base64 as it goes out, and whether it must be hidden."""

    encoded: bytes
    secret: bool


Steps = Generator[Response | None, bytes, None]
"""Yields the initial response (None for none), then takes each challenge, decoded, and yields the response to it."""


def steps(mechanism: str, user: str, password: bytes) -> Steps:
    """The client's side of one exchange. ValueError for a mechanism that we cannot do."""
    match mechanism.upper():
        case "PLAIN":
            return _plain(user, password)
        case "LOGIN":
            return _login(user, password)
        case "CRAM-MD5":
            return _cram_md5(user, password)
    raise ValueError(f"AUTH {mechanism} cannot be run here: choose one of {', '.join(MECHANISMS)}, or type it by hand")


def _plain(user: str, password: bytes) -> Steps:
    if "\0" in user or b"\0" in password:
        raise ValueError("neither user nor password can have a NUL in it for AUTH PLAIN (RFC 4616 2)")
    yield Response(auth_plain_encode(user, password), True)


def _login(user: str, password: bytes) -> Steps:
    name, secret = auth_login_encode(user, password)
    first, second = Response(name, False), Response(secret, True)
    challenge = yield None
    if b"pass" in challenge.lower():  # by what is asked for: a password is not to be taken for a name and logged
        first, second = second, first
    yield first
    yield second


def _cram_md5(user: str, password: bytes) -> Steps:
    challenge = yield None
    yield Response(auth_crammd5_verify(user, password, base64.b64encode(challenge)), True)


def decode_challenge(text: str) -> bytes | None:
    """The octets of a 334's text (RFC 4954 4), None if it is not base64."""
    try:
        return base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None


def choose(offered: str, wanted: tuple[str, ...] = ()) -> str | None:
    """The best mechanism that is offered (the AUTH keyword's parameters), wanted and known; None if there is none."""
    available = offered.upper().split()
    candidates = [name.upper() for name in wanted] or list(MECHANISMS)
    return next((name for name in candidates if name in available and name in MECHANISMS), None)
