"""Text that does more than to be read, one example of each kind; and what a screen must look like all the same."""

from __future__ import annotations

from typing import Any

from rich.cells import cell_len
from textual.app import App
from textual.strip import Strip
from textual.widget import Widget

BEGIN, END = "Qz", "zQ"
"""What stands around a payload, so that it can be told that it came through."""

_MARKS = 4
"""Combining marks that one character may carry on the screen."""

PAYLOADS: dict[str, bytes] = {
    "window title": b"\x1b]0;PWNED\x07",
    "clipboard": b"\x1b]52;c;cm0gLXJmIH4=\x07",
    "hyperlink": b"\x1b]8;;http://evil.test/\x1b\\support\x1b]8;;\x1b\\",
    "unended string": b"\x1b]0;all of the rest",
    "device control": b"\x1bP$q\"p\x1b\\\x1b_Ga=T;AAAA\x1b\\\x1b^x\x1b\\\x1bXy\x1b\\",
    "clear and home": b"\x1b[2J\x1b[H",
    "normal screen": b"\x1b[?1049l\x1b[?1000h\x1b[201~",
    "reports": b"\x1b[6n\x1b[c\x1b[5n\x1b[21t\x05",
    "reset": b"\x1bc",
    "C1 in UTF-8": "\x9b31m\x9d0;t\x9c".encode(),
    "C1 raw": b"\x9b31m\x9d0;t\x9c",
    "format effectors": b"\a\b\b\b\x0b\x0c",
    "bare CR": b"a\rb",
    "shift out, shift in": b"\x0elqqk\x0f",
    "NUL": b"a\0b",
    "DEL": b"\x7f\x7f",
    "NEL": "\u0085".encode(),
    "NAK": b"\x15",
    "tab": b"a\tb",
    "separators": "\x1c\x1d\x1e\x1f\u2028\u2029".encode(),
    "zero width": "\u200b\u200c\u200d\u2060\ufeff\xad\u034f\u180e\U000e0041\ufe0f".encode(),
    "direction": "\u202etset\u202c\u2066x\u2069\u200e\u200f\u061c".encode(),
    "no UTF-8": b"\xff\xc3(\xed\xa0\x80\xe6\x97\xc0\x80",
    "closing tag": b"[/x] [/] [bold [[ \\[",
    "link tag": b"[link=http://x",
    "action tag": b"[@click=app.quit]x[/]",
    "marks": ("e" + "\u0301" * 200).encode(),
    "mark first": "\u0301\u0301a".encode(),
    "wide": "日本語 ｗ\U0001f480".encode(),
    "joined": "\U0001f469\u200d\U0001f469 \u2764\ufe0f \U0001f44d\U0001f3fd \U0001f1e9\U0001f1ea".encode(),
}  # fmt: skip


def wrapped(payload: bytes) -> bytes:
    """A payload in a text that is found again."""
    return BEGIN.encode() + payload + END.encode()


def wrapped_text(payload: bytes) -> str:
    """The same as a foreign string, with lone surrogates where it is no UTF-8."""
    return wrapped(payload).decode("utf-8", "surrogateescape")


def faults_of(strips: list[Strip], width: int) -> list[str]:
    """What is wrong with the rows of a screen, in words; nothing if they are clean."""
    faults = []
    for y, strip in enumerate(strips):
        for text, style, control in strip:
            if control is not None:
                faults.append(f"row {y}: control codes {control!r}")
            if not text.isprintable():
                faults.append(f"row {y}: {text!r}")
            if _stacks(text):
                faults.append(f"row {y}: a stack of marks in {text!r}")
            if style is not None and (style.link or "@click" in style.meta):
                faults.append(f"row {y}: {text!r} can be clicked: {style.link} {style.meta}")
        cells = sum(cell_len(segment.text) for segment in strip)
        if cells != width or strip.cell_length != width:
            faults.append(f"row {y}: {cells} cells, said to be {strip.cell_length}, of {width}: {strip.text!r}")
    return faults


def _stacks(text: str) -> bool:
    run = 0
    for char in text:
        run = 0 if cell_len(char) else run + 1
        if run > _MARKS:
            return True
    return False


def strips_of(app: App[Any]) -> list[Strip]:
    """The rows of the screen as the app composes them."""
    return app.screen._compositor.render_strips()


def text_in(app: App[Any], widget: Widget) -> str:
    """What the screen shows where a widget is."""
    region = widget.region
    rows = strips_of(app)[region.y : region.bottom]
    return "\n".join(row.crop(region.x, region.right).text for row in rows)
