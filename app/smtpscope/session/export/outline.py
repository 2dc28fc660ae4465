"""What a session did, in the order in which every SMTP client does it: what the commands are made of.

Of several connections, and of several transactions on one, it is the one that came furthest that counts, the last of
equals. What is not in it is named in ``left_out``, so that no command claims more than it does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from itertools import pairwise

from smtpscope.session.exchanges import STAGES, Connection, Exchange, connections, furthest, rank, stage
from smtpscope.session.export.hiding import Hide
from smtpscope.session.redact import HIDDEN
from smtpscope.smtp.events import Event
from smtpscope.smtp.facts import capabilities
from smtpscope.visible import octets, visible_text

INLINE = 16 * 1024
"""Octets of the longest message text that stands in a command; a longer one is a file's name."""
MESSAGE_FILE = "message.eml"
NOTHING = "There was no connection: there is nothing to do again."

_STUFFED = re.compile(rb"^\.", re.MULTILINE)
_PATH = re.compile(rb"(?:MAIL|RCPT) +(?:FROM|TO): *<((?:\"(?:\\.|[^\"\\])*\"|[^<>\"])*)>((?: .*)?)\Z", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Path:
    """A reverse-path or forward-path without its brackets, and the parameters behind it."""

    address: bytes
    parameters: bytes = b""
    refused: bool = False


@dataclass(slots=True)
class Outline:
    """The session in short. All octets are hidden ones already: no secret is in them."""

    connection: Connection
    number: tuple[int, int] = (1, 1)
    """Which connection this is, of how many."""
    server: bytes = b""
    port: int = 25
    stage: str = "CONNECT"
    implicit_tls: bool = False
    starttls: bool = False
    verified: bool = False
    """The certificate is to be checked: it was good, or was not and ended the connection."""
    server_name: bytes = b""
    hello: str = ""
    """EHLO, HELO or LHLO: the verb that was accepted, or the last one tried."""
    name: bytes = b""
    """Who we said we are."""
    offered: dict[str, str] = field(default_factory=dict)
    """The last EHLO's keywords."""
    mechanism: str = ""
    user: bytes | None = None
    """Who logs in; None where that is not known."""
    mail: Path | None = None
    rcpts: list[Path] = field(default_factory=list)
    text: bytes = b""
    """The message text as it is on the wire, dots doubled."""
    size: int = 0
    inline: bool = True
    """It is all here, and can stand in a command."""
    quit: bool = False
    dropped: bool = False
    left_out: list[str] = field(default_factory=list)
    """Sentences on what the session did beside this, printable."""

    @property
    def tls(self) -> bool:
        """Whether any of it was in TLS."""
        return self.implicit_tls or self.starttls


def outline(events: Iterable[Event], hide: Hide) -> Outline | None:
    """The outline of a session; None where there was no connection."""
    every = connections(events)
    if not every:
        return None
    best = furthest(every)
    result = Outline(every[best], (best + 1, len(every)))
    _fill(result, hide)
    if len(every) > 1:
        result.left_out.insert(0, f"of {len(every)} connections this is number {best + 1}, which came furthest")
    return result


def heading(it: Outline) -> list[str]:
    """What a command is of, as lines for comments; printable."""
    opened = it.connection.opened
    when = f", {datetime.fromtimestamp(opened.wall, UTC):%Y-%m-%d %H:%M:%S} UTC" if opened.wall else ""
    peer = f" ({visible_text(it.connection.peer)})" if it.connection.peer else ""
    local = f", from {visible_text(it.connection.local)}" if it.connection.local else ""
    return [f"The session with {visible_text(it.server)} port {it.port}{peer}{when}{local}."]


def remarks(it: Outline, notes: Iterable[str]) -> list[str]:
    """What the command is of and what whoever runs it has to know, ``notes`` last, as lines for comments."""
    lines = heading(it)
    if it.mechanism:
        who = "" if it.user is not None else " and the user's name from $SMTP_USER"
        lines.append(f"The password comes from $SMTP_PASSWORD{who}.")
    if it.tls and it.verified:
        lines.append("The certificate is checked by the system's trust anchors; SSL_CERT_FILE names others.")
    elif it.tls:
        lines.append("The certificate is not checked: it was not good, and the session went on.")
    return [*lines, *(note[:1].upper() + note[1:].rstrip(".") + "." for note in dict.fromkeys(notes))]


def unstuffed(text: bytes) -> bytes:
    """Message text from the wire as the server keeps it: without the dots that were doubled (RFC 5321 4.5.2)."""
    return _STUFFED.sub(b"", text)


def unoffered(it: Outline, program: str) -> list[str]:
    """What a program that goes by the server's offer will not do again."""
    missing = ["AUTH"] if it.mechanism and "AUTH" not in it.offered else []
    if it.starttls and not any("STARTTLS" in each for each in _offers(it.connection)):
        missing.append("STARTTLS")
    return [f"the server did not offer {name}: {program} will not say it" for name in missing]


def _offers(connection: Connection) -> Iterator[dict[str, str]]:
    for each in connection.of("EHLO"):
        if each.reply is not None and each.good:
            yield capabilities(each.reply.lines)


def pieces(it: Outline) -> list[str]:
    """What is lost where every program sends one line, and waits for its reply."""
    lost = ["octets went out in other pieces than lines: that is not kept"] * it.connection.raw
    return lost + ["commands that went out together go one after the other here"] * it.connection.together


def is_address(name: bytes) -> bool:
    """Whether a server is named by its IP address."""
    try:
        ip_address(name.decode("ascii"))
    except ValueError:
        return False
    return True


def _fill(it: Outline, hide: Hide) -> None:
    connection = it.connection
    opened, exchanges = connection.opened, [each for each in connection.exchanges if not each.became_text]
    it.server, it.port, it.implicit_tls = hide(octets(opened.server)), opened.port, opened.implicit_tls
    it.dropped = connection.dropped
    used: list[Exchange] = []
    _fill_link(it, exchanges, used, hide)
    transaction = _best_transaction(exchanges)
    before = exchanges[: exchanges.index(transaction[0])] if transaction else exchanges
    _fill_login(it, before, used, hide)
    _fill_transaction(it, transaction, used, hide)
    it.quit = bool(connection.of("QUIT"))
    it.stage = STAGES[max((STAGES.index(stage(each)) for each in used), default=0)]
    if it.implicit_tls and it.stage == "STARTTLS":
        it.stage = "CONNECT"
    _name_the_rest(it, exchanges, used, hide)


def _fill_link(it: Outline, exchanges: list[Exchange], used: list[Exchange], hide: Hide) -> None:
    for each in exchanges:
        if each.kind in ("CONNECT", "BANNER", "QUIT", "FAILED", "TLS"):
            used.append(each)
        if each.kind == "STARTTLS" and not it.starttls:
            behind = exchanges[exchanges.index(each) + 1 :]
            it.starttls = each.good or not any(later.line and later.kind != "QUIT" for later in behind)
            used += [each] * it.starttls
    secured = it.connection.secured
    if secured is not None:
        went_on = any(each.tls and each.line for each in exchanges)
        it.verified, it.server_name = not secured.faults or not went_on, hide(octets(secured.server_name))


def _fill_login(it: Outline, exchanges: list[Exchange], used: list[Exchange], hide: Hide) -> None:
    """The last hello and the last login before the transaction; a refused one where none was accepted."""
    hellos = [each for each in exchanges if each.kind in ("EHLO", "HELO")]
    first_tls = next((index for index, each in enumerate(hellos) if each.tls), len(hellos))
    for part in (hellos[:first_tls], hellos[first_tls:]):
        used += _last_good(part)
    if hellos:
        chosen = _last_good(hellos)[0]
        it.hello, it.name = chosen.verb, hide(chosen.line.partition(b" ")[2].strip())
        if chosen.reply is not None and chosen.kind == "EHLO":
            it.offered = capabilities(chosen.reply.lines)
    for login in _last_good([each for each in exchanges if each.kind == "AUTH"]):
        words = login.line.split()
        it.mechanism = hide(words[1].upper()).decode("ascii", "replace") if len(words) > 1 else ""
        it.user = hide(login.user.encode("utf-8", "surrogateescape")) if login.user else None
        used.append(login)


def _last_good(exchanges: list[Exchange]) -> list[Exchange]:
    """The last that was accepted, else the last; none of none."""
    return ([each for each in exchanges if each.good] or exchanges)[-1:]


def _best_transaction(exchanges: list[Exchange]) -> list[Exchange]:
    """From a MAIL to before the next one: of all of them the one that came furthest."""
    best: list[Exchange] = []
    starts = [index for index, each in enumerate(exchanges) if each.kind == "MAIL"]
    for start, end in pairwise([*starts, len(exchanges)]):
        candidate = exchanges[start:end]
        for index, each in enumerate(candidate):
            if each.kind in ("RSET", "EHLO", "HELO", "STARTTLS") and each.good:
                candidate = candidate[:index]
                break
        if rank(candidate) >= rank(best):
            best = candidate
    return best


def _fill_transaction(it: Outline, transaction: list[Exchange], used: list[Exchange], hide: Hide) -> None:
    for each in transaction:
        match each.kind:
            case "MAIL":
                it.mail = _path(each, hide)
            case "RCPT":
                it.rcpts.append(_path(each, hide))
            case "DATA":
                it.text, it.size, it.inline = hide(each.text), each.size, each.whole and each.size <= INLINE
                if it.text != each.text:
                    it.size += len(it.text) - len(each.text)
                    it.left_out.append("the message text had a secret in it, which is hidden")
            case "DOT":
                pass
            case _:
                continue
        used.append(each)


def _path(exchange: Exchange, hide: Hide) -> Path:
    match = _PATH.match(exchange.line)
    refused = exchange.code is not None and not exchange.good
    if match is None:  # out of the grammar: what stands behind the colon, as it is
        return Path(hide(exchange.line.partition(b":")[2].strip(b" <>")), b"", refused)
    return Path(hide(match.group(1)), hide(match.group(2).strip()), refused)


def _name_the_rest(it: Outline, exchanges: list[Exchange], used: list[Exchange], hide: Hide) -> None:
    """Say what the outline does not hold."""
    messages = sum(each.kind == "DOT" for each in exchanges)
    if messages > 1:
        it.left_out.append(f"the session sent {messages} messages: this is the last")
    rest = [each for each in exchanges if each not in used and each.kind != "UNASKED"]
    if rest:
        lines = [visible_text(hide(each.line), limit=60) or each.kind for each in rest]
        more = f" and {len(rest) - 8} more" if len(rest) > 8 else ""
        it.left_out.append(f"left out: {', '.join(lines[:8])}{more}")
    odd = [each for each in used if each.line and each.ending != b"\r\n"]
    if odd:
        shown = ", ".join(visible_text(hide(each.line) + each.ending, limit=60) for each in odd[:8])
        it.left_out.append(f"line ends that were not CRLF are CRLF here: {shown}")
    off = [each for each in used if each.kind in ("MAIL", "RCPT") and not _PATH.match(each.line)]
    if off:
        shown = ", ".join(visible_text(hide(each.line), limit=60) for each in off[:8])
        it.left_out.append(f"lines that were not as RFC 5321 writes them are so here: {shown}")
    if any(HIDDEN.encode() in hide(each.line) for each in used):
        it.left_out.append(f"what was secret in a command is {HIDDEN} here")
    it.left_out += pieces(it)
