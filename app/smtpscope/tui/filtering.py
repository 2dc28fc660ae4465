"""Filter of the log: ``f`` asks for a chip, the rows that meet all chips are shown, and a row of chips says which."""

from __future__ import annotations

from threading import Event, Thread

from textual.message import Message
from textual.timer import Timer

from smtpscope.session.filter import KINDS, Chip, Filter
from smtpscope.session.search import TOO_LONG
from smtpscope.tui.line_bar import LineBar
from smtpscope.tui.marking import Marking
from smtpscope.visible import safe
from smtpscope_widgets import chip_row
from smtpscope_widgets.chip_row import ChipRow

LOOK = 0.1
"""Seconds between two looks at what has come since."""
_BARE = ("marked", "finding")
_VALUES = {"dir": ("in", "out"), "class": ("2", "3", "4", "5")}


class Sifted(Message):
    """A filter that reads the text of rows has been through all that there are."""

    def __init__(self, filter: Filter) -> None:
        super().__init__()
        self.filter = filter
        self.changed = filter.changed


class Filtering(Marking):
    """What the log shows of its rows."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self.chips: list[Chip] = []
        self.sifter: Thread | None = None
        """The thread that reads rows, while it does."""
        self._next: Filter | None = None  # the filter that is being made, until it can be shown
        self._stop_sifting = Event()
        self._chip_row: ChipRow | None = None
        self._sift_timer: Timer | None = None
        self._evidence: set[int] = set()
        self._evident = 0  # how many findings have been looked up

    # -- asking

    def do_filter(self) -> None:
        """Ask for a chip."""
        self.focus_line()
        chips = "Enter alone: to the chips" if self.chips else "Tab completes"
        self.main.line.ask("filter>", complete=self._completed, explain=lambda typed: _explained(typed) or chips)

    def on_line_bar_words(self, event: LineBar.Words) -> None:
        """A chip was typed; what is none stays to be typed further."""
        if event.prompt != "filter>":
            return
        if not event.text.strip():
            self.back()
            if self._chip_row is not None:
                self._chip_row.focus()
                self.say("arrows choose, Enter switches off and on, Delete removes, Esc goes back")
            return
        try:
            chip = Chip.parse(event.text)
        except ValueError as error:
            self.do_filter()
            self.main.line.set(event.text)
            self.say(str(error))
            return
        self.back()
        if chip not in self.chips:
            self.chips.append(chip)
        self._sift()

    def _completed(self, typed: str) -> list[str]:
        """The kinds of chips, then the values that there are in this session."""
        log = self.view.log
        rest = typed.lstrip().removeprefix("!").lstrip()
        turned = typed.removesuffix(rest)
        kind, colon, values = rest.partition(":")
        if not colon:
            kinds = [each if each in _BARE else f"{each}:" for each in KINDS]
            return [turned + each for each in kinds if each.startswith(rest.lower())]
        before, comma, last = values.rpartition(",")
        known = {
            "cmd": sorted(filter(None, log.verbs.numbers)),
            "code": sorted({part for name in log.codes.numbers for part in name.split()}),
            **_VALUES,
        }.get(kind.lower(), ())
        head = f"{turned}{kind}:{before}{comma}"
        return [head + each for each in known if each.startswith(last.upper() if kind == "cmd" else last)]

    # -- chips

    def on_chip_row_toggled(self, event: ChipRow.Toggled) -> None:
        """A chip is off, or on again."""
        self.chips[event.chip] = self.chips[event.chip].switched()
        self._sift()

    def on_chip_row_removed(self, event: ChipRow.Removed) -> None:
        """A chip is gone."""
        del self.chips[event.chip]
        self._sift()

    def _show_chips(self) -> None:
        """The row above the log, there only while there are chips."""
        if not self.chips:
            if self._chip_row is not None:
                if self._chip_row.has_focus:
                    self.main.log_view.focus()
                self._chip_row.remove()
                self._chip_row = None
            return
        if self._chip_row is None:
            self._chip_row = ChipRow(ascii_only=self.given.ascii, id="chips")
            self.main.mount(self._chip_row, before="#panes")
        total, filter = len(self.view.log), self.rows.filter
        shown = f"{len(self.rows):,} of {total:,} rows" if filter is not None else f"all {total:,} rows"
        if self._next is not None:
            shown = f"looking through {total:,} rows"
        self._chip_row.show([chip_row.Chip(safe(chip.text), chip.on) for chip in self.chips], shown)

    # -- sifting

    def _sift(self) -> None:
        """Show what the chips let through: at once, or when a thread has read the rows."""
        self._stop_sifting.set()
        self._next = None
        if self._sift_timer is None:
            self._sift_timer = self.set_interval(LOOK, self._sift_on)
        on = [chip for chip in self.chips if chip.on]
        made = Filter(self.view.log, on, self.evidence) if on else None
        if made is not None and made.slow:
            self._next = made
            self._sift_on_thread(made)
        else:
            self._show_filtered(made)
        self._show_chips()

    def _sift_on_thread(self, made: Filter) -> None:
        if self.sifter is not None and self.sifter.is_alive() and not self._stop_sifting.is_set():
            return
        self._stop_sifting = stop = Event()

        def sift() -> None:
            if made.update(stop.is_set):
                self.post_message(Sifted(made))

        self.sifter = Thread(target=sift, daemon=True)
        self.sifter.start()

    def on_sifted(self, event: Sifted) -> None:
        """All rows have been read."""
        if event.filter is self._next:
            self._next = None
            self._show_filtered(event.filter)
            if event.filter.too_long:
                self.say(TOO_LONG)
        elif event.filter is self.rows.filter:
            self.main.log_view.refresh_rows(event.changed)
        self._show_chips()

    def _sift_on(self) -> None:
        """Take what has come since."""
        if not self.chips and self._sift_timer is not None:
            self._sift_timer.stop()
            self._sift_timer = None
        elif self.rows.filter is not None and self.rows.filter.slow and self._next is None and self.rows.stale:
            self._sift_on_thread(self.rows.filter)
        self._show_chips()

    def _show_filtered(self, made: Filter | None) -> None:
        """Show other rows: the cursor stays on its row, or goes to the nearest; at the end it stays at the end."""
        view = self.main.log_view
        row, last = self.rows.id(view.cursor), view.cursor == len(self.rows) - 1
        view.unselect()
        self.rows.filter = made
        place = self.rows.place(row) if len(self.rows) and row >= 0 else 0
        view.refresh_rows()
        if last or row < 0:
            view.action_last()
        else:
            view.cursor = place
        self.look()

    def evidence(self) -> set[int]:
        """The rows that a finding is about."""
        log, findings = self.view.log, self.view.findings
        for event, start in zip(findings.event[self._evident :], findings.start[self._evident :], strict=True):
            self._evidence.add(log.row_of(event, start))
        self._evident = len(findings.event)
        return self._evidence


def _explained(typed: str) -> str:
    try:
        return f"rows with {safe(Chip.parse(typed).text)}" if typed.strip() else ""
    except ValueError as error:
        return str(error)
