"""A file of rows that outlives a run: bounded, each row once, shared by several runs at once, for its owner alone."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, TypeVar

from smtpscope import visible
from smtpscope.files import make_folder, write_whole

Item = TypeVar("Item")

_LONGEST = 4000
"""Octets of a row that is kept; a longer one lasts as long as the run."""
_MOST = 4_000_000
"""Octets of a file that are read, its last."""


class Remembered(Generic[Item]):
    """Items, oldest first, each once and at most ``limit`` of them; in a file too, one a row.

    Nothing raises: without a path, or where the file cannot be used, the items last as long as the run. Several runs
    may share a file: each appends, and sees the others' items at its next start. Rows that ``read`` gives None for,
    whatever they are, are passed over.
    """

    def __init__(
        self,
        path: Path | None,
        limit: int,
        write: Callable[[Item], str],
        read: Callable[[str], Item | None],
        writes: bool = True,
    ) -> None:
        """``write`` makes a row without line ends of an item, ``read`` the item; without ``writes`` it only reads."""
        self.items: list[Item] = []
        """The same list for the whole run, so that a widget may be given it once."""
        self.problem = ""
        """Why the file could not be used the last time, in one sentence that is safe to show; empty if it could."""
        self._path = path
        self._limit = limit
        self._write, self._read = write, read
        self._writes = writes
        self._load()

    def add(self, item: Item) -> None:
        """Remember ``item`` as the newest."""
        if self.items and self.items[-1] == item:
            return
        with suppress(ValueError):
            self.items.remove(item)
        self.items.append(item)
        del self.items[: -self._limit]
        row = self._row(item)
        if self._path and self._writes and len(row) <= _LONGEST:
            try:
                make_folder(self._path.parent)
                with _alone(self._path.parent):
                    _append(self._path, row)
                self.problem = ""
            except (OSError, ValueError) as error:
                self._complain(error)

    def _load(self) -> None:
        """Read the file, and write it anew if it has grown too long or its last row has no end."""
        if not self._path:
            return
        try:
            if not self._path.exists():
                return
            with _alone(self._path.parent):
                data = _tail(self._path)
                rows = data.decode("utf-8", "surrogateescape").split("\n")
                kept = dict.fromkeys(item for row in reversed(rows) if (item := self._read(row)) is not None)
                self.items[:] = list(kept)[: self._limit][::-1]
                if self._writes and (len(rows) > 2 * self._limit or not data.endswith(b"\n")):
                    write_whole(self._path, b"".join(map(self._row, self.items)))
                else:
                    self._path.chmod(0o600)
        except (OSError, ValueError) as error:
            self._complain(error)

    def _row(self, item: Item) -> bytes:
        return self._write(item).encode("utf-8", "surrogateescape") + b"\n"

    def _complain(self, error: Exception) -> None:
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        self.problem = visible.safe(f"The history lasts for this run only: {self._path}: {why}.")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """While another run writes a file of ``folder`` anew, nothing is appended to the one that goes."""
    try:
        import fcntl
    except ImportError:  # Windows, where a row of another run's may be lost at that moment
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # not every file system has locks
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _tail(path: Path) -> bytes:
    """The file's octets; of one that nobody of us can have written, the last ``_MOST``."""
    if not path.is_file():
        raise OSError(0, "it is not a regular file")
    with path.open("rb") as file:
        file.seek(max(0, os.fstat(file.fileno()).st_size - _MOST))
        return file.read(_MOST)


def _append(path: Path, data: bytes) -> None:
    never_waiting = getattr(os, "O_NONBLOCK", 0)  # for who reads a pipe that somebody has put there
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | never_waiting, 0o600)
    try:
        os.write(file, data)
    finally:
        os.close(file)
