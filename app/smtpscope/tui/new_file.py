"""What the ``:`` line writes to a file that it names: never over one that is there."""

from __future__ import annotations

import os
from pathlib import Path

from smtpscope.session.repeat_table import count
from smtpscope.visible import octets, safe


def path_of(name: str) -> Path:
    """A name as it was typed, ``~`` for the home folder."""
    try:
        return Path(name).expanduser()
    except RuntimeError:  # a home that nobody knows
        return Path(name)


def written(text: str, path: Path, what: str = "") -> str:
    """Write a file that is not there yet, for its owner alone; the sentence that says so, with ``what`` it is."""
    data = octets(text)
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(file, "wb") as stream:
            stream.write(data)
    except FileExistsError:
        return f"{safe(str(path))} is there already: choose another name"
    except (OSError, ValueError) as error:
        return f"{safe(str(path))} cannot be written: {getattr(error, 'strerror', None) or error}"
    return f"wrote {what or count(len(text.splitlines()), 'line')} to {safe(str(path))}"
