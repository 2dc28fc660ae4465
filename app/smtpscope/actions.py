"""Every action once: id, title, help, keys, and when it is enabled. Footer, palette, help and key map are made of it.

Keys are Textual's names. An action with a ``verb`` fills the line; nothing is sent before Enter.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Bdat, Connect, Drop, StartTls, Step
from smtpscope.smtp.machine import Machine, Verdict

C = SMTPCommand


def _always(machine: Machine) -> Verdict:
    return Verdict.LEGAL


def _step(step: Step) -> Callable[[Machine], Verdict]:
    return lambda machine: machine.may_issue(step)


class Action(NamedTuple):
    """One thing a user can do."""

    id: str
    """Also its name on the ``:`` line."""
    title: str
    """As the palette has it: ``smtp: MAIL FROM``."""
    help: str
    keys: tuple[str, ...] = ()
    verb: str = ""
    """The verb that it fills the line with."""
    member: SMTPCommand | None = None
    """The member of the enumeration that it stands for."""
    command: str = ""
    """What it fills the app's own command line with, where it is not a wire command."""
    verdict: Callable[[Machine], Verdict] = _always

    @property
    def shown_keys(self) -> str:
        """The keys as a person reads them."""
        return " ".join(KEY_NAMES.get(key) or (key.upper() if len(key) > 1 else key) for key in self.keys)


KEY_NAMES = {
    "space": "space",
    "full_stop": ".",
    "less_than_sign": "<",
    "greater_than_sign": ">",
    "colon": ":",
    "question_mark": "?",
    "slash": "/",
    "asterisk": "*",
    "exclamation_mark": "!",
    "ctrl+right_square_bracket": "^]",
    "ctrl+r": "^r",
    "ctrl+p": "^p",
    "ctrl+q": "^q",
    "escape": "Esc",
    "end": "End",
    "equals_sign": "=",
    "tab": "Tab",
}


def _verb(id: str, key: str, title: str, help: str, member: SMTPCommand, step: Step | None = None) -> Action:
    keys = (key,) if key else ()
    return Action(id, f"smtp: {title}", help, keys, verb=title.split()[0], member=member, verdict=_step(step or member))


ACTIONS: tuple[Action, ...] = (
    Action("step", "session: next step", "does the next step, as the footer names it", ("space",)),
    Action("go", "session: go on", "steps on to DATA, a refusal or a question; on a node: to there", ("f5",)),
    Action("again", "session: send again", "the last transaction again, MAIL to dot, on this link", ("f6",)),
    Action("replay", "session: replay", "a new connection, replayed to the cursor's row", ("ctrl+r",)),
    Action(
        "next_tests", "session: next tests", "lists what can be tried after the row's reply; a digit sends it",
        ("exclamation_mark",),
    ),
    Action("repeat", "session: repeat", "the session 10 times on fresh connections, for its times; asks first"),
    Action("vary", "session: vary", "what came of the last :vary, or what the session can be run with"),
    Action(
        "drop", "session: drop", "closes the connection now, saying nothing", ("ctrl+right_square_bracket", "f8"),
        member=C.NONE, command="drop", verdict=_step(Drop()),
    ),
    Action(
        "connect", "session: connect", "connects and waits for the greeting", ("c",),
        member=C.BANNER, command="connect", verdict=_step(Connect()),
    ),
    Action(
        "login", "session: log in", "runs on through AUTH, connecting if need be",
        member=C.CONNECTED, command="login", verdict=_step(C.CONNECTED),
    ),
    Action("password", "session: password", "asks for another password, for the next login"),
    _verb("ehlo", "e", "EHLO", "says who we are and asks for extensions", C.EHLO),
    _verb("helo", "h", "HELO", "says who we are, without extensions", C.HELO),
    _verb("starttls", "t", "STARTTLS", "goes over to TLS on this connection", C.CUSTOM, StartTls()),
    _verb("auth", "a", "AUTH", "logs in: sent as filled, the whole exchange runs", C.AUTH),
    _verb("mail", "m", "MAIL FROM", "begins a mail transaction with the reverse-path", C.MAIL),
    _verb("rcpt", "r", "RCPT TO", "names one recipient", C.RCPT),
    _verb("data", "d", "DATA", "asks to send the message text", C.DATA),
    Action(
        "stream", "smtp: message text", "sends the message text and holds the dot", ("s",),
        member=C.SEND_STREAM, command="stream", verdict=_step(C.SEND_STREAM),
    ),
    _verb("dot", "full_stop", ". (end of data)", "ends the message text", C.DOT),
    Action(
        "send", "smtp: whole message", "MAIL to dot in one go, with the envelope given",
        member=C.SEND_MESSAGE, command="send", verdict=_step(C.SEND_MESSAGE),
    ),
    _verb("rset", "x", "RSET", "drops the mail transaction", C.RSET),
    _verb("noop", "o", "NOOP", "does nothing, and is answered", C.CUSTOM),
    _verb("vrfy", "v", "VRFY", "asks whether an address exists", C.CUSTOM),
    _verb("expn", "", "EXPN", "asks who is on a list", C.CUSTOM),
    _verb("help_verb", "", "HELP", "asks the server for help", C.CUSTOM),
    _verb("bdat", "", "BDAT", "sends a chunk: the octets after the line (RFC 3030)", C.CUSTOM, Bdat(0)),
    _verb("xclient", "", "XCLIENT", "tells a Postfix server to take us for another client", C.CUSTOM),
    _verb("quit_verb", "q", "QUIT", "says goodbye; the connection is closed with the reply", C.QUIT),
    Action(
        "custom", "smtp: any line", "opens an empty line for whatever you type", ("i", "tab"),
        member=C.CUSTOM, verdict=_step(C.CUSTOM),
    ),
    Action("form", "line: form", "of a filled AUTH: its options; of a step that waits: as it goes out", ("f2",)),
    Action("ending", "line: ending", "what ends a typed line: CRLF, LF, CR or nothing", ("f3",)),
    Action("command", "app: command line", "opens the app's own command line, as in vim", ("colon",)),
    Action("palette", "app: palette", "lists every member of SMTPCOMMAND and every action", ("ctrl+p",)),
    Action(
        "explain", "help: row and keys", "explains the row, and the keys of what has the focus", ("question_mark", "f1")
    ),
    Action("earlier", "log: earlier exchange", "goes to the exchange before", ("less_than_sign",)),
    Action("later", "log: later exchange", "goes to the exchange after", ("greater_than_sign",)),
    Action("search", "log: search", "looks for text in all rows; /re/ is a regular expression", ("slash",)),
    Action("next_hit", "log: next hit", "goes to the next row that the search has found", ("n",)),
    Action("previous_hit", "log: hit before", "goes to the row before that the search has found", ("N",)),
    Action("filter", "log: filter", "shows only rows that match: class:5, cmd:RCPT, code:550, text", ("f",)),
    Action("mark", "log: mark", "marks the row, with a note or without; again: takes the mark away", ("asterisk",)),
    Action("wrap", "log: wrap", "long rows go on in the next line, or are cut", ("W",)),
    Action("reveal", "log: reveal", "shows the secrets of the row, until the next key"),
    Action("certificates", "copy: certificates", "copies the server's certificates as PEM; :pem FILE"),
    Action("row", "copy: rows", "copies the selected rows as they are shown, or the cursor's", ("y",)),
    Action("raw", "copy: raw bytes", "copies the octets of the selected rows; secrets stay hidden"),
    Action("hex", "copy: as hex", "copies the octets of the row, or of its reply, as hexadecimal digits"),
    Action("escapes", "copy: as escapes", r"copies them as a line that can be typed, with \r\n and \xHH"),
    Action("transcript", "copy: transcript", "copies the whole session, redacted, with swaks' marks", ("Y",)),
    Action("write", "session: write", "writes the session to a file as it happens; :w FILE names it", ("w",)),
    Action("compare", "session: compare", "lays a kept session beside this, first difference first", ("equals_sign",)),
    Action("export", "copy: export", "as a report, a page, a picture, or as the command that does the same"),
    Action("picture", "view: picture size", "wide, compact, strip, off", ("p",)),
    Action("zoom", "view: zoom", "the pane that has the focus alone, and back", ("z",)),
    Action("pane_picture", "view: picture", "goes to the picture", ("1",)),
    Action("pane_log", "view: log", "goes to the wire log", ("2",)),
    Action("pane_inspector", "view: inspector", "goes to the inspector", ("3",)),
    Action("pane_line", "view: line", "goes to the wire line", ("4",)),
    Action("time", "log: time format", "since connect, since the row before, wall clock"),
    Action("theme", "view: theme", "chooses the colours"),
    Action("quit", "app: leave", "leaves smtpscope; asks only if a message is half sent", ("ctrl+q",)),
)  # fmt: skip

BY_ID = {action.id: action for action in ACTIONS}
BY_MEMBER = {action.member: action for action in ACTIONS if action.member is not None}
BY_MEMBER[C.CUSTOM] = BY_ID["custom"]

COMMANDS = (
    ("q", "", "leaves"),
    ("set timeout", "60", "seconds for each reply; 2m is two minutes, 0 no limit"),
    ("w", "FILE", "writes the session to FILE as it happens; w! over one that is there"),
    ("open", "FILE", "shows a kept session over this one"),
    ("compare", "FILE", "lays a kept session beside this one"),
    ("export", "KIND [FILE]", "copies the session in another form, or writes it to a new file"),
    ("auth", "[MECHANISM] [OPTIONS]", "logs in; user=, authzid=, initial=yes|no, binding=KIND"),
    ("auth", "... steps", "... and each step of ours waits in the line: sent, changed, or cancelled with *"),
    ("pem", "[FILE]", "copies the server's certificates, or writes them to a new file"),
    ("vary auth", "[LIST] [to STEP]", "the session with each mechanism on a fresh connection; asks first"),
    ("vary user", "[LIST] [to STEP]", "... with each form of the user name"),
    ("vary tls", "[LIST] [to STEP]", "... with each TLS version"),
    ("vary cipher", "[LIST] [to STEP]", "... with each family of ciphers, in OpenSSL's words"),
    ("vary sni", "[LIST] [to STEP]", "... with each server name in SNI; none sends none"),
    ("vary ehlo", "[LIST] [to STEP]", "... with each EHLO name; [literal] is our address"),
    ("repeat", "20 [data]", "the session so many times on fresh connections; data: with its message"),
)
"""What the ``:`` line knows beside the actions' ids: words, what may follow them, help."""
