"""Reply codes and enhanced status codes in plain words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from smtpscope.session.code_tables import (
    CLASSES,
    ENHANCED_CODES,
    ENHANCED_SUBJECTS,
    IXP,
    KINDS,
    REPLY_CODES,
    REPLY_SUBJECTS,
)

_ENHANCED = re.compile(r"([245])\.([0-9]{1,3})\.([0-9]{1,3})", re.ASCII)


@dataclass(frozen=True, slots=True)
class CodeMeaning:
    """What a reply code says. Every text is ours and printable."""

    code: int
    kind: str
    """The class in a word: success, go on, temporary, permanent; empty outside 200 to 599."""
    subject: str
    """What the second digit speaks of, empty where it says nothing."""
    sentence: str
    source: str
    """RFC and section."""
    ixp: str = ""
    """The name and number of the documented Outlook Express result, empty where it has none."""


@dataclass(frozen=True, slots=True)
class EnhancedMeaning:
    """What an enhanced status code says. Every text is ours and printable, ``text`` is digits and dots."""

    text: str
    kind: str
    subject: str
    detail: str
    """The third number in a few words; empty where the registry does not have it."""
    sentence: str
    """Empty where the registry does not have it."""
    source: str
    """RFC and section."""


def explain_code(code: int) -> CodeMeaning:
    """A reply code by its digits (RFC 5321 4.2.1); one that nobody has defined means what its first digit says."""
    kind = KINDS.get(code // 100, "")
    if not kind:
        return CodeMeaning(code, "", "", "SMTP has no replies of this class.", "RFC 5321 4.2.1")
    subject = REPLY_SUBJECTS.get(code // 10 % 10, "")
    name, number = IXP.get(code, ("", 0))
    ixp = f"{name} 0x{number:08X}" if name else ""
    sentence, source = REPLY_CODES.get(code, (CLASSES[code // 100], "RFC 5321 4.3.2"))
    return CodeMeaning(code, kind, subject, sentence, source, ixp)


def explain_enhanced(text: str) -> EnhancedMeaning | None:
    """An enhanced status code (RFC 3463 and the registry of RFC 5248); None if ``text`` is not one."""
    match = _ENHANCED.fullmatch(text)
    if match is None:
        return None
    kind, subject, detail = map(int, match.groups())
    word, general = ENHANCED_SUBJECTS.get(subject, ("", "RFC 3463 2"))
    words, sentence, source = ENHANCED_CODES.get((subject, detail), ("", "", ""))
    return EnhancedMeaning(text, KINDS[kind], word, words, sentence, source or general)
