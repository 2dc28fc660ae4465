"""What was used before, kept between runs: typed lines, envelopes, command lines; never a password.

Beside them in the state folder lies the file of the last copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from smtpscope import visible
from smtpscope.files import make_folder, write_whole
from smtpscope.session.redact import Redactor
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Event, Issued, Link, LinkStatus
from smtpscope.smtp.typed_login import MECHANISM, looks_like_response
from smtpscope.tui.remembered import Remembered

LINES, ENVELOPES, STARTS = 1000, 200, 200
"""How many of each are kept."""

_AUTH = re.compile(rb"AUTH(?:ENTICATE)?[\s\0=:]+[^\s\0=:]+[\s\0=:]+[^\s\0]", re.IGNORECASE)
_AUTH_LINE = re.compile(r"\s*(AUTH)\s+(\S+)", re.IGNORECASE)
_MECHANISM = re.compile(MECHANISM)
_PATH = re.compile(r'\s*(MAIL|RCPT)[^<]*<((?:"(?:\\.|[^"\\])*"|[^>"])*)>', re.IGNORECASE)
_FORWARD_PATHS = 50
"""Of one envelope."""


class Envelope(NamedTuple):
    """The paths of one mail transaction, without their brackets, as a line that is typed has them."""

    mail_from: str
    rcpt_to: tuple[str, ...]


def state_folder() -> Path:
    """The folder for what smtpscope remembers, in the platform's place."""
    from platformdirs import user_state_path  # not before it is needed: a start is quicker without

    return user_state_path("smtpscope", appauthor=False)


def last_copy(text: bytes | str, folder: Path | None = None) -> Path:
    """Write ``text`` to ``last-copy.txt`` in ``folder`` or the state folder, for the owner alone. Raises OSError."""
    path = (folder or state_folder()) / "last-copy.txt"
    make_folder(path.parent)
    write_whole(path, visible.octets(text) if isinstance(text, str) else text)
    return path


class History:
    """What was used before, oldest first. Nothing raises; without a folder it lasts as long as the run."""

    def __init__(self, folder: Path | None, writes: bool = True) -> None:
        """Without ``writes`` the files are read and left as they are."""

        def file(name: str) -> Path | None:
            return folder / name if folder else None

        self._lines = Remembered(file("history"), LINES, _escaped, _kept_line, writes)
        self._envelopes = Remembered(file("envelopes"), ENVELOPES, _envelope_row, _envelope_of, writes)
        self._starts = Remembered(file("starts"), STARTS, _escaped, _unescaped, writes)
        self.lines = self._lines.items
        """Lines for the wire; the same list for the whole run, so that a widget may be given it once."""
        self.envelopes = self._envelopes.items
        self.starts = self._starts.items
        """Command lines that started a session, without the program's name and without passwords."""
        self._of_this_run: dict[str, None] = {}

    @property
    def problem(self) -> str:
        """Why a file could not be used the last time, in one sentence that is safe to show; empty if all could."""
        return self._lines.problem or self._envelopes.problem or self._starts.problem

    def add(self, line: str) -> None:
        """Remember ``line`` as the newest. Of AUTH only verb and mechanism are kept, and nothing of an empty line.

        A line that has AUTH with more anywhere else, as a pipelined group may, is not kept at all.
        """
        if kept := without_secrets(line):
            self._lines.add(kept)
            self._of_this_run.pop(kept, None)
            self._of_this_run[kept] = None

    def started(self, line: str) -> None:
        """A session was started by this command line, in which there is no password."""
        self._starts.add(line)

    def sent(self, envelopes: Iterable[Envelope]) -> None:
        """These were used in a session."""
        for envelope in envelopes:
            self._envelopes.add(envelope)

    def addresses(self, verb: str) -> list[str]:
        """Addresses used before, most recent first; those used with ``verb``, MAIL or RCPT, before the others."""
        own: list[str] = []
        others: list[str] = []
        for used, address in self._used():
            (own if used == verb else others).append(address)
        return [address for address in dict.fromkeys(own + others) if address]

    def _used(self) -> Iterator[tuple[str, str]]:
        """Verb and path: of this run's lines, of the runs before, and of older lines."""
        yield from _paths(reversed(self._of_this_run))
        for envelope in reversed(self.envelopes):
            yield "MAIL", envelope.mail_from
            yield from (("RCPT", path) for path in envelope.rcpt_to)
        yield from _paths(reversed(self.lines))


def without_secrets(line: str) -> str:
    """What may be kept of a line, empty for nothing; it is judged by what it sends."""
    if not line.strip():
        return ""
    if typed := _AUTH_LINE.match(line):
        verb, mechanism = typed.groups()
        return f"{verb} {mechanism}" if _MECHANISM.fullmatch(mechanism) else verb
    octets = visible.unescape(line)
    return "" if looks_like_response(octets) or _AUTH.search(octets) else line


def envelopes_of(events: Iterable[Event], redactor: Redactor) -> list[Envelope]:
    """The envelopes that a session's commands were for, in their order, whatever the server said to them."""
    found: list[tuple[str, dict[str, None]]] = []
    for event in events:
        if isinstance(event, Issued) and event.step in (SMTPCommand.MAIL, SMTPCommand.RCPT):
            for verb, path in _paths([event.line]):
                if redactor.text(path) != path:
                    continue
                path = _escaped(path)
                if verb == "MAIL":
                    found.append((path, {}))
                elif found and len(found[-1][1]) < _FORWARD_PATHS:
                    found[-1][1][path] = None
    return [Envelope(mail_from, tuple(rcpt_to)) for mail_from, rcpt_to in found]


def reached(events: Iterable[Event]) -> bool:
    """Whether the server's address was found: a name with a slip in it is not worth remembering."""
    return any(isinstance(event, Link) and event.status is LinkStatus.CONNECTING for event in events)


def _paths(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if found := _PATH.match(line):
            yield found[1].upper(), found[2]


def _escaped(line: str) -> str:
    return visible.escape(visible.octets(line))


def _unescaped(row: str) -> str | None:
    return visible.unescape(row).decode("utf-8", "surrogateescape") or None


def _kept_line(row: str) -> str | None:
    return without_secrets(_unescaped(row) or "") or None


def _envelope_row(envelope: Envelope) -> str:
    return json.dumps({"from": envelope.mail_from, "to": envelope.rcpt_to})


def _envelope_of(row: str) -> Envelope | None:
    try:
        fields: Any = json.loads(row)
        mail_from, rcpt_to = fields["from"], tuple(fields["to"])
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    fine = all(isinstance(path, str) and path.isprintable() for path in (mail_from, *rcpt_to))
    return Envelope(mail_from, rcpt_to) if fine else None
