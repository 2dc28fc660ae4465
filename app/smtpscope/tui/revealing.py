"""Reveal: the secrets of the row under the cursor, over the screen until the next key. Nothing of it is kept."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen

from smtpscope.session.log import Spans
from smtpscope.session.reveal import revealed
from smtpscope.tui.acting import Acting
from smtpscope_widgets.page import Page, Paragraph


class Revealed(ModalScreen[None]):
    """Rows with nothing hidden; the app closes it with the next key, whichever that is."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Revealed {
        align: center middle;
        & > Vertical { width: 90%; max-width: 100; height: 60%; border: round $warning; padding: 0 1; }
        & Page { height: 1fr; }
    }
    """

    def __init__(self, rows: list[Spans]) -> None:
        super().__init__()
        self._rows = rows

    def compose(self) -> ComposeResult:
        """One page."""
        with Vertical():
            yield Page()

    def on_mount(self) -> None:
        """Write it."""
        lines: list[Spans] = [[("Secrets of this row", "strong"), ("   any key hides them", "dim")], []]
        self.query_one(Page).show([Paragraph(line) for line in (*lines, *self._rows)])


class Revealing(Acting):
    """The app's action."""

    def do_reveal(self) -> None:
        """Show the secrets of the row, and of what its base64 says."""
        log = self.view.log
        found = revealed(log, self.main.cursor_row)
        if found:
            self.push_screen(Revealed([found[row] for row in sorted(found)]))
        else:
            self.say("nothing is hidden in this row, or it was not kept")

    def export_screenshot(self, *, title: str | None = None, simplify: bool = False) -> str:
        """A picture of the screen has nothing in it that is revealed."""
        self.hide_again()
        return super().export_screenshot(title=title, simplify=simplify)

    def hide_again(self) -> bool:
        """Close what is revealed; whether there was something: then the key that came has done what it is for."""
        if not isinstance(self.screen, Revealed):
            return False
        self.pop_screen()
        return True
