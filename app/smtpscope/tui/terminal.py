"""A run on the terminal: the start screen, the debugger on a server or on a kept session, and what it leaves behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from smtpscope.again import line_of
from smtpscope.profile import Profile
from smtpscope.saying import complain
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.tui.app import SmtpScope
from smtpscope.tui.history import History, envelopes_of, reached, state_folder
from smtpscope.tui.on_terminal import on_terminal
from smtpscope.tui.seek import called
from smtpscope.visible import safe

LOADING = 0.3
"""Seconds that the first frame waits for a kept session; what takes longer is read while it is shown."""

PRINTED = 100_000
"""Events of the longest session whose transcript is printed on leaving: it takes seconds already."""
_TOO_LONG = "=== A session this long is not printed: smtpscope lists it among those kept, and exports its transcript.\n"


def run(profile: Profile) -> int:
    """Run the debugger; afterwards the transcript is on the normal screen. Gives the exit code."""
    recorder, history = Recorder(), History(state_folder(), writes=profile.keep)
    app: SmtpScope
    session = SessionThread(profile, recorder, lambda: app.wake())
    app = SmtpScope(profile, recorder, session, history=history)
    app.begun = lambda: _remember(app, profile)
    if profile.save is not None:
        from smtpscope.session.keep import CannotKeep

        try:
            app.keep(Path(profile.save))
        except CannotKeep as error:
            return complain(str(error), 1)
    try:
        code = on_terminal(app)
    finally:
        session.stop()
        for problem in app.stop_keeping():
            complain(problem, 1)
    if not profile.demo and reached(recorder):
        history.started(line_of(replace(profile, user=app.profile.user)))
        others = (recorder[index] for index in range(len(recorder)) if not recorder.is_wire(index))
        history.sent(envelopes_of(others, app.view.redactor))
    if profile.transcript and len(recorder) and sys.stdout is not None:
        from smtpscope.session.transcript import transcript

        _print(transcript(recorder, redact=app.view.redactor) if len(recorder) <= PRINTED else _TOO_LONG)
    if "" in (profile.tls_get_peer_cert, profile.tls_get_peer_chain) and sys.stdout is not None:
        others = (recorder[index] for index in range(len(recorder)) if not recorder.is_wire(index))
        from smtpscope.session.peer_files import printed

        _print(printed(profile.tls_get_peer_cert, profile.tls_get_peer_chain, others))
    recorder.close()
    return app.return_code or 0 if code is None else code


def _remember(app: SmtpScope, profile: Profile) -> None:
    """Keep the session among the last ones, and certificates: behind the first frame, which is quicker without."""
    from smtpscope.session.known_certificates import KnownCertificates
    from smtpscope.session.ring import Ring
    from smtpscope.tui.kept_list import SESSIONS

    if not profile.demo:  # whose certificate is another one each time
        app.known = KnownCertificates(state_folder(), writes=profile.keep)
    if profile.keep:
        app.keep_in(Ring(state_folder() / SESSIONS))


def run_recording(path: str, *, ascii_only: bool) -> int:
    """Show a kept session, read-only; 1 if it could not be read to its end. Gives the exit code."""
    from smtpscope.session.keep import load

    file = Path(path)
    head = load(file, only_header=True)
    if head.header is None:
        return complain(head.problem, 1)
    recorder, problems = Recorder(), [""]
    app = SmtpScope(Profile(head.header.server, head.header.port, ascii=ascii_only), recorder)
    app.recording = called(head.header)

    def wake() -> None:
        if app.is_running:
            app.wake()

    def read() -> None:
        problems.append(load(file, wake, recorder).problem)
        app.news = problems[-1].replace(safe(path), safe(file.name))  # the folders would leave no room for the cause
        wake()

    reader = threading.Thread(target=read, name="reader", daemon=True)
    reader.start()
    reader.join(LOADING)
    code = on_terminal(app)
    code = app.return_code or 0 if code is None else code
    return complain(problems[-1], code or 1) if problems[-1] else code


def choose(*, ascii_only: bool) -> list[str] | int:
    """The start screen: the words of what was chosen, or the exit code."""
    folder = state_folder()
    from smtpscope.tui.kept_list import SESSIONS, kept_sessions
    from smtpscope.tui.start_screen import StartScreen

    app = StartScreen(History(folder, writes=False), kept_sessions(folder / SESSIONS), ascii_only=ascii_only)
    chosen: list[str] | int | None = on_terminal(app)
    if chosen is None:
        return app.return_code or 0
    gc.disable()  # as for every start, until the first frame
    return chosen


def _print(text: str) -> None:
    """On standard output, whatever its encoding; where that is closed or full there is nobody to tell."""
    with suppress(OSError):
        sys.stdout.flush()
        data = text.encode(sys.stdout.encoding or "ascii", "backslashreplace")
        while data:
            data = data[os.write(sys.stdout.fileno(), data) :]
