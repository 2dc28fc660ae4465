"""The app on a recording, at a fixed time: what a snapshot shows."""

from __future__ import annotations

from dataclasses import replace

from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.smtp.events import Opened
from smtpscope.tui.app import SmtpScope
from tui.recordings import PROFILE, WALL


class Unbegun(SessionThread):
    """A session that is live as far as the screen knows; what has happened is in the recorder, and nothing is done."""

    def start(self) -> None:
        """Not here."""

    def call(self, method: str, *arguments: object) -> None:
        """Only what the user adds is taken."""
        if method == "record":
            self.recorder.append(*arguments)  # type: ignore[arg-type]
            self._wake()

    async def settled(self) -> None:
        """Nothing is ever in flight."""


def app_on(recorder: Recorder, *, ascii_only: bool = False, live: bool = True) -> SmtpScope:
    """The app as it stands 0.4 s after the last event; its clocks stand still. Not ``live`` it shows a recording."""
    last = max((event.time for event in recorder[:]), default=0.0)
    opened = any(isinstance(event, Opened) for event in recorder[:])
    profile = replace(PROFILE, ascii=ascii_only)
    session = Unbegun(profile, recorder, lambda: None) if live else None
    return SmtpScope(profile, recorder, session, clock=lambda: 0.0, wall_clock=lambda: WALL + last + 0.4 * opened)


def text_of(app: SmtpScope) -> str:
    """The screen as plain text, one line a row."""
    return "\n".join(
        "".join(segment.text for segment in strip).rstrip() for strip in app.screen._compositor.render_strips()
    )
