"""The words that other users' ``ps`` shows of this process: without the password that ``-ap`` was given.

Linux lets a process write where its own words stand (proc(5): ``/proc/PID/stat`` says where, ``/proc/PID/mem`` is it);
elsewhere they stay as they are, and ``--password`` is the way that shows nothing.
"""

from __future__ import annotations

_NAMES = (b"-ap", b"--ap", b"-auth-password", b"--auth-password")
_ARG_START = 48 - 3
"""Of the fields behind the process's name, which one says where its words begin."""


def hide_password() -> bool:
    """Write ``*`` over each octet of the value of ``-ap``; whether there was one and it was done."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            start = int(stat.read().rpartition(b")")[2].split()[_ARG_START])
        with open("/proc/self/cmdline", "rb") as words:
            places = _places(words.read())
        with open("/proc/self/mem", "r+b", buffering=0) as memory:
            for begin, end in places:
                memory.seek(start + begin)
                memory.write(b"*" * (end - begin))
    except (OSError, ValueError, IndexError):
        return False
    return bool(places)


def _places(words: bytes) -> list[tuple[int, int]]:
    """Where in the words, each with a NUL behind it, passwords stand: a name's value does not begin with a dash."""
    found, at, named = [], 0, False
    for word in words.split(b"\0")[:-1]:
        if named and word and (word == b"-" or not word.startswith(b"-")):
            found.append((at, at + len(word)))
        elif word == b"--":
            break
        named = word in _NAMES
        at += len(word) + 1
    return found
