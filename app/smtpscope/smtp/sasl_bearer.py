"""Bearer tokens: XOAUTH2 (as Google and Microsoft document it) and OAUTHBEARER (RFC 7628), and what is in a token."""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from typing import Any

from smtpscope.smtp.sasl_steps import Login, Response, Steps, respond, user_octets

_LONGEST_JWT = 64 * 1024


def xoauth2(login: Login) -> Steps:
    """User and token; a refusal comes as a challenge with JSON in it, and an empty response gets the reply proper."""
    _check(login)
    yield respond(b"user=" + user_octets(login.user) + b"\x01auth=Bearer " + login.octets() + b"\x01\x01")
    yield Response(b"", False)


def oauthbearer(login: Login) -> Steps:
    """The same with host and port in it; a refusal is answered with %x01 (RFC 7628 3.2.3)."""
    _check(login)
    name = user_octets(login.user).replace(b"=", b"=3D").replace(b",", b"=2C")
    header = b"n,a=" + name + b"," if name else b"n,,"
    where = b"\x01host=" + login.host.encode(errors="surrogateescape") + b"\x01port=%d" % login.port
    yield respond(header + where + b"\x01auth=Bearer " + login.octets() + b"\x01\x01")
    yield respond(b"\x01", False)


def _check(login: Login) -> None:
    if "\x01" in login.user or b"\x01" in login.octets():
        raise ValueError("neither user nor token can have U+0001 in it, which ends them (RFC 7628 3.1)")


def jwt_claims(octets: bytes) -> dict[str, Any] | None:
    """The claims of a token that is a signed JWT (RFC 7519 3), unverified; None for anything else.

    The octets may be anybody's: no more than 64 KiB of them are looked at.
    """
    parts = octets.split(b".")
    if len(parts) != 3 or len(octets) > _LONGEST_JWT:
        return None
    header, claims = _json(parts[0]), _json(parts[1])
    return claims if header is not None and "alg" in header else None


def _json(part: bytes) -> dict[str, Any] | None:
    try:
        data = base64.b64decode(part + b"=" * (-len(part) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return None
    return json_object(data)


def json_object(data: bytes) -> dict[str, Any] | None:
    """The JSON object that these octets are, None for anything else."""
    import json  # not before it is needed: a start is quicker without

    try:
        found = json.loads(data)
    except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError
        return None
    return found if isinstance(found, dict) else None


def moment(value: object) -> str:
    """A NumericDate (RFC 7519 2) as people read it; empty for anything that is none."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return ""
    try:
        return datetime.fromtimestamp(value, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
    except (ValueError, OverflowError, OSError):
        return ""


def lasting(seconds: float) -> str:
    """A length of time in its biggest unit: ``3 hours``."""
    for size, unit in ((31_557_600, "year"), (86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "less than a minute"
