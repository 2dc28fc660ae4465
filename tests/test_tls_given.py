"""The options for TLS mean what they do for swaks, and contradictions are one sentence."""

from __future__ import annotations

import re
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from smtpscope.again import line_of
from smtpscope.cli import main
from smtpscope.options import read
from smtpscope.profile import Profile
from smtpscope.smtp.tls_options import PROTOCOLS, TLSOptions
from smtpscope.tls_given import HELP


def host(**fields: Any) -> Profile:
    return Profile(**{"server": "mail.test", "port": 25, **fields})


def tls(**fields: Any) -> Profile:
    return host(tls_options=TLSOptions(**fields))


WANTED: list[tuple[list[str], Profile]] = [
    (["-tlso"], host(tls="starttls", tls_optional="any", auto="tls")),
    (["--tls-optional"], host(tls="starttls", tls_optional="any", auto="tls")),
    (["-tlsos"], host(tls="starttls", tls_optional="strict", auto="tls")),
    (["--tls-optional-strict"], host(tls="starttls", tls_optional="strict", auto="tls")),
    (["--tls-on-connect"], host(port=465, tls="implicit")),
    (["-tlsp", "tlsv1_3"], tls(protocols=("tlsv1_3",))),
    (["--tls-protocol", "no_sslv3"], tls(protocols=PROTOCOLS)),
    (["--tls-cipher", "ECDHE+AESGCM:TLS_AES_128_GCM_SHA256"], tls(cipher="ECDHE+AESGCM:TLS_AES_128_GCM_SHA256")),
    (["--tls-sni", "other.test"], tls(sni="other.test")),
    (["--tls-sni", ""], tls(sni="")),
    (["--tls-sni="], tls(sni="")),
    (["-tlsp=tlsv1_3", "-tls-sni=a=b.test"], tls(protocols=("tlsv1_3",), sni="a=b.test")),
    (["--tls-cipher=-ALL:ECDHE"], tls(cipher="-ALL:ECDHE")),
    (["--tls-get-peer-cert=cert.pem"], host(tls_get_peer_cert="cert.pem")),
    (["--tls-verify"], tls()),
    (["--tls-verify-ca"], tls(verify="ca")),
    (["--tls-verify-host"], tls(verify="host")),
    (["--tls-verify-ca", "--tls-verify-host"], tls()),
    (["--tls-verify-target", "mx.test"], tls(target="mx.test")),
    (["--tls-get-peer-cert", "-tls"], host(tls="starttls", tls_get_peer_cert="", auto="tls")),
    (["--tls-get-peer-chain", "chain.pem"], host(tls_get_peer_chain="chain.pem")),
    (["--keylog", "keys.log"], tls(keylog="keys.log")),
]


@pytest.mark.parametrize(("words", "wanted"), WANTED, ids=lambda value: " ".join(value) if type(value) is list else "")
def test_words_become_a_profile_and_are_remembered(words: list[str], wanted: Profile) -> None:
    assert read(["mail.test", *words]) == wanted
    again = replace(wanted, tls_options=replace(wanted.tls_options, keylog=None))  # what is written belongs to one run
    assert read(shlex.split(line_of(wanted))) == replace(again, tls_get_peer_cert=None, tls_get_peer_chain=None)


def test_a_client_certificate_is_remembered_where_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("cert.pem", "key.pem", "chain.pem"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    words = ["--tls-cert", "cert.pem", "--tls-key", "key.pem", "--tls-chain", "chain.pem"]
    given = read(["mail.test", *words])
    assert given == tls(cert="cert.pem", key="key.pem", chain="chain.pem")
    assert isinstance(given, Profile)
    line = line_of(given)
    monkeypatch.chdir("/")
    assert read(shlex.split(line)) == tls(**{name: str(tmp_path / f"{name}.pem") for name in ("cert", "key", "chain")})


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["-tls", "-tlsc"], "-tls is STARTTLS and -tlsc is TLS from the first octet on: choose one."),
        (["-tlsc", "-tlso"], "-tlsc and -tlso do not go together: choose one."),
        (["-tlsp", "tls1.2"], "tls1.2 is no TLS version: choose from tlsv1, tlsv1_1, tlsv1_2, tlsv1_3"),
        (["-tlsp"], "-tlsp needs a value: -tlsp LIST"),
        (["--tls-verify-ca", "--tls-insecure"], "--tls-verify-ca and --tls-insecure contradict each other"),
        (["--tls-cert", __file__], "--tls-cert needs --tls-key beside it"),
        (["--tls-key", "/no/such"], "/no/such cannot be read: No such file or directory."),
        (["--tls-sni", "x" * 256], "The name for --tls-sni is longer than 255 octets."),
        (["--tls-sni", "a\nb"], "The name for --tls-sni has a line break or a control character in it"),
        (["--tls-verify-target", ""], "The name for --tls-verify-target is empty."),
        (["--tls-cipher", ""], "The cipher string is empty."),
        (["--keylog", ""], "--keylog takes the name of a file."),
        (["--keylog", "/"], "/ cannot be written: it is a folder."),
        (["--tls-get-peer-cert", "/no/such/x"], "/no/such/x cannot be written: its folder is not there."),
    ],
)
def test_what_cannot_be_is_one_sentence(words: list[str], sentence: str) -> None:
    with pytest.raises(click.UsageError, match=f"^{re.escape(sentence)}"):
        read(["mail.test", *words])


def test_the_help_for_tls_fits_a_screen_and_its_examples_work(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert main(["--help-tls"]) == 0
    assert capsys.readouterr().out == f"{HELP}\n"
    lines = HELP.splitlines()
    assert len(lines) <= 24
    assert max(map(len, lines)) <= 79
    monkeypatch.chdir(tmp_path)
    for name in ("me.pem", "me.key"):
        (tmp_path / name).touch()
    for example in [line for line in lines if line.startswith("  smtpscope ")]:
        assert isinstance(read(example.split()[1:]), Profile)
