"""The log's rows in the user's hands: marked, with a note or without, wrapped, selected and copied."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from time import perf_counter

from smtpscope.session.redact import hide
from smtpscope.session.rows import WIRE, Kind
from smtpscope.smtp.events import Marked
from smtpscope.tui import clipboard
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.stepping import Stepping
from smtpscope.visible import octets, visible_text
from smtpscope_widgets.spans import wall

AT_ONCE = 2000
"""Rows that are copied at once; more are written to the file bit by bit, while the screen goes on."""
PORTION = 0.01
"""Seconds that one bit of it may take."""

_NO_ROWS = "there is no row to copy yet"
_NO_OCTETS = "these rows are no octets of the wire"


class Marking(Stepping):
    """What can be done with rows."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._noted: Marked | None = None  # the mark that a note is asked for

    @property
    def selected_rows(self) -> Sequence[int]:
        """The ids of the selected rows, in the order in which they are shown."""
        places = self.main.log_view.selected
        return self.rows.ids[places.start : places.stop]

    # -- marks

    def do_mark(self) -> None:
        """Mark the cursor's row and ask for a note, or take its mark away."""
        log, row = self.view.log, self.rows.id(self.main.log_view.cursor)
        if row < 0:
            self.say("there is no row to mark yet")
            return
        mark = Marked(self.now, log.event[row], log.start[row])
        row = log.row_of(mark.event, mark.start)  # of rows that begin in one place the first has the mark
        if log.mark_of(row) is not None:
            self.record(mark._replace(on=False))
            self.say("the mark is gone")
            return
        self.record(mark)
        self._noted = mark
        self.focus_line()
        self.main.line.ask("note>", explain=lambda text: "Enter keeps the mark, with this note if there is one")

    def take_note(self, text: str) -> None:
        """The note to the mark that was put last."""
        if self._noted is not None and text.strip():
            self.record(self._noted._replace(time=self.now, note=visible_text(self.view.redactor.text(text.strip()))))
        self._noted = None

    def on_line_bar_words(self, event: LineBar.Words) -> None:
        """A note was typed."""
        if event.prompt == "note>":
            self.back()
            self.take_note(event.text)

    # -- wrapping

    def do_wrap(self) -> None:
        """Long rows go on in the next line, or are cut."""
        view = self.main.log_view
        view.wrap = not view.wrap
        self.say("long rows wrap" if view.wrap else "long rows are cut: right and left move them")

    # -- copying

    def do_row(self) -> None:
        """Copy the text that was marked by mouse, else the selected rows, as they are shown."""
        marked = self.screen.get_selected_text()
        rows = self.selected_rows
        if marked is not None:
            self.say(clipboard.copy(marked, self.copy_to_clipboard))
        elif len(rows) == 1:
            spans = self.rows.made(rows[0]).spans
            self.say(clipboard.copy(wall("".join(text for text, _ in spans)), self.copy_to_clipboard))
        elif len(rows) <= AT_ONCE:
            text = "".join(f"{self.rows.text(row)}\n" for row in rows)
            self.say(clipboard.copy(text, self.copy_to_clipboard) if rows else _NO_ROWS)
        else:
            self._copy_many(rows, lambda row: octets(self.rows.text(row) + "\n"))

    def do_raw(self) -> None:
        """Copy the octets of the selected rows; in a secret's place stand words."""
        rows = self.selected_rows
        if len(rows) <= AT_ONCE:
            data = b"".join(map(self.raw, rows))
            self.say(clipboard.copy_raw(data, self.copy_to_clipboard) if data else _NO_OCTETS)
        else:
            self._copy_many(rows, self.raw)

    def raw(self, row: int) -> bytes:
        """The octets of a row and of what is folded behind it, but for those of secrets."""
        log, group = self.view.log, self.view.log.groups.get(row)
        if log.kind[row] == Kind.TEXT and (group is None or not group.open):
            data = log.octets(row)  # the message whole, whatever rows it is shown in
            group = None
        else:
            data = log.octets(row) if log.kind[row] in WIRE else b""
        data = hide(data, log.hidden(row, data))
        if group is not None and not group.open and self.rows.filter is None:
            data += b"".join(map(self.raw, group.rows))
        return data

    def _copy_many(self, rows: Sequence[int], made: Callable[[int], bytes]) -> None:
        """Copy to the file bit by bit, while the screen goes on; a later one takes its place."""
        self.say(f"copying {len(rows):,} rows to the file")
        self.run_worker(self._copying(rows, made), group="copy", exclusive=True)

    async def _copying(self, rows: Sequence[int], made: Callable[[int], bytes]) -> None:
        try:
            copy = clipboard.LongCopy()
        except OSError as error:
            self.say(f"nothing was copied: {error.strerror}")
            return
        stop = perf_counter() + PORTION
        try:
            for row in rows:
                copy.write(made(row))
                if perf_counter() > stop:
                    await asyncio.sleep(0)
                    stop = perf_counter() + PORTION
        except BaseException as error:
            copy.drop()
            if isinstance(error, OSError):
                self.say(f"nothing was copied: {error.strerror}")
                return
            raise
        copy.keep()
        self.say(f"copied {len(rows):,} rows to {copy.path}, too many for a clipboard")
