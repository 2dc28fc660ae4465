"""EHLO keywords in plain words."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.session.keywords import KEYWORDS, meaning, parameters, size_of

REGISTRY = {
    "SEND": 821, "SOML": 821, "SAML": 821, "EXPN": 5321, "HELP": 5321, "TURN": 5321, "8BITMIME": 6152, "SIZE": 1870,
    "VERB": 0, "ONEX": 0, "CHUNKING": 3030, "CHECKPOINT": 1845, "PIPELINING": 2920, "DSN": 3461, "ETRN": 1985,
    "ENHANCEDSTATUSCODES": 2034, "STARTTLS": 3207, "NO-SOLICITING": 3865, "MTRK": 3885, "SUBMITTER": 4405,
    "ATRN": 2645, "AUTH": 4954, "FUTURERELEASE": 4865, "DELIVERBY": 2852, "BURL": 4468, "CONPERM": 4141,
    "CONNEG": 4141, "SMTPUTF8": 6531, "UTF8SMTP": 5336, "MT-PRIORITY": 6710, "BINARYMIME": 3030, "RRVS": 7293,
    "REQUIRETLS": 8689, "LIMITS": 9422,
}  # fmt: skip
"""IANA, Mail Parameters, SMTP Service Extensions, with the RFC that defines each today; 0 where none does."""


def test_the_whole_registry_is_known_and_nothing_else_is_called_registered() -> None:
    assert {name for name, keyword in KEYWORDS.items() if keyword.registered} == set(REGISTRY)


@pytest.mark.parametrize(("name", "rfc"), REGISTRY.items())
def test_a_registered_keyword_names_its_rfc(name: str, rfc: int) -> None:
    source = KEYWORDS[name].source
    assert source.split()[:2] == ["RFC", str(rfc)] if rfc else source == "IANA registry"


@pytest.mark.parametrize("name", KEYWORDS)
def test_every_keyword_has_one_short_sentence(name: str) -> None:
    keyword = KEYWORDS[name]
    assert re.fullmatch(r"[ -~]{20,80}\.", keyword.sentence)
    assert re.fullmatch(r"[ -~]{4,40}", keyword.source)
    assert re.fullmatch(r"[A-Z0-9][A-Z0-9-]*", name), "as RFC 5321 4.1.1.1 has them"


def test_a_keyword_is_known_in_any_case_of_letters() -> None:
    assert meaning("starttls") is KEYWORDS["STARTTLS"]
    assert meaning("XXXXXXXA") is None


@pytest.mark.parametrize(
    ("keyword", "given", "words"),
    [
        ("SIZE", "10240000", "at most 10,240,000 octets (9.8 MiB)"),
        ("SIZE", "900", "at most 900 octets"),
        ("SIZE", "0", "no fixed limit"),
        ("SIZE", "", "no limit is said"),
        ("SIZE", "10M", "this is no size: it should be one number"),
        ("auth", "PLAIN scram-sha-256-plus", "PLAIN (password in clear), SCRAM-SHA-256-PLUS (challenge, bound to TLS)"),
        ("AUTH", "CRAM-MD5 FOO", "CRAM-MD5 (challenge), FOO"),
        ("LIMITS", "RCPTMAX=100 MAILMAX=1", "at most 100 recipients a message, at most 1 message a connection"),
        ("LIMITS", "RCPTMAX=many", "RCPTMAX=many"),
        ("DELIVERBY", "240", "not in less than 240 s"),
        ("FUTURERELEASE", "86400 2030-01-01T00:00:00Z", "at most for 86,400 s, until 2030-01-01T00:00:00Z"),
        ("MT-PRIORITY", "STANAG4406", "priorities by STANAG4406"),
        ("PIPELINING", "what", ""),
        ("DSN", "", ""),
    ],
)
def test_parameters_in_words(keyword: str, given: str, words: str) -> None:
    assert parameters(keyword, given) == words


@pytest.mark.parametrize(
    ("given", "size"),
    [("", 0), ("0", 0), ("52428800", 52428800), ("10M", None), ("-1", None), ("1 2", None), ("\u0661", None),
     ("9" * 20, int("9" * 20)), ("9" * 21, None)],
)  # fmt: skip
def test_the_size_that_is_declared(given: str, size: int | None) -> None:
    assert size_of(given) == size


@given(st.sampled_from([*KEYWORDS, "WHAT"]), st.text(max_size=300) | st.from_regex(r"[A-Z=0-9 ]{0,60}"))
def test_whatever_stands_behind_a_keyword_gives_a_bounded_text(keyword: str, given: str) -> None:
    assert len(parameters(keyword, given)) < 1000
