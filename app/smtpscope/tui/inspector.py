"""The inspector: what the row under the cursor is. Tabs *reply* and *bytes*; above them a question, if one stands."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.widget import Widget

from smtpscope.session.explain import reply_lines
from smtpscope.session.log import Kind, Log, Spans
from smtpscope.smtp.events import Received, Sent
from smtpscope.smtp.reply import Reply, ReplyReader
from smtpscope.visible import safe
from smtpscope_widgets.hex_view import HexView
from smtpscope_widgets.spans import to_content
from smtpscope_widgets.text_rows import TextRows

TABS = ("reply", "bytes")
LIMIT = 256 * 1024
"""Octets of one row that the inspector shows."""

_STYLES = {
    "control": "$text-warning underline",
    "more": "dim",
    "hidden": "dim",
    "dim": "dim",
    "strong": "bold",
    "good": "$text-success bold",
    "bad": "$text-error bold",
    "warn": "$text-warning",
}


class Words(Widget):
    """Paragraphs of spans, wrapped to the width."""

    DEFAULT_CSS = "Words { height: auto; }"

    def __init__(self) -> None:
        super().__init__()
        self._content = to_content([])

    def show(self, paragraphs: list[Spans]) -> None:
        """Say this."""
        spans: Spans = []
        for number, paragraph in enumerate(paragraphs):
            spans += [("\n", "break")] if number else []
            spans += paragraph
        pieces = [to_content(part, _STYLES) for part in _lines(spans)]
        self._content = to_content([]).join([]) if not pieces else pieces[0]
        for piece in pieces[1:]:
            self._content = self._content + "\n" + piece
        self.refresh(layout=True)

    def render(self) -> object:  # type: ignore[override]
        """The words."""
        return self._content


def _lines(spans: Spans) -> list[Spans]:
    lines: list[Spans] = [[]]
    for span in spans:
        if span[1] == "break":
            lines.append([])
        else:
            lines[-1].append(span)
    return lines


class Inspector(Vertical, can_focus=False):
    """Beside the log or over it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "tab(-1)", "Tab before", show=False),
        Binding("right", "tab(1)", "Next tab", show=False),
    ]
    DEFAULT_CSS = """
    Inspector { height: 1fr; }
    Inspector > VerticalScroll { height: 1fr; scrollbar-size-vertical: 1; padding: 0 1; }
    Inspector > HexView { height: 1fr; display: none; padding: 0 1; }
    Inspector.bytes > HexView { display: block; }
    Inspector.bytes > VerticalScroll { display: none; }
    """

    def __init__(self, *, ascii_only: bool, id: str) -> None:
        super().__init__(id=id)
        self.tab = TABS[0]
        self._state: tuple[object, ...] = ()
        # Held, not looked up: while the app closes there is nothing to be found any more, and events still come.
        self._names = TextRows(ascii_only=ascii_only, id="tabs")
        self._words = Words()
        self._page = VerticalScroll(self._words)
        self._octets = HexView(ascii_only=ascii_only)

    def compose(self) -> ComposeResult:
        """Tabs, words, octets."""
        yield self._names
        yield self._page
        yield self._octets

    def on_mount(self) -> None:
        """Name the tabs."""
        self._show_tabs()

    def action_tab(self, step: int) -> None:
        """Go to another tab."""
        self.choose(TABS[(TABS.index(self.tab) + step) % len(TABS)])

    def choose(self, tab: str) -> None:
        """Show ``tab``, and keep the focus in here if it was."""
        had_focus = self.has_focus_within
        self.tab = tab
        self.set_class(tab == "bytes", "bytes")
        self._show_tabs()
        if had_focus:
            self.take_focus()

    def take_focus(self) -> None:
        """Focus what is shown."""
        (self._octets if self.tab == "bytes" else self._page).focus()

    def _show_tabs(self) -> None:
        spans: Spans = [(" ", "text")]
        for tab in TABS:
            mark = f"[{tab}]" if tab == self.tab else f" {tab} "
            spans += [(mark, "strong" if tab == self.tab else "dim"), (" ", "text")]
        self._names.show([spans])

    def on_text_rows_clicked(self, event: TextRows.Clicked) -> None:
        """A click on a tab's name."""
        event.stop()
        at = 1
        for tab in TABS:
            if at <= event.x < at + len(tab) + 2:
                self.choose(tab)
            at += len(tab) + 3

    def show(self, log: Log, row: int, above: list[Spans]) -> None:
        """Explain ``row`` (an id, -1 for none) below a question or news, if there are any."""
        rows = log.reply_rows(row) if row >= 0 and log.kind[row] in (Kind.RECEIVED, Kind.REFUSED) else [row]
        state = (
            row,
            len(rows),
            repr(above),
            log.length[row] if row >= 0 else 0,
            log.text.get(row),
            log.kind[row] if row >= 0 else 0,
            log.redactor.forms,
        )
        if state == self._state:
            return
        self._state = state
        paragraphs: list[Spans] = [*above, []] if above else []
        if row < 0:
            paragraphs.append([("Nothing has been said yet.", "dim")])
            self._octets.show(b"")
        else:
            data = b"".join(log.octets(each, LIMIT) for each in rows)
            paragraphs += _explain(log, row, rows, data)
            hidden, at = [], 0
            for each in rows:
                octets = log.octets(each, LIMIT)
                hidden += [(at + start, at + end) for start, end in log.hidden(each, octets)]
                at += len(octets)
            self._octets.show(data, _boundaries(log, rows), hidden)
        self._words.show(paragraphs)

    def on_key(self, event: events.Key) -> None:
        """Left and right belong to the tabs, whatever is focused in here."""
        if event.key in ("left", "right"):
            event.stop()
            self.action_tab(1 if event.key == "right" else -1)


def reply_of(log: Log, row: int) -> Reply | None:
    """The reply that a received row belongs to, made from its octets again; None where they are no whole reply."""
    if row < 0 or log.kind[row] not in (Kind.RECEIVED, Kind.REFUSED):
        return None
    reader, replies = ReplyReader(), []
    for each in log.reply_rows(row):
        replies += reader.feed(log.octets(each, LIMIT), log.time[each])
    return replies[-1] if replies else None


def _explain(log: Log, row: int, rows: list[int], data: bytes) -> list[Spans]:
    kind = Kind(log.kind[row])
    if kind in (Kind.RECEIVED, Kind.REFUSED):
        reply = reply_of(log, row)
        if reply is not None:
            asked = log.asked[rows[0]]
            lines = [log.spans(each, whole=True) for each in rows[:200]]
            return [*reply_lines(reply, asked if asked >= 0 else None), [], *lines]
        return [[("A line of a reply that has not ended.", "text")], [], log.spans(row)]
    if kind is Kind.TEXT:
        return [
            [("Message text, lines ended with CRLF and leading dots doubled (RFC 5321 4.5.2).", "text")],
            log.spans(row),
        ]
    if kind in (Kind.SENT, Kind.TEXT_LINE):
        ending = "CRLF" if data.endswith(b"\r\n") else "LF" if data.endswith(b"\n") else "nothing"
        return [
            [("Sent", "strong"), (" inside TLS" if log.tls[row] else " in clear", "text")],
            [(f"{log.length[row]:,} octets, the line ends in {ending}", "dim")],
            [],
            log.spans(row),
        ]
    return [[(safe(log.text.get(row, "")), "text")]]


def _boundaries(log: Log, rows: list[int]) -> list[int]:
    """Where one read or write ended and the next began, as offsets in the octets of ``rows``."""
    result, at = [], 0
    for row in rows:
        index, start, rest = log.event[row], log.start[row], log.length[row]
        kind = type(log.recorder[index])
        if start == 0 and at:
            result.append(at)
        while rest > 0 and index < len(log.recorder):
            event = log.recorder[index]
            if isinstance(event, kind) and isinstance(event, Sent | Received):
                taken = min(rest, len(event.data) - start)
                at, rest, start = at + taken, rest - taken, 0
                if rest > 0:
                    result.append(at)
            index += 1
            if at > LIMIT:
                return result
    return result
