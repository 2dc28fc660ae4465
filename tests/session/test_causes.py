"""The data of causes: every row is whole, sourced and matches what it says; and what is found in a situation."""

import re
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.session.causes import (
    FAMILIES,
    FOLDER,
    NEXT_TESTS,
    Cause,
    Situation,
    find,
    find_failure,
    likely_for,
    next_for,
    rows,
    text_of,
)
from smtpscope.session.code_tables import IXP, OUTLOOK
from smtpscope.smtp.effects import pending_for
from smtpscope.smtp.events import Link, LinkStatus, Opened, Received, Sent
from smtpscope.smtp.machine import Answer, Machine
from smtpscope.smtp.reply import Reply, ReplyReader

KEYS = {
    "code", "status", "verb", "tls", "auth", "port", "slow", "text", "unless", "failure",
    "means", "likely", "next", "example", "source", "rfc", "outlook",
}  # fmt: skip
VERBS = {
    "", "BANNER", "EHLO", "HELO", "AUTH", "STARTTLS", "MAIL", "RCPT", "DATA", "DOT", "BDAT", "BDAT LAST", "VRFY",
    "LOOKALIKE",
}  # fmt: skip
CONDITION = re.compile(r"^(?:tls|auth)=(?:true|false): |^port=\d+: |^login=(?:password|proof|token|certificate): ")
ROWS = [pytest.param(cause, id=cause.id) for cause in rows()]
WITH_TEXT = [pytest.param(cause, id=cause.id) for cause in rows() if cause.text]


def reply_of(text: str) -> Reply:
    """The one reply that a server would send so, line by line."""
    (reply,) = ReplyReader().feed(text.replace("\n", "\r\n").encode() + b"\r\n")
    return reply


def situation_of(cause: Cause) -> Situation:
    """One that meets every condition of a row."""
    return Situation(
        cause.verbs[0] if cause.verbs else "NOOP",
        tls=bool(cause.tls),
        auth=bool(cause.auth),
        port=cause.ports[0] if cause.ports else 25,
        waited=cause.slow,
    )


@pytest.mark.parametrize("name", FAMILIES)
def test_a_file_has_only_keys_that_are_documented(name: str) -> None:
    data = tomllib.loads((FOLDER / f"{name}.toml").read_text())
    for key, row in data.items():
        assert set(row) <= KEYS, key
        assert "failure" in row or row["code"], key


def test_every_file_of_the_folder_is_read() -> None:
    assert {path.stem for path in FOLDER.iterdir()} == set(FAMILIES)


@pytest.mark.parametrize("cause", ROWS)
def test_a_row_is_whole_and_plain(cause: Cause) -> None:
    assert cause.means.endswith(".")
    assert len(cause.means) <= 78
    assert cause.likely
    shown = [cause.means, *cause.likely, cause.source, cause.rfc]
    for text in shown:
        assert text
        assert text.isascii()
        assert text.isprintable()
    for text in cause.likely:
        words = CONDITION.sub("", text)
        assert len(words) <= 78
        assert not re.match(r"\w+=", words), "a condition that nobody knows"
        assert not words.endswith(".")
    assert len(set(cause.likely)) == len(cause.likely)
    assert len(cause.tests) <= 9
    assert len(set(cause.tests)) == len(cause.tests)
    assert set(cause.tests) <= set(NEXT_TESTS)
    assert set(cause.verbs) <= VERBS
    assert re.fullmatch(r"https://[a-z0-9.-]+\.[a-z]{2,}/[A-Za-z0-9._~/#?=&%-]+", cause.source)
    for part in cause.rfc.split(", "):
        assert re.fullmatch(r"RFC [1-9]\d{3}( \d+(\.\d+)*)?", part)


@pytest.mark.parametrize("cause", ROWS)
def test_a_row_is_the_best_for_its_own_example(cause: Cause) -> None:
    if cause.failure:
        assert find_failure(cause.example) is cause
    else:
        reply = reply_of(cause.example)
        assert reply.code in cause.codes
        assert find(reply, situation_of(cause)) is cause


@pytest.mark.parametrize("cause", WITH_TEXT)
def test_a_text_is_known_without_its_situation_too(cause: Cause) -> None:
    found = find(reply_of(cause.example))
    assert found is not None
    assert found.means == cause.means


@pytest.mark.parametrize("cause", ROWS)
def test_outlooks_names_are_those_of_the_codes_and_of_the_refused_command(cause: Cause) -> None:
    assert set(cause.outlook) <= set(OUTLOOK)
    if cause.failure:
        assert cause.outlook
        return
    expected = {IXP[code][0] for code in cause.codes if code in IXP}
    if min(cause.codes) >= 400:
        expected |= {"IXP_E_SMTP_REJECTED_SENDER"} if "MAIL" in cause.verbs else set()
        expected |= {"IXP_E_SMTP_REJECTED_RECIPIENTS"} if "RCPT" in cause.verbs else set()
    assert set(cause.outlook) == expected


def patterns() -> Iterator[str]:
    for cause in rows():
        yield from filter(None, (cause.text, cause.unless, cause.failure))


def test_no_pattern_can_go_back_and_forth_for_long() -> None:
    """Nothing is repeated without a bound, and no group more than once: a search takes steps in proportion to the
    text."""
    for pattern in patterns():
        bare = re.sub(r"\[(?:\\.|[^\]\\])*\]|\\.", "x", pattern)
        assert not re.search(r"[*+]|\)\{|\(\?[^:]", bare), pattern
        assert all(int(bound) <= 300 for bound in re.findall(r"\{\d+,(\d+)\}", bare)), pattern
        assert "," not in "".join(re.findall(r"\{[^}]*,\}", bare)), pattern


@pytest.mark.timeout(60)
def test_hostile_text_is_searched_in_no_time() -> None:
    for pattern in dict.fromkeys(patterns()):
        words = re.sub(r"[^A-Za-z .]", "", pattern)
        compiled = re.compile(pattern, re.IGNORECASE)
        for text in (words, words[:-1], pattern, words.replace(" ", "  "), "a ", "<", "["):
            hostile = (text or "x") * (10_000 // len(text or "x") + 1)
            compiled.search(hostile)
            assert len(hostile) >= 10_000


REPLIES = st.from_regex(r"\A([2-5][0-9][0-9]-[ -~]{0,60}\n){0,3}[2-5][0-9][0-9] [ -~]{0,80}\Z")
SITUATIONS = st.builds(
    Situation,
    st.sampled_from(sorted(VERBS)),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 25, 465, 587]),
    st.integers(0, 3),
    st.booleans(),
    st.frozensets(st.sampled_from(["STARTTLS", "AUTH", "SIZE"])),
    st.floats(0, 100),
)


@given(
    st.binary(max_size=3000).map(lambda data: data + b"\r\n") | REPLIES.map(lambda text: text.encode() + b"\r\n"),
    st.none() | SITUATIONS,
)
def test_every_reply_gets_an_answer_of_ours_or_none(data: bytes, situation: Situation | None) -> None:
    for reply in ReplyReader().feed(data):
        cause = find(reply, situation)
        assert len(text_of(reply)) <= 4096
        if cause is not None:
            assert cause in rows()
            assert set(next_for(cause, situation)) <= set(cause.tests)
            assert all(text.isprintable() for text in likely_for(cause, situation))


@given(st.sampled_from(rows()), SITUATIONS)
def test_every_refusal_by_text_is_recognised_wherever_it_comes(cause: Cause, situation: Situation) -> None:
    """Servers put off refusals: a text of some length is known by itself, unless TLS or the port say no."""
    if len(cause.text) >= 40 and cause.tls is None and not cause.ports and "(" not in cause.text:
        found = find(reply_of(cause.example), situation)
        assert found is not None
        assert found.means == cause.means


def test_ten_texts_each_of_the_four_that_are_met_most() -> None:
    counts = Counter(cause.family for cause in rows() if cause.text)
    for family in ("Postfix", "Exim", "Microsoft 365", "Gmail"):
        assert counts[family] >= 10


QUESTIONS = [
    ("535 5.7.8 no", Situation("AUTH", port=587), "other_mechanism"),
    ("535 5.7.3 no", Situation("AUTH", port=587), "other_user_form"),
    ("535 5.7.8 no", Situation("AUTH", port=587, mechanism="PLAIN"), "password_again"),
    ("535 5.7.139 no", Situation("AUTH", port=587), "other_mechanism"),
    ("530 5.7.0 Must issue a STARTTLS command first", Situation("MAIL", port=587), "starttls_again"),
    ("250-mx.example.org\n250 STARTTLS", Situation("EHLO", port=587), "starttls_again"),
    ("538 5.7.11 no", Situation("AUTH", port=587), "starttls_again"),
    ("504 5.5.4 no", Situation("AUTH", port=587), "other_mechanism"),
    ("550 5.7.1 <a@example.org>: Relay access denied", Situation("RCPT", port=25), "auth_again"),
    ("554 5.7.1 <a@example.org>: Relay access denied", Situation("RCPT", port=25), "local_postmaster"),
    ("454 4.7.1 no", Situation("RCPT", port=25), "auth_again"),
    ("504 5.5.2 <me>: Helo command rejected: need fully-qualified hostname", Situation("RCPT"), "full_name"),
    ("450 4.7.1 <me.x>: Helo command rejected: Host not found", Situation("RCPT"), "literal"),
    ("450 4.2.0 Greylisted", Situation("RCPT"), "wait_5"),
    ("421 4.7.0 no", Situation("MAIL"), "wait_1"),
    ("421 4.3.2 no", Situation("BANNER"), "reconnect"),
    ("421 4.7.0 mx Error: too many errors", Situation("RCPT"), "reconnect"),
    ("503 5.5.1 improper command pipelining", Situation("DATA"), "one_by_one"),
    ("554 5.5.0 improper pipelining", Situation("DATA"), "one_by_one"),
    ("554 SMTP synchronization error", Situation("BANNER"), "one_by_one"),
    ("220 mx.example.org", Situation("BANNER", waited=20.0), "reconnect"),
    ("552 5.3.4 no", Situation("MAIL", parameters=True), "smaller"),
    ("550 5.1.1 no", Situation("RCPT"), "vrfy"),
    ("550 5.7.23 no", Situation("MAIL", auth=True), "own_sender"),
    ("550 5.7.26 no", Situation("DOT", port=25), "port_587"),
    ("250 2.0.0 Ok: queued as 1", Situation("LOOKALIKE"), "reconnect"),
]  # fmt: skip
"""What is asked most about SMTP, and a test that tells more."""


@pytest.mark.parametrize(("text", "situation", "test"), QUESTIONS)
def test_what_is_asked_most_has_causes_and_a_test_that_tells_more(text: str, situation: Situation, test: str) -> None:
    cause = find(reply_of(text), situation)
    assert cause is not None
    assert test in next_for(cause, situation)
    assert likely_for(cause, situation)


@pytest.mark.parametrize("text", ["500 Error: EHLO not allowed in LMTP server", "502 5.5.1 This is LMTP"])
@pytest.mark.parametrize("verb", ["EHLO", "HELO"])
def test_a_server_that_speaks_lmtp_is_told_as_one(text: str, verb: str) -> None:
    cause = find(reply_of(text), Situation(verb, port=24))
    assert cause is not None
    assert "LHLO" in cause.means


EXIM = [
    ("EHLO", "501 Syntactically invalid EHLO argument(s)", "helo_invalid"),
    ("MAIL", "503 sender already given", "sender_again"),
    ("MAIL", "501 <alice>: sender address must contain a domain", "no_domain"),
    ("MAIL", "552 Message size exceeds maximum permitted", "too_big"),
    ("RCPT", "503 sender not yet given", "sender_first"),
    ("RCPT", "550 relay not permitted", "relay_not_permitted"),
    ("RCPT", "550 Unrouteable address", "unrouteable"),
    ("RCPT", "550 Restricted characters in address", "characters"),
    ("RCPT", "550 Administrative prohibition", "prohibited"),
    ("RCPT", "550-Verification failed for <nosuch@local.test>\n550-Unrouteable address\n550 Sender verify failed",
     "sender_verify_failed"),
    ("DATA", "503 Valid RCPT command must precede DATA", "no_valid_recipient"),
    ("AUTH", "503-AUTH command used when not advertised\n503 Too many syntax or protocol errors",
     "auth_not_advertised"),
]  # fmt: skip
"""Said by Exim 4.96."""


@pytest.mark.parametrize(("verb", "text", "name"), EXIM)
def test_what_exim_said_is_recognised(verb: str, text: str, name: str) -> None:
    for situation in (Situation(verb, port=25), None):
        cause = find(reply_of(text), situation)
        assert cause is not None
        assert cause.id == f"exim.{name}"


LOGINS = [
    ("535 5.7.8 Error: authentication failed: authentication failure", "postfix.auth_failure"),
    ("535 5.7.8 Error: authentication failed: no mechanism available", "postfix.auth_no_mechanism"),
    ("535 5.7.8 Error: authentication failed: bad protocol / cancel", "postfix.auth_bad_protocol"),
    ("535 5.7.8 Error: authentication failed: another step is needed in authentication", "postfix.auth_another_step"),
    ("454 4.7.0 Temporary authentication failure: generic failure", "postfix.auth_generic_failure"),
    ("501 5.5.4 Syntax: AUTH mechanism", "postfix.auth_syntax"),
    ("501 5.7.0 Authentication aborted", "any.auth_cancelled"),
    ("503 5.5.1 Error: already authenticated", "any.auth_again"),
    ("503 5.5.1 MAIL transaction in progress", "any.auth_in_transaction"),
    ("535 5.7.8 Authentication failed.", "dovecot.auth_failed"),
    ("504 5.5.4 Unsupported authentication mechanism.", "dovecot.auth_mechanism"),
    ("501 5.5.2 Invalid base64 data in initial response", "dovecot.auth_base64"),
    ("500 5.5.2 Line too long", "any.auth_line_too_long"),
    ("503 5.5.0 Already authenticated", "any.auth_again"),
    ("535 5.7.8 Authentication credentials invalid", "any.credentials"),
    ("500 Command line too long", "any.auth_line_too_long"),
    ("501 5.5.2 Can't decode base64", "any.base64"),
    ("501 5.7.0 Auth aborted", "any.auth_cancelled"),
    ("535 5.7.0 authentication failed", "any.authentication_failed"),
    ("535 5.7.8 Authentication failed", "any.authentication_failed"),
    ("535 Authentication failed", "any.authentication_failed"),
    ("535 Invalid username or password", "any.credentials"),
    ("535 Error: Username and Password not accepted", "any.credentials"),
    ("535-5.7.8 Username and Password not accepted. Learn more at\n535 5.7.8  https://support.google.com/ - gsmtp",
     "gmail.bad_credentials"),
]  # fmt: skip
"""Said to AUTH by Postfix with Cyrus SASL, by Dovecot, aiosmtpd, Sendmail, Haraka, Twisted and smtp-server."""


@pytest.mark.parametrize(("text", "id"), LOGINS)
def test_what_servers_said_to_auth_is_recognised(text: str, id: str) -> None:
    cause = find(reply_of(text), Situation("AUTH", port=587, mechanism="PLAIN"))
    assert cause is not None
    assert cause.id == id


@pytest.mark.parametrize(
    "text",
    [
        "535 5.7.8 no",
        "535 5.7.3 Authentication unsuccessful [AM6PR0732BE0065.eurprd07.prod.outlook.com]",
        "535-5.7.8 Username and Password not accepted. For more\n535 5.7.8  https://support.google.com/mail - gsmtp",
        "535 5.7.8 Error: authentication failed: (reason unavailable)",
        "535 5.7.8 Authentication failed.",
        "535 Incorrect authentication data",
        "535 5.7.0 authentication failed",
    ],
)
def test_what_is_likely_depends_on_what_a_login_shows(text: str) -> None:
    reply = reply_of(text)

    def likely(mechanism: str) -> tuple[str, ...]:
        situation = Situation("AUTH", tls=True, port=587, mechanism=mechanism)
        cause = find(reply, situation)
        assert cause is not None
        return likely_for(cause, situation)

    for mechanism in ("XOAUTH2", "OAUTHBEARER"):
        assert "token" in likely(mechanism)[0]
        assert not any("password" in cause for cause in likely(mechanism))
    for mechanism in ("PLAIN", "SCRAM-SHA-256", "CRAM-MD5"):
        assert not any("token" in cause for cause in likely(mechanism))
    assert likely("")  # not known


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"])
@pytest.mark.parametrize(
    "text",
    [
        "535 5.7.0 authentication failed",
        "535 5.7.8 Authentication failed",
        "535 5.7.8 Authentication failed.",
        "535 Authentication failed",
        "535 Incorrect authentication data",
        "535 Invalid username or password",
    ],
)
def test_of_a_535_a_wrong_password_is_the_first_thing_to_think_of(text: str, mechanism: str) -> None:
    situation = Situation("AUTH", tls=True, port=587, mechanism=mechanism)
    cause = find(reply_of(text), situation)
    assert cause is not None
    assert "a wrong password" in likely_for(cause, situation)[0]


@pytest.mark.parametrize(
    "text",
    [
        "535 5.7.8 no",
        "535 5.7.8 Authentication failed",
        "535 5.7.8 Authentication failed.",
        "535 5.7.8 Error: authentication failed: (reason unavailable)",
        "535 5.7.8 Error: authentication failed: authentication failure",
        "535 Incorrect authentication data",
    ],
)
def test_of_a_refused_certificate_the_certificate_is_the_first_thing_to_think_of(text: str) -> None:
    situation = Situation("AUTH", tls=True, port=587, mechanism="EXTERNAL")
    cause = find(reply_of(text), situation)
    assert cause is not None
    assert "our certificate" in likely_for(cause, situation)[0]
    assert not any("certificate" in said for said in likely_for(cause, replace(situation, mechanism="PLAIN")))


@pytest.mark.parametrize("challenge", ["VXNlcm5hbWU6", "UGFzc3dvcmQ6", "PDEyMz4="])
def test_a_challenge_says_that_it_is_our_turn(challenge: str) -> None:
    cause = find(reply_of(f"334 {challenge}"), Situation("AUTH"))
    assert cause is not None
    assert "base64" in cause.means


@pytest.mark.parametrize(
    ("sentence", "id"),
    [
        ("192.0.2.7 port 25 did not answer in time: a firewall may be in the way", "connect_timeout"),
        ("mx.example.org: the issuer is not known here: Example CA", "certificate_issuer"),
        ("the issuer's certificate (Example CA) expired 2 days ago (2020-01-01)", "certificate_expired"),
        ("mx: the certificate is for a.example, b.example and 3 more, not for mx", "certificate_name"),
        ("the server broke off TLS: it has an internal error (alert 80, internal_error)", "tls_server"),
        ("the server broke off TLS: it shares no cipher with us (alert 40, handshake_failure)", "tls_handshake"),
        ("no reply to EHLO within 300 s: it is still owed", "no_reply"),
        ("closed: the server reset the connection in the middle of a reply; c connects again", "dropped"),
    ],
)  # fmt: skip
def test_what_fails_without_a_reply_has_causes_too(sentence: str, id: str) -> None:
    cause = find_failure(sentence)
    assert cause is not None
    assert cause.id == f"failures.{id}"


def test_a_good_reply_has_no_causes() -> None:
    for text, verb in (
        ("220 mx ESMTP", "BANNER"),
        ("235 2.7.0 ok", "AUTH"),
        ("250 2.1.5 Ok", "RCPT"),
        ("354 go", "DATA"),
        ("250 2.0.0 Ok: queued as 1", "DOT"),
        ("221 2.0.0 Bye", "QUIT"),
    ):
        assert find(reply_of(text), Situation(verb, port=587)) is None
    assert find_failure("the user dropped the connection") is None


def test_what_the_situation_rules_out_is_left_out() -> None:
    reply = reply_of("554 5.7.1 <bob@example.net>: Relay access denied")
    clear, inside = Situation("RCPT", port=25), Situation("RCPT", tls=True, auth=True, port=587)
    cause = find(reply, clear)
    assert cause is not None
    assert likely_for(cause, clear)[:2] == ("not logged in", "port 25 instead of 587 or 465")
    assert likely_for(cause, None)[0] == "not logged in"
    assert likely_for(cause, inside)[0] == "our address is not in the server's mynetworks"
    assert next_for(cause, clear) == ("auth_again", "port_587", "port_465", "local_postmaster")
    assert next_for(cause, inside) == ("port_465", "local_postmaster")


@pytest.mark.parametrize(
    ("situation", "left_out"),
    [
        (Situation("MAIL", tls=True), "starttls_again"),
        (Situation("MAIL", offered=frozenset({"SIZE"})), "starttls_again"),
        (Situation("MAIL", auth=True), "auth_again"),
        (Situation("MAIL"), "own_sender"),
        (Situation("MAIL", port=25), "port_25"),
        (Situation("MAIL"), "without_param"),
        (Situation("RCPT", recipients=1), "one_recipient"),
        (Situation("VRFY"), "vrfy"),
    ],
)
def test_a_test_that_would_change_nothing_is_not_offered(situation: Situation, left_out: str) -> None:
    cause = next(cause for cause in rows() if left_out in cause.tests)
    assert left_out not in next_for(cause, situation)
    other = Situation("DATA", auth=left_out == "own_sender", recipients=2, parameters=True)
    assert left_out in next_for(cause, other)


def test_the_situation_comes_from_the_machine() -> None:
    machine, answers = Machine(), list[Answer]()
    machine.apply(Opened(0.0, "mx.example.org", 587))
    machine.apply(Link(0.0, LinkStatus.CONNECTED))
    for event in (
        Received(0.1, b"220 mx ESMTP\r\n"),
        Sent(0.2, b"EHLO me.example.org\r\n"),
        Received(0.3, b"250-mx\r\n250-STARTTLS\r\n250 SIZE\r\n"),
        Sent(0.4, b"MAIL FROM:<a@example.org> SIZE=10\r\n"),
        Received(0.5, b"530 5.7.0 Must issue a STARTTLS command first\r\n"),
    ):
        answers += machine.apply(event)
    last = answers[-1]
    situation = Situation.of(machine, last.pending, 587)
    assert situation == Situation("MAIL", port=587, parameters=True, offered=frozenset({"STARTTLS", "SIZE"}))
    cause = find(last.reply, situation)
    assert cause is not None
    assert next_for(cause, situation)[0] == "starttls_again"
    assert Situation.of(machine, None).verb == ""
    assert Situation.of(machine, pending_for(b"auth scram-sha-1 eA==\r\n", 0.0)).mechanism == "SCRAM-SHA-1"
    assert Situation.of(machine, pending_for(b"vrfy bob\r\n", 0.0)).verb == "VRFY"
    assert Situation.of(machine, pending_for(b"BDAT 3 LAST\r\n", 0.0)).verb == "BDAT LAST"


def test_the_tests_have_short_titles_of_their_own() -> None:
    titles = [test.title for test in NEXT_TESTS.values()]
    assert len(set(titles)) == len(titles)
    for test in NEXT_TESTS.values():
        assert len(test.title) <= 49
        assert len(test.does) <= 78
        assert test.fresh or not test.minutes


def test_no_test_is_there_for_nothing() -> None:
    assert {test for cause in rows() for test in cause.tests} == set(NEXT_TESTS)


def test_the_data_is_not_read_on_the_way_to_the_first_frame() -> None:
    code = "import sys, smtpscope.session.explain as e; print('tomllib' in sys.modules, e.find.__module__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "smtpscope.session.causes"]
