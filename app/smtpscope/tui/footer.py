"""The footer: what space does now, and the keys that matter in this state; each can be clicked."""

from __future__ import annotations

from typing import NamedTuple

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
_ALWAYS = (("go", "go"), ("custom", "line"), ("command", "command"), ("palette", "palette"), ("explain", "help"))


class Footer(NamedTuple):
    """One row, and which columns of it stand for which action."""

    spans: Spans
    places: list[tuple[int, int, str]]


def footer(machine: Machine, step: NextStep, width: int, in_line: bool, ascii_only: bool = False) -> Footer:
    """The footer for this state. With the focus in the line it says what the line takes."""
    spans: Spans = [(" ", "text")]
    places: list[tuple[int, int, str]] = []

    def put(action: str, key: str, words: str, kind: str = "text") -> None:
        start = cells(spans)
        spans.extend([(key, "key"), (f" {words}", kind), ("  ", "text")])
        places.append((start, cells(spans) - 2, action))

    if in_line:
        for key, words in (
            ("Enter", "send"),
            ("Tab", "complete"),
            ("Up" if ascii_only else "↑↓", "history"),
            ("Esc", "back"),
        ):
            put("", key, words)
        put("ending", "F3", "ending")
        put("drop", "^]", "drop")
        put("palette", "^p", "palette")
        return Footer(spans, places)
    label = safe(step.label)
    room = max(16, width - 44) if width < 110 else width // 2
    put("step", "space", label if len(label) <= room else label[: room - 3] + "...", "strong" if step.step else "dim")
    always = [(action, BY_ID[action].keys[0], words) for action, words in _ALWAYS]
    names = {"f5": "F5", "colon": ":", "ctrl+p": "^p", "question_mark": "?"}
    reserved = sum(len(names.get(key, key)) + len(words) + 3 for _, key, words in always)
    for action in _ORDER:
        verdict = BY_ID[action].verdict(machine)
        key = BY_ID[action].shown_keys
        if verdict is Verdict.LEGAL and cells(spans) + len(key) + len(_WORDS[action]) + 3 + reserved <= width:
            put(action, key, _WORDS[action])
    for action, key, words in always:
        if cells(spans) + len(words) + 4 <= width:
            put(action, names.get(key, key), words, "dim")
    return Footer(spans, places)


def footer_actions() -> tuple[str, ...]:
    """Every action that the footer may show."""
    return ("step", *_ORDER, *(action for action, _ in _ALWAYS), "ending", "drop")
