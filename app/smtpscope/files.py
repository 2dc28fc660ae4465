"""Small files of our own: there whole or not at all, and for their owner alone."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import mkstemp


def make_folder(folder: Path) -> None:
    """Make it if need be, open to its owner alone."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_mode & 0o077:
        folder.chmod(0o700)


def write_whole(path: Path, data: bytes) -> None:
    """Put ``data`` there whole or not at all. Raises OSError."""
    handle, name = mkstemp(dir=path.parent, prefix=f".{path.name}.")  # of mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
