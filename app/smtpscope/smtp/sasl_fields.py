"""What a decoded step of an AUTH exchange says, field by field, on both sides, and which fields are secret."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from smtpscope.smtp.sasl_bearer import json_object, jwt_claims, lasting, moment
from smtpscope.smtp.sasl_digest import directives
from smtpscope.smtp.sasl_steps import Broken, decode_base64, pairs

MOST_CLAIMS = 24
LONGEST_CLAIM = 200
_TIMES = frozenset({"exp", "nbf", "iat", "auth_time"})
_TELLING = (
    "status", "error", "error_description", "scope", "exp", "nbf", "iat", "aud", "iss", "scp", "roles", "upn",
    "preferred_username", "email", "unique_name", "sub", "appid", "azp",
)  # fmt: skip
"""What a refused login is explained with comes first, of an error and of a token."""
_SCRAM_NAMES = {
    "a": "authzid", "n": "user", "r": "nonce", "s": "salt", "i": "iterations", "c": "channel binding", "p": "proof",
    "v": "signature", "e": "error", "m": "extension",
}  # fmt: skip
_GUESSABLE = frozenset({"proof", "signature", "response", "rspauth"})
"""Made of the password: who has one of them can try passwords in his own time."""
_OURS = frozenset({
    "user", "authzid", "nonce", "channel binding", "username", "realm", "cnonce", "nc", "qop", "digest-uri", "charset",
    "maxbuf", "cipher", "algorithm",
})  # fmt: skip
"""What of our own words is no secret."""
_KEYED = re.compile(rb"(.*) ([0-9a-f]{32})", re.DOTALL)  # RFC 2195 2
_SCHEMES = (b"bearer", b"mac", b"dpop")
_GS2 = re.compile(rb"(n|y|p=([^,]*)),(?:a=([^,]*))?,(.*)", re.DOTALL)
_FLAGS = {b"n": b"none", b"y": b"we could, the server does not offer it"}


class Field(NamedTuple):
    """One field. The octets are as they were sent: whoever shows them makes them safe, and hides the secret ones."""

    name: str
    value: bytes
    secret: bool = False


def describe(mechanism: str, ours: bool, data: bytes, asked: bytes = b"", now: float = 0.0) -> list[Field]:
    """The fields of one step. ``data`` is what its base64 stands for.

    ``asked`` is the challenge that it answers, by which LOGIN's name and password are told apart; ``now``, in seconds
    since the Unix epoch, says whether a token has expired. What cannot be read is one field, secret if it is ours.
    """
    mechanism = mechanism.upper()
    if not data:
        return []
    try:
        fields = _ours(mechanism, data, asked, now) if ours else _theirs(mechanism, data)
    except Broken:
        fields = []
    return fields or [Field("response" if ours else "challenge", data, ours)]


def secret_spans(mechanism: str, data: bytes, asked: bytes = b"") -> list[tuple[int, int]]:
    """The (start, end) places of what is secret in a step of ours, in order; all of it where it cannot be read."""
    spans: list[tuple[int, int]] = []
    before = len(data)
    for field in reversed([each for each in describe(mechanism, True, data, asked) if each.secret]):
        start = data.rfind(field.value, 0, before)  # from behind: it may look like what stands before it
        if start < 0:
            return [(0, len(data))]
        spans.insert(0, (start, start + len(field.value)))
        before = start
    return spans


def _ours(mechanism: str, data: bytes, asked: bytes, now: float) -> list[Field]:
    match mechanism:
        case "PLAIN" if data.count(b"\0") == 2:
            authzid, user, word = data.split(b"\0")
            if authzid and not word:
                return []  # user NUL password NUL, most likely
            return _given(Field("authzid", authzid), Field("user", user), Field("password", word, True))
        case "LOGIN" if b"pass" in asked.lower():
            return [Field("password", data, True)]
        case "LOGIN" if asked.lower().startswith(b"user"):
            return [Field("user", data)]
        case "CRAM-MD5" if keyed := _KEYED.fullmatch(data):
            return [Field("user", keyed.group(1)), Field("digest", keyed.group(2), True)]
        case "CRAM-MD5" if b" " in data:  # typed by hand: the name, or half of a password
            name, _, word = data.rpartition(b" ")
            return [Field("response", name + b" ", True), Field("digest", word, True)]
        case "DIGEST-MD5":
            return [_known(field) for field in _directives(data)]
        case "EXTERNAL":
            return [Field("authzid", data)]
        case "ANONYMOUS":
            return [Field("trace", data)]
        case "XOAUTH2" | "OAUTHBEARER":
            return _bearer(data, now)
        case _ if mechanism.startswith("SCRAM-"):
            return [_known(field) for field in (_scram_first(data) if _GS2.fullmatch(data) else _scram(data))]
    return []


def _theirs(mechanism: str, data: bytes) -> list[Field]:
    if mechanism == "DIGEST-MD5":
        return _directives(data)
    if mechanism.startswith("SCRAM-"):
        return _scram(data)
    if mechanism in ("XOAUTH2", "OAUTHBEARER"):
        return [Field("error", each) for each in _members(json_object(data) or {})]
    return []


def _known(field: Field) -> Field:
    """What is typed by hand may be anything: only what a field is known to be is shown."""
    return field if field.name in _OURS else field._replace(secret=True)


def _given(*fields: Field) -> list[Field]:
    """Without an empty first one."""
    return [each for each in fields if each.value or each is not fields[0]]


def _directives(data: bytes) -> list[Field]:
    return [Field(name, value, name in _GUESSABLE) for name, value in directives(data).items()]


def _scram_first(data: bytes) -> list[Field]:
    match = _GS2.fullmatch(data)
    assert match is not None
    flag, kind, authzid, rest = match.groups()
    fields = [Field("channel binding", _FLAGS.get(flag, kind))]
    if authzid:
        fields.append(Field("authzid", _unescaped(authzid)))
    return fields + _scram(rest)


def _scram(data: bytes) -> list[Field]:
    fields = []
    for letter, value in pairs(data).items():
        name = _SCRAM_NAMES.get(letter, letter)
        if name == "channel binding":
            value = _bound(value)
        fields.append(Field(name, _unescaped(value) if name == "user" else value, name in _GUESSABLE))
    return fields


def _bound(value: bytes) -> bytes:
    """SCRAM's ``c=``: the header said again and, behind it, the binding's octets in hexadecimal."""
    match = _GS2.fullmatch(decode_base64(value) or b"")
    if match is None:
        return value
    flag, kind, _, octets = match.groups()
    return _FLAGS.get(flag, kind) + (b" " + octets.hex().encode() if octets else b"")


def _unescaped(name: bytes) -> bytes:
    return name.replace(b"=2C", b",").replace(b"=3D", b"=")


def _bearer(data: bytes, now: float) -> list[Field]:
    if data == b"\x01":
        return [Field("acknowledged", b"the error")]
    fields, known = [], False
    for part in data.split(b"\x01"):
        name, equals, value = part.partition(b"=")
        header = _GS2.fullmatch(part)
        if header is not None:
            fields += [Field("user", _unescaped(header.group(3)))] if header.group(3) else []
            fields += [Field("field", header.group(4), True)] if header.group(4) else []
        elif name == b"auth" and equals:
            scheme, blank, word = value.partition(b" ")
            if not blank or scheme.lower() not in _SCHEMES:
                scheme, word = b"", value  # a blank may be in the token itself
            fields += [Field("scheme", scheme), Field("token", word, True)]
            fields += [Field("claim", each) for each in _members(jwt_claims(word) or {}, now)]
            known = True
        elif name in (b"user", b"host", b"port") and equals:
            fields.append(Field(name.decode(), value))
        elif part:
            fields.append(Field("field", part, True))
    return fields if known else []


def _members(found: Mapping[str, Any], now: float = 0.0) -> list[bytes]:
    """The first members of a JSON object, a line each, what tells most before the rest; times as people read them."""
    telling = [(name, found[name]) for name in _TELLING if name in found]
    lines = []
    for name, value in [*telling, *((name, found[name]) for name in found if name not in _TELLING)][:MOST_CLAIMS]:
        text = value if isinstance(value, str) else _json(value)
        if name in _TIMES and (when := moment(value)):
            text = f"{text} ({when}{_judged(name, value, now)})"
        lines.append(f"{name}: {text}"[:LONGEST_CLAIM].encode(errors="surrogatepass"))
    return lines


def _judged(name: str, value: float, now: float) -> str:
    """How far the end or the beginning of a token is away."""
    if not now or name not in ("exp", "nbf", "iat"):
        return ""
    if value > now:
        words = {"exp": ", in {}", "nbf": ", not before {} from now", "iat": ", {} from now"}[name]
        return words.format(lasting(value - now))
    return f", {'expired ' if name == 'exp' else ''}{lasting(now - value)} ago"


def _json(value: object) -> str:
    import json  # not before it is needed: a start is quicker without

    try:
        return json.dumps(value, ensure_ascii=False)
    except RecursionError:
        return "..."
