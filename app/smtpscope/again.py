"""The command line that starts the same again: what is remembered of a run, and offered the next time."""

from __future__ import annotations

import os
import shlex

from smtpscope import tls_given
from smtpscope.profile import Profile, is_address

_OWN = ("demo", "open", "export", "diff")
"""Words that are no server's name, where they stand alone."""


def words_of(profile: Profile) -> list[str]:
    """The words that give ``profile`` again, without its password, its message text and where it was saved.

    What belongs to the terminal and not to the server, such as ``--ascii``, is left out too.
    """
    words = [_target(profile), *tls_given.words_of(profile)]
    for name, given in (
        ("-4", profile.family == 4),
        ("-6", profile.family == 6),
    ):
        words += [name] if given else []
    for name, value in (
        ("-li", profile.local_address),
        ("-a", ",".join(profile.auth) or None),
        ("-au", profile.user),
        ("--password", _source(profile)),
        ("-h", profile.helo),
        ("-f", None if profile.mail_from is None else _bracketed(profile.mail_from)),
        ("-t", ",".join(map(_bracketed, profile.rcpt_to)) or None),
        ("-d", "@" + os.path.abspath(profile.data_path) if profile.data_path else None),
        ("--timeout", None if profile.timeout is None else f"{profile.timeout:.9f}".rstrip("0").rstrip(".")),
        ("--auto", profile.auto if profile.auto != _least(profile) else None),
    ):
        words += [name, value] if value is not None else []
    if profile.login_wanted and not profile.auth and profile.user is None:
        words.append("-a")  # at the end: it takes no list
    return words


def line_of(profile: Profile) -> str:
    """The same in one line, as a shell would read it."""
    return shlex.join(words_of(profile))


def _source(profile: Profile) -> str | None:
    """Where the password comes from: not from a pipe, which is gone, nor from a command that has it among its words."""
    source = profile.password_source
    if source is None or source == "-" or profile.password is None:
        return None if source == "-" else source
    from smtpscope.session.redact import Redactor

    redactor = Redactor()
    redactor.know(profile.password)
    return source if redactor.text(source) == source else None


def _target(profile: Profile) -> str:
    usual = 465 if profile.tls == "implicit" else 25
    host = f"[{profile.server}]" if is_address(profile.server) and ":" in profile.server else profile.server
    return host if profile.port == usual and host not in _OWN else f"{host}:{profile.port}"


def _least(profile: Profile) -> str:
    """How far it runs without ``--auto``."""
    return "auth" if profile.login_wanted else "tls" if profile.tls == "starttls" else "ehlo"


def _bracketed(path: str) -> str:
    """A path as an option's value: in its angle brackets where it would be empty or look like an option."""
    return path if path and not path.startswith("-") else f"<{path}>"
