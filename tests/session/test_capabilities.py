"""What EHLO offered, and what TLS and the login changed."""

from __future__ import annotations

from session.finding import Folded, folded, texts
from smtp.playbook import Playbook, connected, greeted
from smtpscope.secret import Secret
from smtpscope.session.capabilities import capability_lines
from smtpscope.smtp.events import Closed, Opened, Sent

CLEAR = "250-mail.test at your service\n250-PIPELINING\n250-SIZE 10240000\n250-X-WHAT a b\n250 STARTTLS"
IN_TLS = "250-mail.test\n250-PIPELINING\n250-SIZE 2048\n250 AUTH PLAIN LOGIN"


def in_tls() -> Playbook:
    return (connected(CLEAR) >> "STARTTLS" << "220 go").secured() >> "EHLO me" << IN_TLS


def lines(result: Folded, upto: int = 10**9) -> list[str]:
    return texts(capability_lines(result.capabilities, upto, result.redactor))


def test_a_line_a_keyword() -> None:
    assert lines(folded(connected(CLEAR))) == [
        "EHLO at 4.000 s, in clear  mail.test",
        "PIPELINING  Several commands may go out before their replies come.  RFC 2920",
        "SIZE 10240000  at most 10,240,000 octets (9.8 MiB).  MAIL may say how large the message is (SIZE=n)."
        "  RFC 1870",
        "X-WHAT a b  not a keyword that is known here",
        "STARTTLS  STARTTLS begins TLS on this connection.  RFC 3207",
    ]


def test_what_came_and_went_after_starttls() -> None:
    shown = lines(folded(in_tls()))
    assert shown[0] == "EHLO at 9.000 s, in TLS  mail.test"
    assert shown[4:] == [
        "",
        "after STARTTLS  9.000 s",
        "~ SIZE  10240000 -> 2048",
        "+ AUTH PLAIN LOGIN",
        "- X-WHAT a b",
        "- STARTTLS",
    ]


def test_what_came_and_went_after_a_login() -> None:
    play = in_tls() >> "AUTH PLAIN AGEAYg==" << "235 ok" >> "EHLO me" << "250-mail.test\n250-PIPELINING\n250 SIZE 2048"
    assert play.machine.facts.auth
    shown = lines(folded(play))
    assert shown[0] == "EHLO at 13.000 s, in TLS, logged in  mail.test"
    assert shown[-3:] == ["", "after AUTH  13.000 s", "- AUTH PLAIN LOGIN"]
    assert "after STARTTLS  9.000 s" in shown
    same = in_tls() >> "AUTH PLAIN AGEAYg==" << "235 ok" >> "EHLO me" << IN_TLS
    assert lines(folded(same))[-2:] == ["after AUTH  13.000 s", "nothing changed"]


def test_the_past_has_what_had_been_offered_then() -> None:
    play = in_tls()
    result = folded(play)
    assert lines(result, 7)[0] == "EHLO at 4.000 s, in clear  mail.test"
    assert lines(result, 2) == ["No EHLO has been answered yet."]


def test_another_connection_begins_anew() -> None:
    play = in_tls().apply(Closed(9.0, "gone")).apply(Opened(0.0, "mail.test", 25)).connect() << "220 mail.test"
    play >> "EHLO me" << CLEAR
    shown = lines(folded(play))
    assert shown[0].endswith("in clear  mail.test")
    assert not any(line.startswith("after") for line in shown)


def test_helo_offers_nothing_and_a_refused_ehlo_is_none() -> None:
    play = greeted() >> "EHLO me" << "502 what"
    assert lines(folded(play)) == ["No EHLO has been answered yet."]
    play >> "HELO me" << "250-mail.test\n250 SIZE"
    assert lines(folded(play)) == ["HELO at 6.000 s, in clear  mail.test", "nothing is offered"]


def test_the_same_again_is_kept_once() -> None:
    play = connected(CLEAR)
    for _ in range(50):
        play >> "EHLO me" << CLEAR
    assert len(folded(play).capabilities.hellos) == 1


def test_foreign_words_are_harmless_and_secrets_hidden() -> None:
    result = Folded(connected(CLEAR).events)
    result.redactor.know(Secret("wonderland"))
    again = connected(
        b"250-\x1b]0;x\x07 wonderland\r\n250-AUTH wonderland \x1b[m\r\n250 wonderland\r\n".decode("latin-1")
    )
    for event in again.events[1:]:
        result.take(event)
    shown = lines(result)
    assert all(line.isprintable() for line in shown)
    assert not any("wonderland" in line.lower() for line in shown)
    assert isinstance(again.events[-2], Sent)
