"""Reply codes and enhanced status codes in words."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.session.code_tables import CLASSES, ENHANCED_CODES, ENHANCED_SUBJECTS, IXP, OUTLOOK, REPLY_CODES
from smtpscope.session.codes import explain_code, explain_enhanced
from smtpscope.smtp.reply import ReplyReader

RFC_5321 = [
    211, 214, 220, 221, 250, 251, 252, 354, 421, 450, 451, 452, 455,
    500, 501, 502, 503, 504, 550, 551, 552, 553, 554, 555,
]  # fmt: skip
OTHERS = [235, 334, 353, 432, 454, 521, 530, 534, 535, 538, 556]


@pytest.mark.parametrize("code", [*RFC_5321, *OTHERS])
def test_every_code_that_servers_use_has_a_sentence_of_its_own_and_a_source(code: int) -> None:
    meaning = explain_code(code)
    assert meaning.sentence not in CLASSES.values()
    assert re.match(r"RFC \d{4} \d|draft-", meaning.source), meaning.source


def test_a_code_is_explained_by_its_digits() -> None:
    meaning = explain_code(550)
    assert (meaning.kind, meaning.subject, meaning.source) == ("permanent", "mail system", "RFC 5321 4.2.3")
    assert [explain_code(code).kind for code in (250, 354, 450, 550)] == ["success", "go on", "temporary", "permanent"]
    subjects = [explain_code(code).subject for code in (500, 211, 221, 535, 540, 550)]
    assert subjects == ["syntax", "information", "connection", "", "", "mail system"]


def test_a_code_that_nobody_has_defined_means_what_its_first_digit_says() -> None:
    for first, sentence in CLASSES.items():
        assert explain_code(first * 100 + 99).sentence == sentence
        assert explain_code(first * 100 + 99).source == "RFC 5321 4.3.2"


@pytest.mark.parametrize("code", [0, 99, 100, 199, 600, 999])
def test_a_code_of_no_class_says_so(code: int) -> None:
    assert explain_code(code).kind == ""
    assert explain_code(code).sentence == "SMTP has no replies of this class."


def test_the_name_and_number_that_outlook_users_saw() -> None:
    assert explain_code(550).ixp == "IXP_E_SMTP_550_MAILBOX_NOT_FOUND 0x800CCC69"
    assert explain_code(220).ixp == "IXP_E_SMTP_220_READY 0x000CCC72"
    assert explain_code(530).ixp == "IXP_E_SMTP_530_STARTTLS_REQUIRED 0x800CCC7C"
    for code in (235, 252, 353, 432, 455, 521, 534, 535, 538, 555, 556):
        assert explain_code(code).ixp == ""  # the header has no entry for these


def test_documented_names_are_of_their_code_and_of_its_class() -> None:
    numbers = [number for _, number in IXP.values()]
    assert len(set(numbers)) == len(numbers)
    for code, (name, number) in IXP.items():
        assert name.startswith(f"IXP_E_SMTP_{code}_")
        assert number >> 28 == (8 if code >= 400 else 0)


REGISTRY = [
    # subject, first and last detail, RFC: https://www.iana.org/assignments/smtp-enhanced-status-codes
    (0, 0, 0, 3463),
    (1, 0, 8, 3463), (1, 9, 9, 3886), (1, 10, 10, 7505),
    (2, 0, 4, 3463),
    (3, 0, 5, 3463), (3, 6, 6, 6710),
    (4, 0, 7, 3463),
    (5, 0, 5, 3463), (5, 6, 6, 4954),
    (6, 0, 5, 3463), (6, 6, 6, 4468), (6, 7, 10, 6531),
    (7, 0, 7, 3463), (7, 8, 9, 4954), (7, 10, 10, 5248), (7, 11, 12, 4954), (7, 13, 14, 5248), (7, 15, 16, 6710),
    (7, 17, 19, 7293), (7, 20, 26, 7372), (7, 27, 27, 7505), (7, 28, 28, 0), (7, 29, 29, 8617), (7, 30, 30, 8689),
]  # fmt: skip
"""The whole registry of enhanced status codes; of X.7.28 it names a person and no RFC."""


def test_the_whole_registry_is_there_each_with_its_rfc() -> None:
    expected = {(subject, n): rfc for subject, first, last, rfc in REGISTRY for n in range(first, last + 1)}
    assert set(ENHANCED_CODES) == set(expected)
    for (subject, detail), rfc in expected.items():
        meaning = explain_enhanced(f"5.{subject}.{detail}")
        assert meaning is not None
        assert meaning.detail
        assert meaning.sentence.endswith(".")
        assert meaning.source.startswith(f"RFC {rfc}" if rfc else "IANA registry"), (subject, detail)


def test_names_without_a_code_have_numbers_of_their_own() -> None:
    numbers = list(OUTLOOK.values())
    assert len(set(numbers)) == len(numbers)
    assert set(IXP.values()) <= set(OUTLOOK.items())
    assert all(number >> 28 == 8 for name, number in OUTLOOK.items() if name not in dict(IXP.values()))
    assert OUTLOOK["IXP_E_SMTP_REJECTED_RECIPIENTS"] == 0x800CCC79


def test_an_enhanced_code_is_explained_by_its_numbers() -> None:
    meaning = explain_enhanced("4.2.2")
    assert meaning is not None
    assert (meaning.kind, meaning.subject, meaning.detail) == ("temporary", "mailbox", "mailbox full")
    assert meaning.source == "RFC 3463 3.3"
    policy = explain_enhanced("5.7.8")
    assert policy is not None
    assert (policy.subject, policy.source) == ("security and policy", "RFC 4954 6")


def test_a_detail_or_subject_that_is_not_registered_keeps_the_rest() -> None:
    meaning = explain_enhanced("5.7.139")
    assert meaning is not None
    assert (meaning.kind, meaning.subject, meaning.detail, meaning.sentence) == (
        "permanent", "security and policy", "", "",
    )  # fmt: skip
    unknown = explain_enhanced("2.42.1")
    assert unknown is not None
    assert (unknown.kind, unknown.subject) == ("success", "")


@pytest.mark.parametrize("text", ["", "5", "5.1", "3.1.1", "5.1.1 x", "5.1.1234", "5.1.\u0661", "5.1.1\n"])
def test_what_is_no_enhanced_code_gives_none(text: str) -> None:
    assert explain_enhanced(text) is None


@given(st.integers(-1000, 10_000))
def test_every_number_has_a_meaning(code: int) -> None:
    assert explain_code(code).sentence


@given(st.sampled_from([b"250", b"450", b"550"]), st.from_regex(rb"\A[245]\.[0-9]{1,3}\.[0-9]{1,3}\Z"))
def test_what_the_reader_takes_for_an_enhanced_code_is_explained(code: bytes, enhanced: bytes) -> None:
    (reply,) = ReplyReader().feed(code + b" " + enhanced + b" text\r\n")
    assert reply.enhanced is not None
    assert explain_enhanced(reply.enhanced) is not None


def test_every_text_fits_a_row_and_is_plain() -> None:
    texts = [*CLASSES.values()]
    texts += [text for row in (*REPLY_CODES.values(), *ENHANCED_CODES.values()) for text in row]
    texts += [text for row in ENHANCED_SUBJECTS.values() for text in row]
    for text in texts:
        assert len(text) <= 78
        assert text.isascii()
        assert text.isprintable()
