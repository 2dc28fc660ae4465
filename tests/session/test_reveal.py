"""Secrets are shown where they are asked for, and the password that a login was tried with is known as it went out."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from smtpscope.secret import Secret
from smtpscope.session.keep import Keeper, load
from smtpscope.session.log import Kind, Log, Spans
from smtpscope.session.recorder import Recorder
from smtpscope.session.redact import HIDDEN
from smtpscope.session.reveal import revealed, shape_lines, tried
from smtpscope.session.view import View
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Event, Issued, Link, LinkStatus, Opened, Received, Sent

b64 = base64.b64encode
WORD = "wönderland\n".encode()
GIVEN = Secret("another")


def said(line: bytes) -> Received:
    return Received(1.0, line + b"\r\n")


def challenge(data: bytes) -> Received:
    return said(b"334 " + b64(data))


def sent(line: bytes, secret: bytes = b"") -> Sent:
    start = line.rfind(secret)
    return Sent(1.0, line + b"\r\n", secrets=((start, start + len(secret)),) if secret else ())


def auth(mechanism: bytes, initial: bytes = b"") -> Sent:
    return sent(b"AUTH " + mechanism + (b" " + b64(initial) if initial else b""), b64(initial))


def run(mechanism: bytes) -> list[Event]:
    """The beginning of a login that runs by itself."""
    return [Issued(1.0, SMTPCommand.AUTH, f"AUTH {mechanism.decode()}", "alice"), auth(mechanism)]


def response(data: bytes, secret: bool = True) -> Sent:
    return sent(b64(data), b64(data) if secret else b"")


def log_of(*events: Event) -> Log:
    recorder = Recorder()
    begun: list[Event] = [
        Opened(0.0, "mail.test", 25),
        Link(0.1, LinkStatus.CONNECTED, "connected"),
        said(b"220 mail.test"),
    ]
    for event in (*begun, sent(b"EHLO me"), said(b"250-mail.test\r\n250 AUTH LOGIN PLAIN"), *events):
        recorder.append(event)
    view = View(recorder)
    view.take()
    return view.log


def words(spans: Spans) -> str:
    return "".join(text for text, _ in spans)


def row_with(log: Log, octets: bytes) -> int:
    return next(row for row in range(len(log)) if octets in log.octets(row))


REFUSED = said(b"535 5.7.8 no")
PLAIN: list[Event] = [auth(b"PLAIN", b"\0alice\0" + WORD), REFUSED]


# -- reveal


def test_a_row_and_what_its_base64_says_are_revealed_and_nothing_else_changes() -> None:
    log = log_of(*PLAIN)
    row = row_with(log, b"AUTH PLAIN ")
    before = [log.spans(each) for each in range(len(log))]
    found = revealed(log, row)
    assert [words(spans) for spans in found.values()] == [
        f"AUTH PLAIN {b64(bytes(1) + b'alice' + bytes(1) + WORD).decode()}",
        "= \\0alice\\0wönderland\\n",
    ]
    assert ("AUTH PLAIN ", "text") in found[row]
    assert [kind for _, kind in found[row]][-1] == "hidden"
    assert revealed(log, row + 1) == found  # from the row beneath as well
    assert [log.spans(each) for each in range(len(log))] == before
    assert HIDDEN in words(log.spans(row))


def test_what_the_server_says_back_is_revealed() -> None:
    log = log_of(auth(b"PLAIN", b"\0alice\0wonderland"), said(b"535 not wonderland\x1b[2J, no"))
    row = row_with(log, b"535 not")
    assert HIDDEN in words(log.spans(row))
    (spans,) = revealed(log, row).values()
    assert words(spans) == "535 not wonderland\\x1b[2J, no"
    assert ("wonderland", "hidden") in spans


@pytest.mark.parametrize("row", [-1, 0, 1, 999])
def test_where_nothing_is_hidden_there_is_nothing_to_reveal(row: int) -> None:
    assert revealed(log_of(*PLAIN), row) == {}


def test_a_kept_session_has_nothing_to_reveal(tmp_path: Path) -> None:
    recorder = log_of(*PLAIN).recorder
    keeper = Keeper(tmp_path / "kept.jsonl", recorder, "mail.test", 25)
    keeper.close()
    view = View(load(tmp_path / "kept.jsonl").recorder)
    view.take()
    row = row_with(view.log, b"AUTH PLAIN ")
    assert HIDDEN in words(view.log.spans(row))
    assert revealed(view.log, row) == {}
    assert tried(view.log, row_with(view.log, b"535 "), None) is None


# -- which password


@pytest.mark.parametrize(
    ("events", "secret"),
    [
        (PLAIN, Secret(WORD)),
        ([auth(b"PLAIN"), challenge(b""), response(b"\0alice\0" + WORD), REFUSED], Secret(WORD)),
        (
            [
                auth(b"LOGIN"),
                challenge(b"Username:"),
                response(b"alice", False),
                challenge(b"Password:"),
                response(WORD),
                REFUSED,
            ],
            Secret(WORD),
        ),
        ([auth(b"login", b"alice"), challenge(b"Password:"), response(WORD), REFUSED], Secret(WORD)),
        (
            [auth(b"XOAUTH2", b"user=alice\1auth=Bearer t0ken\1\1"), challenge(b"{}"), sent(b""), REFUSED],
            Secret("t0ken"),
        ),
        ([*run(b"CRAM-MD5"), challenge(b"<1@x>"), response(b"alice " + b"0" * 32), REFUSED], GIVEN),
        ([*run(b"PLAIN"), said(b"504 5.5.4 what?")], GIVEN),
        ([auth(b"CRAM-MD5"), challenge(b"<1@x>"), response(b"alice " + b"0" * 32), REFUSED], None),  # typed
        ([*run(b"EXTERNAL"), REFUSED], None),
    ],
)
def test_the_password_of_a_login_is_that_which_went_out(events: list[Event], secret: Secret | None) -> None:
    log = log_of(said(b"250 hm"), *events)
    last = max(row for row in range(len(log)) if log.kind[row] in (Kind.RECEIVED, Kind.REFUSED))
    assert tried(log, last, GIVEN) == secret


def test_what_was_given_is_the_last_logins_alone() -> None:
    first = [*run(b"CRAM-MD5"), challenge(b"<1@x>"), response(b"alice " + b"0" * 32), said(b"535-first\r\n535 no")]
    log = log_of(*first)
    assert tried(log, row_with(log, b"535-first"), GIVEN) == GIVEN
    log = log_of(*first, *run(b"CRAM-MD5"), challenge(b"<2@x>"), response(b"alice " + b"1" * 32), REFUSED)
    assert tried(log, row_with(log, b"535-first"), GIVEN) is None, "another password may have been given since"
    assert tried(log, row_with(log, b"535 5.7.8"), GIVEN) == GIVEN


def test_of_two_logins_each_reply_has_its_own() -> None:
    log = log_of(*PLAIN, auth(b"PLAIN", b"\0alice\0second"), said(b"535-5.7.8 no\r\n535 again"))
    assert tried(log, row_with(log, b"535 5.7.8"), None) == Secret(WORD)
    assert tried(log, row_with(log, b"535 again"), None) == Secret("second")
    assert tried(log, row_with(log, b"250-mail"), GIVEN) is None
    assert tried(log, 0, GIVEN) is None


def test_beside_a_535_stands_the_shape_of_the_password() -> None:
    cram: list[Event] = [*run(b"CRAM-MD5"), challenge(b"<1@x>"), response(b"alice " + b"0" * 32)]
    log = log_of(*PLAIN, *cram, said(b"454 later"), *cram, said(b"535 cram"))
    shapes = {
        log.octets(row): words([span for line in shape_lines(log, row, GIVEN) for span in line])
        for row in range(len(log))
    }
    told = {octets: line for octets, line in shapes.items() if line}
    assert told == {
        b"535 5.7.8 no\r\n": (
            "! The password that was used: 11 characters, 12 bytes, ends in LF, not only ASCII; "
            "sent in UTF-8 as given, without SASLprep."
        ),
        b"535 cram\r\n": "The password that was used: 7 characters, 7 bytes.",
    }
    assert shape_lines(log, row_with(log, b"535 cram"), None) == []


@pytest.mark.parametrize(
    ("mechanism", "words"),
    [
        (b"SCRAM-SHA-256", "left as it is by SASLprep (RFC 4013), and then reckoned with."),
        (b"DIGEST-MD5", "reckoned with in Latin-1 where it fits, else in UTF-8 (RFC 2831 2.1.2.1)."),
        (b"CRAM-MD5", "sent in UTF-8 as given, without SASLprep."),
    ],
)
def test_what_a_mechanism_makes_of_other_letters_than_asciis_is_said_too(mechanism: bytes, words: str) -> None:
    log = log_of(*run(mechanism), REFUSED)
    (line,) = shape_lines(log, row_with(log, b"535 "), Secret("wönderland"))
    assert "".join(text for text, _ in line).endswith(f"not only ASCII; {words}")


def test_of_a_token_it_says_token() -> None:
    log = log_of(auth(b"XOAUTH2", b"user=alice\1auth=Bearer t0ken \1\1"), REFUSED)
    (line,) = shape_lines(log, row_with(log, b"535 "), None)
    assert words(line) == "! The token that was used: 6 characters, 6 bytes, ends in a space."
