"""The screen of a session as a picture, made without a terminal."""

from __future__ import annotations

import re

from smtpscope.session.recorder import Recorder
from smtpscope.smtp.events import Event

_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


def screen_svg(events: Recorder | list[Event], size: tuple[int, int] = (120, 40)) -> str:
    """The main screen at the session's end as SVG, ``size`` columns and rows; it loads nothing from anywhere.

    Runs an event loop of its own: not to be called where one runs (a live app exports its own screen).
    """
    raise NotImplementedError


def without_fonts(svg: str) -> str:
    """Textual's picture without the fonts that it would fetch from the net."""
    return _FONTS.sub("", svg)
