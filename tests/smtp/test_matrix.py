"""What may be issued from where: every cell of the design's table, each row reached by a conversation."""

from collections.abc import Callable

import pytest

from smtp.playbook import (
    EHLO,
    Playbook,
    at_broken,
    at_chunk,
    at_data,
    at_dot,
    at_handshake,
    at_mail,
    at_message,
    at_rcpt,
    at_stream,
    connected,
    greeted,
    in_tls,
    lmtp,
)
from smtpscope.smtp.command import SMTPCommand
from smtpscope.smtp.events import (
    Answered,
    Asked,
    Bdat,
    Closed,
    Connect,
    Drop,
    Failed,
    Forgot,
    Issued,
    Link,
    LinkStatus,
    Progress,
    Sent,
    StartTls,
    Step,
)
from smtpscope.smtp.machine import Verdict

C = SMTPCommand
LETTER = {Verdict.LEGAL: "L", Verdict.OUT_OF_ORDER: "W", Verdict.IMPOSSIBLE: "X"}

STEPS: dict[str, Step] = {
    "Connect": Connect(), "EHLO": C.EHLO, "HELO": C.HELO, "AUTH": C.AUTH, "MAIL": C.MAIL, "RCPT": C.RCPT,
    "DATA": C.DATA, "STREAM": C.SEND_STREAM, "DOT": C.DOT, "RSET": C.RSET, "QUIT": C.QUIT, "CUSTOM": C.CUSTOM,
    "STARTTLS": StartTls(), "BDAT": Bdat(4), "Drop": Drop(),
}  # fmt: skip

TABLE = """
                                        Con EHL HEL AUT MAI RCP DAT STR DOT RSE QUI CUS STA BDA Dro
NONE                                  |  L   X   X   X   X   X   X   X   X   X   X   X   X   X   X
NONE, connecting                      |  X   X   X   X   X   X   X   X   X   X   X   X   X   X   L
BANNER                                |  X   L   L   W   W   W   W   X   W   L   L   L   W   W   L
BANNER, greeting 554                  |  X   W   W   W   W   W   W   X   W   W   L   W   W   W   L
EHLO, login still wanted              |  X   L   L   L   L   W   W   X   W   L   L   L   L   W   L
CONNECTED after EHLO, no login yet    |  X   L   L   L   L   W   W   X   W   L   L   L   L   W   L
CONNECTED after EHLO, logged in, TLS  |  X   L   L   W   L   W   W   X   W   L   L   L   W   W   L
CONNECTED after HELO                  |  X   L   L   W   L   W   W   X   W   L   L   L   W   W   L
MAIL                                  |  X   L   L   W   W   L   W   X   W   L   L   L   W   W   L
RCPT                                  |  X   L   L   W   W   L   L   X   W   L   L   L   W   L   L
RCPT, BDAT begun                      |  X   L   L   W   W   W   W   X   W   L   L   L   W   L   L
RCPT, BDAT chunk refused              |  X   L   L   W   W   W   W   X   W   L   L   L   W   W   L
DATA                                  |  X   X   X   X   X   X   X   L   L   X   X   X   X   X   L
SEND_STREAM                           |  X   X   X   X   X   X   X   L   L   X   X   X   X   X   L
SEND_MESSAGE                          |  X   L   L   L   L   W   W   X   W   L   L   L   L   W   L
a reply owed                          |  X   W   W   W   W   W   W   X   W   W   W   W   W   W   L
TLS handshake                         |  X   X   X   X   X   X   X   X   X   X   X   X   X   X   L
"""


def logged_in(play: Playbook) -> Playbook:
    return play >> "AUTH PLAIN AGEAYg==" << "235 ok"


def status(link: LinkStatus) -> Callable[[], Playbook]:
    return lambda: Playbook().apply(Link(0.0, link))


HELO = "250 mail.test"
WAYS: dict[str, dict[str, Callable[[], Playbook]]] = {
    "NONE": {
        "start": Playbook,
        "after QUIT": lambda: connected() >> "QUIT" << "221 bye",
        "after QUIT, closed": lambda: (connected() >> "QUIT" << "221 bye").apply(Closed(9.0, "closed")),
        "after 421": lambda: connected() >> "NOOP" << "421 bye",
        "after an unasked 421": lambda: connected() << "421 bye",
        "lost in data mode": lambda: at_data().apply(Closed(9.0, "reset by peer")),
        "lost in the handshake": lambda: at_handshake().apply(Closed(9.0, "handshake failed")),
        "no connection": lambda: status(LinkStatus.CONNECTING)().apply(Closed(9.0, "refused")),
    },
    "NONE, connecting": {
        "finding host": status(LinkStatus.FINDINGHOST),
        "connecting": status(LinkStatus.CONNECTING),
        "implicit TLS": status(LinkStatus.SECURING),
    },
    "BANNER": {
        "220": greeted,
        "221": lambda: Playbook().connect() << "221 hm",
        "after STARTTLS": lambda: at_handshake().secured(),
        "after XCLIENT": lambda: connected() >> "XCLIENT NAME=x" << "220 again",
        "RSET": lambda: greeted() >> "RSET" << "250 ok",
        "EHLO refused": lambda: greeted() >> "EHLO me" << "502 no",
    },
    "BANNER, greeting 554": {
        "554": lambda: Playbook().connect() << "554 no",
        "450": lambda: Playbook().connect() << "450 later",
    },
    "EHLO, login still wanted": {
        "login": lambda: connected(login=True),
        "login refused": lambda: connected(login=True) >> "AUTH PLAIN AGEAYg==" << "535 no",
        "MAIL refused": lambda: connected(login=True) >> "MAIL FROM:<a@mail.test>" << "530 log in",
    },
    "CONNECTED after EHLO, no login yet": {
        "no login wanted": connected,
        "LHLO": lmtp,
        "login declined": lambda: at_mail(connected(login=True)) >> "RSET" << "250 ok",
        "AUTH refused": lambda: connected() >> "AUTH PLAIN AGEAYg==" << "535 no",
    },
    "CONNECTED after EHLO, logged in, TLS": {
        "TLS first": lambda: logged_in(in_tls()),
        "RSET": lambda: logged_in(in_tls()) >> "RSET" << "250 ok",
        "EHLO again": lambda: logged_in(in_tls()) >> "EHLO me" << EHLO,
    },
    "CONNECTED after HELO": {
        "HELO": lambda: connected(HELO, hello="HELO"),
        "login wanted, none offered": lambda: connected(HELO, hello="HELO", login=True),
        "HELO after EHLO": lambda: connected() >> "HELO me" << HELO,
    },
    "MAIL": {
        "MAIL": at_mail,
        "RCPT refused": lambda: at_mail() >> "RCPT TO:<r@mail.test>" << "550 no",
        "login wanted": lambda: at_mail(connected(login=True)),
        "logged in": lambda: at_mail(logged_in(in_tls())),
        "second message": lambda: at_mail(at_message()),
        "nested and taken": lambda: at_mail(at_rcpt()),
    },
    "RCPT": {
        "one": at_rcpt,
        "three": lambda: at_rcpt(accepted=3),
        "one refused after it": lambda: at_rcpt() >> "RCPT TO:<x@mail.test>" << "550 no",
        "DATA refused": lambda: at_rcpt() >> "DATA" << "503 no",
        "without MAIL": lambda: connected() >> "RCPT TO:<x@mail.test>" << "250 ok",
    },
    "RCPT, BDAT begun": {"one": at_chunk, "two": lambda: at_chunk() >> b"BDAT 0\r\n" << "250 ok"},
    "RCPT, BDAT chunk refused": {"refused": at_broken, "DATA in the middle": lambda: at_chunk() >> "DATA" << "503 no"},
    "DATA": {
        "354": at_data,
        "forgotten as 354": lambda: (at_rcpt() >> "DATA").apply(Forgot(9.0, 354)),
        "half a text": lambda: at_data() >> b"Subject: hi\r\nhal",
        "look-alike": lambda: at_data() >> b"hi\n.\n",
        "look-alike forgotten": lambda: (at_data() >> b"hi\n.\n").apply(Forgot(9.0)),
    },
    "SEND_STREAM": {"dot held": at_stream, "and more text": lambda: at_stream() >> b"P.S.\r\n"},
    "SEND_MESSAGE": {
        "accepted": at_message,
        "refused": lambda: at_dot() << "554 no",
        "no octets": lambda: at_data() >> "." << "250 ok",
        "BDAT LAST": lambda: at_rcpt() >> b"BDAT 2 LAST\r\nhi" << "250 ok",
        "BDAT LAST refused": lambda: at_rcpt() >> b"BDAT 2 LAST\r\nhi" << "554 no",
        "NOOP": lambda: at_message() >> "NOOP" << "250 ok",
    },
    "a reply owed": {
        "banner": lambda: Playbook().connect(),
        "banner given up": lambda: Playbook().connect().apply(Forgot(9.0)),
        "half a banner": lambda: Playbook().connect() << b"220-mail",
        "EHLO": lambda: greeted() >> "EHLO me",
        "half of EHLO": lambda: greeted() >> "EHLO me" << b"250-mail\r\n",
        "NOOP": lambda: connected() >> "NOOP",
        "AUTH": lambda: connected() >> "AUTH LOGIN",
        "AUTH, 334": lambda: connected() >> "AUTH LOGIN" << "334 VXNlcm5hbWU6",
        "MAIL, pipelining not offered": lambda: connected("250-m\n250 AUTH PLAIN") >> "MAIL FROM:<a@mail.test>",
        "STARTTLS": lambda: connected() >> "STARTTLS",
        "DATA": lambda: at_rcpt() >> "DATA",
        "dot, pipelining not offered": lambda: at_dot(connected("250-mail.test\n250 8BITMIME")),
        "QUIT": lambda: connected() >> "QUIT",
    },
    "TLS handshake": {
        "220": at_handshake,
        "octets behind the 220": lambda: connected() >> "STARTTLS" << b"220 go\r\n250 injected\r\n",
    },
}  # fmt: skip


def cells(row: str) -> str:
    line = next(line for line in TABLE.splitlines() if line.startswith(row.ljust(37) + " |"))
    return line.partition("|")[2].replace(" ", "")


def letters(play: Playbook) -> str:
    return "".join(LETTER[play.machine.may_issue(step)] for step in STEPS.values())


def test_the_table_here_has_all_rows_and_columns() -> None:
    assert len(STEPS) == 15
    assert [line.split("|")[0].strip() for line in TABLE.splitlines() if "|" in line] == list(WAYS)
    assert all(len(cells(row)) == 15 for row in WAYS)


@pytest.mark.parametrize(("row", "way"), [(row, way) for row, ways in WAYS.items() for way in ways])
def test_every_cell_of_the_table(row: str, way: str) -> None:
    play = WAYS[row][way]()
    found = dict(zip(STEPS, letters(play), strict=True))
    assert found == dict(zip(STEPS, cells(row), strict=True))
    # the milestones are asked about by name, too
    assert play.machine.may_issue(C.BANNER) is play.machine.may_issue(Connect())
    assert play.machine.may_issue(C.NONE) is play.machine.may_issue(Drop())


@pytest.mark.parametrize("row", WAYS)
def test_sending_a_message_at_one_go_is_legal_where_mail_is(row: str) -> None:
    play = next(iter(WAYS[row].values()))()
    expected = "L" if cells(row)[list(STEPS).index("MAIL")] == "L" else "X"
    assert LETTER[play.machine.may_issue(C.SEND_MESSAGE)] == expected


def test_sending_a_message_at_one_go_waits_for_owed_replies() -> None:
    play = connected() >> "RSET"
    assert play.machine.may_issue(C.MAIL) is Verdict.LEGAL  # PIPELINING is offered
    assert play.machine.may_issue(C.SEND_MESSAGE) is Verdict.IMPOSSIBLE


LOGIN = {"NONE": "L", "NONE, connecting": "X", "BANNER": "L", "BANNER, greeting 554": "X", "DATA": "X",
         "EHLO, login still wanted": "L", "CONNECTED after EHLO, no login yet": "L",
         "CONNECTED after EHLO, logged in, TLS": "X", "CONNECTED after HELO": "W", "MAIL": "W", "SEND_STREAM": "X",
         "SEND_MESSAGE": "L", "a reply owed": "X", "TLS handshake": "X"}  # fmt: skip


@pytest.mark.parametrize(("row", "letter"), LOGIN.items())
def test_running_on_to_a_login(row: str, letter: str) -> None:
    play = next(iter(WAYS[row].values()))()
    assert LETTER[play.machine.may_issue(C.CONNECTED)] == letter


# -- L becomes W where what the command needs is not there

LACKING: list[tuple[str, Step, Callable[[], Playbook]]] = [
    ("AUTH not offered", C.AUTH, lambda: connected("250-mail.test\n250 STARTTLS")),
    ("AUTH not offered, after a message", C.AUTH, lambda: at_message(connected("250 mail.test"))),
    ("AUTH again", C.AUTH, lambda: logged_in(connected())),
    ("AUTH again after a message", C.AUTH, lambda: at_message(logged_in(connected()))),
    ("STARTTLS not offered", StartTls(), lambda: connected("250-mail.test\n250 AUTH PLAIN")),
    ("STARTTLS inside TLS", StartTls(), in_tls),
    ("STARTTLS inside TLS after a message", StartTls(), lambda: at_message(in_tls())),
    ("BDAT without CHUNKING", Bdat(4), lambda: at_rcpt(connected("250-mail.test\n250 PIPELINING"))),
    ("BDAT LAST without CHUNKING", Bdat(4, True), lambda: at_rcpt(connected("250 mail.test"))),
    ("DATA under BINARYMIME", C.DATA,
     lambda: connected() >> "MAIL FROM:<a@b> BODY=BINARYMIME" << "250 ok" >> "RCPT TO:<c@d>" << "250 ok"),
    ("DATA under binarymime", C.DATA,
     lambda: connected() >> "mail from:<a@b> body=binarymime" << "250 ok" >> "RCPT TO:<c@d>" << "250 ok"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "play"), [case[1:] for case in LACKING], ids=[case[0] for case in LACKING])
def test_legal_becomes_out_of_order(step: Step, play: Callable[[], Playbook]) -> None:
    assert play().machine.may_issue(step) is Verdict.OUT_OF_ORDER


def test_bdat_is_the_way_for_binarymime() -> None:
    play = connected() >> "MAIL FROM:<a@b> BODY=BINARYMIME" << "250 ok" >> "RCPT TO:<c@d>" << "250 ok"
    assert play.machine.may_issue(Bdat(4)) is Verdict.LEGAL
    again = play >> "RSET" << "250 ok"
    assert at_rcpt(again).machine.may_issue(C.DATA) is Verdict.LEGAL  # the wish ended with its transaction


def test_auth_is_offered_in_the_old_spelling() -> None:
    assert connected("250-mail.test\n250 AUTH=LOGIN").machine.may_issue(C.AUTH) is Verdict.LEGAL


def test_a_login_does_not_outlive_the_handshake_that_follows_it() -> None:
    play = logged_in(connected())
    again = at_handshake(play).secured() >> "EHLO me" << EHLO
    assert again.machine.may_issue(C.AUTH) is Verdict.LEGAL


# -- pipelining (RFC 2920 3.1)

MAIL, RCPT, QUIT = "MAIL FROM:<a@mail.test>", "RCPT TO:<r@mail.test>", "QUIT"
GROUPS: list[tuple[Callable[[], Playbook], str, str]] = [  # what is owed, what is then legal
    (lambda: connected() >> MAIL, MAIL, "EHLO HELO RCPT RSET QUIT CUSTOM"),
    (lambda: connected() >> f"{MAIL}\n{RCPT}", "MAIL RCPT", "EHLO HELO RCPT DATA RSET QUIT CUSTOM BDAT"),
    (lambda: at_rcpt() >> RCPT, "RCPT", "EHLO HELO RCPT DATA RSET QUIT CUSTOM BDAT"),
    (lambda: at_mail() >> RCPT, "RCPT", "EHLO HELO RCPT DATA RSET QUIT CUSTOM BDAT"),
    (lambda: at_rcpt() >> "RSET", "RSET", "EHLO HELO AUTH MAIL RSET QUIT CUSTOM STARTTLS"),
    (lambda: at_rcpt() >> f"RSET\n{MAIL}", "RSET MAIL", "EHLO HELO RCPT RSET QUIT CUSTOM"),
    (lambda: at_rcpt() >> b"BDAT 2\r\nhi", "BDAT", "EHLO HELO RSET QUIT CUSTOM BDAT"),
    (lambda: at_rcpt() >> b"BDAT 2\r\nhiBDAT 2 LAST\r\nho", "BDAT, LAST",
     "EHLO HELO AUTH MAIL RSET QUIT CUSTOM STARTTLS"),
    (lambda: at_dot(), "DOT", "EHLO HELO AUTH MAIL RSET QUIT CUSTOM STARTTLS"),
    (lambda: at_dot() >> MAIL, "DOT MAIL", "EHLO HELO RCPT RSET QUIT CUSTOM"),
    (lambda: at_rcpt() >> "DATA", "DATA", ""),
    (lambda: connected() >> "NOOP", "NOOP", ""),
    (lambda: connected() >> "VRFY x", "VRFY", ""),
    (lambda: connected() >> "X-NEW", "extension verb", ""),
    (lambda: connected() >> "QUIT", "QUIT", ""),
    (lambda: connected() >> "EHLO me", "EHLO", ""),
    (lambda: connected() >> "AUTH PLAIN AGEAYg==", "AUTH", ""),
    (lambda: connected() >> "STARTTLS", "STARTTLS", ""),
    (lambda: connected() >> "XCLIENT NAME=x", "XCLIENT", ""),
    (lambda: connected() >> ".", "stray dot", ""),
    (lambda: connected() >> b"BDAT 2 LAST\r\nhi", "stray BDAT LAST", ""),
    (lambda: connected() >> f"{MAIL}\nNOOP", "NOOP behind MAIL", ""),
    (lambda: connected("250 mail.test") >> MAIL, "not offered", ""),
    (lambda: connected("250 mail.test", hello="HELO") >> MAIL, "HELO", ""),
    (lambda: connected() >> "MAIL FROM:<a@b> BODY=BINARYMIME\nRCPT TO:<c@d>", "BINARYMIME",
     "EHLO HELO RCPT RSET QUIT CUSTOM BDAT"),
]  # fmt: skip


@pytest.mark.parametrize(("play", "legal"), [(play, legal) for play, _, legal in GROUPS], ids=[g[1] for g in GROUPS])
def test_behind_owed_replies(play: Callable[[], Playbook], legal: str) -> None:
    found = letters(play())
    assert (
        " ".join(name for name, letter in zip(STEPS, found, strict=True) if letter == "L" and name != "Drop") == legal
    )
    assert [found[index] for index in (0, 7, 14)] == ["X", "X", "L"]  # Connect, STREAM, Drop


def test_asking_changes_nothing() -> None:
    play = at_rcpt() >> RCPT
    before = (play.machine.facts.ok, play.machine.facts.recipients, play.owed)
    letters(play)
    assert (play.machine.facts.ok, play.machine.facts.recipients, play.owed) == before


# -- message text on its way


def test_while_text_goes_out_there_is_no_second_stream_and_no_dot() -> None:
    play = at_data().apply(Issued(9.0, C.SEND_STREAM)).apply(Sent(9.0, b"Subject: hi\r\n"))
    assert letters(play) == "X" * 14 + "L"
    play.apply(Progress(9.5, 13, 26)).apply(Sent(9.6, b"\r\nhi\r\n"))
    assert letters(play) == "X" * 14 + "L"
    assert letters(play.apply(Progress(10.0, 19, 19, done=True))) == cells("SEND_STREAM")


@pytest.mark.parametrize(
    "end", [Asked(9.5, "early", "Go on?", ("drop", "go on")), Failed(9.5, C.SEND_STREAM, "the file is gone")]
)
def test_an_interrupted_stream_may_be_ended_or_taken_up(end: Asked | Failed) -> None:
    play = at_data().apply(Issued(9.0, C.SEND_STREAM)).apply(Sent(9.0, b"Subject: hi\r\n")).apply(end)
    assert letters(play.apply(Answered(9.6, "early", 0))) == cells("DATA")
