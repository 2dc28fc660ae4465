"""Words of a POSIX shell from foreign octets: whatever they are, a word is one word, and every character printable."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from smtpscope.visible import CONTROL, recover, visible, visible_text

PASSWORD = '"$SMTP_PASSWORD"'
USER = '"$SMTP_USER"'

_NAMED = {0x0D: "\\r", 0x0A: "\\n", 0x09: "\\t"}


def word(data: bytes) -> str:
    """One word that the shell reads as ``data``; NULs, and line ends at the end, cannot be in one and are lost."""
    spans = visible(data)
    if any(kind == CONTROL for _, kind in spans):
        return f'"$(printf %b {text(data)})"'
    return shlex.quote("".join(shown for shown, _ in spans))


def text(data: bytes) -> str:
    r"""A word from which ``printf %b`` makes exactly ``data``: what cannot be seen is ``\0ooo``."""
    pieces = []
    for shown, kind in visible(data):
        if kind == CONTROL:
            pieces += [_NAMED.get(octet, f"\\0{octet:03o}") for octet in recover([(shown, kind)])]
        else:
            pieces.append(shown.replace("\\", "\\\\"))
    return shlex.quote("".join(pieces))


def printed(data: bytes) -> str:
    """The command that prints exactly ``data``, each line of it on a line of its own."""
    return command(["printf %b", *texts(data)])


def texts(data: bytes) -> list[str]:
    """``text`` for each line of ``data``; at least one."""
    *lines, rest = data.split(b"\n")
    whole = [text(line + b"\n") for line in lines]
    return [*whole, text(rest)] if rest or not whole else whole


def wired(file: str) -> str:
    """A pipeline that prints a file's message text as it goes over the wire: CRLF, leading dots doubled."""
    return f"""tr -d '\\r' < {file} | sed -e 's/^\\./../' -e "s/$/$(printf '\\r')/\""""


def command(words: Sequence[str]) -> str:
    """A command line in rows, one option with its value a row; the shell reads it as one line. Ends in LF."""
    return " \\\n  ".join(words) + "\n"


def comments(lines: Sequence[str]) -> str:
    """Lines that the shell passes over, each ending in LF."""
    return "".join(f"# {visible_text(line)}\n" for line in lines)
