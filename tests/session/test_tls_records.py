"""A handshake can be looked at record by record and octet by octet, whether it succeeded or not."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from servers import certificates
from servers.scripted import Gone, Peer
from session.driving import driving
from smtpscope.session.recorder import Recorder
from smtpscope.session.tls_records import handshake_lines, handshake_of, records_of
from smtpscope.smtp.events import Cipher, Closed, Failed, Link, LinkStatus, Secured
from smtpscope.smtp.tls_options import TLSOptions


async def starttls(peer: Peer) -> None:
    """A server that is asked for TLS by its first line but one."""
    await peer.send(b"220 mail.test\r\n")
    await peer.line()
    await peer.send(b"250-mail.test\r\n250 STARTTLS\r\n")
    await peer.line()
    await peer.send(b"220 go\r\n")


def shown(recorder: Recorder, index: int) -> list[tuple[str, str]]:
    """Direction and words of each record that is listed for an event."""
    lines = ["".join(text for text, _ in line) for line in handshake_lines(recorder, index)]
    return [(line.split()[1], line.split(maxsplit=3)[3]) for line in lines[1:]]


def place(recorder: Recorder, kind: type) -> int:
    return next(index for index, event in enumerate(recorder) if isinstance(event, kind))


def securing(recorder: Recorder) -> int:
    at = (n for n, event in enumerate(recorder) if isinstance(event, Link) and event.status is LinkStatus.SECURING)
    return next(at)


@pytest.mark.parametrize("version", ["tlsv1_2", "tlsv1_3"])
async def test_a_handshake_is_listed_where_it_begins_and_where_it_ends(version: str, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_bytes(certificates.ca_pem())

    async def handler(peer: Peer) -> None:
        await starttls(peer)
        await peer.starttls()
        await peer.gone()

    options = TLSOptions(protocols=(version,))
    given = {"tls_ca_path": str(tmp_path / "ca.pem"), "tls_options": options, "timeout": 1.0}
    async with driving(handler, tls="starttls", **given) as driven:
        for _ in range(3):
            await driven.do("step")
        recorder = driven.recorder
        listed = shown(recorder, securing(recorder))
        assert shown(recorder, place(recorder, Secured)) == listed
        assert listed[0] == ("->", "ClientHello")
        if version == "tlsv1_3":
            assert listed[1:3] == [("<-", "ServerHello"), ("<-", "ChangeCipherSpec")]
            assert ("->", "encrypted") in listed
        else:
            flight = [("<-", what) for what in ("ServerHello", "Certificate", "ServerKeyExchange", "ServerHelloDone")]
            assert listed[1:5] == flight
            ours = [("->", what) for what in ("ClientKeyExchange", "ChangeCipherSpec", "Handshake, encrypted")]
            assert listed[5:8] == ours
        octets = handshake_of(recorder, securing(recorder))
        assert b"".join(event.data for event in octets if event.outgoing)[:3] == b"\x16\x03\x01"
        later = [place for place, event in enumerate(recorder) if isinstance(event, Closed)]
        assert all(handshake_lines(recorder, index) == [] for index in later)


async def test_a_handshake_that_failed_is_listed_with_what_came() -> None:
    async def handler(peer: Peer) -> None:
        await starttls(peer)
        try:
            await peer.starttls(certificates.server_context("old"))
        except Gone:
            await peer.gone()

    async with driving(handler, tls="starttls") as driven:
        for _ in range(3):
            await driven.do("step")
        await driven.over()
        recorder = driven.recorder
        assert shown(recorder, place(recorder, Failed)) == [
            ("->", "ClientHello"),
            ("<-", "Alert: alert 70, protocol_version"),
        ]


def recorded(*pieces: tuple[bytes, bool]) -> Recorder:
    recorder = Recorder()
    recorder.append(Link(1.0, LinkStatus.SECURING))
    for data, outgoing in pieces:
        recorder.append(Cipher(1.5, data, outgoing))
    recorder.append(Failed(2.0, None, "it failed"))
    return recorder


RETRY = bytes.fromhex("cf21ad74e59a6111be1d8c021e65b891c2a211167abb8c5e079e09e2c8a8339c")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"220 mail.test\r\n", [r"no TLS: 220 mail.test\r\n"]),
        (b"\x16\x03\x03\x00\x04\x0e\x00", ["a piece of a record that never ended"]),
        (b"\x16\x03\x03\x00\x26\x02\x00\x00\x22\x03\x03" + RETRY, ["HelloRetryRequest"]),
        (b"\x15\x03\x03\x00\x02\x01\x70", ["Alert: alert 112, unrecognized_name, a warning"]),
        (b"\x16\x03\x03\x00\x00", ["Handshake, empty"]),
        (b"\x16\x03\x03\x00\x08\x0e\x00\x00\x00\x63\x00\x00\x00", ["ServerHelloDone, message 99"]),
        (b"\x16\x03\x03\x00\x05\x0b\x00\x00\x04A\x16\x03\x03\x00\x02BC\x16\x03\x03\x00\x01D",
         ["Certificate", "more of a message", "the rest of a message"]),
    ],
)  # fmt: skip
@pytest.mark.parametrize("size", [1, 1000])
def test_what_comes_is_told_in_whatever_pieces(data: bytes, what: list[str], size: int) -> None:
    pieces = [(data[at : at + size], False) for at in range(0, len(data), size)]
    recorder = recorded(*pieces)
    assert [words for _, words in shown(recorder, len(recorder) - 1)] == what


@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans()), max_size=6))
def test_any_octets_are_listed_and_safe(pieces: list[tuple[bytes, bool]]) -> None:
    events = [Cipher(1.0, data, outgoing) for data, outgoing in pieces]
    found = records_of(events)
    assert sum(record.length for record in found) == sum(len(data) for data, _ in pieces)
    assert all(record.what.isprintable() and len(record.what) < 300 for record in found)


def test_a_long_handshake_is_cut() -> None:
    recorder = recorded((b"\x14\x03\x03\x00\x01\x01" * 500, False))
    assert len(handshake_lines(recorder, 0)) == 62
    messages = b"\x16\x03\x03\x20\x00" + bytes(8192)
    assert shown(recorded((messages, False)), 0)[0][1].endswith("HelloRequest and 2,040 more")
