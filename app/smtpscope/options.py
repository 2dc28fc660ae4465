"""The options: words of the command line to a Profile, with swaks' names and meanings.

Errors are click.UsageError with one plain sentence, in which
text from the command line stands as given: whoever shows it makes it safe first.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, NoReturn, TypeAlias, TypeVar

import click

from smtpscope import __version__, tls_given
from smtpscope.profile import (
    Auto,
    Profile,
    parse_local,
    parse_mailbox,
    parse_mechanisms,
    parse_port,
    parse_seconds,
    parse_target,
)
from smtpscope.secret import Secret
from smtpscope.values import (
    read_auto,
    read_data,
    read_helo,
    read_kind,
    read_password,
    read_save,
    read_source,
    read_trusted,
    read_user,
)
from smtpscope.words import Words

HELP = r"""smtpscope: an interactive SMTP debugger. Names take one dash or two.
  smtpscope mail.example.org:587 -tls -au alice -f alice@example.org
  smtpscope -s 192.0.2.7 -t bob@example.org,carol@example.org -d @note.eml
  smtpscope demo                     a practice server and a session on it
  -s --server HOST[:PORT]    or HOST[:PORT] alone; without one a list to choose
  -p --port PORT             25, or 465 with -tlsc; -4 -6 by such IP only
  -h --helo --ehlo NAME      the name for EHLO; -li IP[:PORT] to connect from
  -f --from ADDRESS          reverse-path; '<>' is the null one
  -t --to ADDRESS,ADDRESS    forward-paths; may be given again
  -d --data TEXT|@FILE       the message; \n in TEXT ends a line
  -tls, -tlsc                STARTTLS, or TLS from the first octet on
  --tls-ca-path PATH         trust these; --tls-insecure trusts all; --help-tls
  -a --auth [LIST]           log in, by the best mechanism or the first of LIST
  -au --auth-user USER       -ap --auth-password [PASSWORD]; -ap alone asks
  --password SOURCE, --password-env NAME  @FILE, -, cmd:COMMAND, netrc, keyring
  --timeout TIME             for each reply: 30, 30s, 2m, 1h; 0 for no limit
  --auto none|banner|ehlo|tls|auth  run to here; else ehlo, or as -tls -a ask
  --save FILE                write the session to it; --with-secrets hides none
  --no-keep                  remember nothing of this run, nor keep its session
  --ascii --no-transcript    plain characters; nothing printed on leaving
  open FILE, diff A B        look into a saved session, compare two
  export FILE --as transcript|jsonl|markdown|html|svg|swaks|curl|openssl|python
  demo --serve-only -p PORT  the practice server alone; --version --help"""

Given = TypeVar("Given")
Read = TypeVar("Read")


class ServeOnly(NamedTuple):
    """The practice server alone is wanted, on this port of loopback; 0 for any."""

    port: int


class Choose(NamedTuple):
    """No server is named: the start screen is wanted, and these words behind those that are chosen there."""

    words: tuple[str, ...]
    ascii: bool


class Open(NamedTuple):
    """A kept session is to be looked at."""

    path: str
    ascii: bool


class Export(NamedTuple):
    """A kept session is to be written to standard output as one of KINDS; ``-`` is standard input."""

    path: str
    kind: str


class Diff(NamedTuple):
    """Two kept sessions are to be compared; one of them may be ``-``."""

    a: str
    b: str


Wanted: TypeAlias = Profile | ServeOnly | Choose | Open | Export | Diff


def _by(reader: Callable[[str], Read]) -> Callable[..., Read | None]:
    """A click callback that reads the value, if there is one, and turns a ValueError into a usage error."""

    def callback(context: click.Context, option: click.Parameter, text: str | None) -> Read | None:
        return None if text is None else _read(reader, text)

    return callback


def _read(reader: Callable[[Given], Read], given: Given) -> Read:
    try:
        return reader(given)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _recipients(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    words = [word for text in given for word in text.split(",") if word.strip()]
    if given and not words:
        raise click.UsageError("-t needs a value: -t ADDRESS,ADDRESS")
    return tuple(_read(parse_mailbox, word) for word in words)


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"smtpscope {__version__}")
        context.exit()


def _show_tls_help(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(tls_given.HELP)
        context.exit()


def _flag(*names: str) -> click.Option:
    return click.Option(list(names), is_flag=True)


def _option(*names: str, metavar: str, reader: Callable[[str], object] = str) -> click.Option:
    return click.Option(list(names), metavar=metavar, callback=_by(reader))


def _of_tls(given: tls_given.Option) -> click.Option:
    names = (*given.names, given.name)
    return _option(*names, metavar=given.metavar, reader=given.reader) if given.metavar else _flag(*names)


def _wanted(**given: Any) -> Wanted:
    """What options, each right in itself, add up to."""
    if given["target"][:1] in _KEPT:
        return _kept(given)
    if given["as"] is not None:
        raise click.UsageError("--as belongs to export: smtpscope export FILE --as KIND")
    if given["four"] and given["six"]:
        raise click.UsageError("-4 and -6 leave no address: choose one.")
    target = given["target"]
    if len(target) + (given["server"] is not None) > 1:
        _too_many_servers(given)
    if target == ("demo",):
        return _demo(given)
    if given["serve_only"]:
        raise click.UsageError("--serve-only belongs to the practice server: smtpscope demo --serve-only -p PORT")
    if not target and given["server"] is None and not list(_given(given, but=_ANYWHERE)):
        return Choose(tuple(option.opts[0] for option in _given(given)), given["ascii"])
    return _on_server(target[0] if target else given["server"], given)


_ANYWHERE = ("ascii", "no_transcript", "no_keep")
_KEPT: dict[tuple[str, ...], tuple[str, tuple[str, ...], int]] = {
    ("open",): ("smtpscope open FILE", _ANYWHERE, 1),
    ("export",): ("smtpscope export FILE --as KIND", ("as",), 1),
    ("diff",): ("smtpscope diff A B", (), 2),
}
"""What is done with kept sessions: how it is written, the options it takes, and how many files."""


def _given(given: dict[str, Any], but: tuple[str, ...] = ()) -> Iterator[click.Option]:
    """The options that the command line has, except some."""
    for option in COMMAND.params:
        name = option.name or ""
        if isinstance(option, click.Option) and name not in but and given.get(name) not in (None, False, ()):
            yield option


def _kept(given: dict[str, Any]) -> Open | Export | Diff:
    verb, *files = given["target"]
    usage, taken, count = _KEPT[(verb,)]
    for option in _given(given, but=taken):
        raise click.UsageError(f"{option.opts[0]} has no place here: {usage}")
    if len(files) != count or "" in files:
        which = "Which file?" if count == 1 else "Which two files?"
        which = which if len(files) <= count else "Too many files."
        raise click.UsageError(f"{which} {usage}; a server called {verb} is {verb}:25 or -s {verb}.")
    if verb == "open":
        if files[0] == "-":
            raise click.UsageError("A session is opened from a file: the keyboard is standard input.")
        return Open(files[0], given["ascii"])
    if verb == "export":
        return Export(files[0], given["as"] or "transcript")
    if files == ["-", "-"]:
        raise click.UsageError("Only one of the two sessions can come from standard input.")
    return Diff(*files)


def _too_many_servers(given: dict[str, Any]) -> NoReturn:
    named = [*given["target"], *([given["server"]] if given["server"] is not None else [])]
    hint = " -a takes a list such as PLAIN,CRAM-MD5, or nothing." if given["auth"] is not None else ""
    wrong = [name for name in given["target"] if re.fullmatch(r"[A-Za-z][A-Za-z0-9_,-]*", name)] if hint else []
    wrong = [name for name in wrong if name.lower() != "localhost"]
    if given["auth"] == "" and len(named) == 2 and len(wrong) == 1:
        raise click.UsageError(f"{wrong[0]} is no mechanism known here.{hint}")
    raise click.UsageError(f"One server at a time, not {' and '.join(named)}.{hint}")


def _on_server(target: str | None, given: dict[str, Any]) -> Profile:
    if target is None:
        raise click.UsageError("Which server? smtpscope HOST[:PORT], or smtpscope demo to practise.")
    tls = _read(tls_given.profile_fields, given)
    server, port = _read(lambda text: parse_target(text, 0), target)
    if port and given["port"] and port != given["port"]:
        raise click.UsageError(f"Which port? {target} has one, and -p says {given['port']}.")
    source = _source(given)
    login = any(given[name] is not None for name in ("auth", "au", "ap")) or source is not None
    least: Auto = "auth" if login else "tls" if tls["tls"] == "starttls" else "ehlo"
    return Profile(
        server=server,
        port=port or given["port"] or (465 if tls["tls"] == "implicit" else 25),
        **tls,
        auth=parse_mechanisms(given["auth"] or "") or (),
        login_wanted=login,
        user=given["au"],
        password=Secret(given["ap"]) if given["ap"] else None,
        password_source=source,
        family=4 if given["four"] else 6 if given["six"] else 0,
        local_address=given["li"],
        auto=given["auto"] or least,
        **_shared(given),
    )


def _source(given: dict[str, Any]) -> str | None:
    """Where the password is to be read from, None if it is not."""
    named = {"-ap": given["ap"], "--password": given["password"], "--password-env": given["password_env"]}
    said = [name for name, value in named.items() if value is not None]
    if len(said) > 1:
        raise click.UsageError(f"One password is enough: {' or '.join(said)}.")
    source: str | None = given["password"] or given["password_env"]
    return source


def _shared(given: dict[str, Any]) -> dict[str, Any]:
    """What has the same meaning on a real server and on the practice server."""
    data = given["data"]
    return {
        "helo": given["helo"],
        "mail_from": given["from"],
        "rcpt_to": given["to"],
        "data": data if isinstance(data, bytes) else None,
        "data_path": data if isinstance(data, str) else None,
        "timeout": given["timeout"],
        "ascii": given["ascii"],
        "transcript": not given["no_transcript"],
        "save": given["save"],
        "with_secrets": given["with_secrets"],
        "keep": not given["no_keep"],
    }


_NOT_ON_DEMO = (
    "tls", "tlsc", "tls_ca_path", "tls_insecure", "auth", "au", "ap", "password", "password_env", "four", "six", "li",
    *tls_given.NAMES,
)  # fmt: skip
_NOT_ALONE = (
    "helo", "from", "to", "data", "timeout", "auto", "ascii", "no_transcript",
    "save", "with_secrets", "no_keep",
)  # fmt: skip


def _demo(given: dict[str, Any]) -> Profile | ServeOnly:
    refused = [*_NOT_ON_DEMO, *(_NOT_ALONE if given["serve_only"] else ())]
    for option in _given(given):
        if option.name in refused:
            only = "server alone takes -p only" if given["serve_only"] else "server has its own TLS and login"
            raise click.UsageError(f"{option.opts[0]} has no place here: the practice {only}.")
    if given["serve_only"]:
        return ServeOnly(given["port"] or 0)
    from smtpscope.demo.recipients import ACCOUNT, FILLED_RECIPIENTS, SENDER

    user, password = ACCOUNT
    filled = {**given, "from": given["from"] if given["from"] is not None else SENDER}
    filled["to"] = given["to"] or FILLED_RECIPIENTS
    return Profile(
        server="127.0.0.1",
        port=given["port"] or 0,
        tls="starttls",
        login_wanted=True,
        user=user,
        password=Secret(password),
        auto=given["auto"] or "none",
        demo=True,
        **_shared(filled),
    )


COMMAND = Words(
    "smtpscope",
    help=HELP,
    callback=_wanted,
    context_settings={"help_option_names": ["--help"]},
    params=[
        click.Argument(["target"], nargs=-1),
        _option("--server", "-s", metavar="HOST[:PORT]"),
        _option("--port", "-p", metavar="PORT", reader=parse_port),
        _option("--from", "-f", metavar="ADDRESS", reader=parse_mailbox),
        click.Option(["--to", "-t"], metavar="ADDRESS,ADDRESS", multiple=True, callback=_recipients),
        _option("--helo", "--ehlo", "-h", metavar="NAME", reader=read_helo),
        _flag("-tls"),
        _flag("-tlsc", "--tls-on-connect", "tlsc"),
        _option("--tls-ca-path", metavar="PATH", reader=read_trusted),
        _flag("--tls-insecure"),
        *(_of_tls(option) for option in tls_given.OPTIONS),
        _option("--auth", "-a", metavar="[LIST]"),
        _option("-au", "--auth-user", "au", metavar="USER", reader=read_user),
        _option("-ap", "--auth-password", "ap", metavar="[PASSWORD]", reader=read_password),
        _option("--password", metavar="SOURCE", reader=read_source),
        _option("--password-env", metavar="NAME", reader=lambda name: read_source(f"env:{name}")),
        _option("--data", "-d", metavar="TEXT|@FILE", reader=read_data),
        _option("--timeout", metavar="TIME", reader=parse_seconds),
        click.Option(["-4", "four"], is_flag=True),
        click.Option(["-6", "six"], is_flag=True),
        _option("-li", metavar="IP[:PORT]", reader=lambda text: parse_local(text) and text),
        _option("--auto", metavar="STEP", reader=read_auto),
        _flag("--ascii"),
        _flag("--no-transcript"),
        _flag("--serve-only"),
        _option("--save", metavar="FILE", reader=read_save),
        _flag("--with-secrets"),
        _flag("--no-keep"),
        _option("--as", metavar="KIND", reader=read_kind),
        click.Option(["--help-tls"], is_flag=True, is_eager=True, expose_value=False, callback=_show_tls_help),
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version),
    ],
)


def read(words: list[str]) -> Wanted | None:
    """What ``words``, the command line without the program's name, ask for; None where the answer is already printed.

    Raises click.UsageError with one sentence.
    """
    try:
        with COMMAND.make_context("smtpscope", list(words)) as context:
            wanted: Wanted = COMMAND.invoke(context)
            return wanted
    except click.exceptions.Exit:
        return None
