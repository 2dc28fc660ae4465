"""The certificates that servers have shown before, so that a change is seen: a JSON file in the state folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeGuard

from smtpscope.files import make_folder, write_whole
from smtpscope.session.certificates import described

NAME = "certificates.json"
LIMIT = 1000
"""Servers that are remembered, those last seen."""
_FIRST, _LAST = -62_135_596_800, 253_402_300_799  # seconds: of the year 1, and of 9999, in which some never end
_LARGEST = 4_000_000  # octets of a file that one of us can have written


@dataclass(frozen=True, slots=True)
class Known:
    """A server's own certificate as it was the last time."""

    sha256: str
    """Of its DER, in hexadecimal."""
    pin: str
    """SHA-256 of its public key's DER, in base64."""
    until: float
    """When it ends, in seconds since the Unix epoch; 0 where that is not known."""
    seen: float
    """When it was shown, in the same."""


class KnownCertificates:
    """Nothing raises: without a folder, or where the file cannot be used, it lasts as long as the run."""

    def __init__(self, folder: Path | None, writes: bool = True) -> None:
        """Without ``writes`` the file is read and left as it is."""
        self._path = folder / NAME if folder else None
        self._writes = writes
        self._known: dict[str, Known] | None = None  # read when it is first needed

    def note(self, server: str, port: int, chain: Sequence[bytes], wall: float, sni: str | None = None) -> Known | None:
        """Remember what a server shows at ``wall``, seconds since the Unix epoch; gives what it showed before.

        ``sni`` is the name that it was asked for, empty for none; None for its own.
        """
        if not chain:
            return None
        self._known = known = self._read() if self._known is None else self._known
        it = described(chain[0])
        until = it.not_after.timestamp() if it.not_after else 0.0
        place = _place(server, port, sni)
        before = known.pop(place, None)
        known[place] = Known(it.fingerprint, it.pin, until, wall)
        while len(known) > LIMIT:
            del known[next(iter(known))]
        if self._path is not None and self._writes:
            with suppress(OSError, ValueError):
                make_folder(self._path.parent)
                rows = {name: asdict(each) for name, each in known.items()}
                write_whole(self._path, json.dumps(rows, indent=1).encode())
        return before

    def _read(self) -> dict[str, Known]:
        """What the file has; what in it is no certificate's row is passed over."""
        known: dict[str, Known] = {}
        with suppress(OSError, ValueError, RecursionError):
            if self._path is None or not self._path.is_file() or self._path.stat().st_size > _LARGEST:
                return known
            rows = json.loads(self._path.read_bytes())
            for place, row in rows.items() if isinstance(rows, dict) else ():
                if isinstance(row, dict) and (each := _known(row)):
                    known[place] = each
        return dict(sorted(known.items(), key=lambda item: item[1].seen)[-LIMIT:])


def _place(server: str, port: int, sni: str | None) -> str:
    """The key of a server in the file; one that is asked for by another name is another."""
    server = server.lower().rstrip(".")
    other = f" {sni.lower()}" if sni is not None and sni.lower().rstrip(".") != server else ""
    return f"{server}:{port}{other}"


def _known(row: dict[str, object]) -> Known | None:
    sha256, pin = row.get("sha256"), row.get("pin")
    times = [float(time) for name in ("until", "seen") if _is_time(time := row.get(name))]
    if not isinstance(sha256, str) or not isinstance(pin, str) or len(times) < 2:
        return None
    return Known(sha256, pin, *times)


def _is_time(value: object) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and _FIRST <= value <= _LAST
