"""What is wrong or notable: every rule with a session that trips it and one, just beside it, that does not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from session.finding import Folded, folded, texts
from smtp.playbook import Playbook, connected
from smtpscope.session.findings import evidence, findings_lines, summary
from smtpscope.session.findings.events import (
    CLOSED_RULES,
    FAILED_RULES,
    RECEIVED_RULES,
    SECURED_RULES,
    SENT_RULES,
    TIMED_OUT_RULES,
)
from smtpscope.session.findings.fold import SENTENCES
from smtpscope.session.findings.replies import DEFECT_RULES, HELLO_RULES, REPLY_RULES
from smtpscope.session.findings.rule import Rule
from smtpscope.smtp.events import (
    Closed,
    Connect,
    Event,
    Failed,
    Link,
    LinkStatus,
    Opened,
    Received,
    Secured,
    Sent,
    StartTls,
    TimedOut,
)
from smtpscope.smtp.reply import Defect

OFFER = "250-mail.test\n250-PIPELINING\n250-SIZE 1000\n250 STARTTLS"
"""A reply to EHLO with which nothing is wrong."""
IN_TLS = "250-mail.test\n250-PIPELINING\n250 SIZE 1000"
RULES: list[Rule[Any]] = [
    *SENT_RULES,
    *RECEIVED_RULES,
    *SECURED_RULES,
    *FAILED_RULES,
    *TIMED_OUT_RULES,
    *CLOSED_RULES,
    *REPLY_RULES,
    *HELLO_RULES,
    *DEFECT_RULES.values(),
]


def up() -> Playbook:
    """The link is up, nothing has been read."""
    return Playbook().connect()


def ready(offer: str = OFFER) -> Playbook:
    """After EHLO."""
    return connected(offer)


def asked() -> Playbook:
    """NOOP is out."""
    return ready() >> "NOOP"


def data() -> Playbook:
    """The 354 is read."""
    play = ready() >> "MAIL FROM:<>" << "250 ok" >> "RCPT TO:<a@b>" << "250 ok"
    return play >> "DATA" << "354 go"


def tls(offer: str = IN_TLS, secured: Secured | None = None, before: str = OFFER) -> Playbook:
    """After STARTTLS and EHLO again."""
    play = ready(before) >> "STARTTLS" << "220 go"
    play = play.apply(secured) if secured else play.secured()
    return play >> "EHLO me" << offer


def again(offer: str, *, server: str = "mail.test") -> Playbook:
    """A second connection, after one that offered STARTTLS."""
    play = (ready() >> "QUIT" << "221 bye").apply(Closed(0.0, "said goodbye")).apply(Opened(0.0, server, 25))
    return (play.connect() << "220 mail.test") >> "EHLO me" << offer


def secured(*faults: str, version: str = "TLSv1.3") -> Secured:
    return Secured(1.0, version, "X", 256, "mail.test", faults)


def failed(reason: str) -> Playbook:
    """STARTTLS was accepted, and no TLS came of it."""
    play = (ready() >> "STARTTLS" << "220 go").apply(Link(7.0, LinkStatus.SECURING))
    return end(play.apply(Failed(8.0, StartTls(), reason)), reason)


def end(play: Playbook, cause: str) -> Playbook:
    return play.apply(Closed(99.0, cause))


def login(mechanism: str, *, in_tls: bool = False) -> Playbook:
    """AUTH with an initial response."""
    offer = f"{IN_TLS}".replace("SIZE 1000", f"AUTH {mechanism}")
    play = tls(offer) if in_tls else ready()
    line = f"AUTH {mechanism} ".encode()
    return play.apply(Sent(5.0, line + b"AGEAYg==\r\n", in_tls, ((len(line), len(line) + 8),)))


def slow(seconds: float) -> Playbook:
    play = Playbook().apply(Link(1.0, LinkStatus.CONNECTED))
    return play.apply(Received(1.0 + seconds, b"220 mail.test\r\n"))


EXTRA = b"250 mail.test\r\n"

Case = tuple[str, Callable[[], Playbook], Callable[[], Playbook]]
CASES: list[Case] = [
    # bytes of replies
    ("bare-lf", lambda: asked() << b"250 ok\n", lambda: asked() << b"250 ok\r\n"),
    ("bare-cr", lambda: asked() << b"250 o\rk\r\n", lambda: asked() << b"250 o k\r\n"),
    ("nul", lambda: asked() << b"250 \0\r\n", lambda: asked() << b"250 0\r\n"),
    ("control", lambda: asked() << b"250 \x1b[2J\r\n", lambda: asked() << b"250 \t\r\n"),
    ("not-utf-8", lambda: asked() << b"250 \xff\r\n", lambda: asked() << "250 ü\r\n".encode()),
    ("long-line", lambda: asked() << b"250 " + b"x" * 507 + b"\r\n", lambda: asked() << b"250 " + b"x" * 506 + b"\r\n"),
    ("endless-line", lambda: asked() << b"250 " + b"x" * 70_000 + b"\r\n", lambda: asked() << b"250 ok\r\n"),
    ("endless-reply", lambda: asked() << b"250-" + b"x" * 400 + b"\r\n250-x\r\n" * 150_000, lambda: asked() << "250 x"),
    ("mixed-codes", lambda: asked() << "250-a\n251 b", lambda: asked() << "250-a\n250 b"),
    ("no-code-inside", lambda: asked() << "250-a\nb\n250 c", lambda: asked() << "250-a\n250-b\n250 c"),
    ("no-code", lambda: asked() << "hello", lambda: asked() << "250 hello"),
    ("code-range", lambda: asked() << "650 ok", lambda: asked() << "599 no"),
    ("enhanced-class", lambda: asked() << "250 5.1.1 ok", lambda: asked() << "250 2.1.1 ok"),
    (
        "no-enhanced-code",
        lambda: ready(f"{OFFER[:-12]}250 ENHANCEDSTATUSCODES") >> "NOOP" << "250 ok",
        lambda: ready(f"{OFFER[:-12]}250 ENHANCEDSTATUSCODES") >> "NOOP" << "250 2.0.0 ok",
    ),
    # replies at the wrong time
    ("before-banner", lambda: up() << "hello\n220 mail.test", lambda: up() << "220-mail.test\n220 hello"),
    ("after-goodbye", lambda: ready() >> "QUIT" << "221 bye\n250 more", lambda: ready() >> "QUIT" << "221-bye\n221 x"),
    ("reply-to-nothing", lambda: ready() << "250 ok", lambda: asked() << "250 ok"),
    ("early-reply", lambda: data() << "550 no", lambda: data() >> "hi\n." << "550 no"),
    ("odd-answer", lambda: asked() << "354 go", lambda: asked() << "500 what"),
    ("odd-answer", lambda: up() << "221 hi", lambda: up() << "554 no"),
    ("odd-answer", lambda: ready() >> "QUIT" << "250 ok", lambda: ready() >> "QUIT" << "221 ok"),
    ("challenge", lambda: ready() >> "AUTH LOGIN" << "334 User:", lambda: ready() >> "AUTH LOGIN" << "334 VXNlcg=="),
    ("challenge", lambda: ready() >> "AUTH LOGIN" << "334-VXNl\n334 VXNl", lambda: ready() >> "AUTH PLAIN" << "334 "),
    ("secret-said-back", lambda: login("PLAIN") << "535 no AGEAYg== here", lambda: login("PLAIN") << "535 no"),
    ("unasked-goodbye", lambda: ready() << "421 idle", lambda: ready() >> "QUIT" << "421 bye"),
    ("slow-banner", lambda: slow(5.2), lambda: slow(4.9)),
    # what the server takes
    ("look-alike", lambda: data() >> b"hi\n.\n" << "250 ok", lambda: data() >> b"hi\r\n.\r\n" << "250 ok"),
    ("bare-lf-taken", lambda: ready() >> b"NOOP\n" << "250 ok", lambda: ready() >> b"NOOP\n" << "500 what"),
    # EHLO
    ("auth-in-clear", lambda: ready(f"{OFFER[:-12]}250 AUTH PLAIN"), lambda: tls(f"{IN_TLS[:-13]}250 AUTH PLAIN")),
    ("binarymime-alone", lambda: ready("250-mail.test\n250 BINARYMIME"),
     lambda: ready("250-mail.test\n250-BINARYMIME\n250 CHUNKING")),
    ("smtputf8-alone", lambda: ready("250-mail.test\n250 SMTPUTF8"),
     lambda: ready("250-mail.test\n250-SMTPUTF8\n250 8BITMIME")),
    ("keyword-syntax", lambda: ready("250-mail.test\n250 "), lambda: ready("250-mail.test\n250 8BITMIME x=y")),
    ("size-malformed", lambda: ready("250-mail.test\n250 SIZE 10M"), lambda: ready("250-mail.test\n250 SIZE")),
    ("starttls-again", lambda: tls(OFFER), lambda: tls()),
    ("masked-keyword", lambda: ready("250-mail.test\n250 XXXXXXXA"), lambda: ready("250-mail.test\n250 XEXCH50")),
    ("vanished-in-tls", lambda: tls("250-mail.test\n250 SIZE 1000"), lambda: tls()),
    ("vanished-since", lambda: again(IN_TLS), lambda: again(IN_TLS, server="other.test")),
    ("names-differ", lambda: ready(OFFER.replace("mail", "other")), lambda: ready(OFFER.replace("mail", "MAIL"))),
    ("nameless-greeting", lambda: up() << "220 ***", lambda: up() << "220 mail-1.test."),
    # what goes out
    ("sent-before-banner", lambda: up() >> "EHLO me", lambda: up() << "220 mail.test" >> "EHLO me"),
    ("secret-in-clear", lambda: login("PLAIN"), lambda: login("CRAM-MD5")),
    # TLS and the end
    ("clear-taken-in-tls",
     lambda: (ready() >> b"STARTTLS\r\nNOOP\r\n" << b"220 go\r\n").secured() << "250 ok",
     lambda: ((ready() >> b"STARTTLS\r\nNOOP\r\n" << b"220 go\r\n").secured() >> "EHLO me") << "250 ok"),
    ("clear-taken-in-tls",
     lambda: (ready() >> b"STARTTLS\r\nNOOP\r\n" << b"220 go\r\n").secured() << "500 what",
     lambda: tls()),
    (
        "injected",
        lambda: ready() >> "STARTTLS" << b"220 go\r\n" + EXTRA,
        lambda: (ready() >> "STARTTLS" << b"220 go\r\n").secured() << EXTRA,
    ),
    ("handshake-failed",
     lambda: Playbook().apply(Link(7.0, LinkStatus.SECURING)).apply(Failed(8.0, Connect(), "the server said no")),
     lambda: Playbook().apply(Link(7.0, LinkStatus.CONNECTING)).apply(Failed(8.0, Connect(), "nobody is there"))),
    ("injected", lambda: failed("the server did not answer with TLS: it sent 250 ok"),
     lambda: failed("the server closed the connection during the TLS handshake")),
    ("tls-unasked", lambda: up() << b"\x15\x03\x01\0\x02\x02\x28", lambda: up() << b"\x15\x01\r\n"),
    (
        "certificate",
        lambda: tls(secured=secured("the certificate expired 3 days ago (2026-01-01)")),
        lambda: tls(secured=secured("the certificate is for a.test, not for mail.test")),
    ),
    (
        "certificate-name",
        lambda: tls(secured=secured("the certificate is for a.test, not for mail.test")),
        lambda: tls(secured=secured("the certificate expired 3 days ago (2026-01-01)")),
    ),
    ("handshake-failed", lambda: failed("the server closed the connection during the TLS handshake"),
     lambda: failed("closed because of the certificate: it has expired")),
    ("old-tls", lambda: tls(secured=secured(version="TLSv1.1")), lambda: tls(secured=secured(version="TLSv1.2"))),
    ("tls-broken", lambda: end(tls(), "the server broke off TLS: it is shutting down (alert 80)"),
     lambda: failed("the server broke off TLS: it is shutting down (alert 80)")),
    ("tls-cut", lambda: end(tls(), "the server closed the connection without saying so in TLS (no close_notify)"),
     lambda: end(tls(), "the server closed the connection")),
    ("no-goodbye", lambda: end(ready(), "the server closed the connection"),
     lambda: end(ready() << "421 bye", "the server closed the session with 421")),
    ("no-reply", lambda: asked().apply(TimedOut(9.0, 5.0)), lambda: (ready() >> "QUIT").apply(TimedOut(9.0, 5.0))),
    ("no-reply-to-quit", lambda: (ready() >> "QUIT").apply(TimedOut(9.0, 5.0)),
     lambda: asked().apply(TimedOut(9.0, 5.0))),
    ("no-reply-to-quit", lambda: end(ready() >> "QUIT", "the server closed the connection"),
     lambda: end(ready() >> "QUIT", "dropped")),
    ("outcome-unknown", lambda: end(data() >> "hi\n.", "the server closed the connection"),
     lambda: end(data() >> "hi", "the server closed the connection")),
]  # fmt: skip


@pytest.mark.parametrize(("rule", "trips", "_"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_finds_what_it_is_about(rule: str, trips: Callable[[], Playbook], _: Callable[[], Playbook]) -> None:
    assert rule in folded(trips()).rules


@pytest.mark.parametrize(("rule", "_", "passes"), CASES, ids=[case[0] for case in CASES])
def test_a_rule_lets_pass_what_is_right(rule: str, _: Callable[[], Playbook], passes: Callable[[], Playbook]) -> None:
    assert rule not in folded(passes()).rules


def test_every_rule_has_its_two_sessions() -> None:
    assert {case[0] for case in CASES} == {rule.id for rule in RULES}
    assert set(Defect) - set(DEFECT_RULES) == {Defect.NO_CODE}


def test_every_rule_has_a_source() -> None:
    assert all(re.fullmatch(r"RFC \d+( \d+(\.\d+)*)?", rule.source) for rule in RULES)


def test_a_healthy_session_has_no_finding() -> None:
    play = tls() >> "MAIL FROM:<a@b>" << "250 ok" >> "RCPT TO:<c@d>" << "550 no" >> "RCPT TO:<e@f>" << "250 ok"
    play >> "DATA" << "354 go" >> b"hi\r\n.\r\n" << "250 queued" >> "QUIT" << "221 bye"
    assert folded(end(play, "said goodbye")).sentences == []


@pytest.mark.parametrize("line", ["STARTTLS", "RSET", "VRFY x", "QUIT", "MAIL FROM:<>"])
def test_enhanced_codes_are_missed_everywhere_but_where_they_need_not_be(line: str) -> None:
    offer = OFFER.replace("PIPELINING", "ENHANCEDSTATUSCODES")
    assert folded(ready(offer) >> "EHLO me" << offer >> "HELO me" << "250 mail.test").rules == []
    assert folded(ready(offer) >> line << "250 ok").rules.count("no-enhanced-code") == 1
    assert "no-enhanced-code" not in folded(ready(offer) >> line << "354 go").rules


def test_sentences_say_what_it_is() -> None:
    offer = "250-other.test\n250-AUTH PLAIN CRAM-MD5\n250-SIZE 1k\n250 AUTH=PLAIN"
    assert folded(ready(offer)).sentences == [
        "AUTH PLAIN is offered without TLS: passwords or tokens could cross the wire in clear",
        '"AUTH=PLAIN" is no keyword: it is how an old draft had AUTH',
        'SIZE is followed by "1k", which is not one number',
        "the server greets as mail.test, but answers EHLO as other.test",
    ]
    assert folded(ready("250-mail.test\n250-é\n250 ")).sentences == [
        'the EHLO line "é" and 1 more is not a keyword with parameters'
    ]
    assert folded(ready("250-mail.test\n250 ")).sentences == ["an EHLO line is empty"]
    assert folded(ready("250-mail.test\n250 AUTH CRAM-MD5")).sentences == ["AUTH CRAM-MD5 is offered without TLS"]
    assert (
        '"AUTH=LOGIN" is no keyword: it is how an old draft had AUTH; without AUTH itself most clients see no login'
        in folded(ready("250-mail.test\n250 AUTH=LOGIN")).sentences
    )
    assert folded(tls("250 mail.test")).sentences == [
        "PIPELINING, SIZE was offered in clear and is gone in TLS: allowed, but tampering looks like this, too"
    ]
    assert folded(again(IN_TLS)).sentences == [
        "STARTTLS was offered on an earlier connection and is missing: somebody may strip it"
    ]


def test_who_is_silent_is_said() -> None:
    silent = TimedOut(9.0, 5.0)
    assert folded(up().apply(silent)).sentences == [
        "the connection got no reply within 5 s: a port such as 465 wants TLS from the first octet on (-tlsc)"
    ]
    in_tls = up().apply(secured()).apply(silent)
    assert folded(in_tls).sentences == ["the connection got no reply within 5 s"]
    assert folded((ready() >> "VRFY x").apply(silent)).sentences == ["VRFY got no reply within 5 s"]
    assert folded((data() >> "hi\n.").apply(silent)).sentences == ["the dot got no reply within 5 s"]
    assert folded(data().apply(silent)).sentences == ["the server read nothing more of the message within 5 s"]


def test_what_is_wrong_with_a_name_is_told_as_that_however_it_is_worded() -> None:
    sentence = "m x is neither a host name nor an address, so no certificate can be for it"
    event = Secured(1.0, "TLSv1.3", "X", 256, "m x", (sentence,), name_faults=(sentence,))
    assert folded(tls(secured=event)).rules == ["certificate-name"]


def test_worst_comes_first_and_then_what_came_first() -> None:
    play = slow(6.0) >> "EHLO me" << b"250-mail.test\r\n250 STARTTLS\n"
    play >> "NOOP" << "250 a\n250 b"
    play >> "STARTTLS" << b"220 go\r\nx"
    assert folded(play).rules == ["injected", "bare-lf", "reply-to-nothing", "slow-banner"]


def test_the_same_again_is_counted() -> None:
    play = ready()
    for _ in range(13):
        play >> "NOOP" << b"250 ok\n"
    result = folded(play)
    (finding,) = result.findings.found
    assert finding.count() == 13
    assert list(result.findings.event) == list(finding.seen)
    lines = texts(findings_lines(result.findings.found, len(play.events), result.redactor))
    assert lines == ["!  fault  a reply line ends in LF without CR, and 12 more.  6.000 s, RFC 5321 2.3.8"]


def test_one_rule_lists_few_different_sentences() -> None:
    play = ready()
    for number in range(SENTENCES + 4):
        play >> "EHLO me" << f"250-mail.test\n250 a_{number}"
    result = folded(play)
    assert result.rules == ["keyword-syntax"] * SENTENCES
    assert [finding.count() for finding in result.findings.found] == [1] * (SENTENCES - 1) + [5]


# -- evidence


def octets_of(play: Playbook, place: tuple[int, int] | None) -> bytes:
    """What stands in the event from the place of evidence on."""
    assert place is not None
    event = play.events[place[0]]
    return event.data[place[1] :] if isinstance(event, Sent | Received) else repr(event).encode()


@pytest.mark.parametrize(
    ("play", "rule", "begins"),
    [
        (asked() << b"250 ok\n", "bare-lf", b"250 ok\n"),
        (asked() << b"250 a\r\n250 b\r\n", "reply-to-nothing", b"250 b\r\n"),
        (asked() << b"25" << b"0-a\r\n2" << b"51 b\r\n", "mixed-codes", b"25"),
        (asked() << b"25" << b"0 a\r\n250" << b" b\r\n", "reply-to-nothing", b"250"),
        (asked() << b"250 a\r\n" << b"250 b\r\n", "reply-to-nothing", b"250 b\r\n"),
        (ready() >> "STARTTLS" << b"220 go\r\nEVIL", "injected", b"EVIL"),
        (ready() >> "STARTTLS" << b"220 go\r\n" << b"250 x\r\n", "injected", b"250 x\r\n"),
        (ready() >> "QUIT" << b"221 bye\r\nmore", "after-goodbye", b"more"),
        (tls() >> "NOOP" << b"250 a\n", "bare-lf", b"250 a\n"),
        (login("PLAIN"), "secret-in-clear", b"AUTH PLAIN "),
        (tls(secured=secured("the certificate expired")), "certificate", b"Secured("),
        (end(ready(), "the server closed the connection"), "no-goodbye", b"Closed("),
    ],
)
def test_evidence_is_where_the_row_begins(play: Playbook, rule: str, begins: bytes) -> None:
    result = folded(play)
    line = result.rules.index(rule)
    assert octets_of(play, evidence(result.findings.found, len(play.events), line)).startswith(begins)


def test_there_is_no_evidence_for_what_is_not_there() -> None:
    result = folded(ready())
    assert texts(findings_lines(result.findings.found, 99, result.redactor)) == ["Nothing is wrong or notable so far."]
    assert evidence(result.findings.found, 99, 0) is None
    assert summary(result.findings.found) == ""


def test_in_the_past_only_what_had_been_found_is_there() -> None:
    play = asked() << b"250 ok\n"
    then = len(play.events) - 1
    play >> "NOOP" << b"250 ok\n" << "250 more"
    result = folded(play)
    found = result.findings.found
    assert summary(found) == "2 findings"
    assert summary(found, then) == "1 finding"
    assert summary(found, then - 1) == ""
    assert texts(findings_lines(found, then, result.redactor)) == [
        "!  fault  a reply line ends in LF without CR.  6.000 s, RFC 5321 2.3.8"
    ]
    assert evidence(found, then, 1) is None


# -- foreign words


def test_foreign_words_are_harmless_and_secrets_hidden() -> None:
    play = login("PLAIN", in_tls=True)
    play.events[-1] = Sent(5.0, b"AUTH PLAIN AHdvbmRlcmxhbmQ=\r\n", True, ((11, 27),))
    play = play << "535 no" >> "EHLO me" << b"250-mail.test\r\n250 \x1b]0;x\x07wonderland AHdvbmRlcmxhbmQ=\r\n"
    result = folded(play)
    sentence = next(each for each in result.sentences if "EHLO line" in each)
    assert sentence == r'the EHLO line "\x1b]0;x\x07[hidden] [hidden]" is not a keyword with parameters'


REPLIES = st.sampled_from(
    [
        *(b"220 mail.test\r\n", b"250 ok\r\n", b"250-mail.test\r\n250-SIZE x\r\n250 AUTH PLAIN\r\n", b"250 a\n"),
        *(b"354 go\r\n", b"421 bye\r\n", b"221 bye\r\n", b"\x1b[1m\r\n", b"334 \r\n", b"235 2.7.0 ok\r\n", b"250-"),
        *(b"\0", b"999 x\r\n", b"353 x\r\n"),
    ]
)
LINES = st.sampled_from(
    [
        *(b"EHLO me\r\n", b"LHLO me\r\n", b"MAIL FROM:<> PRDR\r\n", b"RCPT TO:<a@b>\r\n", b"DATA\r\n", b"hi\n.\n"),
        *(b".\r\n", b"QUIT\r\n", b"STARTTLS\r\n", b"AUTH PLAIN AGEAYg==\r\n", b"NOOP\n", b"BDAT 2 LAST\r\nhi"),
    ]
)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(Received, st.just(1.0), REPLIES | st.binary(max_size=20)),
    st.builds(Received, st.just(1.0), st.lists(REPLIES, max_size=4).map(b"".join)),
    st.builds(Sent, st.just(1.0), LINES | st.binary(max_size=20), st.booleans(), st.just(((0, 4),)) | st.just(())),
    st.just(Opened(0.0, "mail.test", 25)),
    st.just(Link(0.0, LinkStatus.CONNECTED)),
    st.just(secured("the certificate is for \x1b[m, not for x")),
    st.just(TimedOut(1.0, 5.0)),
    st.just(Failed(1.0, StartTls(), "it sent b'\x1b'")),
    st.sampled_from(["dropped", "the server closed the connection", "said goodbye"]).map(
        lambda cause: Closed(1.0, cause)
    ),
)


@given(st.lists(EVENTS, max_size=30))
def test_whatever_happens_gives_sentences_with_evidence(events: list[Event]) -> None:
    result = Folded([Opened(0.0, "mail.test", 25), Link(0.0, LinkStatus.CONNECTED), *events])
    found = result.findings.found
    assert [finding.severity for finding in found] == sorted(finding.severity for finding in found)
    for finding in found:
        assert finding.text.isprintable()
        assert 0 <= finding.event <= finding.seen[0] < result.count
        assert list(finding.seen) == sorted(finding.seen)
    lines = texts(findings_lines(found, result.count, result.redactor))
    assert all(line.isprintable() for line in lines)
