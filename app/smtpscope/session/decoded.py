"""What the base64 of an AUTH exchange says, with the secrets in it left out."""

from __future__ import annotations

import base64
import binascii

from smtpscope.session.redact import HIDDEN, Redactor, hide
from smtpscope.smtp.sasl_fields import secret_spans
from smtpscope.visible import visible_text

_SHOWN = 1000
"""Cells of what is decoded."""


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
    pieces, last = [], 0
    for start, end in secret_spans(mechanism, data):
        pieces += [_shown(data[last:start], redactor), HIDDEN]
        last = end
    return f"= {''.join(pieces)}{_shown(data[last:], redactor)}"


def _shown(data: bytes, redactor: Redactor) -> str:
    return visible_text(hide(data, redactor.spans(data)), limit=_SHOWN)
