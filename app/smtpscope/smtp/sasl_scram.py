"""SCRAM (RFC 5802, RFC 7677): a proof of the password in place of it, the server's proof, and both bound to TLS."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64encode

from smtpscope.smtp.sasl_steps import Broken, Login, Response, Steps, decode_base64, pairs, respond
from smtpscope.smtp.saslprep import prepared

MOST_ITERATIONS = 2_000_000
"""More than that would only keep us busy: it is a second of one core."""

ERRORS = {
    b"invalid-proof": "the proof is wrong, and so is the password",
    b"channel-bindings-dont-match": "the channel bindings differ: TLS may end somewhere on the way",
    b"server-does-support-channel-binding": "the server offers channel binding, and its offer did not reach us",
    b"channel-binding-not-supported": "the server does no channel binding",
    b"unsupported-channel-binding-type": "the server does not know this kind of channel binding",
    b"unknown-user": "the server does not know the user",
    b"invalid-username-encoding": "the server cannot read the user name",
}
"""RFC 5802 7."""


def scram(login: Login, algorithm: str, plus: bool) -> Steps:
    """One exchange with ``algorithm`` as hashlib calls it. ValueError where there is nothing to bind to."""
    if plus and login.binding is None:
        raise ValueError("a -PLUS mechanism binds the login to TLS: start TLS first")
    kind, bound = login.binding if plus and login.binding is not None else ("", b"")
    flag = f"p={kind}" if plus else "y" if login.unbound else "n"
    header = flag.encode() + b"," + (b"a=" + _name(login.authzid) if login.authzid else b"") + b","
    ours = b"n=" + _name(login.user) + b",r=" + login.nonce.encode()
    first = yield respond(header + ours, False)
    nonce, salt, iterations = _server_first(first, login.nonce.encode())
    final = b"c=" + b64encode(header + bound) + b",r=" + nonce
    spoken = b",".join((ours, first, final))
    salted = hashlib.pbkdf2_hmac(algorithm, login.prepared(), salt, iterations)
    key = hmac.digest(salted, b"Client Key", algorithm)
    signature = hmac.digest(hashlib.new(algorithm, key).digest(), spoken, algorithm)
    proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
    last = yield respond(final + b",p=" + b64encode(proof))
    expected = hmac.digest(hmac.digest(salted, b"Server Key", algorithm), spoken, algorithm)
    if error := _judge(last, expected):
        yield Response(b"", False)  # its refusal follows
        raise Broken(error)
    yield Response(b"", False)


def _name(text: str) -> bytes:
    """A saslname (RFC 5802 5.1)."""
    return prepared(text, query=True).replace(b"=", b"=3D").replace(b",", b"=2C")


def _server_first(challenge: bytes, nonce: bytes) -> tuple[bytes, bytes, int]:
    """The nonce of both sides, the salt and the iterations, checked (RFC 5802 5.1)."""
    if challenge.startswith(b"m="):
        raise Broken("the server wants an extension of SCRAM that is not known here")
    found = pairs(challenge)
    if "e" in found:
        raise Broken(ERRORS.get(found["e"], "the server has ended the exchange with an error"))
    both, salt, iterations = found.get("r", b""), decode_base64(found.get("s", b"")), found.get("i", b"")
    if not both.startswith(nonce) or both == nonce:
        raise Broken("the server's nonce does not begin with ours and go on: this is no answer to us")
    if not salt:
        raise Broken("the salt in the challenge is missing or not base64")
    if not iterations.isdigit() or len(iterations) > 9 or not 1 <= int(iterations) <= MOST_ITERATIONS:
        raise Broken(f"the iterations in the challenge are not a number from 1 to {MOST_ITERATIONS:,}")
    return both, salt, int(iterations)


def _judge(last: bytes, expected: bytes) -> str:
    """The server's last word; gives the error that it says. Broken if it does not prove that it knows the password."""
    if not last:
        raise Broken("the server has not shown that it knows the password: its signature did not come")
    found = pairs(last)
    if "e" in found:
        return ERRORS.get(found["e"], "the server has ended the exchange with an error")
    signature = decode_base64(found.get("v", b""))
    if signature is None or not hmac.compare_digest(signature, expected):
        raise Broken("the server's signature is wrong: it does not know the password")
    return ""
