"""A list over the screen to choose one row of; typing narrows it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from smtpscope.visible import Spans
from smtpscope_widgets.choices import Choice, Choices
from smtpscope_widgets.text_rows import TextRows


class Pick(ModalScreen[int | None]):
    """Ends with the index of the chosen row, None for none."""

    DEFAULT_CSS = """
    Pick {
        align: center middle;
        & > Vertical { width: 90%; max-width: 110; height: 80%; border: round $primary; padding: 0 1; }
        & Input, & Input:focus { border: none; height: 1; padding: 0; margin: 0 0 1 0; background: $panel; }
        & Choices { height: 1fr; }
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", show=False),
        Binding("up", "move(-1)", show=False, priority=True),
        Binding("down", "move(1)", show=False, priority=True),
        Binding("pageup", "page(-1)", show=False, priority=True),
        Binding("pagedown", "page(1)", show=False, priority=True),
    ]

    def __init__(self, title: str, rows: Sequence[Spans], *, ascii_only: bool) -> None:
        super().__init__()
        self._title = title
        self._all = list(rows)
        self._listed: list[int] = []
        self._ascii = ascii_only
        self._choices = Choices(ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        """Title, what is typed, and the rows."""
        head = TextRows(ascii_only=self._ascii)
        head.show([[(self._title, "strong"), ("   Enter chooses, Esc closes, typing narrows", "dim")]])
        with Vertical():
            yield head
            yield Input(compact=True)
            yield self._choices

    def on_mount(self) -> None:
        """List everything."""
        self._list("")
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        """List what has all the words typed in it."""
        self._list(event.value)

    def _list(self, typed: str) -> None:
        words = typed.casefold().split()
        texts = ["".join(text for text, _ in row).casefold() for row in self._all]
        self._listed = [place for place, text in enumerate(texts) if all(word in text for word in words)]
        rows = [Choice(self._all[place]) for place in self._listed]
        self._choices.show(rows or [Choice([("nothing has all of these words in it", "dim")], heading=True)])
        self._choices.move(1)

    def action_move(self, by: int) -> None:
        """Another row; above the first there is none."""
        if by > 0 or self._choices.cursor > 0:
            self._choices.move(by)

    def action_page(self, pages: int) -> None:
        """A page of rows further."""
        for _ in range(self._choices.page):
            self.action_move(pages)

    def on_input_submitted(self) -> None:
        """Enter."""
        if self._choices.cursor >= 0:
            self.dismiss(self._listed[self._choices.cursor])

    def on_choices_chosen(self, event: Choices.Chosen) -> None:
        """A click."""
        self.dismiss(self._listed[event.index])
