"""Our own theme; Textual's are all there too, and ``ansi-dark`` where colour is not wanted."""

from __future__ import annotations

from textual.theme import Theme

NAME = "smtpscope"
PLAIN = "ansi-dark"
"""The terminal's own colours: with NO_COLOR nothing but bold, dim, underline and reverse."""

THEME = Theme(
    name=NAME,
    primary="#5fb3d4",
    secondary="#c792ea",
    accent="#ffcb6b",
    warning="#f2b134",
    error="#ff6b6b",
    success="#7fd88f",
    foreground="#d7dde3",
    background="#11151a",
    surface="#161b22",
    panel="#1f2731",
    dark=True,
)
