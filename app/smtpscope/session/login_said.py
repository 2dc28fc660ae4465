"""The steps of a login as they stand in the log: what each side has said, decoded, up to a row."""

from __future__ import annotations

import re
from typing import NamedTuple

from smtpscope.session.log import WIRE, Kind, Log
from smtpscope.session.redact import FILLER
from smtpscope.smtp.events import Issued
from smtpscope.smtp.sasl_fields import Field, describe
from smtpscope.smtp.sasl_steps import decode_base64

LIMIT = 64 * 1024
"""Octets of a row that are read: a token may be long."""
MOST = 200
"""Rows of a login that are gone back through: a server may ask without end."""
_AUTH = re.compile(rb"\s*auth\s+(\S+)(?:\s+(\S+))?", re.IGNORECASE)
_CHALLENGE = re.compile(rb"334[ -](\S*)\s*")
_LAST_WORD = re.compile(rb"[45][^\r\n]* ([A-Za-z0-9+/]{8,}={0,2})\r?\n\Z")
_NOTHING = b"="
"""An initial response that is empty (RFC 4954 4)."""
_NAME = b"Username:"
"""What LOGIN's initial response answers, where it is no secret."""


class Step(NamedTuple):
    """One step: the row that it stands in, whose it is, and what its base64 stands for, empty where there is none."""

    row: int
    ours: bool
    data: bytes
    asked: bytes = b""
    """The challenge that a step of ours answers."""
    broken: bool = False
    """There is something, and it is no base64."""


class Said(NamedTuple):
    """A login up to a row; ``steps`` are in order, the last one may be the reply that ends it."""

    mechanism: str
    steps: tuple[Step, ...]
    typed: bool = False
    """The user has typed it: what was given for logins need not be in it."""

    def fields(self, step: Step, now: float = 0.0) -> list[Field]:
        """What a step says. ``now`` is in seconds since the Unix epoch, 0 if a token's end is not to be judged."""
        return describe(self.mechanism, step.ours, step.data, step.asked, now)

    def last(self, *names: str, ours: bool = True) -> Field | None:
        """The field of one of these names that one side has said last."""
        for step in reversed(self.steps):
            if step.ours is ours:
                for field in self.fields(step):
                    if field.name in names:
                        return field
        return None


def said(log: Log, row: int) -> Said | None:
    """The login that a row is part of, from AUTH to the row; None where it is part of none, or AUTH is too far away.

    A row of what base64 says stands for the row above it, a line of a reply for the reply.
    """
    if not 0 <= row < len(log):
        return None
    if log.kind[row] == Kind.DECODED or log.kind[row] in (Kind.RECEIVED, Kind.REFUSED):
        row = log.first[row]
    if log.kind[row] not in WIRE or log.verb[row] != log.verbs.number("AUTH"):
        return None
    steps: list[Step] = []
    for each in range(row, max(-1, row - MOST), -1):
        if log.kind[each] == Kind.DIVIDER:
            break
        data = log.octets(each, LIMIT) if log.kind[each] in WIRE else b""
        if log.kind[each] in (Kind.RECEIVED, Kind.REFUSED) and log.first[each] == each:
            challenge = _CHALLENGE.fullmatch(data)
            steps.append(_step(each, False, challenge.group(1)) if challenge else _refusal(each, data))
        elif log.kind[each] == Kind.SENT:
            command = _AUTH.match(data)
            steps.append(_step(each, True, (command.group(2) or b"") if command else data.strip()))
            if command:
                name = command.group(1).decode("ascii", "replace").upper()
                if name == "LOGIN" and each not in log.secret:
                    steps[-1] = steps[-1]._replace(asked=_NAME)
                return Said(name, _answering(steps[::-1]), not _is_run(log, each))
    return None


def _is_run(log: Log, row: int) -> bool:
    """Whether the AUTH at ``row`` is of a login that runs by itself."""
    before = log.event[row] - 1
    issued = log.recorder[before] if before >= 0 else None
    return isinstance(issued, Issued) and issued.user != ""


def _answering(steps: list[Step]) -> tuple[Step, ...]:
    """The same, each step of ours with the challenge before it."""
    asked, found = b"", []
    for step in steps:
        found.append(step._replace(asked=step.asked or asked) if step.ours else step)
        asked = b"" if step.ours else step.data
    return tuple(found)


def _step(row: int, ours: bool, word: bytes) -> Step:
    """A step of these octets; of a kept session they may only stand for a secret."""
    if not word.strip(FILLER) or word == _NOTHING:
        return Step(row, ours, b"")
    data = decode_base64(word)
    return Step(row, ours, data or b"", broken=data is None)


def _refusal(row: int, data: bytes) -> Step:
    """The reply that ends a login: base64 of a text may be its last word, as Postfix has it say the last challenge."""
    match = _LAST_WORD.match(data)
    said = (decode_base64(match.group(1)) or b"") if match else b""
    return Step(row, False, said if said.isascii() and said.decode("ascii").isprintable() else b"")
