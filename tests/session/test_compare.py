"""Two sessions side by side: what differs is found, what differs by nature is not taken for it."""

from __future__ import annotations

import re
import ssl
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from servers import certificates
from smtp.playbook import Playbook, at_message, at_rcpt, connected, greeted
from smtpscope.session.compare import Comparison, Row, compare, comparison_lines, comparison_text
from smtpscope.session.redact import Redactor
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import Closed, Event, Failed, Issued, Link, LinkStatus, Opened, Received, Secured, Sent
from tui.recordings import Recording, finished, in_transaction, questioned

OFFER = "250-mail.test\n250-SIZE 1000\n250 AUTH PLAIN"


def with_tls(play: Playbook, **changed: Any) -> Playbook:
    """STARTTLS, a handshake with these fields changed, and EHLO again in TLS."""
    play = play >> "STARTTLS" << "220 go"
    secured = Secured(play.time, "TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, "mail.test", group="X25519")
    play.apply(Link(play.time, LinkStatus.SECURING)).apply(secured._replace(**changed))
    play.apply(Sent(play.time, b"EHLO me\r\n", tls=True))
    return play.apply(Received(play.time, b"250-mail.test\r\n250 AUTH PLAIN\r\n", tls=True))


def first(a: Playbook | list[Event], b: Playbook | list[Event]) -> tuple[str, str, str | None, str | None]:
    """The first difference: its step, its row, and what both say."""
    comparison = compared(a, b)
    assert comparison.first is not None
    row = comparison.rows[comparison.first]
    return comparison.first_step, row.label.strip(), row.a, row.b


def compared(a: Playbook | list[Event], b: Playbook | list[Event]) -> Comparison:
    return compare(*(each.events if isinstance(each, Playbook) else each for each in (a, b)))


def row(comparison: Comparison, label: str) -> Row:
    """The first row of this label."""
    return next(each for each in comparison.rows if each.label.strip() == label)


# -- what is the same


def test_a_session_is_the_same_as_itself() -> None:
    for recorder in (finished(), in_transaction().recorder, questioned()):
        comparison = compare(recorder, recorder)
        assert comparison.same
        assert not any(each.differs or each.minor for each in comparison.rows)
        assert "Nothing differs" in comparison_text(comparison)


def test_times_texts_and_names_differ_by_nature() -> None:
    a = connected("250-mx1.test at your service\n250 SIZE 9") >> "MAIL FROM:<a@x>" << "250 2.1.0 id 1"
    b = Playbook().connect() << "220 mx2.test hello"
    b = b >> "EHLO other.test" << "250-mx2.test welcomes you\n250 SIZE 9" >> "MAIL FROM:<a@x>" << "250 2.1.0 id 2"
    b.events = [event._replace(time=event.time * 7) for event in b.events]
    b.events[0] = Opened(0.0, "mx2.test", 2525)
    comparison = compared(a, b)
    assert comparison.same
    minor = {each.label.strip() for each in comparison.rows if each.minor}
    assert {"server", "says", "EHLO", "time"} <= minor
    assert row(comparison, "server").b == "mx2.test port 2525"


# -- what is the difference


def test_a_code_that_differs() -> None:
    a = connected() >> "MAIL FROM:<a@x>" << "250 2.1.0 ok" >> "RCPT TO:<b@x>" << "250 2.1.5 ok"
    b = connected() >> "MAIL FROM:<a@x>" << "250 2.1.0 ok" >> "RCPT TO:<b@x>" << "550 5.7.1 no"
    assert first(a, b) == ("RCPT", "code", "250 2.1.5", "550 5.7.1")


def test_an_enhanced_code_that_differs() -> None:
    a = connected() >> "MAIL FROM:<a@x>" << "550 5.1.1 no"
    b = connected() >> "MAIL FROM:<a@x>" << "550 5.7.26 no"
    assert first(a, b) == ("MAIL", "code", "550 5.1.1", "550 5.7.26")


def test_a_reply_that_never_came() -> None:
    assert first(connected() >> "NOOP" << "250 ok", connected() >> "NOOP") == ("NOOP", "code", "250", "no reply")


def test_a_parameter_that_differs() -> None:
    a, b = (connected() >> f"MAIL FROM:<a@x>{more}" << "250 ok" for more in ("", " BODY=8BITMIME"))
    assert first(a, b) == ("MAIL", "MAIL", "MAIL FROM:<a@x>", "MAIL FROM:<a@x> BODY=8BITMIME")


def test_a_keyword_that_one_does_not_offer() -> None:
    a, b = connected("250-mail.test\n250-AUTH PLAIN LOGIN\n250 SIZE 5"), connected("250-mail.test\n250 SIZE 5")
    assert first(a, b) == ("EHLO", "AUTH", "PLAIN LOGIN", None)
    assert row(compared(a, b), "both offer").a == "SIZE 5"


def test_a_keyword_with_other_parameters() -> None:
    a, b = connected("250-mail.test\n250 SIZE 5"), connected("250-mail.test\n250 SIZE 6")
    assert first(a, b) == ("EHLO", "SIZE", "5", "6")


def test_mechanisms_in_another_order_are_the_same() -> None:
    a, b = connected("250-mail.test\n250 AUTH PLAIN LOGIN"), connected("250-mail.test\n250 AUTH LOGIN PLAIN")
    assert compared(a, b).first is None
    assert row(compared(a, b), "both offer").a == "AUTH PLAIN LOGIN"


def test_tls_that_only_one_begins() -> None:
    """The hello in clear is told from the one in TLS, so that STARTTLS is the difference."""
    a = with_tls(connected(OFFER)) >> "MAIL FROM:<a@x>" << "250 ok"
    b = connected(OFFER) >> "MAIL FROM:<a@x>" << "530 5.7.0 Must issue STARTTLS first"
    assert first(a, b) == ("STARTTLS", "STARTTLS", "STARTTLS", None)
    comparison = compared(a, b)
    assert [each.label for each in comparison.rows if each.step and None not in (each.a, each.b)] == [
        *("connect", "greeting", "EHLO", "MAIL", "end"),
    ]


def test_each_thing_of_tls_has_a_row() -> None:
    a = with_tls(connected(OFFER))
    for label, field, value, shown in (
        ("TLS version", "version", "TLSv1.2", "TLSv1.2"),
        ("cipher", "cipher", "OTHER", "OTHER, 256 bits"),
        ("key exchange", "group", "P-256", "P-256"),
        ("SNI", "server_name", "other.test", "other.test"),
        ("verdict", "faults", ("it expired", "it is for others"), "it expired; it is for others"),
    ):
        assert first(a, with_tls(connected(OFFER), **{field: value}))[:2] == ("TLS", label)
        assert row(compared(a, with_tls(connected(OFFER), **{field: value})), label).b == shown


def test_a_certificate_is_named_and_another_one_on_the_same_server_is_a_difference() -> None:
    pems = (certificates.authority().issue_cert(name).cert_chain_pems[0].bytes() for name in ("one.test", "two.test"))
    a, b = (with_tls(connected(OFFER), chain=(ssl.PEM_cert_to_DER_cert(pem.decode()),)) for pem in pems)
    assert first(a, b)[:2] == ("TLS", "certificate")
    named = row(compared(a, b), "certificate").a or ""
    assert re.search(r"DNS:one\.test, by .*smtpscope test CA.*, until 3000-01-01, [0-9a-f]{16}$", named)
    b.events[0] = Opened(0.0, "mx2.test", 25)
    assert row(compared(a, b), "certificate").minor  # two servers have two certificates


def test_recipients_are_aligned_by_address() -> None:
    a = at_rcpt(accepted=0)
    b = at_rcpt(accepted=0)
    for path in ("a@x", "b@x", "c@x"):
        a = a >> f"RCPT TO:<{path}>" << "250 ok"
    for path in ("a@x", "c@x"):
        b = b >> f"RCPT TO:<{path}>" << "250 ok"
    assert first(a, b) == ("RCPT", "RCPT", "RCPT TO:<b@x>", None)
    assert sum(each.label == "RCPT" and each.differs for each in compared(a, b).rows) == 1


def test_other_recipients_stand_side_by_side() -> None:
    a, b = (at_rcpt(accepted=0) >> f"RCPT TO:<{path}>" << "250 ok" for path in ("a@x", "b@y"))
    assert first(a, b) == ("RCPT", "RCPT", "RCPT TO:<a@x>", "RCPT TO:<b@y>")


def test_hello_in_the_old_way_is_a_difference() -> None:
    a, b = connected("250 mail.test"), connected("250 mail.test", hello="HELO")
    assert first(a, b) == ("EHLO", "EHLO", "EHLO me", "HELO me")


def test_who_logs_in_and_how() -> None:
    def login(mechanism: str, user: str) -> Playbook:
        play = connected()
        token = b"AAAAAAAAAAAA"
        line = f"AUTH {mechanism} ".encode() + token
        play.apply(Issued(play.time, SMTPCommand.AUTH, user=user))
        return play.apply(Sent(play.time, line + b"\r\n", secrets=((len(line) - 12, len(line)),))) << "235 ok"

    assert first(login("PLAIN", "alice"), login("LOGIN", "alice"))[2:] == ("AUTH PLAIN as alice", "AUTH LOGIN as alice")
    assert first(login("PLAIN", "alice"), login("PLAIN", "bob"))[2:] == ("AUTH PLAIN as alice", "AUTH PLAIN as bob")


def test_a_connection_that_could_not_be_made() -> None:
    refused: list[Event] = [
        Opened(0.0, "mail.test", 25),
        Failed(0.1, None, "cannot connect to mail.test port 25: connection refused"),
        Closed(0.1, "cannot connect"),
    ]
    assert first(greeted(), refused) == ("connect", "connect", "connected", None)
    assert compared(greeted(), refused).outcomes[1].startswith("failed, cannot connect to mail.test")
    assert first([], greeted())[2:] == (None, "made")


def test_of_several_connections_the_one_that_came_furthest_is_compared() -> None:
    a = at_message().events + greeted().events
    assert compare(a, at_message().events).same
    assert row(compare(a, at_message().events), "connections")[1:3] == ("2", "1")


def test_the_end_is_a_difference_on_one_server() -> None:
    a, b = ([*at_message().events, Closed(60.0, cause)] for cause in ("said goodbye", "the server closed"))
    assert first(a, b) == ("end", "end", "said goodbye", "the server closed")


# -- at a glance


def test_the_first_lines_say_how_each_ended_and_what_differs_first() -> None:
    a = with_tls(connected(OFFER)) >> "MAIL FROM:<a@x>" << "250 ok"
    b = connected(OFFER) >> "MAIL FROM:<a@x>" << "530 5.7.0 Must issue STARTTLS first"
    lines = comparison_text(compared(a, b), ("by hand", "the app"), 100).split("\n")
    assert lines[:6] == [
        "A  by hand  nothing refused, as far as MAIL",
        "B  the app  refused MAIL: 530 5.7.0 Must issue STARTTLS first",
        "",
        "The first difference: STARTTLS",
        "  A  STARTTLS",
        "  B  nothing of it",
    ]


def test_the_rows_are_marked_in_shape() -> None:
    a = connected() >> "MAIL FROM:<a@x>" << "250 one" >> "NOOP" << "250 ok"
    b = connected() >> "MAIL FROM:<a@x>" << "450 two" >> "VRFY x" << "252 ok"
    lines = comparison_text(compared(a, b)).split("\n")
    marks = {line[3:25].strip() + line[25:].split("  ")[0]: line[:3] for line in lines if line[25:].strip()}
    assert any(line.startswith("*!   code") for line in lines)
    assert any(line.startswith("~    says") for line in lines)
    assert any(line.startswith("<  NOOP") for line in lines)
    assert any(line.startswith(">  VRFY") for line in lines)
    assert any(line.startswith("   greeting") for line in lines)
    assert marks


@settings(max_examples=50)
@given(
    width=st.integers(1, 200),
    texts=st.lists(st.text(st.characters(categories=["L", "N", "P", "Zs"], include_characters=" "), max_size=80)),
)
def test_every_line_fits_and_no_text_is_lost(width: int, texts: list[str]) -> None:
    rows = tuple(Row(f"  row {index}", text, text[::-1] or None, differs=True) for index, text in enumerate(texts))
    comparison = Comparison(rows, 0 if rows else None, ("", ""))
    lines = ["".join(text for text, _ in line) for line in comparison_lines(comparison, width)]
    assert all(cell_len(line) <= max(width, 40) for line in lines)
    shown = "".join(lines)
    for text in texts:
        assert all(shown.count(char) >= 1 for char in text if not char.isspace())


def test_a_hostile_session_is_compared_in_printable_characters() -> None:
    hostile = b"250-\x1b[2J\xff\x00 [red]\r\n250 \x9b31m\xe2\x80\xae\r\n"
    a = greeted() >> b"EHLO \x1b]0;x\x07\r\n" << hostile >> b"\x1b[31m\0\r\n" << b"\x1b\r\n" << hostile
    text = comparison_text(compared(a, greeted()), width=60)
    assert text.replace("\n", "").isprintable()


@settings(max_examples=50)
@given(octets=st.lists(st.binary(max_size=30) | st.sampled_from([b"250 ok\r\n", b"DATA\r\n", b"354 go\r\n"])))
def test_no_session_is_too_odd(octets: list[bytes]) -> None:
    play = connected()
    for number, piece in enumerate(octets):
        play = play >> piece if number % 2 else play << piece
    comparison = compared(play, connected())
    assert comparison_text(comparison).replace("\n", "").isprintable()
    assert compare(play.events, play.events).same


def test_a_secret_that_one_session_knows_is_hidden_in_both() -> None:
    a = connected().apply(Sent(9.0, b"AUTH PLAIN AGEAd29uZGVybGFuZA==\r\n", secrets=((11, 31),))) << "235 ok"
    b = connected() >> "NOOP wonderland" << "250 wonderland"
    text = comparison_text(compared(a, b))
    assert "wonderland" not in text
    assert "[hidden]" in text
    known = Redactor()
    text = comparison_text(compare(b.events, b.events, redactor=known))
    assert "wonderland" in text


def test_ten_thousand_steps_are_compared_in_time() -> None:
    recording = Recording().connect().says(b"220 hi\r\n", 0.1)
    for number in range(10_000):
        recording.exchange(f"NOOP {number % 7}".encode(), SMTPCommand.AUTH, b"250 ok\r\n")
    comparison = compare(recording.recorder, recording.recorder)
    assert comparison.same
    assert any("steps are compared" in each.label for each in comparison.rows)
