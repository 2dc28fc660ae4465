"""What of the wire must not be shown: secrets where they were sent, and wherever the server says them back.

A secret is known from the moment it is given, or goes out (``Sent.secrets``). From then on its octets are hidden
wherever they stand, in clear, in base64 at any offset, in hexadecimal and percent-encoded. A secret that is short, or
a word that SMTP itself says, is hidden only where it was sent: elsewhere it would tell nobody anything, and hiding it
would take the log's own words away.
"""

from __future__ import annotations

import base64
import binascii
import re
from urllib.parse import quote, quote_plus

from smtpscope.profile import MECHANISMS
from smtpscope.secret import Secret
from smtpscope.session.keywords import KEYWORDS
from smtpscope.smtp.effects import MEMBERS
from smtpscope.smtp.events import Event, Received, Sent
from smtpscope.smtp.sasl_fields import describe
from smtpscope.smtp.saslprep import prepared
from smtpscope.visible import octets

SHORTEST = 4
"""Octets of the shortest secret that is looked for elsewhere; a shorter one is hidden only where it was sent."""
HIDDEN = "[hidden]"
"""What stands in a secret's place."""
FILLER = b"*"
"""What stands for each octet of a secret in a kept session, so that every other octet keeps its place."""

_SMTP = {*MEMBERS, *KEYWORDS, *MECHANISMS, "FROM", "SMTP", "ESMTP", "USER", "USERNAME", "PASSWORD", "NOOP", "LAST"}
_EVERYDAY = {word.lower().encode() for word in _SMTP}
_STATUS = re.compile(rb"[245]\.[0-9]{1,3}\.[0-9]{1,3}")  # an enhanced code
_AUTH = re.compile(rb"(?:\A|\n)[ \t]*AUTH[ \t]+([!-~]+)", re.IGNORECASE)
_AUTH_WITHIN = 4096
"""Octets of what goes out in which AUTH is looked for."""
_CHALLENGE = re.compile(rb"(?:\A|\n)334[ -]([A-Za-z0-9+/=]*)\r?\n\Z")
_CHALLENGE_KEPT = 2048
_ASKS_NAME = (b"username", b"user name")
_PROVING = ("SCRAM-", "DIGEST-MD5")
"""Mechanisms in which the server proves itself."""
_SPOKEN = re.compile(rb"(?:\A|\n)(?:334|235)[ -]([^\n]*)\r?\n")


class Redactor:
    """Learns secrets from events, and finds them in any octets."""

    def __init__(self) -> None:
        self._forms: dict[bytes, bytes] = {}  # pattern -> what it looks for, in small letters
        self._pattern: re.Pattern[bytes] | None = None
        self._said = b""  # the end of what the server has said since we spoke
        self._responses = 0  # of ours in this login
        self._names = False  # our response gives a user name, which is no secret elsewhere
        self._unended = b""  # a secret whose line has not ended yet
        self._mechanism = ""  # of the login that is going on
        self._asked = b""  # the challenge that our response answers
        self.proofs: tuple[bytes, ...] = ()
        """The words in which the server has proved itself in this login, as its mechanism has it do."""

    @property
    def forms(self) -> int:
        """How many forms of secrets are known: it grows as they are learned."""
        return len(self._forms)

    def know(self, secret: Secret) -> None:
        """Hide a password from now on, though it may never go out itself, as with CRAM-MD5."""
        before, text = len(self._forms), secret.reveal()
        self._add(octets(text))
        self._add(prepared(text))  # as SCRAM takes it
        if len(self._forms) > before:
            self._compile()

    def learn(self, event: Event) -> bool:
        """Take one event; true if there is something new to hide."""
        before = len(self._forms)
        if isinstance(event, Received):
            self._said = (self._said + event.data[-_CHALLENGE_KEPT:])[-_CHALLENGE_KEPT:]
            if self._mechanism.startswith(_PROVING):
                self._learn_said()
        elif isinstance(event, Sent):
            self._learn_sent(event)
        if len(self._forms) == before:
            return False
        self._compile()
        return True

    def _learn_sent(self, event: Sent) -> None:
        if not self._unended:
            self._take_challenge()
        if found := _AUTH.findall(event.data[:_AUTH_WITHIN]):
            self._mechanism = found[-1].decode("ascii").upper()
        unended, self._unended = self._unended, b""
        for start, end in event.secrets:
            token = event.data[start:end]
            if not token.strip(FILLER):
                continue  # of a kept session: the secret itself is not there
            if not start:
                token = unended + token
            self._learn(token)
            if end == len(event.data):
                self._unended = token

    def _learn_said(self) -> None:
        """The server's own proof is made of the password, too: who has it can try passwords."""
        proofs = []
        for match in _SPOKEN.finditer(self._said):
            for word in match.group(1).split():
                for field in describe(self._mechanism, False, _decoded(word)):
                    if field.secret:
                        self._add(field.value)
                        proofs.append(word)
        self.proofs = tuple(proofs)

    def _compile(self) -> None:
        longest_first = sorted(self._forms.items(), key=lambda item: len(item[1]), reverse=True)
        alternatives = b"|".join(form for form, _ in longest_first)
        self._pattern = re.compile(b"(?=(" + alternatives + b"))", re.IGNORECASE)  # they may overlap

    def _take_challenge(self) -> None:
        """What we are about to send answers what the server has said: is it a user name?

        Only the first response of a login can be one, whatever a server asks later.
        """
        challenge = _CHALLENGE.search(self._said)
        self._said = b""
        self._asked = _decoded(challenge.group(1)) if challenge else b""
        self._responses = self._responses + 1 if challenge else 0
        self._mechanism = self._mechanism if challenge else ""
        self._names = self._responses == 1 and self._asked.lower().startswith(_ASKS_NAME)

    def _learn(self, token: bytes) -> None:
        for word in {token, *token.split()}:
            decoded = _decoded(word)
            if self._names and b"\0" not in decoded:
                continue
            for secret in {word, *self._secrets_of(decoded)}:
                self._add(secret)

    def _secrets_of(self, decoded: bytes) -> set[bytes]:
        """What is secret in a response: some of its fields, or all of it where they are not known."""
        if self._mechanism in ("", "LOGIN"):
            return {decoded, decoded.rpartition(b"\0")[2]}
        fields = describe(self._mechanism, True, decoded, self._asked)
        secrets = {field.value for field in fields if field.secret}
        return {decoded, decoded.rpartition(b"\0")[2], *secrets} if secrets else set()

    def _add(self, secret: bytes) -> None:
        """Look for ``secret`` from now on: as it is, in hexadecimal, percent-encoded and in base64."""
        if not is_sought(secret):
            return
        every = b"".join(b"%%%02x" % octet for octet in secret)
        quoted = {quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(), every}
        clear = {secret, *_in_other_letters(secret)}
        self._forms |= {re.escape(form): form.lower() for form in (*clear, secret.hex().encode(), *quoted)}
        for offset in range(3):
            # The characters that depend on the secret alone; those beside them tell a part of it, and go with them.
            encoded = base64.b64encode(bytes(offset) + secret + bytes(-(offset + len(secret)) % 3))
            first, last = (offset * 8 + 5) // 6, (offset + len(secret)) * 8 // 6
            core = encoded[first:last]
            self._forms[b"[a-z0-9+/]?" + re.escape(core) + b"[a-z0-9+/]?"] = core.lower()

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The (start, end) places of known secrets in ``data``, in order; they may overlap."""
        small = data.lower()
        if self._pattern is None or not any(form in small for form in self._forms.values()):  # nearly always, and fast
            return []
        return [match.span(1) for match in self._pattern.finditer(data)]

    def begun(self, data: bytes) -> int:
        """How many octets at the end of ``data`` may begin a secret whose other octets are still to come."""
        small = data.lower()
        longest = 0
        for form in self._forms.values():
            tail = small[1 - len(form) :]
            at = tail.find(form[:SHORTEST])
            while at >= 0 and len(tail) - at > longest:
                if form.startswith(tail[at:]):
                    longest = len(tail) - at
                at = tail.find(form[:SHORTEST], at + 1)
        return longest

    def text(self, text: str) -> str:
        """``text`` with known secrets replaced."""
        data = octets(text)
        return hide(data, self.spans(data)).decode(errors="surrogateescape")


def is_sought(secret: bytes) -> bool:
    """Whether a secret is looked for elsewhere than where it was sent."""
    return len(secret) >= SHORTEST and secret.lower() not in _EVERYDAY and not _STATUS.fullmatch(secret)


def _in_other_letters(secret: bytes) -> set[bytes]:
    """In small and in capital letters, where they are not ASCII's: those need no pattern of their own."""
    if secret.isascii():
        return set()
    text = secret.decode("utf-8", "surrogateescape")
    return {each.encode("utf-8", "surrogateescape") for each in (text.upper(), text.lower())}


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
    """What base64 stands for, its padding left out or not; empty if it is none."""
    try:
        return base64.b64decode(token + b"=" * (-len(token) % 4), validate=True)
    except (binascii.Error, ValueError):
        return b""
