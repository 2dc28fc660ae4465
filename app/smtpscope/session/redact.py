"""What of the wire must not be shown: secrets where they were sent, and wherever the server says them back.

A secret is known from the moment it is given, or goes out (``Sent.secrets``). From then on its octets are hidden
wherever they stand, in clear, in base64 at any offset, and as ``written`` says. A secret that is short, or
a word that SMTP itself says, is hidden only where it was sent: elsewhere it would tell nobody anything, and hiding it
would take the log's own words away.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

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
LONG, PIECE, _STEP = 64, 24, 8
"""Octets of a secret that is looked for in pieces, of one of these, and from one to the next."""
HIDDEN = "[hidden]"
"""What stands in a secret's place."""
FILLER = b"*"
"""What stands for each octet of a secret in a kept session, so that every other octet keeps its place."""

_MANY = 500
"""Beginnings of secrets from which on they are looked up, octet by octet, and not looked for one by one."""

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
_PROOFS = 8
"""Proofs of a server's that are learned until we speak again: it may send words that look like one without end."""
_ONCE = ("SCRAM-", "DIGEST-", "CRAM-")
"""Mechanisms in which our proof is made for one login alone."""
_BASE64 = frozenset(bytes([each]) for each in b"abcdefghijklmnopqrstuvwxyz0123456789+/-_")
_RUN = re.compile(rb"[^\s]{%d,}" % PIECE)
_SPOKEN = re.compile(rb"(?:\A|\n)(?:334|235)[ -]([^\n]*)\r?\n")


class Redactor:
    """Learns secrets from events, and finds them in any octets."""

    def __init__(self) -> None:
        self._forms: dict[bytes, bool] = {}  # in small letters; whether it is base64
        self._begins: dict[bytes, list[bytes]] = {}  # the forms by their first octets, those that are shorter by none
        self._pieces: dict[bytes, tuple[bytes, int]] = {}  # of long ones: the form, and where in it
        self._said = b""  # the end of what the server has said since we spoke
        self._responses = 0  # of ours in this login
        self._names = False  # our response gives a user name, which is no secret elsewhere
        self._unended = b""  # a secret whose line has not ended yet
        self._mechanism = ""  # of the login that is going on
        self._asked = b""  # the challenge that our response answers
        self._lasting: set[bytes] = set()
        self._proved: set[bytes] = set()  # since we spoke
        self.proofs: tuple[bytes, ...] = ()
        """The words in which the server has proved itself in this login, as its mechanism has it do."""

    @property
    def forms(self) -> int:
        """How many forms of secrets are known: it grows as they are learned."""
        return len(self._forms)

    @property
    def lasting(self) -> int:
        """How many secrets are known that may have been said before: passwords and tokens, no proofs."""
        return len(self._lasting)

    def know(self, secret: Secret) -> None:
        """Hide a password from now on, though it may never go out itself, as with CRAM-MD5."""
        text = secret.reveal()
        self._add(octets(text), in_pieces=True)
        self._lasting.add(octets(text))
        self._add(prepared(text))  # as SCRAM takes it

    def learn(self, event: Event) -> bool:
        """Take one event; true if there is something new to hide."""
        before = len(self._forms)
        if isinstance(event, Received):
            self._said = (self._said + event.data[-_CHALLENGE_KEPT:])[-_CHALLENGE_KEPT:]
            if self._mechanism.startswith(_PROVING):
                self._learn_said()
        elif isinstance(event, Sent):
            self._learn_sent(event)
        return len(self._forms) > before

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
                    if field.secret and (field.value in self._proved or len(self._proved) < _PROOFS):
                        self._proved.add(field.value)
                        self._add(field.value)
                        proofs.append(word)
        self.proofs = tuple(proofs)

    def _take_challenge(self) -> None:
        """What we are about to send answers what the server has said: is it a user name?

        Only the first response of a login can be one, whatever a server asks later.
        """
        challenge = _CHALLENGE.search(self._said)
        self._said = b""
        self._proved.clear()
        self._asked = _decoded(challenge.group(1)) if challenge else b""
        self._responses = self._responses + 1 if challenge else 0
        self._mechanism = self._mechanism if challenge else ""
        self._names = self._responses == 1 and self._asked.lower().startswith(_ASKS_NAME)

    def _learn(self, token: bytes) -> None:
        for word in {token, *token.split()}:
            decoded = _decoded(word)
            if self._names and b"\0" not in decoded:
                continue
            secrets = self._secrets_of(decoded)
            for whole in {word, decoded} if secrets else {word}:
                self._add(whole)
            for secret in secrets:
                self._add(secret, in_pieces=True)
            self._lasting |= set() if self._mechanism.startswith(_ONCE) else secrets

    def _secrets_of(self, decoded: bytes) -> set[bytes]:
        """What is secret in a response: some of its fields, or all of it where they are not known."""
        last = decoded.rpartition(b"\0")[2]
        if self._mechanism in ("", "LOGIN"):
            return {last}
        fields = describe(self._mechanism, True, decoded, self._asked)
        secrets = {field.value for field in fields if field.secret}
        return {*secrets, last} if secrets and last != decoded else secrets

    def _add(self, secret: bytes, in_pieces: bool = False) -> None:
        """Look for ``secret`` from now on; for a long one ``in_pieces``, because a server's line is short."""
        if not is_sought(secret):
            return
        from smtpscope.session.written import packed, written  # not before it is needed: a start is quicker without

        forms = {**dict.fromkeys(written(secret), False), **dict.fromkeys(packed(secret), True)}
        new = [form for form in forms if form not in self._forms]
        self._forms |= forms  # first: a search in another thread may be looking
        for form in new:
            self._begins.setdefault(form[:SHORTEST] if len(form) >= SHORTEST else b"", []).append(form)
        for form in forms if in_pieces else ():
            for at in range(0, len(form) - PIECE if len(form) >= LONG else 0, _STEP):
                self._pieces.setdefault(form[at : at + PIECE], (form, at))

    def spans(self, data: bytes) -> list[tuple[int, int]]:
        """The (start, end) places of known secrets in ``data``, in order; they may overlap."""
        small, found = data.lower(), []
        for form in self._near(small):
            at = small.find(form)
            while at >= 0:
                end = at + len(form)
                if self._forms[form]:  # the characters beside it tell a part of the secret, and go with it
                    found.append((at - (small[at - 1 : at] in _BASE64), end + (small[end : end + 1] in _BASE64)))
                else:
                    found.append((at, end))
                at = small.find(form, at + 1)
        if self._pieces:
            found += self._cut(small)
        return sorted(found)

    def _near(self, small: bytes) -> Iterator[bytes]:
        """The forms that begin as something in ``small`` does: each login makes some more, and there may be many."""
        begins = self._begins
        if len(begins) < _MANY:
            return (form for begin, forms in list(begins.items()) if begin in small for form in forms)
        found = {begin for at in range(len(small)) if (begin := small[at : at + SHORTEST]) in begins}
        return (form for begin in (b"", *found) for form in begins.get(begin, ()))

    def _cut(self, small: bytes) -> Iterator[tuple[int, int]]:
        """The places of pieces of long secrets: a server has cut them, or goes on in its next line."""
        for run in _RUN.finditer(small):
            at = run.start()
            while at <= run.end() - PIECE:
                form, place = self._pieces.get(small[at : at + PIECE], (b"", 0))
                start, end, behind = at, at + PIECE, place + PIECE
                while form and start and place and small[start - 1] == form[place - 1]:
                    start, place = start - 1, place - 1
                while form and end < len(small) and behind < len(form) and small[end] == form[behind]:
                    end, behind = end + 1, behind + 1
                if form:
                    yield start, end
                at = end if form else at + 1

    def begun(self, data: bytes) -> int:
        """How many octets at the end of ``data`` may begin a secret whose other octets are still to come."""
        small = data.lower()
        longest = 0
        for form in self._forms:
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
