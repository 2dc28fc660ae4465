"""The inspector: the row under the cursor explained, its octets, and what the session comes to at that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.widget import Widget

from smtpscope.tui.inspector_pages import Look, bytes_of, pages, steps_of
from smtpscope.visible import Spans
from smtpscope_widgets.hex_view import HexView
from smtpscope_widgets.page import Page
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.waterfall import Waterfall

Above = Callable[[int, int], list[Spans]]
"""What stands above, in rows, for so many columns and with room for so many rows."""
TABS = ("reply", "bytes", "time", *(name for name in pages() if name != "reply"))


class Inspector(Vertical, can_focus=False):
    """Beside the log or over it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Tab before", show=False),
        Binding("right", "tab(1)", "Next tab", show=False),
    ]
    DEFAULT_CSS = """
    Inspector { height: 1fr; }
    Inspector > #above { padding: 0 1; height: 0; }
    Inspector > ScrollView { height: 1fr; display: none; padding: 0 1; }
    Inspector > .open { display: block; }
    """

    class Sought(Message):
        """The user wants to see the row where ``event`` is, or the octet ``start`` of it."""

        def __init__(self, event: int, start: int = 0) -> None:
            super().__init__()
            self.event = event
            self.start = start

    def __init__(self, *, ascii_only: bool, id: str) -> None:
        super().__init__(id=id)
        self.tab = TABS[0]
        self._ascii = ascii_only
        self._state: tuple[object, ...] = ()
        # Held, not looked up: while the app closes there is nothing to be found any more, and events still come.
        self._names = TextRows(ascii_only=ascii_only, id="tabs")
        self._above = TextRows(ascii_only=ascii_only, id="above")
        self.page = Page(ascii_only=ascii_only, classes="open")
        self.octets = HexView(ascii_only=ascii_only)
        self.waterfall = Waterfall(ascii_only=ascii_only)
        self._look: Look | None = None
        self._over: Above = lambda columns, rows: []
        self._steps: list[int] = []

    def compose(self) -> ComposeResult:
        """Tabs, a question or news, and what the tab shows."""
        yield self._names
        yield self._above
        yield self.page  # the others when they are opened first: a start is quicker without

    def on_mount(self) -> None:
        """Name the tabs."""
        self._show_tabs()

    # -- tabs

    def action_tab(self, step: int) -> None:
        """Go to another tab."""
        self.choose(TABS[(TABS.index(self.tab) + step) % len(TABS)])

    def choose(self, tab: str) -> None:
        """Show ``tab``, and keep the focus in here if it was."""
        had_focus = self.has_focus_within
        self.tab = tab
        if self.is_mounted and not self._open.is_attached:
            self.mount(self._open)
        for widget in (self.page, self.octets, self.waterfall):
            widget.set_class(widget is self._open, "open")
        self._show_tabs()
        self._state = ()
        self._fill()
        if had_focus:
            self.take_focus()

    @property
    def _open(self) -> Widget:
        return {"bytes": self.octets, "time": self.waterfall}.get(self.tab, self.page)

    def take_focus(self) -> None:
        """Focus what is shown."""
        self._open.focus()

    def _show_tabs(self) -> None:
        spans: Spans = []
        for tab in TABS:
            spans.append((f"[{tab}]" if tab == self.tab else f" {tab} ", "strong" if tab == self.tab else "dim"))
        self._names.show([spans])

    def on_text_rows_clicked(self, event: TextRows.Clicked) -> None:
        """A click on a tab's name."""
        event.stop()
        at = 0
        for tab in TABS if event.rows is self._names else ():
            if at <= event.x < at + len(tab) + 2:
                self.choose(tab)
            at += len(tab) + 2

    def on_key(self, event: events.Key) -> None:
        """Left and right belong to the tabs, whatever is focused in here."""
        if event.key in ("left", "right"):
            event.stop()
            self.action_tab(1 if event.key == "right" else -1)

    # -- what they show

    def show(self, look: Look, above: Above) -> None:
        """Show what there is to see in ``look``; ``above`` stands over it in every tab."""
        self._over = above
        self._show_above()
        self._look, state = look, look.state(self.tab)
        if state != self._state:
            top = state[:2] != self._state[:2]
            self._state = state
            self._fill(top=top)

    def on_resize(self) -> None:
        """What stands above is laid out for the width that there is."""
        self._show_above()

    def _show_above(self) -> None:
        columns, rows = self.size
        lines = self._over(columns - 3, rows - 4) if columns else []  # not while hidden: it has no size
        self._above.styles.height = len(lines)
        self._above.show(lines)

    def _fill(self, *, top: bool = True) -> None:
        if self._look is None or not self.is_mounted:
            return
        look = self._look
        if self.tab == "bytes":
            self.octets.show(*bytes_of(look))
        elif self.tab == "time":
            head, bars, self._steps, chosen = steps_of(look, self._ascii)
            self.waterfall.show(head, bars, chosen)
        else:
            self.page.show(pages()[self.tab](look), top=top)

    def on_page_chosen(self, event: Page.Chosen) -> None:
        """Evidence is gone to."""
        event.stop()
        if isinstance(event.target, tuple):
            self.post_message(self.Sought(*event.target))

    def on_waterfall_chosen(self, event: Waterfall.Chosen) -> None:
        """A step is gone to."""
        event.stop()
        if 0 <= event.bar < len(self._steps):
            self.post_message(self.Sought(self._steps[event.bar]))
