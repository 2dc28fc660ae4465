"""Where a password can come from besides the command line and the keyboard: what ``--password SOURCE`` names.

Every reader raises ValueError with one plain sentence. It names the source, and repeats nothing of what was read.
"""

from __future__ import annotations

import os
import sys

from smtpscope.secret import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from subprocess import Popen

SOURCES = "@FILE, -, env:NAME, cmd:COMMAND, netrc, netrc:FILE, keyring or keyring:SERVICE"
"""How a source is written."""
LONGEST = 64 * 1024
"""Octets of the longest password: a bearer token may be some thousands."""
PATIENCE = 60.0
"""Seconds for a command: it may have to ask its owner for a passphrase."""

_NO_SHELL = "there is no shell, write cmd:sh -c '...'"
_OF_SHELL = {"|", "||", "&&", ";", "<", ">", "2>", "&"}
"""Words that a shell would have taken for itself."""


def check(source: str) -> str:
    """``source`` itself, if it is one; what else it is, is not repeated: it may be a password."""
    kind, _, rest = source.partition(":")
    if source in ("-", "netrc", "keyring") or (source.startswith("@") and len(source) > 1):
        return source
    if kind in ("env", "cmd", "netrc", "keyring") and rest:
        return source
    raise ValueError(f"--password takes a source, {SOURCES}; the password itself is -ap's.")


def read(source: str, *, user: str | None, server: str) -> tuple[str | None, Secret]:
    """The user and the password that ``source`` gives. The user is the given one; without one, that of netrc, if any.

    Of a file and a pipe one line end behind the password is cut, and everything else is the password; of a command it
    is the first line, as ``pass`` and its like print it. ValueError where there is no password.
    """
    check(source)
    if source.startswith("@"):
        return user, _one(_of_file(source[1:]), source[1:])
    kind, _, rest = source.partition(":")
    match kind:
        case "-":
            return user, _one(_of_pipe(), "Standard input")
        case "env":
            return user, _of_environment(rest)
        case "cmd":
            return user, _one(_of_command(rest).partition(b"\n")[0] + b"\n", "The command")
        case "netrc":
            return _of_netrc(rest, user, server)
    return user, _of_keyring(rest or server, user)


def _one(data: bytes, origin: str) -> Secret:
    """What was read as a password: without one line end behind it."""
    if len(data) > LONGEST:
        raise ValueError(f"{origin} gave more than {LONGEST:,} octets: that is no password.")
    data = data.removesuffix(b"\n").removesuffix(b"\r") if data.endswith(b"\n") else data
    if not data:
        raise ValueError(f"{origin} gave an empty password.")
    return Secret(data)


# -- files and pipes


def _of_file(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return _bounded(file.fileno())
    except OSError as error:
        raise ValueError(f"{path} cannot be read: {error.strerror}.") from None
    except ValueError:
        raise ValueError(f"{path} is not the name of a file.") from None  # a NUL in it


def _of_pipe() -> bytes:
    """All of standard input, which is then the terminal, for the keys."""
    if sys.stdin is None:
        raise ValueError("There is no standard input.")
    try:
        data = _bounded(sys.stdin.fileno())
        terminal = os.open(os.ttyname(sys.stderr.fileno()), os.O_RDWR)
        os.dup2(terminal, sys.stdin.fileno())
        os.close(terminal)
    except OSError as error:
        raise ValueError(f"Standard input cannot be read: {error.strerror}.") from None
    return data


def _bounded(file: int) -> bytes:
    """Up to the end, or to one octet too many."""
    data = b""
    while len(data) <= LONGEST and (piece := os.read(file, LONGEST + 1 - len(data))):
        data += piece
    return data


# -- the environment


def _of_environment(name: str) -> Secret:
    text = os.environ.get(name)
    if not text:
        raise ValueError(f"The environment variable {name} is {'not set' if text is None else 'empty'}.")
    return Secret(text)


# -- a command


def _of_command(line: str) -> bytes:
    """What a command prints. There is no shell; what it says on its standard error is not for our screen."""
    import shlex
    from subprocess import DEVNULL, PIPE, Popen, TimeoutExpired

    try:
        words = shlex.split(line)
    except ValueError:
        raise ValueError("The command has a quotation mark without its other one.") from None
    if not words:
        raise ValueError("The command is empty: write cmd:COMMAND.")
    try:
        process = Popen(words, bufsize=0, stdin=DEVNULL, stdout=PIPE, stderr=DEVNULL)
    except OSError as error:
        if "=" in words[0]:  # what is behind it may be a secret
            raise ValueError(f"A variable cannot stand before a command here: {_NO_SHELL}.") from None
        raise ValueError(f"{words[0]} cannot be run: {error.strerror}.") from None
    except ValueError:
        raise ValueError("The command has a NUL in it.") from None
    try:
        data = _printed(process)
        if data is None:
            raise ValueError(f"{words[0]} was not done after {PATIENCE:g} seconds.")
        code = 0 if len(data) > LONGEST else process.wait(PATIENCE)
    except TimeoutExpired:
        raise ValueError(f"{words[0]} was not done after {PATIENCE:g} seconds.") from None
    finally:
        process.kill()
        process.wait()
    if code:
        ended = f"signal {-code}" if code < 0 else f"exit code {code}"
        why = _NO_SHELL if _OF_SHELL.intersection(words) else "run it by hand to see why"
        raise ValueError(f"{words[0]} ended with {ended}: {why}.")
    if len(data) > LONGEST:
        raise ValueError(f"{words[0]} gave more than {LONGEST:,} octets: that is no password.")
    return data


def _printed(process: Popen[bytes]) -> bytes | None:
    """What it prints, None if it does not come to an end; read aside, because not every system can wait on a pipe."""
    from threading import Thread

    printed: list[bytes] = []
    stream = process.stdout
    assert stream is not None

    def take() -> None:
        with stream:
            printed.append(_bounded(stream.fileno()))

    reader = Thread(target=take, name="password command", daemon=True)
    reader.start()
    reader.join(PATIENCE)
    return printed[0] if printed else None


# -- netrc


def _of_netrc(path: str, user: str | None, server: str) -> tuple[str | None, Secret]:
    """The entry for ``server`` or, without one, the default entry, as ftp and curl take it."""
    from netrc import NetrcParseError, netrc

    path = path or os.environ.get("NETRC", "")  # as curl takes it
    file = path or os.path.join(os.path.expanduser("~"), ".netrc")
    shown = path or "~/.netrc"
    try:
        status = os.stat(file)
        if os.name == "posix" and (status.st_mode & 0o077 or status.st_uid != os.getuid()):
            raise ValueError(f"{shown} must belong to you and be closed to others: chmod 600 {shown}")
        found = netrc(file).authenticators(server)
    except OSError as error:
        raise ValueError(f"{shown} cannot be read: {error.strerror}.") from None
    except NetrcParseError as error:  # its words may be the password
        line = f" in line {error.lineno}" if error.lineno else ""
        raise ValueError(f"{shown} is not as a netrc file should be{line}.") from None
    except UnicodeError:
        raise ValueError(f"{shown} is not text.") from None
    if found is None:
        raise ValueError(f"{shown} has no entry for {server}, and no default.")
    login, _, word = found
    if user is not None and login and login != user:
        raise ValueError(f"{shown} has {login} for {server}, not {user}; of several entries the last one counts.")
    if not word:
        raise ValueError(f"{shown} has no password for {server}.")
    return user if user is not None else login or None, Secret(word)


# -- the system keyring


def _of_keyring(service: str, user: str | None) -> Secret:
    try:
        import keyring
    except ImportError:
        raise ValueError("The system's keyring needs one more package: pip install 'smtpscope[keyring]'") from None
    if user is None:
        raise ValueError("The system's keyring needs the user's name: -au USER.")
    try:
        word = keyring.get_password(service, user)
    except Exception as error:  # whatever its backend raises; its words may be the password
        raise ValueError(f"The system's keyring cannot be used ({type(error).__name__}).") from None
    if not word:
        raise ValueError(f"The system's keyring has no password of {user} for {service}.")
    return Secret(word)
