"""What of a session must not be handed on, as one function."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeAlias

from smtpscope.session.redact import Redactor, hide
from smtpscope.smtp.events import Event

Hide: TypeAlias = Callable[[bytes], bytes]
"""Octets with every secret replaced."""


def hiding(events: Iterable[Event], redactor: Redactor | None) -> Hide:
    """Hides what ``redactor`` knows and what was secret in ``events``, wherever it stands."""
    learned = Redactor()
    for event in events:
        learned.learn(event)

    def hidden(data: bytes) -> bytes:
        return hide(data, [*(redactor.spans(data) if redactor else ()), *learned.spans(data)])

    return hidden
