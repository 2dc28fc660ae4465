"""The session as a curl command line."""

from __future__ import annotations

import re
from urllib.parse import quote

from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.outline import MESSAGE_FILE, NOTHING, Outline, outline, remarks, unoffered, unstuffed
from smtpscope.session.export.shell import PASSWORD, USER, command, comments, printed, word
from smtpscope.smtp.events import Event

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
_SENT_BY_CURL = re.compile(rb"SIZE=[0-9]+", re.IGNORECASE)


def write(events: list[Event], hide: Hide) -> str:
    """Comments, and one command that a POSIX shell runs; the message text comes in through a pipe."""
    it = outline(events, hide)
    if it is None:
        return comments([NOTHING])
    words = ["curl --verbose", f"--url {word(_url(it))}", *_tls(it), *_login(it)]
    notes = [*it.left_out, *_cannot(it)]
    body = ""
    if it.stage != "DOT":
        words.append("--request NOOP")
        notes.append(_stopped(it))
    else:
        words += _envelope(it)
        if it.inline:
            words.append("--upload-file -")
            body = printed(unstuffed(it.text)).rstrip("\n") + " |\n"
        else:
            words += ["--crlf", f"--upload-file {MESSAGE_FILE}"]
            notes.append(f"the message text ({it.size:,} octets) is not here: put it into {MESSAGE_FILE}")
    return comments(remarks(it, notes)) + body + command(words)


def _url(it: Outline) -> bytes:
    """The path is what EHLO says."""
    server = b"[%s]" % it.server if b":" in it.server else quote(it.server, safe="[]").encode()
    scheme = b"smtps" if it.implicit_tls else b"smtp"
    return b"%s://%s:%d/%s" % (scheme, server, it.port, quote(it.name, safe="").encode())


def _tls(it: Outline) -> list[str]:
    words = ["--ssl-reqd"] if it.starttls else []
    return [*words, "--insecure"] if it.tls and not it.verified else words


def _login(it: Outline) -> list[str]:
    if it.mechanism not in MECHANISMS:
        return []
    user = word(it.user) if it.user is not None else USER
    words = [f"--user {user}:{PASSWORD}", f"--login-options AUTH={it.mechanism}"]
    return [*words, "--sasl-ir"] if it.mechanism == "PLAIN" else words


def _envelope(it: Outline) -> list[str]:
    words = [f"--mail-from {word(it.mail.address)}"] if it.mail is not None else []
    words += [f"--mail-rcpt {word(path.address)}" for path in it.rcpts]
    if any(path.refused for path in it.rcpts) and not all(path.refused for path in it.rcpts):
        words.append("--mail-rcpt-allowfails")
    return words


def _stopped(it: Outline) -> str:
    if it.stage in ("MAIL", "RCPT", "DATA"):
        before = "AUTH" if it.mechanism else "EHLO"
        return f"curl cannot stop after {it.stage}: this goes as far as {before}, then says NOOP and QUIT"
    return "curl goes on after it: it says EHLO, NOOP and QUIT"


def _cannot(it: Outline) -> list[str]:
    """What curl has no option for."""
    notes = unoffered(it, "curl")
    if it.hello in ("HELO", "LHLO"):
        notes.append(f"curl says EHLO, not {it.hello}, and HELO only where EHLO is refused")
    if it.mechanism and it.mechanism not in MECHANISMS:
        notes.append(f"AUTH {it.mechanism} is left out: its options for curl are not known here")
    if it.user is not None and b":" in it.user:
        notes.append("curl takes the colon in the user's name for the end of it")
    parameters = [path.parameters for path in ([it.mail] if it.mail else []) + it.rcpts if path.parameters]
    if any(_SENT_BY_CURL.sub(b"", each).strip() for each in parameters):
        notes.append("curl sends no parameters but SIZE and SMTPUTF8, as it sees fit: the others are left out")
    if it.dropped:
        notes.append("the session was dropped without QUIT, which curl sends")
    return notes
