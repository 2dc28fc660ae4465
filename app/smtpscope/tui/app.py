"""The app: what has come is taken and shown, keys pass their gate, the line's words go to the session."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Input

from smtpscope.actions import ACTIONS, BY_MEMBER
from smtpscope.profile import Profile
from smtpscope.session import plan
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Asked
from smtpscope.tui import theme
from smtpscope.tui.acting import Acting
from smtpscope.tui.history import History, without_secrets
from smtpscope.tui.keys import BURST_GAP, KeyGate
from smtpscope.tui.last_wall import LastWall, fault
from smtpscope.tui.line_bar import ENDINGS, LineBar
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.palette import Palette
from smtpscope.tui.rows import LogRows
from smtpscope.tui.screens import Pasted
from smtpscope.visible import escape, octets, safe, unescape
from smtpscope_widgets.state_diagram import StateDiagram
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.wire_line import WireLine
from smtpscope_widgets.wire_log import WireLog

FRAME = 0.05
"""Seconds between two looks at what has come: 20 a second at most."""
PORTION = 0.02
"""Seconds that one look may take for folding."""
TICK = 0.1
"""Seconds between two drawings of a clock that runs."""

_TOO_LATE = "the server waits for no response any more"


class Woken(Message):
    """The session has something new."""


class SmtpScope(Acting):
    """One screen for one session."""

    TITLE = "smtpscope"
    COMMANDS: ClassVar[set[Any]] = {Palette}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(",".join(a.keys), f"do('{a.id}')", a.title, show=False, id=a.id, priority=a.id in ("drop", "quit"))
            for a in ACTIONS
            if a.keys and a.id != "palette" and not a.id.startswith("pane_")
        ),
        *(Binding(str(number), f"digit({number})", show=False) for number in range(1, 10)),
        Binding("escape", "leave_pane", show=False),
        Binding("end", "now", show=False),
    ]

    def __init__(
        self,
        profile: Profile,
        recorder: Recorder,
        session: SessionThread | None = None,
        *,
        history: History | None = None,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """``session`` None shows a recording. ``clock`` times keys, ``wall_clock`` what is running; both in seconds."""
        self._plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=self._plain or None)
        self._last_wall = LastWall(profile.ascii)
        self.given = profile
        self.recorder = recorder
        self.session = session
        self.view = View(recorder)
        self.rows = LogRows(self.view.log)
        self.main = MainScreen(profile, self.rows, history or History(None))
        self.wall_clock = wall_clock
        self.gate = KeyGate(clock, self._one_key, self._burst)
        self.news = ""
        self.own_question = None
        self.aside = False
        self._woken = False
        self._looked = -1.0
        self._came_from: Widget | None = None
        self._last_used: dict[str, str] = {}
        self._prompt = ">"
        self._forms = 0
        if profile.password is not None:
            self.view.redactor.know(profile.password)

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's filters, and the last wall behind them."""
        return [*super().get_line_filters(), self._last_wall]

    def _fatal_error(self) -> None:
        """A fault of ours, in one sentence: Textual's report would show every variable, raw octets and secrets too."""
        self.panic(Text(safe(self.view.redactor.text(fault(sys.exception())))))

    def get_system_commands(self, screen: Any) -> Iterable[Any]:
        """None: the palette has its own."""
        return ()

    def get_default_screen(self) -> MainScreen:
        """The main screen."""
        return self.main

    def on_mount(self) -> None:
        """Colours, focus, and the session once the first frame is out."""
        self.register_theme(theme.THEME)
        self.theme = theme.PLAIN if self._plain else theme.NAME
        self.main.log_view.focus()
        self.set_interval(TICK, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        self.main.lay_out()
        self.look()
        if self.session is not None:
            self.session.start()

    @property
    def profile(self) -> Profile:
        """What the session starts from now: the practice server's address, credentials that were asked for."""
        live = self.session.session if self.session is not None else None
        return live.profile if live is not None else self.given

    @property
    def ehlo_name(self) -> str:
        """What EHLO says."""
        live = self.session.session if self.session is not None else None
        return live.ehlo_name if live is not None else self.given.helo or "[127.0.0.1]"

    # -- looking at what has come

    def wake(self) -> None:
        """The session has something new; called on its thread."""
        if not self._woken:
            self._woken = True
            self.post_message(Woken())

    def on_woken(self) -> None:
        """Look now, or when a frame's time has passed."""
        wait = self._looked + FRAME - time.monotonic()
        if wait <= 0:
            self.look()
        else:
            self.set_timer(wait, self.look)

    def catch_up(self) -> None:
        """Take what has come, keys and events, at once; for tests, which cannot wait for frames."""
        self.gate.let_go()
        self.view.take()
        self.look()

    def look(self) -> None:
        """Fold in what has come, and show it."""
        self._woken = False
        self._looked = time.monotonic()
        if not self.main.is_mounted:
            return
        had_question = self.view.question
        if self.view.take(PORTION):
            self.call_later(self.wake)  # a flood is taken in portions, and keys come between them
        if self.view.question is not had_question:
            self.aside = False
        log, forms = self.view.log, self.view.redactor.forms
        if forms > self._forms:  # rows that were drawn may hold what is a secret now
            self._forms, log.changed = forms, 0
        if log.changed < len(log.shown):
            self.main.log_view.refresh_rows(log.changed)
        log.changed = len(log.shown)
        self.main.log_view.sync()
        self._show()

    def _tick(self) -> None:
        """A clock that runs is shown running."""
        machine = self.view.machine
        if machine.pending or machine.facts.link or self.view.opened is None or self.view.closed is None:
            self.main.show_top(self.view, self.profile, self.now)

    @property
    def now(self) -> float:
        """Seconds since connect, as far as the screen knows."""
        return max(self.view.time, self.wall_clock() - self.view.opened.wall) if self.view.opened else 0.0

    @property
    def question(self) -> Asked | None:
        """The question that stands, if it was not laid aside."""
        if self.own_question is not None:
            return self.own_question[0]
        return None if self.aside else self.view.question

    def _show(self) -> None:
        self.main.show_top(self.view, self.profile, self.now)
        machine = self.view.machine
        prompt = machine.prompt if machine.prompt != "334>" or machine.asks_user else ">"
        appeared = prompt != self._prompt and prompt == "334>"
        self._prompt = prompt
        self.main.line.follow(machine, prompt, self.view.redactor)
        if appeared:
            self.focus_line()
        self.show_row()
        self.show_footer()

    def show_row(self) -> None:
        """The row under the cursor, below a question or news."""
        self.main.show_row(self.view, self.question, self.news)

    def show_footer(self) -> None:
        """What space does now, and the keys."""
        step = plan.next_step(self.view.machine, self.profile, self.ehlo_name)
        if self.question is not None:
            step = plan.NextStep(None, "a number answers the question, Esc lays it aside")
        elif self.view.question is not None:
            step = plan.NextStep(None, "? brings the question back: nothing goes on before it is answered")
        self.gate.label(step.label)
        self.main.show_footer(self.view, step)

    def say(self, news: str) -> None:
        """Tell something that is no event: it stands above the explanation until the next key."""
        self.news = news
        self.show_row()

    # -- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys pass the gate first."""
        if isinstance(event, events.Key) and not event.is_forwarded and not getattr(event, "let_go", False):
            self.gate.key(event)
            self.set_timer(BURST_GAP, self._let_go)
            return
        await super().on_event(event)

    def _let_go(self) -> None:
        if self.gate.ripe():
            self.gate.let_go()

    def _one_key(self, key: events.Key) -> None:
        key.let_go = True  # type: ignore[attr-defined]
        if self.news:
            self.say("")
        self.post_message(key)

    def _burst(self, text: str) -> None:
        """Many keys at once are text for the line, or for the palette's; they send nothing."""
        if isinstance(self.focused, Input):
            self.focused.insert_text_at_cursor(" ".join(text.split()))
            return
        self.focus_line()
        self.main.line.insert(text)

    def on_paste(self, event: events.Paste) -> None:
        """A paste that nobody took is for the line."""
        self._burst(event.text)

    def action_help_quit(self) -> None:
        """Ctrl+C does not leave; Textual would say so on top of the line."""
        self.say("^q leaves smtpscope")

    def focus_line(self) -> None:
        """Go to the line, and remember where we came from."""
        if self.main.focused is not self.main.line:
            self._came_from = self.main.focused
        self.main.line.focus()

    def back(self) -> None:
        """From the line to where we came from."""
        origin = self._came_from if self._came_from is not None and self._came_from.display else self.main.log_view
        origin.focus()

    def on_descendant_focus(self) -> None:
        """The footer and the rule tell who has the focus."""
        if self.main.is_mounted and self.screen is self.main:
            self.show_footer()

    def on_resize(self) -> None:
        """Another size, another picture."""
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.main.lay_out()
        self.look()

    # -- the line

    def fill_verb(self, verb: str, key: str = "") -> None:
        """Fill the line for a verb, from the last use or the profile; nothing is sent."""
        machine = self.view.machine
        filled = plan.filled("DOT" if verb == "." else verb, machine, self.profile, self.ehlo_name)
        filled = plan.Filled(escape(octets(filled.line)), filled.cursor)  # it goes out as typed lines do
        used = self._last_used.get(verb)
        if used is not None and verb != "AUTH" and (verb != "RCPT" or filled.line in (used, "RCPT TO:<>")):
            filled = plan.Filled(used)
        self.fill_line(filled.line, filled.cursor, key if len(key) == 1 else "")

    def fill_line(self, text: str, cursor: int | None = None, key: str = "") -> None:
        """Fill the line with ``text`` as a suggestion, or for editing at ``cursor``; say why where it is no command."""
        verb, prompt = text.partition(" ")[0], self._prompt
        if prompt == "data>" and verb != ".":
            self.say(f"{verb} would become message text: s sends the message, . ends it, ^] drops")
        elif prompt == "334>":
            self.say("the server waits for a response: i, then type it, or * to cancel")
        else:
            self.focus_line()
            self.main.line.to_wire()
            self.main.line.fill(text, cursor, key=key)
            self.main.line.update_hint()
            self.show_footer()

    def ask_credentials(self, mechanism: str) -> None:
        """Ask in the line who and, masked, with what."""
        self.focus_line()
        self.main.line.ask_credentials(mechanism, self.profile.user)

    def on_line_bar_send(self, event: LineBar.Send) -> None:
        """A line for the wire."""
        text, why, line = event.text, self._why_not(), self.main.line
        if event.masked and line.prompt != "334>":
            self.say(f"{_TOO_LATE}: what was typed under the mask is gone")
            return
        if why:
            if event.filled:
                self.main.line.fill(text)
            else:
                self.main.line.set(text)
            self.say(f"{why}; what you typed stays")
            return
        words = text.split()
        runs = event.filled and len(words) == 2 and words[0].upper() == "AUTH" and words[1].upper() in plan.MECHANISMS
        if runs and self.main.line.prompt == ">":
            line.remember(text)
            self._auth(words[1].upper())
            return
        if self._is_no_secret(event):
            line.remember(text)
            if not event.filled and words and without_secrets(text) == text:
                self._last_used[words[0].upper()] = text
        self.call("send", unescape(text) + ENDINGS[self.main.line.ending])
        if line.prompt != "data>" or text == ".":
            self.back()

    def _is_no_secret(self, event: LineBar.Send) -> bool:
        """Whether a line may be recalled; while an AUTH is owed it may be a response, ahead of its 334."""
        owed = any(entry.kind == "AUTH" for entry in self.view.machine.pending)
        return self.main.line.prompt == ">" and not event.masked and not owed

    def _why_not(self) -> str:
        """Why nothing can be sent now, empty if it can."""
        facts = self.view.machine.facts
        if self.undecided:
            return "a question stands: Esc, then a digit answers it"
        if facts.securing:
            return "the TLS handshake is running"
        if facts.streaming:
            return "the message text is on its way"
        return "" if facts.link else "there is no connection: Esc, c connects"

    def _auth(self, mechanism: str) -> None:
        profile = self.profile
        if profile.user is None or profile.password is None:
            self.ask_credentials(mechanism)
        else:
            self.call("login", mechanism, profile.user, profile.password)
            self.back()

    def on_line_bar_credentials(self, event: LineBar.Credentials) -> None:
        """User and password were given."""
        self.view.redactor.know(event.password)
        self.call("login", event.mechanism, event.user, event.password)
        self.back()

    def on_line_bar_command(self, event: LineBar.Command) -> None:
        """A line of the app's own."""
        self.back()
        self.execute(event.text)

    def on_wire_line_cancelled(self) -> None:
        """Escape in the line."""
        self.main.line.to_wire()
        self.back()

    def on_wire_line_pasted(self, event: WireLine.Pasted) -> None:
        """Several lines at once: ask what is to be done with them, where lines are what is asked for."""
        line, lines = self.main.line, event.lines

        def done(way: str | None) -> None:
            why = "" if line.prompt in (">", "data>") else "one line is asked for here"
            why = why or (self._why_not() if way in ("lines", "write") else "")
            if why or way == "keep":
                line.insert("\\r\\n".join(lines))
                self.focus_line()
                if why:
                    self.say(f"{why}; the pasted lines stand in one")
                return
            before, behind, ending = line.value[: line.cursor], line.value[line.cursor :], ENDINGS[line.ending]
            whole = [before + lines[0], *lines[1:]]
            whole[-1] += behind
            writes = [unescape(each) + (ending or b"\r\n") for each in whole]
            line.clear()
            if way == "lines":
                self.call("send_lines", writes)
            else:
                self.call("send", b"".join(writes))
            if line.prompt == ">":
                self.back()

        if event.masked and not line.masked:
            self.say(f"{_TOO_LATE}: what was pasted under the mask is gone")
        elif line.prompt in (">", "data>"):
            self.push_screen(Pasted(lines), done)
        else:
            done("keep")

    # -- the other widgets

    def on_state_diagram_node_chosen(self, event: StateDiagram.NodeChosen) -> None:
        """A node fills the line; nothing is sent."""
        self.run_id(BY_MEMBER[SMTPCommand[event.node]].id)

    def on_wire_log_cursor_moved(self) -> None:
        """Another row is explained."""
        self.show_row()

    def on_wire_log_row_chosen(self) -> None:
        """Enter on a row opens the inspector."""
        self.do_pane_inspector()

    def on_wire_log_fold_toggled(self, event: WireLog.FoldToggled) -> None:
        """Open or close a group; what opens is scrolled into view."""
        rows, view = len(self.view.log.shown), self.main.log_view
        self.view.log.toggle(event.row, event.open)
        self.look()
        behind = len(self.view.log.shown) - rows
        if behind > 0:
            view.top = max(view.top, min(event.row, event.row + behind + 1 - view.size.height))

    def on_text_rows_clicked(self, event: TextRows.Clicked) -> None:
        """A click on the footer does what the key does."""
        if event.rows is self.main.bottom and (action := self.main.footer_action(event.x)):
            self.action_do(action)
