"""The rules about one reply and what it answers."""

from __future__ import annotations

import re
from collections.abc import Sequence

from smtpscope.session.findings.login import LOGIN_RULES
from smtpscope.session.findings.rule import Rule, Said, Seen, Severity, word
from smtpscope.session.keywords import size_of
from smtpscope.smtp.effects import RSET_ADVISED
from smtpscope.smtp.machine import GOODBYES, OVER, UNASKED, Answer, Machine
from smtpscope.smtp.reply import Defect

SLOW_BANNER = 5.0
"""Seconds. RFC 5321 4.5.3.2.1 lets a client wait five minutes; whoever takes more than five seconds does it on purpose
(Postfix's postscreen holds the greeting back for six, Sendmail's greet_pause for five) or waits for a lookup."""

_DANGER, _FAULT, _NOTE = Severity.DANGER, Severity.FAULT, Severity.NOTE
_KEYWORD_LINE = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]*(?: [!-~]+)*")
_BASE64 = re.compile(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?")
_MASKED = re.compile(r"X{4,}[A-Z]?", re.IGNORECASE)
_LABEL = r"\w(?:[\w-]*\w)?"
_DOMAIN = re.compile(rf"{_LABEL}(?:\.{_LABEL})*\.?|\[[^\]\s]+\]")


# -- the reply itself


def no_enhanced_code(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """ENHANCEDSTATUSCODES promises them on every 2yz, 4yz and 5yz but the greeting's and EHLO's."""
    reply, kind = answer.reply, answer.pending.kind if answer.pending else ""
    if reply.enhanced or reply.kind not in (2, 4, 5) or kind in ("BANNER", "EHLO", "HELO"):
        return ()
    if "ENHANCEDSTATUSCODES" not in machine.facts.ext:
        return ()
    return ("a reply has no enhanced status code, though ENHANCEDSTATUSCODES is offered",)


def odd_answer(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A reply that its command does not have, as the machine says."""
    code, kind = answer.reply.code, answer.pending.kind if answer.pending else ""
    if kind == "QUIT" and code != 221 and answer.settled:
        return (f"{code} is no answer to QUIT, which may not be refused and gets 221",)
    if not answer.settled or not answer.note or answer.note == RSET_ADVISED:
        return ()
    return () if code in GOODBYES and (kind != "BANNER" or code != 221) else (answer.note,)


def challenge(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A 334 has one line of base64, which may be empty."""
    reply, pending = answer.reply, answer.pending
    if pending is None or pending.kind != "AUTH" or reply.code != 334:
        return ()
    return () if len(reply.lines) == 1 and _BASE64.fullmatch(reply.text) else ("the text of a 334 is not base64",)


def secret_said_back(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """The password or a response to a challenge, in the reply to a login."""
    pending = answer.pending
    said = answer.reply.raw
    for proof in seen.redactor.proofs:  # which is not what we said
        said = said.replace(proof, b"")
    if pending is None or pending.kind != "AUTH" or not seen.redactor.spans(said):
        return ()
    return ("the server says the secret of the login back",)


# -- replies at the wrong time


def before_banner(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """What comes first must be the greeting."""
    return ("the server sent something else before its greeting",) if _lost_words(answer) and not seen.greeted else ()


def no_code(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A line that is no reply, from a server that has greeted."""
    return ("a line came that is no reply",) if _lost_words(answer) and seen.greeted else ()


def _lost_words(answer: Answer) -> bool:
    return Defect.NO_CODE in answer.reply.defects


def after_goodbye(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """After 221, 421 or 521 there is nothing more to say."""
    return ("the server went on talking after its goodbye",) if answer.note == OVER else ()


def reply_to_nothing(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A reply, and no command that it could answer."""
    return ("a reply came to nothing: no command was waiting for one",) if answer.note == UNASKED else ()


def early_reply(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A reply in the middle of the message text."""
    return (f"the server said {answer.reply.code} before the dot, within the message",) if answer.early else ()


def unasked_goodbye(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """The server ends the session by itself, which only 421 and 521 may announce."""
    kind = answer.pending.kind if answer.pending else ""
    if answer.reply.code not in GOODBYES or kind in ("QUIT", "BANNER") or answer.note == OVER:
        return ()
    return (f"the server ended the session by itself with {answer.reply.code}",)


def slow_banner(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """The greeting was held back, or had to wait for something."""
    pending, reply = answer.pending, answer.reply
    if pending is None or pending.kind != "BANNER" or reply.last - pending.sent <= SLOW_BANNER:
        return ()
    return (f"the greeting took {reply.last - pending.sent:.1f} s: a delay on purpose, or a slow lookup",)


# -- what the server takes that it should not


def look_alike(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A lone dot between anything but CRLFs was answered as the end of the message."""
    pending = answer.pending
    if pending is None or not pending.perhaps:
        return ()
    return ("something like a dot, without its CRLFs, was taken for the end of the message (SMTP smuggling)",)


def bare_lf_taken(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A command that ended in LF alone was carried out."""
    pending = answer.pending
    if pending is None or pending.ending != b"\n" or not answer.reply.positive:
        return ()
    return ("the server took a command that ended in LF without CR",)


def clear_taken_in_tls(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """What we sent in clear behind STARTTLS is answered inside TLS (CVE-2011-0411)."""
    pending = answer.pending
    if pending is None or pending.kind == "BANNER" or not 0 <= pending.sent < seen.secured:
        return ()
    return (
        f"{word(pending.verb) or 'a line'}, sent in clear behind STARTTLS, was answered inside TLS: "
        "who sits in the middle can put commands in",
    )


# -- EHLO


def _offers(answer: Answer) -> bool:
    pending = answer.pending
    return pending is not None and pending.kind == "EHLO" and answer.settled and answer.reply.code == 250


def keyword_syntax(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """Each line is a keyword and its parameters, one space apart."""
    if not _offers(answer):
        return ()
    bad = [line for line in answer.reply.lines[1:] if not _KEYWORD_LINE.fullmatch(line)]
    if not bad:
        return ()
    more = f" and {len(bad) - 1} more" if len(bad) > 1 else ""
    if not bad[0].strip():
        return (f"an EHLO line{more} is empty",)
    if bad[0].upper().startswith("AUTH="):
        alone = not any(line.upper().split()[:1] == ["AUTH"] for line in answer.reply.lines[1:])
        missing = "; without AUTH itself most clients see no login" if alone else ""
        return (f'"{word(bad[0])}"{more} is no keyword: it is how an old draft had AUTH{missing}',)
    return (f'the EHLO line "{word(bad[0])}"{more} is not a keyword with parameters',)


def size_malformed(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """SIZE has one number, or nothing."""
    if not _offers(answer) or (given := machine.facts.ext.get("SIZE")) is None or size_of(given) is not None:
        return ()
    return (f'SIZE is followed by "{word(given)}", which is not one number',)


def auth_in_clear(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A login is invited where everybody on the way can listen."""
    given = machine.facts.ext.get("AUTH")
    if not _offers(answer) or given is None or machine.facts.tls:
        return ()
    from smtpscope.smtp.sasl import CLEAR_TEXT  # not before it is needed: a start is quicker without

    if clear := [mechanism for mechanism in given.upper().split() if mechanism in CLEAR_TEXT]:
        return (f"AUTH {' '.join(clear)} is offered without TLS: passwords or tokens could cross the wire in clear",)
    return (f"AUTH {word(given)} is offered without TLS",)


def starttls_again(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """In TLS there is no more TLS to start."""
    if _offers(answer) and machine.facts.tls and "STARTTLS" in machine.facts.ext:
        return ("STARTTLS is still offered although TLS is on",)
    return ()


def masked_keyword(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """Some firewalls overwrite the keywords they do not like, STARTTLS first."""
    masked = [name for name in machine.facts.ext if _MASKED.fullmatch(name)] if _offers(answer) else []
    if not masked:
        return ()
    return (f"the keyword {word(masked[0])} looks overwritten: something on the way may be hiding STARTTLS",)


def vanished_in_tls(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """What was offered in clear should be offered in TLS too, but for STARTTLS itself."""
    if not _offers(answer) or not machine.facts.tls or machine.facts.auth:
        return ()
    connection = seen.capabilities.hellos[-1].connection
    mine = (hello for hello in seen.hellos_before() if hello.connection == connection)
    before = next((hello for hello in mine if not hello.tls), None)
    gone = [name for name in before.keywords if name not in machine.facts.ext] if before else []
    gone = [name for name in gone if name != "STARTTLS"]
    if not gone:
        return ()
    return (f"{_listed(gone)} was offered in clear and is gone in TLS: allowed, but tampering looks like this, too",)


def vanished_since(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """STARTTLS or AUTH was offered by the same server on an earlier connection, at the same stage."""
    if not _offers(answer) or machine.facts.auth:
        return ()
    now = seen.capabilities.hellos[-1]
    earlier = (each for each in seen.hellos_before() if each.connection != now.connection)
    for before in earlier:
        if (before.server, before.tls, before.login) == (now.server, now.tls, now.login):
            gone = [name for name in ("STARTTLS", "AUTH") if name in before.keywords and name not in now.keywords]
            if gone:
                return (f"{_listed(gone)} was offered on an earlier connection and is missing: somebody may strip it",)
            return ()
    return ()


def names_differ(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """The greeting and the reply to EHLO begin with the name of the same server."""
    pending = answer.pending
    if pending is None or pending.kind not in ("EHLO", "HELO") or answer.reply.code != 250 or not seen.greeted_as:
        return ()
    name = first_word(answer.reply.lines[0])
    if not _DOMAIN.fullmatch(name) or name.rstrip(".").lower() == seen.greeted_as.rstrip(".").lower():
        return ()
    return (f"the server greets as {word(seen.greeted_as)}, but answers {pending.verb} as {word(name)}",)


def nameless_greeting(answer: Answer, machine: Machine, seen: Seen) -> Said:
    """A 220 begins with the server's name."""
    pending = answer.pending
    if pending is None or pending.kind != "BANNER" or answer.reply.code != 220:
        return ()
    name = first_word(answer.reply.lines[0])
    return () if _DOMAIN.fullmatch(name) else ("the greeting does not begin with the server's name",)


def first_word(line: str) -> str:
    """What a greeting calls its server."""
    return next(iter(line.split()), "")


def is_name(text: str) -> bool:
    """Whether a server can be called so."""
    return _DOMAIN.fullmatch(text) is not None


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(word(name) for name in names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown


def _needs(name: str, needed: str, source: str) -> Rule[Answer]:
    """Some extensions are built on others, which must be offered with them."""

    def check(answer: Answer, machine: Machine, seen: Seen) -> Said:
        offered = machine.facts.ext if _offers(answer) else {}
        return (f"{name} is offered without {needed}",) if name in offered and needed not in offered else ()

    return Rule(f"{name.lower()}-alone", _FAULT, source, check)


def _of(
    defect: Defect, id: str, source: str, sentence: str, severity: Severity = _FAULT
) -> tuple[Defect, Rule[Answer]]:
    def check(answer: Answer, machine: Machine, seen: Seen) -> Said:
        return (sentence,) if defect in answer.reply.defects else ()

    return defect, Rule(id, severity, source, check)


DEFECT_RULES: dict[Defect, Rule[Answer]] = dict(
    (
        _of(Defect.CODE_OUT_OF_RANGE, "code-range", "RFC 5321 4.2.1", "a reply code is outside 200 to 599"),
        _of(Defect.MIXED_CODES, "mixed-codes", "RFC 5321 4.2.1", "the lines of one reply have different codes"),
        _of(Defect.NO_CODE_INSIDE, "no-code-inside", "RFC 5321 4.2.1", "a line in a reply has no reply code"),
        _of(Defect.BARE_LF, "bare-lf", "RFC 5321 2.3.8", "a reply line ends in LF without CR"),
        _of(Defect.BARE_CR, "bare-cr", "RFC 5321 2.3.8", "there is a CR without LF in a reply"),
        _of(Defect.LONG_LINE, "long-line", "RFC 5321 4.5.3.1.5", "a reply line is longer than 512 octets"),
        _of(Defect.CUT_LINE, "endless-line", "RFC 5321 4.5.3.1.5", "a line is far too long to be a reply"),
        _of(Defect.CUT_REPLY, "endless-reply", "RFC 5321 4.2.1", "a reply is longer than 1 MiB"),
        _of(Defect.UNDECODABLE, "not-utf-8", "RFC 6531 3.7.4", "a reply has octets that are not UTF-8", _NOTE),
        _of(Defect.NUL, "nul", "RFC 5321 2.3.8", "there is a NUL octet in a reply"),
        _of(Defect.CONTROL, "control", "RFC 5321 4.2", "there are control characters in a reply"),
        _of(
            Defect.ENHANCED_MISMATCH,
            "enhanced-class",
            "RFC 2034 4",
            "an enhanced status code says another class than its reply code",
        ),
    )
)
"""What the octets of a reply tell; a line that is no reply at all has the rules ``before_banner`` and ``no_code``."""

REPLY_RULES: tuple[Rule[Answer], ...] = (
    Rule("look-alike", _DANGER, "RFC 5321 4.1.1.4", look_alike),
    Rule("secret-said-back", _DANGER, "RFC 4954 9", secret_said_back),
    Rule("clear-taken-in-tls", _DANGER, "RFC 3207 6", clear_taken_in_tls),
    Rule("challenge", _FAULT, "RFC 4954 4", challenge),
    Rule("before-banner", _FAULT, "RFC 5321 3.1", before_banner),
    Rule("no-code", _FAULT, "RFC 5321 4.2", no_code),
    Rule("no-enhanced-code", _FAULT, "RFC 2034 4", no_enhanced_code),
    Rule("odd-answer", _FAULT, "RFC 5321 4.3.2", odd_answer),
    Rule("after-goodbye", _FAULT, "RFC 5321 4.1.1.10", after_goodbye),
    Rule("reply-to-nothing", _FAULT, "RFC 5321 4.2", reply_to_nothing),
    Rule("early-reply", _FAULT, "RFC 5321 4.1.1.4", early_reply),
    Rule("unasked-goodbye", _NOTE, "RFC 5321 3.8", unasked_goodbye),
    Rule("bare-lf-taken", _NOTE, "RFC 5321 2.3.8", bare_lf_taken),
)
HELLO_RULES: tuple[Rule[Answer], ...] = (
    Rule("vanished-since", _DANGER, "RFC 3207 6", vanished_since),
    Rule("masked-keyword", _DANGER, "RFC 3207 6", masked_keyword),
    Rule("auth-in-clear", _FAULT, "RFC 4954 4", auth_in_clear),
    Rule("keyword-syntax", _FAULT, "RFC 5321 4.1.1.1", keyword_syntax),
    Rule("size-malformed", _FAULT, "RFC 1870 3", size_malformed),
    _needs("SMTPUTF8", "8BITMIME", "RFC 6531 3.1"),
    _needs("BINARYMIME", "CHUNKING", "RFC 3030 3"),
    Rule("starttls-again", _FAULT, "RFC 3207 4.2", starttls_again),
    Rule("vanished-in-tls", _NOTE, "RFC 3207 4.2", vanished_in_tls),
    Rule("names-differ", _NOTE, "RFC 5321 4.1.1.1", names_differ),
    Rule("nameless-greeting", _NOTE, "RFC 5321 4.2", nameless_greeting),
    Rule("slow-banner", _NOTE, "RFC 5321 4.5.3.2.1", slow_banner),
)
_HELLOS = ("BANNER", "EHLO", "HELO")
_LOOKED_AT = frozenset({*_HELLOS, "AUTH", "QUIT"})
_OF_KIND = {**dict.fromkeys(_HELLOS, HELLO_RULES), "AUTH": LOGIN_RULES}


def rules_for(answer: Answer) -> Sequence[Rule[Answer]]:
    """The rules that may have something to say about one reply: few, for there may be very many replies."""
    reply, pending = answer.reply, answer.pending
    rules = REPLY_RULES + _OF_KIND.get(pending.kind if pending is not None else "", ())
    return [*(DEFECT_RULES[defect] for defect in reply.defects if defect in DEFECT_RULES), *rules]


def usual(answer: Answer, machine: Machine) -> bool:
    """Whether no rule can have anything to say; decided fast, for nearly all replies are usual."""
    reply, pending = answer.reply, answer.pending
    return not (
        pending is None
        or answer.note
        or reply.defects
        or pending.kind in _LOOKED_AT
        or reply.code in GOODBYES
        or pending.perhaps
        or pending.ending == b"\n"
        or (reply.enhanced is None and "ENHANCEDSTATUSCODES" in machine.facts.ext)
    )
