"""What all SASL mechanisms share (RFC 4422): who logs in and where, one step of ours, and what breaks an exchange."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Generator
from dataclasses import dataclass, field
from typing import NamedTuple

from smtpscope.secret import Secret
from smtpscope.smtp.saslprep import prepared, remark


def _fresh_nonce() -> str:
    import secrets  # not before it is needed: a start is quicker without

    return base64.b64encode(secrets.token_bytes(18)).decode()  # no comma, no padding, printable


@dataclass(frozen=True, slots=True)
class Login:
    """Who logs in, and what the mechanisms need to know of the link. One object an exchange: its nonce is fresh."""

    user: str
    password: Secret
    """Of XOAUTH2 and OAUTHBEARER: the bearer token."""
    authzid: str = ""
    """As whom to act, empty for the user."""
    host: str = ""
    """The server as the user named it."""
    port: int = 0
    initial: bool | None = None
    """Whether LOGIN sends the user along with AUTH."""
    binding: tuple[str, bytes] | None = None
    """The channel binding's name and octets, None where there is no TLS."""
    unbound: bool = False
    """The link could be bound, and the server does not offer to: what SCRAM's flag ``y`` says (RFC 5802 6)."""
    nonce: str = field(default_factory=_fresh_nonce, repr=False)

    def octets(self) -> bytes:
        """The password as it was given."""
        return self.password.reveal().encode(errors="surrogateescape")

    def prepared(self) -> bytes:
        """The password in the form that RFC 4013 gives it, where it can."""
        return prepared(self.octets().decode(errors="surrogateescape"))

    def remark(self, mechanism: str) -> str:
        """What becomes of a password with other characters than ASCII's, in words; empty if nothing."""
        return remark(mechanism, self.octets().decode(errors="surrogateescape"))


class Response(NamedTuple):
    """One client step: base64 as it goes out, empty for none, and whether it must be hidden."""

    encoded: bytes
    secret: bool


Steps = Generator[Response | None, bytes, None]
"""Yields the initial response (None for none), then takes each challenge, decoded, and yields the response to it.

Raises Broken where the server breaks the exchange or does not prove itself. What follows its success is one more
challenge, empty where nothing came.
"""


class Broken(Exception):
    """The exchange cannot go on, or must not be believed; the text is a sentence without its full stop."""


def respond(data: bytes, secret: bool = True) -> Response:
    """One step of these octets."""
    return Response(base64.b64encode(data), secret)


def user_octets(text: str) -> bytes:
    """A user name as it goes out: UTF-8, and octets that are none as they were given."""
    return text.encode(errors="surrogateescape")


def decode_base64(text: bytes) -> bytes | None:
    """The octets that base64 of RFC 4648 4 stands for; None for anything else, also with blanks or no padding."""
    if len(text) % 4:
        return None
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def pairs(data: bytes) -> dict[str, bytes]:
    """SCRAM's ``a=value,b=value`` (RFC 5802 5.1), the first of each name; Broken for what is none."""
    found: dict[str, bytes] = {}
    for part in data.split(b","):
        name, equals, value = part.partition(b"=")
        if not equals or len(name) != 1 or not name.isalpha():
            raise Broken("the challenge is not a list of SCRAM's attributes")
        found.setdefault(name.decode("ascii"), value)
    return found
