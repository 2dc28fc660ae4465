"""One step of a login, field by field, for whoever looks at its row: names, values, and secrets left out."""

from __future__ import annotations

import re

from smtpscope.session.log import Kind, Log
from smtpscope.session.redact import FILLER, HIDDEN, Redactor, hide
from smtpscope.smtp.sasl_fields import Field, describe
from smtpscope.smtp.sasl_steps import decode_base64
from smtpscope.visible import Spans, visible

LIMIT = 64 * 1024
"""Octets of a row that are read: a token may be long."""
_AUTH = re.compile(rb"\s*auth\s+(\S+)(?:\s+(\S+))?", re.IGNORECASE)
_CHALLENGE = re.compile(rb"334[ -](\S*)\s*")
_VALUE = 2000
"""Cells of a value."""


def login_fields(log: Log, row: int, now: float = 0.0) -> list[Field]:
    """The fields of the step at ``row``, or at the row above it if that is what its base64 says; empty if it is none.

    ``now`` is in seconds since the Unix epoch, 0 if a token's end is not to be judged. Secrets are among them.
    """
    if not 0 <= row < len(log):
        return []
    row = log.first[row] if log.kind[row] == Kind.DECODED else row
    if log.verb[row] != log.verbs.number("AUTH"):
        return []
    mechanism, asked = _before(log, row)
    if log.kind[row] == Kind.RECEIVED:
        word = _challenge(log, row)
        return describe(mechanism, False, word) if word and mechanism else []
    if log.kind[row] != Kind.SENT:
        return []
    data = log.octets(row, LIMIT)
    command = _AUTH.match(data)
    token = (command.group(2) or b"") if command else data.strip()
    if command:
        mechanism, asked = command.group(1).decode("ascii", "replace"), b""
    if not mechanism or not token.strip(FILLER):
        return []
    return describe(mechanism, True, decode_base64(token) or b"", asked, now)


def login_lines(log: Log, row: int, redactor: Redactor, now: float = 0.0) -> list[Spans]:
    """The same as lines to be shown."""
    fields = login_fields(log, row, now)
    width = max((len(field.name) for field in fields), default=0)
    return [[(f"{field.name:<{width}}  ", "dim"), *_value(field, redactor)] for field in fields]


def _value(field: Field, redactor: Redactor) -> Spans:
    if field.secret:
        return [(HIDDEN, "hidden")]
    return visible(hide(field.value, redactor.spans(field.value)), limit=_VALUE)


def _before(log: Log, row: int) -> tuple[str, bytes]:
    """The mechanism of the login that a row is part of, empty if it is of none; and the last challenge before it."""
    asked = b""
    for each in range(row - 1, -1, -1):
        if log.kind[each] == Kind.DIVIDER:
            break
        if log.kind[each] == Kind.RECEIVED and not asked:
            asked = _challenge(log, each)
        elif log.kind[each] == Kind.SENT and (command := _AUTH.match(log.octets(each, LIMIT))):
            return command.group(1).decode("ascii", "replace"), asked
    return "", b""


def _challenge(log: Log, row: int) -> bytes:
    match = _CHALLENGE.fullmatch(log.octets(row, LIMIT))
    return (decode_base64(match.group(1)) or b"") if match else b""
