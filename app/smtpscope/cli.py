"""The command line; nothing heavy is imported until it is known what to run."""

from __future__ import annotations

import sys

from smtpscope import __version__

TYPE_CHECKING = False  # typing itself would cost a third of a start
if TYPE_CHECKING:
    from smtpscope.profile import Profile

OK, BAD_OPTIONS, NO_TERMINAL, INTERRUPTED = 0, 1, 10, 130
"""Exit codes before a session has run: swaks' own, and the shell's for an interrupt."""

_EXAMPLES = """\
smtpscope: Which server? Three examples, and --help for the rest:
  smtpscope mail.example.org
  smtpscope mail.example.org:587 -tls -au alice -f alice@example.org -t bob@example.org
  smtpscope demo"""


def main(argv: list[str] | None = None) -> int:
    """Do what the words ``argv``, by default those of this process, ask for; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] in (["--version"], ["-version"]):
        print(f"smtpscope {__version__}")  # noqa: T201
        return OK
    if not words:
        print(_EXAMPLES, file=sys.stderr)  # noqa: T201
        return BAD_OPTIONS
    import gc

    gc.disable()  # until the first frame: nothing that a start makes is garbage, and looking for it takes a fifth of it
    try:
        return _run(words)
    except KeyboardInterrupt:
        return INTERRUPTED
    finally:
        gc.enable()


def _run(words: list[str]) -> int:
    import click

    from smtpscope.options import ServeOnly, read

    try:
        wanted = read(words)
    except click.UsageError as error:
        return _refuse(error.message, BAD_OPTIONS)
    if wanted is None:
        return OK
    if isinstance(wanted, ServeOnly):
        from smtpscope.demo.server import serve_only

        return serve_only(wanted.port)
    if not _has_terminal():
        return _refuse(
            "This needs a terminal: standard input and standard error must be one, and TERM not dumb.", NO_TERMINAL
        )
    try:
        profile = _with_terminal(_with_credentials(wanted))
    except click.Abort:
        return _refuse("No credentials were given.", BAD_OPTIONS)
    from smtpscope.tui.terminal import run

    return run(profile)


def _refuse(sentence: str, code: int) -> int:
    from smtpscope.visible import visible_text

    print(f"smtpscope: {visible_text(sentence, limit=400)}", file=sys.stderr)  # noqa: T201
    return code


def _has_terminal() -> bool:
    import os

    streams = (sys.stdin, sys.stderr)
    return all(s is not None and s.isatty() for s in streams) and os.environ.get("TERM", "") not in ("", "dumb")


def _with_credentials(profile: Profile) -> Profile:
    """The profile with what a wanted login still lacks, asked for as swaks does; raises click.Abort."""
    from dataclasses import replace

    import click

    from smtpscope.secret import Secret

    user, password = profile.user, profile.password
    if profile.login_wanted and user is None:
        user = click.prompt("User name", err=True)
    if profile.login_wanted and password is None:
        password = Secret(click.prompt("Password", hide_input=True, default="", show_default=False, err=True))
    return replace(profile, user=user, password=password)


def _with_terminal(profile: Profile) -> Profile:
    """The profile in plain characters, if the terminal's encoding has no box characters."""
    import codecs
    from dataclasses import replace

    # Textual draws on standard error.
    if codecs.lookup(sys.stderr.encoding).name != "utf-8":
        return replace(profile, ascii=True)
    return profile
