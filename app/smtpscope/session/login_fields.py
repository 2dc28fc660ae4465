"""One step of a login for whoever looks at its row: its fields, names and values, and what they mean; no secrets."""

from __future__ import annotations

from smtpscope.session.log import Kind, Log
from smtpscope.session.login_said import said
from smtpscope.session.login_words import step_words, verdict_words
from smtpscope.session.redact import HIDDEN, Redactor, hide
from smtpscope.smtp.events import Opened
from smtpscope.smtp.sasl_fields import Field
from smtpscope.visible import Spans, visible

_VALUE = 2000
"""Cells of a value."""


def login_fields(log: Log, row: int, now: float = 0.0) -> list[Field]:
    """The fields of the step at ``row``, or at the row above it if that is what its base64 says; empty if it is none.

    ``now`` is in seconds since the Unix epoch, 0 if a token's end is not to be judged. Secrets are among them.
    """
    login = said(log, row)
    return login.fields(login.steps[-1], now) if login is not None else []


def login_lines(log: Log, row: int, redactor: Redactor, opened: Opened | None = None) -> list[Spans]:
    """What they mean, and the same as lines to be shown; at the reply that refuses, why, as far as the steps tell.

    ``opened`` is the connection's, by which a token is judged: as of the session, for that server.
    """
    login = said(log, row)
    if login is None:
        return []
    now = opened.wall + log.time[row] if opened is not None else 0.0
    server = opened.server if opened is not None else ""
    step = login.steps[-1]
    if log.kind[step.row] == Kind.REFUSED:
        return verdict_words(login, server, now, redactor)
    fields = login.fields(step, now)
    width = max((len(field.name) for field in fields), default=0)
    lines = [[(f"{field.name:<{width}}  ", "dim"), *_value(field, redactor)] for field in fields]
    return [*step_words(login, server, now, redactor), *lines]


def _value(field: Field, redactor: Redactor) -> Spans:
    if field.secret:
        return [(HIDDEN, "hidden")]
    if not field.value:
        return [("(empty)", "dim")]
    return visible(hide(field.value, redactor.spans(field.value)), limit=_VALUE)
