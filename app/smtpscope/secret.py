"""Secret: a password that does not show itself by accident."""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn

_SHOWN = "****"


class Secret:
    """A text that only ``reveal`` gives away: not repr, str, format, pickle, JSON or a debugger's list of fields.

    Octets that are not UTF-8 are kept as surrogate escapes, so that encoding with ``surrogateescape`` gives them back.
    """

    __slots__ = ("_text",)

    def __init__(self, value: str | bytes) -> None:
        self._text = value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else value

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def _octets(self) -> bytes:
        return self._text.encode("utf-8", "surrogatepass")

    def __eq__(self, other: object) -> bool:
        # In constant time: how long a wrong guess takes says nothing about the secret.
        return compare_digest(self._octets(), other._octets()) if isinstance(other, Secret) else NotImplemented

    def __hash__(self) -> int:
        return hash((Secret, self._text))

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
