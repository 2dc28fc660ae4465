"""The ways in which octets may be written: as they are, and encoded as programs usually encode them.

Everything is in small letters, as ``bytes.lower`` makes them: what is looked into must be, too.
"""

from __future__ import annotations

import base64
import html
import json
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

from smtpscope.visible import escape, visible_text

_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def written(secret: bytes) -> set[bytes]:
    """What stands where ``secret`` is written in clear, in hexadecimal or with its characters escaped."""
    every = _spellings(secret)
    forms = {*every, *_in_other_letters(secret)}
    for octets in every:
        text = octets.decode("utf-8", "surrogateescape")
        forms |= {octets.hex().encode(), visible_text(octets).encode(), escape(octets).encode()}
        forms |= {_percent_encoded(octets), _quoted_printable(octets)}
        forms |= {quote(octets).encode(), quote(octets, safe="").encode(), quote_plus(octets).encode()}
        forms |= {each.encode("utf-8", "surrogateescape") for each in (*_in_json(text), *_in_html(text))}
    return {form.lower() for form in forms}


def packed(secret: bytes) -> set[bytes]:
    """What stands in any base64 with ``secret`` in it: the characters that depend on it alone, at each alignment."""
    return {core.lower() for octets in _spellings(secret) for core in _cores(octets)}


def _spellings(secret: bytes) -> set[bytes]:
    """The same letters in other octets: composed, in parts, in Latin-1 and in UTF-8."""
    if secret.isascii():
        return {secret}
    try:
        text = secret.decode()
    except UnicodeDecodeError:
        return {secret, secret.decode("latin-1").encode()}
    composed = unicodedata.normalize("NFC", text)
    spellings = {secret, composed.encode(), unicodedata.normalize("NFD", text).encode()}
    return spellings if any(each > "\xff" for each in composed) else {*spellings, composed.encode("latin-1")}


def _in_other_letters(secret: bytes) -> set[bytes]:
    """In small and in capital letters, where they are not ASCII's: those are looked for in small letters anyway."""
    if secret.isascii():
        return set()
    text = secret.decode("utf-8", "surrogateescape")
    return {each.encode("utf-8", "surrogateescape") for each in (text.upper(), text.lower())}


def _percent_encoded(octets: bytes) -> bytes:
    """Each octet, also where it need not be."""
    return b"".join(b"%%%02x" % octet for octet in octets)


def _quoted_printable(octets: bytes) -> bytes:
    """RFC 2045 6.7, in one line."""
    return b"".join(bytes([each]) if 32 <= each < 127 and each != 0x3D else b"=%02X" % each for each in octets)


def _in_json(text: str) -> Iterator[str]:
    for ascii_only in (True, False):
        string = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        yield from (string, string.replace("/", r"\/"))


def _in_html(text: str) -> Iterator[str]:
    for string in (html.escape(text, quote=False), html.escape(text), html.escape(text).replace("&#x27;", "&#39;")):
        yield from (string, string.encode("ascii", "xmlcharrefreplace").decode())


def _cores(octets: bytes) -> Iterator[bytes]:
    for offset in range(3):
        encoded = base64.b64encode(bytes(offset) + octets + bytes(-(offset + len(octets)) % 3))
        core = encoded[(offset * 8 + 5) // 6 : (offset + len(octets)) * 8 // 6]
        yield from (core, core.translate(_URL_SAFE))
