"""One reply explained: the lines of the inspector's reply tab, and the two rows of a small screen.

Only the reply's codes, times and defects are spoken of, and what our own data has about them. Its text is the log's and
is not repeated here, so that nothing foreign, and no secret that a server says back, comes this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from smtpscope.session.causes import NEXT_TESTS, UNASKED, Cause, Situation, find, find_failure, likely_for, next_for
from smtpscope.session.code_tables import OUTLOOK
from smtpscope.session.codes import CodeMeaning, EnhancedMeaning, explain_code, explain_enhanced
from smtpscope.session.notes import duration
from smtpscope.smtp.events import Asked
from smtpscope.smtp.reply import Reply
from smtpscope.visible import TEXT, Spans

CODE, FAULT, QUIET, KEY = "code", "fault", "more", "key"
"""Kinds of spans beside TEXT: the codes themselves, what is wrong, what is said in passing, a key that does it."""
BRIEF_CELLS = 78
_NO_CODE = "no reply code: it settles nothing"
_DONE = {
    "BANNER": ("The server greets: it is ready, and EHLO comes next.", "RFC 5321 4.3.1"),
    "HELO": ("The server takes our name. HELO offers no extensions; EHLO would.", "RFC 5321 4.1.1.1"),
    "STARTTLS": ("The server is ready for TLS: the handshake is next on the wire.", "RFC 3207 4"),
    "MAIL": ("The sender is taken: a transaction has begun, its recipients come next.", "RFC 5321 4.1.1.2"),
    "RCPT": ("This recipient is taken; the message can still be refused or bounce.", "RFC 5321 4.1.1.3"),
    "DOT": ("The server has taken the message, and from now on answers for it.", "RFC 5321 4.2.5"),
    "BDAT LAST": ("The server has taken the message, and from now on answers for it.", "RFC 5321 4.2.5"),
    "BDAT": ("The server has taken this chunk of the message.", "RFC 3030 2"),
    "RSET": ("Any transaction is forgotten; the connection, TLS and a login stay.", "RFC 5321 4.1.1.5"),
    "NOOP": ("Nothing was done, as asked: the server is there and answers.", "RFC 5321 4.1.1.9"),
    "QUIT": ("The server says goodbye, and closes the connection.", "RFC 5321 4.1.1.10"),
}
"""What the usual reply means, by what it answers, and the source."""
_CODES = {"BANNER": 220, "STARTTLS": 220, "QUIT": 221}
"""The usual reply where it is not 250."""


def reply_lines(
    reply: Reply,
    sent: float | None = None,
    situation: Situation | None = None,
    tests: Sequence[str] | None = None,
    beside: Sequence[Spans] = (),
) -> list[Spans]:
    """What a reply means, its likely causes in order, the next tests, sources, defects and timing, a line each.

    ``sent`` is when the command went out. ``tests`` are the ids to list, in the order of their digits; None: those
    that the data has for it. ``beside`` is what this session itself tells of it, which comes before what is likely.
    """
    lines: list[Spans] = [[(_codes(reply), CODE)]]
    outlook: list[Spans] = []
    situation = _with_wait(reply, sent, situation)
    cause = find(reply, situation)
    if reply.code is not None:
        code, enhanced = explain_code(reply.code), _enhanced(reply)
        if words := _words(code, enhanced):
            lines.append([(words, TEXT)])
        sentence, source = _sentence(reply, code, enhanced, situation)
        lines += [[(cause.means if cause else sentence, TEXT)], *beside]
        sources = [source, *([enhanced.source] if enhanced else []), *(cause.rfc.split(", ") if cause else [])]
        lines.append([(", ".join(dict.fromkeys(sources)), QUIET)])
        outlook = [[(name, QUIET)] for name in _outlook(code, cause, situation)]
        if reply.kind not in (2, 3):  # who was refused may have come with that name
            lines, outlook = [*lines, *outlook], []
    if tests is None:
        tests = next_for(cause, situation) if cause is not None else ()
    lines += [*_likely(cause, situation), *_tests(tests), *_source(cause)]
    lines += [[("! ", FAULT), (defect.value, FAULT)] for defect in reply.defects]
    lines.append([(_timing(reply, sent), QUIET)])
    return [*lines, *outlook]


def failure_lines(sentence: str, tests: Sequence[str] | None = None) -> list[Spans]:
    """What our own sentence about a failure means, in the same way; empty if the data has nothing about it."""
    cause = find_failure(sentence)
    if cause is None:
        return []
    return [
        [(cause.means, TEXT)],
        [(cause.rfc, QUIET)],
        *([(f"{name} 0x{OUTLOOK[name]:08X}", QUIET)] for name in cause.outlook),
        *_likely(cause, None),
        *_tests(next_for(cause, None) if tests is None else tests),
        *_source(cause),
    ]


def question_lines(question: Asked) -> list[Spans]:
    """What there is to know before a question is answered, the most needed first; empty where there is nothing."""
    if question.kind != "certificate":
        return []
    lines: list[Spans] = []
    if "issuer is not known" in question.text or "self-signed" in question.text:
        lines.append([("--tls-ca-path FILE", KEY), (" trusts a private CA: start with it and nothing is asked", TEXT)])
    look = " and the tls tab (left, right) show the certificate; "
    return [*lines, [("Enter", KEY), (look, TEXT), (":pem FILE", KEY), (" saves it", TEXT)]]


def brief(reply: Reply, situation: Situation | None = None) -> str:
    """Two rows of at most 78 cells: the codes and what they speak of, then what is wrong with the reply, or what it
    means."""
    if reply.code is None:
        first, second = _codes(reply), ""
    else:
        code, enhanced = explain_code(reply.code), _enhanced(reply)
        cause = find(reply, situation)
        first = f"{_codes(reply)}  {_words(code, enhanced)}".rstrip()
        second = cause.means if cause else _sentence(reply, code, enhanced, situation)[0]
    if reply.defects:
        others = f" (and {len(reply.defects) - 1} more)" if len(reply.defects) > 1 else ""
        second = _cut(f"! {reply.defects[0].value}", BRIEF_CELLS - len(others)) + others
    return "\n".join(_cut(row, BRIEF_CELLS) for row in (first, second) if row)


def _with_wait(reply: Reply, sent: float | None, situation: Situation | None) -> Situation | None:
    if situation is None or situation.waited or sent is None:
        return situation
    return replace(situation, waited=max(0.0, reply.first - sent))


def _likely(cause: Cause | None, situation: Situation | None) -> list[Spans]:
    """The causes in order, a line each."""
    texts = likely_for(cause, situation) if cause is not None else ()
    return [[("    or: " if n else "likely: ", QUIET), (text, TEXT)] for n, text in enumerate(texts)]


def _tests(ids: Sequence[str]) -> list[Spans]:
    """What one key runs, each with its digit behind ``!``."""
    if not ids:
        return []
    head: Spans = [("!", KEY), (" next tests:", QUIET)]
    return [head, *([(f"  {n} ", KEY), (NEXT_TESTS[id].title, TEXT)] for n, id in enumerate(ids[:9], 1))]


def _source(cause: Cause | None) -> list[Spans]:
    if cause is None:
        return []
    said = f"a text of {cause.family}: " if cause.family else ""
    return [[(f"{said}{cause.source}", QUIET)]]


def _outlook(code: CodeMeaning, cause: Cause | None, situation: Situation | None) -> list[str]:
    """Names and numbers that Outlook users saw: of the code, and of the refused command where it is known."""
    names = [code.ixp] if code.ixp else []
    for name in cause.outlook if cause else ():
        of_code = name.removeprefix("IXP_E_SMTP_")[:3].isdigit()
        verb = situation.verb if situation else ""
        if not of_code and verb == {"SENDER": "MAIL", "RECIPIENTS": "RCPT"}[name.rpartition("_")[2]]:
            names.append(f"{name} 0x{OUTLOOK[name]:08X}")
    return names


def _codes(reply: Reply) -> str:
    if reply.code is None:
        return _NO_CODE
    return f"{reply.code:03} {reply.enhanced}" if reply.enhanced else f"{reply.code:03}"


def _enhanced(reply: Reply) -> EnhancedMeaning | None:
    return explain_enhanced(reply.enhanced) if reply.enhanced else None


def _words(code: CodeMeaning, enhanced: EnhancedMeaning | None) -> str:
    """Class, subject and detail; the reply code's class is the one that counts."""
    if enhanced is None or ".0." in enhanced.text:
        parts = [code.kind, code.subject]
    elif enhanced.text.endswith(".0"):
        parts = [code.kind, enhanced.subject]
    else:
        parts = [code.kind, enhanced.subject or "no registered subject", enhanced.detail or "no registered detail"]
    return " · ".join(part for part in parts if part)


def _sentence(
    reply: Reply, code: CodeMeaning, enhanced: EnhancedMeaning | None, situation: Situation | None
) -> tuple[str, str]:
    """What is meant, and where that is said: the enhanced status code's word where it has a particular one."""
    if enhanced is not None and enhanced.sentence and not enhanced.text.endswith(".0"):
        return enhanced.sentence, code.source
    verb = situation.verb if situation is not None else UNASKED
    if code.code != _CODES.get(verb, 250):
        return code.sentence, code.source
    if verb == "EHLO":
        count = len(reply.lines) - 1
        several = f"{count:,} extensions: the EHLO tab explains them" if count else "no extensions"
        offered = "1 extension: the EHLO tab explains it" if count == 1 else several
        return f"It takes our name and offers {offered}.", "RFC 5321 4.1.1.1"
    return _DONE.get(verb, (code.sentence, code.source))


def _timing(reply: Reply, sent: float | None) -> str:
    if sent is None:
        return f"from the first byte to the last {duration(reply.last - reply.first)}"
    return f"first byte after {duration(reply.first - sent)}, whole after {duration(reply.last - sent)}"


def _cut(text: str, cells: int) -> str:
    """Our own words are ASCII or narrow: a character is a cell."""
    return text if len(text) <= cells else text[: cells - 1] + "…"
