"""A run on the terminal: from the first frame to the transcript that is left on the normal screen."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import suppress

from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.transcript import transcript
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.history import History, state_folder

_STOPPED = (signal.SIGTERM, signal.SIGINT)


def run(profile: Profile) -> int:
    """Run the app; afterwards the transcript is on the normal screen. Gives the exit code."""
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # empty means not set (no-color.org)
    recorder = Recorder()
    app: SmtpScope
    session = SessionThread(profile, recorder, lambda: app.wake())
    app = SmtpScope(profile, recorder, session, history=History(state_folder() / "history"))
    try:
        code = asyncio.run(_run(app))
    finally:
        session.stop()
    if profile.transcript and len(recorder):
        _print(transcript(recorder, redact=app.view.redactor))
    recorder.close()
    return app.return_code or 0 if code is None else code


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
