"""Logins as one wants them: ``:auth`` with its words, and the steps of AUTH that wait in the line."""

from __future__ import annotations

from smtpscope.session import plan
from smtpscope.session.login_way import parse
from smtpscope.smtp.events import Proposed
from smtpscope.tui.line_bar import STEP, LineBar
from smtpscope.tui.lines import Lines
from smtpscope.visible import unescape, visible_text


class Stepping(Lines):
    """The app's half of a login by hand."""

    _step: Proposed | None = None
    _stepping = False  # the line was gone to because of a step

    def execute(self, text: str) -> None:
        """One line of the app's own."""
        words = text.split()
        if words[:1] == ["auth"]:
            self._log_in_by_words(words[1:])
        else:
            super().execute(text)

    def _log_in_by_words(self, words: list[str]) -> None:
        machine = self.view.machine
        usual = plan.filled("AUTH", machine, self.profile, self.ehlo_name).line.split()[1]
        try:
            login = parse(words, usual)
        except ValueError as error:
            self.say(visible_text(str(error), limit=400))
            return
        if self.session is None:
            self.call("login")  # which says that this is a recording
        elif why := self.why_not():
            self.say(why)
        elif any(entry.kind == "AUTH" for entry in machine.pending):
            self.say("an AUTH is under way: wait for its reply, or ^] drops")
        else:
            self.log_in(*login)

    def do_password(self) -> None:
        """Ask for a password; the next login takes it."""
        if self.session is None or self.undecided or self.view.now.proposed is not None:
            self.call("know")  # which says why not
        else:
            self.once_known("", lambda: self.say("the next login takes this password"))

    def do_form(self) -> None:
        """The other form of what is in the line: of a filled AUTH its options, of a step what goes out for it."""
        line = self.main.line
        if line.prompt == STEP:
            self.focus_line()
            line.other_form()
        elif mechanism := line.login:
            self.focus_line()
            line.clear()
            line.to_command(f"auth {mechanism} ")
            self.show_footer()
        else:
            self.say("only AUTH has another form: a fills it, then F2 gives its options; so do its steps")

    # -- steps

    def hear(self) -> None:
        """Go to the line with a step that waits, and back when AUTH is over."""
        super().hear()
        step = self.view.now.proposed if self.session is not None else None
        if step is not self._step:
            self._step = step
            self.main.line.take_step(step)
            if step is not None and step.along:
                along = f"Enter sends AUTH {step.mechanism} and this with it, as base64"
                self.say(f"{self.of_user}; {along}" if self.of_user else along)
        if step is not None and not self._stepping:
            self._stepping = True
            self.focus_line()
        elif self._stepping and step is None and not any(entry.kind == "AUTH" for entry in self.view.machine.pending):
            self._stepping = False
            if self.main.focused is self.main.line and not self.main.line.own:
                self.back()

    def on_line_bar_stepped(self, event: LineBar.Stepped) -> None:
        """The user's word on a step."""
        why = self.why_not()
        if event.word.line is not None and set(unescape(event.word.line)) & set(b"\r\n"):
            why = "a response is one line: with \\r or \\n in it the rest would be a command"
        if why:
            self.main.line.take_back()
            self.say(f"{why}; what you typed stays")
        else:
            self.call("respond", *event.word)
