"""What can happen in a session, as values.

A session is the list of its events and nothing else; replies, the state, the log and the timings are folds of it.
Times are seconds since the call of connect, from the session's own monotonic clock. ``bytes`` are exact.
Events are named tuples because one round trip makes three of them and the wire must not wait for us.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple, TypeAlias

from smtpscope.smtp.command import SMTPCommand


@dataclass(frozen=True, slots=True)
class Connect:
    """Step: open the connection and read the greeting."""


@dataclass(frozen=True, slots=True)
class Drop:
    """Step: close the connection now, saying nothing."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """Step: STARTTLS and, after its 220, the handshake (RFC 3207)."""


@dataclass(frozen=True, slots=True)
class Bdat:
    """Step: one chunk of ``size`` octets (RFC 3030)."""

    size: int
    last: bool = False


Step: TypeAlias = Connect | Drop | SMTPCommand | StartTls | Bdat


class LinkStatus(Enum):
    """The link below the dialogue (IXPSTATUS of the documentation), as words for people.

    The last two are in no event: they follow from the goodbye and from Closed.
    """

    FINDINGHOST = "finding host"
    CONNECTING = "connecting"
    SECURING = "securing"
    CONNECTED = "connected"
    DISCONNECTING = "disconnecting"
    DISCONNECTED = "disconnected"


class Opened(NamedTuple):
    """A connection was asked for; everything known of an earlier one is void."""

    time: float
    server: str
    port: int
    implicit_tls: bool = False
    want_login: bool = False
    lmtp: bool = False
    wall: float = 0.0
    """Seconds since the Unix epoch at time zero."""


class Issued(NamedTuple):
    """The user asked for a step; ``line`` is the line as shown, without its ending and without secrets."""

    time: float
    step: Step
    line: str = ""
    user: str = ""
    """Who is to be logged in, where the transport runs an AUTH exchange."""


class Link(NamedTuple):
    """The link changed; ``detail`` says where to or why, in plain text from our side."""

    time: float
    status: LinkStatus
    detail: str = ""
    peer: str = ""
    """The address reached, ``192.0.2.7`` or ``2001:db8::7``."""
    local: str = ""
    """Our own address."""


class Sent(NamedTuple):
    """Octets handed to the link, below them TLS if ``tls``; ``secrets`` are the (start, end) spans to hide."""

    time: float
    data: bytes
    tls: bool = False
    secrets: tuple[tuple[int, int], ...] = ()


class Received(NamedTuple):
    """Octets as one read gave them, out of TLS if ``tls``."""

    time: float
    data: bytes
    tls: bool = False
    secrets: tuple[tuple[int, int], ...] = ()
    """Of a kept session: the (start, end) spans that were hidden when it was written."""


class Cipher(NamedTuple):
    """Octets of TLS records as they crossed the wire."""

    time: float
    data: bytes
    outgoing: bool


class Secured(NamedTuple):
    """A TLS handshake was finished. ``faults`` are the verdict in words, empty if the certificate is good."""

    time: float
    version: str
    cipher: str
    bits: int
    server_name: str
    """The name the certificate was judged by."""
    faults: tuple[str, ...] = ()
    chain: tuple[bytes, ...] = ()
    """DER, the server's own certificate first."""
    group: str = ""
    ca_faults: tuple[str, ...] = ()
    """Those of ``faults`` that are about the chain; a certificate that cannot be read is a fault of both."""
    name_faults: tuple[str, ...] = ()
    sni: str = ""
    """The name that was sent in clear in our hello, empty for none."""
    client_certificate: str = ""
    """``sent`` or ``not sent`` to a server that asked for one; empty where it did not."""


class Progress(NamedTuple):
    """Octets of message text out, as they stand on the wire; ``done`` when the last is with the kernel."""

    time: float
    sent: int
    total: int
    """Octets of the message as given, 0 if not known."""
    done: bool = False


class TimedOut(NamedTuple):
    """The oldest owed reply did not come within ``seconds``; nothing was closed and nothing settled."""

    time: float
    seconds: float


class Waited(NamedTuple):
    """The user gave the oldest owed reply ``seconds`` more."""

    time: float
    seconds: float


class Forgot(NamedTuple):
    """The user gave up the oldest owed reply; ``code`` says as what DATA's is to be taken (354), else None."""

    time: float
    code: int | None = None


class Asked(NamedTuple):
    """Only the user can decide how to go on. ``answers`` are numbered from 1, the safe one first."""

    time: float
    kind: str
    text: str
    answers: tuple[str, ...]


class Answered(NamedTuple):
    """The user's word on the last question: the answer's index, from 0."""

    time: float
    kind: str
    answer: int


class Proposed(NamedTuple):
    """A step of AUTH waits for the user's word before it goes, until it does, or is not to."""

    time: float
    mechanism: str
    text: str
    """What it says, decoded, in escapes; words in braces stand for what is secret in it."""
    along: bool = False
    """It is to go along with AUTH itself."""


class Failed(NamedTuple):
    """A step could not be done; ``reason`` is one sentence with the way out."""

    time: float
    step: Step | None
    reason: str


class Closed(NamedTuple):
    """The end of the connection: its cause in words and how many octets of ours were never sent."""

    time: float
    cause: str
    unsent: int = 0


class Marked(NamedTuple):
    """The user put a mark on a wire line or a note of the log, or took it away."""

    time: float
    event: int
    """The index of the event in which the row begins."""
    start: int
    """The octet of that event with which it begins, 0 where the row is not octets."""
    on: bool = True
    note: str = ""
    """The user's own words, printable."""


class Told(NamedTuple):
    """What the session does by itself because it was asked to: a test begins, waits, ends; a repetition."""

    time: float
    kind: str
    """Of a next test ``test`` when it begins, ``wait`` between two tries, ``accepted`` or ``ended`` when it is over;
    of a repetition ``repeat``, ``run`` before each, and ``repeated``; of a variation ``vary``, ``value`` before each,
    then ``varied`` with what follows from it; ``trusted`` where a certificate is not asked about again."""
    text: str
    """One line; words of the server's or the user's may stand in it."""
    until: float = 0.0
    """When the next try comes, where this is a wait; 0 where it is none."""


Event: TypeAlias = (
    Opened
    | Issued
    | Link
    | Sent
    | Received
    | Cipher
    | Secured
    | Progress
    | TimedOut
    | Waited
    | Forgot
    | Asked
    | Answered
    | Proposed
    | Failed
    | Closed
    | Marked
    | Told
)
