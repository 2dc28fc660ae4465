"""What opens over the main screen: help, and the list of pasted lines."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from smtpscope.actions import ACTIONS, COMMANDS
from smtpscope.demo.recipients import PRACTICE_RECIPIENTS
from smtpscope.session.log import Spans
from smtpscope.visible import octets, visible
from smtpscope_widgets.page import Page, Paragraph
from smtpscope_widgets.text_rows import TextRows

_CSS = """
    align: center middle;
    & > Vertical { width: 90%; max-width: 100; height: 90%; border: round $primary; padding: 0 1; }
    & Page { height: 1fr; }
"""

PANES: dict[str, tuple[tuple[str, str], ...]] = {
    "log": (
        ("j k  up down", "move the cursor; PgUp PgDn pages"),
        ("g G  Home End", "first row; last row, and follow"),
        ("left right", "fold and unfold; where there is nothing to, move long rows sideways"),
        ("shift left right", "move long rows by half a view; so does the wheel with shift"),
        ("shift up down ...", "select rows, also with PgUp PgDn Home End; y copies them, Esc lets go"),
        ("Enter", "opens the inspector"),
    ),
    "picture": (("arrows", "go along the edges"), ("Enter", "fills the line for the node"), ("F5", "runs to the node")),
    "inspector": (
        ("left right", "the tab before, the next tab"),
        ("up down PgUp PgDn", "scroll"),
        ("Esc", "closes it"),
    ),
    "line": (
        ("Enter", "sends what the line says; the text goes out as it stands"),
        ("right", "takes the filled text for editing"),
        ("up down", "lines typed before"),
        ("Tab", "completes verbs, parameters, addresses"),
        ("F2", "the form of a filled AUTH, or of a step of it that waits"),
        ("F3", "what ends the line: CRLF, LF, CR or nothing"),
        (r"\r \n \0 \xHH \\", "octets that cannot be typed"),
        ("Esc", "back to where you came from"),
    ),
}
"""Keys that belong to a pane."""


class Help(ModalScreen[None]):
    """The row under the cursor explained, the keys of what has the focus, then all keys."""

    DEFAULT_CSS = "Help {" + _CSS + "}"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape,question_mark,f1", "dismiss", "Close", show=False)]

    def __init__(self, row: list[Spans], pane: str) -> None:
        super().__init__()
        self._row = row
        self._pane = pane

    def compose(self) -> ComposeResult:
        """One scrolling page."""
        with Vertical():
            yield Page()

    def on_mount(self) -> None:
        """Write it."""
        lines: list[Spans] = [[("Help", "strong"), ("   Esc closes, arrows scroll", "dim")], []]
        lines += [[(f"Keys in the {self._pane}", "strong")], *_table(PANES[self._pane]), []]
        if self._row:
            lines += [[("The row under the cursor", "strong")], *self._row, []]
        lines += [
            [("Keys everywhere but in the line", "strong")],
            *_table(tuple((a.shown_keys, a.help) for a in ACTIONS if a.keys)),
            [],
        ]
        lines += [
            [("The : line", "strong")],
            *_table(
                (
                    *((f"{words} {more}".strip(), help) for words, more, help in COMMANDS),
                    ("ID", "an action by its name: " + ", ".join(a.id for a in ACTIONS if not a.keys)),
                ),
            ),
            [],
        ]
        lines += [
            [("Recipients of the practice server", "strong")],
            *_table(tuple((f"{r.local_part}@", r.meaning) for r in PRACTICE_RECIPIENTS)),
        ]
        page = self.query_one(Page)
        page.show([Paragraph(line) for line in lines])
        page.focus()


def _table(rows: tuple[tuple[str, str], ...]) -> list[Spans]:
    return [[(f"  {key:<19} ", "strong"), (words, "text")] for key, words in rows]


class Pasted(ModalScreen[str]):
    """Several lines at once: sent one by one, in one write, or kept in the line. Nothing is lost."""

    DEFAULT_CSS = "Pasted {" + _CSS + " & TextRows { height: 3; } }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "choose('lines')", "Line by line", show=False),
        Binding("2", "choose('write')", "One write", show=False),
        Binding("3,escape", "choose('keep')", "Keep", show=False),
    ]

    def __init__(self, lines: tuple[str, ...]) -> None:
        super().__init__()
        self._lines = lines

    def compose(self) -> ComposeResult:
        """The lines, and what can be done."""
        with Vertical():
            yield Page()
            yield TextRows()

    def on_mount(self) -> None:
        """Show them as they are."""
        head: list[Spans] = [[(f"{len(self._lines)} lines were pasted; nothing has been sent", "strong")], []]
        lines = [*head, *(visible(octets(line)) for line in self._lines[:500])]
        self.query_one(Page).show([Paragraph(line) for line in lines])
        ways = ("send line by line, each after a reply", "send in one write", "keep them in the line")
        keys: list[Spans] = [[(f"{key}", "key"), (f" {way}", "text")] for key, way in enumerate(ways, 1)]
        self.query_one(TextRows).show(keys)

    def action_choose(self, way: str) -> None:
        """Say which."""
        self.dismiss(way)
