"""What of a session must not be handed on."""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy

from smtpscope.session.redact import Redactor, hide
from smtpscope.smtp.events import Event
from smtpscope.visible import octets, visible_text


class Hide:
    """Hides what a redactor knows and what was secret in these sessions, wherever it stands; called with octets."""

    def __init__(self, redactor: Redactor | None, *sessions: Iterable[Event]) -> None:
        self.redactor = deepcopy(redactor) if redactor is not None else Redactor()
        for events in sessions:
            for event in events:
                self.redactor.learn(event)

    def __call__(self, data: bytes) -> bytes:
        """``data`` with every secret replaced."""
        return hide(data, self.redactor.spans(data))

    def shown(self, words: bytes | str, limit: int | None = None) -> str:
        """Foreign words as they can be shown, without secrets, in at most ``limit`` cells."""
        return visible_text(self(octets(words) if isinstance(words, str) else words), limit=limit)
