"""The app: composition and routing. What is shown comes from the view, what is done goes to the session."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rich.segment import Segment
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.color import Color
from textual.containers import Horizontal
from textual.filter import LineFilter
from textual.message import Message
from textual.widget import Widget

from smtpscope.actions import ACTIONS, BY_ID, BY_MEMBER
from smtpscope.profile import Profile, parse_seconds
from smtpscope.session import plan
from smtpscope.session.log import Spans
from smtpscope.session.notes import numbered
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Asked
from smtpscope.smtp.machine import Verdict
from smtpscope.tui import clipboard, picture_state, theme
from smtpscope.tui.footer import Footer, footer
from smtpscope.tui.header import header
from smtpscope.tui.history import History, state_folder
from smtpscope.tui.inspector import Inspector, reply_of
from smtpscope.tui.keys import KeyGate
from smtpscope.tui.line_bar import ENDINGS, LineBar
from smtpscope.tui.palette import Palette
from smtpscope.tui.pictures import picture_for, size_for
from smtpscope.tui.rows import TIMES, LogRows
from smtpscope.tui.screens import Help, Pasted
from smtpscope.visible import safe, unescape, visible_text
from smtpscope_widgets.spans import wall
from smtpscope_widgets.state_diagram import StateDiagram
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.wire_line import WireLine
from smtpscope_widgets.wire_log import WireLog

C = SMTPCommand

FRAME = 0.05
"""Seconds between two looks at what has come: 20 a second at most."""
BESIDE = 110
"""Columns from which the inspector stands beside the log."""
SIZES = ("wide", "compact", "strip", "off")
""":p goes through these."""


class LastWall(LineFilter):
    """Nothing unprintable reaches the terminal, whichever widget it comes from."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Replace what slipped through."""
        return [s if s.text.isprintable() else Segment(wall(s.text), s.style, s.control) for s in segments]


class Woken(Message):
    """The session has something new."""


class SmtpScope(App[int]):
    """One screen for one session."""

    TITLE = "smtpscope"
    COMMANDS: ClassVar[set[Any]] = {Palette}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    Screen { layout: vertical; overflow: hidden; }
    #header { background: $panel; }
    #rule { color: $foreground; text-style: dim; }
    #panes { height: 1fr; }
    #log { width: 1fr; height: 1fr; }
    #inspector { display: none; width: 1fr; }
    .beside #inspector { display: block; width: 48; border-left: vkey $panel; }
    .over #inspector { display: block; }
    .over #log { display: none; }
    .zoomed #picture, .zoomed #rule { display: none; }
    .zoomed-picture #panes { display: none; }
    .zoomed-picture #picture { height: 1fr; }
    .beside.zoomed #inspector { display: none; }
    .beside.zoomed-inspector #inspector { display: block; width: 1fr; }
    .zoomed-inspector #log { display: none; }
    #explain { height: 2; }
    .beside #explain { display: none; }
    #line { height: 1; }
    #footer { height: 1; background: $panel; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(Binding(",".join(a.keys), f"do('{a.id}')", a.title, show=False, id=a.id, priority=a.id in ("drop", "quit"))
          for a in ACTIONS if a.keys and a.id != "palette" and not a.id.startswith("pane_")),
        *(Binding(str(n), f"digit({n})", show=False) for n in range(1, 10)),
        Binding("escape", "leave_pane", show=False),
        Binding("end", "now", show=False),
    ]  # fmt: skip

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
        """``session`` None shows a recording. ``clock`` times keys, ``wall_clock`` what is running."""
        plain = bool(os.environ.get("NO_COLOR"))
        super().__init__(ansi_color=plain or None)
        self.given = profile
        self.recorder = recorder
        self.session = session
        self.view = View(recorder)
        self.rows = LogRows(self.view.log)
        self.past = history or History(None)
        self.wall_clock = wall_clock
        self.gate = KeyGate(clock, self._one_key, self._burst)
        self.passed = picture_state.Passed()
        self.news = ""
        self.own_question: tuple[Asked, Callable[[int], None]] | None = None
        self.aside = False
        self._plain = plain
        self._choice: str | None = None
        self._woken = False
        self._looked = -1.0
        self._came_from: Widget | None = None
        self._last_used: dict[str, str] = {}
        self._footer: Footer = Footer([], [])
        self._prompt = ">"

    # -- composition

    def get_line_filters(self) -> list[LineFilter]:
        """Textual's filters, and the last wall behind them."""
        return [*super().get_line_filters(), LastWall()]

    def get_system_commands(self, screen: Any) -> Iterable[Any]:
        """None: the palette has its own."""
        return ()

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        plain = self.given.ascii
        yield TextRows(ascii_only=plain, id="header")
        yield StateDiagram(picture_for("compact", 80), ascii=plain, id="picture")
        yield TextRows(ascii_only=plain, id="rule")
        with Horizontal(id="panes"):
            yield WireLog(self.rows, ascii_only=plain, id="log")
            yield Inspector(ascii_only=plain, id="inspector")
        yield TextRows(ascii_only=plain, id="explain")
        yield LineBar(self.given, self.past, ascii_only=plain, id="line")
        yield TextRows(ascii_only=plain, id="footer")

    def on_mount(self) -> None:
        """Colours, focus, and the session once the first frame is out."""
        self.register_theme(theme.THEME)
        self.theme = theme.PLAIN if self._plain else theme.NAME
        self.log_view.focus()
        self.set_interval(0.1, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
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

    @property
    def log_view(self) -> WireLog:
        """The wire log."""
        return self.screen_stack[0].query_one("#log", WireLog)

    @property
    def line(self) -> LineBar:
        """The line."""
        return self.screen_stack[0].query_one("#line", LineBar)

    @property
    def inspector(self) -> Inspector:
        """The inspector."""
        return self.screen_stack[0].query_one("#inspector", Inspector)

    def _rows_of(self, name: str) -> TextRows:
        return self.screen_stack[0].query_one(f"#{name}", TextRows)

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
        self.look()

    def look(self) -> None:
        """Fold in what has come, and show it."""
        self._woken = False
        self._looked = time.monotonic()
        if not self.is_running or not self.screen_stack:
            return
        had_question = self.view.question
        while self.view.take():
            pass
        if self.view.question is not had_question:
            self.aside = False
        log = self.view.log
        if log.changed < len(log.shown):
            self.log_view.refresh_rows(log.changed)
        log.changed = len(log.shown)
        self.log_view.sync()
        self._show()

    def _tick(self) -> None:
        """A clock that runs is shown running."""
        machine = self.view.machine
        if machine.pending or machine.facts.streaming or machine.facts.link or self.view.opened is None:
            self._show_top()

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
        self._show_top()
        machine = self.view.machine
        prompt = machine.prompt if machine.prompt != "334>" or machine.asks_user else ">"
        appeared = prompt != self._prompt and prompt == "334>"
        self._prompt = prompt
        self.line.follow(machine, prompt)
        if appeared:
            self.focus_line()
        self._show_row()
        self._show_footer()

    def _show_top(self) -> None:
        columns = self.size.width
        size = self.picture_size
        self.passed.take(self.view.machine)
        self._rows_of("header").show([header(self.view, self.profile, self.now, columns, size)])
        diagram = self.screen_stack[0].query_one(StateDiagram)
        diagram.display = size != "off"
        if size != "off":
            here = self.view.machine.here.name
            picture = picture_for(size, columns, here, self.passed.before, self.passed.last)
            nodes = picture_state.nodes(self.view, self.now)
            diagram.show(picture, nodes, self.passed.edges, self.passed.latest, self.passed.jump)

    @property
    def picture_size(self) -> str:
        """The picture that is shown: as chosen, if it fits, else as the terminal has room for."""
        fitting = size_for(*self.size)
        if self._choice is None or self._choice == "off":
            return self._choice or fitting
        return max(self._choice, fitting, key=SIZES.index)

    def _cursor_row(self) -> int:
        place = self.log_view.cursor
        shown = self.view.log.shown
        return shown[place] if 0 <= place < len(shown) else -1

    def _above(self) -> Spans:
        """What stands above the explanation: a question, else news."""
        question = self.question
        if question is not None:
            text = f"{safe(self.view.redactor.text(question.text))}?"
            return [(text, "question"), ("   ", "text"), (safe(numbered(question)), "key")]
        return [(safe(self.news), "warn")] if self.news else []

    def _show_row(self) -> None:
        from smtpscope.session.explain import brief

        row, log, above = self._cursor_row(), self.view.log, self._above()
        beside = self.screen_stack[0].has_class("beside")
        if beside or self.screen_stack[0].has_class("over"):
            self.inspector.show(log, row, above)
        if beside:
            return
        reply = reply_of(log, row)
        if reply is not None:
            lines = [[(self.view.redactor.text(line), "text")] for line in brief(reply).splitlines()]
        elif row >= 0:
            lines = [log.spans(row)]
        else:
            lines = [[(_WELCOME, "dim")]]
        if above:
            lines = [above, *lines]
        self._rows_of("explain").show(lines[:2])

    def _show_footer(self) -> None:
        step = plan.next_step(self.view.machine, self.profile, self.ehlo_name)
        self.gate.label(step.label)
        self._footer = footer(self.view.machine, step, self.size.width, self.focused is self.line)
        self._rows_of("footer").show([self._footer.spans])
        self._show_rule()

    def _show_rule(self) -> None:
        dash = "-" if self.given.ascii else "─"
        focus = self.focused.id if self.focused is not None else ""
        title = f" wire{' *' if focus == 'log' else ''} "
        width = self.size.width
        inspector = " inspector " if self.screen_stack[0].has_class("beside") else ""
        left = width - 48 if inspector else width
        text = f"{dash}{title}".ljust(left, dash) + (
            f"{dash}{inspector}".ljust(width - left, dash) if inspector else ""
        )
        self._rows_of("rule").show([[(text, "dim")]])

    def say(self, news: str) -> None:
        """Tell something that is no event: it stands in the explanation rows until the next key."""
        self.news = news
        self._show_row()

    # -- keys

    async def on_event(self, event: events.Event) -> None:
        """Keys pass the gate first."""
        if isinstance(event, events.Key) and not event.is_forwarded and not getattr(event, "let_go", False):
            self.gate.key(event)
            self.set_timer(0.010, self._let_go)
            return
        await super().on_event(event)

    def _let_go(self) -> None:
        if self.gate.ripe():
            self.gate.let_go()

    def _one_key(self, key: events.Key) -> None:
        key.let_go = True  # type: ignore[attr-defined]
        self.news = ""
        self.post_message(key)

    def _burst(self, text: str) -> None:
        """Many keys at once are text for the line; they send nothing."""
        if self.screen is self.screen_stack[0]:
            self.focus_line()
            self.line.insert(text)

    def focus_line(self) -> None:
        """Go to the line, and remember where we came from."""
        if self.focused is not self.line:
            self._came_from = self.focused
        self.line.focus()

    def back(self) -> None:
        """From the line to where we came from."""
        origin = self._came_from if self._came_from is not None and self._came_from.display else self.log_view
        origin.focus()

    def on_descendant_focus(self) -> None:
        """The footer and the rule tell who has the focus."""
        if self.screen_stack and self.screen is self.screen_stack[0] and self.is_running:
            self._show_footer()

    def on_resize(self) -> None:
        """Another size, another picture."""
        self.call_after_refresh(self._lay_out)

    def _lay_out(self) -> None:
        main = self.screen_stack[0]
        beside = self.size.width >= BESIDE
        main.set_class(beside, "beside")
        if beside:
            main.remove_class("over")
        self.look()

    # -- actions

    def action_do(self, id: str) -> None:
        """What a key stands for."""
        action = BY_ID[id]
        if action.verb:
            self.fill_verb(action.verb, BY_ID[id].keys[0])
        elif id == "stream":
            self.run_id(id)
        else:
            getattr(self, f"do_{id}")()

    def run_id(self, id: str) -> None:
        """What the palette or a node stands for: a command is filled in, never run."""
        action = BY_ID[id]
        if action.verb:
            self.fill_verb(action.verb)
        elif action.command:
            self.focus_line()
            self.line.to_command(action.command, filled=True)
        else:
            getattr(self, f"do_{id}")()

    def execute(self, text: str) -> None:
        """One line of the app's own."""
        words = text.split()
        if not words:
            return
        if words[0] in ("q", "quit", "q!"):
            self.do_quit()
        elif words[:2] == ["set", "timeout"] and len(words) == 3:
            self._set_timeout(words[2])
        elif len(words) == 1 and words[0] in BY_ID:
            action = BY_ID[words[0]]
            if action.verb:
                self.fill_verb(action.verb)
            else:
                getattr(self, f"do_{action.id}")()
        else:
            import difflib

            near = difflib.get_close_matches(words[0], ["q", "set timeout", *BY_ID], 1, 0.4)
            self.say(
                f"no command {visible_text(text, limit=40)}"
                + (f": did you mean {near[0]}?" if near else ": Tab completes")
            )

    def _set_timeout(self, text: str) -> None:
        try:
            seconds = parse_seconds(text)
        except ValueError as error:
            self.say(str(error))
            return
        self.call("set_timeout", seconds)
        self.say(f"each reply may take {seconds:g} s" if seconds else "replies may take as long as they like")

    def call(self, method: str, *arguments: object) -> None:
        """Have the session do something."""
        if self.session is None:
            self.say("this is a recording: nothing can be sent")
        else:
            self.session.call(method, *arguments)

    def do_step(self) -> None:
        """The next step."""
        machine, step = self.view.machine, plan.next_step(self.view.machine, self.profile, self.ehlo_name)
        if not self.gate.may_step() or self.view.question is not None or machine.facts.streaming or machine.pending:
            return
        if step.cursor is not None:
            self.focus_line()
            self.line.fill(step.line, step.cursor)
        elif step.step is None:
            self.say(step.label)
        elif step.step is C.AUTH and self.profile.password is None:
            self._ask_credentials(step.line.split()[1])
        else:
            self.call("step")

    def do_go(self) -> None:
        """Step on; on a node of the picture, to there."""
        diagram = self.screen_stack[0].query_one(StateDiagram)
        node = diagram.selected if self.focused is diagram else None
        if self.view.question is None:
            self.call("go", C[node] if node else None)

    def do_again(self) -> None:
        """The last transaction again."""
        self.call("again")

    def do_replay(self) -> None:
        """A new connection, to the cursor's row."""
        row = self._cursor_row()
        self.call("replay", self.view.log.event[row] if row >= 0 else 0)

    def do_drop(self) -> None:
        """Close now."""
        self.call("drop")

    def do_connect(self) -> None:
        """Connect, where there is no connection."""
        if self.view.machine.may_issue(BY_ID["connect"].member or C.BANNER) is Verdict.LEGAL:
            self.call("connect")
        else:
            self.say("there is a connection already: ^] drops it")

    def do_login(self) -> None:
        """As far as a login."""
        if self.profile.password is None:
            chosen = plan.mechanism(self.view.machine.facts, self.profile)
            self._ask_credentials(chosen or plan.MECHANISMS[0])
        else:
            self.call("run_to_connected")

    def do_stream(self) -> None:
        """The message text, dot held."""
        if self.view.machine.may_issue(C.SEND_STREAM) is Verdict.LEGAL:
            self.call("stream")
        else:
            self.say("message text needs the server's 354 first: d fills DATA")

    def do_send(self) -> None:
        """MAIL to dot."""
        self.call("send_message")

    def do_custom(self) -> None:
        """The line, for anything."""
        self.focus_line()

    def do_ending(self) -> None:
        """The next line ending."""
        self.line.next_ending()
        self.say(f"typed lines end in {self.line.ending}")

    def do_command(self) -> None:
        """The app's own command line."""
        self.focus_line()
        self.line.to_command()

    def do_palette(self) -> None:
        """The palette."""
        self.action_command_palette()

    def do_explain(self) -> None:
        """Help; a question that was laid aside comes back first."""
        if self.aside and self.view.question is not None:
            self.aside = False
            self._show_row()
            return
        reply, row = reply_of(self.view.log, self._cursor_row()), self._cursor_row()
        from smtpscope.session.explain import reply_lines

        lines = reply_lines(reply) if reply is not None else [self.view.log.spans(row)] if row >= 0 else []
        self.push_screen(Help(lines, self._pane()))

    def _pane(self) -> str:
        focused = self.focused
        if focused is self.line:
            return "line"
        if isinstance(focused, StateDiagram):
            return "picture"
        return "log" if focused is self.log_view or focused is None else "inspector"

    def do_row(self) -> None:
        """Copy the cursor's row."""
        row = self._cursor_row()
        if row >= 0:
            text = "".join(text for text, _ in self.view.log.spans(row))
            self.say(clipboard.copy(wall(text), self.copy_to_clipboard))

    def do_transcript(self) -> None:
        """Copy the session."""
        from smtpscope.session.transcript import transcript

        text = transcript(self.recorder[:], redact=self.view.redactor)
        self.say(clipboard.copy(text, self.copy_to_clipboard))

    def do_picture(self) -> None:
        """The next size of the picture."""
        fitting = [size for size in SIZES if SIZES.index(size) >= SIZES.index(size_for(*self.size))]
        at = fitting.index(self.picture_size)
        self._choice = fitting[(at + 1) % len(fitting)]
        self.look()

    def do_zoom(self) -> None:
        """The pane with the focus alone, and back."""
        main, pane = self.screen_stack[0], self._pane()
        if main.has_class("zoomed") or main.has_class("zoomed-picture"):
            main.remove_class("zoomed", "zoomed-picture", "zoomed-inspector")
        elif pane == "picture":
            main.add_class("zoomed-picture")
        else:
            main.add_class("zoomed")
            main.set_class(pane == "inspector", "zoomed-inspector")
        self.look()

    def action_digit(self, number: int) -> None:
        """An answer while a question stands, else a pane."""
        question = self.question
        if question is not None:
            if number > len(question.answers):
                self.say(f"answer with 1 to {len(question.answers)}")
            elif self.own_question is not None:
                answer = self.own_question[1]
                self.own_question = None
                answer(number - 1)
                self._show_row()
            else:
                self.call("answer", number - 1)
        elif number <= 4:
            getattr(self, f"do_{('pane_picture', 'pane_log', 'pane_inspector', 'pane_line')[number - 1]}")()

    def do_pane_picture(self) -> None:
        """Focus the picture."""
        self.screen_stack[0].query_one(StateDiagram).focus()

    def do_pane_log(self) -> None:
        """Focus the log."""
        self.screen_stack[0].remove_class("over")
        self.log_view.focus()

    def do_pane_inspector(self) -> None:
        """Open the inspector and focus it."""
        main = self.screen_stack[0]
        main.set_class(not main.has_class("beside"), "over")
        self._show_row()
        self.inspector.take_focus()

    def do_pane_line(self) -> None:
        """Focus the line."""
        self.focus_line()

    def do_time(self) -> None:
        """The next time format."""
        self.rows.time = TIMES[(TIMES.index(self.rows.time) + 1) % len(TIMES)]
        self.log_view.refresh_rows()
        names = {"connect": "since connect", "before": "since the row before", "wall": "wall clock"}
        self.say(f"times are {names[self.rows.time]}")

    def do_theme(self) -> None:
        """Choose the colours."""
        self.search_themes()

    def do_quit(self) -> None:
        """Leave; with half a message out, only after a question."""
        facts = self.view.machine.facts
        if facts.data_mode and facts.texted and self.own_question is None:
            asked = Asked(self.now, "leave", "a message is half sent", ("stay", "leave"))
            self.own_question = (asked, lambda answer: self.exit(0) if answer else None)
            self._show_row()
        else:
            self.exit(0)

    def action_leave_pane(self) -> None:
        """Escape: out of a question, a zoom, the inspector; it never touches the wire."""
        main = self.screen_stack[0]
        if self.own_question is not None:
            self.own_question = None
        elif self.question is not None:
            self.aside = True
        elif main.has_class("zoomed") or main.has_class("zoomed-picture"):
            self.do_zoom()
        elif self.focused is not self.log_view:
            main.remove_class("over")
            self.log_view.focus()
        self.look()

    def action_now(self) -> None:
        """Back to the last row."""
        self.log_view.action_last()

    # -- the line

    def fill_verb(self, verb: str, key: str = "") -> None:
        """Fill the line for a verb, from the last use or the profile; nothing is sent."""
        machine = self.view.machine
        if machine.prompt == "data>" and verb != ".":
            self.say(f"{verb} would become message text: s sends the message, . ends it, ^] drops")
            return
        filled = plan.filled("DOT" if verb == "." else verb, machine, self.profile, self.ehlo_name)
        used = self._last_used.get(verb)
        if used is not None and verb != "AUTH" and (verb != "RCPT" or filled.line in (used, "RCPT TO:<>")):
            filled = plan.Filled(used)
        self.fill_line(filled.line, filled.cursor, key if len(key) == 1 else "")

    def fill_line(self, text: str, cursor: int | None = None, key: str = "") -> None:
        """Fill the line with ``text`` as a suggestion, or for editing at ``cursor``."""
        self.focus_line()
        if self.line.prompt == ":":
            self.line.to_wire()
        self.line.fill(text, cursor, key=key)
        self.line.update_hint()
        self._show_footer()

    def _ask_credentials(self, mechanism: str) -> None:
        self.focus_line()
        self.line.ask_credentials(mechanism, self.profile.user)

    def on_line_bar_send(self, event: LineBar.Send) -> None:
        """A line for the wire."""
        machine, text = self.view.machine, event.text
        if not machine.facts.link or machine.facts.securing:
            if event.filled:
                self.line.fill(text)
            else:
                self.line.set(text)
            why = (
                "the TLS handshake is running" if machine.facts.securing else "there is no connection: Esc, c connects"
            )
            self.say(f"{why}; what you typed stays")
            return
        words = text.split()
        runs = event.filled and len(words) == 2 and words[0].upper() == "AUTH" and words[1].upper() in plan.MECHANISMS
        if runs and self.line.prompt == ">":
            self.line.sent(text)
            self._auth(words[1].upper())
            return
        if not event.filled and words and not event.masked and self.line.prompt == ">":
            self._last_used[words[0].upper()] = text
        self.call("send", unescape(text) + ENDINGS[self.line.ending])
        stay = self.line.prompt == "data>" and text != "."
        self.line.sent(text)
        if not stay:
            self.back()

    def _auth(self, mechanism: str) -> None:
        profile = self.profile
        if profile.user is None or profile.password is None:
            self._ask_credentials(mechanism)
        else:
            self.call("login", mechanism, profile.user, profile.password)
            self.back()

    def on_line_bar_credentials(self, event: LineBar.Credentials) -> None:
        """User and password were given."""
        self.call("login", event.mechanism, event.user, event.password)
        self.back()

    def on_line_bar_command(self, event: LineBar.Command) -> None:
        """A line of the app's own."""
        self.back()
        self.execute(event.text)

    def on_wire_line_cancelled(self) -> None:
        """Escape in the line."""
        if self.line.prompt in (":", "user>", "password>"):
            self.line.clear()
            self.line.to_wire()
        self.back()

    def on_wire_line_pasted(self, event: WireLine.Pasted) -> None:
        """Several lines at once: ask what is to be done with them."""
        lines = event.lines

        def done(way: str | None) -> None:
            ending = ENDINGS[self.line.ending] or b"\r\n"
            octets = [unescape(line) + ending for line in lines]
            if way == "lines":
                self.call("send_lines", octets)
            elif way == "write":
                self.call("send", b"".join(octets))
            else:
                self.line.set("\\r\\n".join(lines))
                self.focus_line()

        self.push_screen(Pasted(lines), done)

    # -- the other widgets

    def on_state_diagram_node_chosen(self, event: StateDiagram.NodeChosen) -> None:
        """A node fills the line; nothing is sent."""
        self.run_id(BY_MEMBER[C[event.node]].id)

    def on_wire_log_cursor_moved(self) -> None:
        """Another row is explained."""
        self._show_row()

    def on_wire_log_row_chosen(self) -> None:
        """Enter on a row opens the inspector."""
        self.do_pane_inspector()

    def on_wire_log_fold_toggled(self, event: WireLog.FoldToggled) -> None:
        """Open or close a group."""
        self.view.log.toggle(event.row, event.open)
        self.look()

    def on_text_rows_clicked(self, event: TextRows.Clicked) -> None:
        """A click on the footer does what the key does."""
        if event.rows.id == "footer":
            for start, end, action in self._footer.places:
                if start <= event.x < end and action:
                    self.action_do(action)


_WELCOME = "space does the next step, ? explains, ^p lists everything that can be done"


def run(profile: Profile) -> int:
    """Run the app on the terminal; afterwards the transcript is on the normal screen. Gives the exit code."""
    if not os.environ.get("NO_COLOR"):
        os.environ.pop("NO_COLOR", None)  # empty means not set (no-color.org)
    recorder = Recorder()
    app: SmtpScope
    session = SessionThread(profile, recorder, lambda: app.wake())
    app = SmtpScope(profile, recorder, session, history=History(state_folder() / "history"))
    try:
        code = app.run()
    finally:
        session.stop()
    if profile.transcript and len(recorder):
        from smtpscope.session.transcript import transcript

        sys.stdout.write(transcript(recorder[:], redact=app.view.redactor))
        sys.stdout.flush()
    recorder.close()
    return code or 0
