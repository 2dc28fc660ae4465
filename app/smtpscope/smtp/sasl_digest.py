"""DIGEST-MD5 (RFC 2831, historic since RFC 6331) with qop=auth: both sides show that they know the password."""

from __future__ import annotations

import re

from smtpscope.smtp.sasl_steps import Broken, Login, Response, Steps, respond, user_octets

_DIRECTIVE = re.compile(rb'[\s,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))\s*(?=,|\Z)', re.DOTALL)


def digest_md5(login: Login) -> Steps:
    """One exchange, in the first realm that the server names; its rspauth is checked."""
    if login.authzid and "\0" in login.authzid:
        raise ValueError("an authorization identity can have no NUL in it")
    challenge = directives((yield None))
    nonce, utf_8 = challenge.get("nonce", b""), challenge.get("charset", b"").lower() == b"utf-8"
    if not nonce:
        raise Broken("the challenge has no nonce in it")
    if b"auth" not in challenge.get("qop", b"auth").replace(b" ", b"").split(b","):
        raise Broken("the server wants more than to know who we are (no qop=auth), which is not done here")
    user, realm = user_octets(login.user), challenge.get("realm", b"")
    uri = b"smtp/" + login.host.encode(errors="surrogateescape")
    named = [(b"username", user if utf_8 else _latin(user)), (b"nonce", nonce), (b"cnonce", login.nonce.encode())]
    if "realm" in challenge:
        named.insert(1, (b"realm", realm))
    named.append((b"digest-uri", uri))
    if login.authzid:
        named.append((b"authzid", user_octets(login.authzid)))
    whole = session_key(user, realm, login.octets(), nonce, login.nonce.encode(), user_octets(login.authzid))
    proof = digest(whole, nonce, login.nonce.encode(), b"AUTHENTICATE:" + uri)
    said = b",".join(name + b"=" + _quoted(value) for name, value in named)
    tail = b",nc=00000001,qop=auth,response=" + proof
    last = yield respond((b"charset=utf-8," if utf_8 else b"") + said + tail)
    if not last:
        raise Broken("the server has not shown that it knows the password: its rspauth did not come")
    import hmac  # not before it is needed: a start is quicker without

    if not hmac.compare_digest(
        directives(last).get("rspauth", b""), digest(whole, nonce, login.nonce.encode(), b":" + uri)
    ):
        raise Broken("the server's rspauth is wrong: it does not know the password")
    yield Response(b"", False)


def directives(data: bytes) -> dict[str, bytes]:
    """``name=value`` and ``name="quoted value"``, with commas between them (RFC 2831 7.1); the first of each name."""
    found: dict[str, bytes] = {}
    at = 0
    while match := _DIRECTIVE.match(data, at):
        quoted = match.group(2)
        value = match.group(3) if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted, flags=re.DOTALL)
        found.setdefault(match.group(1).decode("ascii").lower(), value)
        at = match.end()
    if data[at:].strip(b" \t\r\n,"):
        raise Broken("the challenge is not a list of DIGEST-MD5's directives")
    return found


def session_key(user: bytes, realm: bytes, word: bytes, nonce: bytes, cnonce: bytes, authzid: bytes) -> bytes:
    """H(A1) in hexadecimal (RFC 2831 2.1.2.1)."""
    first = _md5(b":".join((_latin(user), _latin(realm), _latin(word))))
    rest = b":".join((nonce, cnonce, authzid) if authzid else (nonce, cnonce))
    return _hex(first + b":" + rest)


def digest(key: bytes, nonce: bytes, cnonce: bytes, what: bytes) -> bytes:
    """The response-value for ``what`` (A2) with ``key``, the hexadecimal H(A1)."""
    return _hex(b":".join((key, nonce, b"00000001", cnonce, b"auth", _hex(what))))


def _hex(data: bytes) -> bytes:
    return _md5(data).hex().encode()


def _md5(data: bytes) -> bytes:
    from hashlib import md5  # not before it is needed: a start is quicker without

    return md5(data, usedforsecurity=False).digest()


def _latin(data: bytes) -> bytes:
    """UTF-8 as ISO 8859-1 where all of it fits, as RFC 2831 2.1.2.1 reckons; anything else as it is."""
    try:
        return data.decode().encode("latin-1")
    except UnicodeError:
        return data


def _quoted(value: bytes) -> bytes:
    return b'"' + re.sub(rb'(["\\])', rb"\\\1", value) + b'"'
