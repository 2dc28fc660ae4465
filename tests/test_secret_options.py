"""Passwords and the command line: each way to give one, and that none of them leaves it behind."""

from __future__ import annotations

import shlex
from base64 import b64encode
from pathlib import Path

import click
import pytest

from e2e.terminal import PROGRAM, Terminal
from servers.echoing import echoing, leaks
from servers.scripted import ScriptedServer
from smtpscope.again import line_of
from smtpscope.options import Wanted, read
from smtpscope.profile import Profile
from smtpscope.secret import Secret

WORD = "Wönder7land"
SOURCES = ["@/a/file", "env:MAIL_WORD", "cmd:pass show mail", "netrc", "netrc:/a/file", "keyring", "keyring:mail"]


def wanted(*words: str) -> Wanted | None:
    return read(["mail.test", *words])


@pytest.mark.parametrize("source", [*SOURCES, "-"])
def test_a_source_is_part_of_the_profile_and_nothing_is_read_yet(source: str) -> None:
    expected = Profile("mail.test", 25, login_wanted=True, user="alice", password_source=source, auto="auth")
    assert wanted("-au", "alice", "--password", source) == expected
    assert wanted("-au", "alice", "-password", source) == expected


def test_a_variable_has_an_option_of_its_own() -> None:
    assert wanted("--password-env", "MAIL_WORD") == wanted("--password", "env:MAIL_WORD")


@pytest.mark.parametrize("name", ["-ap", "--ap", "-auth-password", "--auth-password"])
def test_it_has_both_of_swaks_names(name: str) -> None:
    assert wanted("--auth-user", "alice", name, WORD) == wanted("-au", "alice", "-ap", WORD)
    assert wanted(name) == wanted("-ap")
    assert wanted(name) != wanted()


@pytest.mark.parametrize("literal", ["@file", "-", "cmd:pass", "env:HOME", "netrc", "keyring"])
def test_ap_takes_anything_as_the_password_itself(literal: str) -> None:
    """As swaks does."""
    profile = wanted("-ap", literal)
    assert isinstance(profile, Profile)
    assert (profile.password, profile.password_source) == (Secret(literal), None)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--password", WORD], "--password takes a source"),
        (["--password"], "--password needs a value: --password SOURCE"),
        (["--password-env", ""], "--password takes a source"),
        ([f"--password={WORD}"], "stands apart"),
        ([f"--password{WORD}"], "stands apart"),
        ([f"-ap{WORD}"], "stands apart"),
        ([f"--auth-password={WORD}"], "stands apart"),
        ([f"-auth-password{WORD}"], "stands apart"),
        ([f"-ap={WORD}"], "stands apart"),
        ([f"--auth-pass={WORD}"], "--auth-pass is not an option"),
        ([f"--pass={WORD}"], "--pass is not an option"),
        ([f"--smtp-secret={WORD}"], "--smtp-secret is not an option"),
        (["--auth-password", WORD, "--password", "netrc"], "One password is enough: -ap or --password."),
        (["-ap", WORD, "--password", "netrc"], "One password is enough: -ap or --password."),
        (["-ap", "--password", "netrc"], "One password is enough"),
        (["--password-env", "A", "--password", "netrc"], "--password or --password-env"),
    ],
)
def test_what_is_wrong_is_said_and_no_password_repeated(words: list[str], sentence: str) -> None:
    with pytest.raises(click.UsageError) as caught:
        wanted(*words)
    assert sentence in caught.value.message
    assert WORD not in caught.value.message


def test_the_practice_server_has_its_own_password() -> None:
    with pytest.raises(click.UsageError, match="--password has no place here"):
        read(["demo", "--password", "netrc"])


# -- what is remembered


@pytest.mark.parametrize("source", SOURCES)
def test_the_source_is_remembered_and_not_what_came_of_it(source: str) -> None:
    given = Profile("mail.test", 25, login_wanted=True, password_source=source, password=Secret(WORD), auto="auth")
    line = line_of(given)
    assert WORD not in line
    assert read(shlex.split(line)) == Profile("mail.test", 25, login_wanted=True, password_source=source, auto="auth")


@pytest.mark.parametrize("source", ["-", f"cmd:echo {WORD}", f"cmd:echo {WORD.encode().hex()}", "cmd:echo WöNDER7LAND"])
def test_a_pipe_and_a_command_with_the_password_in_it_are_not_remembered(source: str) -> None:
    given = Profile("mail.test", 25, login_wanted=True, password_source=source, password=Secret(WORD), user="alice")
    assert "password" not in line_of(given)
    assert not leaks(line_of(given), WORD)


# -- a run of each

STARTING = ("/bin/sh", "-c", 'echo $$ >"$HOME/pid"; exec "$@"', "sh", *PROGRAM)
PIPING = ("/bin/sh", "-c", 'echo "$MAIL_WORD" | "$@"', "sh", *STARTING)
CLOSING = ("/bin/sh", "-c", '"$@" <&-', "sh", *PROGRAM)
WAYS = ["-ap", "--auth-password", "@", "env:", "cmd:", "netrc:", "-", "prompt"]


def words_for(way: str, folder: Path) -> list[str]:
    """The words that give the password this way, from files in ``folder``."""
    (folder / "word").write_text(f"{WORD}\n")
    (folder / "netrc").write_text(f"machine 127.0.0.1 login alice password {WORD}\n")
    (folder / "netrc").chmod(0o600)
    match way:
        case "-ap" | "--auth-password":
            return ["-au", "alice", way, WORD]
        case "prompt":
            return ["-au", "alice", "-ap"]
        case "netrc:":
            return ["--password", f"netrc:{folder / 'netrc'}"]
    rest = {"@": folder / "word", "env:": "MAIL_WORD", "cmd:": f"cat {folder / 'word'}", "-": ""}[way]
    return ["-au", "alice", "--password", f"{way}{rest}"]


@pytest.mark.parametrize("way", WAYS)
async def test_a_password_logs_in_and_stays_nowhere(way: str, tmp_path: Path) -> None:
    home, folder = tmp_path / "home", tmp_path / "given"
    home.mkdir()
    folder.mkdir()
    async with ScriptedServer(echoing(WORD), timeout=60) as server:
        words = [f"127.0.0.1:{server.port}", "-a", "PLAIN", *words_for(way, folder)]
        program = PIPING if way == "-" else STARTING
        async with Terminal(*words, home=home, size=(120, 40), env={"MAIL_WORD": WORD}, program=program) as terminal:
            if way == "prompt":
                await terminal.sees("Password of ")
                await terminal.press(*WORD, "Enter")
            await terminal.sees("AUTH PLAIN [hidden]", "535")
            process = (home / "pid").read_text().strip()
            (home / "pid").unlink()
            shown = Path(f"/proc/{process}/cmdline").read_bytes().decode()
            assert "smtpscope" in shown
            assert not leaks(shown, WORD)
            assert not leaks(await terminal.screen(), WORD)
            await terminal.leave()
            _, text = await terminal.ended()
    assert "AUTH PLAIN" in text
    assert not leaks(text, WORD)
    assert b64encode(f"\0alice\0{WORD}".encode()) in server.received
    files = [file for file in home.rglob("*") if file.is_file()]
    assert {"starts"} <= {file.name for file in files}
    for file in files:
        assert not leaks(file.read_text(encoding="utf-8"), WORD), file


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--password", "@/no/such/file"], "/no/such/file cannot be read: No such file or directory."),
        (["--password", "cmd:false"], "false ended with exit code 1: run it by hand to see why."),
        (["--password-env", "NOT_SET"], "The environment variable NOT_SET is not set."),
        (["--password", "-"], "There is no standard input."),
    ],
)
async def test_without_its_password_it_says_why_and_does_not_start(
    words: list[str], sentence: str, tmp_path: Path
) -> None:
    program = CLOSING if words[-1] == "-" else PROGRAM
    async with Terminal(
        "127.0.0.1:9", "-au", "alice", *words, home=tmp_path, size=(120, 23), program=program
    ) as terminal:
        code, text = await terminal.ended()
    assert code == 1
    assert f"smtpscope: {sentence}\n" in text


async def test_a_password_that_is_no_text_is_not_repeated(tmp_path: Path) -> None:
    """Typed at the prompt of a terminal with another encoding."""
    async with Terminal("127.0.0.1:9", "-au", "alice", "-ap", home=tmp_path, size=(120, 23)) as terminal:
        await terminal.sees("Password of ")
        await terminal._tmux("send-keys", "-H", "73", "65", "fc", "0a")
        code, text = await terminal.ended()
    assert code == 1
    assert "smtpscope: The password is not text in this terminal's encoding.\n" in text
    assert "0xfc" not in text
