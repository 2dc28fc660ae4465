"""An app on the terminal that this process has: which streams it draws on, and what ends it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from textual.app import App

_STOPPED = [number for name in ("SIGTERM", "SIGINT", "SIGHUP") if (number := getattr(signal, name, None))]


def on_terminal(app: App[Any]) -> Any:
    """Run ``app`` to its end; what it ended with."""
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # empty means not set (no-color.org)
    with _terminal_on_stdout():
        return asyncio.run(_run(app))


@contextmanager
def _terminal_on_stdout() -> Iterator[None]:
    """Textual draws on standard error, but asks standard output how large the terminal is: for the run it is that too.

    So the transcript can go into a file.
    """
    if sys.__stdout__ is None or sys.__stdout__.isatty() or not sys.stderr.isatty():
        yield
        return
    own = sys.__stdout__.fileno()
    kept = os.dup(own)
    os.dup2(sys.stderr.fileno(), own)
    try:
        yield
    finally:
        os.dup2(kept, own)
        os.close(kept)


async def _run(app: App[Any]) -> Any:
    """A signal to end it leaves as ctrl+q does, with the shell's exit code, so that the terminal is itself again."""
    loop = asyncio.get_running_loop()
    for number in _STOPPED:
        with suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(number, app.exit, 128 + number)
    return await app.run_async()
