"""The footer: what space does now, and the keys that matter in this state; each can be clicked."""

from __future__ import annotations

from typing import NamedTuple

from rich.cells import cell_len

from smtpscope.actions import BY_ID
from smtpscope.session.plan import NextStep
from smtpscope.smtp.machine import Machine, Verdict
from smtpscope.visible import safe
from smtpscope_widgets.spans import Spans, cells

_WORDS = {
    "ehlo": "EHLO",
    "helo": "HELO",
    "starttls": "STARTTLS",
    "auth": "AUTH",
    "mail": "MAIL",
    "rcpt": "RCPT",
    "data": "DATA",
    "stream": "text",
    "dot": "dot",
    "rset": "RSET",
    "noop": "NOOP",
    "vrfy": "VRFY",
    "quit_verb": "QUIT",
}
_ORDER = (
    "auth",
    "mail",
    "rcpt",
    "data",
    "stream",
    "dot",
    "starttls",
    "ehlo",
    "helo",
    "rset",
    "quit_verb",
    "noop",
    "vrfy",
)
_LOOKING = {
    "earlier": ("<", "earlier"),
    "later": (">", "later"),
    "search": ("/", "search"),
    "filter": ("f", "filter"),
    "mark": ("*", "mark"),
}
"""What there is to do where nothing can be sent."""
_ALWAYS = {
    "go": ("F5", "go"),
    "custom": ("i", "line"),
    "command": (":", "command"),
    "palette": ("^p", "palette"),
    "explain": ("?", "help"),
    "quit": ("^q", "leave"),
}
_ENTER = {":": "run", "/": "search", "filter>": "filter", "note>": "keep", "user>": "go on", "password>": "log in"}
"""What Enter does at the screen's own prompts; on the wire it sends."""
_NEEDED = ("explain", "palette", "custom", "go", "quit", "command")
"""Which of them stay longest where there is little room."""


class Footer(NamedTuple):
    """One row, and which columns of it stand for which action."""

    spans: Spans
    places: list[tuple[int, int, str]]


def footer(
    machine: Machine | None,
    step: NextStep,
    width: int,
    prompt: str = "",
    ascii_only: bool = False,
    *,
    latest: bool = False,
) -> Footer:
    """The footer for this state, None where nothing can be sent: in the past, in a recording, at a question.

    At the ``latest`` row there is nothing later to go to.

    With the focus in the line, whose ``prompt`` is given, it says what the line takes.
    """
    row = _Row(width)
    if prompt:
        if machine is not None or prompt in _ENTER:
            row.put("", "Enter", _ENTER.get(prompt, "send"))
        for action, key, words in (
            ("", "Esc", "back"),
            *(
                (("", "Tab", "complete"), ("", "Up" if ascii_only else "↑↓", "history"))
                if prompt in (">", ":", "filter>")
                else ()
            ),
            *((("ending", "F3", "ending"),) if prompt in (">", "data>", "334>") else ()),
            *((("form", "F2", "other form"),) if prompt == "auth>" else ()),
            ("drop", "^]", "drop"),
            ("palette", "^p", "palette"),
        ):
            row.put(action, key, words)
        return row.footer
    always = [action for action in _ALWAYS if action in _fitting(width, _cells(step))]
    if machine is None:
        always = [action for action in always if action not in ("go", "custom")]
    reserved = sum(_size(*_ALWAYS[action]) for action in always)
    if step.step is not None or step.cursor is not None:
        row.put("step", "space", _short(step.label, width - reserved - len(" space   ")), "strong")
    else:
        row.say(_short(step.label, width - reserved - 3))
    for action, (key, words) in _LOOKING.items() if machine is None else ():
        if not (latest and action == "later") and row.left >= reserved + _size(key, words):
            row.put(action, key, words)
    for action in _ORDER:
        key = BY_ID[action].shown_keys
        if (
            machine
            and BY_ID[action].verdict(machine) is Verdict.LEGAL
            and row.left >= reserved + _size(key, _WORDS[action])
        ):
            row.put(action, key, _WORDS[action])
    for action in always:
        row.put(action, *_ALWAYS[action], "dim")
    return row.footer


class _Row:
    """A footer in the making; what has no room is left out."""

    def __init__(self, width: int) -> None:
        self.footer = Footer([], [])
        self.left = width

    def put(self, action: str, key: str, words: str, kind: str = "text") -> None:
        """A key, and what it does."""
        if _size(key, words) <= self.left:
            start = self._space()
            self.footer.spans.extend([(key, "key"), (f" {words}", kind)])
            self.footer.places.append((start, cells(self.footer.spans), action))
            self.left -= _size(key, words)

    def say(self, words: str) -> None:
        """Words without a key."""
        self._space()
        self.footer.spans.append((words, "dim"))
        self.left -= cell_len(words) + 2

    def _space(self) -> int:
        self.footer.spans.append(("  " if self.footer.spans else " ", "text"))
        return cells(self.footer.spans)


def _size(key: str, words: str) -> int:
    return cell_len(key) + cell_len(words) + 3


def _cells(step: NextStep) -> int:
    return cell_len(safe(step.label)) + len(" space   ")


def _fitting(width: int, label: int) -> set[str]:
    """What always may be done, as far as it fits beside a label of so many cells; help has room beside any."""
    fitting: set[str] = set()
    for action in _NEEDED:
        label += _size(*_ALWAYS[action])
        if label <= width or not fitting:
            fitting.add(action)
    return fitting


def _short(text: str, room: int) -> str:
    text = safe(text)
    return text if cell_len(text) <= room else text[: max(0, room - 3)] + "..."


def footer_actions() -> tuple[str, ...]:
    """Every action that the footer may show."""
    return ("step", *_ORDER, *_LOOKING, *_ALWAYS, "ending", "form", "drop")
