"""The start screen: servers used before, sessions that were kept, the practice server, and a line for anything else.

It is an app of its own that ends with the words of a command line: so whatever is chosen goes the way that the same
words go in a shell, password question and all, and the debugger itself knows nothing of it.
"""

from __future__ import annotations

import gc
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple

import click
from rich.text import Text
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.filter import LineFilter

from smtpscope.options import COMMAND, Open, read
from smtpscope.profile import Profile
from smtpscope.tui import theme
from smtpscope.tui.history import History
from smtpscope.tui.kept_list import KeptSession
from smtpscope.tui.last_wall import LastWall, fault
from smtpscope.visible import safe
from smtpscope_widgets.choices import Choice, Choices
from smtpscope_widgets.spans import Spans, wrapped
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.wire_line import WireLine

SERVERS = 6
"""How many servers are listed while nothing is typed, so that kept sessions are in sight too."""
_EXAMPLE = "for example  mail.example.org:587 -tls -au alice"
_TYPED = "Enter starts what is typed, the arrows choose from the list"
_COLUMN = 30
"""Cells of a server in the list; a longer one pushes what follows."""


class _Entry(NamedTuple):
    """A row that can be chosen."""

    section: str
    spans: Spans
    words: list[str]
    """The command line that it stands for."""

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self.spans)


class StartField(WireLine):
    """The line. It has the focus always; while nothing is typed letters that move a cursor elsewhere move the list's.

    Every key is handled as it comes, so that fast ones are never taken for what they would have meant before.
    """

    def __init__(
        self, choices: Choices, choose: Callable[[], None], typed: Callable[[str], None], *, ascii_only: bool
    ) -> None:
        """``choose`` is Enter, ``typed`` gets every new text."""
        super().__init__(ascii_only=ascii_only, id="field")
        self.browsing = True
        self._choices = choices
        self._choose = choose
        self._typed = typed

    def on_key(self, event: events.Key) -> None:
        """Move in the list, choose, or leave the key to the line."""
        event.prevent_default()
        moves = {"up": -1, "down": 1, "pageup": -self._choices.page, "pagedown": self._choices.page}
        if self.browsing:
            moves |= {"k": -1, "j": 1, "g": -10_000, "G": 10_000, "home": -10_000, "end": 10_000}
        if event.key in moves:
            event.stop()
            self._move(moves[event.key])
        elif event.key == "enter":
            event.stop()
            self._choose()  # and what is typed stays, whatever comes of it
        elif self.browsing and event.key in ("slash", "i"):
            event.stop()
            self.type("")
        else:
            before = self.value
            super().on_key(event)
            if self.value != before:
                self.type(self.value)

    def _move(self, by: int) -> None:
        self._choices.move(by)
        if self.browsing and self._choices.cursor < 0:
            self._choices.move(1)

    def on_click(self, event: events.Click) -> None:
        """A click into the line is for typing."""
        self.type(self.value)

    def on_paste(self, event: events.Paste) -> None:
        """So is a paste, of which several lines are one."""
        event.stop()
        event.prevent_default()
        self.insert(" ".join(line.strip() for line in event.text.splitlines()))
        self.type(self.value)

    def type(self, text: str) -> None:
        """From now on letters are text; this is what there is of it."""
        self.browsing = False
        self._typed(text)

    def browse(self) -> None:
        """Nothing is typed; the list's first row is at hand."""
        self.browsing = True
        self.clear()
        self._typed("")


class StartScreen(App[list[str] | int]):
    """Ends with the chosen words, None for leaving, or the exit code of a signal."""

    TITLE = "smtpscope"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #header, #footer { background: $panel; }
    #header { margin-bottom: 1; }
    #says { height: 2; padding: 0 1; }
    #field { background: $surface; }
    #choices { height: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+q", "quit", show=False, priority=True)]

    def __init__(self, history: History, sessions: Sequence[KeptSession], *, ascii_only: bool) -> None:
        """``sessions`` come newest first."""
        self._plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=self._plain or None)
        self.register_theme(theme.THEME)
        self.set_reactive(StartScreen.theme, theme.PLAIN if self._plain else theme.NAME)
        self.stylesheet.set_variables(self.get_css_variables())
        self._last_wall = LastWall(ascii_only)
        self._history = history
        self._starts = list(reversed(history.starts))
        self._entries = [*_servers(self._starts), _DEMO, *map(_session, sessions)]
        self._shown: dict[int, _Entry] = {}
        self._ascii = ascii_only
        self.choices = Choices(ascii_only=ascii_only, id="choices")
        self.field = StartField(self.choices, self._choose, self._narrow, ascii_only=ascii_only)
        self.says = TextRows(ascii_only=ascii_only, id="says")

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's filters, and the last wall behind them."""
        return [*super().get_line_filters(), self._last_wall]

    def _fatal_error(self) -> None:
        """A fault of ours, in one sentence."""
        self.panic(Text(safe(fault(sys.exception()))))

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        header = TextRows(ascii_only=self._ascii, id="header")
        header.show([[(" smtpscope", "strong"), ("  an interactive SMTP debugger", "dim")]])
        footer = TextRows(ascii_only=self._ascii, id="footer")
        footer.show([_footer(self._ascii)])
        self.field.complete = self._complete
        self.field.hint = "HOST[:PORT] and options, as on the command line"
        yield header
        yield self.field
        yield self.says
        yield self.choices
        yield footer

    def on_mount(self) -> None:
        """All is there before the first frame."""
        self._narrow("")
        self.field.focus()
        self.call_after_refresh(gc.enable)  # the command line has stopped it for the start

    # -- what is listed

    def _narrow(self, text: str) -> None:
        """List what has all the words of ``text`` in it, with the first row at hand where nothing is being typed."""
        self._say(_TYPED if text else _EXAMPLE, "dim")
        words = text.casefold().split()
        found = [entry for entry in self._entries if all(word in entry.text.casefold() for word in words)]
        rows: list[Choice] = []
        self._shown = {}
        for section in ("servers", "kept sessions"):
            listed = [entry for entry in found if entry.section == section]
            if section == "servers" and not words:
                listed = [*listed[:-1][:SERVERS], listed[-1]]
            if listed:
                rows += [Choice([], heading=True)] * bool(rows)
                rows.append(Choice([(section, "dim")], heading=True))
            for entry in listed:
                self._shown[len(rows)] = entry
                rows.append(Choice(entry.spans))
        if not rows:
            rows.append(Choice([("nothing used before has all of these words in it", "dim")], heading=True))
        self.choices.show(rows)
        if self.field.browsing:
            self.choices.move(1)

    def _complete(self, text: str) -> list[str]:
        """Command lines used before that begin so; for the last word addresses used before, or options."""
        before, blank, word = text.rpartition(" ")
        option = before.rpartition(" ")[2].lstrip("-")
        words: list[str] = []
        if option in ("f", "from", "t", "to"):
            words = self._history.addresses("MAIL" if option[0] == "f" else "RCPT")
        elif word.startswith("-"):
            words = sorted(name for each in COMMAND.params if isinstance(each, click.Option) for name in each.opts)
        begun = [shlex.quote(each) for each in words if each.startswith(word)]
        return [line for line in self._starts if line.startswith(text)] + [before + blank + each for each in begun]

    # -- what is chosen

    def _choose(self) -> None:
        """Enter: the row under the cursor, or else what is typed."""
        if self.choices.cursor >= 0:
            self._start(self._shown[self.choices.cursor].words)
        elif self.field.value.strip():
            try:
                words = shlex.split(self.field.value)
            except ValueError:
                self._say("A quotation mark or a backslash has nothing behind it.", "warn")
            else:
                self._start(words[1:] if words[:1] == ["smtpscope"] else words)

    def on_choices_chosen(self, event: Choices.Chosen) -> None:
        """A click."""
        self._start(self._shown[event.index].words)

    def _start(self, words: list[str]) -> None:
        """End with ``words``, if they start something on this terminal; else say why not."""
        try:
            wanted = None if any(word.lstrip("-") in ("help", "version") for word in words) else read(words)
        except click.UsageError as error:
            self._say(error.message, "warn")
            return
        if isinstance(wanted, Profile | Open):
            self.exit(words)
        else:
            self._say("That is for a shell: here a server starts, or demo, or open FILE.", "warn")

    def on_wire_line_cancelled(self) -> None:
        """Escape: as at the beginning."""
        self.field.browse()

    def action_help_quit(self) -> None:
        """Ctrl+C does not leave."""
        self._say("^q leaves smtpscope", "warn")

    def _say(self, sentence: str, kind: str) -> None:
        self.says.show(wrapped([(safe(sentence), kind)], max(20, self.size.width - 2))[:2])


_PRACTICE: Spans = [("demo".ljust(_COLUMN), "strong"), ("  a practice server and a session on it", "dim")]
_DEMO = _Entry("servers", _PRACTICE, ["demo"])


def _servers(starts: Sequence[str]) -> list[_Entry]:
    """Each server once, newest first, as it was started the last time: by address, kind of TLS and user."""
    found: dict[tuple[str, ...], _Entry] = {}
    for line in starts:
        try:
            target, *options = shlex.split(line)
        except ValueError:
            continue
        user = options[options.index("-au") + 1 :][:1] if "-au" in options else []
        key = (target, *({"-tls", "-tlsc"} & set(options)), *user)
        spans = [(safe(target).ljust(_COLUMN), "strong"), (safe("  " + shlex.join(options)), "dim")]
        found.setdefault(key, _Entry("servers", spans, [target, *options]))
    return list(found.values())


def _session(kept: KeptSession) -> _Entry:
    spans = [(kept.server.ljust(_COLUMN), "strong"), (f"  {kept.when}  ", "text"), (kept.ended, "dim")]
    return _Entry("kept sessions", spans, ["open", str(kept.path)])


def _footer(ascii_only: bool) -> Spans:
    arrows = "Up Down" if ascii_only else "↑↓"
    keys = (("Enter", "start"), (f"{arrows} j k", "choose"), ("/", "type"), ("Tab", "complete"), ("Esc", "back"))
    spans: Spans = []
    for key, words in (*keys, ("^q", "leave")):
        spans += [("  " if spans else " ", "text"), (key, "key"), (f" {words}", "text")]
    return spans
