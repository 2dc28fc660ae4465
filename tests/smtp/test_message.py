"""Message text: line ends, dots, and however it is cut."""

from __future__ import annotations

import io
import re
from datetime import UTC, datetime
from email import message_from_bytes, policy
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from smtpscope.smtp.message import BLOCK, Stuffer, blocks, sample_message

TEXT = st.text("a.\r\n\0", max_size=60).map(str.encode)
CUTS = st.lists(st.integers(0, 60), max_size=8)


def on_the_wire(text: bytes) -> bytes:
    """What RFC 5321 2.3.8 and 4.5.2 ask for, the slow way: a line at a time."""
    lines = re.split(rb"\r\n|\r|\n", text)
    if lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines)


def cut(text: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(text), *(each for each in cuts if each < len(text))})
    return [text[start:end] for start, end in pairwise(places)]


def stuffed(pieces: list[bytes], line_start: bool = True) -> bytes:
    stuffer = Stuffer(line_start)
    return b"".join(map(stuffer.feed, pieces)) + stuffer.finish()


@given(text=TEXT, cuts=CUTS)
@example(text=b"", cuts=[])
@example(text=b"\r", cuts=[])
@example(text=b"\r\r\n.\r\n", cuts=[1, 2, 3, 4, 5])
@example(text=b"\n\r.\r", cuts=[1, 2, 3])
def test_text_on_the_wire_is_the_same_however_it_is_cut(text: bytes, cuts: list[int]) -> None:
    wire = stuffed(cut(text, cuts))
    assert wire == on_the_wire(text)
    assert b"\r\n.\r\n" not in b"\r\n" + wire  # the end of data is ours to send
    assert re.search(rb"\r(?!\n)|(?<!\r)\n", wire) is None  # nor one that only some servers take for it
    assert wire == b"" or wire.endswith(b"\r\n")


@given(text=TEXT, cuts=CUTS)
def test_what_a_server_makes_of_it_is_the_text(text: bytes, cuts: list[int]) -> None:
    received = re.sub(rb"^\.", b"", stuffed(cut(text, cuts)), flags=re.MULTILINE)
    assert received.splitlines() == text.splitlines()


def test_every_cut_of_every_kind_of_line_end() -> None:
    text = b".\r\n..\n.\r.a\r\r\n\n\r.b"
    for first in range(len(text) + 1):
        for second in range(first, len(text) + 1):
            assert stuffed([text[:first], text[first:second], text[second:]]) == on_the_wire(text)


def test_text_that_goes_on_in_a_line_keeps_its_first_dot() -> None:
    assert stuffed([b".rest\n.next"], line_start=False) == b".rest\r\n..next\r\n"
    assert stuffed([], line_start=False) == b"\r\n"


def test_a_stuffer_can_begin_again_when_it_has_finished() -> None:
    stuffer = Stuffer()
    assert stuffer.feed(b"a\r") + stuffer.finish() == b"a\r\n"
    assert stuffer.feed(b".b") + stuffer.finish() == b"..b\r\n"


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK])
def test_blocks_are_the_text_of_octets_and_of_a_file_alike(size: int) -> None:
    text = bytes(range(256)) * (size // 256) + bytes(size % 256)
    assert list(blocks(text)) == list(blocks(io.BytesIO(text)))
    assert b"".join(blocks(text)) == text
    assert all(0 < len(block) <= BLOCK for block in blocks(text))


def test_the_sample_message_is_a_message() -> None:
    now = datetime(2026, 11, 22, 3, 4, 5, tzinfo=UTC)
    text = sample_message("alice@example.org", ["bob@example.org", "eve@example.org"], now)
    message = message_from_bytes(text, policy=policy.default)
    assert message["From"].addresses[0].addr_spec == "alice@example.org"
    assert [address.addr_spec for address in message["To"].addresses] == ["bob@example.org", "eve@example.org"]
    assert message["Date"].datetime == now
    assert re.fullmatch(r"<[^<>@\s]+@example\.org>", message["Message-ID"])
    assert not message.defects
    assert text == on_the_wire(text)
    assert b"\r\n\r\nThis is a test message" in text


def test_the_sample_message_without_sender_or_recipient() -> None:
    message = message_from_bytes(sample_message("", [], datetime.now(UTC)), policy=policy.default)
    assert message["From"].addresses[0].addr_spec == "postmaster@localhost"
    assert [group.display_name for group in message["To"].groups] == ["undisclosed-recipients"]
    assert message["Message-ID"].endswith("@localhost>")


def test_the_sample_message_takes_no_second_header_field_from_an_address() -> None:
    text = sample_message("a@b\r\nBcc: <eve@example.org>", ["c@d\nX: y"], datetime.now(UTC))
    assert set(message_from_bytes(text).keys()) == {"Date", "From", "To", "Subject", "Message-ID"}


@pytest.mark.parametrize("domain", ["müller.example", "[192.0.2.1]", "a b", "x>y", ""])
def test_the_message_id_is_one_whatever_the_sender(domain: str) -> None:
    text = sample_message(f"a@{domain}", ["c@d"], datetime.now(UTC))
    found = re.search(rb"^Message-ID: <([^<>\s]+)@([^<>\s@]+)>\r$", text, re.MULTILINE)
    assert found
