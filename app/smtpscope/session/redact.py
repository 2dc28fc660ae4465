"""What of the wire must not be shown: secrets where they were sent, and wherever the server says them back.

A secret is known from the moment it goes out (``Sent.secrets``). From then on its octets are hidden wherever they
stand, in clear, in base64 at any offset, in hexadecimal and percent-encoded.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote

from smtpscope.smtp.events import Event, Received, Sent

SHORTEST = 4
"""Octets of the shortest secret that is looked for elsewhere; a shorter one is hidden only where it was sent."""
HIDDEN = "[hidden]"
"""What stands in a secret's place."""

_CHALLENGE = re.compile(rb"334[ -]([A-Za-z0-9+/=]*)\r?\n\Z")


class Redactor:
    """Learns secrets from events, and finds them in any octets."""

    def __init__(self) -> None:
        self._forms: set[bytes] = set()
        self._pattern: re.Pattern[bytes] | None = None
        self._asked_for_name = False

    @property
    def forms(self) -> int:
        """How many forms of secrets are known: it grows as they are learned."""
        return len(self._forms)

    def learn(self, event: Event) -> bool:
        """Take one event; true if there is something new to hide."""
        if isinstance(event, Received):
            if match := _CHALLENGE.search(event.data[-2048:]):
                self._asked_for_name = _decoded(match.group(1)).lower().startswith(b"user")
            return False
        if not isinstance(event, Sent) or not event.secrets:
            return False
        before = len(self._forms)
        for start, end in event.secrets:
            self._learn(event.data[start:end])
        if len(self._forms) == before:
            return False
        longest_first = sorted(self._forms, key=len, reverse=True)
        self._pattern = re.compile(b"|".join(map(re.escape, longest_first)), re.IGNORECASE)
        return True

    def _learn(self, token: bytes) -> None:
        decoded = _decoded(token)
        self._add(token)
        if self._asked_for_name:
            return  # a user name typed under the mask is no secret elsewhere
        self._add(decoded)
        secret = decoded.rpartition(b"\0")[2] if b"\0" in decoded else decoded
        for form in (secret, secret.rpartition(b" ")[2]):
            self._add(form)

    def _add(self, secret: bytes) -> None:
        if len(secret) < SHORTEST:
            return
        self._forms.add(secret)
        self._forms.add(secret.hex().encode())
        self._forms.add(quote(secret).encode())
        for offset in range(3):
            # The characters that depend on the secret alone, whatever stands before and behind it.
            encoded = base64.b64encode(bytes(offset) + secret + bytes(-(offset + len(secret)) % 3))
            first, last = (offset * 8 + 5) // 6, (offset + len(secret)) * 8 // 6
            if last - first >= SHORTEST:
                self._forms.add(encoded[first:last])

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The (start, end) places of known secrets in ``data``, in order."""
        return [match.span() for match in self._pattern.finditer(data)] if self._pattern else []

    def text(self, text: str) -> str:
        """``text`` with known secrets replaced."""
        data = text.encode(errors="surrogateescape")
        return hide(data, self.spans(data)).decode(errors="surrogateescape")


def hide(data: bytes, spans: list[tuple[int, int]]) -> bytes:
    """``data`` with the octets of ``spans`` replaced."""
    pieces, last = [], 0
    for start, end in merged(spans):
        pieces += [data[last:start], HIDDEN.encode()]
        last = end
    return b"".join([*pieces, data[last:]])


def merged(spans: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The same places, in order, none touching another."""
    result: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if result and start <= result[-1][1]:
            result[-1] = (result[-1][0], max(end, result[-1][1]))
        elif start < end:
            result.append((start, end))
    return result


def _decoded(token: bytes) -> bytes:
    try:
        return base64.b64decode(token, validate=True)
    except (binascii.Error, ValueError):
        return b""
