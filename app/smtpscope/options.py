"""The options: words of the command line to a Profile, with swaks' names and meanings.

Errors are click.UsageError with one plain sentence, in which
text from the command line stands as given: whoever shows it makes it safe first.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn, TypeVar

import click

from smtpscope import __version__
from smtpscope.profile import (
    AUTO,
    MECHANISMS,
    Auto,
    Profile,
    Tls,
    check_text,
    parse_local,
    parse_mailbox,
    parse_mechanisms,
    parse_port,
    parse_seconds,
    parse_target,
)
from smtpscope.secret import Secret
from smtpscope.words import Words

HELP = r"""smtpscope: an interactive SMTP debugger for the terminal

  smtpscope mail.example.org:587 -tls -au alice -f alice@example.org
  smtpscope -s 192.0.2.7 -t bob@example.org,carol@example.org -d @note.eml
  smtpscope demo                     a practice server and a session on it

  -s --server HOST[:PORT]    or HOST[:PORT] alone; port 25, with -tlsc 465
  -p --port PORT             number or name; -4 -6 that kind of address only
  -li IP[:PORT]              the address to connect from
  -h --helo --ehlo NAME      the name for EHLO (help is --help)
  -f --from ADDRESS          reverse-path; '<>' is the null one
  -t --to ADDRESS,ADDRESS    forward-paths; may be given again
  -d --data TEXT|@FILE       the message; \n in TEXT ends a line
  -tls, -tlsc                STARTTLS, or TLS from the first octet on
  --tls-ca-path PATH         trust these; --tls-insecure goes on without trust
  -a --auth [LIST]           log in, by any or some of PLAIN,LOGIN,CRAM-MD5
  -au USER -ap [PASSWORD]    without its value -ap asks and shows nothing
  --timeout TIME             for each reply: 30, 30s, 2m, 1h; 0 for no limit
  --auto STEP                run to none, banner, ehlo (default), tls or auth
  --ascii --no-transcript    plain characters; nothing printed on leaving
  demo --serve-only -p PORT  the practice server alone, until interrupted
  --version --help           names take one dash or two; values stand apart"""

Read = TypeVar("Read")


class ServeOnly(NamedTuple):
    """The practice server alone is wanted, on this port of loopback; 0 for any."""

    port: int


def _by(reader: Callable[[str], Read]) -> Callable[..., Read | None]:
    """A click callback that reads the value, if there is one, and turns a ValueError into a usage error."""

    def callback(context: click.Context, option: click.Parameter, text: str | None) -> Read | None:
        return None if text is None else _read(reader, text)

    return callback


def _read(reader: Callable[[str], Read], text: str) -> Read:
    try:
        return reader(text)
    except ValueError as error:
        raise click.UsageError(str(error)) from None


def _auto(text: str) -> Auto:
    for step in AUTO:
        if step == text.lower():
            return step
    raise ValueError(f"--auto is none, banner, ehlo, tls or auth, not {text}.")


def _helo(text: str) -> str:
    if not text:
        raise ValueError("The name for EHLO is empty.")
    return check_text(text, "name for EHLO")


def _user(text: str) -> str:
    return check_text(text, "user name")


def _password(text: str) -> str:
    return check_text(text, "password")


def _trusted(path: str) -> str:
    _readable(path, directory_too=True)
    return path


def _readable(path: str, directory_too: bool = False) -> None:
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


def _data(text: str) -> bytes | str:
    """The message's octets, or the path of its file."""
    if text == "-":
        raise ValueError("The message cannot come from standard input, the keyboard is there: write -d @FILE.")
    if text.startswith("@@"):
        text = text[1:]
    elif text.startswith("@"):
        _readable(text[1:])
        return text[1:]
    lines = text.replace("\\n", "\n").replace("\r\n", "\n").split("\n")
    # As the octets came in from the shell, whatever their encoding.
    return "\r\n".join(lines).encode("utf-8", "surrogateescape")


def _recipients(context: click.Context, option: click.Parameter, given: tuple[str, ...]) -> tuple[str, ...]:
    words = [word for text in given for word in text.split(",") if word.strip()]
    if given and not words:
        raise click.UsageError("-t needs a value: -t ADDRESS,ADDRESS")
    return tuple(_read(parse_mailbox, word) for word in words)


def _show_version(context: click.Context, option: click.Parameter, wanted: bool) -> None:
    if wanted:
        click.echo(f"smtpscope {__version__}")
        context.exit()


def _flag(*names: str) -> click.Option:
    return click.Option(list(names), is_flag=True)


def _option(*names: str, metavar: str, reader: Callable[[str], object] = str) -> click.Option:
    return click.Option(list(names), metavar=metavar, callback=_by(reader))


def _profile(**given: Any) -> Profile | ServeOnly:
    """The Profile that options, each right in itself, add up to."""
    if given["tls"] and given["tlsc"]:
        raise click.UsageError("-tls is STARTTLS and -tlsc is TLS from the first octet on: choose one.")
    if given["four"] and given["six"]:
        raise click.UsageError("-4 and -6 leave no address: choose one.")
    target = given["target"]
    if len(target) + (given["server"] is not None) > 1:
        _too_many_servers(given)
    if target == ("demo",):
        return _demo(given)
    if given["serve_only"]:
        raise click.UsageError("--serve-only belongs to the practice server: smtpscope demo --serve-only -p PORT")
    return _on_server(target[0] if target else given["server"], given)


def _too_many_servers(given: dict[str, Any]) -> NoReturn:
    named = [*given["target"], *([given["server"]] if given["server"] is not None else [])]
    hint = f" -a takes a list of {', '.join(MECHANISMS)}, or nothing." if given["auth"] is not None else ""
    raise click.UsageError(f"One server at a time, not {' and '.join(named)}.{hint}")


def _on_server(target: str | None, given: dict[str, Any]) -> Profile:
    if target is None:
        raise click.UsageError("Which server? smtpscope HOST[:PORT], or smtpscope demo to practise.")
    tls: Tls = "starttls" if given["tls"] else "implicit" if given["tlsc"] else "none"
    server, port = _read(lambda text: parse_target(text, 0), target)
    if port and given["port"] and port != given["port"]:
        raise click.UsageError(f"Which port? {target} has one, and -p says {given['port']}.")
    login = any(given[name] is not None for name in ("auth", "au", "ap"))
    least: Auto = "auth" if login else "tls" if tls == "starttls" else "ehlo"
    return Profile(
        server=server,
        port=port or given["port"] or (465 if tls == "implicit" else 25),
        tls=tls,
        tls_ca_path=given["tls_ca_path"],
        tls_insecure=given["tls_insecure"],
        auth=parse_mechanisms(given["auth"] or "") or (),
        login_wanted=login,
        user=given["au"],
        password=Secret(given["ap"]) if given["ap"] else None,
        family=4 if given["four"] else 6 if given["six"] else 0,
        local_address=given["li"],
        auto=given["auto"] or least,
        **_shared(given),
    )


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
    }


_NOT_ON_DEMO = ("tls", "tlsc", "tls_ca_path", "tls_insecure", "auth", "au", "ap", "four", "six", "li")
_NOT_ALONE = ("helo", "from", "to", "data", "timeout", "auto", "ascii", "no_transcript")


def _demo(given: dict[str, Any]) -> Profile | ServeOnly:
    refused = [*_NOT_ON_DEMO, *(_NOT_ALONE if given["serve_only"] else ())]
    for option in COMMAND.params:
        if option.name in refused and given[option.name] not in (None, False, ()):
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
    callback=_profile,
    context_settings={"help_option_names": ["--help"]},
    params=[
        click.Argument(["target"], nargs=-1),
        _option("--server", "-s", metavar="HOST[:PORT]"),
        _option("--port", "-p", metavar="PORT", reader=parse_port),
        _option("--from", "-f", metavar="ADDRESS", reader=parse_mailbox),
        click.Option(["--to", "-t"], metavar="ADDRESS,ADDRESS", multiple=True, callback=_recipients),
        _option("--helo", "--ehlo", "-h", metavar="NAME", reader=_helo),
        _flag("-tls"),
        _flag("-tlsc"),
        _option("--tls-ca-path", metavar="PATH", reader=_trusted),
        _flag("--tls-insecure"),
        _option("--auth", "-a", metavar="[LIST]"),
        _option("-au", metavar="USER", reader=_user),
        _option("-ap", metavar="[PASSWORD]", reader=_password),
        _option("--data", "-d", metavar="TEXT|@FILE", reader=_data),
        _option("--timeout", metavar="TIME", reader=parse_seconds),
        click.Option(["-4", "four"], is_flag=True),
        click.Option(["-6", "six"], is_flag=True),
        _option("-li", metavar="IP[:PORT]", reader=lambda text: parse_local(text) and text),
        _option("--auto", metavar="STEP", reader=_auto),
        _flag("--ascii"),
        _flag("--no-transcript"),
        _flag("--serve-only"),
        click.Option(["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_show_version),
    ],
)


def read(words: list[str]) -> Profile | ServeOnly | None:
    """What ``words``, the command line without the program's name, ask for; None where the answer is already printed.

    Raises click.UsageError with one sentence.
    """
    try:
        with COMMAND.make_context("smtpscope", list(words)) as context:
            wanted: Profile | ServeOnly = COMMAND.invoke(context)
            return wanted
    except click.exceptions.Exit:
        return None
