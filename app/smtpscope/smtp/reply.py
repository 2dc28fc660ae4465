"""Reply, and the reader that turns octets into replies. No I/O: bytes in, replies out, never an exception.

RFC 5321 4.2: a reply is one or more lines of three digits, a separator (``-`` for "more follows", a space or nothing
for "last") and text. Servers do otherwise; what is odd is kept and named, never repaired.
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NamedTuple

MAX_LINE = 64 * 1024
"""Octets of one line that are held before it is cut into pieces."""
MAX_REPLY = 1024 * 1024
"""Octets of one reply; a longer one is given out in parts."""
LONG_LINE = 512
"""RFC 5321 4.5.3.1.5: octets of a reply line, its CRLF included."""


class Defect(Enum):
    """What is wrong with a reply, in words."""

    NO_CODE = "not a reply line: it does not begin with three digits and a space, a hyphen or the line's end"
    CODE_OUT_OF_RANGE = "the reply code is outside 200 to 599 (RFC 5321 4.2.1)"
    MIXED_CODES = "the lines of the reply have different codes; the last one is taken (RFC 5321 4.2.1)"
    NO_CODE_INSIDE = "a line without a reply code in the middle of the reply"
    BARE_LF = "a line ends in LF without CR (RFC 5321 2.3.8)"
    BARE_CR = "a CR that is not followed by LF (RFC 5321 2.3.8)"
    LONG_LINE = "a line is longer than 512 octets (RFC 5321 4.5.3.1.5)"
    CUT_LINE = "a piece of a line that is too long to be a reply"
    CUT_REPLY = "the reply is longer than 1 MiB and is shown in parts"
    UNDECODABLE = "octets that are not UTF-8 (RFC 6531 3.7.4)"
    NUL = "a NUL octet"
    CONTROL = "control characters in the text"
    ENHANCED_MISMATCH = "the enhanced status code says another class than the reply code (RFC 2034 4)"


class Reply(NamedTuple):
    """One reply as the server gave it. Times are seconds since the call of connect."""

    raw: bytes
    """Exactly the octets, line ends included."""
    code: int | None
    """The reply code of the last line, None where there is none."""
    lines: tuple[str, ...]
    """The text of each line behind code and separator; octets that are not UTF-8 stand as ``\\xHH``."""
    enhanced: str | None = None
    """The enhanced status code of the first line, such as ``5.1.1`` (RFC 3463)."""
    first: float = 0.0
    last: float = 0.0
    defects: tuple[Defect, ...] = ()

    @property
    def text(self) -> str:
        """All lines, joined by line breaks."""
        return "\n".join(self.lines)

    @property
    def kind(self) -> int:
        """The first digit of the code, which is what decides (RFC 5321 4.3.2); 0 where there is no code."""
        return (self.code or 0) // 100

    @property
    def positive(self) -> bool:
        """Whether the code is 2yz."""
        return self.kind == 2


_HEALTHY = re.compile(rb"([2-5][0-9]{2}) ([\t -~]*)\r\n\Z")  # a whole reply with nothing odd about its octets
_LINE = re.compile(rb"([0-9]{3})(?:([ -])(.*))?\Z", re.DOTALL)
_ENHANCED = re.compile(r"([245])\.[0-9]{1,3}\.[0-9]{1,3}(?=[ \t]|\Z)")
_CONTROL = re.compile(rb"[\x01-\x08\x0b-\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]")  # C0 and C1, not TAB, CR, NUL


class ReplyReader:
    """Turns received octets into replies: total, bounded, and the same however the octets were cut.

    The raw octets of all replies given out, and then ``held``, are the input.
    """

    def __init__(self) -> None:
        self._partial = bytearray()  # of the line that has not ended
        self._scanned = 0  # octets of it known to hold no LF
        self._raw = bytearray()  # whole lines of the reply that has not ended
        self._lines: list[str] = []
        self._codes: list[int] = []
        self._defects: dict[Defect, None] = {}
        self._first = 0.0
        self._in_cut_line = False

    @property
    def held(self) -> bytes:
        """What has come and is not yet part of a reply."""
        return bytes(self._raw + self._partial)

    def feed(self, data: bytes, time: float = 0.0) -> list[Reply]:
        """Take octets that came at ``time`` and give the replies that they complete."""
        replies: list[Reply] = []
        if not (self._partial or self._raw):
            self._first = time
            if len(data) <= LONG_LINE and not self._in_cut_line and (match := _HEALTHY.match(data)):
                code, text = match.groups()  # the usual case
                return [_reply(data, int(code), (text.decode(),), time, time, {})]
        self._partial += data
        start = 0
        while True:
            end = self._partial.find(b"\n", max(start, self._scanned), start + MAX_LINE)
            if end >= 0:
                stop = end + 1
            elif len(self._partial) - start >= MAX_LINE:
                stop = start + MAX_LINE
            else:
                break
            self._take(bytes(self._partial[start:stop]), replies, time)
            start = stop
            if not self._raw:
                self._first = time
        del self._partial[:start]
        self._scanned = len(self._partial)
        return replies

    def _take(self, line: bytes, replies: list[Reply], time: float) -> None:
        """One whole line, or one piece of a line that is too long."""
        ended = line.endswith(b"\n")
        if self._in_cut_line or not ended:
            self._in_cut_line = not ended
            self._note(Defect.CUT_LINE)
            self._add(line, _decode(line.rstrip(b"\r\n")))
            if not self._codes:
                self._finish(None, replies, time)
        else:
            content = self._line_content(line)
            match = _LINE.match(content)
            if match is None:
                self._note(Defect.NO_CODE_INSIDE if self._codes else Defect.NO_CODE)
                self._add(line, self._decoded(content))
                if not self._codes:
                    self._finish(None, replies, time)
            else:
                code, separator, text = match.groups()
                self._codes.append(int(code))
                self._add(line, self._decoded(text or b""))
                if separator != b"-":
                    self._finish(self._codes[-1], replies, time)
        if len(self._raw) >= MAX_REPLY:
            self._note(Defect.CUT_REPLY)
            self._finish(None, replies, time)

    def _line_content(self, line: bytes) -> bytes:
        if line.endswith(b"\r\n"):
            content = line[:-2]
        else:
            content = line[:-1]
            self._note(Defect.BARE_LF)
        if b"\r" in content:
            self._note(Defect.BARE_CR)
        if len(line) > LONG_LINE:
            self._note(Defect.LONG_LINE)
        if b"\0" in content:
            self._note(Defect.NUL)
        if _CONTROL.search(content):
            self._note(Defect.CONTROL)
        return content

    def _decoded(self, text: bytes) -> str:
        try:
            return text.decode()
        except UnicodeDecodeError:
            self._note(Defect.UNDECODABLE)
            return _decode(text)

    def _note(self, defect: Defect) -> None:
        self._defects[defect] = None

    def _add(self, line: bytes, text: str) -> None:
        self._raw += line
        self._lines.append(text)

    def _finish(self, code: int | None, replies: list[Reply], time: float) -> None:
        if code is not None and not 200 <= code <= 599:
            self._note(Defect.CODE_OUT_OF_RANGE)
        if code is not None and self._codes.count(code) != len(self._codes):
            self._note(Defect.MIXED_CODES)
        replies.append(_reply(bytes(self._raw), code, tuple(self._lines), self._first, time, self._defects))
        self._raw.clear()
        self._lines.clear()
        self._codes.clear()
        self._defects.clear()
        self._first = time


def _reply(
    raw: bytes, code: int | None, lines: tuple[str, ...], first: float, last: float, defects: dict[Defect, None]
) -> Reply:
    enhanced = None
    if code is not None and lines[0][1:2] == "." and (match := _ENHANCED.match(lines[0])):
        enhanced = match.group()
        if int(enhanced[0]) != code // 100:
            defects[Defect.ENHANCED_MISMATCH] = None
    return Reply(raw, code, lines, enhanced, first, last, tuple(defects))


def _decode(text: bytes) -> str:
    return text.decode(errors="backslashreplace")
