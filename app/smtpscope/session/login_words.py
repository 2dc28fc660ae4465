"""Why a login was refused, as far as its steps tell: a refused token's error, SCRAM's errors, what we have sent.

A line each, ours but for single words of the server's, of the user name and of a token's claims, which are made safe
and hidden where they are known secrets.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from smtpscope.session.login_said import Said, Step
from smtpscope.session.redact import Redactor, hide
from smtpscope.session.token_words import WORD, has_scope, token_words
from smtpscope.smtp.sasl_bearer import json_object, jwt_claims
from smtpscope.smtp.sasl_scram import ERRORS
from smtpscope.visible import Spans, octets, visible_text

_BEARER = ("XOAUTH2", "OAUTHBEARER")
_REFUSALS = {
    "400": "could not use the token: expired, malformed, of another user or scope",
    "401": "does not accept the token: expired, revoked, malformed, or not made for it",
    "403": "takes the token, but its scope does not do here",
}
_WORDS = {"invalid_request": "400", "invalid_token": "401", "insufficient_scope": "403"}  # RFC 6750 3.1
_UNKNOWN = "refuses the token"
_LATER = "could not check the token now: the same may work later"


def step_words(said: Said, server: str, now: float, redactor: Redactor) -> list[Spans]:
    """What the last step of ``said`` means, where that can be told: an error of the server's, a token's end.

    ``server`` is the host as the user named it; ``now`` in seconds since the Unix epoch, 0 for no judgement of times.
    """
    step = said.steps[-1]
    if step.ours:
        return [_bad(each) for each in _ours(said, step, server, now, redactor)]
    return _theirs(said, step, redactor)


def verdict_words(said: Said, server: str, now: float, redactor: Redactor) -> list[Spans]:
    """What of the steps before it speaks for a refusal: of ours, and of the server's own errors."""
    ours = (_ours(said, step, server, now, redactor) for step in said.steps if step.ours)
    lines = [_bad(each) for sentences in ours for each in sentences]
    for step in said.steps:
        lines += [] if step.ours else _theirs(said, step, redactor)
    if (last := said.steps[-1].data) and json_object(last) is None:
        lines.append([("The reply ends in base64 of: ", "dim"), (_word(last, redactor), "text")])
    return lines


def _ours(said: Said, step: Step, server: str, now: float, redactor: Redactor) -> list[str]:
    """What is odd about a step of ours, in sentences."""
    fields = {field.name: field.value for field in said.fields(step)}
    user = fields.get("user", fields.get("username", b"")).decode(errors="replace")
    found = ["What we sent is not base64."] if step.broken else []
    if said.mechanism == "PLAIN" and step.data and (nuls := step.data.count(b"\0")) != 2:
        has = "one NUL" if nuls == 1 else f"{nuls or 'no'} NULs"
        found.append(f"PLAIN is authzid NUL user NUL password (RFC 4616 2); what we sent has {has}.")
    if (other := fields.get("authzid", b"")) and user and other.decode(errors="replace") != user:
        found.append(f"The login of {_word(user, redactor)} asks to act as {_word(other, redactor)} (authzid).")
    if user != user.strip():
        found.append(f'The user name begins or ends with a blank or a line end: "{_word(user, redactor)}".')
    if said.mechanism in _BEARER and "token" in fields:
        found += [] if fields["token"] else ["The token is empty."]
        claims = jwt_claims(fields["token"])
        found += token_words(claims, user, server, now, redactor.text) if claims is not None else []
    return found


def _theirs(said: Said, step: Step, redactor: Redactor) -> list[Spans]:
    """What an error of the server's means."""
    if said.mechanism in _BEARER:
        error = json_object(step.data)
        return _refused_token(said, error, redactor) if error else []
    error_word = next((field.value for field in said.fields(step) if field.name == "error"), b"")
    if said.mechanism.startswith("SCRAM-") and error_word:
        meant = ERRORS.get(error_word, "an error that RFC 5802 does not know")
        return [_bad(f"The server says {_word(error_word, redactor)}: {meant}.")]
    return []


def _refused_token(said: Said, error: Mapping[str, Any], redactor: Redactor) -> list[Spans]:
    """The error of a refused token (RFC 7628 3.2.2, Google's XOAUTH2): what it means, and what to try."""
    status = str(error.get("status", error.get("error", "")))[:WORD]
    code = _WORDS.get(status, status)
    meant = _LATER if code.startswith("5") else _REFUSALS.get(code, _UNKNOWN)
    lines: list[Spans] = [_bad(f"The server {meant}" + (f" ({_word(status, redactor)})." if status else "."))]
    tries = ["a new token: most are good for an hour"]
    if isinstance(scope := error.get("scope"), str) and scope:
        sent = said.last("token")
        claims = jwt_claims(sent.value) if sent is not None else None
        has = "" if claims is None or has_scope(claims, scope) else ", which this one has not"
        tries.append(f"a token of the scope {_word(scope, redactor)}{has}")
    tries.append("the user name that the token was made for, a whole mail address mostly")
    if isinstance(where := error.get("openid-configuration"), str) and where:
        tries.append(f"a token from where {_word(where, redactor)} says (openid-configuration)")
    for n, each in enumerate(tries):
        lines.append([("    or: " if n else "   try: ", "more"), (each, "text")])
    return lines


def _bad(sentence: str) -> Spans:
    return [("! ", "fault"), (sentence, "fault")]


def _word(foreign: str | bytes, redactor: Redactor) -> str:
    """Only what is foreign is looked through for secrets: a gap in our own words would tell one."""
    data = foreign if isinstance(foreign, bytes) else octets(foreign)
    return visible_text(hide(data, redactor.spans(data)), limit=2 * WORD)
