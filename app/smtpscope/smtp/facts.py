"""The few facts a session consists of, and "here" as a pure function of them.

Because "here" is computed and never stored, no event can leave the picture and the session disagreeing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from smtpscope.smtp.command import C, SMTPCommand
from smtpscope.smtp.events import LinkStatus
from smtpscope.smtp.reply import Reply


class Transaction(Enum):
    """How far the mail transaction is (RFC 5321 3.3, RFC 3030)."""

    NONE = "none"
    OPEN = "open"
    CHUNK = "a BDAT chunk is in"
    BROKEN = "a BDAT chunk was refused"
    DATA = "354 read"
    STREAMED = "all text is out"


class T:
    """The members of Transaction, as ``C`` has those of SMTPCommand."""

    NONE, OPEN, CHUNK, BROKEN, DATA, STREAMED = Transaction


_TEXT = (T.DATA, T.STREAMED)


class Recipient(NamedTuple):
    """One RCPT of a transaction and the code it got; ``seconds`` are from the command, or the dot, to its reply."""

    path: str
    code: int | None
    parameters: str = ""
    """What stood behind the path."""
    reply: Reply | None = None
    seconds: float = 0.0
    final: Reply | None = None
    """The reply to the message itself: this recipient's own under LMTP and PRDR, else the one for all."""
    final_seconds: float = 0.0

    @property
    def accepted(self) -> bool:
        """Whether the message is for this recipient."""
        return (self.code or 0) // 100 == 2

    def __deepcopy__(self, memo: object) -> Recipient:
        """It never changes, nor do its replies: whoever copies a machine need not copy thousands of them."""
        return self


@dataclass(slots=True)
class Facts:
    """What is known of the session; changed by events only."""

    link: bool = False
    """The socket is up and nobody has said goodbye."""
    status: LinkStatus = LinkStatus.DISCONNECTED
    greeted: bool = False
    refused: bool = False
    """The greeting was a 4yz or 5yz (RFC 5321 3.1)."""
    hello: str = ""
    """The verb that was accepted: EHLO, HELO, LHLO or nothing yet."""
    ext: dict[str, str] = field(default_factory=dict)
    """EHLO keyword in capitals -> its parameters."""
    tls: bool = False
    auth: bool = False
    auth_refused: bool = False
    """A login was refused on this connection; it is never tried again by itself (lock-outs)."""
    cancelled: bool = False
    """Our last response to a challenge was ``*``, and no command followed it."""
    tls_refused: bool = False
    """STARTTLS was refused on this connection."""
    want_login: bool = False
    txn: Transaction = T.NONE
    ok: int = 0
    bad: int = 0
    recipients: tuple[Recipient, ...] = ()
    """Those of the open transaction, and of the last one until something ends it."""
    past: tuple[Recipient, ...] = ()
    """Those of the transaction before, where none is open, until the next MAIL."""
    verdict: Reply | None = None
    """The reply to the whole message; under LMTP there is none."""
    prdr: bool = False
    """MAIL asked for one reply a recipient after the dot (PRDR)."""
    binarymime: bool = False
    done: str = ""
    """How the last message ended: accepted, partly, refused, unknown; until the next thing begins."""
    user: str = ""
    """Who is logged in, once the server said so."""
    mechanism: str = ""
    challenge: str | None = None
    """The text of the 334 that waits for our response."""
    securing: bool = False
    """STARTTLS got its 220: the handshake runs or waits for the user's word."""
    injected: bytes = b""
    """Octets that came in clear behind the STARTTLS 220 (RFC 3207 6)."""
    streaming: bool = False
    """Message text is on its way out."""
    texted: int = 0
    """Octets of message text sent in this transaction."""

    @property
    def here(self) -> SMTPCommand:
        """The node that has been reached: one of the nine that can be rested on."""
        if not self.link or not self.greeted:
            return C.NONE
        if self.txn is not T.NONE:
            if self.txn in _TEXT:
                return C.DATA if self.txn is T.DATA else C.SEND_STREAM
            return C.RCPT if self.ok else C.MAIL
        if self.done:
            return C.SEND_MESSAGE
        if not self.hello:
            return C.BANNER
        if self.want_login and not self.auth and "AUTH" in self.ext:
            return C.EHLO
        return C.CONNECTED

    @property
    def data_mode(self) -> bool:
        """Whether what is sent now is message text."""
        return self.txn in _TEXT and self.link

    def end_transaction(self) -> None:
        """No transaction is open; how the last one ended is no longer news."""
        self.txn = T.NONE
        self.done = ""
        self.ok = self.bad = 0
        self.past = self.recipients or self.past
        self.recipients = ()
        self.prdr = self.binarymime = False
        self.texted = 0

    def greet_again(self) -> None:
        """As after a new greeting (RFC 3207 4.2): what was learned is void, but not link, TLS or the login wanted."""
        self.end_transaction()
        self.hello = self.user = self.mechanism = ""
        self.ext = {}
        self.auth = self.auth_refused = False
        self.refused = False
        self.challenge = None


def capabilities(lines: tuple[str, ...]) -> dict[str, str]:
    """The EHLO keywords of a 250 reply's lines, the first of which is the greeting (RFC 5321 4.1.1.1).

    ``AUTH=LOGIN``, as servers of the last century say it, counts as AUTH.
    """
    found: dict[str, str] = {}
    for line in lines[1:]:
        words = line.replace("=", " ", 1).split() if line.upper().startswith("AUTH=") else line.split()
        if words:
            keyword, rest = words[0].upper(), words[1:]
            if keyword == "AUTH" and keyword in found:
                rest = [*found[keyword].split(), *(w for w in rest if w not in found[keyword].split())]
            found[keyword] = " ".join(rest)
    return found
