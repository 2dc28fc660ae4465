"""The lines that were typed, kept between runs; and the file of the last copy, which lies beside them."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp

from smtpscope import visible

LIMIT = 1000
"""How many lines are kept."""

_SLACK = 2 * LIMIT  # lines a file may grow to before it is written anew
_AUTH = re.compile(rb"AUTH[\s\0]+[^\s\0]+[\s\0]+[^\s\0]", re.IGNORECASE)
_AUTH_LINE = re.compile(r"\s*(AUTH)\s+(\S+)", re.IGNORECASE)
_MECHANISM = re.compile(r"[0-9A-Za-z_-]{1,20}")  # RFC 4422 section 3.1, in any case


def state_folder() -> Path:
    """The folder for what smtpscope remembers, in the platform's place."""
    from platformdirs import user_state_path  # not before it is needed: a start is quicker without

    return user_state_path("smtpscope", appauthor=False)


def last_copy(text: bytes | str, folder: Path | None = None) -> Path:
    """Write ``text`` to ``last-copy.txt`` in ``folder`` or the state folder, for the owner alone. Raises OSError."""
    path = (folder or state_folder()) / "last-copy.txt"
    _make_folder(path.parent)
    _write(path, visible.octets(text) if isinstance(text, str) else text)
    return path


class History:
    """Lines, oldest first, each once; in a file too, one a line, escaped.

    Nothing raises: without a path, or where the file cannot be used, the lines last as long as the run. Several runs
    may share a file: each appends, and sees the others' lines at its next start.
    """

    def __init__(self, path: Path | None) -> None:
        self.lines: list[str] = []
        """The same list for the whole run, so that a widget may be given it once."""
        self.problem = ""
        """Why the file could not be used the last time, in one sentence that is safe to show; empty if it could."""
        self._path = path
        self._load()

    def add(self, line: str) -> None:
        """Remember ``line`` as the newest. Of AUTH only verb and mechanism are kept, and nothing of an empty line.

        A line that has AUTH with more anywhere else, as a pipelined group may, is not kept at all.
        """
        kept = without_secrets(line)
        if not kept or (self.lines and self.lines[-1] == kept):
            return
        with suppress(ValueError):
            self.lines.remove(kept)
        self.lines.append(kept)
        del self.lines[:-LIMIT]
        if self._path:
            try:
                _make_folder(self._path.parent)
                _append(self._path, _as_row(kept))
                self.problem = ""
            except (OSError, ValueError) as error:
                self._complain(error)

    def _load(self) -> None:
        """Read the file, and write it anew if it has grown too long or its last line has no end."""
        if not self._path:
            return
        try:
            if not self._path.exists():
                return
            data = self._path.read_bytes()
            rows = data.decode("utf-8", "surrogateescape").split("\n")
            lines = (visible.unescape(row).decode("utf-8", "surrogateescape") for row in reversed(rows))
            kept = dict.fromkeys(line for line in map(without_secrets, lines) if line)
            self.lines[:] = list(kept)[:LIMIT][::-1]
            if len(rows) > _SLACK or not data.endswith(b"\n"):
                _write(self._path, b"".join(map(_as_row, self.lines)))  # another run's line of this instant is lost
            else:
                self._path.chmod(0o600)
        except (OSError, ValueError) as error:
            self._complain(error)

    def _complain(self, error: Exception) -> None:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.problem = visible.safe(f"The history lasts for this run only: {self._path}: {why}.")


def without_secrets(line: str) -> str:
    """What may be kept of a line, empty for nothing; it is judged by what it sends."""
    if not line.strip():
        return ""
    if typed := _AUTH_LINE.match(line):
        verb, mechanism = typed.groups()
        return f"{verb} {mechanism}" if _MECHANISM.fullmatch(mechanism) else verb
    return "" if _AUTH.search(visible.unescape(line)) else line


def _as_row(line: str) -> bytes:
    return visible.escape(visible.octets(line)).encode() + b"\n"


def _make_folder(folder: Path) -> None:
    """Make it if need be, open to its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def _append(path: Path, data: bytes) -> None:
    """Add ``data`` in one write, so that the lines of several runs do not mix."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)


def _write(path: Path, data: bytes) -> None:
    """Put ``data`` there whole or not at all."""
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
