"""The app: what has come is taken and shown, clicks and cursors are answered."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.message import Message

from smtpscope.actions import ACTIONS, BY_MEMBER
from smtpscope.profile import Profile
from smtpscope.session import plan
from smtpscope.session.findings import summary
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Asked, Secured
from smtpscope.tui import theme
from smtpscope.tui.comparing import Comparing
from smtpscope.tui.gating import Gating
from smtpscope.tui.header import Shown
from smtpscope.tui.history import History
from smtpscope.tui.inspector import Inspector
from smtpscope.tui.inspector_pages import Look
from smtpscope.tui.keeping import Keeping
from smtpscope.tui.keys import KeyGate
from smtpscope.tui.last_wall import LastWall, fault
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.palette import Palette
from smtpscope.tui.rows import LogRows
from smtpscope.tui.searching import Searching
from smtpscope.tui.varying import Varying
from smtpscope.visible import safe
from smtpscope_widgets.seek_bar import SeekBar
from smtpscope_widgets.state_diagram import StateDiagram
from smtpscope_widgets.text_rows import TextRows
from smtpscope_widgets.wire_log import WireLog

if TYPE_CHECKING:
    from smtpscope.session.known_certificates import Known, KnownCertificates

FRAME = 0.05
"""Seconds between two looks at what has come: 20 a second at most."""
PORTION = 0.01
"""Seconds that one look may take for folding."""
BREATH = 0.002
"""Seconds between two portions of a flood."""
PEACE = 0.1
"""Seconds after a key in which a flood waits, so that what the key does is seen first."""
TICK = 0.1
"""Seconds between two drawings of a clock that runs."""


class Woken(Message):
    """The session has something new."""


class SmtpScope(Gating, Varying, Comparing, Keeping, Searching):
    """One screen for one session."""

    TITLE = "smtpscope"
    COMMANDS: ClassVar[set[Any]] = {Palette}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    CSS = "SearchIcon { display: none; }"  # an emoji, which many terminals lack
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
        self.register_theme(theme.THEME)
        self.set_reactive(SmtpScope.theme, theme.PLAIN if self._plain else theme.NAME)
        self.stylesheet.set_variables(self.get_css_variables())  # a theme that is set later makes every style again
        self._last_wall = LastWall(profile.ascii)
        self.given = profile
        self.recorder = recorder
        self.session = session
        self.view = View(recorder)
        self.rows = LogRows(self.view.log)
        self.main = MainScreen(profile, self.rows, history or History(None), self.look, recording=session is None)
        self.wall_clock = wall_clock
        self.gate = KeyGate(clock, self._one_key, self._burst)
        self.news = ""
        self.recording = "" if session is not None else "recording, read-only"
        """What a recording is called."""
        self.begun: Callable[[], None] = lambda: None
        """Called behind the first frame, before the session begins."""
        self.known: KnownCertificates | None = None
        """What servers have shown before this run, None if nobody remembers."""
        self.earlier: dict[Secured, Known | None] = {}
        self.own_question = None
        self.aside = False
        self._left = -1  # rows that there were when the past was gone back to; negative in the present
        self._woken = self._behind = False
        self._asked: Asked | None = None  # the session's question that was shown last
        self._looked = -1.0
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
        """The focus, and the session once the first frame is out."""
        self.main.log_view.focus()
        self.set_interval(TICK, self._tick)
        self.call_after_refresh(self._begin)

    def _begin(self) -> None:
        gc.enable()  # the command line has stopped it for the start
        threading.Thread(target=_read_causes, name="causes", daemon=True).start()
        self.begun()
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
        self.wake_keepers()
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
        if not self.main.is_attached:
            return
        if not self._behind:
            self._take()
        if self.view.now.question is not self._asked:
            self._asked, self.aside = self.view.now.question, False
        self._note_certificate()
        self.hear()
        log, forms = self.view.log, self.view.redactor.forms
        if forms > self._forms:  # rows that were drawn may hold what is a secret now
            self._forms, log.changed = forms, 0
        if log.changed < len(log.shown):
            self.main.log_view.refresh_rows(self.rows.changed_from(log.changed))
        log.changed = len(log.shown)
        self.main.log_view.sync()
        self._show()

    def _note_certificate(self) -> None:
        """Remember what a server shows, and what it had shown before."""
        now = self.view.now
        if self.known is None or now.secured is None or now.opened is None or now.secured in self.earlier:
            return
        seen = now.opened.wall + now.secured.time
        server, port, secured = now.opened.server, now.opened.port, now.secured
        self.earlier[secured] = earlier = self.known.note(server, port, secured.chain, seen, secured.sni)
        if earlier is not None:
            from smtpscope.session.tls_report import changed  # not before it is needed: a start is quicker without

            if sentence := changed(earlier, secured.chain, seen):
                self.say(f"{sentence}; the tls tab has both")

    def _take(self) -> None:
        """Fold in a portion of what has come; of a flood more follow, and keys come between them."""
        if self.view.take(PORTION) and not self._behind:
            self._behind = True
            self.set_timer(BREATH, self._take_on)  # by a message to itself nothing else would get its turn

    def _take_on(self) -> None:
        """The next portion; all of it is shown, but a flood no more often than anything else."""
        wait = self.pressed + PEACE - time.monotonic()
        if wait > 0:
            self.set_timer(wait, self._take_on)
            return
        self._behind = False
        if time.monotonic() - self._looked < FRAME:
            self._take()
        if not self._behind:
            self.look()

    def _tick(self) -> None:
        """A clock that runs is shown running."""
        now = self.view.now
        runs = now.machine.pending or now.machine.facts.link or not now.opened or not now.closed or self.waiting
        if not self.past and runs:
            self.main.show_top(self.shown, self.profile)

    @property
    def now(self) -> float:
        """Seconds since connect, as far as the screen knows."""
        now = self.view.now
        return (
            max(now.time, self.wall_clock() - now.opened.wall) if now.opened and self.session is not None else now.time
        )

    @property
    def past(self) -> bool:
        """Whether the cursor is on an old row, and the screen at that moment: nothing can be sent from it."""
        row = self.main.cursor_row
        return row >= 0 and self.main.log_view.cursor < self.main.log_view.rows - 1 and not self.view.is_last(row)

    @property
    def shown(self) -> Shown:
        """The moment that is on the screen."""
        view = self.view
        if not self.past:
            self._left = -1
            return Shown(
                view.now,
                view.redactor,
                self.now,
                notice=self.waiting or self.recording,
                findings=summary(view.findings.found),
            )
        rows = len(view.log)
        self._left = rows if self._left < 0 else self._left
        row = self.main.cursor_row
        moment, found = view.at(row), summary(view.findings.found, view.event_of(row))
        question = view.now.question is not None
        return Shown(moment, view.redactor, moment.time, True, rows - self._left, question, findings=found)

    @property
    def question(self) -> Asked | None:
        """The question that stands, if it was not laid aside."""
        if self.own_question is not None:
            return self.own_question[0]
        return None if self.aside or self.past else self.view.now.question

    def _show(self) -> None:
        self.main.show_top(self.shown, self.profile)
        machine = self.view.machine
        prompt = machine.prompt if machine.prompt != "334>" or machine.asks_user else ">"
        appeared = prompt != self._prompt and prompt == "334>"
        self._prompt = prompt
        self.main.line.follow(machine, prompt, self.view.redactor)
        if appeared:
            self.focus_line()
        self.show_row()
        self.show_footer()

    def look_at(self, shown: Shown) -> Look:
        """What the inspector looks at."""
        return Look(
            self.view,
            shown,
            self.main.cursor_row,
            self.test_ids,
            self.profile.password,
            self.earlier,
            self.kept,
            self.own_question[0] if self.own_question is not None else self.view.now.question,
            self.aside and self.own_question is None,
        )

    def show_row(self) -> None:
        """The row under the cursor, below a question or news."""
        self.main.show_row(self.look_at(self.shown), self.question, self.news)

    def show_footer(self) -> None:
        """What space does now, and the keys."""
        step = plan.next_step(self.view.machine, self.profile, self.ehlo_name)
        if self.question is not None:
            step = plan.NextStep(None, "a number answers the question, Esc lays it aside")
        elif self.session is None:
            step = plan.NextStep(None, "End goes to the end" if self.past else "the end of the recording")
        elif self.past:
            step = plan.NextStep(None, "End comes back, ^r replays to here")
        elif self.view.now.question is not None:
            step = plan.NextStep(None, "? brings the question back: nothing goes on before it is answered")
        elif self.view.now.proposed is not None:
            step = plan.NextStep(None, "a step of AUTH waits in the line: i, then Enter sends it, * cancels")
        self.gate.label(step.label)
        sends = self.session is not None and not self.past and not self.undecided
        self.main.show_footer(self.view, step, sends=sends, past=self.past, status=self.status)

    def say(self, news: str) -> None:
        """Tell something that is no event: it stands above the explanation until the next key."""
        self.news = news
        self.show_row()

    # -- focus and size

    def action_help_quit(self) -> None:
        """Ctrl+C does not leave; Textual would say so on top of the line."""
        self.say("^q leaves smtpscope")

    def on_descendant_focus(self) -> None:
        """The footer and the rule tell who has the focus, also under a screen that came over them meanwhile."""
        if self.main.is_mounted:
            self.show_footer()

    def on_resize(self) -> None:
        """Another size, another picture."""
        self.call_after_refresh(self._resized)

    def _resized(self) -> None:
        self.main.lay_out()
        self.look()

    # -- the other widgets

    def on_state_diagram_node_chosen(self, event: StateDiagram.NodeChosen) -> None:
        """A node fills the line; nothing is sent."""
        self.run_id(BY_MEMBER[SMTPCommand[event.node]].id)

    def on_wire_log_cursor_moved(self) -> None:
        """Another row is explained, and the screen goes to its moment."""
        self._show()

    def on_wire_log_row_chosen(self) -> None:
        """Enter on a row opens the inspector."""
        self.do_pane_inspector()

    def on_seek_bar_sought(self, event: SeekBar.Sought) -> None:
        """Another time of a recording."""
        row = self.main.seek.row(event.position)
        if row >= 0:
            self.main.log_view.cursor = self.rows.place(row)

    def on_inspector_sought(self, event: Inspector.Sought) -> None:
        """A row that the inspector speaks of is gone to."""
        self.go_to_row(self.view.log.row_of(event.event, event.start))

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


def _read_causes() -> None:
    """Have what replies mean read before it is asked for."""
    from smtpscope.session import causes

    causes.rows()
