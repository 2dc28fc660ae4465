"""What is hidden, shown on purpose: the secrets of a row until the next key, and which password a login was tried with.

For the screen alone: nothing of it is copied, kept or exported.
"""

from __future__ import annotations

from smtpscope.secret import Secret, shape
from smtpscope.session.log import WIRE, Kind, Log, Spans
from smtpscope.session.login_said import said
from smtpscope.session.redact import FILLER
from smtpscope.smtp.sasl_steps import Login, decode_base64
from smtpscope.visible import visible

LIMIT = 16 * 1024
"""Octets of a row that are revealed: a token may be long."""


def revealed(log: Log, row: int) -> dict[int, Spans]:
    """What the row, and what its base64 says beneath it, are with nothing hidden: rows to spans, for these two only.

    Empty where nothing is hidden, or where the secrets were not kept. Octets that are hidden otherwise are of kind
    ``hidden``.
    """
    if not 0 <= row < len(log):
        return {}
    head = log.first[row] if log.kind[row] == Kind.DECODED else row
    if log.kind[head] not in WIRE:
        return {}
    data = log.octets(head, LIMIT).removesuffix(b"\r\n")
    found: dict[int, Spans] = {}
    if spans := _uncovered(data, log.hidden(head, data)):
        found[head] = spans
    for beneath in log.groups[head].rows if head in log.groups else ():
        if log.kind[beneath] == Kind.DECODED and any(kind == "hidden" for _, kind in log.spans(beneath)):
            found[beneath] = [("= ", "text"), *visible(decode_base64(_last_word(data)) or b"")]
    if not found or any(_not_kept(data[start:end]) for start, end in log.hidden(head, data)):
        return {}
    return found


def _uncovered(data: bytes, hidden: list[tuple[int, int]]) -> Spans:
    """``data`` made visible; empty where nothing of it is hidden."""
    spans: Spans = []
    last = 0
    for start, end in hidden:
        spans += visible(data[last:start])
        spans += [(text, "hidden" if kind == "text" else kind) for text, kind in visible(data[start:end])]
        last = end
    return [*spans, *visible(data[last:])] if hidden else []


def shape_lines(log: Log, row: int, given: Secret | None) -> list[Spans]:
    """Beside a 535: what the password or the token looked like from outside, a line or none."""
    if log.kind[row] != Kind.REFUSED or log.octets(log.first[row], 3) != b"535":
        return []
    secret = tried(log, row, given)
    login = said(log, row)
    if secret is None or login is None:
        return []
    words = shape(secret)
    odd = words.count(", ") > 1  # more than how long it is
    name = "token" if login.mechanism in ("XOAUTH2", "OAUTHBEARER") else "password"
    if name == "password" and (became := Login("", secret).remark(login.mechanism)):
        words = f"{words}; {became}"
    lead: Spans = [("! ", "fault")] if odd else []
    return [[*lead, (f"The {name} that was used: ", "dim"), (f"{words}.", "fault" if odd else "text")]]


def tried(log: Log, row: int, given: Secret | None) -> Secret | None:
    """The password, or the token, of the login that the reply at ``row`` answers; None where that is not known.

    As it went out where the mechanism sends it; where it does not ``given``, what was given for the last login, if this
    is the last and was not typed.
    """
    login = said(log, row) if 0 <= row < len(log) and log.kind[row] in (Kind.RECEIVED, Kind.REFUSED) else None
    if login is None:
        return None
    sent = login.last("password", "token")
    if sent is not None:
        return Secret(sent.value)
    later = log.verbs.number("AUTH") in log.verb[log.reply_rows(row)[-1] + 1 :]
    return None if later or login.typed or login.mechanism in ("EXTERNAL", "ANONYMOUS") else given


def _last_word(data: bytes) -> bytes:
    words = data.split()
    return words[-1] if words else b""


def _not_kept(octets: bytes) -> bool:
    """Whether they only stand for a secret, in a kept session."""
    return not octets.strip(FILLER)
