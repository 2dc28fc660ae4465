"""A run on the terminal: from the first frame to the transcript that is left on the normal screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.transcript import transcript
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.history import History, state_folder

_STOPPED = [number for name in ("SIGTERM", "SIGINT", "SIGHUP") if (number := getattr(signal, name, None))]


def run(profile: Profile) -> int:
    """Run the app; afterwards the transcript is on the normal screen. Gives the exit code."""
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # empty means not set (no-color.org)
    recorder = Recorder()
    app: SmtpScope
    session = SessionThread(profile, recorder, lambda: app.wake())
    app = SmtpScope(profile, recorder, session, history=History(state_folder() / "history"))
    try:
        with _terminal_on_stdout():
            code = asyncio.run(_run(app))
    finally:
        session.stop()
    if profile.transcript and len(recorder) and sys.stdout is not None:
        _print(transcript(recorder, redact=app.view.redactor))
    recorder.close()
    return app.return_code or 0 if code is None else code


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


async def _run(app: SmtpScope) -> int | None:
    """A signal to end it leaves as ctrl+q does, with the shell's exit code, so that the terminal is itself again."""
    loop = asyncio.get_running_loop()
    for number in _STOPPED:
        with suppress(NotImplementedError):  # not on Windows
            loop.add_signal_handler(number, app.exit, 128 + number)
    return await app.run_async()


def _print(text: str) -> None:
    """On standard output, whatever its encoding; where that is closed or full there is nobody to tell."""
    with suppress(OSError):
        sys.stdout.flush()
        data = text.encode(sys.stdout.encoding or "ascii", "backslashreplace")
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
