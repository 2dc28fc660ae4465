"""The session as a swaks command line."""

from __future__ import annotations

from smtpscope.session.exchanges import STAGES
from smtpscope.session.export.hiding import Hide
from smtpscope.session.export.outline import (
    MESSAGE_FILE,
    NOTHING,
    Outline,
    Path,
    is_address,
    outline,
    remarks,
    unoffered,
)
from smtpscope.session.export.shell import PASSWORD, USER, command, comments, printed, wired, word
from smtpscope.smtp.events import Event

MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5")
_QUIT_AFTER = {"BANNER": "BANNER", "STARTTLS": "STARTTLS", "AUTH": "AUTH", "MAIL": "MAIL", "RCPT": "RCPT"}


def write(events: list[Event], hide: Hide) -> str:
    """Comments, and one command that a POSIX shell runs; the message text comes in through a pipe."""
    it = outline(events, hide)
    if it is None:
        return comments([NOTHING])
    words = ["swaks", *_link(it), *_login(it), *_envelope(it), *_stop(it)]
    notes = [*it.left_out, *_cannot(it)]
    body = ""
    if it.stage == "DOT":
        # swaks would replace its tokens in the text; as it stands on the wire it is left alone, and ends in a dot.
        words += ["--no-data-fixup", "--data -"]
        if it.inline:
            body = printed(it.text + b".").rstrip("\n") + " |\n"
        else:
            body = f"{{ {wired(MESSAGE_FILE)}; printf .; }} |\n"
            notes.append(f"the message text ({it.size:,} octets) is not here: put it into {MESSAGE_FILE}")
    return comments(remarks(it, notes)) + body + command(words)


def _option(name: str, value: bytes) -> str:
    """An option and its value; one that begins with a hyphen would be taken for another option."""
    return f"{name}{'=' if value.startswith(b'-') else ' '}{word(value)}"


def _link(it: Outline) -> list[str]:
    server = b"[%s]" % it.server if b":" in it.server else it.server
    words = [_option("--server", server), f"--port {it.port}"]
    if it.hello == "HELO" and not any(each.verb == "EHLO" for each in it.connection.of("EHLO")):
        words.append("--protocol SMTP")
    elif it.hello == "LHLO":
        words.append("--protocol LMTP")
    if it.name:
        words.append(_option("--helo", it.name))
    if it.implicit_tls:
        words.append("--tls-on-connect")
    elif it.starttls:
        words.append("--tls")
    if it.tls and it.server_name and not is_address(it.server_name):
        words.append(_option("--tls-sni", it.server_name))
    if it.tls and it.verified:
        words.append("--tls-verify")
    return words


def _login(it: Outline) -> list[str]:
    if it.mechanism not in MECHANISMS:
        return []
    user = _option("--auth-user", it.user) if it.user is not None else f"--auth-user {USER}"
    return [f"--auth {it.mechanism}", user, f"--auth-password {PASSWORD}"]


def _envelope(it: Outline) -> list[str]:
    words = []
    if it.mail is not None:
        words.append(_option("--from", it.mail.address or b"<>"))
    if it.rcpts:
        words.append(_option("--to", b",".join(path.address for path in it.rcpts)))
    return words


def _stop(it: Outline) -> list[str]:
    if it.stage in ("DATA", "DOT"):
        return [f"--drop-after {it.stage}"] if it.stage == "DATA" or it.dropped else []
    if it.stage == "CONNECT":
        return ["--quit-after BANNER"]
    verb = it.hello or "EHLO"
    after = _QUIT_AFTER.get(it.stage, verb if it.stage == "TLS EHLO" or it.tls is False else f"FIRST-{verb}")
    return [f"{'--drop-after' if it.dropped else '--quit-after'} {after}"]


def _cannot(it: Outline) -> list[str]:
    """What swaks has no option for."""
    notes = unoffered(it, "swaks")
    if it.mechanism and it.mechanism not in MECHANISMS:
        notes.append(f"AUTH {it.mechanism} is left out: its options for swaks are not known here")
    paths: list[Path] = [*([it.mail] if it.mail else []), *it.rcpts]
    if any(path.parameters for path in paths):
        notes.append("swaks sends no parameters of MAIL and RCPT: they are left out")
    if any(b"," in path.address for path in it.rcpts):
        notes.append("swaks takes a comma in an address for the end of it")
    if any(not path.address for path in it.rcpts):
        notes.append("swaks cannot send an empty forward-path")
    if STAGES.index(it.stage) > STAGES.index("MAIL") and it.mail is None:
        notes.append("swaks always says MAIL first")
    if it.stage == "DATA":
        notes.append("the message text was not ended")
    return notes
