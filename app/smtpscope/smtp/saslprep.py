"""SASLprep (RFC 4013): the one form of a user name or password that both sides reckon with."""

from __future__ import annotations

import stringprep
import unicodedata

_PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepare(text: str, query: bool = False) -> str:
    """``text`` prepared; ValueError if something in it is prohibited, as are unassigned code points but in a query."""
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each for each in text if not stringprep.in_table_b1(each)
    )
    result = unicodedata.ucd_3_2_0.normalize("NFKC", mapped)
    for each in result:
        unassigned = not query and stringprep.in_table_a1(each)
        if unassigned or any(prohibited(each) for prohibited in _PROHIBITED):
            raise ValueError("SASLprep does not allow a character in it (RFC 4013 2.3)")
    right_to_left = [stringprep.in_table_d1(each) for each in result]
    if any(right_to_left) and not (
        right_to_left[0] and right_to_left[-1] and not any(stringprep.in_table_d2(each) for each in result)
    ):
        raise ValueError("SASLprep does not allow such a mix of right-to-left and other text (RFC 4013 2.4)")
    return result


def prepared(text: str, query: bool = False) -> bytes:
    """As octets: a password, or with ``query`` a name (RFC 5802 2.2, 5.1).

    What SASLprep does not allow, or what is no text, is as it was given.
    """
    try:
        return prepare(text, query).encode()
    except ValueError:  # UnicodeEncodeError is one, too
        return text.encode(errors="surrogateescape")


def remark(mechanism: str, text: str) -> str:
    """What becomes of a password with other characters than ASCII's, in words without any of it; empty if nothing."""
    if text.isascii():
        return ""
    if not mechanism.startswith("SCRAM-"):
        if mechanism == "DIGEST-MD5":
            return "reckoned with in Latin-1 where it fits, else in UTF-8 (RFC 2831 2.1.2.1)"
        return "sent in UTF-8 as given, without SASLprep"
    try:
        changed = prepare(text) != text
    except ValueError as error:
        return f"reckoned with as given: {error}"
    return f"{'changed' if changed else 'left as it is'} by SASLprep (RFC 4013), and then reckoned with"
