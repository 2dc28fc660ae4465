"""The app on a recording, at a fixed time: what a snapshot shows."""

from __future__ import annotations

from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Opened
from smtpscope.tui.app import SmtpScope
from tui.recordings import PROFILE, WALL


def app_on(recorder: Recorder, *, ascii_only: bool = False) -> SmtpScope:
    """The app as it stands 0.4 s after the last event; its clocks stand still."""
    last = max((event.time for event in recorder[:]), default=0.0)
    opened = any(isinstance(event, Opened) for event in recorder[:])
    from dataclasses import replace

    profile = replace(PROFILE, ascii=ascii_only)
    return SmtpScope(profile, recorder, clock=lambda: 0.0, wall_clock=lambda: WALL + last + 0.4 * opened)


def text_of(app: SmtpScope) -> str:
    """The screen as plain text, one line a row."""
    return "\n".join(
        "".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()
    )
