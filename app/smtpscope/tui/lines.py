"""What the line's words become: fills, sends, logins and pastes; and where the focus goes meanwhile."""

from __future__ import annotations

from textual.widget import Widget

from smtpscope.profile import MECHANISMS
from smtpscope.secret import Secret
from smtpscope.session import plan
from smtpscope.session.login_way import USUAL, WITHOUT_PASSWORD, Way
from smtpscope.tui.acting import STEP_WAITS
from smtpscope.tui.copying import Copying
from smtpscope.tui.history import without_secrets
from smtpscope.tui.line_bar import ENDINGS, LineBar
from smtpscope.tui.screens import Pasted
from smtpscope.visible import escape, octets, unescape, visible_text
from smtpscope_widgets.wire_line import WireLine

_TOO_LATE = "the server waits for no response any more"


class Lines(Copying):
    """The app's half of the line: Enter is not yet sending, and letters only fill."""

    def __init__(self, ansi_color: bool | None = None) -> None:
        super().__init__(ansi_color=ansi_color)
        self._came_from: Widget | None = None
        self._last_used: dict[str, str] = {}
        self._prompt = ">"
        self.of_user = ""  # what was said of who logs in

    def focus_line(self) -> None:
        """Go to the line, and remember where we came from."""
        if self.main.focused is not self.main.line:
            self._came_from = self.main.focused
        self.main.line.focus()

    def back(self) -> None:
        """From the line to where we came from."""
        origin = self._came_from
        if origin is None or not origin.display or not origin.is_attached:
            origin = self.main.log_view
        origin.focus()

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
        elif self.view.now.proposed is not None:
            self.say(STEP_WAITS)
        else:
            self.focus_line()
            self.main.line.to_wire()
            self.main.line.fill(text, cursor, key=key)
            self.main.line.update_hint()
            self.show_footer()

    def ask_credentials(self, mechanism: str, user: str | None = None, way: Way = USUAL) -> None:
        """Ask in the line who and, masked, with what, for a login that is done in that way."""
        self.focus_line()
        self.main.line.ask_credentials(mechanism, self.profile.user if user is None else user, way)

    def on_line_bar_send(self, event: LineBar.Send) -> None:
        """A line for the wire."""
        text, why, line = event.text, self.why_not(), self.main.line
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
        runs = event.filled and len(words) == 2 and words[0].upper() == "AUTH" and words[1].upper() in MECHANISMS
        if runs and self.main.line.prompt == ">":
            line.remember(text)
            self.log_in(words[1].upper())
            return
        if self._is_no_secret(event):
            line.remember(text)
            if not event.filled and words and without_secrets(text) == text:
                self._last_used[words[0].upper()] = text
        dot = event.filled and text == "." and self.view.machine.line_unfinished
        self.call("send", (b"\r\n" if dot else b"") + unescape(text) + ENDINGS[line.ending])
        if line.prompt != "data>" or text == ".":
            self.back()

    def _is_no_secret(self, event: LineBar.Send) -> bool:
        """Whether a line may be recalled; while an AUTH is owed it may be a response, ahead of its 334."""
        if self.view.redactor.spans(unescape(event.text)):
            return False
        owed = any(entry.kind == "AUTH" for entry in self.view.machine.pending)
        return self.main.line.prompt == ">" and not event.masked and not owed

    def why_not(self) -> str:
        """Why nothing can be sent now, empty if it can."""
        facts = self.view.machine.facts
        if self.past:
            return "this is the past: Esc, End first"
        if self.undecided:
            return "a question stands: Esc, then a digit answers it"
        if facts.securing:
            return "the TLS handshake is running"
        if facts.streaming:
            return "the message text is on its way"
        return "" if facts.link else "there is no connection: Esc, c connects"

    def log_in(self, mechanism: str, user: str | None = None, way: Way = USUAL) -> None:
        """Run an AUTH exchange, as the user that is known if none is given; what is missing is asked for."""
        user, known = self.profile.user if user is None else user, self.profile.password
        if mechanism in WITHOUT_PASSWORD or (user is not None and known is not None):
            self._log_in_as(mechanism, user, known, way)
        else:
            self.ask_credentials(mechanism, user, way)

    def on_line_bar_credentials(self, event: LineBar.Credentials) -> None:
        """User and password were given."""
        self.know(event.password)
        self._log_in_as(event.mechanism, event.user, event.password, event.way)

    def _log_in_as(self, mechanism: str, user: str | None, password: Secret | None, way: Way) -> None:
        """Log in with these, and say so where it is somebody else who is known from now on."""
        known, self.of_user = self.profile.user, ""
        if user and known not in (None, user):
            self.of_user = f"{visible_text(user, limit=100)} is the user from now on"
            self.say(self.of_user)
        self.call("login", mechanism, user, password, way)
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
            why = why or (self.why_not() if way in ("lines", "write") else "")
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
