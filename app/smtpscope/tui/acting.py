"""What is asked of the session: by keys, by the palette, by the app's own command line."""

from __future__ import annotations

import difflib

from smtpscope.actions import BY_ID, COMMANDS
from smtpscope.profile import parse_seconds
from smtpscope.secret import Secret
from smtpscope.session import plan
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Answered, Asked, Event
from smtpscope.smtp.machine import Verdict
from smtpscope.tui.looking import Looking
from smtpscope.visible import visible_text

C = SMTPCommand

_ANSWERS = frozenset({"answer", "respond", "drop", "replay", "set_timeout", "record"})
"""What the session may be asked for while a question stands, or a step of AUTH waits."""
STEP_WAITS = "a step of AUTH waits in the line: Enter sends it, * cancels, ^] drops"
_PRESENT = frozenset({"go", "again", "connect", "login", "stream", "send", "custom"})
"""Actions beside the verbs that lead to something being sent: there are none of them in the past."""


class Acting(Looking):
    """The app's actions: in all, one ``do_`` method for each id of the registry that is no verb."""

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

    def know(self, password: Secret) -> None:
        """A password was typed: from now on it is hidden, also where it does not go out itself."""
        self.view.redactor.know(password)

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
