"""Whole sessions with servers that were not written for a test: Postfix, and the practice server."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from servers.postfix import Postfix
from smtp.events_seen import LIMIT, C, Seen
from smtp.wiretap import events_on_the_wire, tapped
from smtpscope.demo.server import PracticeServer
from smtpscope.smtp.events import Closed, Secured
from smtpscope.smtp.transport import SMTPTransport

ADDED = {b"return-path", b"x-original-to", b"delivered-to", b"received"}
"""The header fields that delivery puts in front of a message."""

BODY = (
    b"\r\nA line\r\n.\r\n..\r\n.dot at the start\r\n\r\n"
    + "ünïcödé \U0001f4e7\r\n".encode()
    + b"\ttabs and trailing blanks  \r\n"
    + b"x" * 990
    + b"\r\n.\r\n"
)


def message(subject: str, body: bytes = BODY) -> bytes:
    return (
        f"Date: Sun, 22 Nov 2026 03:04:05 +0000\r\nFrom: <alice@mail.test>\r\nTo: <bob@mail.test>\r\n"
        f"Subject: {subject}\r\nMessage-ID: <{subject}@mail.test>\r\n"
    ).encode() + body


def without_what_was_added(delivered: bytes) -> bytes:
    """The message without the header fields that delivery put in front of it."""
    while match := re.match(rb"([^:\n]+):[^\n]*\n(?:[ \t][^\n]*\n)*", delivered):
        if match.group(1).lower() not in ADDED:
            break
        delivered = delivered[match.end() :]
    return delivered


def here(transport: SMTPTransport) -> C:
    return transport.machine.here


@pytest.fixture
async def seen() -> Seen:
    return Seen()


@pytest.fixture
async def transport(seen: Seen) -> AsyncIterator[SMTPTransport]:
    """A transport that fails the test where it hangs."""
    async with asyncio.timeout(3 * LIMIT):
        transport = SMTPTransport(seen, timeout=LIMIT)
        yield transport
        transport.drop()


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
@pytest.mark.parametrize("implicit", [False, True])
async def test_a_session_with_postfix(
    postfix: Postfix, transport: SMTPTransport, seen: Seen, mechanism: str, implicit: bool
) -> None:
    """TLS verified, AUTH, an out-of-order DATA, a refused recipient, two messages, and RSET in the middle."""
    subjects = [f"{mechanism}-{implicit}-{number}" for number in (1, 2)]
    async with tapped(postfix.smtps_port if implicit else postfix.port) as tap:
        greeting = await transport.connect(
            "localhost", tap.port, implicit_tls=implicit, ca_path=str(postfix.ca_path), want_login=True, family=4
        )
        assert greeting.code == 220
        if not implicit:
            assert (await transport.command_ehlo("me.test")).code == 250
            assert (await transport.starttls()).code == 220
        secured = seen.of(Secured)[0]
        assert (secured.faults, secured.server_name) == ((), "localhost")
        assert (await transport.command_ehlo("me.test")).code == 250
        assert here(transport) is C.EHLO  # a login is wanted
        assert (await transport.command_auth(mechanism, "alice@mail.test", "wrong")).code == 535
        assert (await transport.command_auth(mechanism, "alice@mail.test", "wonderland")).code == 235
        assert here(transport) is C.CONNECTED

        assert (await transport.custom("DATA")).code == 503
        assert here(transport) is C.CONNECTED
        assert (await transport.command_mail("alice@mail.test", "BODY=8BITMIME")).code == 250
        assert (await transport.command_data()).code == 554  # no valid recipients
        assert here(transport) is C.MAIL
        assert (await transport.command_rcpt("reject@mail.test")).enhanced == "5.1.1"
        assert (await transport.command_rcpt("greylist@mail.test")).code == 451
        assert (await transport.command_rcpt("bob@mail.test")).code == 250
        assert (await transport.command_data()).code == 354
        (verdict,) = await transport.send_data_stream(message(subjects[0]))
        assert verdict.code == 250
        assert "queued as" in verdict.text
        assert here(transport) is C.SEND_MESSAGE

        assert (await transport.command_mail("alice@mail.test")).code == 250
        assert (await transport.command_rset()).code == 250
        assert here(transport) is C.CONNECTED
        assert (await transport.command_rcpt("bob@mail.test")).code == 503

        file = message(subjects[1]).replace(b"\r\n", b"\n")
        (verdict,) = await transport.send_message("alice@mail.test", ["bob@mail.test"], file)
        assert verdict.code == 250
        assert (await transport.command_quit()).code == 221
        assert here(transport) is C.NONE
        await tap.ended()
        up, down = events_on_the_wire(seen)
        assert up == bytes(tap.up)
        assert bytes(tap.down).startswith(down)
    for subject in subjects:
        delivered = await asyncio.to_thread(postfix.delivered, f"Subject: {subject}\n".encode())
        assert without_what_was_added(delivered) == message(subject).replace(b"\r\n", b"\n")
    assert b"wonderland" not in repr(seen.events).encode()
    assert all("jump" not in move.jump and not move.jump for move in transport.machine.moves)


@pytest.mark.postfix
async def test_a_large_message_arrives_whole(postfix: Postfix, transport: SMTPTransport, tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(message("large", b"\r\n" + b"".join(b".%d 0123456789abcdef\r\n" % n for n in range(200_000))))
    await transport.connect("localhost", postfix.port, ca_path=str(postfix.ca_path), family=4)
    await transport.command_ehlo("me.test")
    await transport.starttls()
    await transport.command_ehlo("me.test")
    with file.open("rb") as stream:
        (verdict,) = await transport.send_message("", ["bob@mail.test"], stream, file.stat().st_size)
    assert verdict.code == 250
    await transport.disconnect()
    delivered = await asyncio.to_thread(postfix.delivered, b"Subject: large\n", 60.0)
    assert without_what_was_added(delivered) == file.read_bytes().replace(b"\r\n", b"\n")


@pytest.mark.postfix
async def test_pipelined_commands_to_postfix(postfix: Postfix, transport: SMTPTransport) -> None:
    await transport.connect("127.0.0.1", postfix.port)
    await transport.command_ehlo("me.test")
    assert "PIPELINING" in transport.machine.facts.ext
    replies = await asyncio.gather(
        transport.command_mail("alice@mail.test"),
        transport.command_rcpt("reject@mail.test"),
        transport.command_rcpt("bob@mail.test"),
        transport.command_data(),
    )
    assert [reply.code for reply in replies] == [250, 550, 250, 354]
    assert here(transport) is C.DATA
    assert [reply.code for reply in await transport.command_dot()] == [250]


@pytest.mark.postfix
async def test_a_stray_dot_ends_the_session_at_postfix(postfix: Postfix, transport: SMTPTransport, seen: Seen) -> None:
    """It answers 221 and closes, which is no answer to a QUIT of ours."""
    await transport.connect("127.0.0.1", postfix.port)
    await transport.command_ehlo("me.test")
    assert [reply.code for reply in await transport.command_dot()] == [221]
    assert here(transport) is C.NONE
    assert (await seen.first(Closed)).cause == "the server closed the session with 221"


@pytest.mark.postfix
async def test_chunks_to_postfix(postfix: Postfix, transport: SMTPTransport) -> None:
    await transport.connect("127.0.0.1", postfix.port)
    await transport.command_ehlo("me.test")
    await transport.command_mail("alice@mail.test", "BODY=8BITMIME")
    await transport.command_rcpt("bob@mail.test")
    text = message("chunks", b"\r\n.\r\nnot stuffed\r\n")
    assert [reply.code for reply in await transport.bdat(text[:30])] == [250]
    assert (await transport.command_rcpt("late@mail.test")).code == 503
    assert [reply.code for reply in await transport.bdat(text[30:], last=True)] == [250]
    assert here(transport) is C.SEND_MESSAGE
    delivered = await asyncio.to_thread(postfix.delivered, b"Subject: chunks\n")
    assert without_what_was_added(delivered) == text.replace(b"\r\n", b"\n")


@pytest.mark.postfix
async def test_what_is_typed_into_message_text_is_message_text(postfix: Postfix, transport: SMTPTransport) -> None:
    await transport.connect("127.0.0.1", postfix.port)
    await transport.command_ehlo("me.test")
    await transport.command_mail("alice@mail.test")
    await transport.command_rcpt("bob@mail.test")
    await transport.raw(b"DATA\r\n")
    for line in (b"Subject: typed\r\n", b"\r\n", b"QUIT\r\n", b"RSET\r\n"):
        assert await transport.raw(line) is None
    reply = await transport.raw(b".\r\n")
    assert reply is not None
    assert reply.code == 250
    delivered = await asyncio.to_thread(postfix.delivered, b"Subject: typed\n")
    assert delivered.endswith(b"\n\nQUIT\nRSET\n")


@pytest.fixture
def practice(tmp_path: Path) -> Iterator[tuple[PracticeServer, str]]:
    """The practice server and the file with its CA."""
    with PracticeServer() as server:
        file = tmp_path / "ca.pem"
        file.write_bytes(server.ca_pem)
        yield server, str(file)


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN", "CRAM-MD5"])
async def test_a_session_with_the_practice_server(
    practice: tuple[PracticeServer, str], transport: SMTPTransport, seen: Seen, mechanism: str
) -> None:
    server, ca_path = practice
    await transport.connect(server.name, server.port, ca_path=ca_path, want_login=True)
    await transport.command_ehlo("me.test")
    await transport.starttls()
    assert seen.of(Secured)[0].faults == ()
    await transport.command_ehlo("me.test")
    assert (await transport.command_auth(mechanism, *server.account)).code == 235
    await transport.command_mail("alice@example.org", "BODY=8BITMIME")
    codes = [
        (await transport.command_rcpt(f"{name}@example.org")).code
        for name in ("reject", "greylist", "greylist", "full", "bob")
    ]
    assert codes == [550, 450, 250, 452, 250]
    await transport.command_data()
    (verdict,) = await transport.send_data_stream(message("practice"))
    assert verdict.code == 250
    kept = server.messages[-1]
    assert kept.content == message("practice")
    assert kept.forward_paths == ("greylist@example.org", "bob@example.org")
    assert (await transport.command_rset()).code == 250
    assert (await transport.command_rcpt("bob@example.org")).code == 503
    await transport.command_mail("alice@example.org")
    assert (await transport.command_rcpt("close@example.org")).code == 421
    assert (await seen.first(Closed)).cause == "the server closed the session with 421"
    assert here(transport) is C.NONE
