"""What a variation and a repetition look like, as SVG."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from textual.pilot import Pilot

from smtpscope.session.recorder import Recorder
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Closed, Told
from tui.recordings import EHLO_CLEAR, EHLO_TLS, Recording
from tui.showing import app_on

C = SMTPCommand
SIZES = ((80, 23), (120, 40))
TOKEN = b"AGFsaWNlAHdvbmRlcmxhbmQ="


def begun(recording: Recording) -> Recording:
    """A new connection, as far as the EHLO in TLS."""
    recording.tls = False
    recording.connect().says(b"220 mx1.example.org ESMTP Postfix\r\n", 0.012)
    recording.exchange(b"EHLO client.example.net", C.EHLO, EHLO_CLEAR, 0.002, 0.001).starttls()
    return recording.exchange(b"EHLO client.example.net", C.EHLO, EHLO_TLS, 0.002, 0.001)


def ended(recording: Recording) -> Recording:
    recording.exchange(b"QUIT", C.QUIT, b"221 2.0.0 Bye\r\n", after=0.001)
    return recording.event(Closed(recording.at, "said goodbye"))


def told(recording: Recording, kind: str, text: str) -> Recording:
    return recording.event(Told(recording.at, kind, text))


def varied() -> Recorder:
    """CRAM-MD5 is not set up, PLAIN is, LOGIN was not needed."""
    recording = told(ended(begun(Recording())), "vary", "vary auth: CRAM-MD5, PLAIN, LOGIN")
    begun(told(recording, "value", "vary 1 of 3: CRAM-MD5"))
    recording.exchange(b"AUTH CRAM-MD5", C.AUTH, b"334 PDFAbWFpbC50ZXN0Pg==\r\n", 0.002, 0.001)
    recording.send(TOKEN, C.AUTH, 0.001, secret=TOKEN)
    ended(recording.says(b"535 5.7.8 Error: authentication failed: no secret in database\r\n", 0.310))
    begun(told(recording, "value", "vary 2 of 3: PLAIN"))
    recording.send(b"AUTH PLAIN " + TOKEN, C.AUTH, 0.001, user="alice", secret=TOKEN)
    ended(recording.says(b"235 2.7.0 Authentication successful\r\n", 0.070))
    words = "the password is right: PLAIN is accepted, CRAM-MD5 is not set up (for this user, or at all)"
    return told(recording, "varied", f"{words}; stopped: a login was accepted").recorder


def repeated() -> Recorder:
    """Three times the same, the last one slow."""
    recording = told(ended(begun(Recording())), "repeat", "repeating the session, 3 runs")
    for slow in (0.0, 0.004, 1.2):
        begun(recording)
        ended(recording.exchange(b"MAIL FROM:<alice@example.org>", C.MAIL, b"250 2.1.0 Ok\r\n", 0.003 + slow, 0.001))
    return told(recording, "repeated", "3 runs done; the time tab has the figures").recorder


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_variation_looks(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    app = app_on(varied())

    async def open_table(pilot: Pilot[int]) -> None:
        await pilot.pause()
        app.catch_up()
        app.do_vary()
        await app.workers.wait_for_complete()
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=open_table)


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
def test_a_repetition_looks(size: tuple[int, int], snap_compare: Callable[..., bool]) -> None:
    app = app_on(repeated())

    async def open_tab(pilot: Pilot[int]) -> None:
        await pilot.pause()
        app.catch_up()
        app.do_pane_inspector()
        app.main.inspector.choose("time")
        await pilot.pause()

    assert snap_compare(app, terminal_size=size, run_before=open_tab)
