"""Secret: a password that does not show itself by accident."""

from __future__ import annotations

import unicodedata
from typing import NoReturn

_SHOWN = "****"
_ENDS = {
    "\r\n": "CRLF",
    "\n": "LF",
    "\r": "CR",
    " ": "a space",
    "\t": "a tab",
    "\u00a0": "a no-break space",
    "\u200b": "a zero-width space",
    "\ufeff": "a byte order mark",
}
"""What a password seldom has at its ends on purpose, as words."""


class Secret:
    """A text that only ``reveal`` gives away: not repr, str, format, pickle, JSON or a debugger's list of fields.

    Octets that are not UTF-8 are kept as surrogate escapes, so that encoding with ``surrogateescape`` gives them back.
    """

    __slots__ = ("_in_clear",)

    def __init__(self, value: str | bytes) -> None:
        self._in_clear = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    def reveal(self) -> str:
        """The text itself."""
        return self._in_clear

    def __eq__(self, other: object) -> bool:
        from hmac import compare_digest  # not before it is needed: a start is quicker without

        # In constant time: how long a wrong guess takes says nothing about the secret.
        if not isinstance(other, Secret):
            return NotImplemented
        mine, theirs = (each._in_clear.encode("utf-8", "surrogatepass") for each in (self, other))
        return compare_digest(mine, theirs)

    def __hash__(self) -> int:
        return hash(Secret)  # nothing is made of the text that could be told from outside

    def __repr__(self) -> str:
        return f"Secret({_SHOWN})"

    def __str__(self) -> str:
        return _SHOWN

    def __format__(self, spec: str) -> str:
        return format(_SHOWN, spec)

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __getstate__(self) -> NoReturn:
        raise TypeError("a Secret is never written down")

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a Secret is never written down")


def shape(secret: Secret) -> str:
    """What a password looks like from outside, for the screen alone: ``14 characters, 15 bytes, ends in LF``.

    Its length, and what it probably should not have: blanks and line ends at its ends, quotation marks around it,
    control characters, octets that are not UTF-8, letters that a keyboard composes in another way.
    """
    text = secret._in_clear
    size = sum(1 if "\udc80" <= each <= "\udcff" else len(each.encode("utf-8", "surrogatepass")) for each in text)
    said = [_many(len(text), "character"), _many(size, "byte")]
    core = text
    if begin := next((words for blank, words in _ENDS.items() if core.startswith(blank)), ""):
        said.append(f"begins with {begin}")
        core = core[1:]
    if end := next((blank for blank in _ENDS if core.endswith(blank)), ""):
        said.append(f"ends in {_ENDS[end]}")
        core = core.removesuffix(end)
    if len(core) > 1 and core[0] == core[-1] and core[0] in "'\"":
        said.append("in quotation marks")
    if any(unicodedata.category(character) in ("Cc", "Cf", "Zl", "Zp") for character in core):
        said.append("a control character in it")
    if any(unicodedata.category(character) == "Cs" for character in core):
        said.append("not UTF-8")
    elif not core.isascii():
        said.append("not only ASCII")
        if not unicodedata.is_normalized("NFC", core):
            said.append("letters in parts (not NFC)")
    return ", ".join(said)


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}{'' if count == 1 else 's'}"
