"""What must not be seen of a login that is typed: how much of a line follows AUTH, and what looks like a response.

A server need not take what is typed for AUTH, and need not take AUTH; a password in it is one all the same.
"""

from __future__ import annotations

import re

MECHANISM = r"(?:[A-Z0-9_-]{1,20}|[A-Za-z][a-z0-9_-]{0,19})"
"""RFC 4422 3.1, in small letters too: a word of both is base64, where somebody forgot the mechanism."""

_AUTH = re.compile(rb"\s*auth(?:enticate)?[\s=:]+", re.IGNORECASE)
_NAME = re.compile(MECHANISM.encode() + rb"(?:[\s:]+|=\s*(?=[^\s=])|\Z)")
_RESPONSE = re.compile(
    rb"(?=[^\s]*[a-z=])(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)"
)


def secret_from(line: bytes) -> int | None:
    """Where, behind AUTH and the mechanism's name, a secret may begin; None if the line is no AUTH."""
    if (auth := _AUTH.match(line)) is None:
        return None
    name = _NAME.match(line, auth.end())
    return name.end() if name else auth.end()


def looks_like_response(line: bytes) -> bool:
    """Whether the line is one word of base64, and no verb in capital letters."""
    return _RESPONSE.fullmatch(line.strip()) is not None
