"""The command line that is remembered gives the same again, and has no secret in it."""

import shlex
from dataclasses import replace
from pathlib import Path

import click
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from smtpscope.again import line_of, words_of
from smtpscope.options import read
from smtpscope.profile import Profile
from smtpscope.secret import Secret

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=8)
OPTIONS = st.lists(
    st.one_of(
        st.sampled_from(
            [["-4"], ["--tls-insecure"], ["-tls"], ["-a"], ["-a", "PLAIN,LOGIN"], ["-f", "<>"], ["-ap", "wonderland"]]
        ),
        st.tuples(st.sampled_from(["-au", "-h", "-f", "-t"]), TEXT.filter(lambda text: text[0] != "-")).map(list),
        st.tuples(st.just("-d"), TEXT.filter(lambda text: text[0] not in "-@")).map(list),
        st.tuples(st.just("--timeout"), st.sampled_from(["0", "30", "0.000000001", "1.5m", "9h"])).map(list),
        st.tuples(st.just("--auto"), st.sampled_from(["none", "banner", "ehlo", "tls", "auth"])).map(list),
        st.tuples(st.just("-t"), st.just("<-a@x.test>,b@x.test")).map(list),
        st.tuples(st.just("-li"), st.sampled_from(["192.0.2.1", "[2001:db8::1]:99"])).map(list),
    ),
    max_size=6,
)
TARGETS = st.sampled_from(
    [
        "mail.test",
        "mail.test:587",
        "mail.test:465",
        "2001:db8::25",
        "[2001:db8::25]:26",
        "192.0.2.7",
        "demo:25",
        "open:25",
    ]
)


@given(TARGETS, OPTIONS)
def test_what_is_remembered_gives_the_same_without_secrets(target: str, options: list[list[str]]) -> None:
    try:
        wanted = read([target, *(word for option in options for word in option)])
    except click.UsageError:
        assume(False)
    assert isinstance(wanted, Profile)
    line = line_of(wanted)
    assert "wonderland" not in line
    assert read(shlex.split(line)) == replace(wanted, password=None, data=None)


@pytest.mark.parametrize(
    ("profile", "words"),
    [
        (Profile("mail.test", 465, tls="implicit"), ["mail.test", "-tlsc"]),
        (Profile("mail.test", 25, tls="implicit"), ["mail.test:25", "-tlsc"]),
        (Profile("mail.test", 25, auto="auth", login_wanted=True), ["mail.test", "-a"]),
        (
            Profile("mail.test", 25, auto="auth", login_wanted=True, user="a", password=Secret("wonderland")),
            ["mail.test", "-au", "a"],
        ),
        (Profile("mail.test", 25, save="a.jsonl", with_secrets=True, keep=False, ascii=True), ["mail.test"]),
        (Profile("mail.test", 25, data=b"Subject: private"), ["mail.test"]),
    ],
)
def test_only_what_belongs_to_the_server_is_remembered(profile: Profile, words: list[str]) -> None:
    assert words_of(profile) == words


def test_files_are_remembered_where_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("@note.eml", "ca.pem"):
        (tmp_path / name).touch()
    words = words_of(Profile("mail.test", 25, data_path="@note.eml", tls_ca_path="ca.pem"))
    monkeypatch.chdir("/")
    assert read(words) == Profile(
        "mail.test", 25, data_path=str(tmp_path / "@note.eml"), tls_ca_path=str(tmp_path / "ca.pem")
    )
