"""One thing with several values, from the ``:`` line; what came of it is a table over the screen."""

from __future__ import annotations

import asyncio
from copy import deepcopy
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from smtpscope.session import plan
from smtpscope.session.notes import duration
from smtpscope.smtp.events import Told
from smtpscope.tui import clipboard
from smtpscope.tui.sheet import Sheet
from smtpscope.tui.testing import Testing
from smtpscope.visible import safe, visible_text
from smtpscope_widgets.page import Page, Paragraph

if TYPE_CHECKING:
    from smtpscope.session.redact import Redactor
    from smtpscope.session.vary_runs import Varied


ANOTHER = -1


class Variation(Sheet[int]):
    """The runs of a variation; Enter on one ends with the event that its session begins with, ``:`` with ANOTHER."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", show=False),
        Binding("colon", f"dismiss({ANOTHER})", show=False),
    ]

    def __init__(self, varied: Varied, redactor: Redactor, *, ascii_only: bool) -> None:
        keys = [("Enter", "goes to the session"), ("y", "copies as Markdown"), (":", "another")]
        super().__init__("vary", keys, ascii_only=ascii_only)
        self.varied = varied
        self._redactor = redactor

    def paragraphs(self, width: int) -> list[Paragraph]:
        """The table in this width."""
        from smtpscope.session.vary_table import table

        lines = table(self.varied, self._redactor, width)
        return [Paragraph(line.spans or [(" ", "text")], line.event if line.event >= 0 else None) for line in lines]

    def action_copy(self) -> None:
        """Copy it all."""
        from smtpscope.session.vary_table import markdown

        self.say(clipboard.copy(markdown(self.varied, self._redactor), self.app.copy_to_clipboard))

    def on_page_chosen(self, event: Page.Chosen) -> None:
        """Enter or a click on a run."""
        if isinstance(event.target, int):
            self.dismiss(event.target)


class Varying(Testing):
    """The app's half of ``:vary``."""

    _before: Told | None = None  # what was told last when a variation was asked for
    _awaited = False

    @property
    def waiting(self) -> str:
        """What the header says while a test waits or a variation runs, empty else."""
        now = self.view.now
        if not self._awaited or now.question is not None:
            return super().waiting
        from smtpscope.session.vary_runs import progress  # not before the first frame

        run = visible_text(self.view.redactor.text(progress(self.recorder)), limit=40)
        owed = next((f", {safe(each.kind)} {duration(self.now - each.sent)}" for each in now.machine.pending), "")
        return f"{run}, ^] stops it{owed}" if run else super().waiting

    def hear(self) -> None:
        """Show the table as soon as it is whole."""
        super().hear()
        told = self.view.now.told
        if self._awaited and told is not None and told is not self._before and told.kind == "varied":
            self._awaited = False
            self._show_variation()

    def do_vary(self) -> None:
        """The last table, or what can be varied."""
        self._vary([])

    def _vary(self, words: list[str]) -> None:
        from smtpscope.session.vary_runs import LOGINS, THINGS  # not before the first frame

        values, to = words[1:], ""
        if values[-1:] == ["to"]:
            values, to = values[:-1], "?"
        elif values[-2:-1] == ["to"]:
            values, to = values[:-2], values[-1]
        given = tuple(value for value in ",".join(values).split(",") if value)
        if not words:
            self._show_variation()
        elif words[0] not in THINGS:
            self.say(
                f"vary knows {', '.join(THINGS)}: values by commas, then to STEP, as in vary ehlo a.example,b to rcpt"
            )
        elif self.past:
            self.say("End first: this is the past, and nothing can be sent from it")
        elif words[0] in LOGINS and self.profile.password is None and self.session is not None and not self.undecided:
            mechanism = given[0].upper() if words[0] == "auth" and given else plan.USUAL
            self.once_known(mechanism, lambda: self._begin_variation(words[0], given, to))
        else:
            self._begin_variation(words[0], given, to)

    def _begin_variation(self, thing: str, values: tuple[str, ...], to: str) -> None:
        self._before, self._awaited = self.view.now.told, True
        self.call("vary", thing, values, to)

    def _show_variation(self) -> None:
        self.run_worker(self._find_variation(), group="vary", exclusive=True)

    async def _find_variation(self) -> None:
        from smtpscope.session.vary_runs import THINGS, newest

        varied = await asyncio.to_thread(newest, self.recorder)
        if varied is None:
            names = ", ".join(f"{id} ({name})" if name != id else id for id, name in THINGS.items())
            if self.session is not None:
                self._begin_line()
            self.say(f"vary runs the session with several values of {names}, as in vary auth PLAIN,LOGIN")
            return
        if self.screen is not self.main:
            return

        def chosen(event: int | None) -> None:
            if event == ANOTHER:
                self._begin_line()
            elif event is not None:
                self.go_to_row(self.view.log.row_of(event, 0))
                self.main.log_view.focus()
                self.say(":vary shows the table again")

        await self.push_screen(Variation(varied, deepcopy(self.view.redactor), ascii_only=self.given.ascii), chosen)

    def _begin_line(self) -> None:
        """The line with the beginning of the command in it; Tab goes on."""
        self.focus_line()
        self.main.line.to_command("vary ")

    def execute(self, text: str) -> None:
        """One line of the app's own."""
        words = text.split()
        if words[:1] == ["vary"]:
            self._vary(words[1:])
        else:
            super().execute(text)
