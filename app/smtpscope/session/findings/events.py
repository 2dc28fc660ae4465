"""The rules about what happens beside the replies: what we send, TLS, certificates, the end."""

from __future__ import annotations

from smtpscope.session.findings.rule import Rule, Said, Seen, Severity, word
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Closed, Failed, LinkStatus, Received, Secured, Sent, StartTls, TimedOut
from smtpscope.smtp.machine import Machine

_DANGER, _FAULT, _NOTE = Severity.DANGER, Severity.FAULT, Severity.NOTE
_SHOWS_SECRET = (b"PLAIN", b"LOGIN", b"XOAUTH2", b"OAUTHBEARER")
_OLD_TLS = ("SSLv3", "TLSv1", "TLSv1.0", "TLSv1.1")
_LOST = ("the server closed the connection", "the server reset the connection", "the connection was lost")
_BROKEN = (
    "the server broke off TLS",
    "the server's TLS is not",
    "the server went on with something that is not TLS",
    "the server sent a message out of turn",
    "a record from the server was damaged",
)
"""How the causes of an end begin that are TLS's own."""


# -- what goes out


def sent_before_banner(event: Sent, machine: Machine, seen: Seen) -> Said:
    """A client waits for the greeting; servers that watch for it refuse those who do not."""
    if machine.facts.greeted or not machine.facts.link:
        return ()
    return ("we sent before the server's greeting",)


def secret_in_clear(event: Sent, machine: Machine, seen: Seen) -> Said:
    """A mechanism that shows the password or token was used without TLS."""
    if not event.secrets or event.tls:
        return ()
    logins = [entry.line.upper().split()[1:2] for entry in machine.pending if entry.kind == "AUTH"]
    if not any(words and words[0] in _SHOWS_SECRET for words in logins):
        return ()
    return ("a password or token went over the wire in clear",)


# -- what comes in


def injected(event: Received, machine: Machine, seen: Seen) -> Said:
    """Nothing may follow the 220 of STARTTLS but the handshake."""
    if not machine.facts.injected or event.tls:
        return ()
    return ("octets came in clear behind the 220 of STARTTLS: somebody in the middle may be putting replies in",)


def tls_unasked(event: Received, machine: Machine, seen: Seen) -> Said:
    """A record of TLS, an alert mostly, where SMTP in clear is spoken."""
    if event.tls or machine.facts.injected or event.data[:2] not in (b"\x15\x03", b"\x16\x03"):
        return ()
    return (
        "the server answers in TLS, which has not begun: a port such as 465 wants it from the first octet on (-tlsc)",
    )


def cut_after_goodbye(event: Received, machine: Machine, seen: Seen) -> Said:
    """The beginning of a line after the goodbye; whole lines are replies, and have a rule of their own."""
    facts = machine.facts
    if facts.link or not facts.greeted or not machine.held:
        return ()
    return ("the server went on talking after its goodbye",)


# -- TLS


def certificate_name(event: Secured, machine: Machine, seen: Seen) -> Said:
    """What is wrong with the name."""
    return tuple(fault for fault in event.faults if _is_about_name(fault, event))


def certificate(event: Secured, machine: Machine, seen: Seen) -> Said:
    """What else is wrong with the certificate and its chain."""
    return tuple(fault for fault in event.faults if not _is_about_name(fault, event))


def _is_about_name(fault: str, event: Secured) -> bool:
    """Also in a session kept before the two verdicts were told apart."""
    if event.ca_faults or event.name_faults:
        return fault not in event.ca_faults
    return fault.startswith(("the certificate is for ", "the certificate names no host"))


def old_tls(event: Secured, machine: Machine, seen: Seen) -> Said:
    """A version of TLS that is not to be used any more."""
    return (f"{event.version} is in use, which is given up",) if event.version in _OLD_TLS else ()


def starttls_failed(event: Failed, machine: Machine, seen: Seen) -> Said:
    """STARTTLS was answered by 220, and none came about; not where the user has ended it."""
    if not isinstance(event.step, StartTls) or not _handshake_failed(event, machine):
        return ()
    return (f"STARTTLS was accepted, but there is no TLS: {event.reason}",)


def implicit_failed(event: Failed, machine: Machine, seen: Seen) -> Said:
    """There was to be TLS from the first octet on; the same."""
    if isinstance(event.step, StartTls) or not _handshake_failed(event, machine):
        return ()
    return (f"there is no TLS: {event.reason}",)


def _handshake_failed(event: Failed, machine: Machine) -> bool:
    ended_here = event.reason.startswith(("closed because", "dropped"))
    return machine.facts.status is LinkStatus.SECURING and not ended_here


def clear_for_tls(event: Failed, machine: Machine, seen: Seen) -> Said:
    """Behind the 220 of STARTTLS came something in clear, so late that the handshake had begun."""
    begun = machine.facts.status is LinkStatus.SECURING and isinstance(event.step, StartTls)
    if not begun or not event.reason.startswith("the server did not answer with TLS"):
        return ()
    return ("octets came in clear where TLS was to begin: a server that has none, or somebody in the middle",)


# -- silence and the end


def no_reply(event: TimedOut, machine: Machine, seen: Seen) -> Said:
    """A reply did not come in the time that there was for it, which may be less than RFC 5321 asks to wait."""
    oldest = machine.pending[0] if machine.pending else None
    if oldest is not None and oldest.kind == "QUIT":
        return ()
    within = f"within {event.seconds:g} s"
    if oldest is None:
        return (f"the server read nothing more of the message {within}",)
    names = {"BANNER": "the connection", "DOT": "the dot"}
    in_clear = oldest.kind == "BANNER" and not machine.facts.tls
    hint = ": a port such as 465 wants TLS from the first octet on (-tlsc)" if in_clear else ""
    return (f"{names.get(oldest.kind) or word(oldest.verb) or 'a line'} got no reply {within}{hint}",)


def quit_timed_out(event: TimedOut, machine: Machine, seen: Seen) -> Said:
    """QUIT has not been answered in time."""
    waiting = machine.pending[0].kind if machine.pending else ""
    return ("QUIT got no reply",) if waiting == "QUIT" else ()


def no_reply_to_quit(event: Closed, machine: Machine, seen: Seen) -> Said:
    """The connection ended, and not by us, while QUIT waited for its 221."""
    return ("QUIT got no reply",) if _quit_unanswered(machine) and event.cause != "dropped" else ()


def _quit_unanswered(machine: Machine) -> bool:
    mark = machine.passed.get(SMTPCommand.QUIT)
    return mark is not None and mark.word == "closed"


def no_goodbye(event: Closed, machine: Machine, seen: Seen) -> Said:
    """The server left without 221, 421 or 521."""
    if not event.cause.startswith(_LOST) or "TLS handshake" in event.cause or _quit_unanswered(machine):
        return ()
    where = ", in the middle of a reply" if "middle of a reply" in event.cause else ""
    return (f"the connection ended without a goodbye from the server{where}",)


def outcome_unknown(event: Closed, machine: Machine, seen: Seen) -> Said:
    """Who sends again may send twice, who does not may lose the message."""
    if machine.facts.done != "unknown":
        return ()
    return ("the connection ended before the verdict on the message: it may have been delivered",)


def tls_broken(event: Closed, machine: Machine, seen: Seen) -> Said:
    """TLS was on, and then something came that is none."""
    return (event.cause,) if machine.facts.tls and event.cause.startswith(_BROKEN) else ()


def tls_cut(event: Closed, machine: Machine, seen: Seen) -> Said:
    """In TLS an end that is not announced may have been made by somebody else."""
    if "no close_notify" not in event.cause and "without close_notify" not in event.cause:
        return ()
    return ("the server ended TLS without close_notify",)


SENT_RULES: tuple[Rule[Sent], ...] = (
    Rule("secret-in-clear", _DANGER, "RFC 4954 9", secret_in_clear),
    Rule("sent-before-banner", _FAULT, "RFC 5321 4.3.1", sent_before_banner),
)
RECEIVED_RULES: tuple[Rule[Received], ...] = (
    Rule("injected", _DANGER, "RFC 3207 6", injected),
    Rule("after-goodbye", _FAULT, "RFC 5321 4.1.1.10", cut_after_goodbye),
    Rule("tls-unasked", _FAULT, "RFC 8314 3", tls_unasked),
)
SECURED_RULES: tuple[Rule[Secured], ...] = (
    Rule("certificate", _DANGER, "RFC 5280 6", certificate),
    Rule("certificate-name", _DANGER, "RFC 6125 6", certificate_name),
    Rule("old-tls", _FAULT, "RFC 8996", old_tls),
)
FAILED_RULES: tuple[Rule[Failed], ...] = (
    Rule("injected", _DANGER, "RFC 3207 6", clear_for_tls),
    Rule("handshake-failed", _FAULT, "RFC 3207 4.1", starttls_failed),
    Rule("handshake-failed", _FAULT, "RFC 8314 3.3", implicit_failed),
)
TIMED_OUT_RULES: tuple[Rule[TimedOut], ...] = (
    Rule("no-reply", _NOTE, "RFC 5321 4.5.3.2", no_reply),
    Rule("no-reply-to-quit", _FAULT, "RFC 5321 4.1.1.10", quit_timed_out),
)
CLOSED_RULES: tuple[Rule[Closed], ...] = (
    Rule("outcome-unknown", _DANGER, "RFC 5321 4.5.3.2.6", outcome_unknown),
    Rule("no-reply-to-quit", _FAULT, "RFC 5321 4.1.1.10", no_reply_to_quit),
    Rule("no-goodbye", _FAULT, "RFC 5321 3.8", no_goodbye),
    Rule("tls-broken", _FAULT, "RFC 8446 6.2", tls_broken),
    Rule("tls-cut", _NOTE, "RFC 8446 6.1", tls_cut),
)
