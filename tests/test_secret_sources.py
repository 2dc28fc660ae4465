"""Where a password comes from: the exact octets or one sentence, in which nothing of it stands."""

import os
import pty
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from keyring.backend import KeyringBackend
from keyring.errors import KeyringLocked

from smtpscope import secret_sources
from smtpscope.secret import Secret
from smtpscope.secret_sources import LONGEST, check

WORD = "Wörk 17%"
ENDS = [b"", b"\n", b"\r\n"]


def read(source: str, user: str | None = "alice", server: str = "mail.test") -> tuple[str | None, Secret]:
    return secret_sources.read(source, user=user, server=server)


def refused(source: str, user: str | None = "alice") -> str:
    """The one sentence that says why there is no password."""
    with pytest.raises(ValueError, match=r"\S") as caught:
        read(source, user)
    sentence = str(caught.value)
    assert "\n" not in sentence
    assert WORD not in sentence
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return sentence


# -- how a source is written


@pytest.mark.parametrize(
    "source",
    ["@word", "-", "env:WORD", "cmd:pass show mail", "netrc", "netrc:/a:b", "keyring", "keyring:mail.test"],
)
def test_sources_are_taken_as_they_are(source: str) -> None:
    assert check(source) == source


@pytest.mark.parametrize("source", [WORD, "", "@", "cmd:", "env:", "netrc:", "keyring:", f"cmd {WORD}", f"pass:{WORD}"])
def test_what_is_no_source_is_refused_and_not_repeated(source: str) -> None:
    sentence = refused(source)
    assert "-ap" in sentence
    assert "@FILE" in sentence


# -- files


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=40).filter(lambda word: word[-1] not in b"\r\n"), st.sampled_from(ENDS))
def test_a_file_gives_its_octets_without_one_line_end(tmp_path: Path, word: bytes, end: bytes) -> None:
    (tmp_path / "word").write_bytes(word + end)
    assert read(f"@{tmp_path / 'word'}")[1] == Secret(word)


@pytest.mark.parametrize(
    ("octets", "kept"),
    [(b"a\n\n", "a\n"), (b"a\r\n\r\n", "a\r\n"), (b" a \n", " a "), (b"a\r", "a\r"), (b"\na", "\na")],
)
def test_only_one_line_end_is_cut(tmp_path: Path, octets: bytes, kept: str) -> None:
    (tmp_path / "word").write_bytes(octets)
    assert read(f"@{tmp_path / 'word'}")[1] == Secret(kept)


def test_files_that_give_no_password_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"\n")
    (tmp_path / "long").write_bytes(WORD.encode() * LONGEST)
    (tmp_path / "as_long_as_can_be").write_bytes(b"x" * LONGEST)
    assert refused(f"@{tmp_path / 'none'}") == f"{tmp_path / 'none'} cannot be read: No such file or directory."
    assert "Is a directory" in refused(f"@{tmp_path}")
    assert "empty password" in refused(f"@{tmp_path / 'empty'}")
    assert "more than 65,536 octets" in refused(f"@{tmp_path / 'long'}")
    assert "not the name of a file" in refused("@a\0b")
    assert len(read(f"@{tmp_path / 'as_long_as_can_be'}")[1].reveal()) == LONGEST


def test_a_pipe_is_a_file(tmp_path: Path) -> None:
    """As of ``@<(pass show mail)``, in several writes."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def write() -> None:
        with pipe.open("wb", buffering=0) as file:
            for octet in f"{WORD}\n".encode():
                file.write(bytes([octet]))

    writer = threading.Thread(target=write)
    writer.start()
    assert read(f"@{pipe}")[1] == Secret(WORD)
    writer.join()


# -- standard input

PIPED = """
import os, sys
from smtpscope import secret_sources
try:
    user, secret = secret_sources.read("-", user="alice", server="mail.test")
    print(secret.reveal() == sys.argv[1], os.isatty(0), os.ttyname(0) == os.ttyname(2), flush=True)
    print(sys.stdin.readline().strip(), flush=True)
except ValueError as error:
    print(error)
"""


def piped(data: bytes, typed: bytes) -> str:
    """What a process says that reads its password from a pipe, and then a line from its terminal."""
    leader, follower = pty.openpty()
    try:
        os.write(leader, typed)
        process = subprocess.run(
            [sys.executable, "-c", PIPED, WORD],
            input=data,
            stdout=subprocess.PIPE,
            stderr=follower,
            timeout=60,
            check=True,
        )
    finally:
        os.close(follower)
        os.close(leader)
    return process.stdout.decode()


def test_standard_input_gives_the_password_and_then_the_keys() -> None:
    assert piped(f"{WORD}\n".encode(), b"typed\n") == "True True True\ntyped\n"


def test_an_empty_standard_input_is_told() -> None:
    assert piped(b"", b"") == "Standard input gave an empty password.\n"


# -- the environment


def test_an_environment_variable_is_taken_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAIL_WORD", f"{WORD}\n")
    assert read("env:MAIL_WORD") == ("alice", Secret(f"{WORD}\n"))
    monkeypatch.setenv("MAIL_WORD", "")
    assert refused("env:MAIL_WORD") == "The environment variable MAIL_WORD is empty."
    monkeypatch.delenv("MAIL_WORD")
    assert refused("env:MAIL_WORD") == "The environment variable MAIL_WORD is not set."


# -- commands


def python(code: str) -> str:
    return f"cmd:'{sys.executable}' -c \"{code}\""


def test_a_command_gives_what_it_prints(capfd: pytest.CaptureFixture[str]) -> None:
    code = f"import sys; print('{WORD}'); print('{WORD}', file=sys.stderr)"
    assert read(python(code)) == ("alice", Secret(WORD))
    assert capfd.readouterr() == ("", "")


def test_there_is_no_shell(tmp_path: Path) -> None:
    _, secret = read(f"cmd:echo $HOME; touch {tmp_path / 'made'} | '*'")
    assert secret.reveal() == f"$HOME; touch {tmp_path / 'made'} | *"
    assert not list(tmp_path.iterdir())


def test_of_a_command_the_first_line_is_the_password() -> None:
    """What ``pass`` and its like have behind it are notes of their owner's."""
    assert read(python(f"print('{WORD}'); print('user: alice'); print()"))[1] == Secret(WORD)
    assert read(python("print('a ' + chr(13))"))[1] == Secret("a ")
    assert refused(python("print(); print('second')")) == "The command gave an empty password."


@pytest.mark.parametrize("line", ["false | head -n1", "false && true", "false ; true", "false 2> /dev/null"])
def test_who_wants_a_shell_is_told_that_there_is_none(line: str) -> None:
    assert refused(f"cmd:{line}") == "false ended with exit code 1: there is no shell, write cmd:sh -c '...'."
    told = refused(f"cmd:SESSION='{WORD}' mail-word")
    assert told == "A variable cannot stand before a command here: there is no shell, write cmd:sh -c '...'."


def test_a_command_that_gives_no_password_is_told() -> None:
    assert refused(python("exit(3)")).endswith("ended with exit code 3: run it by hand to see why.")
    assert refused(python(f"print('{WORD}'); exit(1)"))
    assert "signal 15" in refused(python("import os; os.kill(os.getpid(), 15)"))
    assert refused("cmd:/no/such/program -x") == "/no/such/program cannot be run: No such file or directory."
    assert "quotation mark" in refused(f"cmd:pass '{WORD}")
    assert refused("cmd: ") == "The command is empty: write cmd:COMMAND."
    assert refused("cmd:true") == "The command gave an empty password."
    assert "NUL" in refused("cmd:a\0b")


def test_a_command_reads_nothing_of_the_keyboard() -> None:
    assert refused("cmd:cat") == "The command gave an empty password."


def test_a_command_without_end_is_ended() -> None:
    assert "more than 65,536 octets" in refused("cmd:yes")


def test_a_command_that_does_not_come_to_an_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(secret_sources, "PATIENCE", 0.2)
    assert refused("cmd:sleep 1000") == "sleep was not done after 0.2 seconds."
    closes = python("import os, time; os.close(1); time.sleep(1000)")
    monkeypatch.setattr(secret_sources, "PATIENCE", 3.0)
    assert refused(closes).endswith("was not done after 3 seconds.")


# -- netrc


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def netrc(home: Path, text: str, mode: int = 0o600) -> None:
    file = home / ".netrc"
    file.write_text(text)
    file.chmod(mode)


def test_netrc_gives_the_server_s_entry(home: Path) -> None:
    netrc(home, f'machine other.test login bob password x\nmachine mail.test login alice password "{WORD}"\n')
    assert read("netrc") == ("alice", Secret(WORD))
    assert read("netrc", user=None) == ("alice", Secret(WORD))
    (home / ".netrc").rename(home / "other")
    assert read(f"netrc:{home / 'other'}") == ("alice", Secret(WORD))


def test_netrc_may_be_elsewhere(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable that curl reads."""
    netrc(home, f'machine mail.test login alice password "{WORD}"\n')
    (home / ".netrc").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("NETRC", str(tmp_path / "elsewhere"))
    assert read("netrc", user=None) == ("alice", Secret(WORD))
    monkeypatch.setenv("NETRC", str(tmp_path / "nowhere"))
    assert refused("netrc") == f"{tmp_path / 'nowhere'} cannot be read: No such file or directory."


OF_NETRC = [
    "machine",
    "mail.test",
    "default",
    "login",
    "password",
    "macdef",
    "port",
    WORD,
    '"',
    "#",
    "\n",
    "\n\n",
    "\\",
]


@given(st.lists(st.sampled_from(OF_NETRC), max_size=12).map(" ".join))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_netrc_of_any_words_gives_a_password_or_one_sentence(home: Path, text: str) -> None:
    netrc(home, text)
    sentence = ""
    try:
        assert read("netrc", user=None)[1].reveal()
    except ValueError as error:
        sentence = str(error)
    assert WORD.split()[0] not in sentence
    assert sentence.startswith("~/.netrc ") or not sentence


def test_netrc_has_a_default_entry(home: Path) -> None:
    netrc(home, "default login alice password word\n")
    assert read("netrc", user=None) == ("alice", Secret("word"))


def test_netrc_that_gives_no_password_is_told(home: Path) -> None:
    assert refused("netrc") == "~/.netrc cannot be read: No such file or directory."
    entry = f'machine mail.test login alice password "{WORD}"\n'
    netrc(home, entry, 0o644)
    assert refused("netrc") == "~/.netrc must belong to you and be closed to others: chmod 600 ~/.netrc"
    netrc(home, entry)
    assert "has alice for mail.test, not bob" in refused("netrc", "bob")
    netrc(home, f'{entry}"{WORD}" word\n')
    assert refused("netrc").startswith("~/.netrc is not as a netrc file should be")
    netrc(home, "machine other.test login a password b\n")
    assert refused("netrc") == "~/.netrc has no entry for mail.test, and no default."
    netrc(home, "machine mail.test login alice\n")
    assert "no password for mail.test" in refused("netrc")
    (home / ".netrc").write_bytes(b"machine \xff\xfe")
    assert "~/.netrc is not" in refused("netrc")


# -- the system's keyring


class Ring(KeyringBackend):
    """A keyring with two passwords and one that its owner does not open."""

    priority = 1

    def __init__(self) -> None:
        """Its base has no types."""

    def get_password(self, service: str, username: str) -> str | None:
        if service == "locked":
            raise KeyringLocked(WORD)
        if service == "broken":
            raise KeyError(WORD)  # not every backend keeps to its own errors
        return {("mail.test", "alice"): WORD, ("work", "alice"): "other"}.get((service, username))

    def set_password(self, service: str, username: str, password: str) -> None:
        raise NotImplementedError


@pytest.fixture
def ring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    yield
    keyring.set_keyring(before)


@pytest.mark.usefixtures("ring")
def test_the_keyring_gives_a_user_s_password_for_a_service() -> None:
    assert read("keyring") == ("alice", Secret(WORD))
    assert read("keyring:work") == ("alice", Secret("other"))
    assert refused("keyring", "bob") == "The system's keyring has no password of bob for mail.test."
    assert refused("keyring", None) == "The system's keyring needs the user's name: -au USER."
    assert refused("keyring:locked") == "The system's keyring cannot be used (KeyringLocked)."
    assert refused("keyring:broken") == "The system's keyring cannot be used (KeyError)."


def test_a_keyring_that_is_not_there_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is there, and what it was set to use is not."""
    monkeypatch.setenv("PYTHON_KEYRING_BACKEND", "no.such.Backend")
    monkeypatch.setattr("keyring.core._keyring_backend", None)
    assert refused("keyring") == "The system's keyring cannot be used (ModuleNotFoundError)."


def test_without_the_package_the_way_to_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)
    assert refused("keyring").endswith("needs one more package: pip install 'smtpscope[keyring]'")
