"""The command line; nothing heavy is imported until it is known what to run."""

from __future__ import annotations

import sys

from smtpscope import __version__

TYPE_CHECKING = False  # typing itself would cost a third of a start
if TYPE_CHECKING:
    from smtpscope.options import Wanted
    from smtpscope.profile import Profile

OK, BAD_OPTIONS, DIFF_TROUBLE, NO_TERMINAL, INTERRUPTED = 0, 1, 2, 10, 130
"""Exit codes before a session has run: swaks' own, diff's, and the shell's for an interrupt."""

_EXAMPLES = """\
smtpscope: Which server? Three examples, and --help for the rest:
  smtpscope mail.example.org
  smtpscope mail.example.org:587 -tls -au alice -f alice@example.org -t bob@example.org
  smtpscope demo"""

_NO_TERMINAL = "This needs a terminal: standard input and standard error must be one, and TERM not dumb."


def main(argv: list[str] | None = None) -> int:
    """Do what the words ``argv``, by default those of this process, ask for; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if argv is None and any(word.startswith(("-ap", "--ap", "-auth-p", "--auth-p")) for word in words):
        from smtpscope.process_words import hide_password

        hide_password()
    if words[:1] in (["--version"], ["-version"]):
        print(f"smtpscope {__version__}")  # noqa: T201
        return OK
    if not words and not _has_terminal():
        return _which_server()
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

    from smtpscope.options import Choose, Diff, Export, Open, ServeOnly, read
    from smtpscope.profile import Profile
    from smtpscope.saying import complain

    try:
        wanted = read(words)
    except click.UsageError as error:
        return complain(error.message, DIFF_TROUBLE if words[:1] == ["diff"] else BAD_OPTIONS)
    if wanted is None:
        return OK
    if isinstance(wanted, ServeOnly):
        from smtpscope.demo.server import serve_only

        return serve_only(wanted.port)
    if isinstance(wanted, Export | Diff):
        from smtpscope.offline import diff, export

        return export(wanted) if isinstance(wanted, Export) else diff(wanted)
    if isinstance(wanted, Profile) and (sentence := _bad_tls(wanted)):
        return complain(sentence, BAD_OPTIONS)
    if not _has_terminal(piped=isinstance(wanted, Profile) and wanted.password_source == "-"):
        if sentence := _unreadable(wanted):
            return complain(sentence, BAD_OPTIONS)
        return _which_server() if isinstance(wanted, Choose) else complain(_NO_TERMINAL, NO_TERMINAL)
    if isinstance(wanted, Choose):
        from smtpscope.tui.terminal import choose

        chosen = choose(ascii_only=wanted.ascii or _is_plain())
        return chosen if isinstance(chosen, int) else _run([*wanted.words, *chosen])
    if isinstance(wanted, Open):
        from smtpscope.tui.terminal import run_recording

        return run_recording(wanted.path, ascii_only=wanted.ascii or _is_plain())
    try:
        profile = _with_credentials(wanted)
    except click.Abort:
        return complain("No credentials were given.", BAD_OPTIONS)
    except ValueError as error:
        return complain(str(error), BAD_OPTIONS)
    from dataclasses import replace

    from smtpscope.tui.terminal import run

    return run(replace(profile, ascii=profile.ascii or _is_plain()))


def _unreadable(wanted: Wanted) -> str:
    """Why the file that is named cannot be read, empty if it can: bad input is said before a terminal is missed."""
    import os

    from smtpscope.options import Open
    from smtpscope.profile import Profile
    from smtpscope.values import readable

    source = wanted.password_source or "" if isinstance(wanted, Profile) else ""
    path = wanted.path if isinstance(wanted, Open) else source[1:] if source.startswith("@") else ""
    try:
        if path and not os.access(path, os.R_OK):
            readable(path)
    except ValueError as error:
        return str(error)
    return ""


def _bad_tls(profile: Profile) -> str:
    """What OpenSSL has against the cipher string, certificate or key that is given; empty for nothing.

    TLS is loaded for it, so only where one of them is given.
    """
    options = profile.tls_options
    if not (options.cipher or options.cert):
        return ""
    from dataclasses import replace

    from smtpscope.smtp.tls_engine import TLSFailed, make_context

    try:
        make_context(replace(options, keylog=None))
    except TLSFailed as error:
        return f"{error.reason[:1].upper()}{error.reason[1:]}."
    return ""


def _which_server() -> int:
    print(_EXAMPLES, file=sys.stderr)  # noqa: T201
    return BAD_OPTIONS


def _has_terminal(piped: bool = False) -> bool:
    """Whether there is one for the screen and the keys; with ``piped`` a password comes before the keys."""
    import os

    streams = (sys.stderr,) if piped else (sys.stdin, sys.stderr)
    return all(s is not None and s.isatty() for s in streams) and os.environ.get("TERM", "") not in ("", "dumb")


def _with_credentials(profile: Profile) -> Profile:
    """The profile with what a wanted login still lacks: read from where it says, asked for as swaks does.

    Raises click.Abort, and ValueError with one sentence where a source gives no password.
    """
    from dataclasses import replace

    import click

    from smtpscope.secret import Secret
    from smtpscope.session.login_way import WITHOUT_PASSWORD
    from smtpscope.visible import visible_text

    user, password, source = profile.user, profile.password, profile.password_source
    if password is None and source is None and profile.auth and WITHOUT_PASSWORD.issuperset(profile.auth):
        password = Secret("")
    if source == "-" and sys.stdin is not None and sys.stdin.isatty():
        source = None  # the keyboard: it is asked for below, and not shown
    if user is None and source is not None and source.startswith("keyring"):
        user = click.prompt("User name", err=True)
    if source is not None:
        from smtpscope import secret_sources

        user, password = secret_sources.read(source, user=user, server=profile.server)
    if profile.login_wanted and user is None:
        user = click.prompt("User name", err=True)
    if profile.login_wanted and password is None:
        try:
            asked = f"Password of {visible_text(user or '', limit=60)} at {visible_text(profile.server, limit=60)}"
            password = Secret(click.prompt(asked, hide_input=True, default="", show_default=False, err=True))
        except UnicodeError:  # its words are octets of the password
            raise ValueError("The password is not text in this terminal's encoding.") from None
    return replace(profile, user=user, password=password)


def _is_plain() -> bool:
    """Whether the terminal's encoding has no box characters."""
    import codecs

    # Textual draws on standard error.
    return codecs.lookup(sys.stderr.encoding).name != "utf-8"
