"""This session beside a kept one, and handed on: the app's actions for comparing and exporting."""

from __future__ import annotations

import asyncio
import os
import re
from copy import deepcopy
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType

from smtpscope.tui import clipboard
from smtpscope.tui.acting import Acting
from smtpscope.tui.history import state_folder
from smtpscope.tui.new_file import path_of, written
from smtpscope.tui.sheet import Sheet
from smtpscope.visible import Spans, safe
from smtpscope_widgets.page import Paragraph

if TYPE_CHECKING:
    from smtpscope.session.comparison import Comparison
    from smtpscope.tui.kept_list import KeptSession

SVG = "svg"

_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)

WORDS = {
    "transcript": "the dialogue as text, with swaks' marks",
    "jsonl": "JSON Lines, which smtpscope open reads",
    "markdown": "a report: findings, steps, times, certificate",
    "html": "the same as one page, with the transcript",
    SVG: "a picture of the screen",
    "swaks": "the command line that does the same",
    "curl": "the command line that does the same",
    "openssl": "s_client with the dialogue piped into it",
    "python": "a script with aiosmtplib",
}
"""Every kind of export, with what it is."""


class Compared(Sheet[None]):
    """Two sessions side by side."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign", "dismiss", show=False),
        Binding("n", "difference(1)", show=False),
        Binding("N", "difference(-1)", show=False),
    ]

    def __init__(self, comparison: Comparison, names: tuple[str, str], *, ascii_only: bool) -> None:
        super().__init__("two sessions", [("n N", "differences")], ascii_only=ascii_only)
        self.comparison = comparison
        self._names = names
        self._lines: list[Spans] = []

    def paragraphs(self, width: int) -> list[Paragraph]:
        """The table in this width."""
        from smtpscope.session.comparison import comparison_lines

        self._lines = comparison_lines(self.comparison, width, self._names)
        return [Paragraph(line or [(" ", "text")]) for line in self._lines]

    def action_difference(self, step: int) -> None:
        """Scroll to the next row that differs, or the one before."""
        at = self.page.scroll_offset.y
        places = [place for place, line in enumerate(self._lines) if line and line[0][0].strip(" *") in ("!", "<", ">")]
        further = [place for place in places if (place > at if step > 0 else place < at)]
        if further:
            self.page.scroll_to(y=further[0] if step > 0 else further[-1], animate=False, force=True)


class Comparing(Acting):
    """The app's actions."""

    def do_compare(self) -> None:
        """Choose a kept session, and lay this one beside it."""
        from smtpscope.tui.kept_list import (
            SESSIONS,
            kept_sessions,
        )  # not before it is needed: a start is quicker without
        from smtpscope.tui.picking import Pick

        if not len(self.recorder):
            self.say("there is nothing to compare yet: c connects")
            return
        kept = [each for each in kept_sessions(state_folder() / SESSIONS) if not _is_ours(each.path)]
        if not kept:
            self.say("no other session is kept yet: :compare FILE takes one from a file")
            return

        def chosen(index: int | None) -> None:
            if index is not None:
                self.compare_with(kept[index].path)

        rows = list(map(_kept_row, kept))
        self.push_screen(Pick("compare this session with", rows, ascii_only=self.given.ascii), chosen)

    def execute(self, text: str) -> None:
        """One line of the app's own: those that compare and export here."""
        verb, _, rest = text.strip().partition(" ")
        rest = rest.strip()
        if verb == "compare":
            if rest:
                self.compare_with(path_of(rest))
            else:
                self.do_compare()
        elif verb == "export":
            kind, _, name = rest.partition(" ")
            if kind:
                self.export_as(kind, path_of(name.strip()) if name.strip() else None)
            else:
                self.do_export()
        else:
            super().execute(text)

    def compare_with(self, path: Path) -> None:
        """Lay this session beside the one in a file."""
        self.run_worker(self._compare_with(path), group="compare", exclusive=True)

    async def _compare_with(self, path: Path) -> None:
        from smtpscope.session.compare import compare

        redactor = deepcopy(self.view.redactor)
        from smtpscope.session.keep import load

        loaded = await asyncio.to_thread(load, path)
        if not len(loaded.recorder):
            self.say(loaded.problem or f"{safe(path.name)} has no events in it")
            return
        comparison = await asyncio.to_thread(compare, self.recorder, loaded.recorder, redactor=redactor)
        if loaded.problem:
            self.say(loaded.problem)
        names = ("this session", safe(path.name))
        await self.push_screen(Compared(comparison, names, ascii_only=self.given.ascii))

    def do_export(self) -> None:
        """Choose what to export this session as; it is copied."""
        from smtpscope.tui.picking import Pick

        kinds = list(WORDS)

        def chosen(index: int | None) -> None:
            if index is not None:
                self.call_after_refresh(self.export_as, kinds[index])  # without the list, in a picture

        rows: list[Spans] = [[(f"{kind:<11} ", "strong"), (words, "dim")] for kind, words in WORDS.items()]
        self.push_screen(Pick("export this session as", rows, ascii_only=self.given.ascii), chosen)

    def export_as(self, kind: str, path: Path | None = None) -> None:
        """Copy the session as ``kind``, or write it to a new file; say where it is."""
        if kind not in WORDS:
            self.say(f"export knows {', '.join(WORDS)}")
        else:
            self.run_worker(self._export_as(kind, path), group="export", exclusive=True)

    async def _export_as(self, kind: str, path: Path | None) -> None:
        from smtpscope.session.export import export

        if kind == SVG:
            text = self.picture()
        else:
            text = await asyncio.to_thread(export, self.recorder, kind, redactor=deepcopy(self.view.redactor))
        self.say(written(text, path) if path else clipboard.copy(text, self.copy_to_clipboard))

    def picture(self) -> str:
        """The screen as SVG, without what is for the screen alone; it loads nothing from anywhere."""
        self.kept = True
        self.show_row()
        try:
            return _FONTS.sub("", self.export_screenshot(title="smtpscope")) + "\n"
        finally:
            self.kept = False
            self.show_row()


def _is_ours(path: Path) -> bool:
    """Whether this very program writes the file."""
    from smtpscope.session.keep import is_being_written

    try:
        return path.stem.endswith(f"-{os.getpid()}") and is_being_written(path)
    except OSError:
        return False


def _kept_row(kept: KeptSession) -> Spans:
    return [(f"{kept.when}  ", "dim"), (kept.server, "strong"), (f"  {kept.ended}" if kept.ended else "", "text")]
