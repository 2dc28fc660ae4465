"""Message text on its way: blocks, refusals before the dot, servers that do not read, and the replies to the dot."""

from __future__ import annotations

import asyncio
import io
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from servers.scripted import END_OF_DATA, Peer
from smtp.events_seen import DATA, EHLO, GREETING, MAIL, RCPT, C, Talk, greet_to_data, talking, to_data
from smtp.test_message import on_the_wire
from smtpscope.smtp.errors import ConnectionLost, NotConnected, TransportError
from smtpscope.smtp.events import Asked, Closed, Failed, Issued, Progress, Received, Sent, TimedOut
from smtpscope.smtp.message import BLOCK


async def take_a_message(peer: Peer) -> None:
    """A server that knows the end of the data for an empty message too, and says that it has it."""
    await greet_to_data(peer)
    while await peer.line() != b".":
        pass
    await peer.send(b"250 2.0.0 queued as 4711\r\n")
    await peer.gone()


TO_DATA = [GREETING, EHLO, MAIL, RCPT, DATA]
MESSAGE = [*TO_DATA, (END_OF_DATA, b"250 2.0.0 queued as 4711\r\n")]
LARGE = 16 * 1024 * 1024


class Endless(io.RawIOBase):
    """A file of so many lines, none of which is kept, that counts what is read of it."""

    def __init__(self, size: int, line: bytes = b"0123456789abcde" * 4 + b"xyz\n") -> None:
        self.left, self.line, self.given = size, line, 0

    def read(self, size: int = -1) -> bytes:
        taken = min(size, self.left)
        self.left -= taken
        self.given += taken
        return (self.line * (taken // len(self.line) + 1))[:taken]


def text_on_the_wire(talk: Talk) -> bytes:
    return talk.server.received.partition(b"DATA\r\n")[2]


def stalled(talk: Talk) -> bool:
    """Whether the kernel takes no more."""
    wire = talk.transport._wire
    return wire is not None and wire.wire_full is not None


@pytest.mark.parametrize(
    "text", [b"Subject: x\n\n.\n..a\r\nb", b"", b"\r", b".", b"a\r\n.\r\n", b"x" * (BLOCK - 1) + b"\r\n.y"]
)
@pytest.mark.parametrize("as_file", [False, True])
async def test_the_text_arrives_as_rfc_5321_has_it_and_the_dot_behind_it(text: bytes, as_file: bool) -> None:
    async with talking(take_a_message) as talk:
        await to_data(talk)
        replies = await talk.transport.send_data_stream(io.BytesIO(text) if as_file else text)
        assert [reply.text for reply in replies] == ["2.0.0 queued as 4711"]
        assert text_on_the_wire(talk) == on_the_wire(text) + b".\r\n"
        assert talk.here() is C.SEND_MESSAGE
        assert talk.machine.facts.done == "accepted"


async def test_progress_counts_octets_on_the_wire_to_the_last() -> None:
    text = b".234567\n" * (3 * BLOCK // 8)
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        await talk.transport.send_data_stream(text)
        progress = talk.seen.of(Progress)
        assert [event.total for event in progress] == [len(text)] * 4
        assert [event.done for event in progress] == [False, False, False, True]
        sizes = [event.sent for event in progress]
        assert sizes == sorted(sizes)
        assert sizes[-1] == len(on_the_wire(text))


async def test_a_held_dot_waits_for_its_command() -> None:
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        assert await talk.transport.send_data_stream(b"hi", hold_dot=True) == []
        assert talk.here() is C.SEND_STREAM
        assert text_on_the_wire(talk) == b"hi\r\n" or talk.seen.sent.endswith(b"hi\r\n")
        assert [reply.code for reply in await talk.transport.command_dot()] == [250]
        assert text_on_the_wire(talk) == b"hi\r\n.\r\n"


async def test_more_text_may_follow_while_the_dot_is_held() -> None:
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        await talk.transport.send_data_stream(b"one", hold_dot=True)
        await talk.transport.send_data_stream(b".two")
        assert text_on_the_wire(talk) == b"one\r\n..two\r\n.\r\n"


async def test_a_dot_without_text_is_an_empty_message() -> None:
    async with talking(take_a_message) as talk:
        await to_data(talk)
        assert [reply.code for reply in await talk.transport.command_dot()] == [250]
        assert text_on_the_wire(talk) == b".\r\n"


async def test_a_stream_goes_on_where_raw_text_stopped_and_the_dot_ends_the_line() -> None:
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        assert await talk.transport.raw(b"Subject: raw\r\n\r\nhalf a line") is None
        await talk.transport.send_data_stream(b".rest\n.next", hold_dot=True)
        assert await talk.transport.raw(b"and raw") is None
        await talk.transport.command_dot()
        assert text_on_the_wire(talk) == b"Subject: raw\r\n\r\nhalf a line.rest\r\n..next\r\nand raw\r\n.\r\n"


async def test_a_second_dot_while_the_first_is_owed_is_a_line_of_its_own() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        assert await peer.read_exactly(10) == b"text\r\n.\r\n."
        await peer.send(b"250 queued\r\n500 what?\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await to_data(talk)
        first = asyncio.ensure_future(talk.transport.send_data_stream(b"text"))
        await talk.seen.until(lambda: any(entry.kind == "DOT" for entry in talk.machine.pending))
        second = asyncio.ensure_future(talk.transport.command_dot())
        assert [reply.text for reply in [*await first, *await second]] == ["queued", "what?"]
        assert talk.seen.sent.endswith(b"DATA\r\ntext\r\n.\r\n.\r\n")


async def test_a_dot_after_the_message_is_the_dot_alone() -> None:
    async with talking([*MESSAGE, (b".", b"500 what?\r\n")]) as talk:
        await to_data(talk)
        await talk.transport.send_data_stream(b"text")
        assert [reply.code for reply in await talk.transport.command_dot()] == [500]
        assert talk.server.received.endswith(b"text\r\n.\r\n.\r\n")


# -- replies to the dot


async def test_lmtp_gives_a_reply_for_each_accepted_recipient() -> None:
    script: list[tuple[bytes | None, bytes]] = [
        GREETING,
        (b"LHLO", b"250 hi\r\n"),
        MAIL,
        RCPT,
        RCPT,
        DATA,
        (END_OF_DATA, b"250 for b\r\n450 for c\r\n"),
    ]
    async with talking(script) as talk:
        await to_data(talk, recipients=2, hello="LHLO")
        replies = await talk.transport.send_data_stream(b"text")
        assert [reply.text for reply in replies] == ["for b", "for c"]
        assert talk.machine.facts.done == "partly (1 of 2)"


async def test_prdr_gives_a_reply_for_each_recipient_and_one_for_the_whole() -> None:
    script = [GREETING, EHLO, MAIL, RCPT, RCPT, DATA, (END_OF_DATA, b"353 hold\r\n250 b\r\n550 c\r\n250 all\r\n")]
    async with talking(script) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.command_mail("a@b", "PRDR")
        for path in ("b@mail.test", "c@mail.test"):
            await talk.transport.command_rcpt(path)
        await talk.transport.command_data()
        replies = await talk.transport.send_data_stream(b"text")
        assert [reply.text for reply in replies] == ["b", "c", "all"]
        assert talk.machine.facts.done == "partly (1 of 2)"


async def test_an_odd_reply_code_among_those_of_lmtp_does_not_end_the_waiting() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer, recipients=2, hello=b"LHLO")
        await peer.read_until(END_OF_DATA)
        await peer.send(b"334 for b\r\n")
        await peer.send(b"250 for c\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await to_data(talk, recipients=2, hello="LHLO")
        assert [reply.code for reply in await talk.transport.send_data_stream(b"text")] == [334, 250]


async def test_chunks_go_out_octet_by_octet_as_they_are() -> None:
    async def handler(peer: Peer) -> None:
        await peer.send(b"220 hi\r\n")
        for _ in range(3):
            await peer.line()
            await peer.send(b"250 ok\r\n")
        assert await peer.read_exactly(14) == b"BDAT 6\r\n.\n\r\r\n\0"
        await peer.send(b"250 chunk\r\n")
        assert await peer.read_exactly(15) == b"BDAT 2 LAST\r\n.\n"
        await peer.send(b"250 queued\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await talk.transport.command_ehlo("me.test")
        await talk.transport.command_mail("a@b")
        await talk.transport.command_rcpt("c@d")
        assert [reply.text for reply in await talk.transport.bdat(b".\n\r\r\n\0")] == ["chunk"]
        assert [reply.text for reply in await talk.transport.bdat(b".\n", last=True)] == ["queued"]
        assert talk.here() is C.SEND_MESSAGE


# -- large messages


async def test_a_large_message_goes_through_in_flat_memory_and_in_blocks() -> None:
    wire = LARGE // 64 * 65  # every LF becomes CRLF
    tail = b""

    async def handler(peer: Peer) -> None:
        nonlocal tail
        await greet_to_data(peer)
        left = wire
        while left > 0:
            data = await peer.read_some()
            left -= len(data)
            tail = (tail + data)[-8:]
            peer.server._received.clear()  # it is 16 MiB, and this is about memory
        if not tail.endswith(b"\r\n.\r\n"):
            await peer.read_until(b".\r\n")
        await peer.send(b"250 queued\r\n")
        await peer.gone()

    async with talking(handler, same=False) as talk:
        await to_data(talk)
        sizes: list[int] = []
        talk.transport.listeners[:] = [lambda e: sizes.append(len(e.data)) if isinstance(e, Sent) else None]
        tracemalloc.start()
        try:
            replies = await talk.transport.send_data_stream(cast(BinaryIO, Endless(LARGE)), LARGE)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert [reply.text for reply in replies] == ["queued"]
        assert sum(sizes) == wire + 3
        assert max(sizes) <= 2 * BLOCK
        assert peak < 24 * BLOCK  # 6 MiB, of which the server's end has its share


# -- a refusal before the dot


async def refuse_early(peer: Peer) -> None:
    """A server that refuses when the first block has come, reads on, and answers a dot."""
    await greet_to_data(peer)
    await peer.read_some()
    await peer.send(b"552 5.3.4 too big\r\n")
    while not (await peer.read_some()).endswith(b".\r\n"):
        pass
    await peer.send(b"250 and yet\r\n")
    await peer.gone()


async def test_an_early_refusal_stops_the_stream_and_dropping_is_the_safe_answer() -> None:
    async with talking(refuse_early, 0, same=False) as talk:
        await to_data(talk)
        source = Endless(LARGE)
        with pytest.raises(ConnectionLost, match="dropped; the message was not sent to its end"):
            await talk.transport.send_data_stream(cast(BinaryIO, source), LARGE)
        question = talk.seen.of(Asked)[0]
        assert (question.kind, question.text) == ("early", "the server said 552 before the dot")
        assert question.answers == ("drop", "go on with the text", "send the dot now")
        assert source.given < LARGE
        assert talk.seen.ends == ["dropped"]
        assert talk.machine.facts.done != "accepted"


async def test_after_an_early_refusal_the_text_can_go_on() -> None:
    async with talking(refuse_early, 1) as talk:
        await to_data(talk)
        source = Endless(LARGE)
        replies = await talk.transport.send_data_stream(cast(BinaryIO, source))
        assert [reply.text for reply in replies] == ["and yet"]
        assert source.left == 0
        assert talk.seen.questions == [("early", 1)]  # asked once
        assert [event.line for event in talk.seen.of(Issued)][-3:] == ["message text", "message text, on", "."]


async def test_after_an_early_refusal_the_dot_can_be_sent_at_once() -> None:
    async with talking(refuse_early, 2) as talk:
        await to_data(talk)
        source = Endless(LARGE, b"abc")
        replies = await talk.transport.send_data_stream(cast(BinaryIO, source), LARGE, hold_dot=True)
        assert [reply.text for reply in replies] == ["and yet"]
        assert source.left > 0
        assert talk.seen.sent.endswith(b"\r\n.\r\n")  # the line was not at its end


async def test_a_refusal_that_came_before_the_first_octet_is_asked_about_too() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.send(b"550 no\r\n")
        await peer.gone()

    async with talking(handler, 0) as talk:
        await to_data(talk)
        await talk.seen.receives(b"550 no\r\n")
        with pytest.raises(ConnectionLost):
            await talk.transport.send_data_stream(b"text")
        assert talk.seen.sent.endswith(b"DATA\r\n")
        assert talk.seen.questions == [("early", 0)]


async def test_a_refusal_of_one_message_is_not_asked_about_in_the_next() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.send(b"550 early\r\n")
        assert await peer.line() == b"."
        await peer.send(b"550 no\r\n")
        for _ in range(2):
            await peer.line()
            await peer.send(b"250 ok\r\n")
        await peer.line()
        await peer.send(b"354 go\r\n")
        await peer.read_until(END_OF_DATA)
        await peer.send(b"250 queued\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await to_data(talk)
        await talk.seen.receives(b"550 early\r\n")
        assert [reply.code for reply in await talk.transport.command_dot()] == [550]
        replies = await talk.transport.send_message("a@b", ["c@d"], b"text")
        assert [reply.code for reply in replies] == [250]
        assert talk.seen.questions == []


async def test_an_early_yes_does_not_stop_the_text_and_is_not_the_verdict() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.send(b"250 early\r\n")
        await peer.read_until(END_OF_DATA)
        await peer.send(b"550 no\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await to_data(talk)
        await talk.seen.receives(b"250 early\r\n")
        assert [reply.code for reply in await talk.transport.send_data_stream(b"text")] == [550]
        assert talk.seen.questions == []


async def test_a_refusal_by_a_server_that_reads_no_more_is_heard_at_once() -> None:
    """The usual way: 552, and then nothing is read any more. The time for a block is not waited for."""
    full, done = asyncio.Event(), asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await full.wait()
        await peer.send(b"552 5.3.4 too big\r\n")
        await done.wait()

    async with talking(handler, 0, timeout=60.0, same=False) as talk:
        await to_data(talk)
        sending = asyncio.ensure_future(talk.transport.send_data_stream(cast(BinaryIO, Endless(4 * LARGE))))
        await talk.seen.until(lambda: stalled(talk))
        full.set()
        with pytest.raises(ConnectionLost):
            await sending
        assert talk.seen.questions == [("early", 0)]
        assert talk.seen.of(TimedOut) == []
        assert talk.seen.of(Closed)[0].unsent > 0
        done.set()


async def test_a_421_under_the_text_ends_the_stream_at_once() -> None:
    done = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.read_some()
        await peer.send(b"421 going down\r\n")
        await done.wait()

    async with talking(handler, timeout=60.0, same=False) as talk:
        await to_data(talk)
        with pytest.raises(
            ConnectionLost, match="the server closed the session with 421; the message was not sent to its end"
        ):
            await talk.transport.send_data_stream(cast(BinaryIO, Endless(4 * LARGE)), 4 * LARGE)
        assert talk.here() is C.NONE
        assert talk.seen.of(Failed) == []  # there is nothing left that could be done
        done.set()


async def test_a_refusal_under_the_last_block_is_asked_about_before_the_dot() -> None:
    full, done = asyncio.Event(), asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await full.wait()
        await peer.send(b"552 5.3.4 too big\r\n")
        await done.wait()

    text = b"x" * 63 + b"\n"
    async with talking(handler, 0, timeout=None, same=False) as talk:
        await to_data(talk)
        wire = talk.transport._wire
        assert wire is not None
        while wire.wire_full is None:  # fill the kernel's buffers, so that the stream's only block is stuck
            talk.transport.send_raw(text * 4096)
        sending = asyncio.ensure_future(talk.transport.send_data_stream(text))
        await talk.seen.until(lambda: talk.machine.facts.streaming)
        full.set()
        with pytest.raises(ConnectionLost, match="dropped"):
            await sending
        assert talk.seen.questions == [("early", 0)]
        assert b"\r\n.\r\n" not in talk.seen.sent[-300:]
        done.set()


# -- a server that does not read


@pytest.mark.parametrize("tls", [False, True])
async def test_a_server_that_stops_reading_is_asked_about_and_may_read_on(tls: bool) -> None:
    read_on = asyncio.Event()
    size = 24 * 1024 * 1024  # more than any socket buffer takes

    async def handler(peer: Peer) -> None:
        if tls:
            await peer.starttls()
        await greet_to_data(peer)
        await read_on.wait()
        last = b""
        while not last.endswith(b"\r\n.\r\n"):
            last = (last + await peer.read_some())[-5:]
            peer.server._received.clear()
        await peer.send(b"250 queued\r\n")
        await peer.gone()

    async with talking(handler, *[0] * 1000, same=False, implicit_tls=tls, insecure=True) as talk:
        await to_data(talk)
        talk.transport.timeout = 0.2
        sending = asyncio.ensure_future(talk.transport.send_data_stream(cast(BinaryIO, Endless(size)), hold_dot=True))
        timed_out = await talk.seen.first(TimedOut)
        assert timed_out.seconds == 0.2
        assert (await talk.seen.first(Asked)).text == "the server has stopped reading the message"
        await talk.seen.until(lambda: talk.seen.of(Issued)[-1].line == "message text, on")
        assert talk.machine.facts.streaming
        read_on.set()
        await sending
        talk.transport.timeout = None
        assert [reply.text for reply in await talk.transport.command_dot()] == ["queued"]


async def test_a_server_that_stops_reading_can_be_dropped_and_what_was_not_sent_is_counted() -> None:
    done = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await done.wait()

    async with talking(handler, 1, timeout=0.2, same=False) as talk:
        await to_data(talk)
        with pytest.raises(ConnectionLost, match="dropped; the message was not sent to its end"):
            await talk.transport.send_data_stream(cast(BinaryIO, Endless(4 * LARGE)))
        assert talk.seen.questions == [("stalled", 1)]
        assert talk.seen.of(Closed)[0].unsent > 0
        done.set()


async def test_a_reset_under_the_text_counts_what_was_not_sent() -> None:
    full = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await full.wait()
        peer.reset()

    async with talking(handler, same=False) as talk:
        await to_data(talk)
        sending = asyncio.ensure_future(talk.transport.send_data_stream(cast(BinaryIO, Endless(4 * LARGE))))
        await talk.seen.until(lambda: stalled(talk))
        full.set()
        with pytest.raises(
            ConnectionLost, match="the server reset the connection; the message was not sent to its end"
        ):
            await sending
        assert talk.seen.of(Closed)[0].unsent > 0
        assert talk.here() is C.NONE


# -- a stream that ends early


class Failing(io.RawIOBase):
    """A file that cannot be read to its end."""

    def __init__(self, *pieces: bytes, error: Exception) -> None:
        self.pieces: Iterator[bytes] = iter(pieces)
        self.error = error

    def read(self, size: int = -1) -> bytes:
        if (piece := next(self.pieces, None)) is None:
            raise self.error
        return piece


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(5, "Input/output error"), "input/output error"),
        (ValueError("I/O operation on closed file."), "i/O operation on closed file"),
    ],
)
async def test_a_message_that_cannot_be_read_to_its_end_leaves_the_choice(error: Exception, words: str) -> None:
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        with pytest.raises(TransportError, match="the message cannot be read"):
            await talk.transport.send_data_stream(cast(BinaryIO, Failing(b"half", error=error)))
        reason = f"the message cannot be read ({words}): send the dot as it is, or drop"
        assert talk.seen.of(Failed) == [Failed(talk.seen.of(Failed)[0].time, C.SEND_STREAM, reason)]
        assert talk.here() is C.DATA
        assert not talk.machine.facts.streaming
        assert [reply.code for reply in await talk.transport.command_dot()] == [250]
        assert text_on_the_wire(talk) == b"half\r\n.\r\n"


async def test_a_file_that_is_a_folder_or_closed_sends_nothing(tmp_path: Path) -> None:
    file = tmp_path / "message"
    file.write_bytes(b"text")
    closed = file.open("rb")
    closed.close()
    async with talking(TO_DATA) as talk:
        await to_data(talk)
        with pytest.raises(TransportError, match="cannot be read"):
            await talk.transport.send_data_stream(closed)
        assert talk.seen.sent.endswith(b"DATA\r\n")


async def test_a_stream_that_is_stopped_does_not_look_alive() -> None:
    async with talking(refuse_early, same=False) as talk:
        await to_data(talk)
        sending = asyncio.ensure_future(talk.transport.send_data_stream(cast(BinaryIO, Endless(LARGE))))
        await talk.seen.first(Asked)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        assert not talk.machine.facts.streaming
        assert talk.seen.of(Failed)[0].reason == "the message text was cut off: send the dot as it is, or drop"
        assert [reply.text for reply in await talk.transport.command_dot()] == ["and yet"]


async def test_nothing_comes_between_while_the_text_is_on_its_way() -> None:
    done = asyncio.Event()

    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await done.wait()

    async with talking(handler, same=False) as talk:
        await to_data(talk)
        sending = asyncio.ensure_future(talk.transport.send_data_stream(cast(BinaryIO, Endless(4 * LARGE))))
        await talk.seen.until(lambda: stalled(talk))
        sent = len(talk.seen.of(Sent))
        calls: list[Any] = [
            lambda: talk.transport.command_dot(),
            lambda: talk.transport.raw(b".\r\n"),
            lambda: talk.transport.custom("NOOP"),
            lambda: talk.transport.send_data_stream(b"more"),
        ]
        for call in calls:
            with pytest.raises(TransportError):
                await call()
        assert len(talk.seen.of(Sent)) == sent
        talk.transport.drop()
        with pytest.raises(ConnectionLost, match="dropped"):
            await sending
        done.set()


async def test_without_a_connection_there_is_no_stream() -> None:
    async with talking(TO_DATA) as talk:
        await to_data(talk)
        talk.transport.drop()
        with pytest.raises(NotConnected):
            await talk.transport.send_data_stream(b"text")
        assert talk.seen.of(Received)


# -- raw text


async def test_a_look_alike_of_the_end_of_data_is_text_until_the_server_answers() -> None:
    async def handler(peer: Peer) -> None:
        await greet_to_data(peer)
        await peer.read_until(b"\n.\n")
        await peer.send(b"250 smuggled\r\n")
        await peer.gone()

    async with talking(handler) as talk:
        await to_data(talk)
        reply = await talk.transport.raw(b"Subject: x\r\n\r\nhi\n.\n")
        assert reply is not None
        assert reply.text == "smuggled"
        assert talk.here() is C.SEND_MESSAGE


async def test_nobody_waits_for_a_look_alike_when_the_real_dot_has_gone_out() -> None:
    async with talking(MESSAGE) as talk:
        await to_data(talk)
        perhaps = asyncio.ensure_future(talk.transport.raw(b"hi\n.\nand on\r\n"))
        await talk.seen.until(lambda: talk.machine.pending)
        assert [reply.code for reply in await talk.transport.command_dot()] == [250]
        with pytest.raises(TransportError, match="gets no reply"):
            await perhaps
