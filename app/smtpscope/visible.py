"""Foreign bytes as text that is safe to show: the first wall, and the only way from the wire to a screen or a file.

A span is ``(text, kind)``: TEXT is the bytes themselves, CONTROL a symbol that stands for bytes nobody could see,
MORE says how much a cut left out. Every character of every span is printable, and ``recover`` gives the bytes back.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import TypeAlias

Span: TypeAlias = tuple[str, str]
Spans: TypeAlias = list[Span]

TEXT = "text"
CONTROL = "control"
MORE = "more"

_NAMED = {0x00: "\\0", 0x09: "\\t", 0x0A: "\\n", 0x0D: "\\r"}
_LETTERS = {"0": 0x00, "t": 0x09, "n": 0x0A, "r": 0x0D}
_PIECE = re.compile(r"[ -~]+|[^ -~]")
_SYMBOL = re.compile(r"\\(?:([0tnr])|x([0-9a-f]{2}))|<U\+([0-9A-F]{4,6})>")
_ESCAPE = re.compile(r"\\(?:([rn0\\])|x([0-9A-Fa-f]{2}))")

# Printable by Unicode's general category, yet drawn as nothing, or as a change of the character before.
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2800\u3164\ufe00-\ufe0f\uffa0\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)
_MARKS_A_BASE = 4  # more than any living script stacks on one character
_BYTES_A_CELL = 4 * (1 + _MARKS_A_BASE)  # at most: a character and its marks, four bytes each


def visible(data: bytes, *, limit: int | None = None) -> Spans:
    """The spans that show ``data``; with a ``limit``, at most that many terminal cells of them.

    Valid UTF-8 is shown as it is, byte for byte what is not; a cut ends in a MORE span such as `` +1,204 bytes``.
    """
    if limit is None:
        return _joined(_pieces(data))
    limit = max(0, limit)
    head = data[: _BYTES_A_CELL * (limit + 1)]  # always more than fits, so a sequence cut here is never seen
    pieces = list(_pieces(head))
    if len(head) == len(data) and sum(_cells(text) for text, _ in pieces) <= limit:
        return _joined(pieces)
    room = limit - len(_more(len(data)))
    if room < 0:
        return [("+", MORE)] if limit else []
    kept = _joined(_fitting(pieces, room))
    return [*kept, (_more(len(data) - len(recover(kept))), MORE)]


def recover(spans: Iterable[Span]) -> bytes:
    """The bytes that ``visible`` was given; those a cut left out are missing."""
    data = bytearray()
    for text, kind in spans:
        if kind == TEXT:
            data += text.encode()
        elif kind == CONTROL:
            data += _meaning(text)
    return bytes(data)


def visible_text(data: bytes | str, *, limit: int | None = None) -> str:
    """``visible`` as one string, for titles, toasts and files; from it the bytes cannot be told for certain."""
    return "".join(text for text, _ in visible(octets(data) if isinstance(data, str) else data, limit=limit))


def safe(text: str) -> str:
    """A foreign string (an exception's text, a DNS or file name, a certificate's field) that is safe to show."""
    return visible_text(text)


def octets(text: str) -> bytes:
    """``text`` in UTF-8; never raises. Lone surrogates give the byte they escape (PEP 383) or three bytes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return b"".join(_octets_of(char) for char in text)


def unescape(text: str) -> bytes:
    r"""The bytes a typed line means: ``\r \n \0 \xHH \\``; a backslash before anything else stands for itself."""
    data = bytearray()
    end = 0
    for match in _ESCAPE.finditer(text):
        data += octets(text[end : match.start()])
        letter, digits = match.groups()
        data.append(int(digits, 16) if digits else 0x5C if letter == "\\" else _LETTERS[letter])
        end = match.end()
    return bytes(data + octets(text[end:]))


def escape(data: bytes) -> str:
    """A line that ``unescape`` turns back into ``data``, every character of it printable."""
    shown: list[str] = []
    for text, kind in visible(data):
        if kind == TEXT:
            shown.append(text.replace("\\", "\\\\"))
        else:
            # A tab has no letter among the escapes of a typed line.
            shown += [f"\\x{byte:02x}" if byte not in b"\0\r\n" else _NAMED[byte] for byte in _meaning(text)]
    return "".join(shown)


def _pieces(data: bytes) -> Iterator[Span]:
    """``data`` as runs of printable ASCII and as single characters, each with its kind."""
    marks_left = 0  # how many marks the character before may still carry
    for match in _PIECE.finditer(data.decode("utf-8", "surrogateescape")):
        piece = match[0]
        if piece.isascii() and piece.isprintable():
            marks_left = _MARKS_A_BASE
            yield piece, TEXT
        elif not piece.isprintable() or _INVISIBLE.match(piece):
            marks_left = 0
            yield _symbol(piece), CONTROL
        elif not _attaches(piece):
            marks_left = _MARKS_A_BASE
            yield piece, TEXT
        elif marks_left:
            marks_left -= 1
            yield piece, TEXT
        else:
            yield _symbol(piece), CONTROL


def _symbol(char: str) -> str:
    code = ord(char)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that is no UTF-8, as the decoder escapes it
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return _NAMED.get(code, f"\\x{code:02x}")
    return f"<U+{code:04X}>"


def _meaning(symbols: str) -> bytes:
    """The bytes that the symbols of a CONTROL span stand for."""
    data = bytearray()
    for letter, digits, code in _SYMBOL.findall(symbols):
        if code:
            data += chr(int(code, 16)).encode()
        else:
            data.append(int(digits, 16) if digits else _LETTERS[letter])
    return bytes(data)


def _attaches(char: str) -> bool:
    """Whether a character is drawn on the one before and takes no cell: marks, vowels and finals of Hangul."""
    return unicodedata.category(char)[0] == "M" or "\u1160" <= char <= "\u11ff" or "\ud7b0" <= char <= "\ud7ff"


def _cells(piece: str) -> int:
    """The most cells a piece can take, whichever version of Unicode the terminal follows."""
    if piece.isascii():
        return len(piece)
    if _attaches(piece):
        return 0
    return 1 if piece < "\u1100" else 2


def _fitting(pieces: Iterable[Span], room: int) -> Iterator[Span]:
    """The pieces that fit into ``room`` cells; a run of ASCII is cut where it has to be."""
    for text, kind in pieces:
        size = _cells(text)
        if size > room:
            if kind == TEXT and text.isascii():
                yield text[:room], kind
            return
        room -= size
        yield text, kind


def _joined(pieces: Iterable[Span]) -> Spans:
    """Neighbours of one kind as one span, none of them empty."""
    spans: list[tuple[list[str], str]] = []
    for text, kind in pieces:
        if not spans or spans[-1][1] != kind:
            spans.append(([], kind))
        spans[-1][0].append(text)
    return [(joined, kind) for texts, kind in spans if (joined := "".join(texts))]


def _more(count: int) -> str:
    return f" +{count:,} byte{'' if count == 1 else 's'}"


def _octets_of(char: str) -> bytes:
    return char.encode("utf-8", "surrogateescape" if "\udc80" <= char <= "\udcff" else "surrogatepass")
