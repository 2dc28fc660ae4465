"""A reply explained."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.session.causes import NEXT_TESTS, Situation, find, next_for, rows
from smtpscope.session.explain import CODE, FAULT, KEY, brief, failure_lines, question_lines, reply_lines
from smtpscope.session.notes import duration
from smtpscope.smtp.events import Asked
from smtpscope.smtp.reply import Reply, ReplyReader


def reply_of(*reads: tuple[float, bytes]) -> Reply:
    """The one reply that octets at these times make."""
    reader = ReplyReader()
    (reply,) = [reply for time, data in reads for reply in reader.feed(data, time)]
    return reply


def texts(reply: Reply, sent: float | None = None, situation: Situation | None = None) -> list[str]:
    return ["".join(text for text, _ in line) for line in reply_lines(reply, sent, situation)]


def test_the_reply_tab_of_a_refused_recipient() -> None:
    reply = reply_of((2.004, b"554 5.7.1 <carol@example.net>: Relay access denied\r\n"))
    assert texts(reply, 2.0, Situation("RCPT", port=25)) == [
        "554 5.7.1",
        "permanent · security and policy · not authorized",
        "The server does not pass mail on to that domain for us.",
        "RFC 5321 4.2.3, RFC 3463 3.8, RFC 5321 3.6.2, RFC 6409 4.3",
        "IXP_E_SMTP_554_TRANSACT_FAILED 0x800CCC6F",
        "IXP_E_SMTP_REJECTED_RECIPIENTS 0x800CCC79",
        "likely: not logged in",
        "    or: port 25 instead of 587 or 465",
        "    or: our address is not in the server's mynetworks",
        "    or: the domain is meant to be local and is not in the server's lists",
        "! next tests:",
        "  1 AUTH, then the same again",
        "  2 the same on port 587",
        "  3 the same on port 465",
        "  4 RCPT TO:<postmaster>, without a domain",
        "a text of Postfix: https://github.com/vdukhovni/postfix/blob/master/postfix/src/smtpd/smtpd_check.c",
        "first byte after 4.0 ms, whole after 4.0 ms",
    ]
    assert reply_lines(reply)[0] == [("554 5.7.1", CODE)]


def test_without_a_situation_the_code_and_its_name_are_there_all_the_same() -> None:
    lines = texts(reply_of((0.0, b"550 5.1.1 <carol@example.org>: unknown user\r\n")))
    assert lines[:5] == [
        "550 5.1.1",
        "permanent · addressing · bad mailbox address",
        "The mailbox does not exist at this server.",
        "RFC 5321 4.2.3, RFC 3463 3.2, RFC 5321 3.3",
        "IXP_E_SMTP_550_MAILBOX_NOT_FOUND 0x800CCC69",
    ]
    assert not any("REJECTED" in line for line in lines)


def test_the_digits_are_the_places_of_the_next_tests() -> None:
    reply, situation = reply_of((0.0, b"450 4.2.0 Greylisted\r\n")), Situation("RCPT", port=25)
    cause = find(reply, situation)
    assert cause is not None
    ids = next_for(cause, situation)
    assert ids[0] == "wait_5"
    lines = reply_lines(reply, 0.0, situation)
    listed = [[(f"  {n} ", KEY), (NEXT_TESTS[id].title, "text")] for n, id in enumerate(ids, 1)]
    start = lines.index(listed[0])
    assert lines[start : start + len(listed)] == listed
    assert not any("next tests" in line for line in texts(reply_of((0.0, b"250 2.1.5 Ok\r\n")), 0.0, situation))
    only = ["".join(text for text, _ in line) for line in reply_lines(reply, 0.0, situation, ["wait_15"])]
    assert "  1 try again in 15 min" in only
    assert "  2 try again in 15 min" not in only
    assert not any("next tests" in "".join(t for t, _ in line) for line in reply_lines(reply, 0.0, situation, []))


def test_tests_are_listed_though_nothing_is_known_of_causes() -> None:
    lines = reply_lines(reply_of((0.0, b"571 5.9.9 odd\r\n")), tests=["noop"])
    assert [("  1 ", KEY), (NEXT_TESTS["noop"].title, "text")] in lines


def test_how_long_a_banner_took_says_why() -> None:
    late = reply_of((12.0, b"220 mx.example.org ESMTP\r\n"))
    assert "The banner came late." in texts(late, 0.5, Situation("BANNER"))
    assert "The banner came late." not in texts(late, 11.5, Situation("BANNER"))


def test_a_failure_without_a_reply_is_explained_in_the_same_way() -> None:
    lines = ["".join(text for text, _ in line) for line in failure_lines("192.0.2.7 port 25 refused the connection: x")]
    assert lines[0] == "The host is there, and nothing listens on that port."
    assert "IXP_E_FAILED_TO_CONNECT 0x800CCC0E" in lines
    assert "likely: the wrong port" in lines
    assert "  1 the same on port 587" in lines
    (one,) = [line for line in failure_lines("192.0.2.7 refused the connection", ["reconnect"]) if line[0][1] == KEY][
        1:
    ]
    assert one == [("  1 ", KEY), (NEXT_TESTS["reconnect"].title, "text")]
    assert failure_lines("the user dropped the connection") == []


def test_without_an_enhanced_code_the_digits_speak() -> None:
    assert texts(reply_of((0.0, b"503 no\r\n")))[:4] == [
        "503",
        "permanent · syntax",
        "The command came out of order.",
        "RFC 5321 4.2.3, RFC 5321 4.1.4",
    ]


def test_an_enhanced_code_that_says_nothing_particular_leaves_the_word_to_the_reply_code() -> None:
    assert texts(reply_of((0.0, b"221 2.0.0 Bye\r\n")))[1:3] == [
        "success · connection",
        "The server says goodbye and closes the connection.",
    ]
    assert texts(reply_of((0.0, b"450 4.2.0 Greylisted\r\n")))[1] == "temporary · mailbox"
    assert texts(reply_of((0.0, b"535 5.7.139 no\r\n")))[1:3] == [
        "permanent · security and policy · no registered detail",
        "The credentials were not accepted.",
    ]


def test_when_it_came_is_told_from_the_command_on() -> None:
    slow = reply_of((5.5, b"250-one\r\n"), (8.0, b"250 two\r\n"))
    assert texts(slow, sent=5.0)[-2] == "first byte after 500 ms, whole after 3.00 s"
    assert texts(slow)[-2] == "from the first byte to the last 2.50 s"


def test_defects_stand_in_words_of_their_own_kind() -> None:
    lines = reply_lines(reply_of((0.0, b"250-one\n250 two\r\n")))
    assert [("! ", FAULT), ("a line ends in LF without CR (RFC 5321 2.3.8)", FAULT)] in lines


def test_garbage_has_no_meaning_but_its_defects() -> None:
    assert texts(reply_of((0.0, b"hello\r\n")))[0] == "no reply code: it settles nothing"
    assert any(text.startswith("! not a reply line") for text in texts(reply_of((0.0, b"hello\r\n"))))


@pytest.mark.parametrize(
    ("raw", "rows"),
    [
        (
            b"550 5.1.1 x\r\n",
            ["550 5.1.1  permanent · addressing · bad mailbox address", "The mailbox does not exist at this server."],
        ),
        (b"250 ok\r\n", ["250  success · mail system", "Done as asked."]),
        (b"250 ok\n", ["250  success · mail system", "! a line ends in LF without CR (RFC 5321 2.3.8)"]),
        (
            b"250 \0\n",
            ["250  success · mail system", "! a line ends in LF without CR (RFC 5321 2.3.8) (and 1 more)"],
        ),
        (b"099 x\r\n", ["099", "! the reply code is outside 200 to 599 (RFC 5321 4.2.1)"]),
    ],
)
def test_two_rows_for_a_small_screen(raw: bytes, rows: list[str]) -> None:
    assert brief(reply_of((0.0, raw))).split("\n") == rows


@given(st.binary(max_size=200).map(lambda data: data + b"\r\n") | st.from_regex(rb"\A[0-9]{3}[ -][ -~]{0,40}\r\n\Z"))
def test_nothing_of_the_server_but_digits_gets_through(data: bytes) -> None:
    for reply in ReplyReader().feed(data, 1.0):
        rows = brief(reply).split("\n")
        assert 1 <= len(rows) <= 2
        assert all(row.isprintable() and len(row) <= 78 for row in rows)
        lines = texts(reply, 0.5)
        assert all(line and line.isprintable() for line in lines)
        marked = reply._replace(lines=tuple("\x1b]0;x\a" for _ in reply.lines))
        plain = reply._replace(lines=tuple("" for _ in reply.lines))
        assert texts(marked, 0.5) == texts(plain, 0.5)


@given(st.sampled_from([row.example for row in rows() if not row.failure]))
def test_what_is_said_of_a_text_is_ours_alone(example: str) -> None:
    """The text chooses a row; no word of the text itself is repeated."""
    marked = "".join(f"{line} q7zq7z \x1b[2J\n" for line in example.split("\n"))
    (reply,) = ReplyReader().feed(marked.replace("\n", "\r\n").encode())
    shown = "\n".join(texts(reply, 0.5, Situation("RCPT")))
    assert "q7z" not in shown
    assert "\x1b" not in shown
    assert "q7z" not in brief(reply)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-1.0, "0.0 ms"), (0.0004, "0.4 ms"), (0.00999, "10 ms"), (0.031, "31 ms"), (0.9999, "1.00 s"), (1.25, "1.25 s"),
     (99.99, "1 min 40 s"), (125.0, "2 min 5 s"), (300.0, "5 min 0 s")],
)  # fmt: skip
def test_times_are_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("verb", "raw", "sentence"),
    [
        ("EHLO", b"250-mail.test\r\n250-SIZE\r\n250 HELP\r\n", "2 extensions: the EHLO tab explains them."),
        ("EHLO", b"250-mail.test\r\n250 HELP\r\n", "1 extension: the EHLO tab explains it."),
        ("EHLO", b"250 mail.test\r\n", "It takes our name and offers no extensions."),
        ("HELO", b"250 mail.test\r\n", "HELO offers no extensions"),
        ("BANNER", b"220 mail.test\r\n", "The server greets: it is ready"),
        ("STARTTLS", b"220 2.0.0 go\r\n", "the handshake is next"),
        ("MAIL", b"250 2.1.0 Ok\r\n", "a transaction has begun"),
        ("RCPT", b"250 Ok\r\n", "can still be refused or bounce"),
        ("DOT", b"250 2.0.0 Ok: queued\r\n", "from now on answers for it"),
        ("RSET", b"250 2.0.0 Ok\r\n", "Any transaction is forgotten"),
        ("NOOP", b"250 2.0.0 Ok\r\n", "Nothing was done, as asked"),
        ("QUIT", b"221 2.0.0 Bye\r\n", "says goodbye, and closes"),
    ],
)
def test_what_was_done_is_said_of_each_command(verb: str, raw: bytes, sentence: str) -> None:
    reply = reply_of((0.0, raw))
    situation = Situation(verb)
    assert sentence in brief(reply, situation)
    lines = texts(reply, situation=situation)
    assert any(sentence in line for line in lines)
    assert "Done as asked." not in lines
    assert lines[-1].startswith("IXP_E_SMTP_2"), "the name that Outlook has for it is the last that is asked for"


def test_another_success_than_the_usual_means_what_its_code_says() -> None:
    assert "the handshake" not in brief(reply_of((0.0, b"250 go\r\n")), Situation("STARTTLS"))
    assert "forwards it" in brief(reply_of((0.0, b"251 elsewhere\r\n")), Situation("RCPT"))


def test_before_a_certificate_is_judged_the_ways_on_are_named() -> None:
    unknown = Asked(1.0, "certificate", "mx.test: the issuer is not known here: CN=Test CA", ("close", "go on, once"))
    said = ["".join(text for text, _ in line) for line in question_lines(unknown)]
    assert said[0].startswith("--tls-ca-path FILE trusts a private CA")
    assert "tls tab" in said[1]
    assert ":pem FILE saves it" in said[1]
    expired = question_lines(unknown._replace(text="mx.test: the certificate expired 3 days ago"))
    assert not any("ca-path" in text for line in expired for text, _ in line)
    assert expired
    assert not question_lines(Asked(1.0, "timeout", "the reply has not come", ("wait", "drop")))
