"""One reply explained: the lines of the inspector's reply tab, and the two rows of a small screen.

Only the reply's codes, times and defects are spoken of. Its text is the log's and is not repeated here, so that
nothing foreign, and no secret that a server says back, comes this way.
"""

from __future__ import annotations

from smtpscope.session.codes import CodeMeaning, EnhancedMeaning, explain_code, explain_enhanced
from smtpscope.smtp.reply import Reply
from smtpscope.visible import TEXT, Spans

CODE, FAULT, QUIET = "code", "fault", "more"
"""Kinds of spans beside TEXT: the codes themselves, what is wrong, what is said in passing."""
BRIEF_CELLS = 78
_NO_CODE = "no reply code: it settles nothing"


def reply_lines(reply: Reply, sent: float | None = None) -> list[Spans]:
    """Codes, class, meaning, sources, defects and timing, a line each; ``sent`` is when the command went out."""
    lines: list[Spans] = [[(_codes(reply), CODE)]]
    if reply.code is not None:
        code, enhanced = explain_code(reply.code), _enhanced(reply)
        if words := _words(code, enhanced):
            lines.append([(words, TEXT)])
        lines.append([(_sentence(code, enhanced), TEXT)])
        sources = [code.source, *([enhanced.source] if enhanced else [])]
        lines.append([(", ".join(dict.fromkeys(sources)), QUIET)])
        if code.ixp:
            lines.append([(code.ixp, QUIET)])
    lines += [[("! ", FAULT), (defect.value, FAULT)] for defect in reply.defects]
    lines.append([(_timing(reply, sent), QUIET)])
    return lines


def brief(reply: Reply) -> str:
    """Two rows of at most 78 cells: the codes and what they speak of, then what is wrong with the reply, or what it
    means."""
    if reply.code is None:
        first, second = _codes(reply), ""
    else:
        code, enhanced = explain_code(reply.code), _enhanced(reply)
        first, second = f"{_codes(reply)}  {_words(code, enhanced)}".rstrip(), _sentence(code, enhanced)
    if reply.defects:
        others = f" (and {len(reply.defects) - 1} more)" if len(reply.defects) > 1 else ""
        second = _cut(f"! {reply.defects[0].value}", BRIEF_CELLS - len(others)) + others
    return "\n".join(_cut(row, BRIEF_CELLS) for row in (first, second) if row)


def duration(seconds: float) -> str:
    """A length of time as people read it: ``0.4 ms``, ``31 ms``, ``1.25 s``, ``2 min 5 s``."""
    if seconds < 0.00995:
        return f"{max(0.0, seconds) * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 99.95:
        return f"{seconds:.2f} s"
    return f"{round(seconds) // 60} min {round(seconds) % 60} s"


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


def _sentence(code: CodeMeaning, enhanced: EnhancedMeaning | None) -> str:
    """What is meant: the enhanced status code's word where it has a particular one."""
    vague = enhanced is None or not enhanced.sentence or enhanced.text.endswith(".0")
    return code.sentence if vague or enhanced is None else enhanced.sentence


def _timing(reply: Reply, sent: float | None) -> str:
    if sent is None:
        return f"from the first byte to the last {duration(reply.last - reply.first)}"
    return f"first byte after {duration(reply.first - sent)}, whole after {duration(reply.last - sent)}"


def _cut(text: str, cells: int) -> str:
    """Our own words are ASCII or narrow: a character is a cell."""
    return text if len(text) <= cells else text[: cells - 1] + "…"
