"""What each action does: the screen's own things here, everything else by a call to the session."""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Callable

from textual.app import App

from smtpscope.actions import BY_ID, COMMANDS
from smtpscope.profile import Profile, parse_seconds
from smtpscope.session import plan
from smtpscope.session.login_way import USUAL, Way
from smtpscope.session.recorder import Recorder
from smtpscope.session.thread import SessionThread
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Answered, Asked, Event
from smtpscope.smtp.machine import Verdict
from smtpscope.tui import clipboard
from smtpscope.tui.header import Shown
from smtpscope.tui.inspector_pages import Look, reply_page
from smtpscope.tui.keys import KeyGate
from smtpscope.tui.main_screen import MainScreen
from smtpscope.tui.rows import TIMES, LogRows
from smtpscope.tui.screens import Help
from smtpscope.visible import visible_text

C = SMTPCommand

_ANSWERS = frozenset({"answer", "respond", "drop", "replay", "set_timeout", "record"})
"""What the session may be asked for while a question stands, or a step of AUTH waits."""
STEP_WAITS = "a step of AUTH waits in the line: Enter sends it, * cancels, ^] drops"
_PRESENT = frozenset({"go", "again", "connect", "login", "stream", "send", "custom"})
"""Actions beside the verbs that lead to something being sent: there are none of them in the past."""


class Acting(App[int]):
    """The app's actions, one ``do_`` method for each id of the registry that is no verb."""

    given: Profile
    recorder: Recorder
    session: SessionThread | None
    view: View
    rows: LogRows
    gate: KeyGate
    main: MainScreen
    own_question: tuple[Asked, Callable[[int], None]] | None
    aside: bool

    @property
    @abstractmethod
    def profile(self) -> Profile:
        """What the session starts from now."""

    @property
    @abstractmethod
    def ehlo_name(self) -> str:
        """What EHLO says."""

    @property
    @abstractmethod
    def now(self) -> float:
        """Seconds since connect."""

    @property
    @abstractmethod
    def question(self) -> Asked | None:
        """The question that stands, if it was not laid aside."""

    @property
    def undecided(self) -> bool:
        """Whether a question stands, laid aside or not: nothing goes on before it is answered."""
        return self.own_question is not None or self.view.now.question is not None

    @property
    @abstractmethod
    def shown(self) -> Shown:
        """The moment that is on the screen."""

    @property
    @abstractmethod
    def past(self) -> bool:
        """Whether the screen is at an old row."""

    @abstractmethod
    def look(self) -> None:
        """Show what has come."""

    @abstractmethod
    def look_at(self, shown: Shown) -> Look:
        """What the inspector looks at."""

    @abstractmethod
    def show_row(self) -> None:
        """Show the row under the cursor."""

    @abstractmethod
    def go_to_row(self, row: int) -> None:
        """Put the cursor on a row of the log."""

    @abstractmethod
    def show_footer(self) -> None:
        """Show what space does now, and the keys."""

    @abstractmethod
    def say(self, news: str) -> None:
        """Tell something that is no event."""

    @abstractmethod
    def focus_line(self) -> None:
        """Go to the line."""

    @abstractmethod
    def fill_line(self, text: str, cursor: int | None = None, key: str = "") -> None:
        """Fill the line with a text."""

    @abstractmethod
    def fill_verb(self, verb: str, key: str = "") -> None:
        """Fill the line for a verb."""

    @abstractmethod
    def ask_credentials(self, mechanism: str, user: str | None = None, way: Way = USUAL) -> None:
        """Ask for user and password."""

    def hear(self) -> None:
        """What has come is known, and not shown yet."""

    # -- dispatch

    def action_do(self, id: str) -> None:
        """What a key stands for."""
        action = BY_ID[id]
        if self._not_in_the_past(id):
            return
        if action.verb:
            self.fill_verb(action.verb, BY_ID[id].keys[0])
        elif id == "stream":
            self.run_id(id)
        else:
            getattr(self, f"do_{id}")()

    def run_id(self, id: str) -> None:
        """What the palette or a node stands for: a command is filled in, never run."""
        action = BY_ID[id]
        if self._not_in_the_past(id):
            return
        if action.verb:
            self.fill_verb(action.verb)
        elif action.command:
            self.focus_line()
            self.main.line.to_command(action.command, filled=True)
        else:
            getattr(self, f"do_{id}")()

    def _not_in_the_past(self, id: str) -> bool:
        """Say so where an action belongs to the present and the screen is at an old row."""
        if not self.past or not (BY_ID[id].verb or id in _PRESENT):
            return False
        self.say("End first: this is the past, and nothing can be sent from it")
        return True

    def record(self, event: Event) -> None:
        """Add an event of the user's to the session."""
        if self.session is not None:
            self.session.call("record", event)
        else:
            self.recorder.append(event)
            self.look()

    def execute(self, text: str) -> None:
        """One line of the app's own."""
        words = text.split()
        if not words:
            return
        if words[0] in ("q", "quit", "q!"):
            self.do_quit()
        elif words[0] == "set":
            if words[1:2] == ["timeout"] and len(words) == 3:
                self._set_timeout(words[2])
            else:
                self.say("set knows set timeout 60, 2m or 0")
        elif len(words) == 1 and words[0] in BY_ID:
            action = BY_ID[words[0]]
            if action.verb:
                self.fill_verb(action.verb)
            else:
                getattr(self, f"do_{action.id}")()
        else:
            near = difflib.get_close_matches(words[0], [*(known for known, _, _ in COMMANDS), *BY_ID], 1, 0.4)
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
        elif self.undecided and method not in _ANSWERS:
            self.say("a question stands: a digit answers it, ? brings it back")
        elif self.view.now.proposed is not None and method not in _ANSWERS:
            self.say(STEP_WAITS)
        else:
            self.session.call(method, *arguments)

    def do_step(self) -> None:
        """The next step."""
        if self.past:
            self.main.log_view.action_page(1)
            return
        machine, step = self.view.machine, plan.next_step(self.view.machine, self.profile, self.ehlo_name)
        if not self.gate.may_step() or self.undecided or machine.facts.streaming or machine.pending:
            return
        if step.cursor is not None:
            self.fill_line(step.line, step.cursor)
        elif step.step is None:
            self.say(step.label)
        elif step.step is C.AUTH and self.profile.password is None:
            self.ask_credentials(step.line.split()[1])
        else:
            self.call("step")

    def do_go(self) -> None:
        """Step on; on a node of the picture, to there."""
        diagram = self.main.diagram
        node = diagram.selected if self.focused is diagram else None
        if not self.undecided:
            self.call("go", SMTPCommand[node] if node else None)

    def do_again(self) -> None:
        """The last transaction again."""
        self.call("again")

    def do_replay(self) -> None:
        """A new connection, to the cursor's row."""
        row = self.main.cursor_row
        event = self.view.log.event[row] if row >= 0 else 0
        self.action_now()
        self.call("replay", event)

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
            self.ask_credentials(chosen or plan.USUAL)
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
        self.main.line.to_wire()

    def do_ending(self) -> None:
        """The next line ending."""
        self.main.line.next_ending()
        self.say(f"typed lines end in {self.main.line.ending}")

    def do_command(self) -> None:
        """The app's own command line."""
        self.focus_line()
        self.main.line.to_command()

    def do_palette(self) -> None:
        """The palette."""
        self.action_command_palette()

    def do_explain(self) -> None:
        """Help; a question that was laid aside comes back first."""
        if self.aside and self.view.now.question is not None:
            self.aside = False
            self.look()
            return
        page = reply_page(self.look_at(self.shown))
        self.push_screen(Help([paragraph.spans for paragraph in page], self.main.pane))

    def do_earlier(self) -> None:
        """To the exchange before."""
        self._to_exchange(-1)

    def do_later(self) -> None:
        """To the exchange after."""
        self._to_exchange(1)

    def _to_exchange(self, step: int) -> None:
        row = self.main.cursor_row
        other = self.view.log.next_exchange(row, step) if row >= 0 else -1
        if other >= 0:
            self.main.log_view.cursor = self.rows.place(other)
        elif step > 0:
            self.action_now()

    def do_transcript(self) -> None:
        """Copy the session."""
        from smtpscope.session.transcript import transcript  # not before it is needed: a start is quicker without

        text = transcript(self.recorder, redact=self.view.redactor)
        self.say(clipboard.copy(text, self.copy_to_clipboard))

    def do_picture(self) -> None:
        """The next size of the picture."""
        self.main.next_picture_size()
        if self.main.picture_size == "off" and self.main.pane == "picture":
            self.main.log_view.focus()
        self.look()

    def do_zoom(self) -> None:
        """The pane with the focus alone, and back."""
        self.main.zoom()
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
                self.view.log.tell(Answered(self.now, question.kind, number - 1))
                answer(number - 1)
                self.look()
            else:
                self.call("answer", number - 1)
        elif number <= 4:
            getattr(self, f"do_{('pane_picture', 'pane_log', 'pane_inspector', 'pane_line')[number - 1]}")()

    def do_pane_picture(self) -> None:
        """Focus the picture."""
        self.main.open_picture()
        self.look()
        self.main.diagram.focus()

    def do_pane_log(self) -> None:
        """Focus the log."""
        self.main.open_log()
        self.look()
        self.main.log_view.focus()

    def do_pane_inspector(self) -> None:
        """Open the inspector and focus it."""
        self.main.open_inspector()
        self.look()
        self.main.inspector.take_focus()

    def do_pane_line(self) -> None:
        """Focus the line."""
        self.focus_line()

    def do_time(self) -> None:
        """The next time format."""
        self.rows.time = TIMES[(TIMES.index(self.rows.time) + 1) % len(TIMES)]
        self.main.log_view.refresh_rows()
        names = {"connect": "since connect", "before": "since the row before", "wall": "wall clock"}
        self.say(f"times are {names[self.rows.time]}")

    def do_theme(self) -> None:
        """Choose the colours."""
        self.search_themes()

    def do_quit(self) -> None:
        """Leave; with half a message out, only after a question."""
        facts = self.view.machine.facts
        if not (facts.data_mode and facts.texted):
            self.exit(0)
        elif self.own_question is None:
            asked = Asked(self.now, "leave", "a message is half sent", ("stay", "leave"))
            self.own_question = (asked, lambda answer: self.exit(0) if answer else None)
            self.view.log.tell(asked)
            while self.screen is not self.main:
                self.pop_screen()
            self.look()

    def action_leave_pane(self) -> None:
        """Escape: out of a question, a zoom, the inspector; it never touches the wire."""
        if self.own_question is not None:
            self.view.log.tell(Answered(self.now, self.own_question[0].kind, 0))
            self.own_question = None
        elif self.question is not None:
            self.aside = True
        elif self.main.zoomed:
            self.main.zoom()
        elif self.focused is not self.main.log_view:
            self.do_pane_log()
        elif self.past:
            self.action_now()
        self.look()

    def action_now(self) -> None:
        """Back to the last row."""
        self.main.log_view.action_last()
