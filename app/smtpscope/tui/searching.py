"""Search in the log: ``/`` asks for what, a thread looks for it, and the cursor goes from hit to hit."""

from __future__ import annotations

import re
import warnings
from contextlib import suppress
from functools import partial
from threading import Event, Thread

from textual.message import Message
from textual.timer import Timer

from smtpscope.session.rows import Kind
from smtpscope.session.search import MOMENT, TOO_LONG, Search
from smtpscope.tui.filtering import Filtering
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.rows import Finder
from smtpscope.visible import safe
from smtpscope_widgets.spans import cells

LOOK = 0.1
"""Seconds between two looks at what a search has found, and at what has come since."""


class Sought(Message):
    """A search has looked through all rows that there are."""


class Searching(Filtering):
    """What can be looked for in the log. ``status`` says what was found."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.search: Search | None = None
        self.seeker: Thread | None = None
        """The thread that looks, while it does."""
        self._stop = Event()
        self._jump = 0  # 1 or -1 while the cursor waits for a hit to go to
        self._seek_timer: Timer | None = None
        self._told = ""  # the status that was shown last

    @property
    def status(self) -> str:
        """What the search has found, in a few words; empty if nothing is looked for."""
        search = self.search
        if search is None:
            return ""
        number = search.number(self.rows.id(self.main.log_view.cursor))
        more = "+" if search.too_long or not search.whole else ""
        count = f"{search.count:,}{more}"
        found = f"{number:,} of {count}" if number else f"{count} hit{'' if count == '1' else 's'}"
        return f"/{safe(search.text)}  {found}"

    # -- asking

    def do_search(self) -> None:
        """Ask what to look for."""
        self.focus_line()
        self.main.line.ask("/", explain=_explained)

    def on_line_bar_words(self, event: LineBar.Words) -> None:
        """It was typed; what is no regular expression stays to be typed further."""
        if event.prompt != "/":
            return
        if not event.text:
            self.back()
            return
        text, regex, ignore_case = parsed(event.text)
        try:
            search = Search(self.view.log, text, regex=regex, ignore_case=ignore_case)
        except ValueError as error:
            self.main.line.ask("/", event.text, explain=_explained)
            self.say(str(error))
            return
        self.back()
        self.end_search()
        self.search, self._jump = search, 1
        self.rows.finder = shown_pattern(text, regex, ignore_case)
        self.main.log_view.refresh_rows()
        self._seek()
        self._seek_timer = self.set_interval(LOOK, self._seek)

    def end_search(self) -> None:
        """Look for nothing any more."""
        self._stop.set()
        if self._seek_timer is not None:
            self._seek_timer.stop()
        if self.search is not None:
            self.search, self._seek_timer, self._jump, self.rows.finder = None, None, 0, None
            self.main.log_view.refresh_rows()
            self._go_on()

    # -- looking

    def _seek(self) -> None:
        """Look on, where rows have come or are left; on a thread, which never waits for the screen."""
        search = self.search
        if search is None:
            return
        if not search.whole and (self.seeker is None or not self.seeker.is_alive()):
            self._stop = stop = Event()
            self.seeker = Thread(target=lambda: search.run(stop.is_set) and self.post_message(Sought()), daemon=True)
            self.seeker.start()
        self._go_on()

    def on_sought(self) -> None:
        """All rows were looked through, as far as that can be done."""
        self._go_on()
        if self.search is not None and self.search.too_long:
            self.say(TOO_LONG)

    def _go_on(self) -> None:
        """Show what was found, and go where the cursor was to go."""
        if self._jump and self.search is not None:
            self._go_to_hit(self.search)
        if self.status != self._told:
            self._told = self.status
            self.show_footer()

    def on_wire_log_cursor_moved(self) -> None:
        """Another row is another hit, or none."""
        self._go_on()

    # -- going from hit to hit

    def do_next_hit(self) -> None:
        """Go to the next hit."""
        self._go(1)

    def do_previous_hit(self) -> None:
        """Go to the hit before."""
        self._go(-1)

    def _go(self, direction: int) -> None:
        if self.search is None:
            self.say("nothing is looked for: / asks what")
            return
        self._jump = direction
        self._go_on()

    def _go_to_hit(self, search: Search) -> None:
        """Go there, if it is known by now where it is."""
        here, direction, whole = self.rows.id(self.main.log_view.cursor), self._jump, search.whole
        row = self._hit(search, here, direction)
        passed = row >= 0 and (row > here if direction > 0 else row < here)
        if not whole and not (passed and direction > 0):
            return
        self._jump = 0
        if row < 0:
            among = " among the rows that the filter shows" if search.count and self.rows.filter is not None else ""
            self.say(TOO_LONG if search.too_long else f"nothing found{among}: {safe(search.text)}")
            return
        self.go_to_row(row)
        words = []
        if row == here:
            words.append("this is the only hit")
        elif not passed:
            words.append(f"the search went on from the {'first' if direction > 0 else 'last'} row")
        if where := self._show_hit(row):
            words.append(where)
        if words:
            self.say("; ".join(words))

    def _show_hit(self, row: int) -> str:
        """Bring what was found in a row into view; where else it is, if it is not in what the row shows."""
        spans, cell = self.rows.made(row).spans, 0
        for text, kind in spans:
            end = cell + cells([(text, kind)])
            if kind == "hit":
                self.main.log_view.show_text(cell, end)
                return ""
            cell = end
        if self.view.log.kind[row] == Kind.TEXT:
            return "found in the text of this message"
        return "found in what the row does not show"

    def _hit(self, search: Search, here: int, direction: int) -> int:
        """The hit that comes next among the rows that are not filtered away, -1 for none."""
        row, filtered = here, self.rows.filter
        for _ in range(search.count):
            row = search.next(row) if direction > 0 else search.previous(row)
            if filtered is None or self.rows.id(self.rows.place(row)) == row:
                return row
        return -1

    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row; one that is folded away is unfolded."""
        place = self.rows.place(row)
        self.look()
        self.main.log_view.unselect()
        self.main.log_view.cursor = place

    def action_leave_pane(self) -> None:
        """Escape ends what was begun last: a selection of rows, then the search."""
        view = self.main.log_view
        if self.question is not None or self.main.zoomed or self.focused is not view:
            super().action_leave_pane()
        elif view.selecting:
            view.unselect()
        elif self.search is not None:
            self.end_search()
        else:
            super().action_leave_pane()


def parsed(text: str) -> tuple[str, bool, bool]:
    """What is looked for, whether it is a regular expression, and whether case is ignored.

    ``/re/`` is one. Case counts where a capital was typed, as in vim.
    """
    regex = len(text) > 2 and text.startswith("/") and text.endswith("/")
    text = text[1:-1] if regex else text
    letters = re.sub(r"\\.", "", text) if regex else text
    return text, regex, letters == letters.lower()


def shown_pattern(text: str, is_regex: bool, ignore_case: bool) -> Finder | None:
    """What finds the same in what rows show as a search does in their octets, if anything can."""
    if not is_regex:
        return re.compile(re.escape(text), re.ASCII | (re.IGNORECASE if ignore_case else 0)).finditer
    import regex

    with warnings.catch_warnings(), suppress(regex.error, OverflowError, RecursionError, ValueError):
        warnings.simplefilter("ignore")
        pattern = regex.compile(text, regex.ASCII | (regex.IGNORECASE if ignore_case else 0))
        return partial(pattern.finditer, timeout=MOMENT)
    return None


def _explained(typed: str) -> str:
    _, regex, ignore_case = parsed(typed)
    case = "in any case" if ignore_case else "in this case"
    return f"regular expression, {case}" if regex else f"plain text, {case}; /re/ is a regular expression"
