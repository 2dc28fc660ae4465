"""The readers of single values: what they take, and the sentence they refuse the rest with."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtpscope.profile import (
    check_text,
    parse_local,
    parse_mailbox,
    parse_mechanisms,
    parse_port,
    parse_seconds,
    parse_target,
)


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("mail.example.org", ("mail.example.org", 25)),
        ("mail.example.org.", ("mail.example.org.", 25)),
        ("mail.example.org:587", ("mail.example.org", 587)),
        ("mail.example.org:submission", ("mail.example.org", 587)),
        ("localhost:smtp", ("localhost", 25)),
        ("under_score.test:1", ("under_score.test", 1)),
        ("münchen.example:65535", ("münchen.example", 65535)),
        ("192.0.2.7", ("192.0.2.7", 25)),
        ("192.0.2.7:2525", ("192.0.2.7", 2525)),
        ("[192.0.2.7]:2525", ("192.0.2.7", 2525)),
        ("2001:db8::7", ("2001:db8::7", 25)),
        ("::1", ("::1", 25)),
        ("::1:25", ("::1:25", 25)),  # a whole address, so no port
        ("[2001:db8::7]", ("2001:db8::7", 25)),
        ("[2001:db8::7]:587", ("2001:db8::7", 587)),
        ("fe80::1%eth0", ("fe80::1%eth0", 25)),
        ("[fe80::1%eth0]:26", ("fe80::1%eth0", 26)),
    ],
)
def test_a_target_is_understood(text: str, target: tuple[str, int]) -> None:
    assert parse_target(text, 25) == target


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "name is empty"),
        (":25", "name is empty"),
        ("host:", "An empty word is not a port"),
        ("host:0", "0 is not a port"),
        ("host:65536", "65536 is not a port"),
        ("host:+25", "+25 is not a port"),
        ("host: 25", " 25 is not a port"),
        ("host:٢٥", "is not a port"),
        ("host:nosuchservice", "nosuchservice is not a port"),
        ("host:1:2", "one colon"),
        ("1::2::3", "one colon"),
        ("[::1", "one colon"),
        ("[::1]25", "one colon"),
        ("[]", "between its brackets"),
        ("[host]:25", "between its brackets"),
        ("[::1]:", "An empty word is not a port"),
        ("alice@example.org", "is not a host name"),
        ("smtp://example.org", "is not a port"),
        ("two words", "is not a host name"),
        ("-", "is not a host name"),
        ("a..b", "is not a host name"),
        ("a" * 64, "is not a host name"),
        ("a." * 200, "is not a host name"),
        ("ho\x00st", "control character in it (U+0000)"),
        ("ho\r\nst:25", "control character in it (U+000D)"),
        ("ho\udc80st", "not text"),
        ("fe80::1%\x1b", "one colon"),
    ],
)
def test_a_target_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        parse_target(text, 25)
    assert sentence in str(refused.value)


@given(st.text() | st.text(alphabet="a.:[]1%\x1b\n"))
def test_a_target_that_is_taken_is_harmless(text: str) -> None:
    try:
        host, port = parse_target(text, 25)
    except ValueError:
        return
    host.encode()
    assert host
    assert host in text
    assert not set(host) & set("\r\n\0\x1b\x7f <>@")
    assert 1 <= port <= 65535


@given(st.ip_addresses(), st.integers(1, 65535))
def test_every_address_is_taken_in_brackets(address: object, port: int) -> None:
    assert parse_target(f"[{address}]:{port}", 25) == (str(address), port)
    assert parse_target(str(address), port) == (str(address), port)


def test_a_port_is_a_number_or_a_name() -> None:
    assert [parse_port(name) for name in ("25", "smtps", "submissions", "lmtp", "00587")] == [25, 465, 465, 24, 587]


@pytest.mark.parametrize(
    ("text", "local"), [("127.0.0.1", ("127.0.0.1", 0)), ("127.0.0.1:99", ("127.0.0.1", 99)), ("[::1]:9", ("::1", 9))]
)
def test_a_local_address(text: str, local: tuple[str, int]) -> None:
    assert parse_local(text) == local


@pytest.mark.parametrize("text", ["localhost", "127.0.0.1:0", "", "eth0:25"])
def test_a_local_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        parse_local(text)


@pytest.mark.parametrize(
    ("text", "seconds"), [("30", 30.0), ("30s", 30.0), ("2m", 120.0), ("1h", 3600.0), ("0", 0.0), ("1.5", 1.5)]
)
def test_a_time(text: str, seconds: float) -> None:
    assert parse_seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "-1", "5d", "1m30s", "inf", "nan", "1e9", "9" * 400, "٣", " 30", "30 s", "."])
def test_what_is_not_a_time(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time: write 30, 30s, 2m or 1h, or 0 for no limit"):
        parse_seconds(text)


def test_only_lists_of_known_mechanisms_are_one() -> None:
    assert parse_mechanisms("plain") == ("PLAIN",)
    assert parse_mechanisms("Cram-MD5,LOGIN") == ("CRAM-MD5", "LOGIN")
    assert [parse_mechanisms(text) for text in ("", "PLAIN,", "mail.example.org", "PLAIN,GSSAPI", "PLAIN LOGIN")] == [
        None
    ] * 5


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("alice@example.org", "alice@example.org"),
        ("<alice@example.org>", "alice@example.org"),
        (" alice@example.org ", "alice@example.org"),
        ("<>", ""),
        ("", ""),
        ("postmaster", "postmaster"),
        ('"a>b"@example.org', '"a>b"@example.org'),
        ("jürgen@münchen.example", "jürgen@münchen.example"),
    ],
)
def test_an_address(text: str, mailbox: str) -> None:
    assert parse_mailbox(text) == mailbox


@pytest.mark.parametrize(
    "text", ["a@x> SIZE=1", "<a@x", "a@x>", "<<a@x>>", "a@x\r\nRCPT TO:<b@x>", "a\x00@x", "a\x1b[2J@x", "a\u2028@x"]
)
def test_an_address_that_would_say_more_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"break out of its angle brackets|line break or a control character"):
        parse_mailbox(text)


@given(st.text())
def test_an_address_that_is_taken_stays_in_its_line_and_brackets(text: str) -> None:
    try:
        mailbox = parse_mailbox(text)
    except ValueError:
        return
    mailbox.encode()
    assert not set(mailbox) & set("\r\n\0\x1b")
    assert mailbox.count(">") == 0 or '"' in mailbox


def test_text_that_is_taken_is_returned() -> None:
    assert check_text("ho st", "name") == "ho st"
    with pytest.raises(ValueError, match=r"The name has a line break or a control character in it \(U\+007F\)"):
        check_text("\x7f", "name")
