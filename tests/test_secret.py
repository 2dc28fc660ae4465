"""A Secret shows itself through reveal alone."""

import copy
import dataclasses
import io
import json
import logging
import pickle
import pprint
import reprlib
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.pretty import pretty_repr
from rich.traceback import Traceback

from smtpscope.profile import Profile
from smtpscope.secret import Secret, shape

# Words that occur in no representation by chance.
words = st.text(alphabet="äßжQXZ0123456789", min_size=6)


@given(words)
def test_no_representation_shows_it(word: str) -> None:
    secret = Secret(word)
    profile = Profile("mail.test", 25, password=secret)
    shown = [repr(secret), str(secret), f"{secret}", f"{secret:>20}", f"{secret!r:^9}", "%s" % secret]  # noqa: UP031
    shown += [repr([secret]), repr(profile), str(dataclasses.asdict(profile)), repr(vars(Secret).keys())]
    shown += [
        pretty_repr(profile),
        pprint.pformat(profile),
        reprlib.repr(secret),
        f"{secret!a}",
        f"{secret!r}{secret}",
    ]
    shown += [str(dir(secret)), json.dumps([secret], default=str)]
    shown += [logging.makeLogRecord({"msg": "%s %r", "args": (secret, secret)}).getMessage()]
    assert not [text for text in shown if word in text]
    assert secret.reveal() == word


@given(words)
def test_no_traceback_shows_it_with_its_variables(word: str) -> None:
    profile = Profile("mail.test", 25, password=Secret(word))

    def fails(secret: Secret) -> None:
        raise KeyError(secret, profile)

    report = io.StringIO()
    with pytest.raises(KeyError) as caught:
        fails(Secret(word))
    shown = Traceback.from_exception(caught.type, caught.value, caught.tb, show_locals=True)
    Console(file=report, width=300).print(shown)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True)
    assert "secret = Secret(****)" in report.getvalue()
    assert "secret = Secret(****)" in "".join(frames.format())
    for line in [*report.getvalue().split("\n"), *frames.format()]:
        assert word not in line or "word =" in line  # the test's own


@given(words)
def test_it_is_never_written_down(word: str) -> None:
    secret = Secret(word)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="never written down"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps({"password": secret})
    with pytest.raises(TypeError, match="never written down"):
        secret.__getstate__()


@given(words)
def test_copies_are_secret_too(word: str) -> None:
    for copied in (copy.copy(Secret(word)), copy.deepcopy([Secret(word)])[0]):
        assert copied.reveal() == word
        assert word not in repr(copied)


@given(st.text(), st.text())
def test_equality_is_that_of_the_texts(one: str, other: str) -> None:
    assert (Secret(one) == Secret(other)) is (one == other)
    assert Secret(one) == Secret(one)
    assert hash(Secret(one)) == hash(Secret(other))  # which says nothing of either
    assert Secret(one) != one


@given(st.binary())
def test_octets_come_back_as_they_were(octets: bytes) -> None:
    assert Secret(octets).reveal().encode("utf-8", "surrogateescape") == octets


@pytest.mark.parametrize(
    ("word", "seen"),
    [
        ("wonderlandäbc\n", "14 characters, 15 bytes, ends in LF, not only ASCII"),
        ("a", "1 character, 1 byte"),
        ("", "0 characters, 0 bytes"),
        ("\n", "1 character, 1 byte, begins with LF"),
        ("secret\r\n", "8 characters, 8 bytes, ends in CRLF"),
        ("\ufeffsecret ", "8 characters, 10 bytes, begins with a byte order mark, ends in a space"),
        ("two words", "9 characters, 9 bytes"),
        ('"quoted"', "8 characters, 8 bytes, in quotation marks"),
        ("se\x00cret", "7 characters, 7 bytes, a control character in it"),
        (b"gr\xfc\xdfe", "5 characters, 5 bytes, not UTF-8"),
        ("\ud800", "1 character, 3 bytes, not UTF-8"),
        ("gru\u0308n", "5 characters, 6 bytes, not only ASCII, letters in parts (not NFC)"),
        ("x" * 2048, "2,048 characters, 2,048 bytes"),
    ],
)
def test_its_shape_is_told(word: str | bytes, seen: str) -> None:
    assert shape(Secret(word)) == seen


@given(st.text() | st.binary())
def test_its_shape_can_always_be_told_and_is_no_part_of_it(word: str | bytes) -> None:
    secret = Secret(word)
    assert shape(secret).isprintable()
    marked = Secret("ß" + secret.reveal() + "ß")
    assert "ß" not in shape(marked)
