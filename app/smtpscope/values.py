"""The values of single options, read and checked before anything runs.

Every reader raises ValueError with one plain sentence; text from the command line stands in it as given,
so whoever shows the sentence makes it safe first.
"""

from __future__ import annotations

import os

from smtpscope.profile import AUTO, Auto, check_text

KINDS = ("transcript", "jsonl", "markdown", "html", "svg", "swaks", "curl", "openssl", "python")
"""What a kept session can be exported as."""


def read_auto(text: str) -> Auto:
    """How far to run by itself."""
    for step in AUTO:
        if step == text.lower():
            return step
    raise ValueError(f"--auto is none, banner, ehlo, tls or auth, not {text}.")


def read_helo(text: str) -> str:
    """The name for EHLO."""
    if not text:
        raise ValueError("The name for EHLO is empty.")
    return check_text(text, "name for EHLO")


def read_user(text: str) -> str:
    """The user name of a login."""
    return check_text(text, "user name")


def read_password(text: str) -> str:
    """Its password."""
    return check_text(text, "password")


def read_source(text: str) -> str:
    """Where the password is to be read from."""
    from smtpscope.secret_sources import check

    return check(text)


def read_trusted(path: str) -> str:
    """The file or folder of trust anchors."""
    readable(path, directory_too=True)
    return path


def readable(path: str, directory_too: bool = False) -> None:
    """Refuse a path that cannot be read, before anything runs."""
    if not path:
        raise ValueError("The name of a file is missing.")
    try:
        if os.path.isdir(path):
            if not directory_too:
                raise IsADirectoryError(0, "it is a folder")
            os.listdir(path)
        elif os.path.isfile(path):
            with open(path, "rb"):
                pass
        else:
            os.stat(path)
            raise OSError(0, "it is not a regular file")
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        # What no path can hold, such as a NUL.
        raise ValueError(f"{path} is not the name of a file.") from None


def read_data(text: str) -> bytes | str:
    """The message's octets, or the path of its file."""
    if text == "-":
        raise ValueError("The message cannot come from standard input, the keyboard is there: write -d @FILE.")
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        readable(text[1:])
        return text[1:]
    lines = text.replace("\\n", "\n").replace("\r\n", "\n").split("\n")
    # As the octets came in from the shell, whatever their encoding.
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def read_kind(text: str) -> str:
    """What to export as."""
    if text.lower() not in KINDS:
        raise ValueError(f"--as is {', '.join(KINDS[:-1])} or {KINDS[-1]}, not {text}.")
    return text.lower()


def read_save(path: str) -> str:
    """A file that can probably be made; whether it can is known once it is."""
    if path in ("", "-"):
        raise ValueError("--save takes the name of a file.")
    if os.path.lexists(path):
        raise ValueError(f"{path} is there already: --save writes over nothing, choose another name.")
    return read_place(path)


def read_place(path: str) -> str:
    """A name that a file can have, in a folder that is there."""
    if "\0" in path:
        raise ValueError(f"{path} is not the name of a file.")
    if not os.path.isdir(os.path.dirname(path) or "."):
        raise ValueError(f"{path} cannot be written: its folder is not there.")
    return path
