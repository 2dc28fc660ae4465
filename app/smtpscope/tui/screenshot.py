"""The screen of a session as a picture, made without a terminal."""

from __future__ import annotations

import asyncio

from textual.pilot import Pilot

from smtpscope.profile import Profile
from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Event, Opened
from smtpscope.tui.app import SmtpScope

SIZE = (120, 40)
"""Columns and rows."""


def screen_svg(events: Recorder | list[Event], size: tuple[int, int] = SIZE) -> str:
    """The main screen at the session's end as SVG, ``size`` columns and rows; it loads nothing from anywhere.

    Runs an event loop of its own: not to be called where one runs (a live app exports its own screen).
    """
    return asyncio.run(_screen_svg(events, size))


async def _screen_svg(events: Recorder | list[Event], size: tuple[int, int]) -> str:
    recorder = Recorder()
    end, opened = 0.0, None
    for event in events:
        recorder.append(event)
        end = event.time
        opened = event if isinstance(event, Opened) else opened
    profile = Profile(opened.server, opened.port) if opened is not None else Profile("localhost", 25)
    wall = (opened.wall if opened is not None else 0.0) + end
    app = SmtpScope(profile, recorder, clock=lambda: 0.0, wall_clock=lambda: wall)
    pictures: list[str] = []

    async def take(pilot: Pilot[object]) -> None:
        await pilot.pause()
        app.catch_up()
        await pilot.pause()
        pictures.append(app.picture())
        app.exit(0)

    await app.run_async(headless=True, size=size, auto_pilot=take)
    recorder.close()
    return pictures[0]
