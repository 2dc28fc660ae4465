"""What the base64 of an AUTH exchange says, with the secrets in it left out."""

from __future__ import annotations

import base64
import binascii
import re

from smtpscope.session.redact import HIDDEN, Redactor, hide
from smtpscope.visible import visible_text

_SHOWN = 1000
"""Cells of what is decoded."""
_DIGEST = re.compile(rb"(.* )[0-9a-f]{32}", re.DOTALL)  # RFC 2195 2
_SCRAM_FIRST = re.compile(rb"(?:n|y|p=[^,]*),(?:a=[^,]*)?,n=[^,]*,r=[^,]*")  # RFC 5802 7: no secret in it
_SCRAM_FINAL = re.compile(rb"(c=[^,]*,r=[^,]*,p=)[^,]*")
_BEARER = re.compile(rb"(.*\x01auth=)[^\x01]*(\x01.*)", re.DOTALL)  # RFC 7628 3.1, and XOAUTH2


def decoded(mechanism: str, token: bytes, secret: bool, redactor: Redactor) -> str | None:
    """``token`` in words such as ``= Username:``, None if it is not base64; ``secret`` says that some of it is."""
    if not token or len(token) % 4:
        return None
    try:
        data = base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return None
    if not secret:
        return "= " + _shown(data, redactor)
    if mechanism.startswith("SCRAM-") and _SCRAM_FIRST.fullmatch(data):
        return "= " + visible_text(data, limit=_SHOWN)
    before, after = _around(mechanism, data)
    return f"= {_shown(before, redactor)}{HIDDEN}{_shown(after, redactor)}"


def _shown(data: bytes, redactor: Redactor) -> str:
    return visible_text(hide(data, redactor.spans(data)), limit=_SHOWN)


def _around(mechanism: str, data: bytes) -> tuple[bytes, bytes]:
    """What stands before and behind the secret of a response, where that is known."""
    if mechanism == "PLAIN" and data.count(b"\0") == 2:  # RFC 4616 2
        return data[: data.rindex(b"\0") + 1], b""
    if mechanism == "CRAM-MD5" and (match := _DIGEST.fullmatch(data)):
        return match.group(1), b""
    if mechanism.startswith("SCRAM-") and (match := _SCRAM_FINAL.fullmatch(data)):
        return match.group(1), b""
    if mechanism in ("OAUTHBEARER", "XOAUTH2") and (match := _BEARER.fullmatch(data)):
        return match.group(1), match.group(2)
    return b"", b""
