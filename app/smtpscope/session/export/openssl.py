"""The session as ``openssl s_client``, with the dialogue piped into it, octet by octet as it went out."""

from __future__ import annotations

from smtpscope.session.exchanges import Exchange
from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.outline import (
    INLINE,
    MESSAGE_FILE,
    NOTHING,
    Outline,
    is_address,
    outline,
    pieces,
    remarks,
)
from smtpscope.session.export.shell import PASSWORD, USER, command, comments, text, texts, wired, word
from smtpscope.smtp.events import Event

_PITFALLS = (
    "Typing by hand: -quiet is what keeps s_client from taking R, Q and k at the beginning of a line for itself;"
    " without it RCPT renegotiates and QUIT closes. Lines must end in CRLF: add -crlf."
)
_SAY = """\
say() { sleep "${PAUSE:-1}"; printf %b "$@"; }  # one line a second: the server must not be talked over
"""


def write(events: list[Event], hide: Hide) -> str:
    """Comments, and a command that a POSIX shell runs."""
    it = outline(events, hide)
    if it is None:
        return comments([NOTHING])
    said = _after_tls(it)
    notes = [*_cannot(it, said), _PITFALLS]
    lines = [line for each in said for line in _lines(it, each, hide, notes)]
    quits = any(each.kind == "QUIT" for each in said)
    if not quits:
        lines.append('sleep "${PAUSE:-1}"')  # for the last reply
    script = "{\n" + "".join(f"  {line}\n" for line in lines) + "} |\n"
    return comments(remarks(it, notes)) + _SAY + script + command(_s_client(it, quits))


def _after_tls(it: Outline) -> list[Exchange]:
    """What is said inside TLS; of a session in clear everything behind the greeting."""
    exchanges = [each for each in it.connection.exchanges if each.line and not each.became_text]
    if it.starttls and any(each.tls for each in exchanges):
        return [each for each in exchanges if each.tls]
    return [each for each in exchanges if each.kind != "STARTTLS"]


def _lines(it: Outline, exchange: Exchange, hide: Hide, notes: list[str]) -> list[str]:
    line = hide(exchange.line) + exchange.ending
    match exchange.kind:
        case "AUTH":
            return _login(exchange, hide, notes)
        case "DATA" if exchange.size and not (exchange.whole and exchange.size <= INLINE):
            notes.append(f"the message text ({exchange.size:,} octets) is not here: put it into {MESSAGE_FILE}")
            return [f"say {text(line)}", 'sleep "${PAUSE:-1}"', wired(MESSAGE_FILE)]
        case "DATA" if exchange.size:
            return [f"say {text(line)}", " \\\n    ".join(["say", *texts(hide(exchange.text))])]
        case "BDAT" | "BDAT LAST":
            notes.append("a chunk of BDAT is left out, and the line that announces it")
            return []
        case "DOT":
            return [f"say {text(b'.' + exchange.ending)}"]
    return [f"say {text(line)}"]


def _login(exchange: Exchange, hide: Hide, notes: list[str]) -> list[str]:
    user = word(hide(exchange.user.encode("utf-8", "surrogateescape"))) if exchange.user else USER
    encode = "openssl base64 -A"
    mechanism = exchange.line.upper().split()[1:2]
    if mechanism == [b"LOGIN"]:
        return [
            "say 'AUTH LOGIN\\r\\n'",
            f'say "$(printf %s {user} | {encode})\\r\\n"',
            f'say "$(printf %s {PASSWORD} | {encode})\\r\\n"',
        ]
    if mechanism == [b"CRAM-MD5"]:
        notes.append("AUTH CRAM-MD5 answers the server's challenge, which nobody knows before: here it is AUTH PLAIN")
    elif mechanism != [b"PLAIN"]:
        notes.append(f"{hide(exchange.line).decode(errors='replace')} is left out: what it answers is not known before")
        return []
    return [f"say \"AUTH PLAIN $(printf '\\0%s\\0%s' {user} {PASSWORD} | {encode})\\r\\n\""]


def _s_client(it: Outline, quits: bool) -> list[str]:
    server = b"[%s]" % it.server if b":" in it.server else it.server
    words = ["openssl s_client -quiet", f"-connect {word(b'%s:%d' % (server, it.port))}"]
    if not quits:
        words.append("-no_ign_eof -nocommands")
    if not it.implicit_tls:
        words.append(f"-starttls {'lmtp' if it.hello == 'LHLO' else 'smtp'}")
        if it.name:
            words.append(f"-name {word(it.name)}")
    if it.server_name and not is_address(it.server_name):
        words.append(f"-servername {word(it.server_name)}")
    if it.verified:
        kind = "-verify_ip" if is_address(it.server_name) else "-verify_hostname"
        words.append(f"-verify_return_error {kind} {word(it.server_name)}")
    return words


def _cannot(it: Outline, said: list[Exchange]) -> list[str]:
    notes = [f"of {it.number[1]} connections this is number {it.number[0]}"] if it.number[1] > 1 else []
    if not it.tls:
        offered = "" if "STARTTLS" in it.offered else ", though the server did not offer it"
        notes.append(f"the session was in clear, which s_client cannot be: it begins with STARTTLS{offered}")
    elif it.starttls and not any(each.tls for each in said):
        notes.append("the session never came into TLS, which s_client needs")
    elif it.starttls:
        before = {each.verb for each in it.connection.exchanges if each.line and not each.tls}
        if before - {"EHLO", "LHLO", "STARTTLS"}:
            notes.append("what was said before STARTTLS is left out: s_client says EHLO and STARTTLS by itself")
    if it.dropped:
        notes.append("the session was dropped without QUIT")
    return notes + pieces(it)
