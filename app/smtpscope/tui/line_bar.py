"""The line at the bottom in the app's hands: which prompt it has, what is offered for completion, what Enter means."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import rich.repr
from textual.message import Message

from smtpscope.actions import ACTIONS, COMMANDS
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.session.login_steps import CANCEL, Word, as_text, encoded
from smtpscope.session.login_way import USUAL, Way, completions
from smtpscope.session.redact import Redactor
from smtpscope.smtp.events import Proposed
from smtpscope.smtp.machine import Machine, Verdict
from smtpscope.tui.history import History
from smtpscope.tui.palette import VERBS
from smtpscope.visible import escape, octets, safe
from smtpscope_widgets.wire_line import WireLine

ENDINGS = {"CRLF": b"\r\n", "LF": b"\n", "CR": b"\r", "nothing": b""}
"""What can end a typed line, in the order that F3 goes through."""

_PARAMETERS = {
    "SIZE": ("SIZE=",),
    "8BITMIME": ("BODY=8BITMIME", "BODY=7BIT"),
    "BINARYMIME": ("BODY=BINARYMIME",),
    "SMTPUTF8": ("SMTPUTF8",),
    "DSN": ("RET=HDRS", "RET=FULL", "ENVID="),
    "PRDR": ("PRDR",),
    "REQUIRETLS": ("REQUIRETLS",),
}
_HINTS = {
    Verdict.LEGAL: ("legal now", "legal"),
    Verdict.OUT_OF_ORDER: ("out of order", "out"),
    Verdict.IMPOSSIBLE: ("impossible now", "impossible"),
}
_STEPS = {action.verb: action for action in ACTIONS if action.verb}
_OWN = (":", "user>", "password>", "/", "filter>", "note>")
"""Prompts of what is not for the wire."""
_ANSWERED = ("/", "filter>", "note>")
"""Prompts whose answers are given to who asked, empty ones too."""
STEP = "auth>"
"""The prompt of a step of AUTH that waits for the user."""


class LineBar(WireLine):
    """The wire line, the ``:`` line and the credential prompts, one at a time."""

    class Send(Message):
        """A line for the wire, as typed or filled; ``masked`` if it was typed under a mask."""

        def __init__(self, text: str, filled: bool, masked: bool) -> None:
            super().__init__()
            self.text = text
            self.filled = filled
            self.masked = masked

        def __rich_repr__(self) -> rich.repr.Result:
            yield "text", "****" if self.masked else self.text

    class Command(Message):
        """A line of the app's own."""

        def __init__(self, text: str) -> None:
            super().__init__()
            self.text = text

    class Words(Message):
        """What was typed at one of the screen's own prompts."""

        def __init__(self, prompt: str, text: str) -> None:
            super().__init__()
            self.prompt = prompt
            self.text = text

    class Credentials(Message):
        """User and password for an AUTH that had none."""

        def __init__(self, mechanism: str, user: str, password: Secret, way: Way = USUAL) -> None:
            super().__init__()
            self.mechanism = mechanism
            self.user = user
            self.password = password
            self.way = way

    class Stepped(Message):
        """The word on a step of AUTH."""

        def __init__(self, word: Word) -> None:
            super().__init__()
            self.word = word

        def __rich_repr__(self) -> rich.repr.Result:
            yield "coded", self.word.line is not None  # a password may have been typed into it

    def __init__(self, profile: Profile, history: History, *, ascii_only: bool, id: str) -> None:
        super().__init__(ascii_only=ascii_only, id=id)
        self.profile = profile
        self.past = history
        self.ending = "CRLF"
        self._mechanism = ""
        self._user = ""
        self._way = USUAL
        self._step: Proposed | None = None
        self._coded = self._given = False  # how it is shown; whether the word on it was given
        self._word = Word("")  # what was made of it so far; the line, where it was looked at
        self._wire_prompt = ">"
        self._draft = ""
        self.complete = self._complete
        self.history = history.lines
        self._machine: Machine | None = None
        self._redactor = Redactor()
        self._asked: dict[str, list[str]] = {prompt: [] for prompt in _ANSWERED}
        self._completing: Callable[[str], Sequence[str]] | None = None
        self._explaining: Callable[[str], str] | None = None

    # -- which prompt

    @property
    def own(self) -> bool:
        """Whether something is asked that is not for the wire."""
        return self.prompt in _OWN

    @property
    def _aside(self) -> bool:
        """Whether something else is asked than a line as one types it, which is kept meanwhile."""
        return self.own or self.masked or self.prompt == STEP

    def follow(self, machine: Machine, prompt: str, redactor: Redactor) -> None:
        """Take the prompt that the session's state asks for, unless something else is being asked.

        What ``redactor`` hides is not offered for completion.
        """
        self._machine, self._redactor = machine, redactor
        self._wire_prompt = STEP if self._step is not None else prompt
        if not self.own and self.prompt != self._wire_prompt:
            self._change(self._wire_prompt, masked=self._wire_prompt == "334>")
        self.update_hint()

    def _change(self, prompt: str, masked: bool = False) -> None:
        """Another prompt. What was typed for the wire waits while something else is asked."""
        was_aside, typed = self._aside, self.value
        if self.prompt == STEP:
            self._keep_step()
        aside = masked or prompt in _OWN or prompt == STEP
        if aside and not was_aside:
            self._draft = typed
        if aside or was_aside:
            self.clear()
        self.prompt, self.masked = prompt, masked
        if not aside:
            self._draft, draft = "", self._draft
            if draft:
                self.set(draft)
        self.allow_empty = prompt in ("data>", "334>", STEP, *_ANSWERED)
        plain = masked or prompt in ("user>", "data>", STEP)
        self.history = [] if plain else self._asked.get(prompt, self.past.lines)
        if prompt == STEP:
            self._offer_step()
        self.update_hint()

    def to_wire(self) -> None:
        """Back to the prompt that the session's state asks for."""
        if self.own:
            self._change(self._wire_prompt, masked=self._wire_prompt == "334>")

    def to_command(self, text: str = "", filled: bool = False) -> None:
        """The ``:`` line; what is typed for the wire is kept for later."""
        self._change(":")
        if filled:
            self.fill(text)
        elif text:
            self.set(text)

    def ask(
        self,
        prompt: str,
        text: str = "",
        complete: Callable[[str], Sequence[str]] | None = None,
        explain: Callable[[str], str] | None = None,
    ) -> None:
        """Ask something of the screen's own, ``/``, ``filter>`` or ``note>``; the answer comes as ``Words``.

        ``explain`` says for the hint what a text would do.
        """
        self._completing, self._explaining = complete, explain
        self._change(prompt)
        if text:
            self.set(text)

    def ask_credentials(self, mechanism: str, user: str | None, way: Way = USUAL) -> None:
        """Ask who and, masked, with what; ``user`` if that is known."""
        self._mechanism, self._user, self._way = mechanism, user or "", way
        self._change("password>" if user else "user>", masked=bool(user))

    # -- a step of AUTH

    def take_step(self, step: Proposed | None) -> None:
        """Offer a step of AUTH at a prompt of its own, as text; None where none waits any more."""
        self._step, self._coded, self._given = step, False, False
        self._word = Word(step.text if step is not None else "")
        if self.prompt == STEP:
            self._offer_step()

    def other_form(self) -> None:
        """The step as it goes out, or as text again: what stands there, in the other form."""
        if self._given:
            return
        self._keep_step()
        text, line = self._word
        if self._coded:
            self._word = Word(as_text(line or "", text), line)
        elif line is None:
            self._word = Word(text, encoded(text))
        self._coded = not self._coded
        self._offer_step()
        self.update_hint()

    def take_back(self) -> None:
        """The word on the step cannot be sent like that."""
        self._given = False
        self._offer_step()

    def _keep_step(self) -> None:
        """What stands there is the word so far; a line that was made of another text is none of it."""
        standing = self.ghost or self.value
        if self._given:
            return
        if self._coded:
            self._word = Word(self._word.text, standing)
        elif standing != self._word.text:
            self._word = Word(standing)

    def _offer_step(self) -> None:
        text, line = self._word
        standing = (line or "") if self._coded else text
        offered = self._step.text if self._step is not None else ""
        self.clear()
        if self._given:
            return
        if standing == (encoded(offered) if self._coded else offered):
            self.fill(standing)
        else:
            self.set(standing)

    def _escape(self) -> None:
        """What is offered as a step stays: an empty one would be something else."""
        if self.prompt == STEP:
            self.post_message(self.Cancelled(self))
        else:
            super()._escape()

    def next_ending(self) -> None:
        """The next line ending in turn."""
        names = list(ENDINGS)
        self.ending = names[(names.index(self.ending) + 1) % len(names)]
        self.update_hint()

    # -- what Enter means

    def on_wire_line_submitted(self, event: WireLine.Submitted) -> None:
        """Enter: what it means depends on the prompt."""
        event.stop()
        if self.prompt == "user>":
            self._user = event.text
            self._change("password>", masked=True)
        elif self.prompt == "password>":
            self.to_wire()
            self.post_message(self.Credentials(self._mechanism, self._user, Secret(event.text), self._way))
        elif self.prompt == ":":
            self.to_wire()
            self.post_message(self.Command(event.text))
        elif self.prompt == STEP:
            if not self._given:  # a second Enter is for nothing that was seen
                self._given = True
                self._word = Word(self._word.text, event.text) if self._coded else Word(event.text)
                self.post_message(self.Stepped(self._word))
        elif self.prompt in _ANSWERED:
            prompt, lines = self.prompt, self._asked[self.prompt]
            if event.text and event.text not in lines[-1:]:
                lines.append(event.text)
            self.to_wire()
            self.post_message(self.Words(prompt, event.text))
        else:
            # The prompt may have changed since: what counts is how it was typed.
            self.post_message(self.Send(event.text, event.filled, event.masked))

    def remember(self, text: str) -> None:
        """A command that is out is history now."""
        self.past.add(text)

    # -- beside the line

    def update_hint(self) -> None:
        """Say beside the line what it would do now."""
        ending = "" if self.ending == "CRLF" else f"ends in {self.ending}  "
        if self.prompt == "data>":
            self.hint, self.hint_kind = f"{ending}message text; a lone . ends it; QUIT would be text", "note"
        elif self.prompt == "334>":
            self.hint, self.hint_kind = f"{ending}the response in base64, hidden; * cancels", "note"
        elif self.prompt == "password>":
            self.hint, self.hint_kind = f"password of {safe(self._user)} for {self._login}", "note"
        elif self.prompt == "user>":
            self.hint, self.hint_kind = f"user name for {self._login}", "note"
        elif self.prompt == STEP:
            self.hint, self.hint_kind = self._step_hint(), "note"
        elif self.prompt in _ANSWERED:
            self.hint, self.hint_kind = self._explaining(self.value) if self._explaining else "", "note"
        elif self._machine is None or (self.prompt == ":" and self.value.split()[:1] != ["auth"]):
            self.hint, self.hint_kind = "", "note"
        else:
            text = self.value or self.ghost
            words, kind = _HINTS[verdict_of(text, self._machine)] if text.strip() else ("", "note")
            options = "F2: its options  " if self.login else ""
            self.hint, self.hint_kind = options + ending + words, kind

    @property
    def _login(self) -> str:
        """The login that user and password are asked for."""
        return f"AUTH {self._mechanism}" if self._mechanism else "the next login"

    @property
    def login(self) -> str:
        """The mechanism of an AUTH that stands in the line with nothing behind it; empty for anything else."""
        words = (self.ghost or self.value).split()
        return words[1].upper() if self.prompt == ">" and len(words) == 2 and words[0].upper() == "AUTH" else ""

    def _step_hint(self) -> str:
        """How the step stands there, and the ways out."""
        if self._given:
            return ""
        if (self.ghost or self.value) == CANCEL:
            return "cancels AUTH"
        if self._step is not None and self._step.along:
            return "* cancels; with AUTH"
        return f"* cancels; as {'it is' if self._coded else 'base64'}"  # as long as there is room beside any text

    def on_wire_line_changed(self, event: WireLine.Changed) -> None:
        """What is typed changed: so does the hint."""
        event.stop()
        self.update_hint()

    # -- completion

    def _complete(self, text: str) -> Sequence[str]:
        if self.prompt == ":" and text.startswith("auth "):
            return [f"auth {words}" for words in completions(text.removeprefix("auth "), self._offered())]
        if self.prompt == ":" and text.startswith("vary "):
            from smtpscope.session import vary_values  # not before the first frame

            return [f"vary {words}" for words in vary_values.completions(text.removeprefix("vary "), self._offered())]
        if self.prompt == ":":
            known = dict.fromkeys(words + (" " if more else "") for words, more, _ in COMMANDS)
            own = [words for words in known if text and words.startswith(text)]
            return [
                *own,
                *(action.id for action in ACTIONS if action.id.startswith(text) and f"{action.id} " not in own),
            ]
        if self.prompt in _ANSWERED:
            return self._completing(text) if self._completing else []
        if self.prompt != ">":
            return []
        upper = text.upper()
        verb, blank, rest = upper.partition(" ")
        if not blank:
            full = {"MAIL": "MAIL FROM:<", "RCPT": "RCPT TO:<"}
            return [full.get(name, name) for name in sorted(VERBS) if name.startswith(verb)]
        return list(self._arguments(verb, text, rest))

    def _arguments(self, verb: str, text: str, rest: str) -> list[str]:
        ext = self._machine.facts.ext if self._machine else {}
        if verb == "AUTH":
            return [f"AUTH {name}" for name in self._offered() if name.upper().startswith(rest)]
        if verb not in ("MAIL", "RCPT"):
            return []
        head = "MAIL FROM:<" if verb == "MAIL" else "RCPT TO:<"
        if ">" not in text:
            start = text[len(head) :] if text.upper().startswith(head) else ""
            return [f"{head}{address}>" for address in self._addresses(verb) if address.startswith(start)]
        before, _, word = text.rpartition(" ")
        parameters = [p for keyword in ext for p in _PARAMETERS.get(keyword, ())] if verb == "MAIL" else []
        if verb == "RCPT" and "DSN" in ext:
            parameters = ["NOTIFY=NEVER", "NOTIFY=SUCCESS,FAILURE,DELAY", "ORCPT=rfc822;"]
        if not before or ">" not in before:
            return [f"{text} {parameter}" for parameter in parameters] if text.endswith(">") else []
        return [f"{before} {parameter}" for parameter in parameters if parameter.startswith(word.upper())]

    def _offered(self) -> list[str]:
        """The mechanisms that are offered, escaped: the server must not have more typed than a name."""
        ext = self._machine.facts.ext if self._machine else {}
        names = [octets(name) for name in ext.get("AUTH", "").split()]
        return [escape(name) for name in names if not self._redactor.spans(name)]

    def _addresses(self, verb: str) -> list[str]:
        """Those this run was given, those used with this verb before, the latest first, then all others."""
        given = [(self.profile.mail_from or "",), self.profile.rcpt_to]
        own, others = given if verb == "MAIL" else reversed(given)
        found = [*map(_escaped, own), *self.past.addresses(verb), *map(_escaped, others)]
        return [address for address in dict.fromkeys(found) if address]


def _escaped(path: str) -> str:
    return escape(octets(path))


def verdict_of(line: str, machine: Machine) -> Verdict:
    """Whether a typed line may go out now."""
    words = line.split()
    verb = words[0].upper() if words else ""
    action = _STEPS.get("EHLO" if verb == "LHLO" else verb) or _STEPS["NOOP"]
    return action.verdict(machine)
