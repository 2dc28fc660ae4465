"""The command line: words to a Profile or to one sentence, and the exit codes of the whole process."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtpscope import __version__, cli
from smtpscope.cli import main
from smtpscope.options import COMMAND, HELP, Choose, Diff, Export, Open, ServeOnly, Wanted, read
from smtpscope.profile import Profile
from smtpscope.secret import Secret
from smtpscope.tls_given import HELP as HELP_TLS

CREDENTIALS: dict[str, Any] = {"login_wanted": True, "user": "alice", "password": Secret("w"), "auto": "auth"}
THREE = ("a@x.test", "b@x.test", "c@x.test")


def host(**fields: Any) -> Profile:
    return Profile(**{"server": "mail.test", "port": 25, **fields})


def demo(**fields: Any) -> Profile:
    filled: dict[str, Any] = {
        "server": "127.0.0.1",
        "port": 0,
        "tls": "starttls",
        "login_wanted": True,
        "user": "alice",
        "password": Secret("wonderland"),
        "mail_from": "alice@example.org",
        "rcpt_to": ("reject@example.org", "bob@example.org"),
        "auto": "none",
        "demo": True,
    }
    return Profile(**{**filled, **fields})


WANTED: list[tuple[list[str], Wanted]] = [
    # the server
    (["mail.test"], host()),
    (["mail.test:587"], host(port=587)),
    (["-s", "mail.test:587"], host(port=587)),
    (["-server", "mail.test", "--p", "submission"], host(port=587)),
    (["--s", "mail.test", "-port", "587"], host(port=587)),
    (["mail.test:587", "-p", "587"], host(port=587)),
    (["mail.test", "-tlsc"], host(port=465, tls="implicit")),
    (["mail.test:25", "--tlsc"], host(port=25, tls="implicit")),
    (["mail.test", "-tlsc", "-p", "2465"], host(port=2465, tls="implicit")),
    (["[2001:db8::7]:26"], host(server="2001:db8::7", port=26)),
    (["2001:db8::7"], host(server="2001:db8::7")),
    (["--", "mail.test"], host()),
    (["-s", "demo"], host(server="demo")),
    (["mail.test", "-4"], host(family=4)),
    (["mail.test", "--6"], host(family=6)),
    (["mail.test", "-li", "192.0.2.1:99"], host(local_address="192.0.2.1:99")),
    # the envelope and the message
    (["mail.test", "-f", "a@x.test"], host(mail_from="a@x.test")),
    (["mail.test", "--from", "<>"], host(mail_from="")),
    (["mail.test", "-t", "a@x.test, <b@x.test>", "--to", "c@x.test"], host(rcpt_to=THREE)),
    (["mail.test", "-h", "me.test"], host(helo="me.test")),
    (["mail.test", "--ehlo", "me.test"], host(helo="me.test")),
    (["mail.test", "-helo", "one", "-h", "two"], host(helo="two")),
    (["mail.test", "-d", r"Subject: x\n\nHi"], host(data=b"Subject: x\r\n\r\nHi")),
    (["mail.test", "--data", "a\nb\r\nc"], host(data=b"a\r\nb\r\nc")),
    (["mail.test", "--data", "@@home"], host(data=b"@home")),
    (["mail.test", "--data", "gr\udcfc\udcdfe"], host(data=b"gr\xfc\xdfe")),
    # TLS and the login
    (["mail.test", "-tls"], host(tls="starttls", auto="tls")),
    (["--tls", "mail.test"], host(tls="starttls", auto="tls")),
    (["mail.test", "--tls-insecure"], host(tls_insecure=True)),
    (["mail.test", "-au", "alice", "-ap", "w"], host(**CREDENTIALS)),
    (["-au", "alice", "-ap", "w", "-a", "mail.test"], host(**CREDENTIALS)),
    (["-a", "plain,cram-md5", "mail.test"], host(auth=("PLAIN", "CRAM-MD5"), login_wanted=True, auto="auth")),
    (["mail.test", "-a", "LOGIN", "-au", "alice", "-ap", "w"], host(auth=("LOGIN",), **CREDENTIALS)),
    (["mail.test", "-auth", "-tls"], host(tls="starttls", login_wanted=True, auto="auth")),
    (["mail.test", "-ap", "-au", "alice"], host(login_wanted=True, user="alice", auto="auth")),
    (["mail.test", "-au", "alice", "-ap"], host(login_wanted=True, user="alice", auto="auth")),
    # how it runs
    (["mail.test", "--auto", "banner", "-tls"], host(tls="starttls", auto="banner")),
    (["mail.test", "-au", "alice", "-ap", "w", "--auto", "none"], host(**{**CREDENTIALS, "auto": "none"})),
    (["mail.test", "-auto", "NONE"], host(auto="none")),
    (["mail.test", "--timeout", "2m"], host(timeout=120.0)),
    (["mail.test", "--timeout", "0"], host(timeout=0.0)),
    (["mail.test", "-ascii", "--no-transcript"], host(ascii=True, transcript=False)),
    # the practice server
    (["demo"], demo()),
    (["--ascii", "demo", "-p", "2525"], demo(ascii=True, port=2525)),
    (["demo", "-f", "<>", "-t", "slow@x.test"], demo(mail_from="", rcpt_to=("slow@x.test",))),
    (["demo", "--auto", "ehlo"], demo(auto="ehlo")),
    (["demo", "--serve-only", "--port", "2525"], ServeOnly(2525)),
    (["demo", "--serve-only"], ServeOnly(0)),
    # what is kept
    (["mail.test", "--save", "a.jsonl"], host(save="a.jsonl")),
    (["mail.test", "--save", "a.jsonl", "--with-secrets"], host(save="a.jsonl", with_secrets=True)),
    (["mail.test", "-with-secrets"], host(with_secrets=True)),
    (["mail.test", "--no-keep"], host(keep=False)),
    (["demo", "--save", "a.jsonl", "--no-keep"], demo(save="a.jsonl", keep=False)),
    # kept sessions
    (["open", "a.jsonl"], Open("a.jsonl", False)),
    (["--ascii", "--no-keep", "--no-transcript", "open", "demo"], Open("demo", True)),
    (["open", "--", "-a.jsonl"], Open("-a.jsonl", False)),
    (["export", "a.jsonl", "--as", "HTML"], Export("a.jsonl", "html")),
    (["export", "--as", "python", "-"], Export("-", "python")),
    (["export", "a.jsonl"], Export("a.jsonl", "transcript")),
    (["diff", "a.jsonl", "-"], Diff("a.jsonl", "-")),
    # servers that are called so
    (["open:25"], host(server="open")),
    (["-s", "diff"], host(server="diff")),
    (["-s", "demo"], host(server="demo")),
    # no server
    ([], Choose((), False)),
    (["-ascii", "--no-keep"], Choose(("--ascii", "--no-keep"), True)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("words", "wanted"), WANTED, ids=lambda value: " ".join(value) if isinstance(value, list) else ""
)
def test_words_become_a_profile(words: list[str], wanted: Wanted) -> None:
    assert read(words) == wanted


REFUSED: list[tuple[list[str], str]] = [
    # kept sessions
    (["open"], "Which file? smtpscope open FILE; a server called open is open:25 or -s open."),
    (["open", "a", "b"], "Too many files. smtpscope open FILE; a server called open is open:25 or -s open."),
    (["open", "-"], "A session is opened from a file: the keyboard is standard input."),
    (["open", "a", "-tls"], "-tls has no place here: smtpscope open FILE"),
    (["export"], "Which file? smtpscope export FILE --as KIND; a server called export is export:25 or -s export."),
    (["export", ""], "Which file? smtpscope export FILE --as KIND; a server called export is export:25 or -s export."),
    (["export", "a", "-s", "b"], "--server has no place here: smtpscope export FILE --as KIND"),
    (["export", "a", "--as", "pdf"],
     "--as is transcript, jsonl, markdown, html, svg, swaks, curl, openssl or python, not pdf."),
    (["mail.test", "--as", "html"], "--as belongs to export: smtpscope export FILE --as KIND"),
    (["diff", "a"], "Which two files? smtpscope diff A B; a server called diff is diff:25 or -s diff."),
    (["diff", "-", "-"], "Only one of the two sessions can come from standard input."),
    (["mail.test", "--save", "-"], "--save takes the name of a file."),
    (["mail.test", "--save", "."], ". is there already: --save writes over nothing, choose another name."),
    (["mail.test", "--save", "no/such"], "no/such cannot be written: its folder is not there."),
    (["mail.test", "--save", "a\0b"], "a\0b is not the name of a file."),
    # which server
    (["-tls"], "Which server? smtpscope HOST[:PORT], or smtpscope demo to practise."),
    (["a.test", "b.test"], "One server at a time, not a.test and b.test."),
    (["a.test", "-s", "b.test"], "One server at a time, not a.test and b.test."),
    (["demo", "-s", "b.test"], "One server at a time, not demo and b.test."),
    (["-a", "X", "y"], "One server at a time, not X and y. -a takes a list such as PLAIN,CRAM-MD5, or nothing."),
    (["y.test", "-a", "FOO"], "FOO is no mechanism known here. -a takes a list such as PLAIN,CRAM-MD5, or nothing."),
    (["-a", "FOO", "localhost"], "FOO is no mechanism known here. -a takes a list such as PLAIN,CRAM-MD5, or nothing."),
    (["--tls-ca", "x"], "--tls-ca is not an option: did you mean --tls-ca-path?"),
    (["a.test:25", "-p", "26"], "Which port? a.test:25 has one, and -p says 26."),
    (["a.test", "-p", "70000"], "70000 is not a port: a number from 1 to 65535 or a service's name."),
    (["a@b.test"], "a@b.test is not a host name: write HOST or HOST:PORT."),
    (["a.test", "-4", "-6"], "-4 and -6 leave no address: choose one."),
    (["a.test", "-li", "lo"], "lo is not an address of this machine: -li takes IP or IP:PORT."),
    # names and values
    (["-p25"], "A value stands apart from its option: write -p PORT"),
    (["--port=x"], "x is not a port: a number from 1 to 65535 or a service's name."),
    (["-fa@b.test"], "A value stands apart from its option: write -f ADDRESS"),
    (["-apwonderland"], "A value stands apart from its option: write -ap [PASSWORD]"),
    (["--ap=wonderland"], "A value stands apart from its option: write -ap [PASSWORD]"),
    (["--ascii=yes"], "--ascii takes no value."),
    (["--serv", "a.test"], "--serv is not an option: did you mean --server?"),
    (["--no-transcripts"], "--no-transcripts is not an option: did you mean --no-transcript?"),
    (["-tlsx"], "-tlsx is not an option: did you mean -tls?"),
    (["-q", "MAIL"], "-q is not an option: --help lists them all."),
    (["---"], "--- is not an option: --help lists them all."),
    (["a.test", "-h"], "-h needs the name for EHLO; help is --help."),
    (["-h", "-tls", "a.test"], "-h needs the name for EHLO; help is --help."),
    (["--helo"], "--helo needs the name for EHLO; help is --help."),
    (["a.test", "-f"], "-f needs a value: -f ADDRESS"),
    (["a.test", "-f", "-t", "b@c.test"], "-f needs a value: -f ADDRESS"),
    (["a.test", "-t", ","], "-t needs a value: -t ADDRESS,ADDRESS"),
    (["a.test", "-h", ""], "The name for EHLO is empty."),
    (["a.test", "--auto", "rcpt"], "--auto is none, banner, ehlo, tls or auth, not rcpt."),
    (["a.test", "--timeout", "soon"], "soon is not a time: write 30, 30s, 2m or 1h, or 0 for no limit."),
    (["a.test", "-tls", "-tlsc"], "-tls is STARTTLS and -tlsc is TLS from the first octet on: choose one."),
    # what would break out of its line
    (["a.test", "-f", "a@b\r\nDATA"], "The address has a line break or a control character in it (U+000D)."),
    (["a.test", "-t", "a@b> SIZE=1"], "a@b> SIZE=1 would break out of its angle brackets: give the bare address."),
    (["a.test", "-h", "me\nRSET"], "The name for EHLO has a line break or a control character in it (U+000A)."),
    (["a.test", "-au", "a\0b"], "The user name has a line break or a control character in it (U+0000)."),
    (["a.test", "-ap", "a\0b"], "The password has a line break or a control character in it (U+0000)."),
    (["a.test", "-f", "\udcff@b.test"], "The address is not text in this terminal's encoding."),
    # files
    (["a.test", "-d", "@no/such/file"], "no/such/file cannot be read: No such file or directory."),
    (["a.test", "-d", "@."], ". cannot be read: it is a folder."),
    (["a.test", "-d", "@"], "The name of a file is missing."),
    (["a.test", "-d", "@/dev/zero"], "/dev/zero cannot be read: it is not a regular file."),
    (["a.test", "-d", "@a\0b"], "a\0b is not the name of a file."),
    (["a.test", "-d", "-"], "The message cannot come from standard input, the keyboard is there: write -d @FILE."),
    (["a.test", "--tls-ca-path", "no/such"], "no/such cannot be read: No such file or directory."),
    # the practice server
    (["demo", "-tls"], "-tls has no place here: the practice server has its own TLS and login."),
    (["demo", "-au", "bob"], "-au has no place here: the practice server has its own TLS and login."),
    (["demo", "--serve-only", "-f", "<>"], "--from has no place here: the practice server alone takes -p only."),
    (["a.test", "--serve-only"], "--serve-only belongs to the practice server: smtpscope demo --serve-only -p PORT"),
]  # fmt: skip


@pytest.mark.parametrize(("words", "sentence"), REFUSED, ids=lambda value: ascii(value)[:40])
def test_words_are_refused_in_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(click.UsageError) as refused:
        read(words)
    assert refused.value.message == sentence


def test_a_message_file_and_trust_anchors_are_named_not_read(tmp_path: Path) -> None:
    note = tmp_path / "note.eml"
    note.write_bytes(b"Subject: x\n")
    words = ["mail.test", "-d", f"@{note}", "--tls-ca-path", str(tmp_path)]
    assert read(words) == host(data_path=str(note), tls_ca_path=str(tmp_path))
    assert read(["mail.test", "--tls-ca-path", str(note)]) == host(tls_ca_path=str(note))


def option_names() -> Iterator[tuple[str, bool]]:
    """Every name without dashes, and whether a value follows it."""
    for option in COMMAND.get_params(click.Context(COMMAND)):
        if isinstance(option, click.Option):
            for name in option.opts:
                yield name.lstrip("-"), not option.is_flag


SENSIBLE = {
    "a": "LOGIN",
    "auth": "LOGIN",
    "port": "25",
    "p": "25",
    "li": "::1",
    "timeout": "1",
    "auto": "tls",
    "tls-ca-path": ".",
    "tls-protocol": "tlsv1_2",
    "tlsp": "tlsv1_2",
    "tls-cert": __file__,
    "tls-key": __file__,
    "tls-chain": __file__,
    "password": "netrc",
    "as": "html",
}


@pytest.mark.parametrize(("name", "takes_value"), option_names())
def test_one_dash_and_two_are_the_same_name(name: str, takes_value: bool) -> None:
    target = {
        "s": [],
        "server": [],
        "serve-only": ["demo"],
        "as": ["export", "a.jsonl"],
        "tls-cert": ["mail.test", "--tls-key", __file__],
        "tls-key": ["mail.test", "--tls-cert", __file__],
        "tls-chain": ["mail.test", "--tls-cert", __file__, "--tls-key", __file__],
    }.get(name, ["mail.test"])
    value = [SENSIBLE.get(name, "x")] if takes_value else []
    one, two = ([*target, dashes + name, *value] for dashes in ("-", "--"))
    if name in ("help", "help-tls", "version"):
        assert main(one) == main(two) == 0
    else:
        assert read(one) == read(two)


def test_help_fits_a_screen_and_names_every_option() -> None:
    lines = HELP.splitlines()
    assert len(lines) <= 23
    assert max(map(len, lines)) <= 79
    words = (
        f"{HELP} {HELP_TLS.replace('[-strict]', ' --tls-optional-strict')}".replace(",", " ").replace(";", " ").split()
    )
    assert [name for name, _ in option_names() if not {f"-{name}", f"--{name}"} & set(words)] == []
    assert len([line for line in lines if line.startswith("  smtpscope ")]) == 3


@pytest.mark.parametrize("example", [line for line in HELP.splitlines() if line.startswith("  smtpscope ")])
def test_the_examples_of_the_help_work(example: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.eml").touch()
    words = example.split("   ")[0].split()[1:]
    assert isinstance(read(words), Profile)


EXAMPLES = f"{cli._EXAMPLES}\n"


words_of_a_user = st.one_of(
    st.sampled_from([dashes + name for name, _ in option_names() for dashes in ("-", "--") if name != "serve-only"]),
    st.sampled_from(
        ["demo", "mail.test", "[::1]:25", "@", "@/", "-", "--", "", "<>", "PLAIN", "\x1b]0;x\x07", "\udcff"]
    ),
    st.text(max_size=8),
    st.text(max_size=8).map(lambda text: f"-{text}"),
    st.text(max_size=8).map(lambda text: f"--port={text}"),
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(words=st.lists(words_of_a_user, max_size=6))
def test_no_words_give_a_traceback_or_a_control_character(
    words: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")  # so that the screen is never opened
    code = main(words)
    out, err = capsys.readouterr()
    assert code in (0, 1, 10)
    if code == 0:
        assert out in (f"{HELP}\n", f"{HELP_TLS}\n", f"smtpscope {__version__}\n")
        assert err == ""
    else:
        assert out == ""
        assert err.startswith("smtpscope: ")
        assert err.count("\n") == (4 if err == EXAMPLES else 1)
        assert all(character.isprintable() or character == "\n" for character in err)


def run(*words: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
    """The program in a process of its own, without a terminal."""
    command = [sys.executable, "-m", "smtpscope", *words]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=60, **more)


def test_without_words_three_examples() -> None:
    done = run()
    assert done.returncode == 1
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert lines[0].endswith("--help for the rest:")
    assert len(lines) == 4
    assert all(isinstance(read(line.split()[1:]), Profile) for line in lines[1:])


@pytest.mark.parametrize("word", ["--version", "-version"])
def test_version(word: str) -> None:
    done = run(word)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"smtpscope {__version__}\n".encode(), b"")


def test_a_bad_option_is_one_sentence_and_exit_1() -> None:
    done = run("mail.test", "--hel\x1b[2Jo")
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert b"is not an option" in done.stderr
    assert b"\x1b" not in done.stderr


def test_no_terminal_is_one_sentence_and_exit_10() -> None:
    done = run("mail.test")
    assert done.returncode == 10
    assert done.stderr.startswith(b"smtpscope: This needs a terminal")
    assert done.stderr.count(b"\n") == 1


@pytest.mark.parametrize("words", [["open", "/nonexist"], ["mail.test", "--password", "@/nonexist"]])
def test_a_file_that_is_not_there_is_said_before_a_terminal_is_missed(words: list[str]) -> None:
    done = run(*words)
    assert done.returncode == 1
    assert done.stderr == b"smtpscope: /nonexist cannot be read: No such file or directory.\n"


def test_what_tls_is_to_use_is_judged_before_the_screen_opens(tmp_path: Path) -> None:
    done = run("mail.test", "--tls-cipher", "NO-SUCH")
    assert done.returncode == 1
    assert done.stderr.startswith(b"smtpscope: OpenSSL knows no cipher by NO-SUCH")
    text = tmp_path / "text.pem"
    text.write_text("no certificate")
    done = run("mail.test", "--tls-cert", str(text), "--tls-key", str(text))
    assert done.returncode == 1
    assert done.stderr.startswith(b"smtpscope: No key can be read from")


def test_a_password_is_asked_for_in_words_that_cannot_hurt_the_terminal() -> None:
    code, written = on_a_terminal(["mail.test", "-au", "al\u202eice"], b"x\x04\x03", TERM="xterm-256color")
    assert code == 1
    assert "\u202e".encode() not in written


def test_closed_streams_are_no_terminal() -> None:
    command = f"exec {sys.executable} -m smtpscope mail.test <&- >&- 2>&-"
    assert subprocess.run(["sh", "-c", command], timeout=60).returncode == 10


def on_a_terminal(words: list[str], typed: bytes, **environment: str) -> tuple[int, bytes]:
    """The exit code of the program on a terminal of its own, and what it wrote there; ``typed`` answers a prompt."""
    master, slave = pty.openpty()
    # The shell leads a new session, so that the terminal it opens becomes the one that ^C and /dev/tty are of.
    shell = ["sh", "-c", 'exec "$@" <"$0" >"$0" 2>&1', os.ttyname(slave), sys.executable, "-m", "smtpscope", *words]
    process = subprocess.Popen(shell, stdin=slave, env={**os.environ, **environment}, start_new_session=True)
    os.close(slave)
    written = b""
    try:
        while chunk := os.read(master, 4096):
            written += chunk
            if typed and written.endswith(b": "):
                os.write(master, typed)
                typed = b""
    except OSError:
        pass  # how Linux says that the last process has left the terminal
    finally:
        os.close(master)
    return process.wait(), written


@pytest.mark.parametrize("terminal", ["dumb", ""])
def test_a_dumb_terminal_is_none(terminal: str) -> None:
    code, written = on_a_terminal(["mail.test"], b"", TERM=terminal)
    assert code == 10
    assert b"This needs a terminal" in written


def test_a_missing_password_is_asked_for_unseen_and_may_be_refused() -> None:
    code, written = on_a_terminal(["mail.test", "-au", "alice"], b"wonder\x04\x03", TERM="xterm-256color")
    assert code == 1
    assert written.startswith(b"Password of alice at mail.test: ")
    assert b"No credentials were given." in written
    assert b"wonder" not in written


def test_a_login_without_a_name_asks_for_it() -> None:
    code, written = on_a_terminal(["mail.test", "-a"], b"\x04", TERM="xterm-256color")
    assert code == 1
    assert written.startswith(b"User name: ")


def test_the_practice_server_alone_says_how_to_reach_it(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "smtpscope", "demo", "--serve-only"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        program, *words = server.stdout.readline().split()
        server.send_signal(signal.SIGINT)
        assert server.wait(30) == 0
    words[words.index("--tls-ca-path") + 1] = str(tmp_path / "smtpscope-demo-ca.pem")
    client = read(words)
    assert program == "smtpscope"
    assert isinstance(client, Profile)
    assert (client.server, client.user, client.tls, client.auto) == ("localhost", "alice", "starttls", "auth")
    assert client.port > 0
